"""Which version a database has, and how it reaches ours."""

import ast
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect, select

import schema.versions
from schema.migrate import VERSIONS, ForeignTables, UnknownVersion, bring_up, climb, current
from schema.tables import VERSION_TABLE, audit, executions, holds, metadata, tasks


def shape(connection: Connection) -> dict[str, Any]:
    """Every table with its columns, keys and indexes, whatever the order they were made in."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": sorted(
                (each["name"], str(each["type"]), each["nullable"], each["default"])
                for each in inspector.get_columns(table)
            ),
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(
                tuple(each["column_names"]) for each in inspector.get_unique_constraints(table)
            ),
            "indexes": sorted(
                (each["name"], tuple(each["column_names"]), each["unique"])
                for each in inspector.get_indexes(table)
            ),
        }
        for table in inspector.get_table_names()
    }


def test_a_database_grown_step_by_step_equals_a_new_one() -> None:
    shapes = []
    for make in (lambda connection: bring_up(connection, migrate=True), climb):
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            make(connection)
            assert current(connection) == VERSIONS[-1]
            shapes.append(shape(connection))
        engine.dispose()

    assert shapes[0] == shapes[1]
    assert shapes[0].keys() == {*metadata.tables, VERSION_TABLE}


def test_every_step_is_known_in_order() -> None:
    steps = sorted(Path(schema.versions.__path__[0]).glob("v*.py"))
    revisions: list[str] = []
    for step in steps:
        names = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in ast.parse(step.read_text()).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        assert step.name.startswith(f"v{names['revision']}_")
        assert names["down_revision"] == (revisions[-1] if revisions else None)
        revisions.append(names["revision"])

    assert tuple(revisions) == VERSIONS


def test_bringing_up_twice_changes_nothing() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        assert bring_up(connection, migrate=True) is None
        before = shape(connection)

        assert bring_up(connection, migrate=True) == VERSIONS[-1]

        assert shape(connection) == before
    engine.dispose()


def test_without_migrate_an_empty_database_stays_empty() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        assert bring_up(connection, migrate=False) is None
        assert shape(connection) == {}
    engine.dispose()


def test_a_newer_version_is_refused_by_number() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        bring_up(connection, migrate=True)
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0099'")  # noqa: S608 - a constant

        with pytest.raises(UnknownVersion) as refused:
            bring_up(connection, migrate=True)

    assert (refused.value.found, refused.value.known) == ("0099", VERSIONS[-1])
    engine.dispose()


def test_tables_of_another_program_are_left_alone() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE customers (id INTEGER)")

        with pytest.raises(ForeignTables, match="customers"):
            bring_up(connection, migrate=True)

        assert inspect(connection).get_table_names() == ["customers"]
    engine.dispose()


def test_step_2_keeps_every_task_and_gives_it_the_policies_it_had() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        climb(connection, "0001")
        connection.exec_driver_sql(
            "INSERT INTO smart_cron_tasks_config (task_name, category, description, tags, schedule,"
            " timezone, command, shell, timeout_seconds, kill_grace_s, priority, max_retries,"
            " retry_base_s, retry_cap_s, retry_on_timeout, overlap, missed, start_deadline_s,"
            " dst_gap, dst_fold, environment, enabled, paused, watermark, def_rev, created_at,"
            " updated_at) VALUES ('old', 'General', '', '[]', '* * * * *', 'UTC', '/bin/true',"
            " 'auto', 60, 10, 3, 0, 30, 3600, 0, 'forbid', 'latest', 3600, 'after', 'first', '{}',"
            " 1, 0, '2026-11-24 07:05:00.000', 1, '2026-11-24 07:05:00.000',"
            " '2026-11-24 07:05:00.000')"
        )

        climb(connection)

        row = connection.execute(select(tasks)).one()._mapping
    assert row["schedule"] == ("* * * * *",)
    assert (row["every_nth"], row["spread_s"], row["catchup_limit"]) == (1, 0, 100)
    assert (row["calendars"], row["after"], row["in_blackout"]) == ((), (), "skip")
    assert (row["valid_from"], row["overlap_limit"], row["skip_until"]) == (None, None, None)
    engine.dispose()


def test_step_3_keeps_tasks_and_runs_and_limits_nothing_that_was_free() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        climb(connection, "0002")
        connection.exec_driver_sql(
            "INSERT INTO smart_cron_tasks_config (task_name, category, description, tags, schedule,"
            " timezone, command, shell, timeout_seconds, kill_grace_s, priority, max_retries,"
            " retry_base_s, retry_cap_s, retry_on_timeout, overlap, missed, start_deadline_s,"
            " dst_gap, dst_fold, environment, enabled, paused, watermark, def_rev, created_at,"
            " updated_at) VALUES ('old', 'General', '', '[]', '* * * * *', 'UTC', '/bin/true',"
            " 'auto', 60, 10, 3, 0, 30, 3600, 0, 'forbid', 'latest', 3600, 'after', 'first', '{}',"
            " 1, 0, '2026-11-24 07:05:00.000', 1, '2026-11-24 07:05:00.000',"
            " '2026-11-24 07:05:00.000')"
        )
        connection.exec_driver_sql(
            "INSERT INTO smart_cron_executions (id, task_name, category, def_rev, scheduled_at,"
            " attempt, trigger_type, status, queued_at, output_bytes, missed_count) VALUES"
            " ('01J', 'old', 'General', 1, '2026-11-24 07:05:00.000', 1, 'schedule', 'success',"
            " '2026-11-24 07:05:00.000', 0, 1)"
        )

        climb(connection)

        task = connection.execute(select(tasks)).one()._mapping
        run = connection.execute(select(executions)).one()._mapping
    assert (task["kind"], task["leftovers"], task["umask"]) == ("command", "kill", "077")
    assert (task["nice"], task["io_class"], task["sandbox"]) == (0, "normal", ())
    assert (task["cpu_limit_s"], task["no_new_privs"], task["output_limit_mb"]) == (None,) * 3
    assert (task["retry_factor"], task["retry_jitter"], task["exit_statuses"]) == (2.0, 0.2, {})
    assert (run["status"], run["error_class"], run["metrics"]) == ("success", None, None)
    engine.dispose()


def test_step_5_keeps_audit_rows_outside_the_chain_and_holds_nothing() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        climb(connection, "0004")
        for _ in range(2):
            connection.exec_driver_sql(
                "INSERT INTO smart_cron_audit (recorded_at, key_id, label, role, address, action,"
                " target, arguments, result) VALUES ('2026-11-24 07:05:00.000', 'k', 'Anna',"
                " 'admin', '127.0.0.1', 'task.pause', 'a', '', 'ok')"
            )

        climb(connection)

        rows = connection.execute(select(audit)).all()
        held = connection.execute(select(holds)).all()
    assert [(row.label, row.chain_number, row.chain_digest) for row in rows] == [
        ("Anna", None, None)
    ] * 2
    assert held == []
    engine.dispose()
