"""Step 5: a chain through the audit rows; tasks whose history is held."""

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Text

from schema.columns import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Rows from before have no place in the chain; it begins after them."""
    for column in (
        Column("before_digest", String(64)),
        Column("after_digest", String(64)),
        Column("chain_number", BigInteger()),
        Column("chain_digest", String(64)),
    ):
        op.add_column("smart_cron_audit", column)
    op.create_index(
        "ix_smart_cron_audit_chain_number", "smart_cron_audit", ["chain_number"], unique=True
    )
    op.create_table(
        "smart_cron_holds",
        Column("task_name", String(64), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("held_at", Instant(), nullable=False),
        Column("held_by", String(128), nullable=False),
        PrimaryKeyConstraint("task_name", name="pk_smart_cron_holds"),
        **MYSQL,
    )
