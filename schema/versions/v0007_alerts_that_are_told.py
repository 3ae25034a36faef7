"""Step 7: the life of alerts, what people said of them, and messages on their way."""

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Text

from schema.columns import Instant, LongText, TextList

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Alerts from before are told to nobody: who watched has seen them."""
    for column in (
        Column("flaps", Integer(), nullable=False, server_default="0"),
        Column("resolves_at", Instant()),
        Column("tell_at", Instant()),
        Column("told", String(16)),
    ):
        op.add_column("smart_cron_alerts", column)
    op.create_index("ix_smart_cron_alerts_tell_at", "smart_cron_alerts", ["tell_at"])
    op.create_table(
        "smart_cron_alert_notes",
        Column(
            "id",
            BigInteger().with_variant(Integer(), "sqlite"),
            nullable=False,
            autoincrement=True,
        ),
        Column("alert_id", String(26), nullable=False),
        Column("noted_at", Instant(), nullable=False),
        Column("noted_by", String(128), nullable=False),
        Column("what", String(16), nullable=False),
        Column("note", Text(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_smart_cron_alert_notes"),
        **MYSQL,
    )
    op.create_index(
        "ix_smart_cron_alert_notes_alert_id_id", "smart_cron_alert_notes", ["alert_id", "id"]
    )
    op.create_index("ix_smart_cron_alert_notes_noted_at", "smart_cron_alert_notes", ["noted_at"])
    op.create_table(
        "smart_cron_outbox",
        Column("id", String(26), nullable=False),
        Column("channel", String(16), nullable=False),
        Column("severity", String(16), nullable=False),
        Column("state", String(16), nullable=False),
        Column("recipients", TextList(), nullable=False),
        Column("subject", String(255), nullable=False),
        Column("thread", String(64), nullable=False),
        Column("plain", LongText(), nullable=False),
        Column("html", LongText(), nullable=False),
        Column("created_at", Instant(), nullable=False),
        Column("due_at", Instant(), nullable=False),
        Column("attempts", Integer(), nullable=False),
        Column("last_error", Text()),
        Column("receipt", Text()),
        Column("sent_at", Instant()),
        PrimaryKeyConstraint("id", name="pk_smart_cron_outbox"),
        **MYSQL,
    )
    op.create_index("ix_smart_cron_outbox_state_due_at", "smart_cron_outbox", ["state", "due_at"])
    op.create_index("ix_smart_cron_outbox_created_at", "smart_cron_outbox", ["created_at"])
