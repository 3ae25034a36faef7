"""Which one state a task is in."""

from typing import get_args

import pytest

from agent.cli import say
from agent.rules import admission
from agent.rules.delivery import REPORT
from agent.rules.why.facts import STOPS
from desktop.states import ending_words, is_late, reason_words, run_look, severity_look, state_of
from tests.desktop.rows_at_hand import NOW_MS, failing, last_run, run, running, task


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (task("a"), "ok"),
        (task("a", last=None), "never"),
        (task("a", last=last_run("aborted")), "stopped"),
        (failing("a"), "failing"),
        (running("a", fails=2), "running"),
        (task("a", state="stopping"), "stopping"),
        (task("a", state="queued"), "queued"),
        (task("a", state="queued", kind="watch"), "awaiting"),
        (task("a", state="queued", kind="watch", fails=1), "failing"),
        (task("a", state="retry_wait", last=last_run("error")), "retrying"),
        (task("a", state="retry_wait", fails=1), "failing"),
        (task("a", paused=True), "paused"),
        (task("a", enabled=False, paused=True), "disabled"),
        (task("a", state="off"), "disabled"),
        (task("a", state="invalid", fails=2), "invalid"),
        (task("a", state="dreaming"), "unknown"),
        (task("a", next_ms=NOW_MS - 60_000), "late"),
        (task("a", next_ms=NOW_MS - 60_000, fails=1), "failing"),
    ],
)
def test_the_worst_that_is_true_is_the_state(row: object, state: str) -> None:
    assert state_of(row, NOW_MS) == state  # type: ignore[arg-type]


def test_a_report_among_the_messages_is_called_one() -> None:
    assert severity_look(REPORT).word == "Report"
    assert severity_look("dreadful").word == "Unknown"


def test_a_moment_just_past_is_not_late_yet() -> None:
    assert not is_late(task("a", next_ms=NOW_MS - 1_000), NOW_MS)
    assert not is_late(task("a", next_ms=NOW_MS - 60_000, paused=True), NOW_MS)


def test_an_ending_says_its_exit_status_or_signal() -> None:
    assert ending_words("error", exit_status=255, signal=None, reason=None) == "exit 255"
    assert ending_words("error", exit_status=None, signal=9, reason=None) == "signal 9"
    assert ending_words("timeout", exit_status=None, signal=15, reason=None) == "timeout"


def test_a_run_that_waits_for_a_ping_is_not_called_queued() -> None:
    assert run_look(run(1, state="queued", result=None, awaits_ping=True)).word == "Awaits ping"
    assert run_look(run(1, state="queued", result=None)).word == "Queued"


def test_a_ping_that_did_not_come_is_why_a_watch_fails() -> None:
    said = ending_words("missed", exit_status=None, signal=None, reason="no_ping")

    assert said == "no ping came in time"


def test_a_reason_nobody_knows_is_shown_as_it_came() -> None:
    assert reason_words("overlap") == "the run before had not ended"
    assert reason_words("solar_flare") == "solar_flare"


@pytest.mark.parametrize(
    "reason", sorted({*say.REASONS, *STOPS, *get_args(admission.Reason), "no_trace"})
)
def test_every_reason_an_agent_writes_has_words(reason: str) -> None:
    words = reason_words(reason)

    assert words
    assert words != reason or " " in words
    assert "_" not in words
