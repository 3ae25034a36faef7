"""Do the pieces that measure what is due at once work, whatever the figures are?"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from bench import burst, costs, notes, ours, peers

FEW = 20


def ours_in_time(
    monkeypatch: pytest.MonkeyPatch, *, is_shell: bool
) -> tuple[notes.Burst, notes.Burst]:
    """With more time to get ready where the host is busy: figures are not what is tried here."""
    for lead_s, between_s in ((ours.LEAD_S, 4), (30, 30)):
        monkeypatch.setattr(ours, "LEAD_S", lead_s)
        monkeypatch.setattr(ours, "BETWEEN_S", between_s)
        with suppress(RuntimeError):
            return ours.bursts(FEW, is_shell=is_shell)
    monkeypatch.setattr(ours, "LEAD_S", 90)
    monkeypatch.setattr(ours, "BETWEEN_S", 90)
    return ours.bursts(FEW, is_shell=is_shell)


@pytest.mark.parametrize("is_shell", [False, True])
def test_every_run_of_the_agent_notes_its_start(
    is_shell: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for found in ours_in_time(monkeypatch, is_shell=is_shell):
        assert len(found.late_ms) == FEW
        assert found.late_ms[0] >= 0
        assert found.cost.own_s > 0


@pytest.mark.parametrize("is_shell", [False, True])
def test_the_bare_loop_starts_as_many(is_shell: bool) -> None:
    found = burst.bare_burst(FEW, is_shell=is_shell)

    assert found.dropped == 0
    assert found.cost.children_s > 0


def test_rounds_hold_each_start_but_those_of_the_first() -> None:
    late_ms = ours.rounds(3, period_s=1, periods=2)

    assert len(late_ms) == 6


def test_a_start_just_before_its_moment_is_told_as_such() -> None:
    assert notes.lateness_ms(8_005_000_000, 4) == 5
    assert notes.lateness_ms(7_995_000_000, 4) == -5


def test_notes_that_never_come_are_dropped_ones(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("1000000\n2000000\n3")

    found = notes.burst(
        3, notes.read(tmp_path / "notes"), due_ns=1_000_000, cost=costs.Cost(0.0, 0.0)
    )

    assert (found.dropped, found.late_ms) == (1, (0.0, 1.0))


def test_a_moment_comes_once_and_soon() -> None:
    moments = [ours.next_moment(after_s) for after_s in range(1_764_000_000, 1_764_000_100)]

    for (due_s, _), (later_s, _) in pairwise(moments):
        assert later_s - due_s <= 60
    assert all(due_s % int(text[len("@every ") : -1]) == 0 for due_s, text in moments)


def test_what_a_process_costs_counts_its_dead_children_apart() -> None:
    before = costs.cost([os.getpid()])
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    spent = costs.cost([os.getpid()]) - before

    assert spent.children_s > 0
    assert spent.own_s < spent.all_s
    assert costs.resident_mb(costs.family(os.getpid())) > 1


@pytest.mark.skipif(not peers.has_apscheduler(), reason="scripts/bench-peers was not run")
def test_apscheduler_does_the_same() -> None:
    assert peers.apscheduler(FEW, is_shell=False).dropped == 0


def test_cron_and_celery_have_time_to_get_ready() -> None:
    asked_s = time.time()
    moment = peers.next_minute()

    assert moment.timestamp() > asked_s + peers.MINUTE_LEAD_S
    assert moment.second == 0
