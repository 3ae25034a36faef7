"""Are tasks edited by admins only, where that is allowed, on what they saw, and written down?"""

import secrets
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.definitions import digest
from agent.errors import Refused
from agent.store import audit, tasks
from agent.store.tasks import TaskRow
from agent.taskcheck import MAX_BYTES
from agent.tasktables import read_definition
from schema.tables import task_versions
from shared.protocol.defining import (
    BASED_ON,
    TaskCheck,
    TaskCheckReply,
    TaskDefinition,
    TaskDefinitionReply,
    TaskDelete,
    TaskDeleteReply,
    TaskPut,
    TaskPutReply,
    TaskVersions,
    TaskVersionsReply,
)
from shared.protocol.errors import ErrorBody
from shared.protocol.requests import TaskSet, TaskSetReply
from tests.agent.wire.door import CLOCK, Door, Guest, serving
from tests.largest import largest_task

NEW: dict[str, Any] = {
    "task_name": "sync",
    "schedule": ["30 2 * * *"],
    "command": "true",
    "timezone": "Pacific/Auckland",
    "environment": {"TOKEN": "plain-value"},
}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with serving(tmp_path, edits=True) as door:
        yield door


def put(definition: dict[str, Any], based_on: int = 0, **more: Any) -> TaskPut:
    return TaskPut(
        op=secrets.token_hex(16),
        expires_ms=CLOCK.now_ms() + 60_000,
        id=more.pop("id", definition["task_name"]),
        definition=definition,
        based_on=based_on,
        **more,
    )


def delete(name: str, based_on: int, **more: Any) -> TaskDelete:
    return TaskDelete(
        op=secrets.token_hex(16),
        expires_ms=CLOCK.now_ms() + 60_000,
        id=name,
        based_on=based_on,
        **more,
    )


async def refused(guest: Guest, request: Any) -> ErrorBody:
    reply = await guest.ask(request)
    assert isinstance(reply, ErrorBody), reply
    return reply


def stored(door: Door, name: str) -> TaskRow:
    return door.database.read_now(partial(tasks.load, names=[name]))[0]


def names(door: Door) -> set[str]:
    return {task.task_name for task in door.database.read_now(tasks.load_all)}


async def test_a_task_is_read_edited_and_holds_at_once(door: Door) -> None:
    anna = await door.welcome("admin", label="Anna")

    seen = await anna.get(TaskDefinition(id="backup"), TaskDefinitionReply)
    edited = {**seen.definition, "timeout_seconds": "10m"}
    done = await anna.get(put(edited, seen.def_rev, digest=seen.digest, why="hangs"), TaskPutReply)

    task = stored(door, "backup")
    assert seen.definition["command"] == "echo hidden-command"
    assert (done.def_rev, task.def_rev) == (2, 2)
    assert task.definition.timeout_seconds == 600
    assert (done.before, done.after) == (seen.digest, digest(task.definition))
    assert door.plans.told == ["backup"]
    (newest, *_) = door.database.read_now(partial(tasks.versions, task_name="backup"))
    assert (newest.changed_by, newest.why) == ("Anna", "hangs")


async def test_what_a_task_was_before_is_told_page_by_page_and_can_be_made_so_again(
    door: Door,
) -> None:
    anna = await door.welcome("admin", label="Anna")
    seen = await anna.get(TaskDefinition(id="backup"), TaskDefinitionReply)
    for nice, rev in ((5, 1), (6, 2), (7, 3)):
        await anna.get(put({**seen.definition, "nice": nice}, rev, why=f"{nice}"), TaskPutReply)

    newer = await anna.get(TaskVersions(id="backup", limit=2), TaskVersionsReply)
    older = await anna.get(TaskVersions(id="backup", before=newer.next), TaskVersionsReply)
    first = older.versions[-1].definition
    again = await anna.get(put(first, 4), TaskPutReply)

    told = (*newer.versions, *older.versions)
    assert [one.def_rev for one in told] == [4, 3, 2, 1]
    assert [one.definition["nice"] for one in told] == [7, 6, 5, 0]
    assert [(one.changed_by, one.why) for one in told[:3]] == [("Anna", word) for word in "765"]
    assert newer.next
    assert older.next == 0
    assert again.after == seen.digest
    assert await anna.refusal(TaskVersions(id="nobody")) == "not_found"


