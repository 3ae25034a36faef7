"""What both sides know of agent, tasks, runs, checks and alerts: the rows."""

from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

TASK_STATES: Final = ("idle", "queued", "running", "stopping", "retry_wait", "off", "invalid")
HEALTHS: Final = ("ok", "warn", "bad", "unknown")
LIVE_STATES: Final = ("queued", "starting", "running", "stopping", "retry_wait")
ENDED: Final = "ended"
RUN_STATES: Final = (*LIVE_STATES, ENDED)
RESULTS: Final = (
    "success",
    "error",
    "timeout",
    "killed_memory",
    "aborted",
    "skipped",
    "missed",
    "lost",
)
TRIGGERS: Final = ("schedule", "catchup", "manual", "retry", "chain", "ping")
CHECK_STATES: Final = ("ok", "warn", "crit", "unknown")
SEVERITIES: Final = ("critical", "high", "medium", "info")
ALERT_STATES: Final = ("open", "acked", "resolved")
MODES: Final = ("normal", "draining", "stopping")
STATE: Final = "state"
ALERTS: Final = "alerts"
SCOPES: Final = (STATE, ALERTS)

# Words are plain text: a word a newer agent invents must be shown as unknown, never break a reader.


class Agent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The agent itself; one row.

    While its database is away, `database_away_since_ms` says since when, and `kept_writes` how
    much of what happened waits in the local journal; the rows are true all the same. `standing` is
    another word whenever own rules of alerts or quiet times are others: they are asked for anew.
    """

    id: str
    rev: int = 0
    name: str
    host: str
    os: str
    version: str
    tz: str
    started_ms: int
    environment: str = ""
    max_running: int = 0
    mode: str = "normal"
    paused: bool = False
    paused_until_ms: int | None = None
    pause_reason: str | None = None
    database_away_since_ms: int | None = None
    kept_writes: int = 0
    standing: str = ""


class LastRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the newest ended run of a task went."""

    run_id: str
    result: str
    scheduled_ms: int
    end_ms: int
    reason: str | None = None
    start_ms: int | None = None
    dur_ms: int | None = None
    exit: int | None = None
    signal: int | None = None
    attempt: int = 1


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task as a viewer may see it: no command, no environment, no output.

    `priority` runs from 1 (critical) to 5 (low). `hours_24h` holds up to 24 pairs
    (succeeded, failed), one an hour, oldest first, the first beginning at `hours_from_ms`.
    `spark` holds the durations of up to 20 runs in ms, oldest first. A task of the kind "watch" is
    "queued" while it waits for a ping. `progress` (percent) is told by the run `run_id`; `retry_ms`
    is when the next retry that waits is due. `fails` counts due moments, each once its last
    attempt has failed. Runs that somebody stopped are counted in `stops_24h` alone.
    While moments up to `skip_until_ms` are left out, or it is paused until a moment, `resumes_ms`
    is the first one that runs; `next_ms` is the next one that is due all the same.
    """

    id: str
    rev: int = 0
    name: str
    category: str = "General"
    priority: int = 3
    tags: tuple[str, ...] = ()
    enabled: bool = True
    paused: bool = False
    paused_until_ms: int | None = None
    pause_reason: str | None = None
    schedule: str = ""
    schedule_text: str = ""
    tz: str = "UTC"
    state: str = "idle"
    invalid_reason: str | None = None
    next_ms: int | None = None
    running: int = 0
    run_id: str | None = None
    run_start_ms: int | None = None
    last: LastRun | None = None
    fails: int = 0
    health: str = "unknown"
    runs_24h: int = 0
    fails_24h: int = 0
    success_rate_24h: float | None = None
    hours_from_ms: int | None = None
    hours_24h: tuple[tuple[int, int], ...] = ()
    avg_ms: int | None = None
    p95_ms: int | None = None
    peak_ms: int | None = None
    usual_low_ms: int | None = None
    usual_high_ms: int | None = None
    spark: tuple[int, ...] = ()
    timeout_ms: int | None = None
    def_rev: int = 1
    kind: str = "command"
    progress: int | None = None
    progress_note: str | None = None
    retry_ms: int | None = None
    stops_24h: int = 0
    skip_until_ms: int | None = None
    skip_reason: str | None = None
    resumes_ms: int | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt at one due moment; `result` is there once `state` is "ended".

    A "queued" run that `awaits_ping` waits for no slot.
    A `missed` run may stand for `missed_count` due moments, the last at `missed_until_ms`.
    """

    id: str
    rev: int = 0
    task_id: str
    attempt: int = 1
    trigger: str = "schedule"
    by: str | None = None
    state: str
    result: str | None = None
    reason: str | None = None
    scheduled_ms: int
    queued_ms: int
    start_ms: int | None = None
    end_ms: int | None = None
    dur_ms: int | None = None
    late_ms: int | None = None
    retry_ms: int | None = None
    exit: int | None = None
    signal: int | None = None
    pid: int | None = None
    cpu_ms: int | None = None
    peak_rss: int | None = None
    out_bytes: int = 0
    missed_count: int = 1
    missed_until_ms: int | None = None
    note: str | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    warned_ms: int | None = None
    error_class: str | None = None
    progress: int | None = None
    progress_note: str | None = None
    metrics: tuple[tuple[str, float], ...] = ()
    host: str | None = None
    awaits_ping: bool = False


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One probe of the server's health and what it found."""

    id: str
    rev: int = 0
    name: str
    kind: str
    state: str
    since_ms: int
    value: float | None = None
    unit: str | None = None
    msg: str = ""


