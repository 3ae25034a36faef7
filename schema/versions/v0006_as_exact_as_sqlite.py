"""Step 6: figures and long texts keep on MariaDB what they always kept on SQLite."""

from typing import Final

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COLUMNS: Final = (
    ("smart_cron_tasks_config", "retry_factor", "DOUBLE NOT NULL DEFAULT 2"),
    ("smart_cron_tasks_config", "retry_jitter", "DOUBLE NOT NULL DEFAULT 0.2"),
    ("smart_cron_tasks_config", "command", "MEDIUMTEXT COLLATE utf8mb4_bin NOT NULL"),
    ("smart_cron_tasks_config", "environment", "MEDIUMTEXT COLLATE utf8mb4_bin NOT NULL"),
    ("smart_cron_task_versions", "definition", "MEDIUMTEXT COLLATE utf8mb4_bin NOT NULL"),
    ("smart_cron_calendars", "definition", "MEDIUMTEXT COLLATE utf8mb4_bin NOT NULL"),
    ("smart_cron_audit", "arguments", "MEDIUMTEXT COLLATE utf8mb4_bin"),
    ("smart_cron_health_checks", "value", "DOUBLE"),
    ("smart_cron_metrics", "value", "DOUBLE NOT NULL"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # REAL has fifteen digits there, and TEXT no end
    for table, column, kind in _COLUMNS:
        op.execute(f"ALTER TABLE {table} MODIFY `{column}` {kind}")
    # Seven digits of a FLOAT, read as a DOUBLE, are 0.20000000298: nobody wrote that.
    op.execute(
        "UPDATE smart_cron_tasks_config SET retry_factor = ROUND(retry_factor, 6), "
        "retry_jitter = ROUND(retry_jitter, 6)"
    )
