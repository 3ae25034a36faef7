"""What becomes of coming moments: flags, windows, and runs that meet."""

from itertools import count, islice
from typing import Any

import pytest

from agent.cron.moments import DueMoment
from agent.definitions import Definition
from agent.expected import Expected, Planned
from agent.rules.expecting import expect
from agent.windows import Closed
from tests.agent.store.makings import a_run

MINUTE_MS = 60_000
OPEN = None


def planned(takes: float | None = 1.5, *, live: tuple[Any, ...] = (), **fields: Any) -> Planned:
    flags = {
        name: fields.pop(name)
        for name in ("paused", "paused_until_ms", "skip_until_ms")
        if name in fields
    }
    definition = Definition(task_name="t", schedule=("* * * * *",), command="true", **fields)
    takes_ms = None if takes is None else round(takes * MINUTE_MS)
    return Planned(definition=definition, takes_ms=takes_ms, live=live, **flags)


def minutes(*numbers: int) -> list[DueMoment]:
    return [DueMoment(number * MINUTE_MS) for number in numbers]


def outcomes(task: Planned, *numbers: int, closed: Closed | None = OPEN) -> list[str]:
    def shut(_definition: Definition, at_ms: int) -> Closed | None:
        inside = closed is not None and closed.from_ms <= at_ms < (closed.until_ms or 2**60)
        return closed if inside else None

    found = expect(task, minutes(*numbers), closed=shut, now_ms=0)
    return [one.reason or one.outcome for one in found]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["runs", "overlap", "runs", "overlap"]),
        ({"overlap": "queue"}, ["runs", "queued", "queued", "queued"]),
        ({"overlap": "queue", "takes": 9}, ["runs", "queued", "queue_full", "queue_full"]),
        (
            {"overlap": "queue", "overlap_limit": 2, "takes": 9},
            ["runs", "queued", "queued", "queue_full"],
        ),
        ({"overlap": "allow"}, ["runs", "beside", "beside", "beside"]),
        ({"overlap": "allow", "overlap_limit": 1}, ["runs", "overlap", "runs", "overlap"]),
        ({"overlap": "replace"}, ["replaced", "replaced", "replaced", "replaces"]),
        ({"enabled": False}, ["disabled"] * 4),
        ({"paused": True}, ["paused"] * 4),
        (
            {"paused": True, "paused_until_ms": 3 * MINUTE_MS},
            ["paused", "paused", "runs", "overlap"],
        ),
        ({"skip_until_ms": MINUTE_MS}, ["skip_next", "runs", "overlap", "runs"]),
        ({"takes": None}, ["runs"] * 4),
    ],
)
def test_each_policy_decides_on_runs_longer_than_their_interval(
    fields: dict[str, Any], expected: list[str]
) -> None:
    assert outcomes(planned(**fields), 1, 2, 3, 4) == expected


def test_a_window_skips_or_delays() -> None:
    window = Closed("night", "blackout", MINUTE_MS, 3 * MINUTE_MS)

    skipping = outcomes(planned(0.5), 1, 2, 3, closed=window)
    delaying = outcomes(planned(0.5, in_blackout="delay"), 1, 2, 3, closed=window)

    unknown = outcomes(planned(None, in_blackout="delay"), 1, 2, 4, closed=window)

    assert unknown == ["delayed", "overlap", "runs"]
    assert skipping == ["blackout", "blackout", "runs"]
    # Both moments of the window would start at its end; only one run lives at a time.
    assert delaying == ["delayed", "overlap", "overlap"]


def test_a_window_without_an_end_delays_nothing() -> None:
    window = Closed("ever", "blackout", 0, None)

    assert outcomes(planned(in_blackout="delay"), 1, closed=window) == ["blackout"]


def test_a_run_that_lives_now_is_in_the_way() -> None:
    live = (a_run(0, status="running", started_ms=0, scheduled_ms=0),)
    task = planned(2.5, live=live)

    found = list(expect(task, minutes(1, 3), closed=lambda *_: OPEN, now_ms=1))

    assert [one.reason for one in found] == ["overlap", None]
    assert found[0].meets_ms == 0


def test_a_replaced_run_ends_when_the_next_one_starts() -> None:
    found = list(
        expect(planned(overlap="replace"), minutes(1, 2), closed=lambda *_: OPEN, now_ms=0)
    )

    assert [(one.starts_ms, one.ends_ms) for one in found] == [
        (MINUTE_MS, 2 * MINUTE_MS),
        (2 * MINUTE_MS, round(3.5 * MINUTE_MS)),
    ]


@pytest.mark.parametrize("overlap", ["forbid", "queue", "allow", "replace"])
def test_endless_moments_are_walked_only_as_far_as_asked(overlap: str) -> None:
    task = planned(overlap=overlap, paused=True, paused_until_ms=5 * MINUTE_MS)
    endless = (DueMoment(number * MINUTE_MS) for number in count(1))

    found: list[Expected] = list(
        islice(expect(task, endless, closed=lambda *_: OPEN, now_ms=0), 50)
    )

    assert len(found) == 50
    assert [one.at_ms for one in found] == sorted(one.at_ms for one in found)


def test_a_watch_keeps_no_slot_and_never_meets_itself_however_long_its_job_takes() -> None:
    alive = a_run(-MINUTE_MS, status="running", started_ms=-MINUTE_MS)
    watch = planned(9, kind="watch", live=(alive,))

    found = list(expect(watch, minutes(1, 2, 3), closed=lambda *_: None, now_ms=0))

    assert [one.outcome for one in found] == ["runs"] * 3
    assert [one.ends_ms for one in found] == [one.starts_ms for one in found]
