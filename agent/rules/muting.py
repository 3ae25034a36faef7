"""Until when is nobody told of what is wrong with a task, because somebody works on it?"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """A window in which alerts are told to nobody: of tasks, of a category, or all alerts.

    Without `task` and `category` all are meant, also those that are about no task.
    """

    id: str
    from_ms: int
    to_ms: int
    reason: str
    made_ms: int
    made_by: str
    task: str | None = None
    category: str | None = None

    @property
    def is_of_all(self) -> bool:
        """Every alert is meant."""
        return self.task is None and self.category is None


def muted_until_ms(
    mutes: Iterable[Mute], *, task_name: str | None, category: str | None, now_ms: int
) -> int | None:
    """When the last window ends that covers this task now; None when none does."""
    ends = [
        mute.to_ms
        for mute in mutes
        if mute.from_ms <= now_ms < mute.to_ms and covers(mute, task_name, category)
    ]
    return max(ends, default=None)


def covers(mute: Mute, task_name: str | None, category: str | None) -> bool:
    """Alerts about this task, or about none, are meant by the window."""
    if mute.is_of_all:
        return True
    if task_name is None:
        return False
    if mute.category is not None and mute.category != category:
        return False
    return mute.task is None or fnmatchcase(task_name, mute.task)
