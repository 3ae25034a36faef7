"""Is what a timeline asks for told page by page, and refused where it is too much?"""

from functools import partial

import msgspec
import pytest

from agent.store import calendars, tasks
from agent.windows import Calendar
from shared.protocol.timeline import (
    Span,
    TimelineHours,
    TimelineHoursReply,
    TimelineRuns,
    TimelineRunsReply,
)
from tests.agent.handlers.test_runs import recorded
from tests.agent.wire.door import CLOCK, Door

DAY_MS = 86_400_000


async def test_runs_of_a_span_are_told_in_short_page_by_page(door: Door) -> None:
    ids = await recorded(door, 5)
    guest = await door.welcome("viewer")
    found: list[Span] = []
    cursor: str | None = None

    for _ in range(3):
        page = await guest.get(
            TimelineRuns(from_ms=1_000_000, to_ms=1_000_005, limit=2, cursor=cursor),
            TimelineRunsReply,
        )
        found += page.spans
        cursor = page.next

    assert [span.run_id for span in found] == list(reversed(ids))
    assert (cursor, page.since_ms) == (None, 1_000_000)
    assert found[0].due_ms == 1_000_004


async def test_a_cursor_belongs_to_its_span(door: Door) -> None:
    await recorded(door, 5)
    guest = await door.welcome("viewer")
    page = await guest.get(
        TimelineRuns(from_ms=1_000_000, to_ms=1_000_005, limit=2), TimelineRunsReply
    )

    refused = await guest.refusal(
        TimelineRuns(from_ms=1_000_001, to_ms=1_000_005, limit=2, cursor=page.next)
    )

    assert refused == "bad_cursor"


async def test_hours_may_lie_ahead_and_are_then_empty(door: Door) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.get(
        TimelineHours(from_ms=1, to_ms=2 * DAY_MS, by_task=True), TimelineHoursReply
    )

    assert (reply.since_ms, reply.hours, reply.gaps, reply.closed) == (0, (), (), ())


async def test_blackouts_of_many_tasks_and_days_go_into_one_answer(door: Door) -> None:
    (row, *_) = door.database.read_now(tasks.load_all)
    nights = Calendar(name="nights", weekly=("22:00-06:00",))
    door.database.write_now(
        partial(calendars.put, calendar=nights, who="a test", now_ms=CLOCK.now_ms())
    )
    names = [f"{number:x>64}" for number in range(2_000)]
    door.known = [
        msgspec.structs.replace(
            row,
            definition=msgspec.structs.replace(
                row.definition, task_name=name, calendars=("nights",)
            ),
        )
        for name in names
    ]
    guest = await door.welcome("viewer")

    reply = await guest.get(
        TimelineHours(from_ms=2 * DAY_MS, to_ms=32 * DAY_MS), TimelineHoursReply
    )

    assert len(reply.closed) == 31
    assert {one.obeying for one in reply.closed} == {0}
    assert reply.obeying == (tuple(names),)


@pytest.mark.parametrize("to_ms", [5, 33 * DAY_MS + 5])
async def test_a_span_that_is_none_or_too_long_is_refused(door: Door, to_ms: int) -> None:
    guest = await door.welcome("viewer")

    for request in (TimelineRuns(from_ms=5, to_ms=to_ms), TimelineHours(from_ms=5, to_ms=to_ms)):
        assert await guest.refusal(request) == "bad_request"
