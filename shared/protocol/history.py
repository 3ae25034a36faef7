"""What a client may ask about runs that are recorded."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from shared.protocol.messages import Cursor, Label, Moment, Reply, Request, RunId, TaskId, Word
from shared.protocol.rows import Run


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
