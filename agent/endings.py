"""What is written of a run that is over: its ending, the reason, one sentence."""

import signal
from typing import Final

import msgspec

from agent.claims import unrun
from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.rules.exiting import class_of_signal, meaning_of
from agent.running.inheritance import REBOOTED
from agent.running.journal import FULL
from agent.running.terms import AlreadyOrdered, Ended, NoRoom
from agent.runs import Run

STOPPED_BY_HAND: Final = "by_request"
STORAGE: Final = "storage"
"""The reason of a due moment that was missed for want of room on the disk."""
SPOOL_FULL: Final = "its output may be cut: the disk of the spool is full"
_SHELL_SIGNALLED: Final = 128
_HIGHEST_SIGNAL: Final = 64
_EXIT_WORDS: Final = {126: ": what it called may not be executed", 127: ": a command is not there"}
# A host that is short of memory says nothing of itself to whom it ends.
_KILLED_BY: Final = (
    ", not by this agent: somebody did, or the kernel for want of memory (`journalctl -k` tells)"
)
# How much of its processor time must be used up for this signal to mean that: nobody else sends
# SIGXCPU, though the kernel's two ways of counting differ a little; SIGKILL may come from anyone.
_NEARLY: Final[dict[int, float]] = {signal.SIGXCPU: 0.5, signal.SIGKILL: 0.98}


def stopping(run: Run, reason: str | None, by: str | None) -> Run:
    """The run with why, and by whom, it is being ended; names have no bound, reasons are codes."""
    said = f"stopped by {by}" if by else None
    note = "; ".join(part for part in (said, run.note) if part)
    return msgspec.structs.replace(run, reason=reason, note=note or None)


def noted(run: Run, said: str) -> Run:
    """The run with one more remark."""
    return msgspec.structs.replace(run, note=f"{run.note}; {said}" if run.note else said)


def ended(
    run: Run,
    definition: Definition,
    end: Ended,
    *,
    stop_reason: str | None,
    stopped_by: str | None = None,
) -> Run:
    """The run with the end that its keeper told; who stopped it only where the stop ended it."""
    status, reason, message = _say(definition, end, stop_reason)
    if end.cause == "aborted" and stop_reason is not None:
        run = stopping(run, stop_reason, stopped_by)
    if end.leftovers and not end.cause:
        run = noted(run, _left_behind(definition, end.leftovers))
    if end.cause == STORAGE:
        run = noted(run, end.detail)
    error_class = class_of(definition, status, end.exit_status, end.signal)
    return msgspec.structs.replace(
        run,
        status=status,
        reason=reason or run.reason,
        error_message=message,
        pid=end.pid,
        started_ms=end.started_ms,
        ended_ms=end.ended_ms,
        duration_ms=end.duration_ms,
        late_ms=None if end.started_ms is None else max(0, end.started_ms - run.scheduled_ms),
        exit_status=end.exit_status,
        signal=end.signal,
        error_class=error_class,
        cpu_ms=end.cpu_ms,
        peak_rss=end.peak_rss,
        read_bytes=end.read_bytes,
        written_bytes=end.written_bytes,
        minor_faults=end.minor_faults,
        major_faults=end.major_faults,
    )


def status_of(definition: Definition, exit_status: int | None) -> str:
    """The ending of a run that nothing but itself ended, by its exit status."""
    if exit_status is None:
        return "error"
    is_good = meaning_of(exit_status, definition.exit_statuses) == "success"
    return "success" if is_good else "error"


def in_words(end: Ended, said: str | None, *, rest: str = ", and wrote nothing") -> str | None:
    """How a run that failed came to its end, where its own output (`said`) does not tell."""
    if end.cause or end.exit_status == 0:
        return said
    if end.signal is not None:
        whence = _KILLED_BY if end.signal == signal.SIGKILL else ""
        last = f"; its output ends: {said}" if said else ""
        return f"ended by {_name_of(end.signal)} (signal {end.signal}){whence}{last}"
    if said or end.exit_status is None:
        return said
    number = end.exit_status - _SHELL_SIGNALLED
    meaning = _EXIT_WORDS.get(end.exit_status, "")
    if 0 < number <= _HIGHEST_SIGNAL:
        whence = _KILLED_BY if number == signal.SIGKILL else ""
        meaning = f", as a shell has it when {_name_of(number)} ended its command{whence}"
    return f"ended with exit status {end.exit_status}{meaning}{rest}"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        above = number - signal.SIGRTMIN
        return f"SIGRTMIN+{above}" if above > 0 else f"SIG{number}"


def class_of(
    definition: Definition, status: str, exit_status: int | None, signal: int | None
) -> str | None:
    """`fatal` when another attempt is sure to meet the same, else `recoverable`.

    None for what is no failure, or of which nothing is known.
    """
    if status in ("timeout", "killed_memory", "missed"):
        return "recoverable"
    if status != "error":
        return None
    if signal is not None:
        return class_of_signal(signal)
    if exit_status is None:
        return "recoverable"
    return meaning_of(exit_status, definition.exit_statuses)


def refused(run: Run, cause: Exception, *, now_ms: int) -> Run:
    """A run whose start was refused; where only the disk had no room, its moment was missed."""
    is_full = isinstance(cause, OSError) and cause.errno in FULL
    if is_full or isinstance(cause, NoRoom):
        missed = unrun(run, "missed", STORAGE, now_ms=now_ms)
        return msgspec.structs.replace(noted(missed, str(cause)), error_class="recoverable")
    over = unrun(run, "error", "never_started", now_ms=now_ms)
    # A wrong definition is as wrong the next time; what ran before is not to run once more.
    is_fatal = isinstance(cause, BadDefinition | AlreadyOrdered)
    error_class = "fatal" if is_fatal else "recoverable"
    return msgspec.structs.replace(over, error_class=error_class, error_message=str(cause))


