"""Why a moment ran or not: each reason is told at its step, with a sentence and a way out."""

from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from agent.definitions import Definition
from agent.expected import Expected, Happened
from agent.rules.why import Explanation, Facts, explain
from agent.runs import Run
from agent.store.facts import is_due
from agent.windows import Closed
from tests.agent.store.makings import a_run, ended

ZONE = "Pacific/Auckland"
MINUTE_MS = 60_000


def ms(text: str, zone: str = ZONE) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


AT_MS = ms("2026-11-24T12:30")
TASK = Definition(
    task_name="sync", schedule=("30 12 * * *",), timezone=ZONE, command="true", overlap="forbid"
)


def facts(definition: Definition | None = TASK, **more: Any) -> Facts:
    values: dict[str, Any] = {
        "task_name": "sync",
        "now_ms": AT_MS + 3_600_000,
        "decided_ms": AT_MS + 3_600_000,
        "definition": definition,
        "tag": "normal",
        **more,
    }
    return Facts(**values)


def told(known: Facts, at_ms: int = AT_MS) -> Explanation:
    return explain(known, at_ms, is_due=partial(is_due, boots=()))


def row(status: str, reason: str | None = None, **fields: Any) -> Run:
    return a_run(AT_MS, task_name="sync", status=status, reason=reason, **fields)


@pytest.mark.parametrize(
    ("status", "reason", "step", "verdict", "words"),
    [
        ("skipped", "disabled", "enabled", "skipped", "switched off"),
        ("skipped", "paused", "paused", "skipped", "paused"),
        ("skipped", "skip_next", "skip_next", "skipped", "left out"),
        ("skipped", "blackout", "blackout", "skipped", "in_blackout = 'skip'"),
        ("skipped", "overlap", "overlap", "skipped", "overlap = 'forbid'"),
        ("skipped", "queue_full", "overlap", "skipped", "overlap = "),
        ("missed", "agent_down", "on_time", "missed", "no agent served"),
        ("missed", "too_late", "on_time", "missed", "start_deadline_s = 3600"),
        ("missed", "clock_jump", "on_time", "missed", "clock was set"),
        ("missed", "suspended", "on_time", "missed", "slept"),
        ("missed", "storage", "on_time", "missed", "no room"),
        ("missed", "catchup_limit", "on_time", "missed", "catchup_limit = 100"),
        ("missed", "a_newer_reason", "on_time", "missed", "a_newer_reason"),
    ],
)
def test_a_reason_is_told_at_the_step_that_it_stops(
    status: str, reason: str, step: str, verdict: str, words: str
) -> None:
    found = told(facts(rows=(row(status, reason),)))

    assert (found.verdict, found.code) == (verdict, reason)
    assert found.steps[-1].code == step
    assert [one.ok for one in found.steps] == [*[True] * (len(found.steps) - 1), False]
    assert words in found.say
    assert found.steps[0].say == "30 12 * * * in Pacific/Auckland names 2026-11-24 12:30"
    assert found.run_id is not None


@pytest.mark.parametrize(
    ("status", "fields", "verdict", "words"),
    [
        ("success", {}, "ran", "ended well after 1.5 s"),
        ("error", {"exit_status": 3}, "failed", "exit status 3"),
        ("error", {"exit_status": None, "signal": 9}, "failed", "signal 9"),
        ("timeout", {}, "failed", "time limit"),
        ("killed_memory", {}, "failed", "memory limit"),
        ("aborted", {"reason": "stuck"}, "failed", "somebody stopped it after 1.5 s: stuck"),
        ("aborted", {"reason": "replaced"}, "failed", "the next run replaced it"),
        ("lost", {}, "failed", "nobody knows"),
    ],
)
def test_an_ending_is_told_with_what_to_look_at(
    status: str, fields: dict[str, Any], verdict: str, words: str
) -> None:
    found = told(facts(rows=(ended(row("running"), status, **fields),)))

    assert found.verdict == verdict
    assert words in found.say
    assert [step.code for step in found.steps[-3:]] == ["claimed", "started", "ended"]
    assert bool(found.advice) == (status != "success")


@pytest.mark.parametrize(
    ("status", "fields", "verdict", "words"),
    [
        ("running", {"started_ms": AT_MS + 20}, "runs", "started 2026-11-24 12:30"),
        ("queued", {}, "waits", "free slot"),
        ("starting", {}, "waits", "being started"),
        ("retry_wait", {"retry_at_ms": AT_MS + 90_000}, "waits", "attempt 1 waits until"),
    ],
)
def test_a_run_that_has_not_ended_is_told_as_far_as_it_is(
    status: str, fields: dict[str, Any], verdict: str, words: str
) -> None:
    found = told(facts(rows=(row(status, **fields),)))

    assert found.verdict == verdict
    assert words in found.say


