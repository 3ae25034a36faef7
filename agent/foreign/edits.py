"""Which line is the edited one of a task that was imported before, and which lines are gone?"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Final

import msgspec

from agent.definitions import Definition

MARK: Final = "import-"
"""A tag of an imported task begins so; the rest tells its line among all others."""
_NUMBER: Final = re.compile(r"-\d+\Z")


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A task whose line is there no more, and the line that looks like it."""

    known: Definition
    is_certain: bool
    doubt: str = ""
    """Why it is not certain."""


def mark_of(task: Definition) -> str | None:
    """The tag by which the line of an imported task is known again."""
    return next((tag for tag in task.tags if tag.startswith(MARK)), None)


def without_line(known: Sequence[Definition], marks: set[str]) -> list[Definition]:
    """The imported tasks whose lines are not among these."""
    return [task for task in known if (mark := mark_of(task)) is not None and mark not in marks]


def edits(
    drafts: Sequence[tuple[str, Definition]],
    orphans: Sequence[Definition],
    *,
    is_as_imported: Callable[[Definition], bool],
) -> dict[int, Edit]:
    """By place among the drafts (origin, task): the task that each is the edited line of.

    Only where one line and one task alone have the same command, or the same name and schedule;
    certain where the task is of the same crontab and as it was imported.
    """
    found: dict[int, Edit] = {}
    left = list(orphans)
    for alike in (_by_command, _by_name):
        ours: dict[Hashable, list[int]] = defaultdict(list)
        for place, (_, task) in enumerate(drafts):
            if place not in found:
                ours[alike(task)].append(place)
        theirs: dict[Hashable, list[Definition]] = defaultdict(list)
        for task in left:
            theirs[alike(task)].append(task)
        for key, places in ours.items():
            tasks = theirs.get(key, [])
            if len(places) != 1 or len(tasks) != 1:
                continue
            (place,), (before,) = places, tasks
            doubt = ""
            if not is_of(before, drafts[place][0]):
                doubt = "which came from elsewhere"
            elif not is_as_imported(before):
                doubt = "which was changed here since"
            found[place] = Edit(known=before, is_certain=not doubt, doubt=doubt)
            left.remove(before)
    return found


def is_of(task: Definition, origin: str) -> bool:
    """The task was made of a line of this crontab, as its description says."""
    return re.search(rf"(From |\(){re.escape(origin)} line \d+", task.description) is not None


def _by_command(task: Definition) -> Hashable:
    return (task.run_as, task.command, task.shell)


def _by_name(task: Definition) -> Hashable:
    name = _NUMBER.sub("", task.task_name)
    return (task.run_as, name, task.schedule, task.timezone)
