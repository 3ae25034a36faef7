"""Which tables there are: the older system's queries work, every field has its column."""

import msgspec
import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from agent.definitions import Definition
from agent.runs import Run
from agent.store import checks, ledger
from agent.store.checks import Check
from agent.store.ledger import COLUMN_OF
from agent.store.metrics import record
from agent.store.tasks import register
from schema.migrate import bring_up
from schema.tables import executions, health_checks, metrics, tasks
from tests.agent.store.makings import NOW_MS, a_run, a_task, end, ended

OPERATORS_QUERIES = [
    "SELECT * FROM smart_cron_tasks_config;",
    "SELECT * FROM smart_cron_executions ORDER BY started_at DESC LIMIT 50;",
    "SELECT * FROM smart_cron_executions WHERE status = 'error' ORDER BY started_at DESC LIMIT 10;",
    "SELECT * FROM smart_cron_alerts WHERE status = 'active';",
    "SELECT * FROM smart_cron_health_checks ORDER BY checked_at DESC LIMIT 20;",
    "SELECT * FROM smart_cron_metrics ORDER BY recorded_at DESC LIMIT 100;",
    "SELECT task_name, timeout_seconds, avg_duration_ms FROM smart_cron_tasks_config;",
]

OPERATORS_UPDATE = (
    "UPDATE smart_cron_tasks_config SET timeout_seconds = 900 WHERE task_name = 'slow_task';"
)
CHECK = Check(
    check_name="disk:/", kind="disk", status="ok", checked_ms=NOW_MS, message="", value=40.0
)
TELLING = {"task_name": "slow_task", "metric_name": "cpu", "check_name": "disk:/"}
TIMES = ("started_at", "opened_at", "checked_at", "recorded_at", "created_at")


def planned(connection: Connection, sql: str) -> str:
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
        return "; ".join(row[3] for row in rows)
    (row,) = connection.exec_driver_sql(f"EXPLAIN FORMAT = TRADITIONAL {sql}").all()
    return f"USING {row.key}; {row.Extra}" if row.key else "all rows"


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """A task, a failed run with its alert, a check and a reading, as the agent writes them."""
    with engine.begin() as connection:
        bring_up(connection, migrate=True)
        register(connection, [a_task("slow_task")], who="me", why="", now_ms=NOW_MS)
        run = a_run(task_name="slow_task")
        ledger.claim(connection, [run], now_ms=NOW_MS)
        end(connection, ended(run, "error"))
        checks.record(connection, [CHECK])
        record(connection, {"cpu": 12.5}, at_ms=NOW_MS)
    return engine


@pytest.mark.parametrize("sql", OPERATORS_QUERIES)
def test_a_query_of_the_older_system_works_unchanged(filled: Engine, sql: str) -> None:
    with filled.begin() as connection:
        (row,) = connection.exec_driver_sql(sql).all()

    said = row._mapping
    assert TELLING.items() >= {name: said[name] for name in TELLING.keys() & said.keys()}.items()
    times = [str(value) for name, value in said.items() if name in TIMES]
    assert all(at.startswith("2026-11-24 06:00:00") for at in times)


def test_the_older_systems_update_works_unchanged(filled: Engine) -> None:
    with filled.begin() as connection:
        changed = connection.exec_driver_sql(OPERATORS_UPDATE)
        seconds = connection.exec_driver_sql(OPERATORS_QUERIES[-1]).one().timeout_seconds

    assert (changed.rowcount, seconds) == (1, 900)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM smart_cron_executions ORDER BY started_at DESC LIMIT 50",
        "SELECT * FROM smart_cron_executions ORDER BY id DESC LIMIT 50",
        "SELECT * FROM smart_cron_executions WHERE task_name = 'backup' ORDER BY id DESC LIMIT 50",
        "SELECT * FROM smart_cron_executions WHERE status = 'error' ORDER BY id DESC LIMIT 50",
        "SELECT * FROM smart_cron_health_checks ORDER BY checked_at DESC LIMIT 20",
        "SELECT * FROM smart_cron_metrics ORDER BY recorded_at DESC LIMIT 100",
    ],
)
def test_the_newest_rows_are_read_from_an_index_and_not_sorted(sql: str, engine: Engine) -> None:
    with engine.begin() as connection:
        bring_up(connection, migrate=True)
        if engine.dialect.name != "sqlite":
            # A table without rows is sorted by anybody.
            for place in range(0, 4_000, 500):
                runs = [ended(a_run(NOW_MS + place + n), "success") for n in range(500)]
                ledger.claim(connection, runs, now_ms=NOW_MS)
            readings = {f"m{n}": 1.0 for n in range(500)}
            for at_ms in range(NOW_MS, NOW_MS + 4):
                record(connection, readings, at_ms=at_ms)
                few = [
                    msgspec.structs.replace(CHECK, checked_ms=at_ms + n, message="x" * 500)
                    for n in range(1_000)
                ]
                checks.record(connection, few)

    with engine.begin() as connection:
        if engine.dialect.name != "sqlite":
            for table in (executions, metrics, health_checks):
                connection.exec_driver_sql(f"ANALYZE TABLE {table.name}")
        plan = planned(connection, sql)

    assert "USING" in plan
    assert "TEMP B-TREE" not in plan
    assert "filesort" not in plan


def test_every_field_of_a_definition_has_a_column_of_its_name() -> None:
    assert set(Definition.__struct_fields__) <= set(tasks.c.keys())


def test_every_column_of_the_ledger_is_a_field_of_a_run() -> None:
    assert set(COLUMN_OF) == set(Run.__struct_fields__)
    assert sorted(COLUMN_OF.values()) == sorted(executions.c.keys())
