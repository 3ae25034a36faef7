"""Rows that nobody wrote are told from those that somebody did."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import Damaged
from agent.store import ledger, salvage
from agent.store.database import Database
from agent.store.plausible import check_of
from schema.tables import audit, clients, executions, metadata
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS, a_run
from tests.agent.store.test_moving import fill

NAMES = [column.name for column in executions.columns]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    file = tmp_path / "file.sqlite3"
    database = Database.open(fresh_file(file))
    database.write_now(fill)
    database.close()
    return file


def test_what_was_written_is_never_taken_for_damage(filled: Path) -> None:
    assert salvage.damage(f"sqlite:///{filled}") == ()
    with closing(sqlite3.connect(filled)) as raw:
        for table in metadata.sorted_tables:
            names = [column.name for column in table.columns]
            check = check_of(table, names)
            rows = raw.execute(f"SELECT {', '.join(names)} FROM {table.name}")  # noqa: S608 - ours
            for row in rows:
                check(row)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "nonsensenonsensenonsenseno"),
        ("id", "01M8CE45T20YT0YPCAZ5DG0JQU"),
        ("task_name", "backup\0\0\0"),
        ("task_name", None),
        ("attempt", "nonsense"),
        ("status", "nonsens"),
        ("trigger_type", "schedulf"),
        ("queued_at", "sensenonsensenonsenseno"),
        ("started_at", "2026-13-24 07:05:00.000"),
        ("metrics", '{"rows": nonsense'),
        ("frames", '["nonsense"]'),
        ("output_tail", b"\xff\xfe"),
    ],
)
def test_a_value_that_its_column_never_held_is_named_by_its_column_and_not_told(
    filled: Path, column: str, value: object
) -> None:
    with closing(sqlite3.connect(filled)) as raw:
        query = f"SELECT {', '.join(NAMES)} FROM {executions.name}"  # noqa: S608 - our own names
        good = raw.execute(query).fetchone()
    bad = [value if name == column else kept for name, kept in zip(NAMES, good, strict=True)]
    check = check_of(executions, NAMES)
    check(good)

    with pytest.raises(ValueError, match=f"^{column} ") as caught:
        check(bad)

    assert "nonsens" not in str(caught.value)


def test_what_somebody_broke_of_a_task_is_no_damage_of_the_file(filled: Path) -> None:
    """It is told of the task; a whole file would be set aside for it."""
    with closing(sqlite3.connect(filled)) as raw:
        for statement in (
            "UPDATE smart_cron_task_versions SET definition = 'nonsense'",
            "UPDATE smart_cron_tasks_config SET tags = 'nonsense', updated_at = 'now'",
        ):
            assert raw.execute(statement).rowcount
        raw.commit()

    assert salvage.damage(f"sqlite:///{filled}") == ()


def test_what_a_client_says_of_itself_is_never_taken_for_damage() -> None:
    """No door looks at each sign of it, and a whole file would be set aside for one."""
    check = check_of(clients, ["label", "platform"])

    check(["desk", "linux\0"])
    check_of(audit, ["target"])(["no\0name"])


@pytest.mark.parametrize(
    "spoiling",
    [
        "queued_at = 'sensenonsensenonsenseno'",
        "metrics = 'nonsense'",
        "output_tail = CAST(x'fffe' AS TEXT)",
    ],
)
def test_a_row_that_cannot_be_read_is_told_as_damage_of_the_file(
    tmp_path: Path, spoiling: str
) -> None:
    database = Database.open(fresh_file(tmp_path / "file.sqlite3"))
    database.write_now(lambda connection: ledger.claim(connection, [a_run()], now_ms=NOW_MS))
    assert len(database.read_now(ledger.unfinished)) == 1
    statement = f"UPDATE {executions.name} SET {spoiling}"  # noqa: S608 - our own words
    database.write_now(lambda connection: connection.exec_driver_sql(statement))

    for read in (database.read_now, database.write_now):
        with pytest.raises(Damaged, match="db recover") as caught:
            read(ledger.unfinished)
        assert "anew" not in str(caught.value), "an agent begins and does not meet each row"
        assert "sensenon" not in str(caught.value)
    assert executions.name in salvage.damage(f"sqlite:///{tmp_path / 'file.sqlite3'}")[0]
    database.close()
