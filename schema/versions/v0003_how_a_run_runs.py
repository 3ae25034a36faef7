"""Step 3: limits, isolation and error tables of a task; what a run used and told."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    TextClause,
    text,
)

from schema.columns import Instant, Json, TextList

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
NO_TEXTS: TextClause = text("('[]')")
NO_NAMES: TextClause = text("('{}')")


def upgrade() -> None:
    _let_tasks_say_more()
    _let_runs_say_more()
    op.create_table(
        "smart_cron_run_samples",
        Column("run_id", String(length=26), nullable=False),
        Column("sampled_at", Instant(), nullable=False),
        Column("cpu_ms", BigInteger(), nullable=False),
        Column("rss_bytes", BigInteger(), nullable=False),
        Column("processes", Integer(), nullable=False),
        PrimaryKeyConstraint("run_id", "sampled_at", name="pk_smart_cron_run_samples"),
        **MYSQL,
    )
    op.create_index(
        "ix_smart_cron_run_samples_sampled_at", "smart_cron_run_samples", ["sampled_at"]
    )


def _let_tasks_say_more() -> None:
    """What a task did so far is what these say when they are left alone."""
    for column in (
        Column("kind", String(length=16), nullable=False, server_default="command"),
        Column("warn_after_seconds", Integer()),
        Column("leftovers", String(length=8), nullable=False, server_default="kill"),
        Column("ping_grace_s", Integer(), nullable=False, server_default="300"),
        Column("retry_factor", Float(), nullable=False, server_default="2"),
        Column("retry_jitter", Float(), nullable=False, server_default="0.2"),
        Column("exit_statuses", Json(), nullable=False, server_default=NO_NAMES),
        Column("disable_after_failures", Integer()),
        Column("cpu_limit_s", Integer()),
        Column("process_limit", Integer()),
        Column("open_files_limit", Integer()),
        Column("file_size_limit_mb", Integer()),
        Column("output_limit_mb", Integer()),
        Column("nice", Integer(), nullable=False, server_default="0"),
        Column("io_class", String(length=8), nullable=False, server_default="normal"),
        Column("cpus", String(length=64)),
        Column("run_as_group", String(length=64)),
        Column("umask", String(length=4), nullable=False, server_default="077"),
        Column("no_new_privs", Boolean()),
        Column("sandbox", TextList(), nullable=False, server_default=NO_TEXTS),
        Column("writable_paths", TextList(), nullable=False, server_default=NO_TEXTS),
        Column("failures_in_row", Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("smart_cron_tasks_config", column)


def _let_runs_say_more() -> None:
    for column in (
        Column("read_bytes", BigInteger()),
        Column("written_bytes", BigInteger()),
        Column("minor_faults", BigInteger()),
        Column("major_faults", BigInteger()),
        Column("warned_at", Instant()),
        Column("error_class", String(length=16)),
        Column("progress", Integer()),
        Column("progress_note", Text()),
        Column("metrics", Json()),
        Column("frames", Json()),
    ):
        op.add_column("smart_cron_executions", column)
