"""What does an end say of its due moment: did it come to good, to bad, or is that still open?"""

from typing import Final, Literal

from agent.runs import Run

FAILURES: Final = frozenset({"error", "timeout", "killed_memory", "lost"})
NO_PING: Final = "no_ping"

Outcome = Literal["good", "bad", "stopped"]


def outcome(run: Run, *, has_next: bool) -> Outcome | None:
    """The last word on a moment or an order; None when there is none, or not yet.

    `has_next` says that another attempt is to come: then this failure is not the last word.
    `stopped` is a run that somebody stopped.
    """
    if has_next:
        return None
    if run.status == "success":
        return "good"
    if run.status in FAILURES:
        return "bad"
    if run.status == "missed" and run.reason == NO_PING:
        return "bad"
    # A retry that does not come about after all leaves the last word to the failure before it.
    if run.trigger == "retry" and run.started_ms is None:
        return "bad"
    return "stopped" if run.status == "aborted" and run.started_ms is not None else None


def is_enough(failures_in_row: int, limit: int | None) -> bool:
    """Has a task failed so often, one time after another, that it is not to go on?"""
    return limit is not None and failures_in_row >= limit
