"""Is an edit made on what was seen only, whole or not at all, on either database?"""

import threading
from functools import partial

import msgspec
import pytest

from agent.definitions import Definition, digest
from agent.errors import BadDefinition, Conflict, TaskNotFound
from agent.store import edits, tasks
from agent.store.database import Database
from agent.store.edits import Edited, Overtaken, Seen
from agent.store.task_rows import Version
from agent.tasktables import read_definition
from schema.tables import task_versions
from tests.agent.store.makings import NOW_MS, a_task
from tests.largest import largest_task

SYNC = a_task("sync")


def put(
    database: Database, definition: Definition, based_on: int = 0, seen_digest: str = ""
) -> Edited:
    return database.write_now(
        partial(
            edits.put,
            definition=definition,
            based_on=based_on,
            seen_digest=seen_digest,
            who="anna",
            why="less load",
            now_ms=NOW_MS,
        )
    )


def delete(database: Database, name: str, based_on: int, seen_digest: str = "") -> Edited:
    return database.write_now(
        partial(
            edits.delete,
            task_name=name,
            based_on=based_on,
            seen_digest=seen_digest,
            who="anna",
            why="replaced",
            now_ms=NOW_MS,
        )
    )


def see(database: Database, name: str) -> Seen:
    return database.read_now(partial(edits.see, task_name=name))


def longer(timeout_s: int) -> Definition:
    return msgspec.structs.replace(SYNC, timeout_seconds=timeout_s)


def test_a_task_is_made_and_changed_with_who_and_why(database: Database) -> None:
    made = put(database, SYNC)
    changed = put(database, longer(60), based_on=1, seen_digest=digest(SYNC))

    seen = see(database, "sync")
    assert made.before == ""
    assert (changed.before, changed.after) == (digest(SYNC), digest(longer(60)))
    assert (seen.task.def_rev, seen.task.definition.timeout_seconds) == (2, 60)
    assert seen.newest is not None
    assert (seen.newest.changed_by, seen.newest.why) == ("anna", "less load")


def test_who_was_slower_is_refused_with_what_the_quicker_made(database: Database) -> None:
    put(database, SYNC)
    put(database, longer(60), based_on=1)

    with pytest.raises(Overtaken, match="version 2 now, and this edit began at version 1") as no:
        put(database, longer(90), based_on=1)

    assert no.value.seen is not None
    assert no.value.seen.task.definition == longer(60)
    assert see(database, "sync").task.definition == longer(60)


def test_a_task_disabled_meanwhile_is_not_enabled_again_by_an_edit(database: Database) -> None:
    put(database, SYNC)
    database.write_now(
        partial(tasks.set_flags, names=["sync"], enabled=False, who="ben", now_ms=NOW_MS)
    )
    assert see(database, "sync").task.def_rev == 1

    with pytest.raises(Overtaken, match="by ben"):
        put(database, longer(90), based_on=1, seen_digest=digest(SYNC))

    assert not see(database, "sync").task.enabled


def test_a_new_task_takes_no_name_that_is_taken(database: Database) -> None:
    put(database, SYNC)

    with pytest.raises(Overtaken, match="there is a task sync already, made by anna"):
        put(database, longer(60))


def test_what_was_removed_meanwhile_does_not_come_back_by_itself(database: Database) -> None:
    put(database, SYNC)
    delete(database, "sync", 1, digest(SYNC))

    with pytest.raises(Overtaken, match="was removed meanwhile") as no:
        put(database, longer(60), based_on=1)

    assert no.value.seen is None
    with pytest.raises(TaskNotFound):
        see(database, "sync")


def test_nothing_is_deleted_that_was_changed_meanwhile(database: Database) -> None:
    put(database, SYNC)
    put(database, longer(60), based_on=1)

    with pytest.raises(Overtaken):
        delete(database, "sync", 1)
    with pytest.raises(TaskNotFound):
        delete(database, "gone", 1)

    assert see(database, "sync").task.def_rev == 2


