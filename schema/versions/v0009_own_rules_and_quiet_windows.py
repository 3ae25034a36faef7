"""Step 9: own rules of alerts, windows in which nobody is told, and what an alert came of."""

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, PrimaryKeyConstraint, String, Text

from schema.columns import Instant, LongJson

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Alerts from before are muted by nothing and came of nothing that is known."""
    op.add_column("smart_cron_alerts", Column("muted_until", Instant()))
    op.add_column("smart_cron_alerts", Column("cause_id", String(26)))
    op.create_index("ix_smart_cron_alerts_muted_until", "smart_cron_alerts", ["muted_until"])
    op.create_index("ix_smart_cron_alerts_cause_id", "smart_cron_alerts", ["cause_id"])
    op.create_table(
        "smart_cron_alert_rules",
        Column("rule_name", String(64), nullable=False),
        Column("severity", String(16), nullable=False),
        Column("enabled", Boolean(), nullable=False),
        Column("definition", LongJson(), nullable=False),
        Column("rev", Integer(), nullable=False),
        Column("updated_at", Instant(), nullable=False),
        Column("updated_by", String(128), nullable=False),
        PrimaryKeyConstraint("rule_name", name="pk_smart_cron_alert_rules"),
        **MYSQL,
    )
    op.create_table(
        "smart_cron_alert_rule_versions",
        Column(
            "id",
            BigInteger().with_variant(Integer(), "sqlite"),
            nullable=False,
            autoincrement=True,
        ),
        Column("rule_name", String(64), nullable=False),
        Column("rev", Integer(), nullable=False),
        Column("changed_at", Instant(), nullable=False),
        Column("changed_by", String(128), nullable=False),
        Column("definition", LongJson()),
        PrimaryKeyConstraint("id", name="pk_smart_cron_alert_rule_versions"),
        **MYSQL,
    )
    op.create_index(
        "ix_smart_cron_alert_rule_versions_rule_name_id",
        "smart_cron_alert_rule_versions",
        ["rule_name", "id"],
    )
    op.create_table(
        "smart_cron_alert_mutes",
        Column("id", String(26), nullable=False),
        Column("task", String(64)),
        Column("category", String(64)),
        Column("from_at", Instant(), nullable=False),
        Column("to_at", Instant(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("made_at", Instant(), nullable=False),
        Column("made_by", String(128), nullable=False),
        PrimaryKeyConstraint("id", name="pk_smart_cron_alert_mutes"),
        **MYSQL,
    )
    op.create_index("ix_smart_cron_alert_mutes_to_at", "smart_cron_alert_mutes", ["to_at"])
