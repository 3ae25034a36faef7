"""May a run that has ended be tried once more by hand?"""

from agent.errors import Conflict
from agent.runs import Run

_WHY_NOT = {
    "success": "it succeeded; `smartcron-agent tasks run {task}` runs the task again",
    "skipped": "it did not run; `smartcron-agent tasks backfill {task}` runs its moment after all",
    "missed": "it did not run; `smartcron-agent tasks backfill {task}` runs its moment after all",
}


def check_retry(last: Run) -> None:
    """Raise Conflict unless this, the last attempt at its moment, ran and came to no good."""
    if not last.has_ended:
        raise Conflict(f"run {last.id} is {last.status} already; stop it first or wait for its end")
    if last.status in _WHY_NOT:
        raise Conflict(f"run {last.id}: {_WHY_NOT[last.status].format(task=last.task_name)}")
