"""What a client may ask, and what it is answered."""

from typing import Annotated, ClassVar, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from shared.protocol.alerting import (
    AlertAck,
    AlertDetail,
    AlertGet,
    AlertNote,
    AlertReopen,
    AlertResolve,
    AlertSnooze,
    AlertsPage,
    AlertsPageReply,
    AlertsReply,
    AlertsRules,
    AlertsRulesReply,
    DeliveriesPage,
    DeliveriesReply,
    QuietRemove,
    QuietReply,
    QuietSet,
    QuietTry,
    QuietTryReply,
    RuleRemove,
    RuleReply,
    RuleSet,
    RuleTry,
    RuleTryReply,
)
from shared.protocol.events import Revs
from shared.protocol.health import HealthGet, HealthReply
from shared.protocol.messages import (
    Command,
    CommandReply,
    Cursor,
    Epoch,
    KeyId,
    Label,
    Moment,
    Op,
    Outcome,
    Reason,
    Reply,
    Request,
    Role,
    RunId,
    SeriesName,
    TaskId,
    Word,
)
from shared.protocol.planning import (
    ClockChange,
    PausePreview,
    PausePreviewReply,
    ScheduleForecast,
    ScheduleForecastReply,
    ScheduleNext,
    ScheduleNextReply,
    ScheduleWhatIf,
    ScheduleWhatIfReply,
    ScheduleWhy,
    ScheduleWhyReply,
)
from shared.protocol.rows import Delta, Run, Task

__all__ = ["Command", "CommandReply", "Outcome", "Reply", "Request", "Role"]

MAJOR: Final = 1
MINOR: Final = 0
CAPABILITIES: Final = (
    "zlib",
    "edit",
    "logs",
    "metrics",
    "audit",
    "checks",
    "invites",
    "planning",
    "spans",
    "alerts",
    "health",
    "rules",
)
BRIEF: Final = "brief"
"""What a client says it can: do without its session, as it asks little and goes without a word."""
OUTPUT: Final = "output"
"""The one stream of a run: what it wrote to stdout and stderr, in order."""


class Hello(Request, frozen=True, kw_only=True):
    """Opens a session; the only request that needs none. It grows by capabilities alone."""

    type: ClassVar[str] = "hello"
    proto: Annotated[tuple[int, ...], Meta(min_length=1, max_length=16)] = (MAJOR,)
    client: Annotated[str, Meta(max_length=120)]
    inst: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    caps: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()


class AgentInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who answers."""

    id: str
    name: str
    version: str
    host: str
    tz: str
    environment: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent bears; sizes in bytes."""

    request_bytes: int = 1 << 20
    reply_bytes: int = 512 << 10
    page_rows: int = 1000
    chunk_bytes: int = 256 << 10
    sessions_per_key: int = 4
    in_flight: int = 8
    parked: int = 8
    reads_per_s: int = 50
    commands_per_s: int = 5


class HelloReply(Reply, frozen=True, kw_only=True):
    """The session stands: what the client may do, and where to listen."""

    proto: int
    minor: int = 0
    epoch: str
    role: str
    key_id: str
    label: str = ""
    agent: AgentInfo
    caps: tuple[str, ...] = ()
    limits: Limits = Limits()
    events_port: int = 0
    now_ms: int
    revs: Revs = Revs()


class Ping(Request, frozen=True, kw_only=True):
    """Are you there, and what time is it?"""

    type: ClassVar[str] = "ping"


class Pong(Reply, frozen=True, kw_only=True):
    """Here; `now_ms` by the agent's clock."""

    now_ms: int
    epoch: str
    revs: Revs = Revs()


class Enroll(Request, frozen=True, kw_only=True):
    """Turn this invite into my own key; `pub` is its public half in base32."""

    type: ClassVar[str] = "enroll"
    pub: Annotated[str, Meta(pattern=r"^[A-Z2-7]{52}\Z")]
    label: Label
    platform: Annotated[str, Meta(max_length=120)] = ""


class EnrollReply(Reply, frozen=True, kw_only=True):
    """The key is known from now on."""

    key_id: str
    role: str
    agent: AgentInfo