async def test_versions_that_are_large_come_a_few_at_once(door: Door) -> None:
    anna = await door.welcome("admin")
    large = {**NEW, "environment": {f"V{number}": "x" * 1_000 for number in range(60)}}
    for rev in range(8):
        await anna.get(put({**large, "nice": rev}, rev), TaskPutReply)

    page = await anna.get(TaskVersions(id="sync"), TaskVersionsReply)

    older = await anna.get(TaskVersions(id="sync", before=page.next), TaskVersionsReply)

    assert 1 < len(page.versions) < 8
    assert older.versions[0].def_rev == page.versions[-1].def_rev - 1


async def test_the_largest_task_is_saved_read_edited_and_told_as_a_version(door: Door) -> None:
    anna, ben = await door.welcome("admin"), await door.welcome("admin")
    large = largest_task()
    why = "w" * 300
    made = await anna.get(put(large, why=why), TaskPutReply)

    seen = await anna.get(TaskDefinition(id="large"), TaskDefinitionReply)
    check = await anna.get(TaskCheck(definition=seen.definition), TaskCheckReply)
    edited = {**seen.definition, "priority": 2}
    await anna.get(put(edited, 1, digest=seen.digest, why=why), TaskPutReply)
    late = await refused(ben, put(edited, 1, digest=seen.digest, why=why))
    newer = await ben.get(TaskVersions(id="large"), TaskVersionsReply)
    older = await ben.get(TaskVersions(id="large", before=newer.next), TaskVersionsReply)

    assert digest(read_definition(seen.definition)) == made.after
    assert check.faults == ()
    assert late.detail["newer"]["definition"] == edited
    assert [one.definition for one in newer.versions] == [edited]
    assert [one.definition for one in older.versions] == [seen.definition]


async def test_a_task_that_is_too_large_is_refused_with_its_size_and_the_limit(door: Door) -> None:
    anna = await door.welcome("admin")
    larger = {**largest_task(), "description": "x"}

    no = await refused(anna, put(larger))
    check = await anna.get(TaskCheck(definition=larger), TaskCheckReply)

    assert (no.code, no.detail["path"]) == ("bad_request", "$.definition.command")
    for said in (no.msg, check.faults[0].msg):
        assert f"a task of {MAX_BYTES + 1} bytes, and at most {MAX_BYTES} are kept" in said
    assert "large" not in names(door)


async def test_versions_that_cannot_be_read_are_counted_and_hide_no_older_ones(
    door: Door,
) -> None:
    anna = await door.welcome("admin")
    for rev in range(6):
        await anna.get(put({**NEW, "nice": rev}, rev), TaskPutReply)
    broken = task_versions.update().where(task_versions.c.def_rev.between(2, 5))
    door.database.write_now(lambda held: held.execute(broken.values(definition={})))

    pages: list[TaskVersionsReply] = []
    while not pages or pages[-1].next:
        before = pages[-1].next if pages else 0
        ask = TaskVersions(id="sync", before=before, limit=2)
        pages.append(await anna.get(ask, TaskVersionsReply))

    told = [([one.def_rev for one in page.versions], len(page.unread)) for page in pages]
    assert told == [([6], 1), ([], 2), ([1], 1)]