def nobody_saw(run: Run) -> Ended:
    """What a keeper would have told of a lost run, were there one that knows it."""
    return Ended(
        run_id=run.id,
        pid=run.pid or 0,
        started_ms=run.started_ms,
        ended_ms=run.ended_ms or run.queued_ms,
        duration_ms=run.duration_ms or 0,
        exit_status=None,
        signal=None,
        cause=run.status,
        cpu_ms=0,
        peak_rss=0,
        leftovers=0,
    )


def told_by(run: Run) -> Ended:
    """What the keeper of a run told, as its row still has it."""
    is_own_end = run.exit_status is not None or run.signal is not None
    return Ended(
        run_id=run.id,
        pid=run.pid,
        started_ms=run.started_ms,
        ended_ms=run.ended_ms or run.queued_ms,
        duration_ms=run.duration_ms,
        exit_status=run.exit_status,
        signal=run.signal,
        cause="" if is_own_end and run.status in ("success", "error") else run.status,
        cpu_ms=run.cpu_ms,
        peak_rss=run.peak_rss,
        leftovers=0,
    )


def unseen(run: Run, definition: Definition | None, *, now_ms: int) -> Run | None:
    """The end of a run of an earlier agent that no keeper knows; None when it may still start.

    `definition` is None for a task that is no more.
    """
    if run.status in ("running", "stopping"):
        return msgspec.structs.replace(
            run,
            status="lost",
            reason="no_trace",
            ended_ms=now_ms,
            error_message="neither the process nor its exit status could be found",
        )
    if definition is None or not definition.enabled:
        return msgspec.structs.replace(run, status="skipped", reason="disabled", ended_ms=now_ms)
    if is_past_deadline(run, definition, now_ms=now_ms):
        return msgspec.structs.replace(run, status="missed", reason="agent_down", ended_ms=now_ms)
    return None


def is_past_deadline(run: Run, definition: Definition, *, now_ms: int) -> bool:
    """It was due longer ago than its task lets a run start late; an order by hand never is."""
    # Not late is what had to wait: for the end of a blackout, or for its delay in a chain.
    late_ms = now_ms - max(run.scheduled_ms, run.retry_at_ms or 0)
    return run.trigger != "manual" and late_ms > definition.start_deadline_s * 1000


def stand_in(run: Run) -> Definition:
    """For a task that was deleted while its run lives."""
    return Definition(
        task_name=run.task_name, category=run.category, schedule=(), command=("/bin/true",)
    )


def _say(
    definition: Definition, end: Ended, stop_reason: str | None
) -> tuple[str, str | None, str | None]:
    """Status, reason and sentence."""
    match end.cause:
        case "timeout":
            took = (
                ""
                if end.duration_ms is None
                else f"; it was over {end.duration_ms / 1000:.1f} s after its start"
            )
            return (
                "timeout",
                None,
                f"stopped after its {definition.timeout_seconds} s were over{took}",
            )
        case "killed_memory":
            figure = f": {end.detail}" if end.detail else ""
            return "killed_memory", None, f"grew beyond its {definition.memory_limit_mb} MB{figure}"
        case "cpu_limit":
            return "timeout", "cpu_limit", f"stopped at its limit: {end.detail}"
        case "aborted":
            return "aborted", stop_reason, None
        case "lost":
            reason = "reboot" if end.detail == REBOOTED else "no_trace"
            why = f": {end.detail}" if end.detail else ""
            return "lost", reason, f"its exit status could not be learned{why}"
        case "storage":
            return "missed", STORAGE, None
        case "never_started":
            return "error", "never_started", end.detail
    return _say_own_end(definition, end)


def _left_behind(definition: Definition, count: int) -> str:
    what = "process" if count == 1 else "processes"
    became = "left alone" if definition.leftovers == "keep" else "ended"
    return f"{count} {what} that it left behind {'was' if count == 1 else 'were'} {became}"


def _say_own_end(definition: Definition, end: Ended) -> tuple[str, str | None, str | None]:
    """It ended by itself, or the kernel ended it where one of its limits lay."""
    status = status_of(definition, end.exit_status)
    if status == "success":
        return status, None, None
    # A shell says that a signal ended its command by a status of 128 and the signal.
    number = end.signal or (end.exit_status or 0) - _SHELL_SIGNALLED
    cpu_limit_s, used_s = definition.cpu_limit_s, (end.cpu_ms or 0) / 1000
    nearly = _NEARLY.get(number)
    if cpu_limit_s and nearly and used_s >= cpu_limit_s * nearly:
        return (
            "timeout",
            "cpu_limit",
            f"ended by the kernel ({signal.Signals(number).name}) at its limit: "
            f"{used_s:.1f} s of processor time used, {cpu_limit_s} s allowed",
        )
    file_limit_mb = definition.file_size_limit_mb
    if file_limit_mb and number == signal.SIGXFSZ:
        return (
            "error",
            "file_size_limit",
            f"ended by the kernel (SIGXFSZ): a file it wrote to, or its output, reached the "
            f"{file_limit_mb} MB that are allowed",
        )
    return status, None, None
