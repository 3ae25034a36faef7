"""Which tasks a filter lets through."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel

from shared.protocol.rows import Task

KEYS: Final = ("state", "cat", "prio", "tag")


@dataclass(frozen=True, slots=True)
class Query:
    """What was understood of a filter text; every part must hold."""

    words: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    states: frozenset[str] = frozenset()
    categories: tuple[str, ...] = ()
    priorities: frozenset[int] = frozenset()
    tags: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """It lets everything through."""
        return self == Query()


def parse(text: str) -> Query:
    """Read `words state:failing cat:payroll prio:1,2 tag:x -word`; odd parts are plain words."""
    try:
        parts = shlex.split(text)
    except ValueError:
        # A quote that is still open, while somebody types.
        parts = text.replace('"', " ").replace("'", " ").split()
    found: dict[str, list[str]] = {key: [] for key in KEYS}
    plain: list[str] = []
    excluded: list[str] = []
    for part in (part.lower() for part in parts):
        key, colon, value = part.partition(":")
        if colon and key in found and value:
            found[key] += [item for item in value.split(",") if item]
        elif part.startswith("-") and len(part) > 1:
            excluded.append(part[1:])
        else:
            plain.append(part)
    return Query(
        words=tuple(plain),
        excluded=tuple(excluded),
        states=frozenset(found["state"]),
        categories=tuple(found["cat"]),
        priorities=frozenset(int(item) for item in found["prio"] if item.isdigit()),
        tags=tuple(found["tag"]),
    )


def matches(query: Query, task: Task, state: str) -> bool:
    """Whether a task in that state is asked for."""
    if query.states and state not in query.states:
        return False
    if query.priorities and task.priority not in query.priorities:
        return False
    category = task.category.lower()
    if query.categories and not any(name in category for name in query.categories):
        return False
    if query.tags and not any(tag.lower() in query.tags for tag in task.tags):
        return False
    text = f"{task.name} {category} {' '.join(task.tags)}".lower()
    if any(word in text for word in query.excluded):
        return False
    return all(word in text for word in query.words)


class TaskFilter(QSortFilterProxyModel):
    """Lets through what the query and the chosen counters ask for, and the groups above it."""

    def __init__(self, row_role: int, state_role: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._row_role = row_role
        self._state_role = state_role
        self._query = Query()
        self._states: frozenset[str] = frozenset()
        self.setRecursiveFilteringEnabled(True)

    def set_query(self, query: Query) -> None:
        """Ask for something else."""
        self._change(lambda: setattr(self, "_query", query))

    def set_states(self, states: frozenset[str]) -> None:
        """Keep to these states; none means all."""
        self._change(lambda: setattr(self, "_states", states))

    @property
    def query(self) -> Query:
        """What is asked for."""
        return self._query

    def _change(self, change: Callable[[], None]) -> None:
        self.beginFilterChange()
        change()
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def filterAcceptsRow(
        self, source_row: int, source_parent: QModelIndex | QPersistentModelIndex
    ) -> bool:
        index = self.sourceModel().index(source_row, 0, source_parent)
        task = index.data(self._row_role)
        if not isinstance(task, Task):
            # A group shows when one of its tasks does, and only then.
            return False
        state = index.data(self._state_role)
        if self._states and state not in self._states:
            return False
        return self._query.is_empty or matches(self._query, task, state)

    def shown_tasks(self) -> int:
        """How many tasks are let through."""
        total = 0
        for row in range(self.rowCount()):
            inner = self.rowCount(self.index(row, 0))
            if inner:
                total += inner
            elif isinstance(self.index(row, 0).data(self._row_role), Task):
                total += 1
        return total
