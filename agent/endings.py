"""What is written of a run that is over: its ending, the reason, one sentence."""

import msgspec

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.rules.exiting import class_of_signal, meaning_of
from agent.running.keeping import Ended
from agent.runs import Run


def ended(run: Run, definition: Definition, end: Ended, *, stop_reason: str | None) -> Run:
    """The run with the end that its keeper told."""
    status, reason, message = _say(definition, end, stop_reason)
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
    # Not late is what had to wait: for the end of a blackout, or for its delay in a chain.
    late_ms = now_ms - max(run.scheduled_ms, run.retry_at_ms or 0)
    if run.trigger != "manual" and late_ms > definition.start_deadline_s * 1000:
        return msgspec.structs.replace(run, status="missed", reason="agent_down", ended_ms=now_ms)
    return None


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
