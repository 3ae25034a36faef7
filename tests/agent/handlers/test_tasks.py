"""Is a task shown as far as the role may see, and changed as asked?"""

import secrets
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from agent.errors import StorageError
from agent.store import tasks
from agent.store.tasks import TaskRow
from shared.protocol.errors import ErrorBody
from shared.protocol.requests import (
    Outcome,
    SchedulePreview,
    SchedulePreviewReply,
    TaskDetail,
    TaskGet,
    TaskSet,
    TaskSetReply,
    TaskSkip,
    TaskSkipReply,
)
from shared.protocol.rows import Task
from tests.agent.wire.door import CLOCK, Door

NEW_YEAR_2027_MS = 1_798_761_600_000


def change(*ids: str, **more: Any) -> TaskSet:
    return TaskSet(ids=ids, op=secrets.token_hex(16), expires_ms=CLOCK.now_ms() + 60_000, **more)


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_commands_are_for_operators_and_values_of_variables_for_nobody(
    door: Door, role: str
) -> None:
    guest = await door.welcome(role)

    detail = await guest.get(TaskGet(id="backup"), TaskDetail)

    said = msgspec.json.encode(detail).decode()
    assert ("hidden-command" in said) == (role != "viewer")
    assert ("TOKEN" in said) == (role != "viewer")
    assert "hidden-value" not in said
    assert detail.definition.schedule == ("*/30 * * * *",)
    assert len(detail.next_ms) == 10
    assert detail.row.id == "backup"


async def test_a_task_nobody_knows_is_not_found(door: Door) -> None:
    guest = await door.welcome("viewer")

    assert await guest.refusal(TaskGet(id="nothing")) == "not_found"


async def test_a_task_is_paused_and_resumed_and_its_row_shows_it(door: Door) -> None:
    guest = await door.welcome("operator")
    until_ms = CLOCK.now_ms() + 60_000

    await guest.get(change("backup", paused=True, until_ms=until_ms, reason="x"), TaskSetReply)
    paused = door.journal.get("task", "backup")
    reply = await guest.get(change("backup", paused=False), TaskSetReply)
    resumed = door.journal.get("task", "backup")

    assert isinstance(paused, Task)
    assert (paused.paused, paused.paused_until_ms, paused.pause_reason) == (True, until_ms, "x")
    assert isinstance(resumed, Task)
    assert (resumed.paused, resumed.paused_until_ms) == (False, None)
    assert reply.rev == resumed.rev
    assert door.plans.told == ["backup", "backup"]


async def test_of_several_tasks_each_is_answered_for(door: Door) -> None:
    guest = await door.welcome("operator")

    reply = await guest.get(change("backup", "nothing", "backup", enabled=False), TaskSetReply)

    assert reply.results == (
        Outcome(id="backup", code="ok"),
        Outcome(id="nothing", code="not_found", msg="there is no such task"),
    )
    row = door.journal.get("task", "backup")
    assert isinstance(row, Task)
    assert (row.enabled, row.state) == (False, "off")


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({}, "$"),
        ({"reason": "x"}, "$"),
        ({"enabled": True, "until_ms": 2**50}, "$.until_ms"),
        ({"paused": True, "until_ms": 1}, "$.until_ms"),
    ],
)
async def test_a_change_that_says_nothing_sensible_is_refused_by_field(
    door: Door, more: dict[str, Any], path: str
) -> None:
    guest = await door.welcome("operator")

    reply = await guest.ask(change("backup", **more))

    assert isinstance(reply, ErrorBody)
    assert (reply.code, reply.detail["path"]) == ("bad_request", path)
    assert door.plans.told == []


async def test_a_schedule_is_previewed_in_its_zone_and_in_words(door: Door) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.get(
        SchedulePreview(
            schedule="5 7 * * *", tz="Pacific/Auckland", count=2, from_ms=NEW_YEAR_2027_MS
        ),
        SchedulePreviewReply,
    )

    # 07:05 in Auckland, 13 hours ahead in summer, is 18:05 UTC of the day before.
    assert reply.times_ms == (
        NEW_YEAR_2027_MS + 65_100_000,
        NEW_YEAR_2027_MS + 65_100_000 + 86_400_000,
    )
    assert reply.schedule_text == "Daily 07:05"
    assert reply.notes == ()


async def test_a_preview_says_what_a_change_of_clocks_does(door: Door) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.get(
        # In Berlin 02:30 does not exist on 2027-03-28.
        SchedulePreview(
            schedule="30 2 28 3 *", tz="Europe/Berlin", count=1, from_ms=NEW_YEAR_2027_MS
        ),
        SchedulePreviewReply,
    )

    assert len(reply.notes) == 1
    assert "skipped" in reply.notes[0]


@pytest.mark.parametrize(
    ("schedule", "tz"), [("61 * * * *", "UTC"), ("0 0 30 2 *", "UTC"), ("@daily", "Mars/Base")]
)
async def test_a_schedule_that_cannot_be_is_refused_with_what_to_write(
    door: Door, schedule: str, tz: str
) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.ask(SchedulePreview(schedule=schedule, tz=tz))

    assert isinstance(reply, ErrorBody)
    assert reply.code == "bad_request"
    assert (schedule if tz == "UTC" else tz) in reply.msg


async def test_the_next_moments_of_a_task_are_skipped_and_that_is_taken_back(door: Door) -> None:
    guest = await door.welcome("operator", label="Otto")
    before = await guest.get(TaskGet(id="backup"), TaskDetail)

    def skip(count: int, *ids: str) -> TaskSkip:
        return TaskSkip(
            ids=ids,
            count=count,
            reason="stock-take",
            op=secrets.token_hex(16),
            expires_ms=CLOCK.now_ms() + 60_000,
        )

    reply = await guest.get(skip(2, "backup", "nothing"), TaskSkipReply)
    (task,) = await door.database.read(lambda connection: tasks.load(connection, ["backup"]))
    undone = await guest.get(skip(0, "backup"), TaskSkipReply)
    (again,) = await door.database.read(lambda connection: tasks.load(connection, ["backup"]))

    skipped, unknown = reply.results
    assert (skipped.until_ms, skipped.next_ms) == before.next_ms[1:3]
    assert (unknown.id, unknown.code) == ("nothing", "not_found")
    assert task.skip_until_ms == skipped.until_ms
    assert task.skip_reason == "by Otto: stock-take"
    assert (undone.results[0].until_ms, undone.results[0].next_ms) == (None, before.next_ms[0])
    assert (again.skip_until_ms, again.skip_reason) == (None, None)
    assert door.plans.told == ["backup", "backup"]


async def test_a_skip_of_several_tasks_tells_of_each_also_where_one_is_refused(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = await door.welcome("operator")
    real = door.recorder.set_flags

    async def set_flags(names: Iterable[str], **flags: Any) -> tuple[TaskRow, ...]:
        if "report" in names:
            raise StorageError("the disk is full")
        return await real(names, **flags)

    monkeypatch.setattr(door.recorder, "set_flags", set_flags)
    request = TaskSkip(
        ids=("backup", "report", "nothing"),
        count=1,
        op=secrets.token_hex(16),
        expires_ms=CLOCK.now_ms() + 60_000,
    )
    reply = await guest.get(request, TaskSkipReply)

    assert [(one.id, one.code) for one in reply.results] == [
        ("backup", "ok"),
        ("report", "internal"),
        ("nothing", "not_found"),
    ]
    assert "disk is full" in reply.results[1].msg
    assert door.plans.told == ["backup"]
