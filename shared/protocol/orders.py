"""What a client may order of runs, and what a watched job says of itself."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from shared.protocol.messages import Command, CommandReply, Moment, Reason, RunId, TaskId


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


class RunRetry(Command, frozen=True, kw_only=True):
    """Try again at once: a retry that waits starts now, a run that failed gets one more attempt."""

    type: ClassVar[str] = "run.retry"
    run_id: RunId
    reason: Reason | None = None


class RunRetryReply(CommandReply, frozen=True, kw_only=True):
    """The run that is tried now: the one that waited, or a new one."""

    run_id: str


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
