"""What a client may ask about a task, and what it may do about some of them."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from shared.protocol.messages import (
    Command,
    CommandReply,
    Moment,
    Outcome,
    Reason,
    Reply,
    Request,
    TaskId,
)
from shared.protocol.rows import Task


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