def test_what_could_not_be_started_says_why() -> None:
    run = row("error", "never_started", note="no such file: x.sh", ended_ms=AT_MS)

    found = told(facts(rows=(run,)))

    assert (found.verdict, found.code) == ("failed", "never_started")
    assert "no such file: x.sh" in found.say
    assert run.id in found.advice


def test_the_last_attempt_counts() -> None:
    first = ended(row("running"), "error")
    second = ended(row("running", attempt=2, trigger="retry"))

    found = told(facts(rows=(first, second)))

    assert (found.verdict, found.run_id) == ("ran", second.id)
    assert "attempt 2" in found.steps[-2].say


def test_a_moment_that_the_full_disk_refused_and_another_try_made_good_did_run() -> None:
    first = row("missed", "storage", ended_ms=AT_MS)
    second = ended(row("running", attempt=2, trigger="retry"))

    found = told(facts(rows=(first, second)))

    assert (found.verdict, found.run_id) == ("ran", second.id)


def test_a_moment_that_the_full_disk_refused_at_each_try_was_missed() -> None:
    first = row("missed", "storage", ended_ms=AT_MS)
    second = row("missed", "storage", attempt=2, trigger="retry", ended_ms=AT_MS)

    found = told(facts(rows=(first, second)))

    assert (found.verdict, found.code) == ("missed", "storage")
    assert "storage" in found.say


def test_the_run_in_the_way_is_named() -> None:
    other = ended(a_run(AT_MS - 60_000, task_name="sync", status="running"), duration_ms=90_000)

    found = told(facts(rows=(row("skipped", "overlap"),), in_way=other))

    assert other.id in found.say
    assert "2026-11-24 12:29" in found.say


def test_a_window_is_named_with_its_end() -> None:
    window = Closed("stocktake", "blackout", AT_MS, AT_MS + 60_000)

    found = told(facts(rows=(row("skipped", "blackout"),), closed=window))

    assert "'stocktake'" in found.say
    assert "until 2026-11-24 12:31" in found.say


def test_what_befell_the_host_is_told() -> None:
    jump = Happened(at_ms=AT_MS - 5, kind="set_forward", message="The clock was set")

    found = told(facts(rows=(row("missed", "clock_jump"),), events=(jump,)))

    assert "The clock was set" in found.say


def test_a_row_that_sums_up_says_for_how_many_it_stands() -> None:
    many = row("missed", "agent_down", missed_count=340, missed_until_ms=AT_MS + 86_400_000)

    found = told(facts(summed=many))

    assert found.verdict == "missed"
    assert "stands for 340 moments" in found.say


@pytest.mark.parametrize(
    ("more", "verdict", "step"),
    [
        ({"enabled": False, "changed_by": "Anna", "changed_ms": 5}, "skipped", "enabled"),
        ({"decided_ms": None}, "undecided", "claimed"),
        ({"decided_ms": AT_MS - 1}, "undecided", "claimed"),
        ({}, "no_row", "claimed"),
    ],
)
def test_a_due_moment_without_a_row_is_explained(
    more: dict[str, Any], verdict: str, step: str
) -> None:
    found = told(facts(**more))

    assert found.verdict == verdict
    assert (found.steps[-1].code, found.steps[-1].ok) == (step, False)
    assert found.advice


@pytest.mark.parametrize(
    ("expected", "verdict", "words"),
    [
        ({"starts_ms": AT_MS, "ends_ms": AT_MS + 90_000}, "will_run", "usually takes 2 min"),
        ({"starts_ms": AT_MS}, "will_run", "not known yet"),
        ({"outcome": "queued", "starts_ms": AT_MS + 60_000, "meets_ms": 5}, "will_run", "12:31"),
        ({"outcome": "skipped", "reason": "paused"}, "will_not_run", "will be paused"),
        ({"outcome": "skipped", "reason": "disabled"}, "will_not_run", "switched off"),
        ({"outcome": "skipped", "reason": "skip_next"}, "will_not_run", "left out"),
        ({"outcome": "skipped", "reason": "blackout"}, "will_not_run", "calendar"),
        (
            {"outcome": "skipped", "reason": "overlap", "meets_ms": AT_MS - 60_000},
            "will_not_run",
            "the run of 2026-11-24 12:29",
        ),
    ],
)
def test_a_moment_to_come_is_told_as_expected(
    expected: dict[str, Any], verdict: str, words: str
) -> None:
    one = Expected(task_name="sync", at_ms=AT_MS, **expected)

    found = told(facts(now_ms=AT_MS - 1, expected=one))

    assert found.verdict == verdict
    assert words in found.say


