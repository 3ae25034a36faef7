"""Which run takes longer than its task expects, and what is told of it?"""

from agent.definitions import Definition
from agent.rules.alerting import Trouble
from agent.runs import Run


def warn_in_ms(run: Run, definition: Definition, *, now_ms: int) -> int | None:
    """When to warn of a living run, from now on; None: never, or it was warned of before."""
    after_s = definition.warn_after_seconds
    if after_s is None or run.warned_ms is not None or run.started_ms is None:
        return None
    return max(0, run.started_ms + after_s * 1000 - now_ms)


def trouble_of(run: Run, definition: Definition) -> Trouble:
    """What is wrong with a run that takes long; the next one of the task is the same trouble."""
    return Trouble(
        dedupe_key=alert_of(run),
        kind="run_slow",
        severity="medium",
        title=f"{run.task_name} takes long",
        message=(
            f"run {run.id} goes on after {definition.warn_after_seconds} s (warn_after_seconds); "
            f"it is ended after {definition.timeout_seconds} s"
        ),
        task_name=run.task_name,
    )


def alert_of(run: Run) -> str:
    """The key of that trouble."""
    return f"run_slow {run.task_name}"
