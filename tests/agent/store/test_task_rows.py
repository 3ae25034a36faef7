"""What becomes of a task, and of its neighbours, when somebody wrote nonsense into its row?"""

from functools import partial

import pytest
from sqlalchemy import text

from agent.errors import Conflict, NotStorable, StorageError
from agent.store import calendars, plans, tasks
from agent.store.database import Database
from tests.agent.store.makings import HOUR_MS, NOW_MS, a_task

NONSENSE = (
    ("calendars", "nonsense"),
    ("after", "{"),
    ("schedule", '["0 1 * * *", 5'),
    ("missed", "sometimes"),
    ("overlap", "never"),
    ("environment", '{"A": 1}'),
)
# What SQLite keeps as it is written, and MariaDB, asked to be strict, does not take.
OF_ANOTHER_KIND = (
    ("priority", "abc"),
    ("start_deadline_s", "1.5 minutes"),
    ("watermark", "yesterday"),
    ("paused_until", "tomorrow"),
    ("def_rev", "first"),
)


def register(database: Database, *names: str) -> None:
    definitions = [a_task(name, priority=2) for name in names]
    database.write_now(
        partial(tasks.register, definitions=definitions, who="me", why="", now_ms=NOW_MS)
    )


def write(database: Database, table: str, column: str, value: object) -> None:
    """As an operator does it by hand, who knows no better."""
    statement = text(f"update {table} set {column} = :value where task_name = 'bad'")  # noqa: S608 - names from above
    database.write_now(lambda connection: connection.execute(statement, {"value": value}))


@pytest.mark.parametrize(("column", "value"), [one for one in NONSENSE if one[0] != "schedule"])
def test_a_row_that_cannot_be_read_is_a_task_with_a_fault_and_no_other_suffers(
    database: Database, column: str, value: object
) -> None:
    is_a_task_with_a_fault(database, column, value)


@pytest.mark.parametrize(("column", "value"), OF_ANOTHER_KIND)
def test_a_value_of_another_kind_is_a_fault_too(
    sqlite_database: Database, column: str, value: object
) -> None:
    is_a_task_with_a_fault(sqlite_database, column, value)


@pytest.mark.parametrize(("column", "value"), OF_ANOTHER_KIND)
def test_mariadb_takes_no_value_of_another_kind(
    mariadb_url: str, column: str, value: object
) -> None:
    database = Database.open(mariadb_url)
    register(database, "bad")
    before = database.read_now(tasks.load_all)

    with pytest.raises((NotStorable, StorageError)):
        write(database, "smart_cron_tasks_config", column, value)

    assert database.read_now(tasks.load_all) == before
    database.close()


def is_a_task_with_a_fault(database: Database, column: str, value: object) -> None:
    register(database, "bad", "good")
    (_, good) = database.read_now(tasks.load_all)

    write(database, "smart_cron_tasks_config", column, value)

    bad, other = database.read_now(tasks.load_all)
    assert other == good
    assert (bad.task_name, bad.enabled) == ("bad", False)
    assert bad.fault is not None
    assert column in bad.fault
    assert database.read_now(partial(tasks.load, names=["bad"])) == (bad,)
    assert database.read_now(tasks.export) == (good.definition,)
    planned, _ = database.read_now(partial(plans.load, now_ms=NOW_MS))
    assert [task.task_name for task in planned] == ["good"]
    assert database.read_now(calendars.users) == {}


@pytest.mark.parametrize(("column", "value"), NONSENSE)
def test_a_whole_definition_mends_the_row_and_goes_on_where_the_task_stood(
    database: Database, column: str, value: object
) -> None:
    is_mended(database, column, value)


@pytest.mark.parametrize(("column", "value"), OF_ANOTHER_KIND)
def test_a_whole_definition_mends_a_value_of_another_kind(
    sqlite_database: Database, column: str, value: object
) -> None:
    is_mended(sqlite_database, column, value)


def is_mended(database: Database, column: str, value: object) -> None:
    register(database, "bad", "good")
    write(database, "smart_cron_tasks_config", column, value)

    applied = database.write_now(
        partial(
            tasks.apply,
            definitions=[a_task("bad", priority=2)],
            who="me",
            why="mended",
            now_ms=NOW_MS + HOUR_MS,
        )
    )

    (mended,) = database.read_now(partial(tasks.load, names=["bad"]))
    assert applied.changed == ("bad",)
    assert (mended.fault, mended.def_rev, mended.enabled) == (None, 2, True)
    assert mended.definition == a_task("bad", priority=2)


def test_what_hides_a_secret_is_not_shown_in_a_fault(database: Database) -> None:
    register(database, "bad")
    write(database, "smart_cron_tasks_config", "environment", "{'TOKEN': 'hush'}")

    (bad,) = database.read_now(tasks.load_all)

    assert bad.fault is not None
    assert "environment" in bad.fault
    assert "hush" not in bad.fault


def test_a_task_that_cannot_be_read_is_not_changed_in_part_and_may_be_removed(
    database: Database,
) -> None:
    register(database, "bad", "good")
    write(database, "smart_cron_tasks_config", "missed", "sometimes")

    with pytest.raises(Conflict, match="missed"):
        database.write_now(
            partial(tasks.set_flags, names=["good", "bad"], paused=True, who="me", now_ms=NOW_MS)
        )

    assert not any(task.paused for task in database.read_now(tasks.load_all))
    database.write_now(partial(tasks.remove, names=["bad"], who="me", why="", now_ms=NOW_MS))
    assert [task.task_name for task in database.read_now(tasks.load_all)] == ["good"]


def test_another_task_may_still_come_after_others_beside_one_that_cannot_be_read(
    database: Database,
) -> None:
    register(database, "bad", "good")
    write(database, "smart_cron_tasks_config", "after", "{")

    follower = a_task("follower", schedule=(), after=("good",))
    database.write_now(
        partial(tasks.apply, definitions=[follower], who="me", why="", now_ms=NOW_MS)
    )

    assert "follower" in [task.task_name for task in database.read_now(tasks.load_all)]


@pytest.mark.parametrize("value", ["{}", "nonsense", '{"task_name": 5}'])
def test_an_old_version_that_cannot_be_read_is_left_out(database: Database, value: str) -> None:
    register(database, "bad", "good")
    write(database, "smart_cron_task_versions", "definition", value)
    database.write_now(
        partial(
            tasks.apply,
            definitions=[a_task("bad", priority=4)],
            who="me",
            why="",
            now_ms=NOW_MS + HOUR_MS,
        )
    )

    history = database.read_now(partial(tasks.history, until_ms=NOW_MS + 2 * HOUR_MS))
    since = database.read_now(
        partial(tasks.history, until_ms=NOW_MS + 2 * HOUR_MS, changed_after_ms=NOW_MS)
    )

    assert [span.from_ms for span in history["bad"]] == [NOW_MS + HOUR_MS]
    assert [span.from_ms for span in since["bad"]] == [NOW_MS + HOUR_MS]
    assert [span.from_ms for span in history["good"]] == [NOW_MS]
    assert database.read_now(partial(tasks.definition_of, task_name="bad", def_rev=1)) is None
    (newest,) = database.read_now(partial(tasks.versions, task_name="bad"))
    assert newest.def_rev == 2
