"""Which tables there are: the older system's queries work, every field has its column."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection

from agent.definitions import Definition
from agent.runs import Run
from agent.store.ledger import COLUMN_OF
from schema.migrate import bring_up
from schema.tables import executions, tasks

OPERATORS_QUERIES = [
    "SELECT * FROM smart_cron_tasks_config;",
    "SELECT * FROM smart_cron_executions ORDER BY started_at DESC LIMIT 50;",
    "SELECT * FROM smart_cron_executions WHERE status = 'error' ORDER BY started_at DESC LIMIT 10;",
    "SELECT * FROM smart_cron_alerts WHERE status = 'active';",
    "SELECT * FROM smart_cron_health_checks ORDER BY checked_at DESC LIMIT 20;",
    "SELECT * FROM smart_cron_metrics ORDER BY recorded_at DESC LIMIT 100;",
    "SELECT task_name, timeout_seconds, avg_duration_ms FROM smart_cron_tasks_config;",
]


def planned(connection: Connection, sql: str) -> str:
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
    return "; ".join(row[3] for row in rows)


@pytest.mark.parametrize("sql", OPERATORS_QUERIES)
def test_a_query_of_the_older_system_works_unchanged(sql: str) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        bring_up(connection, migrate=True)

        assert connection.exec_driver_sql(sql).all() == []
    engine.dispose()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM smart_cron_executions ORDER BY started_at DESC LIMIT 50",
        "SELECT * FROM smart_cron_executions ORDER BY id DESC LIMIT 50",
        "SELECT * FROM smart_cron_executions WHERE task_name = 'a' ORDER BY id DESC LIMIT 50",
        "SELECT * FROM smart_cron_executions WHERE status = 'error' ORDER BY id DESC LIMIT 50",
        "SELECT * FROM smart_cron_health_checks ORDER BY checked_at DESC LIMIT 20",
        "SELECT * FROM smart_cron_metrics ORDER BY recorded_at DESC LIMIT 100",
    ],
)
def test_the_newest_rows_are_read_from_an_index_and_not_sorted(sql: str) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        bring_up(connection, migrate=True)

        plan = planned(connection, sql)
    engine.dispose()

    assert "USING" in plan
    assert "TEMP B-TREE" not in plan


def test_every_field_of_a_definition_has_a_column_of_its_name() -> None:
    assert set(Definition.__struct_fields__) <= set(tasks.c.keys())


def test_every_column_of_the_ledger_is_a_field_of_a_run() -> None:
    assert set(COLUMN_OF) == set(Run.__struct_fields__)
    assert sorted(COLUMN_OF.values()) == sorted(executions.c.keys())
