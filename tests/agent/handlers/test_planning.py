"""Is what is to come told over the wire, within bounds, and to whom?"""

import msgspec
import pytest

from agent.cron.moments import DueMoment, Tag
from agent.handlers import planning
from shared.protocol import planning as wire
from shared.protocol.errors import ErrorBody
from shared.protocol.requests import (
    Request,
    SchedulePreview,
    SchedulePreviewReply,
    TaskDetail,
    TaskGet,
    TaskSet,
    TaskSetReply,
)
from tests.agent.handlers.test_tasks import NEW_YEAR_2027_MS, change
from tests.agent.wire.door import CLOCK, Door

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


async def test_the_next_moments_come_with_what_is_expected_of_them(door: Door) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.get(wire.ScheduleNext(count=3), wire.ScheduleNextReply)

    assert [row.task_id for row in reply.rows] == ["backup", "report", "backup"]
    assert {row.outcome for row in reply.rows} == {"runs"}
    assert all(row.at_ms % (HOUR_MS // 2) == 0 for row in reply.rows)
    assert reply.more


async def test_some_tasks_until_a_moment_and_a_pause_among_them(door: Door) -> None:
    operator = await door.welcome("operator")
    request: TaskSet = change("backup", paused=True)
    await operator.get(request, TaskSetReply)

    # A minute after an hour, so that no moment passes while it is asked for.
    from_ms = (CLOCK.now_ms() // HOUR_MS + 1) * HOUR_MS + 60_000

    reply = await operator.get(
        wire.ScheduleNext(ids=("backup",), from_ms=from_ms, until_ms=from_ms + 2 * HOUR_MS),
        wire.ScheduleNextReply,
    )

    assert {(row.task_id, row.outcome, row.reason) for row in reply.rows} == {
        ("backup", "skipped", "paused")
    }
    assert (len(reply.rows), reply.more) == (4, False)


async def test_a_forecast_has_a_number_for_each_minute(door: Door) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.get(
        wire.ScheduleForecast(from_ms=NEW_YEAR_2027_MS, until_ms=NEW_YEAR_2027_MS + DAY_MS),
        wire.ScheduleForecastReply,
    )

    assert len(reply.running) == len(reply.starts) == 1440
    assert (reply.peak, reply.moments, reply.slots) == (2, 96, 8)
    assert len(reply.busiest) == 10


async def test_a_draft_without_a_command_is_held_against_what_is_saved(door: Door) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.get(
        wire.ScheduleWhatIf(
            drafts=(
                wire.Draft(task_name="backup", schedule=("35,5 * * * *",)),
                wire.Draft(task_name="fresh", schedule=("0 0 * * *",)),
            ),
            without=("report",),
            from_ms=NEW_YEAR_2027_MS,
            until_ms=NEW_YEAR_2027_MS + DAY_MS,
        ),
        wire.ScheduleWhatIfReply,
    )

    backup, fresh, report = reply.tasks
    assert (backup.kind, backup.moved) == ("changed", 47)
    assert (fresh.kind, fresh.added, fresh.added_ms) == (
        "added",
        1,
        (NEW_YEAR_2027_MS + DAY_MS,),
    )
    assert (report.kind, report.removed, len(report.removed_ms)) == ("removed", 48, 48)
    assert (reply.peak_before, reply.peak_after) == (2, 1)
    assert b"hidden" not in msgspec.json.encode(reply)


async def test_why_is_told_in_steps(door: Door) -> None:
    guest = await door.welcome("viewer")
    coming_ms = (CLOCK.now_ms() // HOUR_MS + 2) * HOUR_MS

    due = await guest.get(wire.ScheduleWhy(id="backup", at_ms=coming_ms), wire.ScheduleWhyReply)
    other = await guest.get(
        wire.ScheduleWhy(id="backup", at_ms=coming_ms + 60_000), wire.ScheduleWhyReply
    )

    assert (due.verdict, due.code) == ("will_run", "runs")
    assert due.steps[0].code == "scheduled"
    assert (other.verdict, other.code) == ("not_due", "time")
    assert (other.before_ms, other.after_ms) == (coming_ms, coming_ms + HOUR_MS // 2)


async def test_a_pause_is_previewed_and_changes_nothing(door: Door) -> None:
    guest = await door.welcome("viewer")
    before_ms = CLOCK.now_ms()
    until_ms = (before_ms // HOUR_MS + 2) * HOUR_MS

    reply = await guest.get(
        wire.PausePreview(ids=("backup",), until_ms=until_ms), wire.PausePreviewReply
    )
    after_ms = CLOCK.now_ms()
    detail = await guest.get(TaskGet(id="backup"), TaskDetail)

    (task,) = reply.tasks
    half_ms = HOUR_MS // 2
    first_ms = task.held[0].at_ms
    assert first_ms in {(at_ms // half_ms + 1) * half_ms for at_ms in (before_ms, after_ms)}
    assert [one.at_ms for one in task.held] == list(range(first_ms, until_ms, half_ms))
    assert reply.count == task.count == len(task.held)
    assert task.next_ms == until_ms
    assert not detail.row.paused


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (wire.ScheduleNext(ids=("nothing",)), "not_found", "nothing"),
        (wire.ScheduleNext(until_ms=1), "bad_request", "until_ms = 1"),
        (wire.ScheduleForecast(until_ms=1), "bad_request", "until"),
        (wire.ScheduleForecast(from_ms=0, until_ms=99 * DAY_MS), "bad_request", "62 days"),
        (wire.ScheduleForecast(until_ms=2**53), "bad_request", "221845392000000"),
        (wire.ScheduleNext(from_ms=2**53), "bad_request", "221845392000000"),
        (wire.ScheduleWhy(id="backup", at_ms=2**53), "bad_request", "221845392000000"),
        (wire.PausePreview(ids=("backup",), until_ms=2**53), "bad_request", "221845392000000"),
        (SchedulePreview(schedule="5 7 * * *", from_ms=2**53), "bad_request", "221845392000000"),
        (wire.ScheduleWhy(id="nothing", at_ms=1), "not_found", "nothing"),
        (wire.PausePreview(ids=("nothing",)), "not_found", "nothing"),
        (wire.PausePreview(ids=("backup",), until_ms=1), "bad_request", "in the past"),
        (
            wire.ScheduleWhatIf(
                drafts=(wire.Draft(task_name="x", schedule=("61 * * * *",)),),
                from_ms=0,
                until_ms=DAY_MS,
            ),
            "bad_request",
            "61 * * * *",
        ),
        (wire.ScheduleWhatIf(without=("nothing",), from_ms=0, until_ms=1), "not_found", "nothing"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_its_name(
    door: Door, request_: Request, code: str, words: str
) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.ask(request_)

    assert isinstance(reply, ErrorBody)
    assert reply.code == code
    assert words in reply.msg


async def test_a_preview_says_when_it_fires_after_each_change_of_clocks(door: Door) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.get(
        SchedulePreview(
            schedule="30 2 * * *",
            tz="Europe/Berlin",
            count=1,
            from_ms=NEW_YEAR_2027_MS,
            dst_gap="skip",
        ),
        SchedulePreviewReply,
    )

    spring, autumn = reply.changes
    assert (spring.before_s, spring.after_s, autumn.after_s) == (3600, 7200, 3600)
    # Left out in the night of the change itself, so a day less half an hour later.
    assert spring.next_ms is not None
    assert spring.next_ms - spring.at_ms == 23 * HOUR_MS + HOUR_MS // 2
    assert reply.tags == ("normal",)


async def test_a_preview_spreads_by_the_name_of_the_task(door: Door) -> None:
    guest = await door.welcome("viewer")

    replies = [
        await guest.get(
            SchedulePreview(schedule="H H * * *", count=1, from_ms=0, task_name=name),
            SchedulePreviewReply,
        )
        for name in ("one", "two")
    ]

    assert replies[0].times_ms != replies[1].times_ms


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (("normal", "moved"), "1 of these falls into the hour that is skipped"),
        (("moved", "moved"), "2 of these fall into the hour that is skipped"),
        (("first_of_two",), "1 of these falls into the hour that comes twice"),
        (("second_of_two",) * 3, "3 of these run in the second of the two hours"),
    ],
)
def test_what_changes_of_clocks_do_is_told_of_one_and_of_many(
    tags: tuple[Tag, ...], said: str
) -> None:
    (note,) = planning.notes([DueMoment(at, tag) for at, tag in enumerate(tags)])

    assert note.startswith(said)
