"""Which tables there are; names are the older system's where it had them."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schema.columns import (
    Command,
    CountedId,
    Exact,
    Instant,
    Json,
    LongJson,
    LongText,
    Schedules,
    TextList,
    WholeJson,
)

VERSION_TABLE = "smart_cron_schema_version"
ASIDE = "replaced"
"""Begins the name of what a restore has put aside: a file, or tables of a server."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# MariaDB takes an expression as the default of a text, SQLite the same in parentheses.
_NO_TEXTS = text("('[]')")
_NO_NAMES = text("('{}')")

# One column per field of a definition, then what is known about the task beside it.
# Moments up to `skip_until` are not run: somebody said so.
# `watermark` is the newest due moment decided: nothing at or before it is ever decided again.
tasks = Table(
    "smart_cron_tasks_config",
    metadata,
    Column("task_name", String(64), primary_key=True),
    Column("category", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", TextList, nullable=False),
    Column("kind", String(16), nullable=False, server_default="command"),
    Column("schedule", Schedules, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("command", Command, nullable=False),
    Column("shell", String(8), nullable=False),
    Column("timeout_seconds", Integer, nullable=False),
    Column("warn_after_seconds", Integer),
    Column("kill_grace_s", Integer, nullable=False),
    Column("leftovers", String(8), nullable=False, server_default="kill"),
    Column("ping_grace_s", Integer, nullable=False, server_default="300"),
    Column("priority", Integer, nullable=False),
    Column("max_retries", Integer, nullable=False),
    Column("retry_base_s", Integer, nullable=False),
    Column("retry_cap_s", Integer, nullable=False),
    Column("retry_factor", Exact, nullable=False, server_default="2"),
    Column("retry_jitter", Exact, nullable=False, server_default="0.2"),
    Column("retry_on_timeout", Boolean, nullable=False),
    Column("exit_statuses", Json, nullable=False, server_default=_NO_NAMES),
    Column("disable_after_failures", Integer),
    Column("overlap", String(16), nullable=False),
    Column("missed", String(16), nullable=False),
    Column("start_deadline_s", Integer, nullable=False),
    Column("dst_gap", String(8), nullable=False),
    Column("dst_fold", String(8), nullable=False),
    Column("valid_from", String(16)),
    Column("valid_until", String(16)),
    Column("every_nth", Integer, nullable=False, server_default="1"),
    Column("spread_s", Integer, nullable=False, server_default="0"),
    Column("overlap_limit", Integer),
    Column("catchup_limit", Integer, nullable=False, server_default="100"),
    Column("calendars", TextList, nullable=False, server_default=_NO_TEXTS),
    Column("in_blackout", String(8), nullable=False, server_default="skip"),
    Column("after", TextList, nullable=False, server_default=_NO_TEXTS),
    Column("after_on", String(8), nullable=False, server_default="success"),
    Column("after_delay_s", Integer, nullable=False, server_default="0"),
    Column("memory_limit_mb", Integer),
    Column("cpu_limit_s", Integer),
    Column("process_limit", Integer),
    Column("open_files_limit", Integer),
    Column("file_size_limit_mb", Integer),
    Column("output_limit_mb", Integer),
    Column("nice", Integer, nullable=False, server_default="0"),
    Column("io_class", String(8), nullable=False, server_default="normal"),
    Column("cpus", String(64)),
    Column("run_as", String(64)),
    Column("run_as_group", String(64)),
    Column("umask", String(4), nullable=False, server_default="077"),
    Column("no_new_privs", Boolean),
    Column("sandbox", TextList, nullable=False, server_default=_NO_TEXTS),
    Column("writable_paths", TextList, nullable=False, server_default=_NO_TEXTS),
    Column("working_directory", Text),
    Column("environment", LongJson, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("paused_until", Instant),
    Column("pause_reason", Text),
    Column("skip_until", Instant),
    Column("skip_reason", Text),
    Column("failures_in_row", Integer, nullable=False, server_default="0"),
    Column("watermark", Instant, nullable=False),
    Column("def_rev", Integer, nullable=False),
    Column("avg_duration_ms", BigInteger),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

# Each change of a definition or of its flags, newest id last; `definition` is the whole of it.
task_versions = Table(
    "smart_cron_task_versions",
    metadata,
    Column("id", CountedId, primary_key=True, autoincrement=True),
    Column("task_name", String(64), nullable=False),
    Column("def_rev", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String(128), nullable=False),
    Column("why", Text, nullable=False),
    Column("definition", LongJson, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("paused_until", Instant),
    Column("pause_reason", Text),
    Index(None, "task_name", "id"),
)

# The ledger. Run ids are ULIDs, so `id` is also the order in which rows were made.
executions = Table(
    "smart_cron_executions",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("task_name", String(64), nullable=False),
    Column("category", String(64), nullable=False),
    Column("def_rev", Integer, nullable=False),
    Column("scheduled_at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("trigger_type", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", String(64)),
    Column("note", Text),
    Column("requested_by", String(128)),
    Column("op", String(64)),
    Column("caused_by", String(26)),
    Column("queued_at", Instant, nullable=False),
    Column("retry_at", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("duration_ms", BigInteger),
    Column("late_ms", BigInteger),
    Column("exit_status", Integer),
    Column("signal_number", Integer),
    Column("pid", Integer),
    Column("cpu_ms", BigInteger),
    Column("peak_rss", BigInteger),
    Column("read_bytes", BigInteger),
    Column("written_bytes", BigInteger),
    Column("minor_faults", BigInteger),
    Column("major_faults", BigInteger),
    Column("warned_at", Instant),
    Column("error_class", String(16)),
    Column("progress", Integer),
    Column("progress_note", Text),
    Column("metrics", Json),
    Column("output_bytes", BigInteger, nullable=False),
    Column("output_tail", Text),
    Column("error_message", Text),
    Column("stack_trace", Text),
    Column("frames", Json),
    Column("log_file", String(255)),
    Column("log_offset", BigInteger),
    Column("log_bytes", BigInteger),
    Column("missed_count", Integer, nullable=False),
    Column("missed_until", Instant),
    Column("host", String(64)),
    UniqueConstraint("task_name", "scheduled_at", "attempt"),
    # Pages of history: the newest rows that have one of these are the end of one of these.
    Index(None, "task_name", "id"),
    Index(None, "task_name", "status", "id"),
    Index(None, "status", "id"),
    Index(None, "trigger_type", "id"),
    Index(None, "category", "id"),
    Index(None, "host", "id"),
    Index(None, "started_at"),
    Index(None, "scheduled_at"),
    Index(None, "missed_until"),
)

# What a long run used while it lived; `cpu_ms` since its start, of its whole family.
run_samples = Table(
    "smart_cron_run_samples",
    metadata,
    Column("run_id", String(26), primary_key=True),
    Column("sampled_at", Instant, primary_key=True),
    Column("cpu_ms", BigInteger, nullable=False),
    Column("rss_bytes", BigInteger, nullable=False),
    Column("processes", Integer, nullable=False),
    Index(None, "sampled_at"),
)


def _figures() -> tuple[Column[Any], ...]:
    """What a rollup counts; `timed_runs` have a duration, `used_runs` told what they used.

    `histogram` is of durations (bucket: how many; see agent/store/rollups.py).
    """
    counts = ("runs", "failures", "timed_runs")
    return (
        *[Column(name, Integer, nullable=False) for name in counts],
        Column("sum_ms", BigInteger, nullable=False),
        Column("max_ms", BigInteger, nullable=False),
        Column("histogram", Json, nullable=False),
        Column("retries", Integer, nullable=False, server_default="0"),
        Column("used_runs", Integer, nullable=False, server_default="0"),
        Column("sum_cpu_ms", BigInteger, nullable=False, server_default="0"),
        Column("sum_rss", BigInteger, nullable=False, server_default="0"),
        Column("max_rss", BigInteger, nullable=False, server_default="0"),
    )


# One row per task and hour of ending.
rollups = Table(
    "smart_cron_rollups",
    metadata,
    Column("task_name", String(64), primary_key=True),
    Column("hour_at", Instant, primary_key=True),
    *_figures(),
    Index(None, "hour_at"),
)

# The same per task and day (of UTC), and of all tasks together (no name) per hour and day.
rollup_totals = Table(
    "smart_cron_rollup_totals",
    metadata,
    Column("task_name", String(64), primary_key=True),
    Column("step_hours", Integer, primary_key=True, autoincrement=False),
    Column("begins_at", Instant, primary_key=True),
    *_figures(),
    Index(None, "begins_at"),
)

# `tell_at` is when the channels are to be told of it next, `told` what they were told last;
# `resolves_at` is when one that comes and goes is over, if it stays away until then.
# `muted_until` is when a window ends in which nobody is told of it, `cause_id` the alert by which
# it came about.
alerts = Table(
    "smart_cron_alerts",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("dedupe_key", String(190), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("task_name", String(64)),
    Column("run_id", String(26)),
    Column("title", String(255), nullable=False),
    Column("message", Text, nullable=False),
    Column("occurrences", Integer, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("acknowledged_by", String(128)),
    Column("acknowledged_at", Instant),
    Column("snoozed_until", Instant),
    Column("resolved_at", Instant),
    Column("flaps", Integer, nullable=False, server_default="0"),
    Column("resolves_at", Instant),
    Column("tell_at", Instant),
    Column("told", String(16)),
    Column("muted_until", Instant),
    Column("cause_id", String(26)),
    Index(None, "status", "id"),
    Index(None, "dedupe_key", "status"),
    Index(None, "tell_at"),
    Index(None, "muted_until"),
    Index(None, "cause_id"),
)

# What people want to be told of beside what is built in; `definition` is the whole of it.
alert_rules = Table(
    "smart_cron_alert_rules",
    metadata,
    Column("rule_name", String(64), primary_key=True),
    Column("severity", String(16), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("definition", WholeJson, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", String(128), nullable=False),
)

# Each change of such a rule, newest id last; without a definition it was removed.
alert_rule_versions = Table(
    "smart_cron_alert_rule_versions",
    metadata,
    Column("id", CountedId, primary_key=True, autoincrement=True),
    Column("rule_name", String(64), nullable=False),
    Column("rev", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String(128), nullable=False),
    Column("definition", WholeJson),
    Index(None, "rule_name", "id"),
)

# Windows in which alerts of some tasks, or all alerts, are told to nobody.
alert_mutes = Table(
    "smart_cron_alert_mutes",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("task", String(64)),
    Column("category", String(64)),
    Column("from_at", Instant, nullable=False),
    Column("to_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("made_by", String(128), nullable=False),
    Index(None, "to_at"),
)

# What people did about an alert and said of it, oldest first.
alert_notes = Table(
    "smart_cron_alert_notes",
    metadata,
    Column("id", CountedId, primary_key=True, autoincrement=True),
    Column("alert_id", String(26), nullable=False),
    Column("noted_at", Instant, nullable=False),
    Column("noted_by", String(128), nullable=False),
    Column("what", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Index(None, "alert_id", "id"),
    Index(None, "noted_at"),
)

# Messages on their way: written before the first try, kept with their receipt afterwards.
outbox = Table(
    "smart_cron_outbox",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("channel", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("recipients", TextList, nullable=False),
    Column("subject", String(255), nullable=False),
    Column("thread", String(64), nullable=False),
    Column("plain", LongText, nullable=False),
    Column("html", LongText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("receipt", Text),
    Column("sent_at", Instant),
    Index(None, "state", "due_at"),
    Index(None, "created_at"),
)

health_checks = Table(
    "smart_cron_health_checks",
    metadata,
    Column("id", CountedId, primary_key=True, autoincrement=True),
    Column("check_name", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("value", Exact),
    Column("unit", String(16)),
    Column("message", Text, nullable=False),
    Column("checked_at", Instant, nullable=False),
    Index(None, "check_name", "id"),
    Index(None, "checked_at"),
)

metrics = Table(
    "smart_cron_metrics",
    metadata,
    Column("metric_name", String(64), primary_key=True),
    Column("recorded_at", Instant, primary_key=True),
    Column("value", Exact, nullable=False),
    Index(None, "recorded_at"),
)

# The readings of a minute and of an hour in one row: of the host (no subject) or of a task.
metric_steps = Table(
    "smart_cron_metric_steps",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("metric_name", String(64), primary_key=True),
    Column("step_s", Integer, primary_key=True, autoincrement=False),
    Column("recorded_at", Instant, primary_key=True),
    Column("samples", Integer, nullable=False),
    Column("mean", Exact, nullable=False),
    Column("lowest", Exact, nullable=False),
    Column("highest", Exact, nullable=False),
    Index(None, "step_s", "recorded_at"),
)

# A row's digest covers what it says and the digest of the row before; numbers have no gaps but
# where rows were removed by age, and then a later row says so (see agent/store/chain.py).
audit = Table(
    "smart_cron_audit",
    metadata,
    Column("id", CountedId, primary_key=True, autoincrement=True),
    Column("recorded_at", Instant, nullable=False),
    Column("key_id", String(64)),
    Column("label", String(128)),
    Column("role", String(16)),
    Column("address", String(64)),
    Column("op", String(64)),
    Column("action", String(64), nullable=False),
    Column("target", String(255)),
    Column("arguments", LongText),
    Column("result", String(64), nullable=False),
    Column("duration_ms", Integer),
    Column("before_digest", String(64)),
    Column("after_digest", String(64)),
    Column("chain_number", BigInteger),
    Column("chain_digest", String(64)),
    Index(None, "recorded_at"),
    Index(None, "chain_number", unique=True),
)

clients = Table(
    "smart_cron_clients",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("public_key", String(64), nullable=False, unique=True),
    Column("label", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("allowed_from", String(16), nullable=False),
    Column("platform", String(128), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("last_seen_at", Instant),
    Column("last_address", String(64)),
)

# A used invite stays until cleanup, so that its rightful owner can be told that it was used.
invites = Table(
    "smart_cron_invites",
    metadata,
    Column("invite_id", String(64), primary_key=True),
    Column("public_key", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("label", String(128), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("used_by", String(64)),
)

# Commands by their idempotency id: what was asked (as a digest) and what was answered.
ops = Table(
    "smart_cron_ops",
    metadata,
    Column("op", String(64), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("body_digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("run_id", String(26)),
    Column("result", LargeBinary(2**24 - 1)),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Index(None, "created_at"),
)

state = Table(
    "smart_cron_state",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

# What happened to the host's clock and to the agent itself; `size` in ms where there is one.
events = Table(
    "smart_cron_events",
    metadata,
    Column("id", CountedId, primary_key=True, autoincrement=True),
    Column("happened_at", Instant, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("size_ms", BigInteger),
    Column("message", Text, nullable=False),
    Column("details", Json, nullable=False),
    Index(None, "kind", "id"),
    Index(None, "happened_at"),
)

# Named windows in which tasks must not start, or alone may start; `definition` is the whole of it.
calendars = Table(
    "smart_cron_calendars",
    metadata,
    Column("calendar_name", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("definition", WholeJson, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", String(128), nullable=False),
)

# Checks that the owner has added: commands, pages, ports, certificates.
own_checks = Table(
    "smart_cron_checks",
    metadata,
    Column("check_name", String(64), primary_key=True),
    Column("definition", WholeJson, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", String(128), nullable=False),
)

# Tasks whose history no cleanup touches.
holds = Table(
    "smart_cron_holds",
    metadata,
    Column("task_name", String(64), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("held_at", Instant, nullable=False),
    Column("held_by", String(128), nullable=False),
)
