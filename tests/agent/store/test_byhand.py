"""What somebody changed in the table of tasks by hand, and whether it stands."""

from functools import partial

import pytest
from sqlalchemy import Connection

from agent.definitions import Definition
from agent.store import byhand, tasks
from agent.store.byhand import Found
from agent.store.database import Database
from agent.store.tasks import TaskRow, Version
from tests.agent.store.makings import HOUR_MS, NOW_MS, a_task
from tests.effort import steps_in

OPERATORS_UPDATE = (
    "UPDATE smart_cron_tasks_config SET timeout_seconds = 900 WHERE task_name = 'slow_task';"
)
OF_SLOW_TASK = "WHERE task_name = 'slow_task'"
LATER_MS = NOW_MS + HOUR_MS


@pytest.fixture
def filled(database: Database) -> Database:
    definitions = [a_task("slow_task", timeout_seconds=60), a_task("other")]
    database.write_now(
        partial(tasks.register, definitions=definitions, who="me", why="", now_ms=NOW_MS)
    )
    return database


def say(database: Database, sql: str) -> None:
    """As an operator does it with a client of the database."""

    def write(connection: Connection) -> None:
        connection.exec_driver_sql(sql)

    database.write_now(write)


def take_up(database: Database) -> Found:
    return database.write_now(partial(byhand.take_up, now_ms=LATER_MS))


def row(database: Database, name: str = "slow_task") -> TaskRow:
    (found,) = database.read_now(partial(tasks.load, names=[name]))
    return found


def versions(database: Database, name: str = "slow_task") -> tuple[Version, ...]:
    return database.read_now(partial(tasks.versions, task_name=name))


def test_the_operators_update_becomes_a_version_of_the_database(filled: Database) -> None:
    say(filled, OPERATORS_UPDATE)

    found = take_up(filled)

    assert [task.task_name for task in found.changed] == ["slow_task"]
    assert found.refused == ()
    newest, before = versions(filled)
    assert (newest.changed_by, newest.why) == ("database", "changed in the database")
    assert (newest.def_rev, newest.changed_ms) == (2, LATER_MS)
    assert (before.definition.timeout_seconds, newest.definition.timeout_seconds) == (60, 900)
    assert (row(filled).def_rev, row(filled).definition.timeout_seconds) == (2, 900)
    assert take_up(filled) == Found()


def test_nothing_is_taken_up_of_what_came_by_the_usual_way(filled: Database) -> None:
    filled.write_now(
        partial(
            tasks.apply,
            definitions=[a_task("slow_task", timeout_seconds=70, retry_jitter=0.123456789)],
            who="me",
            why="",
            now_ms=NOW_MS + 1,
        )
    )
    filled.write_now(
        partial(
            tasks.set_flags,
            names=["other"],
            paused=True,
            until_ms=LATER_MS,
            reason="holidays",
            who="me",
            now_ms=NOW_MS + 2,
        )
    )
    filled.write_now(partial(tasks.remove, names=["other"], who="me", why="", now_ms=NOW_MS + 3))

    assert take_up(filled) == Found()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("timeout_seconds", "-5", "timeout_seconds = -5: must be from 1 to"),
        ("timeout_seconds", "0", "timeout_seconds = 0"),
        ("schedule", "'61 * * * *'", "61"),
        ("timezone", "'Mars/Olympus'", "Mars/Olympus"),
        ("overlap", "'sometimes'", "overlap"),
        ("after", """'["nobody"]'""", "there is no such task"),
        ("calendars", """'["gone"]'""", "gone"),
        ("environment", "'{'", "environment"),
        ("retry_cap_s", "5", "retry_cap_s"),
    ],
)
def test_nonsense_is_put_back_and_the_last_good_definition_stays(
    filled: Database, column: str, value: str, said: str
) -> None:
    before = row(filled)
    say(filled, f"UPDATE smart_cron_tasks_config SET {column} = {value} {OF_SLOW_TASK}")  # noqa: S608 - our own words

    found = take_up(filled)

    (refused,) = found.refused
    assert (refused.task_name, refused.def_rev) == ("slow_task", 1)
    assert said in refused.cause
    assert found.changed == ()
    assert row(filled).definition == before.definition
    assert (row(filled).def_rev, row(filled).watermark_ms) == (1, NOW_MS)
    assert len(versions(filled)) == 1
    assert take_up(filled) == Found()


