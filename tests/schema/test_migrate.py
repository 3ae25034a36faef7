"""Which version a database has, and how it reaches ours."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, inspect, select, text

import schema.versions
from schema.migrate import VERSIONS, ForeignTables, UnknownVersion, bring_up, climb, current
from schema.tables import (
    VERSION_TABLE,
    alerts,
    audit,
    calendars,
    executions,
    holds,
    metadata,
    metrics,
    rollup_totals,
    rollups,
    tasks,
)


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


def test_a_database_grown_step_by_step_equals_a_new_one(engines: Callable[[], Engine]) -> None:
    shapes = []
    for make in (lambda connection: bring_up(connection, migrate=True), climb):
        with engines().begin() as connection:
            make(connection)
            assert current(connection) == VERSIONS[-1]
            shapes.append(shape(connection))

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


def test_bringing_up_twice_changes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        assert bring_up(connection, migrate=True) is None
        before = shape(connection)

        assert bring_up(connection, migrate=True) == VERSIONS[-1]

        assert shape(connection) == before


def test_without_migrate_an_empty_database_stays_empty(engine: Engine) -> None:
    with engine.begin() as connection:
        assert bring_up(connection, migrate=False) is None
        assert shape(connection) == {}


def test_a_newer_version_is_refused_by_number(engine: Engine) -> None:
    with engine.begin() as connection:
        bring_up(connection, migrate=True)
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0099'")  # noqa: S608 - a constant

        with pytest.raises(UnknownVersion) as refused:
            bring_up(connection, migrate=True)

    assert (refused.value.found, refused.value.known) == ("0099", VERSIONS[-1])


def test_tables_of_another_program_are_left_alone(engine: Engine) -> None:
    # A file is ours alone; on a server only a table that is called as ours is in the way.
    name = "customers" if engine.dialect.name == "sqlite" else "smart_cron_alerts"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {name} (id INTEGER)")

        with pytest.raises(ForeignTables, match=name):
            bring_up(connection, migrate=True)

        assert inspect(connection).get_table_names() == [name]


def test_what_was_cut_off_while_it_was_made_is_gone_on_with(engine: Engine) -> None:
    with engine.begin() as connection:
        bring_up(connection, migrate=True)
        wanted = shape(connection)
        for table in ("smart_cron_events", "smart_cron_metrics"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql(f"DELETE FROM {VERSION_TABLE}")  # noqa: S608 - a constant

        assert bring_up(connection, migrate=True) is None

        assert shape(connection) == wanted


@pytest.mark.parametrize("cut_at", [1, 4, 9, 15])
def test_a_step_that_was_cut_off_is_gone_on_with(
    engines: Callable[[], Engine], cut_at: int
) -> None:
    with engines().begin() as connection:
        bring_up(connection, migrate=True)
        wanted = shape(connection)
    engine = engines()
    with engine.begin() as connection:
        climb(connection, "0001")
    done = 0

    def cut(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal done
        done += statement.lstrip().startswith(("ALTER", "CREATE"))
        if done == cut_at:
            raise ConnectionResetError("the server is gone")

    event.listen(engine, "after_cursor_execute", cut)
    with pytest.raises(ConnectionResetError), engine.begin() as connection:
        climb(connection)
    event.remove(engine, "after_cursor_execute", cut)

    with engine.begin() as connection:
        climb(connection)

        assert current(connection) == VERSIONS[-1]
        assert shape(connection) == wanted


def test_step_2_keeps_every_task_and_gives_it_the_policies_it_had(engine: Engine) -> None:
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


def test_step_3_keeps_tasks_and_runs_and_limits_nothing_that_was_free(engine: Engine) -> None:
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


def test_step_4_keeps_the_figures_and_sums_them_up_by_day_and_for_all_tasks(engine: Engine) -> None:
    with engine.begin() as connection:
        climb(connection, "0003")
        for name, hour, runs, max_ms, histogram in (
            ("a", "2026-11-23 23", 2, 90, '{"5":2}'),
            ("a", "2026-11-24 00", 1, 70, '{"5":1}'),
            ("a", "2026-11-24 07", 4, 50, '{"5":3,"9":1}'),
            ("b", "2026-11-24 07", 8, 60, '{"9":8}'),
        ):
            connection.execute(
                text(
                    "INSERT INTO smart_cron_rollups"
                    " VALUES (:name, :hour, :runs, 1, :runs, 10, :max_ms, :histogram)"
                ),
                {
                    "name": name,
                    "hour": f"{hour}:00:00.000",
                    "runs": runs,
                    "max_ms": max_ms,
                    "histogram": histogram,
                },
            )
        connection.exec_driver_sql(
            "INSERT INTO smart_cron_executions (id, task_name, category, def_rev, scheduled_at,"
            " attempt, trigger_type, status, queued_at, output_bytes, missed_count) VALUES"
            " ('01J', 'old', 'General', 1, '2026-11-24 07:05:00.000', 1, 'schedule', 'success',"
            " '2026-11-24 07:05:00.000', 0, 1)"
        )

        climb(connection)

        run = connection.execute(select(executions)).one()._mapping
        hours = connection.execute(select(rollups)).mappings().all()
        totals = connection.execute(select(rollup_totals)).mappings().all()
    assert (run["status"], run["host"]) == ("success", None)
    assert sorted(row["runs"] for row in hours) == [1, 2, 4, 8]
    assert {row["retries"] for row in hours} == {0}
    said = {
        (row["task_name"], row["step_hours"], row["begins_at"] // 3_600_000 % 24, row["runs"])
        for row in totals
    }
    assert said == {
        ("a", 24, 0, 2),
        ("a", 24, 0, 5),
        ("b", 24, 0, 8),
        ("", 1, 23, 2),
        ("", 1, 0, 1),
        ("", 1, 7, 12),
        ("", 24, 0, 2),
        ("", 24, 0, 13),
    }
    (day,) = [row for row in totals if row["task_name"] == "" and row["runs"] == 13]
    assert (day["max_ms"], day["sum_ms"], day["histogram"]) == (70, 30, {"5": 4, "9": 9})


def test_step_5_keeps_audit_rows_outside_the_chain_and_holds_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        climb(connection, "0004")
        for number in range(2):
            connection.execute(
                text(
                    "INSERT INTO smart_cron_audit (recorded_at, key_id, label, role, address,"
                    " action, target, arguments, result) VALUES (:at, 'k', 'Anna', 'admin',"
                    " '127.0.0.1', 'task.pause', 'a', '', 'ok')"
                ),
                {"at": f"2026-11-24 07:05:00.00{number}"},
            )

        climb(connection)

        rows = connection.execute(select(audit)).all()
        held = connection.execute(select(holds)).all()
    assert [(row.label, row.chain_number, row.chain_digest) for row in rows] == [
        ("Anna", None, None)
    ] * 2
    assert held == []


def test_step_6_keeps_rows_and_takes_exact_figures_and_long_texts(engine: Engine) -> None:
    at = "2026-11-24 07:05:00.000"
    with engine.begin() as connection:
        climb(connection, "0005")
        connection.exec_driver_sql(
            f"INSERT INTO smart_cron_metrics (metric_name, recorded_at, value) VALUES ('a', '{at}', 0.5)"  # noqa: S608, E501 - constants
        )
        connection.exec_driver_sql(
            "INSERT INTO smart_cron_calendars (calendar_name, kind, definition, updated_at,"  # noqa: S608 - constants
            f" updated_by) VALUES ('c', 'blackout', '{{}}', '{at}', 'me')"
        )

        climb(connection)

        kept = connection.execute(select(metrics.c.metric_name, metrics.c.value)).all()
        long = {"text": "x" * 500_000}
        connection.execute(metrics.update().values(value=1 / 3))
        connection.execute(calendars.update().values(definition=long))
        assert [tuple(row) for row in kept] == [("a", 0.5)]
        assert connection.scalar(select(metrics.c.value)) == 1 / 3
        assert connection.scalar(select(calendars.c.definition)) == long


def test_step_7_keeps_open_alerts_and_tells_nobody_of_them_anew(engine: Engine) -> None:
    with engine.begin() as connection:
        climb(connection, "0006")
        connection.exec_driver_sql(
            "INSERT INTO smart_cron_alerts (id, dedupe_key, kind, severity, status, title, message,"
            " occurrences, opened_at, last_seen_at) VALUES ('01', 'disk_full', 'disk_full',"
            " 'critical', 'active', 'full', 'full', 3, '2026-11-24 07:05:00.000',"
            " '2026-11-24 07:05:00.000')"
        )

        climb(connection)

        row = connection.execute(select(alerts)).one()
        assert (row.status, row.occurrences, row.flaps) == ("active", 3, 0)
        assert (row.tell_at, row.told, row.resolves_at) == (None, None, None)


def test_step_9_keeps_open_alerts_which_nothing_mutes_and_nothing_caused(engine: Engine) -> None:
    with engine.begin() as connection:
        climb(connection, "0007")
        connection.exec_driver_sql(
            "INSERT INTO smart_cron_alerts (id, dedupe_key, kind, severity, status, title, message,"
            " occurrences, opened_at, last_seen_at) VALUES ('01', 'disk_full', 'disk_full',"
            " 'critical', 'active', 'full', 'full', 3, '2026-11-24 07:05:00.000',"
            " '2026-11-24 07:05:00.000')"
        )

        climb(connection)

        row = connection.execute(select(alerts)).one()
        assert (row.occurrences, row.muted_until, row.cause_id) == (3, None, None)