class Sync(Request, frozen=True, kw_only=True):
    """What changed in a scope after `since`; answered by a Delta."""

    type: ClassVar[str] = "sync"
    scope: Word
    epoch: Epoch | None = None
    since: Moment = 0
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000


class TaskGet(Request, frozen=True, kw_only=True):
    """Everything about one task that the role may see."""

    type: ClassVar[str] = "task.get"
    id: TaskId


class TaskSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task's definition; what the role may not see is None."""

    task_name: str
    schedule: tuple[str, ...]
    category: str = "General"
    description: str = ""
    tags: tuple[str, ...] = ()
    timezone: str = "UTC"
    command: str | tuple[str, ...] | None = None
    shell: str = "auto"
    env_names: tuple[str, ...] | None = None
    timeout_seconds: int = 3600
    kill_grace_s: int = 10
    priority: int = 3
    max_retries: int = 0
    retry_base_s: int = 30
    retry_cap_s: int = 3600
    overlap: str = "forbid"
    missed: str = "latest"
    start_deadline_s: int = 3600
    dst_gap: str = "after"
    dst_fold: str = "first"
    memory_limit_mb: int | None = None
    run_as: str | None = None
    working_directory: str | None = None
    enabled: bool = True
    overlap_limit: int | None = None
    catchup_limit: int = 100
    valid_from: str | None = None
    valid_until: str | None = None
    every_nth: int = 1
    spread_s: int = 0
    calendars: tuple[str, ...] = ()
    in_blackout: str = "skip"
    after: tuple[str, ...] = ()
    after_on: str = "success"
    after_delay_s: int = 0
    kind: str = "command"
    warn_after_seconds: int | None = None
    leftovers: str = "kill"
    ping_grace_s: int = 300
    retry_factor: float = 2.0
    retry_jitter: float = 0.2
    retry_on_timeout: bool = False
    exit_statuses: tuple[tuple[str, str], ...] = ()
    disable_after_failures: int | None = None
    cpu_limit_s: int | None = None
    process_limit: int | None = None
    open_files_limit: int | None = None
    file_size_limit_mb: int | None = None
    output_limit_mb: int | None = None
    nice: int = 0
    io_class: str = "normal"
    cpus: str | None = None
    run_as_group: str | None = None
    umask: str = "077"
    no_new_privs: bool | None = None
    sandbox: tuple[str, ...] = ()
    writable_paths: tuple[str, ...] = ()


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last run that went wrong, and what it said."""

    run_id: str
    result: str
    end_ms: int
    reason: str | None = None
    exit: int | None = None
    signal: int | None = None
    message: str | None = None
    stack_trace: str | None = None


class Point(msgspec.Struct, frozen=True, array_like=True):
    """One run in a chart."""

    start_ms: int
    dur_ms: int | None
    result: str


class TaskDetail(Reply, frozen=True, kw_only=True):
    """One task: its row, its definition, what comes next, and how it went (oldest first)."""

    row: Task
    def_rev: int
    definition: TaskSettings
    next_ms: tuple[int, ...] = ()
    last_failure: Failure | None = None
    series: tuple[Point, ...] = ()


class SchedulePreview(Request, frozen=True, kw_only=True):
    """When would this schedule fire?"""

    type: ClassVar[str] = "schedule.preview"
    schedule: Annotated[str, Meta(min_length=1, max_length=256)]
    tz: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"
    count: Annotated[int, Meta(ge=1, le=50)] = 10
    from_ms: Moment | None = None
    dst_gap: Literal["after", "skip"] = "after"
    dst_fold: Literal["first", "both"] = "first"
    task_name: TaskId | None = None


class SchedulePreviewReply(Reply, frozen=True, kw_only=True):
    """The next moments with their tags, the schedule in words, and what clock changes do to it."""

    times_ms: tuple[int, ...]
    schedule_text: str = ""
    notes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    changes: tuple[ClockChange, ...] = ()


class TaskSet(Command, frozen=True, kw_only=True):
    """Enable, disable, pause or resume tasks; what is left out stays as it is."""

    type: ClassVar[str] = "task.set"
    ids: Annotated[tuple[TaskId, ...], Meta(min_length=1, max_length=500)]
    enabled: bool | None = None
    paused: bool | None = None
    until_ms: Moment | None = None
    reason: Reason | None = None


class TaskSetReply(CommandReply, frozen=True, kw_only=True):
    """How each task went, in the order asked."""

    results: tuple[Outcome, ...] = ()


class RunStart(Command, frozen=True, kw_only=True):
    """Run a task now, as it is defined; there is no way to say what it executes."""

    type: ClassVar[str] = "run.start"
    task_id: TaskId
    reason: Reason | None = None
    if_running: Literal["error", "queue", "parallel"] = "error"


class RunStartReply(CommandReply, frozen=True, kw_only=True):
    """The run is recorded and will start."""

    run_id: str
    state: str


class TaskSkip(Command, frozen=True, kw_only=True):
    """Let the next `count` due moments of these tasks pass without a run; 0 takes that back."""

    type: ClassVar[str] = "task.skip"
    ids: Annotated[tuple[TaskId, ...], Meta(min_length=1, max_length=500)]
    count: Annotated[int, Meta(ge=0, le=1000)] = 1
    reason: Reason | None = None


class Skipped(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it went for one task: no run is started for moments up to `until_ms`."""

    id: str
    code: str
    msg: str = ""
    until_ms: int | None = None
    next_ms: int | None = None