async def test_a_version_too_large_to_be_sent_hides_no_older_ones(door: Door) -> None:
    anna = await door.welcome("admin")
    for rev in range(3):
        await anna.get(put({**NEW, "nice": rev}, rev), TaskPutReply)
    larger = {**NEW, "command": ["true", *["x" * 4_000] * 200]}
    grown = task_versions.update().where(task_versions.c.def_rev == 2).values(definition=larger)
    door.database.write_now(lambda held: held.execute(grown))

    page = await anna.get(TaskVersions(id="sync"), TaskVersionsReply)

    assert [one.def_rev for one in page.versions] == [3, 1]
    assert (len(page.unread), page.next) == (1, 0)


async def test_a_new_task_is_made_and_deleted(door: Door) -> None:
    anna = await door.welcome("admin")

    made = await anna.get(put(NEW), TaskPutReply)
    assert "sync" in names(door)
    gone = await anna.get(delete("sync", 1, digest=made.after), TaskDeleteReply)

    assert (made.def_rev, made.before) == (1, "")
    assert gone.before == made.after
    assert "sync" not in names(door)
    assert door.plans.told == ["sync", "sync"]


async def test_of_two_editors_the_slower_sees_what_the_quicker_made(door: Door) -> None:
    anna, ben = await door.welcome("admin", label="Anna"), await door.welcome("admin")
    hers = await anna.get(TaskDefinition(id="backup"), TaskDefinitionReply)
    his = await ben.get(TaskDefinition(id="backup"), TaskDefinitionReply)
    await anna.get(
        put({**hers.definition, "nice": 5}, hers.def_rev, digest=hers.digest), TaskPutReply
    )

    no = await refused(ben, put({**his.definition, "nice": 9}, his.def_rev, digest=his.digest))

    assert (no.code, no.detail["path"]) == ("conflict", BASED_ON)
    assert no.detail["newer"]["definition"]["nice"] == 5
    assert (no.detail["newer"]["def_rev"], no.detail["newer"]["changed_by"]) == (2, "Anna")
    assert stored(door, "backup").definition.nice == 5


async def test_an_edit_does_not_take_back_what_somebody_switched_meanwhile(door: Door) -> None:
    anna, ben = await door.welcome("admin"), await door.welcome("operator")
    seen = await anna.get(TaskDefinition(id="backup"), TaskDefinitionReply)
    off = TaskSet(
        op=secrets.token_hex(16),
        expires_ms=CLOCK.now_ms() + 60_000,
        ids=("backup",),
        enabled=False,
    )
    await ben.get(off, TaskSetReply)

    no = await refused(anna, put(seen.definition, seen.def_rev, digest=seen.digest))

    assert no.code == "conflict"
    assert not stored(door, "backup").enabled


async def test_a_command_that_comes_twice_is_done_once(door: Door) -> None:
    anna = await door.welcome("admin")
    order = put(NEW)

    first = await anna.get(order, TaskPutReply)
    again = await anna.get(order, TaskPutReply)

    assert (first.replayed, again.replayed) == (False, True)
    assert (again.def_rev, again.after) == (first.def_rev, first.after)
    assert stored(door, "sync").def_rev == 1


