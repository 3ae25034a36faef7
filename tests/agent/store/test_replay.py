"""How is a database told what was kept for it: once, in order, and many at a time?"""

from collections.abc import Sequence
from functools import partial

import msgspec
import pytest

from agent.store import ledger
from agent.store.database import Database
from agent.store.journal import Entry
from agent.store.ledger import Step
from agent.store.replay import replay
from agent.store.writes import Claim, Take, Write
from tests.agent.store.makings import NOW_MS, a_run, ended
from tests.agent.store.test_writes import STORY, do, everything, known

__all__ = ["known"]


def tell(database: Database, story: Sequence[Write], *, first: int = 1) -> None:
    entries = [Entry(number, write) for number, write in enumerate(story, first)]
    told = database.write_now(partial(replay, journal_id="J", entries=entries))
    assert told.refused == ()


def of_the_story(database: Database) -> dict[str, list[str]]:
    """All rows but the marks of what was told."""
    found = database.read_now(everything)
    found["smart_cron_state"] = [
        row for row in found["smart_cron_state"] if not row.startswith("('journal_")
    ]
    return found


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, len(STORY)])
def test_however_many_are_told_at_once_the_rows_are_those_of_each_write_by_itself(
    known: Database, at_once: int
) -> None:
    for start in range(0, len(STORY), at_once):
        tell(known, STORY[start : start + at_once], first=start + 1)
    told = of_the_story(known)

    do(known, *STORY, again=True)

    assert of_the_story(known) == told


@pytest.mark.parametrize("done", range(0, len(STORY) + 1, 3))
def test_what_was_done_before_the_answer_was_lost_is_not_done_again(
    known: Database, done: int
) -> None:
    claims_and_steps = [write for write in STORY if isinstance(write, (Claim, Take))]
    do(known, *claims_and_steps[:done])

    tell(known, claims_and_steps)

    found = {run.id: run for run in known.read_now(partial(ledger.page, limit=99)).runs}
    assert sorted((run.status, run.attempt) for run in found.values()) == [
        ("error", 1),
        ("queued", 1),
        ("success", 2),
    ]
    (counted,) = known.read_now(everything)["smart_cron_rollups"]
    assert "1, 0, 2" in counted, "each end counts once, in the hour of its task"


def test_one_that_is_odd_takes_nothing_from_the_others(known: Database) -> None:
    theirs = a_run(NOW_MS + 9, scheduled_ms=NOW_MS, status="missed", ended_ms=NOW_MS + 9)
    known.write_now(partial(ledger.claim, runs=[theirs], now_ms=NOW_MS))
    runs = [a_run(NOW_MS + number * 1_000) for number in range(20)]
    story: list[Write] = [Claim(runs=(run,), now_ms=NOW_MS) for run in runs]
    story += [Take(step=Step(run=ended(run), now_ms=NOW_MS)) for run in runs]

    tell(known, story)

    rows = known.read_now(partial(ledger.some, run_ids=[run.id for run in runs]))
    assert [rows[run.id].status for run in runs] == ["success"] * 20
    assert [rows[run.id].attempt for run in runs] == [2] + [1] * 19


@pytest.mark.parametrize(
    "odd",
    [
        {"scheduled_ms": 10**18},
        {"queued_ms": -(10**18)},
        {"retry_at_ms": 1 << 62},
        {"pid": 1 << 80},
        {"task_name": "\ud800"},
    ],
    ids=str,
)
def test_what_no_database_can_hold_is_refused_and_holds_up_no_other(
    known: Database, odd: dict[str, object]
) -> None:
    before, wrong, after = (a_run(NOW_MS + at) for at in (0, 60_000, 120_000))
    wrong = msgspec.structs.replace(wrong, **odd)
    entries = [
        Entry(number, Claim(runs=(run,), now_ms=NOW_MS))
        for number, run in enumerate((before, wrong, after), 1)
    ]

    told = known.write_now(partial(replay, journal_id="J", entries=entries))

    ((entry, cause),) = told.refused
    assert entry.seq == 2
    assert "SQL:" not in cause
    rows = {run.id for run in known.read_now(partial(ledger.page, limit=99)).runs}
    assert {before.id, after.id} <= rows
