"""Are runs ordered, shown and paged as asked?"""

import secrets
from functools import partial
from typing import Any

import msgspec
import pytest

from agent.handlers.rows import run_row
from agent.runs import Run
from agent.store import ledger
from agent.ulid import new_ulid
from shared.protocol.requests import (
    RunBackfill,
    RunBackfillReply,
    RunDetail,
    RunFilter,
    RunGet,
    RunsPage,
    RunsPageReply,
    RunStart,
    RunStartReply,
)
from tests.agent.wire.door import CLOCK, Door


async def recorded(door: Door, count: int, *, first_ms: int = 1_000_000, **more: Any) -> list[str]:
    """The ids of this many runs that ended, oldest first."""
    ids = []
    for number in range(count):
        at_ms = first_ms + number
        run = Run(
            id=new_ulid(at_ms),
            task_name="backup",
            category="General",
            def_rev=1,
            scheduled_ms=at_ms,
            attempt=1,
            trigger="schedule",
            status="queued",
            queued_ms=at_ms,
        )
        await door.recorder.claim([run])
        ended = {
            "status": "error",
            "started_ms": at_ms,
            "ended_ms": at_ms + 5,
            "output_tail": "needle in output",
            "error_message": "it broke",
        } | more
        await door.recorder.ended(msgspec.structs.replace(run, **ended))
        ids.append(run.id)
    return ids


async def test_a_run_is_ordered_in_the_name_of_the_key(door: Door) -> None:
    guest = await door.welcome("operator", label="Otto")

    reply = await guest.get(
        RunStart(
            task_id="backup",
            reason="because",
            op=secrets.token_hex(16),
            expires_ms=CLOCK.now_ms() + 5000,
        ),
        RunStartReply,
    )

    run = await door.database.read(partial(ledger.get, run_id=reply.run_id))
    assert (run.requested_by, run.note, run.trigger) == ("Otto", "because", "manual")
    row = door.journal.get("run", reply.run_id)
    assert row is not None
    assert reply.rev >= row.rev


async def test_a_second_run_beside_a_living_one_is_refused(door: Door) -> None:
    guest = await door.welcome("operator")

    def order(**more: Any) -> RunStart:
        return RunStart(
            task_id="backup",
            op=secrets.token_hex(16),
            expires_ms=CLOCK.now_ms() + 5000,
            **more,
        )

    await guest.get(order(), RunStartReply)

    assert await guest.refusal(order()) == "conflict"
    assert await guest.refusal(order(if_running="parallel")) == "conflict"
    assert door.runs.if_running == "parallel"


async def test_past_moments_are_run_again_as_further_attempts(door: Door) -> None:
    await recorded(door, 2, first_ms=1_000_000)
    guest = await door.welcome("operator", label="Otto")
    command = RunBackfill(
        task_id="backup",
        moments_ms=(1_000_000, 1_000_001),
        reason="after the outage",
        op=secrets.token_hex(16),
        expires_ms=CLOCK.now_ms() + 5000,
    )

    reply = await guest.get(command, RunBackfillReply)
    again = await guest.get(command, RunBackfillReply)

    assert again.run_ids == reply.run_ids
    assert again.replayed
    runs = [await door.database.read(partial(ledger.get, run_id=id_)) for id_ in reply.run_ids]
    assert [(run.scheduled_ms, run.attempt, run.trigger, run.note) for run in runs] == [
        (1_000_000, 2, "manual", "after the outage"),
        (1_000_001, 2, "manual", "after the outage"),
    ]


async def test_pages_follow_each_other_without_gap_or_double(door: Door) -> None:
    ids = await recorded(door, 7)
    guest = await door.welcome("viewer")
    found: list[str] = []
    cursor = None

    while True:
        page = await guest.get(RunsPage(limit=3, cursor=cursor), RunsPageReply)
        found += [run.id for run in page.rows]
        await recorded(door, 1, first_ms=CLOCK.now_ms())
        if (cursor := page.next) is None:
            break

    assert found == ids[::-1]


async def test_a_cursor_of_another_question_is_refused(door: Door) -> None:
    await recorded(door, 3)
    guest = await door.welcome("viewer")
    page = await guest.get(RunsPage(limit=1), RunsPageReply)

    other = RunsPage(limit=1, cursor=page.next, filter=RunFilter(results=("error",)))

    assert page.next is not None
    assert await guest.refusal(other) == "bad_cursor"
    assert await guest.refusal(RunsPage(cursor="!!!")) == "bad_cursor"
    assert await guest.refusal(RunsPage(cursor="AAAA")) == "bad_cursor"


async def test_runs_are_filtered_by_what_became_of_them(door: Door) -> None:
    failed = await recorded(door, 1)
    guest = await door.welcome("viewer")
    started = await door.runs.start_now("report", who="x", reason=None)

    async def ids(**wanted: Any) -> list[str]:
        page = await guest.get(RunsPage(filter=RunFilter(**wanted)), RunsPageReply)
        return [run.id for run in page.rows]

    assert await ids(results=("error",)) == failed
    assert await ids(states=("queued",)) == [started.id]
    assert await ids(states=("ended",)) == failed
    assert set(await ids(states=("ended", "queued"))) == {*failed, started.id}
    assert await ids(trigger="manual") == [started.id]
    assert await ids(text="needle") == failed
    assert await ids(task_id="report", results=("error",)) == []


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_output_is_for_viewers_only_if_the_owner_says_so(
    closed_door: Door, role: str
) -> None:
    (run_id,) = await recorded(closed_door, 1)
    guest = await closed_door.welcome(role)

    detail = await guest.get(RunGet(run_id=run_id), RunDetail)
    searched = await guest.ask(RunsPage(filter=RunFilter(text="needle")))

    assert (detail.output_tail is None) == (role == "viewer")
    assert (detail.error_message is None) == (role == "viewer")
    assert isinstance(searched, RunsPageReply) == (role == "operator")
    assert detail.run.result == "error"
    assert [attempt.id for attempt in detail.attempts] == [run_id]


async def test_what_a_run_says_of_its_progress_is_for_those_who_may_read_output(
    closed_door: Door,
) -> None:
    (run_id,) = await recorded(
        closed_door, 1, progress=40, progress_note="with Anna", metrics={"rows": 3}
    )
    viewer = await closed_door.welcome("viewer")
    operator = await closed_door.welcome("operator")

    seen = (await viewer.get(RunGet(run_id=run_id), RunDetail)).run
    (listed,) = (await viewer.get(RunsPage(), RunsPageReply)).rows
    whole = (await operator.get(RunGet(run_id=run_id), RunDetail)).run

    assert (seen.progress, seen.progress_note, seen.metrics) == (40, None, (("rows", 3.0),))
    assert listed.progress_note is None
    assert whole.progress_note == "with Anna"


async def test_a_living_run_is_told_with_what_it_has_said_so_far(door: Door) -> None:
    run = Run(
        id=new_ulid(1_000_000),
        task_name="backup",
        category="General",
        def_rev=1,
        scheduled_ms=1_000_000,
        attempt=1,
        trigger="schedule",
        status="queued",
        queued_ms=1_000_000,
    )
    await door.recorder.claim([run])
    door.journal.put(run_row(msgspec.structs.replace(run, status="running", progress=40)))
    guest = await door.welcome("viewer")

    told = (await guest.get(RunGet(run_id=run.id), RunDetail)).run

    assert (told.state, told.progress) == ("running", 40)
