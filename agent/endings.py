"""What is written of a run that is over: its ending, the reason, one sentence."""

from typing import Final

import msgspec

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.rules.exiting import class_of_signal, meaning_of
from agent.running.keeping import Ended
from agent.runs import Run

STOPPED_BY_HAND: Final = "by_request"


def stopping(run: Run, reason: str | None, by: str | None) -> Run:
    """The run with why, and by whom, it is being ended; names have no bound, reasons are codes."""
    said = f"stopped by {by}" if by else None
    note = "; ".join(part for part in (said, run.note) if part)
    return msgspec.structs.replace(run, reason=reason, note=note or None)


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
    )


def status_of(definition: Definition, exit_status: int | None) -> str:
    """The ending of a run that nothing but itself ended, by its exit status."""
    if exit_status is None:
        return "error"
    is_good = meaning_of(exit_status, definition.exit_statuses) == "success"
    return "success" if is_good else "error"


def class_of(
    definition: Definition, status: str, exit_status: int | None, signal: int | None
) -> str | None:
    """`fatal` when another attempt is sure to meet the same, else `recoverable`.

    None for what is no failure, or of which nothing is known.
    """
    if status in ("timeout", "killed_memory"):
        return "recoverable"
    if status != "error":
        return None
    if signal is not None:
        return class_of_signal(signal)
    if exit_status is None:
        return "recoverable"
    return meaning_of(exit_status, definition.exit_statuses)


def class_of_refusal(error: Exception) -> str:
    """The class of a run whose start was refused: a wrong definition is as wrong the next time."""
    return "fatal" if isinstance(error, BadDefinition) else "recoverable"


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
            return "timeout", None, f"stopped after its {definition.timeout_seconds} s were over"
        case "killed_memory":
            return "killed_memory", None, f"grew beyond its {definition.memory_limit_mb} MB"
        case "aborted":
            return "aborted", stop_reason, None
        case "lost":
            return "lost", end.detail or "no_trace", "its exit status could not be learned"
        case "never_started":
            return "error", "never_started", end.detail
    return status_of(definition, end.exit_status), None, None