class TaskSkipReply(CommandReply, frozen=True, kw_only=True):
    """How it went for each task, in the order asked."""

    results: tuple[Skipped, ...] = ()


class RunBackfill(Command, frozen=True, kw_only=True):
    """Run a task as of past moments, each once more, one after another behind what is due.

    They need not have been due: who names them knows what the task does for which moment.
    """

    type: ClassVar[str] = "run.backfill"
    task_id: TaskId
    moments_ms: Annotated[tuple[Moment, ...], Meta(min_length=1, max_length=1000)]
    reason: Reason | None = None


class RunBackfillReply(CommandReply, frozen=True, kw_only=True):
    """The runs are recorded and will start, oldest moment first."""

    run_ids: tuple[str, ...] = ()


class RunAbort(Command, frozen=True, kw_only=True):
    """Stop a run: TERM first, KILL after `grace_ms` (None: as the task is defined)."""

    type: ClassVar[str] = "run.abort"
    run_id: RunId
    grace_ms: Annotated[int, Meta(ge=0, le=600_000)] | None = None
    reason: Reason | None = None


class RunAbortReply(CommandReply, frozen=True, kw_only=True):
    """The run's state after the order."""

    state: str


class TaskPing(Command, frozen=True, kw_only=True):
    """A job that somebody else starts says how it is; it is watched by a task of kind `watch`.

    `run_id` is what the ping at its start was answered, `at_ms` when it was so, if not now.
    """

    type: ClassVar[str] = "task.ping"
    task_id: TaskId
    what: Literal["start", "ok", "fail"] = "ok"
    message: Reason | None = None
    exit_status: Annotated[int, Meta(ge=0, le=255)] | None = None
    signal: Annotated[int, Meta(ge=1, le=64)] | None = None
    run_id: RunId | None = None
    at_ms: Moment | None = None


class TaskPingReply(CommandReply, frozen=True, kw_only=True):
    """The run that the ping belongs to, and its state or result."""

    run_id: str
    state: str


class RunRetry(Command, frozen=True, kw_only=True):
    """Try again at once: a retry that waits starts now, a run that failed gets one more attempt."""

    type: ClassVar[str] = "run.retry"
    run_id: RunId
    reason: Reason | None = None


class RunRetryReply(CommandReply, frozen=True, kw_only=True):
    """The run that is tried now: the one that waited, or a new one."""

    run_id: str


class RunGet(Request, frozen=True, kw_only=True):
    """Everything about one run that the role may see."""

    type: ClassVar[str] = "run.get"
    run_id: RunId


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """One call of a stack trace."""

    file: str | None
    line: int | None
    function: str | None


