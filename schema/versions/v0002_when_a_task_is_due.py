"""Step 2: policies of due moments, chains, calendars, and what happened to the clock."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    TextClause,
    text,
)

from schema.columns import CountedId, Instant, Json, TextList

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
NO_TEXTS: TextClause = text("('[]')")


def upgrade() -> None:
    _let_tasks_say_more()
    op.add_column("smart_cron_executions", Column("caused_by", String(length=26)))
    op.add_column("smart_cron_executions", Column("note", Text()))
    op.create_table(
        "smart_cron_events",
        Column("id", CountedId, autoincrement=True, nullable=False),
        Column("happened_at", Instant(), nullable=False),
        Column("kind", String(length=32), nullable=False),
        Column("size_ms", BigInteger()),
        Column("message", Text(), nullable=False),
        Column("details", Json(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_smart_cron_events"),
        **MYSQL,
    )
    op.create_index("ix_smart_cron_events_kind_id", "smart_cron_events", ["kind", "id"])
    op.create_index("ix_smart_cron_events_happened_at", "smart_cron_events", ["happened_at"])
    op.create_table(
        "smart_cron_calendars",
        Column("calendar_name", String(length=64), nullable=False),
        Column("kind", String(length=16), nullable=False),
        Column("definition", Json(), nullable=False),
        Column("updated_at", Instant(), nullable=False),
        Column("updated_by", String(length=128), nullable=False),
        PrimaryKeyConstraint("calendar_name", name="pk_smart_cron_calendars"),
        **MYSQL,
    )


def _let_tasks_say_more() -> None:
    """What a task did so far is what these say when they are left alone."""
    for column in (
        Column("valid_from", String(length=16)),
        Column("valid_until", String(length=16)),
        Column("every_nth", Integer(), nullable=False, server_default="1"),
        Column("spread_s", Integer(), nullable=False, server_default="0"),
        Column("overlap_limit", Integer()),
        Column("catchup_limit", Integer(), nullable=False, server_default="100"),
        Column("calendars", TextList(), nullable=False, server_default=NO_TEXTS),
        Column("in_blackout", String(length=8), nullable=False, server_default="skip"),
        Column("after", TextList(), nullable=False, server_default=NO_TEXTS),
        Column("after_on", String(length=8), nullable=False, server_default="success"),
        Column("after_delay_s", Integer(), nullable=False, server_default="0"),
        Column("skip_until", Instant()),
        Column("skip_reason", Text()),
    ):
        op.add_column("smart_cron_tasks_config", column)
