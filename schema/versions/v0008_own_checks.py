"""Step 8: checks that the owner adds."""

from alembic import op
from sqlalchemy import Column, PrimaryKeyConstraint, String

from schema.columns import Instant, LongJson

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table more; what was there stays as it is."""
    op.create_table(
        "smart_cron_checks",
        Column("check_name", String(64), nullable=False),
        Column("definition", LongJson(), nullable=False),
        Column("updated_at", Instant(), nullable=False),
        Column("updated_by", String(128), nullable=False),
        PrimaryKeyConstraint("check_name", name="pk_smart_cron_checks"),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