def test_a_task_that_another_comes_after_stays(database: Database) -> None:
    put(database, SYNC)
    put(database, Definition(task_name="then", command="true", after=("sync",)))

    with pytest.raises(Conflict, match="then comes after sync"):
        delete(database, "sync", 1)

    assert see(database, "sync").task.def_rev == 1


def test_what_does_not_fit_what_is_there_changes_nothing(database: Database) -> None:
    put(database, SYNC)
    lost = msgspec.structs.replace(SYNC, after=("nobody",), calendars=("none",))

    found = database.read_now(partial(edits.check, definition=lost))
    with pytest.raises(BadDefinition):
        put(database, lost, based_on=1)

    assert [fault.field for fault in found] == ["after", "calendars"]
    assert see(database, "sync").task.definition == SYNC


def test_of_two_editors_at_the_same_time_one_is_refused(database: Database) -> None:
    put(database, SYNC)
    start = threading.Barrier(2)
    ends: list[object] = []

    def edit(timeout_s: int) -> None:
        start.wait()
        try:
            ends.append(put(database, longer(timeout_s), based_on=1).after)
        except Overtaken as error:
            ends.append(error)

    editors = [threading.Thread(target=edit, args=(timeout_s,)) for timeout_s in (60, 90)]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()

    seen = see(database, "sync")
    assert sum(isinstance(end, Overtaken) for end in ends) == 1
    assert seen.task.def_rev == 2
    assert digest(seen.task.definition) in ends


def test_each_definition_that_a_task_had_is_told_once_as_it_became_it(database: Database) -> None:
    put(database, SYNC)
    for rev in (1, 2):
        put(database, a_task("sync", nice=rev), rev)
        database.write_now(
            partial(
                tasks.set_flags,
                names=["sync"],
                enabled=rev == 2,
                who="ben",
                now_ms=NOW_MS + rev,
            )
        )

    newest, middle, oldest = gone_through(database)

    assert [told(one) for one in (newest, middle, oldest)] == [
        (3, "anna"),
        (2, "anna"),
        (1, "anna"),
    ]
    assert gone_through(database, limit=1) == [newest]
    assert gone_through(database, before=newest[0], limit=1) == [middle]
    assert gone_through(database, before=oldest[0]) == []
    with pytest.raises(TaskNotFound):
        gone_through(database, name="nobody")


def test_what_a_hand_has_broken_is_gone_through_too_so_that_older_versions_are_reached(
    database: Database,
) -> None:
    for rev in range(4):
        put(database, a_task("sync", nice=rev), rev)
    break_versions(database, 2, 3)

    newest, *broken, oldest = gone_through(database)

    assert [told(one) for one in (newest, *broken, oldest)] == [
        (4, "anna"),
        None,
        None,
        (1, "anna"),
    ]
    assert gone_through(database, before=broken[-1][0]) == [oldest]


def test_the_largest_task_is_kept_as_it_is_and_as_a_version(database: Database) -> None:
    large = read_definition(largest_task())

    put(database, large)

    [kept] = gone_through(database, name="large")
    assert see(database, "large").task.definition == large
    assert kept[1] is not None
    assert kept[1].definition == large


def gone_through(
    database: Database, *, before: int = 0, limit: int = 10, name: str = "sync"
) -> list[tuple[int, Version | None]]:
    find = partial(edits.versions, task_name=name, before=before, limit=limit)
    return list(database.read_now(find).items())


def told(one: tuple[int, Version | None]) -> tuple[int, str] | None:
    return None if one[1] is None else (one[1].def_rev, one[1].changed_by)


def break_versions(database: Database, *revs: int) -> None:
    """As a hand does it that writes into the database."""
    broken = task_versions.update().where(task_versions.c.def_rev.in_(revs))
    database.write_now(lambda connection: connection.execute(broken.values(definition={})))
