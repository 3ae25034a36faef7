"""Which dialog about moments stands open, and what it is answered."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop import words
from desktop.parts.clocks import Zone
from desktop.parts.dialogs import AskingDialog, OneDialog
from desktop.theme import Theme
from desktop.views.planning.backfill import BackfillDialog
from desktop.views.planning.load import LoadDialog
from desktop.views.planning.pausing import PauseDialog
from desktop.views.planning.trying import TryDialog
from desktop.views.planning.why import WhyDialog
from shared.protocol.requests import TaskSettings
from shared.protocol.rows import Run, Task


class Planner(OneDialog):
    """Opens each dialog with what it has to know, and passes on what is ordered there."""

    pause_requested = Signal(list, object, object, object, object)
    """The tasks, until when, why; who is told that it was taken, and who that it was not."""
    backfill_requested = Signal(str, list, object, object, object)
    """The task, its moments, why; who takes the ids of the runs, and who the refusal."""
    log_requested = Signal(str)
    task_opened = Signal(str)

    def __init__(self, theme: Theme, now: words.Clock, over: QWidget) -> None:
        super().__init__(over)
        self._theme, self._now = theme, now
        self._times = words.TASK_TIMES
        self._task: Callable[[str], Task | None] = lambda _task_id: None
        self._agent_zone: Callable[[], str] = lambda: "UTC"

    # What the window tells -----------------------------------------------------------------------

    def know(self, task: Callable[[str], Task | None], agent_zone: Callable[[], str]) -> None:
        """Whom to ask for a task by its name, and for the agent's own zone."""
        self._task, self._agent_zone = task, agent_zone

    def set_times(self, times: str) -> None:
        """In whose zone times are said and written."""
        self._times = times

    def show_runs(self, runs: Iterable[Run], gone: Iterable[str]) -> None:
        """Rows of runs, for whoever watches some."""
        if isinstance(self.dialog, BackfillDialog):
            self.dialog.show_runs(runs, gone)

    def forget(self) -> None:
        """Another agent: what is asked is asked of the one that was left."""
        self.close()

    def ask_pause(self, task_ids: Sequence[str]) -> None:
        """`open_pause` for those of these names that there are."""
        self.open_pause([task for task in map(self._task, task_ids) if task is not None])

    def ask_why(self, task_id: str, at_ms: int | None) -> None:
        """`open_why` for the task of this name, if there is one."""
        if (task := self._task(task_id)) is not None:
            self.open_why(task, at_ms)

    def ask_backfill(self, task_id: str, at_ms: int | None) -> None:
        """`open_backfill` for the task of this name, if there is one."""
        if (task := self._task(task_id)) is not None:
            self.open_backfill(task, () if at_ms is None else (at_ms,))

    # What can be opened --------------------------------------------------------------------------

    def open_pause(self, tasks: Sequence[Task]) -> None:
        """Until when are they to pause?"""
        if not tasks:
            return
        dialog = PauseDialog(
            self._theme,
            [task.id for task in tasks],
            self._now,
            zone=self._zone(tasks[0].tz),
            server=self._link.name,
            environment=self._link.environment,
            parent=self._over,
        )
        dialog.pause_requested.connect(partial(self._pause, dialog))
        self.open(dialog)
        dialog.ask()

    def open_why(self, task: Task, at_ms: int | None = None) -> None:
        """Why did it run at that moment, or why not; else at the one that is in question."""
        moment_ms = moment_in_question(task, self._now()) if at_ms is None else at_ms
        dialog = WhyDialog(
            self._theme, task.id, moment_ms, self._now, zone=self._zone(task.tz), parent=self._over
        )
        dialog.log_requested.connect(self.log_requested)
        dialog.again_requested.connect(
            lambda _task_id, again_ms: self.open_backfill(task, (again_ms,))
        )
        self.open(dialog)
        dialog.ask()

    def open_backfill(self, task: Task, moments_ms: Sequence[int] = ()) -> None:
        """As of which past moments is it to run once more?"""
        if self.is_refused():
            return
        dialog = BackfillDialog(
            self._theme,
            task.id,
            self._now,
            zone=self._zone(task.tz),
            server=self._link.name,
            environment=self._link.environment,
            chosen=moments_ms,
            parent=self._over,
        )
        dialog.backfill_requested.connect(partial(self._backfill, dialog))
        self.open(dialog)
        dialog.ask()

    def open_try(self, task: Task, settings: TaskSettings) -> None:
        """When would it be due by another schedule?"""
        dialog = TryDialog(
            self._theme, settings, self._now, zone=self._zone(task.tz), parent=self._over
        )
        self.open(dialog)
        dialog.ask()

    def open_load(self) -> None:
        """How busy will the agent be?"""
        zone = self._zone(self._agent_zone())
        dialog = LoadDialog(self._theme, self._now, zone=zone, parent=self._over)
        dialog.task_opened.connect(self.task_opened)
        self.open(dialog)
        dialog.ask()

    # Inside --------------------------------------------------------------------------------------

    def _zone(self, task_zone: str) -> Zone:
        return Zone(self._times, task_zone)

    def _pause(
        self, dialog: PauseDialog, ids: Sequence[str], until_ms: int | None, reason: str
    ) -> None:
        def done() -> None:
            if self.dialog is dialog:
                dialog.accept()

        failed = self._refusal_for(dialog)
        self.pause_requested.emit(list(ids), until_ms, reason or None, done, failed)

    def _backfill(
        self, dialog: BackfillDialog, task_id: str, moments_ms: Sequence[int], reason: str
    ) -> None:
        def done(run_ids: Sequence[str]) -> None:
            if self.dialog is dialog:
                dialog.watch(run_ids)

        failed = self._refusal_for(dialog)
        self.backfill_requested.emit(task_id, list(moments_ms), reason or None, done, failed)

    def _refusal_for(self, dialog: AskingDialog) -> Callable[[str, str], None]:
        """Told in the dialog while it is there, else as any other trouble is."""

        def failed(text: str, path: str) -> None:
            if self.dialog is dialog:
                dialog.show_problem("", text, path)
            else:
                self.refused.emit(text)

        return failed


def moment_in_question(task: Task, now_ms: int) -> int:
    """What somebody asks about who asks why: a last run that went wrong, else what is to come."""
    last = task.last
    if last is not None and last.result != "success":
        return last.scheduled_ms
    if task.next_ms is not None:
        return task.next_ms
    return now_ms if last is None else last.scheduled_ms
