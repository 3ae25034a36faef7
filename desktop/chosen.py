"""Which task is chosen, what is shown of it, and when is more of it asked for?"""

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.models.filter import TaskFilter
from desktop.models.runs import RunsModel
from desktop.models.tasks import TaskModel
from desktop.tables import ROW
from desktop.views.details.panel import Details
from desktop.views.grid.view import TaskGrid
from shared.protocol.rows import Task

QUIET_MS: Final = 300


class Chosen(QObject):
    """Keeps the details panel with the task that the grid stands on."""

    changed = Signal(str)
    """Another task is chosen, or the chosen one is another now; empty where none is."""
    detail_requested = Signal(str)
    history_requested = Signal(str)

    def __init__(
        self,
        grid: TaskGrid,
        details: Details,
        *,
        tasks: TaskModel,
        runs: RunsModel,
        sifted: TaskFilter,
        was_heard: Callable[[], bool],
    ) -> None:
        super().__init__(grid)
        self._grid, self._details = grid, details
        self._tasks, self._runs, self._sifted = tasks, runs, sifted
        self._was_heard = was_heard
        self.id = ""
        # A task's details are asked for once the keyboard has come to rest on it.
        self._soon = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._soon.timeout.connect(self._ask)
        grid.task_selected.connect(self.choose)

    @property
    def task(self) -> Task | None:
        """The chosen task as it is now."""
        return self._tasks.task(self.id)

    @property
    def ids(self) -> list[str]:
        """All tasks that are selected in the grid."""
        return [task.id for task in self._grid.chosen_tasks()]

    def choose(self, task_id: str) -> None:
        """Show this one."""
        if task_id == self.id:
            return
        self.id = task_id
        self._details.show_task(self.task, self._tasks.state(task_id))
        self._details.show_runs(self._runs.runs())
        self.changed.emit(task_id)
        self._soon.start()

    def follow(self, tasks: Sequence[Task], gone: Sequence[str]) -> None:
        """Keep the details panel with the newest row, and ask for more when a run has ended."""
        if self.id in gone:
            self.forget()
            return
        for task in tasks:
            if task.id == self.id:
                self._details.show_task(task, self._tasks.state(task.id))
                self.changed.emit(task.id)
                self._soon.start()
        if not self.id and self._tasks.tasks() and self._sifted.rowCount():
            self._choose_first()

    def ask_soon(self) -> None:
        """More of it is asked for in a moment."""
        self._soon.start()

    def forget(self) -> None:
        """It is no more, or of another agent."""
        self.id = ""
        self._details.show_task(None, "unknown")

    def _ask(self) -> None:
        if self.id and self._was_heard():
            self.detail_requested.emit(self.id)
            self.history_requested.emit(self.id)

    def _choose_first(self) -> None:
        """Something is chosen from the start: the first task of the grid."""
        index = self._sifted.index(0, 0)
        if self._sifted.rowCount(index):
            index = self._sifted.index(0, 0, index)
        task = index.data(ROW)
        if isinstance(task, Task):
            self._grid.select_task(task.id)
            self.choose(task.id)
            self._grid.setFocus()