class Subject(msgspec.Struct, frozen=True):
    """What an alert is about."""

    kind: str
    id: str


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One trouble, from its opening to its end.

    A snoozed one is "acked" with `snoozed_until_ms`. `told` is what people were told last, "open"
    or "resolved"; `tell_ms` is when they are told next. It came back `flaps` times; `notes` counts
    what people did or said. Until `muted_until_ms` nobody is told of it; it came about by the alert
    `cause_id`, and is not told by itself while that one is open.
    """

    id: str
    rev: int = 0
    sev: str
    state: str
    kind: str
    subject: Subject
    title: str
    msg: str = ""
    opened_ms: int
    last_ms: int
    count: int = 1
    acked_by: str | None = None
    acked_ms: int | None = None
    resolved_ms: int | None = None
    run_id: str | None = None
    snoozed_until_ms: int | None = None
    flaps: int = 0
    tell_ms: int | None = None
    told: str | None = None
    notes: int = 0
    muted_until_ms: int | None = None
    cause_id: str | None = None


Row: TypeAlias = Agent | Task | Run | Check | Alert
Key: TypeAlias = tuple[str, str]
"""(kind, id): names one row within an agent."""

KINDS: Final[dict[type[Row], str]] = {
    Agent: "agent",
    Task: "task",
    Run: "run",
    Check: "check",
    Alert: "alert",
}


def kind_of(row: Row) -> str:
    """The word for the kind of a row, as tombstones spell it."""
    return KINDS[type(row)]


def key_of(row: Row) -> Key:
    """What names this row: its kind, then its id."""
    return kind_of(row), row.id


class Rows(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rows of a delta, by kind."""

    agent: Agent | None = None
    tasks: tuple[Task, ...] = ()
    runs: tuple[Run, ...] = ()
    checks: tuple[Check, ...] = ()
    alerts: tuple[Alert, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Rows":
        """These rows, sorted into their kinds, their order kept."""
        rows = tuple(rows)
        return cls(
            agent=next((row for row in rows if isinstance(row, Agent)), None),
            tasks=tuple(row for row in rows if isinstance(row, Task)),
            runs=tuple(row for row in rows if isinstance(row, Run)),
            checks=tuple(row for row in rows if isinstance(row, Check)),
            alerts=tuple(row for row in rows if isinstance(row, Alert)),
        )

    def all(self) -> tuple[Row, ...]:
        """Every row, kind after kind."""
        agent = () if self.agent is None else (self.agent,)
        return (*agent, *self.tasks, *self.runs, *self.checks, *self.alerts)


class Tombstone(msgspec.Struct, frozen=True, array_like=True):
    """A row that is no more, and the revision of its going."""

    kind: str
    id: str
    rev: int


class Delta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed in a scope after revision `from_rev`, up to and with `to_rev`.

    The same value is the event, the answer to `sync`, and one page of a snapshot (`full`).
    """

    scope: str
    epoch: str
    from_rev: int = msgspec.field(name="from")
    to_rev: int = msgspec.field(name="to")
    head: int
    ts_ms: int
    rows: Rows = Rows()
    gone: tuple[Tombstone, ...] = ()
    full: bool = False
    cursor: str | None = None
    more: bool = False
