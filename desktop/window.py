"""The window: every panel in its place, and everything the user may want.

What it asks for (connect these to whatever talks to the agent):
    run_requested(task_id)              stop_requested(run_id)
    pause_requested(ids, until_ms|None) resume_requested(ids)
    enable_requested(ids)               disable_requested(ids)
    detail_requested(task_id)           the newest `task.get` of the task now shown
    history_requested(task_id|"")       the newest runs of a task, or of all
    run_detail_requested(run_id)        error, stack trace and usage of one run
    log_requested(run_id)               show this run's log, from its tail, and go on
    log_closed(run_id)                  nobody looks at it any more
    refresh_requested()                 F5: ask for everything anew
    retry_requested()                   "Try now"
    connections_requested()             the list of connections
    theme_chosen(choice)                remember the appearance

What it is told (plain slots):
    show_link(Link)            show_rows(rows, gone)        forget_rows()
    show_heartbeat(Heartbeat)  show_metric(Metric)          show_detail(TaskDetail)
    show_history(task_id, runs)                             show_run_detail(RunDetail)
    begin_log(run_id)          append_log(run_id, bytes, skipped=0)   end_log(run_id)
    show_message(text)         show_refusal(text)
"""

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMainWindow, QWidget

from desktop.freshness import Link
from desktop.models.filter import TaskFilter
from desktop.models.tasks import ROW, STATE, TaskModel
from desktop.theme import Theme
from desktop.views.grid.view import TaskGrid
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.requests import RunDetail, TaskDetail
from shared.protocol.rows import Key, Row, Run, Task


class MainWindow(QMainWindow):
    """Composes the panels and passes on what they ask."""

    run_requested = Signal(str)
    stop_requested = Signal(str)
    pause_requested = Signal(list, object)
    resume_requested = Signal(list)
    enable_requested = Signal(list)
    disable_requested = Signal(list)
    detail_requested = Signal(str)
    history_requested = Signal(str)
    run_detail_requested = Signal(str)
    log_requested = Signal(str)
    log_closed = Signal(str)
    refresh_requested = Signal()
    retry_requested = Signal()
    connections_requested = Signal()
    theme_chosen = Signal(str)

    def __init__(
        self, theme: Theme, here: Callable[[], int], parent: QWidget | None = None
    ) -> None:
        """`here` is this machine's clock in ms since 1970 UTC."""
        super().__init__(parent)
        self._here = here
        self._link = Link()
        self._tasks = TaskModel(self.now)
        self._filter = TaskFilter(ROW, STATE)
        self._filter.setSourceModel(self._tasks)
        self._grid = TaskGrid(self._tasks, self._filter, theme, self.now)
        self.setCentralWidget(self._grid)
        self._grid.run_requested.connect(self.run_requested)

    def now(self) -> int:
        """The agent's time."""
        return self._link.agent_now_ms(self._here())

    def show_link(self, link: Link) -> None:
        """The link changed."""
        self._link = link

    def show_rows(self, rows: Iterable[Row], gone: Sequence[Key] = ()) -> None:
        """Rows came or went."""
        tasks = [row for row in rows if isinstance(row, Task)]
        self._tasks.show_rows(tasks, [row_id for kind, row_id in gone if kind == "task"])

    def forget_rows(self) -> None:
        """Another agent: nothing of the last one may stay."""
        self._tasks.clear()

    def show_heartbeat(self, heartbeat: Heartbeat) -> None:
        """The agent lives."""

    def show_metric(self, metric: Metric) -> None:
        """A sample of the server came."""

    def show_detail(self, detail: TaskDetail) -> None:
        """A task's settings, series and last failure came."""

    def show_history(self, task_id: str, runs: Sequence[Run]) -> None:
        """Runs of a task came, or of all where `task_id` is empty."""

    def show_run_detail(self, detail: RunDetail) -> None:
        """One run in full came."""

    def begin_log(self, run_id: str) -> None:
        """The log of that run follows."""

    def append_log(self, run_id: str, data: bytes, skipped: int = 0) -> None:
        """More of that log; `skipped` bytes before it were left out."""

    def end_log(self, run_id: str) -> None:
        """That log is complete."""

    def show_message(self, text: str) -> None:
        """Something worth a short word."""

    def show_refusal(self, text: str) -> None:
        """A request was refused; the sentence says why and what to do."""