def test_a_task_that_was_not_there_was_not_due() -> None:
    found = told(facts(None, tag=None, first_known_ms=AT_MS + 60_000))

    assert (found.verdict, found.code) == ("not_due", "not_there")
    assert "known since 2026-11-23 23:31 UTC" in found.say


BERLIN = msgspec.structs.replace(TASK, timezone="Europe/Berlin", schedule=("30 2 * * *",))


@pytest.mark.parametrize(
    ("fields", "at", "code", "words"),
    [
        ({}, "2026-11-24T12:31", "time", "does not name 2026-11-24 12:31"),
        ({"schedule": ("30 12 * * MON",)}, "2026-11-24T12:30", "day", "not on Tuesday, 2026-11-24"),
        ({"schedule": (), "after": ("x",)}, "2026-11-24T12:30", "scheduled", "when x ended"),
        ({"schedule": ()}, "2026-11-24T12:30", "scheduled", "by hand only"),
        ({"valid_from": "2027-01-01"}, "2026-11-24T12:30", "valid", "from 2027-01-01 00:00"),
        ({"valid_until": "2026-11-24T12:30"}, "2026-11-24T12:30", "valid", "before 2026-11-24"),
        (
            {"every_nth": 2, "valid_from": "2026-11-23"},
            "2026-11-24T12:30",
            "every_nth",
            "every_nth = 2",
        ),
    ],
)
def test_an_instant_that_is_not_due_says_what_keeps_it_from_being(
    fields: dict[str, Any], at: str, code: str, words: str
) -> None:
    definition = msgspec.structs.replace(TASK, **fields)
    assert not is_due(definition, ms(at))

    found = told(facts(definition, tag=None, before_ms=5, after_ms=AT_MS + 5), ms(at))

    assert (found.verdict, found.code) == ("not_due", code)
    assert words in found.say
    assert "nearest due moments are" in found.say


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        ("after", "dst_gap = 'after' moved it to 2027-03-28 03:00"),
        ("skip", "dst_gap = 'skip' leaves it out"),
    ],
)
def test_a_time_that_the_clocks_skip_says_where_it_went(gap: str, words: str) -> None:
    definition = msgspec.structs.replace(BERLIN, dst_gap=gap)

    found = told(facts(definition, tag=None), ms("2027-03-28T02:30", "Europe/Berlin"))

    assert found.code == "dst_gap"
    assert "there was no 02:30" in found.say
    assert words in found.say


def test_the_second_of_two_equal_times_says_that_the_first_ran() -> None:
    first_ms = ms("2026-10-25T02:30", "Europe/Berlin")

    found = told(facts(BERLIN, tag=None), first_ms + 3_600_000)

    assert found.code == "dst_fold"
    assert "showed 02:30 twice" in found.say


def test_a_spread_task_says_to_where_its_moment_moved() -> None:
    definition = msgspec.structs.replace(TASK, spread_s=3600)
    assert not is_due(definition, AT_MS)

    found = told(facts(definition, tag=None, after_ms=AT_MS + 65_000), AT_MS)

    assert found.code == "spread"
    assert "2026-11-24 12:31:05" in found.say


def test_an_order_by_hand_says_who_gave_it() -> None:
    run = ended(row("running", trigger="manual", requested_by="Anna"))

    found = told(facts(tag=None, rows=(run,)))

    assert found.verdict == "ran"
    assert found.steps[0].say == "it was ordered by hand by Anna"


WATCH = Definition(
    task_name="sync", kind="watch", schedule=("30 12 * * *",), timezone=ZONE, ping_grace_s=60
)


@pytest.mark.parametrize(
    ("fields", "verdict", "words"),
    [
        ({"status": "queued"}, "waits", "waits for a ping, ping_grace_s = 60"),
        ({"status": "missed", "reason": "no_ping"}, "missed", "within ping_grace_s = 60"),
        ({"status": "success", "ended_ms": AT_MS + 5_000}, "ran", "that it ended well"),
        ({"status": "error", "ended_ms": AT_MS + 5_000}, "failed", "that it failed"),
        ({"status": "skipped", "reason": "disabled"}, "skipped", "switched off"),
    ],
)
def test_of_a_watch_it_is_told_what_the_ping_said_or_that_none_came(
    fields: dict[str, Any], verdict: str, words: str
) -> None:
    found = told(facts(WATCH, rows=(row(**fields),)))

    assert found.verdict == verdict
    assert words in found.say
    assert not any("overlap" in step.say for step in found.steps)


def test_a_ping_that_nobody_waited_for_is_told_as_one() -> None:
    found = told(facts(WATCH, tag=None, rows=(row("success", trigger="ping", ended_ms=AT_MS),)))

    assert found.verdict == "ran"
    assert "no due moment waited for" in found.steps[0].say
