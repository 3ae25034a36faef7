"""Which tasks exist now: the definitions in memory, as the database has them."""

from collections.abc import Iterable, Mapping

from agent.store.database import Database
from agent.store.tasks import TaskRow, load_all


class Roster:
    """The tasks by name; `load` brings them up to date and says which ones changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tasks: Mapping[str, TaskRow] = {}

    async def load(self) -> frozenset[str]:
        """Read all tasks anew; returns the names that are new, changed or gone."""
        rows = await self._database.read(load_all)
        fresh = {row.definition.task_name: row for row in rows}
        changed = {
            name
            for name in fresh.keys() | self._tasks.keys()
            if _signature(fresh.get(name)) != _signature(self._tasks.get(name))
        }
        self._tasks = fresh
        return frozenset(changed)

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
    return (row.def_rev, row.enabled, row.paused, row.paused_until_ms, row.pause_reason)
