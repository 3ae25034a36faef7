"""Step 4: indexes for pages of history, totals of rollups, metrics of minutes and hours."""

import json
from collections.abc import Iterable
from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    text,
)

from schema.columns import Instant, Json

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
RUNS = "smart_cron_executions"
ROLLUPS = "smart_cron_rollups"
TOTALS = "smart_cron_rollup_totals"
SUMS = ("runs", "failures", "timed_runs", "sum_ms")
AT_ONCE = 500


def upgrade() -> None:
    op.add_column(RUNS, Column("host", String(length=64)))
    op.create_index(f"ix_{RUNS}_task_name_status_id", RUNS, ["task_name", "status", "id"])
    op.create_index(f"ix_{RUNS}_trigger_type_id", RUNS, ["trigger_type", "id"])
    op.create_index(f"ix_{RUNS}_category_id", RUNS, ["category", "id"])
    op.create_index(f"ix_{RUNS}_host_id", RUNS, ["host", "id"])
    for column in _usage():
        op.add_column(ROLLUPS, column)
    op.create_table(
        TOTALS,
        Column("task_name", String(length=64), nullable=False),
        Column("step_hours", Integer(), autoincrement=False, nullable=False),
        Column("begins_at", Instant(), nullable=False),
        *_counts(),
        *_usage(),
        PrimaryKeyConstraint(
            "task_name", "step_hours", "begins_at", name="pk_smart_cron_rollup_totals"
        ),
        **MYSQL,
    )
    op.create_index(f"ix_{TOTALS}_begins_at", TOTALS, ["begins_at"])
    op.create_table(
        "smart_cron_metric_steps",
        Column("subject", String(length=64), nullable=False),
        Column("metric_name", String(length=64), nullable=False),
        Column("step_s", Integer(), autoincrement=False, nullable=False),
        Column("recorded_at", Instant(), nullable=False),
        Column("samples", Integer(), nullable=False),
        Column("mean", Float(53), nullable=False),
        Column("lowest", Float(53), nullable=False),
        Column("highest", Float(53), nullable=False),
        PrimaryKeyConstraint(
            "subject", "metric_name", "step_s", "recorded_at", name="pk_smart_cron_metric_steps"
        ),
        **MYSQL,
    )
    op.create_index(
        "ix_smart_cron_metric_steps_step_s_recorded_at",
        "smart_cron_metric_steps",
        ["step_s", "recorded_at"],
    )
    _sum_up()


def _counts() -> tuple[Column[Any], ...]:
    return (
        Column("runs", Integer(), nullable=False),
        Column("failures", Integer(), nullable=False),
        Column("timed_runs", Integer(), nullable=False),
        Column("sum_ms", BigInteger(), nullable=False),
        Column("max_ms", BigInteger(), nullable=False),
        Column("histogram", Json(), nullable=False),
    )


def _usage() -> tuple[Column[Any], ...]:
    """What runs used was not counted before: their rows are, where `stats rebuild` is called."""
    return (
        Column("retries", Integer(), nullable=False, server_default="0"),
        Column("used_runs", Integer(), nullable=False, server_default="0"),
        Column("sum_cpu_ms", BigInteger(), nullable=False, server_default="0"),
        Column("sum_rss", BigInteger(), nullable=False, server_default="0"),
        Column("max_rss", BigInteger(), nullable=False, server_default="0"),
    )


def _sum_up() -> None:
    """Make the totals of the hours that are there, one day after the other."""
    connection = op.get_bind()
    table = Table(
        TOTALS,
        MetaData(),
        Column("task_name", String(64)),
        Column("step_hours", Integer),
        Column("begins_at", String(32)),
        *_counts(),
    )
    hours = connection.execute(
        text(
            "SELECT task_name, hour_at, runs, failures, timed_runs, sum_ms, max_ms, histogram"
            " FROM smart_cron_rollups ORDER BY hour_at"
        )
    ).all()
    day = ""
    totals: dict[tuple[str, int, str], dict[str, Any]] = {}
    for row in hours:
        hour = str(row.hour_at)
        if hour[:10] != day:
            _write(connection, table, totals.values())
            totals, day = {}, hour[:10]
        midnight = f"{day} 00:00:00.000"
        for key in ((row.task_name, 24, midnight), ("", 1, hour), ("", 24, midnight)):
            _add(totals.setdefault(key, _nothing(key)), row)
    _write(connection, table, totals.values())


def _nothing(key: tuple[str, int, str]) -> dict[str, Any]:
    name, hours, begins_at = key
    return {
        "task_name": name,
        "step_hours": hours,
        "begins_at": begins_at,
        **dict.fromkeys((*SUMS, "max_ms"), 0),
        "histogram": {},
    }


def _add(total: dict[str, Any], row: Any) -> None:
    for name in SUMS:
        total[name] += getattr(row, name)
    total["max_ms"] = max(total["max_ms"], row.max_ms)
    for bucket, count in json.loads(row.histogram).items():
        total["histogram"][bucket] = total["histogram"].get(bucket, 0) + count


def _write(connection: Any, table: Table, totals: Iterable[dict[str, Any]]) -> None:
    rows = list(totals)
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(insert(table), rows[start : start + AT_ONCE])
