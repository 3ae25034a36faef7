"""Until when is nobody told of what is wrong with a task, because somebody works on it?"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

import msgspec

LONGEST_MS: Final = 366 * 86_400_000
LONGEST_REASON: Final = 500
LONGEST_NAME: Final = 64


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


class Fault(msgspec.Struct, frozen=True):
    """Why a window cannot be: which field, what it holds, and the way out."""

    field: str
    value: str
    fix: str


def fault_of(mute: Mute, *, now_ms: int) -> Fault | None:
    """The first field that cannot be accepted in a window that somebody makes or changes now."""
    for field, name in (("task", mute.task), ("category", mute.category)):
        if name is not None and (not 0 < len(name) <= LONGEST_NAME or not name.isprintable()):
            return Fault(field, name, f"write 1 to {LONGEST_NAME} letters")
    reason = mute.reason
    if not reason.strip():
        return Fault("reason", reason, "say why; it is shown wherever an alert is muted by it")
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        return Fault("reason", reason, f"must be one line of at most {LONGEST_REASON} characters")
    if not max(mute.from_ms, now_ms) < mute.to_ms <= now_ms + LONGEST_MS:
        fix = "must be later than now and than its beginning, and within a year"
        return Fault("to_ms", str(mute.to_ms), fix)
    return None


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