def test_one_that_is_refused_does_not_hold_up_another(filled: Database) -> None:
    say(filled, OPERATORS_UPDATE)
    say(filled, "UPDATE smart_cron_tasks_config SET priority = 77 WHERE task_name = 'other'")

    found = take_up(filled)

    assert [task.task_name for task in found.changed] == ["slow_task"]
    assert [refusal.task_name for refusal in found.refused] == ["other"]


def test_another_timing_by_hand_has_only_moments_that_are_later(filled: Database) -> None:
    say(
        filled,
        "UPDATE smart_cron_tasks_config SET schedule = '*/5 * * * *' WHERE task_name = 'slow_task'",
    )

    (task,) = take_up(filled).changed

    assert task.definition.schedule == ("*/5 * * * *",)
    assert row(filled).watermark_ms == LATER_MS


def test_a_task_disabled_or_paused_by_hand_is_a_version_too(filled: Database) -> None:
    say(filled, "UPDATE smart_cron_tasks_config SET enabled = 0 WHERE task_name = 'slow_task'")
    say(filled, "UPDATE smart_cron_tasks_config SET paused = 1 WHERE task_name = 'other'")

    take_up(filled)

    assert versions(filled)[0].enabled is False
    assert versions(filled, "other")[0].paused is True
    assert take_up(filled) == Found()


def test_a_task_deleted_by_hand_is_due_no_more(filled: Database) -> None:
    say(filled, "DELETE FROM smart_cron_tasks_config WHERE task_name = 'other'")

    assert take_up(filled).gone == ("other",)

    newest = versions(filled, "other")[0]
    assert (newest.enabled, newest.why) == (False, "removed in the database")
    assert take_up(filled) == Found()


def test_a_task_copied_by_hand_is_a_first_version(filled: Database) -> None:
    fields = [name for name in Definition.__struct_fields__ if name != "task_name"]
    beside = ["paused", "watermark", "def_rev", "created_at", "updated_at"]
    columns = ", ".join((*fields, *beside)).replace(" after,", " `after`,")
    say(
        filled,
        f"INSERT INTO smart_cron_tasks_config (task_name, {columns}) "  # noqa: S608 - columns of ours
        f"SELECT 'copy', {columns} FROM smart_cron_tasks_config WHERE task_name = 'slow_task'",
    )

    (task,) = take_up(filled).changed

    assert (task.task_name, task.def_rev, task.watermark_ms) == ("copy", 1, LATER_MS)
    assert versions(filled, "copy")[0].why == "changed in the database"


def test_what_others_write_moves_the_mark_and_our_own_upkeep_does_not(
    filled: Database, url: str
) -> None:
    before = filled.write_now(byhand.mark)
    say(filled, "UPDATE smart_cron_state SET value = 'x'")
    assert filled.write_now(byhand.mark) == before

    other = Database.open(url)
    say(other, OPERATORS_UPDATE)
    other.close()

    assert filled.write_now(byhand.mark) != before


def test_a_look_at_four_times_as_many_tasks_takes_about_four_times_as_long(
    database: Database,
) -> None:
    steps = []

    def look(connection: Connection) -> None:
        assert byhand.take_up(connection, now_ms=LATER_MS) == Found()

    for names in (range(500), range(500, 2_000)):
        definitions = [a_task(f"task-{number}") for number in names]
        database.write_now(
            partial(tasks.register, definitions=definitions, who="me", why="", now_ms=NOW_MS)
        )
        steps.append(database.write_now(lambda connection: steps_in(partial(look, connection))))

    assert steps[1] < 5 * steps[0]
