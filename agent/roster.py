"""Which tasks exist now: the definitions in memory, as the database has them."""

from collections.abc import Collection, Iterable
from functools import partial

from agent.store.database import Database
from agent.store.tasks import Span, TaskRow, history, load_all


class Roster:
    """The tasks by name; `load` brings them up to date and says which ones changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tasks: dict[str, TaskRow] = {}
        self._followers: dict[str, set[str]] = {}

    async def load(self) -> frozenset[str]:
        """Read all tasks anew; returns the names that are new, changed or gone."""
        rows = await self.read()
        changed = self.changed(rows)
        self.replace(rows)
        return changed

    async def read(self) -> tuple[TaskRow, ...]:
        """All tasks as the database has them now; nothing is taken over yet."""
        return await self._database.read(load_all)

    def changed(self, rows: Iterable[TaskRow]) -> frozenset[str]:
        """The names that are new, changed or gone, if these are all tasks."""
        fresh = {row.task_name: row for row in rows}
        return frozenset(
            name
            for name in fresh.keys() | self._tasks.keys()
            if _signature(fresh.get(name)) != _signature(self._tasks.get(name))
        )

    def replace(self, rows: Iterable[TaskRow]) -> None:
        """These are all tasks."""
        rows = tuple(rows)
        self.remove(self._tasks.keys() - {row.task_name for row in rows})
        self.put(rows)

    def is_as(self, row: TaskRow) -> bool:
        """This is the task as it is known, as far as a scheduler cares."""
        return _signature(self._tasks.get(row.task_name)) == _signature(row)

    async def history(
        self, names: Collection[str], *, since_ms: int, until_ms: int
    ) -> dict[str, tuple[Span, ...]]:
        """Those of these tasks that were changed since a moment, with what was in force when."""
        return await self._database.read(
            partial(history, until_ms=until_ms, changed_after_ms=since_ms - 1, names=names)
        )

    def put(self, rows: Iterable[TaskRow]) -> None:
        """These are as they are now; all others stay."""
        for row in rows:
            self.remove((row.task_name,))
            self._tasks[row.task_name] = row
            for before in row.definition.after:
                self._followers.setdefault(before, set()).add(row.task_name)

    def remove(self, names: Iterable[str]) -> None:
        """These are no more."""
        for name in names:
            gone = self._tasks.pop(name, None)
            for before in gone.definition.after if gone else ():
                self._followers[before].discard(name)

    def followers(self, task_name: str) -> Iterable[TaskRow]:
        """The tasks that name this one in `after`, by name."""
        return [self._tasks[name] for name in sorted(self._followers.get(task_name, ()))]

    def get(self, task_name: str) -> TaskRow | None:
        """The task of this name."""
        return self._tasks.get(task_name)

    def all(self) -> Iterable[TaskRow]:
        """Every task, enabled or not."""
        return self._tasks.values()

    def __len__(self) -> int:
        return len(self._tasks)


def _signature(row: TaskRow | None) -> object:
    """What a scheduler cares about: the watermark moves all the time and is not part of it."""
    if row is None:
        return None
    return (
        row.fault,
        row.def_rev,
        row.enabled,
        row.paused,
        row.paused_until_ms,
        row.pause_reason,
        row.skip_until_ms,
    )
