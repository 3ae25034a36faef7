"""When is each task due next, and which one cannot be planned?"""

import heapq

from agent.due import next_due
from agent.errors import BadDefinition, StorageError
from agent.log import log_of
from agent.roster import Roster
from agent.store.tasks import TaskRow

log = log_of(__name__)


class Agenda:
    """A heap of next due moments; asking it costs only the tasks that are due.

    `boots` are when each boot of the host was first seen, `watermarks` up to when each task is
    decided; both in milliseconds.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self.boots: tuple[int, ...] = ()
        self.watermarks: dict[str, int] = {}
        self.broken: dict[str, str] = {}
        self._heap: list[tuple[int, int, str]] = []  # next due moment, definition, task name
        self._next: dict[str, int] = {}

    def next_ms(self, task_name: str) -> int | None:
        """The next due moment of a task that is enabled."""
        return self._next.get(task_name)

    def first_ms(self) -> int | None:
        """The earliest next due moment of all tasks."""
        while self._heap and self._next.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # of a task that was changed since
        return self._heap[0][0] if self._heap else None

    def after_ms(self, task: TaskRow) -> int:
        """Up to when everything is decided for this task."""
        return max(task.watermark_ms, self.watermarks.get(task.task_name, 0))

    def take_due(self, now_ms: int) -> dict[str, int]:
        """The tasks that are due, each once, with their oldest due moments, in this order."""
        due: dict[str, int] = {}
        while self._heap and self._heap[0][0] <= now_ms:
            due_ms, _, name = heapq.heappop(self._heap)
            if self._next.get(name) == due_ms:
                due[name] = due_ms
        return due

    def plan_all(self) -> None:
        """Reckon every task anew."""
        self._heap.clear()
        for task in self._roster.all():
            self.plan(task.task_name)

    def plan(self, name: str) -> None:
        """Reckon the next due moment of one task."""
        self._next.pop(name, None)
        self.broken.pop(name, None)
        task = self._roster.get(name)
        if task is None:
            self.watermarks.pop(name, None)
            return
        if task.fault is not None:
            self.broke(name, StorageError(task.fault))
            return
        if not task.enabled:
            return
        try:
            due_ms = next_due(task.definition, self.after_ms(task), boots=self.boots)
        except Exception as error:  # noqa: BLE001 - its trace is logged, the others go on
            self.broke(name, error)
            return
        if due_ms is None:
            return
        self._next[name] = due_ms
        heapq.heappush(self._heap, (due_ms, task.def_rev, name))

    def broke(self, name: str, error: Exception) -> None:
        """One task that cannot be scheduled must not hold up the others."""
        self._next.pop(name, None)
        self.broken[name] = str(error)
        if isinstance(error, (BadDefinition, StorageError)):
            log.error("a task cannot be scheduled", task=name, cause=str(error))
        else:
            log.error("a task cannot be scheduled", task=name, exc_info=error)
