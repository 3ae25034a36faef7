"""What is written of a run that is over: its ending, the reason, one sentence."""

import msgspec

from agent.definitions import Definition
from agent.running.keeping import Ended
from agent.runs import Run


def ended(run: Run, definition: Definition, end: Ended, *, stop_reason: str | None) -> Run:
    """The run with the end that its keeper told."""
    status, reason, message = _say(definition, end, stop_reason)
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
        cpu_ms=end.cpu_ms,
        peak_rss=end.peak_rss,
    )


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
    return ("success" if end.exit_status == 0 else "error"), None, None