async def test_an_edit_that_holds_is_not_called_undone_where_it_is_taken_over_later(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await door.welcome("admin")

    async def busy(*_: object) -> None:
        raise Refused("busy", "256 reads wait for the database; try again")

    monkeypatch.setattr(door.plans, "take", busy)
    order = put(NEW)

    made = await anna.get(order, TaskPutReply)
    again = await anna.get(order, TaskPutReply)

    assert made.def_rev == stored(door, "sync").def_rev == 1
    assert (again.replayed, again.after) == (True, made.after)


async def test_every_fault_is_told_at_once_and_nothing_is_kept(door: Door) -> None:
    anna = await door.welcome("admin")
    wrong = {**NEW, "schedule": ["61 * * * *"], "nice": 99, "colour": "red", "after": ["nobody"]}

    checked = await anna.get(TaskCheck(definition=wrong), TaskCheckReply)
    no = await refused(anna, put(wrong))

    assert {fault.field for fault in checked.faults} == {"schedule", "nice", "colour", "after"}
    (nice,) = [fault for fault in checked.faults if fault.field == "nice"]
    assert (nice.value, nice.msg) == ("99", "must be from -20 to 19")
    assert checked.times_ms == ()
    assert no.code == "bad_request"
    assert no.detail["path"] == "$.definition.colour"
    assert {fault["field"] for fault in no.detail["faults"]} == {
        fault.field for fault in checked.faults
    }
    assert "sync" not in names(door)


async def test_a_check_says_when_it_would_run_and_what_the_clocks_do(door: Door) -> None:
    anna = await door.welcome("admin")

    checked = await anna.get(TaskCheck(definition={**NEW, "nice": 99}), TaskCheckReply)
    noon = await anna.get(TaskCheck(definition={**NEW, "schedule": ["@daily"]}), TaskCheckReply)
    unsaid = await anna.get(TaskCheck(definition={**NEW, "every_nth": 0}), TaskCheckReply)

    assert checked.schedule_text == "Daily 02:30"
    assert len(checked.times_ms) == len(checked.tags) == 10
    assert len(checked.changes) == 2
    assert set(checked.odd_tags) == {"moved", "first_of_two"}
    assert noon.odd_ms == ()
    assert unsaid.times_ms == ()


async def test_a_task_keeps_its_name(door: Door) -> None:
    anna = await door.welcome("admin")
    seen = await anna.get(TaskDefinition(id="backup"), TaskDefinitionReply)

    no = await refused(anna, put({**seen.definition, "task_name": "copy"}, 1, id="backup"))

    assert (no.code, no.detail["path"]) == ("bad_request", "$.definition.task_name")
    assert names(door) == {"backup", "report"}


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_admins_read_check_change_or_delete_definitions(door: Door, role: str) -> None:
    guest = await door.welcome(role)

    codes = [
        await guest.refusal(request)
        for request in (
            TaskDefinition(id="backup"),
            TaskVersions(id="backup"),
            TaskCheck(definition=NEW),
            put(NEW),
            delete("backup", 1),
        )
    ]

    assert codes == ["forbidden"] * 5
    assert names(door) == {"backup", "report"}


async def test_where_the_owner_does_not_allow_it_nobody_edits(tmp_path: Path) -> None:
    async with serving(tmp_path) as door:
        anna = door.guest(await door.enrolled("admin"))
        hello = await anna.hello()

        refusals = [
            await refused(anna, request)
            for request in (
                TaskDefinition(id="backup"),
                TaskVersions(id="backup"),
                TaskCheck(definition=NEW),
                put(NEW),
                delete("backup", 1),
            )
        ]

        assert "edit" not in hello.caps
        assert {no.code for no in refusals} == {"disabled"}
        assert "remote_edit = true" in refusals[0].msg
        assert names(door) == {"backup", "report"}


async def test_an_edit_is_audited_by_digests_and_never_by_its_words(door: Door) -> None:
    anna = await door.welcome("admin", label="Anna")

    made = await anna.get(put(NEW, why="w" * 300), TaskPutReply)
    await refused(anna, put({**NEW, "nice": 5}, 7))
    await refused(anna, put({**NEW, "command": "{secret:vend}"}, 1))

    rows = door.database.read_now(partial(audit.page, limit=20))
    good, late, wrong = reversed([one for one in rows if one.type == "task.put"])
    assert (good.target, good.label, good.code) == ("sync", "Anna", "ok")
    assert made.after[:32] in good.args
    assert '"def_rev":1' in good.args
    assert (late.code, wrong.code) == ("conflict", "bad_request")
    assert all("plain-value" not in row.args and "command" not in row.args for row in rows)


async def test_a_hello_names_the_capability(door: Door) -> None:
    guest = door.guest(await door.enrolled("viewer"))

    assert "edit" in (await guest.hello()).caps