class RunDetail(Reply, frozen=True, kw_only=True):
    """One run, what it said at its end, and all attempts at the same moment.

    `output_tail`, `error_message`, `stack_trace` and the frames are None or empty for those who
    may not read output. `frames` are the calls of the trace, the one that failed first.
    """

    run: Run
    attempts: tuple[Run, ...] = ()
    output_tail: str | None = None
    error_message: str | None = None
    stack_trace: str | None = None
    env_names: tuple[str, ...] | None = None
    log_bytes: int = 0
    def_rev: int | None = None
    trace_language: str | None = None
    frames: tuple[Frame, ...] = ()


class RunSamples(Request, frozen=True, kw_only=True):
    """What a run used while it went on."""

    type: ClassVar[str] = "run.samples"
    run_id: RunId


class RunSample(msgspec.Struct, frozen=True, kw_only=True):
    """A run and its children at one moment; processor time counts from the run's start."""

    at_ms: int
    cpu_ms: int
    rss_bytes: int
    processes: int


class RunSamplesReply(Reply, frozen=True, kw_only=True):
    """Some 300 samples at most, oldest first; none of a run shorter than 10 s."""

    samples: tuple[RunSample, ...] = ()


class RunFilter(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Which runs: all that is given must fit; queued in [from, to)."""

    task_id: TaskId | None = None
    category: Label | None = None
    results: Annotated[tuple[Word, ...], Meta(max_length=16)] = ()
    states: Annotated[tuple[Word, ...], Meta(max_length=8)] = ()
    trigger: Word | None = None
    from_ms: Moment | None = None
    to_ms: Moment | None = None
    text: Annotated[str, Meta(max_length=200)] | None = None
    host: Label | None = None


class RunsPage(Request, frozen=True, kw_only=True):
    """Recorded runs, newest first."""

    type: ClassVar[str] = "runs.page"
    filter: RunFilter = RunFilter()
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class RunsPageReply(Reply, frozen=True, kw_only=True):
    """One page; `next` is the cursor of the following one."""

    rows: tuple[Run, ...] = ()
    next: str | None = None
    searched_ms: int | None = None


class LogStat(Request, frozen=True, kw_only=True):
    """How much output of a run is there?"""

    type: ClassVar[str] = "log.stat"
    run_id: RunId


class Stream(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bytes `first` to `size` of a stream are kept, but for the gaps."""

    name: str = OUTPUT
    first: int = 0
    size: int = 0
    ended: bool = False
    gaps: tuple[tuple[int, int], ...] = ()


class LogStatReply(Reply, frozen=True, kw_only=True):
    """The streams of a run."""

    streams: tuple[Stream, ...] = ()


class LogRead(Request, frozen=True, kw_only=True):
    """A range of output from `offset`, or its last `tail` bytes; exactly one of the two.

    With `wait_ms`, an answer without bytes is held back until there are some or the run ended.
    """

    type: ClassVar[str] = "log.read"
    run_id: RunId
    stream: Word = OUTPUT
    offset: Moment | None = None
    tail: Moment | None = None
    limit: Annotated[int, Meta(ge=1, le=262_144)] = 65_536
    wait_ms: Annotated[int, Meta(ge=0, le=20_000)] = 0

    def __post_init__(self) -> None:
        if (self.offset is None) == (self.tail is None):
            raise ValueError("exactly one of offset and tail is needed")


class LogReadReply(Reply, frozen=True, kw_only=True):
    """The bytes come beside this body; `next` is the offset to go on from."""

    offset: int
    next: int
    first: int = 0
    size: int
    eof: bool = False
    skipped: int = 0


class LogSearch(Request, frozen=True, kw_only=True):
    """Which lines of kept output hold this text or regular expression, newest logs first?

    Each answer takes about `within_ms` at most; to go on is to ask again with its cursor, to
    cancel is not to.
    """

    type: ClassVar[str] = "log.search"
    pattern: Annotated[str, Meta(min_length=1, max_length=200)]
    regex: bool = False
    ignore_case: bool = False
    task_id: TaskId | None = None
    from_ms: Moment | None = None
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    within_ms: Annotated[int, Meta(ge=100, le=10_000)] = 2_000


class LogHit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line, cut to what fits on a screen; `offset` is its place for `log.read`.

    Of a run whose row is gone only the task is known.
    """

    task_id: str
    line: str
    run_id: str | None = None
    offset: int | None = None
    start_ms: int | None = None


class LogSearchReply(Reply, frozen=True, kw_only=True):
    """Some lines; `next` is None when all was searched, `problem` says what could not be."""

    hits: tuple[LogHit, ...] = ()
    next: str | None = None
    searched_bytes: int = 0
    problem: str = ""


class MetricsPage(Request, frozen=True, kw_only=True):
    """Samples of some series over a span, thinned to one a step: of the server, or of a task."""

    type: ClassVar[str] = "metrics.page"
    series: Annotated[tuple[SeriesName, ...], Meta(min_length=1, max_length=8)]
    from_ms: Moment
    to_ms: Moment
    step_ms: Annotated[int, Meta(ge=5_000, le=2**53)] = 60_000
    task_id: TaskId | None = None
    of: Literal["mean", "lowest", "highest"] = "mean"


class MetricsPageReply(Reply, frozen=True, kw_only=True):
    """At each of `times_ms`, one value per series asked (None: no sample)."""

    step_ms: int
    times_ms: tuple[int, ...] = ()
    values: tuple[tuple[float | None, ...], ...] = ()


class StatsGet(Request, frozen=True, kw_only=True):
    """The figures of the last 24 hours over all tasks; with a span those of it beside them.

    `from_ms` begins a span, which ends at `to_ms` or now; `task_id` is for the span alone.
    """

    type: ClassVar[str] = "stats.get"
    task_id: TaskId | None = None
    from_ms: Moment | None = None
    to_ms: Moment | None = None


class SpanStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An hour or a day of a span."""

    at_ms: int
    runs: int = 0
    failures: int = 0
    avg_ms: int | None = None
    max_ms: int | None = None


class SpanFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the runs come to that ended in a span of whole hours.

    A moment with several attempts counts once in `runs`; times and usage know each attempt.
    Percentiles are never too low, and an eighth too high at most.
    """

    task_name: str | None = None
    from_ms: int
    to_ms: int
    runs: int = 0
    failures: int = 0
    success_rate: float | None = None
    retries: int = 0
    throughput_per_min: float = 0.0
    avg_ms: int | None = None
    p50_ms: int | None = None
    p95_ms: int | None = None
    p99_ms: int | None = None
    peak_ms: int | None = None
    cpu_ms: int = 0
    avg_cpu_ms: int | None = None
    avg_rss: int | None = None
    peak_rss: int | None = None
    step_hours: int = 1
    steps: tuple[SpanStep, ...] = ()


class StatsReply(Reply, frozen=True, kw_only=True):
    """`throughput_per_min` counts ended runs of the last hour, by minute."""

    runs_24h: int = 0
    fails_24h: int = 0
    success_rate_24h: float | None = None
    avg_ms: int | None = None
    tasks: int = 0
    active_tasks: int = 0
    running: int = 0
    throughput_per_min: float = 0.0
    span: SpanFigures | None = None


class OpGet(Request, frozen=True, kw_only=True):
    """What became of a command?"""

    type: ClassVar[str] = "op.get"
    op: Op


class OpReply(Reply, frozen=True, kw_only=True):
    """`state` is "done", "refused" or "unfinished"; `run_id` is there if it began a run."""

    op: str
    type: str
    state: str
    at_ms: int
    code: str = "ok"
    run_id: str | None = None


class AuditFilter(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Which audit rows."""

    key_id: KeyId | None = None
    type: Word | None = None
    target: Annotated[str, Meta(max_length=200)] | None = None
    from_ms: Moment | None = None
    to_ms: Moment | None = None


class AuditPage(Request, frozen=True, kw_only=True):
    """Who asked what, newest first."""

    type: ClassVar[str] = "audit.page"
    filter: AuditFilter = AuditFilter()
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class AuditRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing somebody asked for, and what came of it."""

    id: int
    at_ms: int
    key_id: str = ""
    label: str = ""
    role: str = ""
    address: str = ""
    op: str | None = None
    type: str
    target: str = ""
    args: str = ""
    code: str = "ok"
    dur_ms: int | None = None


class AuditPageReply(Reply, frozen=True, kw_only=True):
    """One page; `next` is the cursor of the following one."""

    rows: tuple[AuditRow, ...] = ()
    next: str | None = None


class KeyList(Request, frozen=True, kw_only=True):
    """Who may connect?"""

    type: ClassVar[str] = "key.list"


class KeyRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One enrolled key."""

    key_id: str
    label: str
    role: str
    enabled: bool = True
    created_ms: int
    by: str = ""
    last_seen_ms: int | None = None
    last_addr: str | None = None


class KeyListReply(Reply, frozen=True, kw_only=True):
    """All keys, oldest first."""

    keys: tuple[KeyRow, ...] = ()


class KeyRevoke(Command, frozen=True, kw_only=True):
    """Shut a key out, now and for good."""

    type: ClassVar[str] = "key.revoke"
    key_id: KeyId


class InviteCreate(Command, frozen=True, kw_only=True):
    """A link that lets one more key in."""

    type: ClassVar[str] = "invite.create"
    role: Role = "viewer"
    ttl_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    label: Label


class InviteReply(CommandReply, frozen=True, kw_only=True):
    """The link, shown this once."""

    invite_id: str
    text: str
    expires_ms: int


class AgentReload(Command, frozen=True, kw_only=True):
    """Read settings and definitions anew."""

    type: ClassVar[str] = "agent.reload"


class ReloadReply(CommandReply, frozen=True, kw_only=True):
    """What could not be taken over."""

    problems: tuple[str, ...] = ()


AnyReply: TypeAlias = Reply | Delta

REPLY_TO: Final[dict[type[Request], type[AnyReply]]] = {
    Hello: HelloReply,
    Ping: Pong,
    Enroll: EnrollReply,
    Sync: Delta,
    TaskGet: TaskDetail,
    SchedulePreview: SchedulePreviewReply,
    ScheduleNext: ScheduleNextReply,
    ScheduleForecast: ScheduleForecastReply,
    ScheduleWhatIf: ScheduleWhatIfReply,
    ScheduleWhy: ScheduleWhyReply,
    PausePreview: PausePreviewReply,
    TaskSet: TaskSetReply,
    RunStart: RunStartReply,
    TaskSkip: TaskSkipReply,
    RunBackfill: RunBackfillReply,
    RunAbort: RunAbortReply,
    RunRetry: RunRetryReply,
    TaskPing: TaskPingReply,
    RunGet: RunDetail,
    RunSamples: RunSamplesReply,
    RunsPage: RunsPageReply,
    LogStat: LogStatReply,
    LogRead: LogReadReply,
    LogSearch: LogSearchReply,
    MetricsPage: MetricsPageReply,
    StatsGet: StatsReply,
    HealthGet: HealthReply,
    AlertsPage: AlertsPageReply,
    AlertGet: AlertDetail,
    AlertAck: AlertsReply,
    AlertSnooze: AlertsReply,
    AlertResolve: AlertsReply,
    AlertReopen: AlertsReply,
    AlertNote: AlertsReply,
    AlertsRules: AlertsRulesReply,
    RuleTry: RuleTryReply,
    RuleSet: RuleReply,
    RuleRemove: RuleReply,
    QuietTry: QuietTryReply,
    QuietSet: QuietReply,
    QuietRemove: QuietReply,
    DeliveriesPage: DeliveriesReply,
    OpGet: OpReply,
    AuditPage: AuditPageReply,
    KeyList: KeyListReply,
    KeyRevoke: CommandReply,
    InviteCreate: InviteReply,
    AgentReload: ReloadReply,
}
REQUESTS: Final[dict[str, type[Request]]] = {request.type: request for request in REPLY_TO}
COMMANDS: Final = frozenset(
    name for name, request in REQUESTS.items() if issubclass(request, Command)
)
