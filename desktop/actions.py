"""What the user orders of tasks: whether it may be, and what is asked first."""

from collections.abc import Sequence
from datetime import tzinfo

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop import freshness, words
from desktop.freshness import Link
from desktop.models.runs import RunsModel
from desktop.models.tasks import TaskModel
from desktop.theme import Theme
from desktop.views.confirm import Confirm


class Actions(QObject):
    """Lets an order through as a signal, or says in one sentence why it cannot be given."""

    run_requested = Signal(str)
    stop_requested = Signal(str)
    try_again_requested = Signal(str)
    pause_asked = Signal(list)
    """Until when is chosen first, with what would fall into the pause in sight."""
    resume_requested = Signal(list)
    skip_requested = Signal(list)
    enable_requested = Signal(list)
    disable_requested = Signal(list)
    refused = Signal(str)

    def __init__(
        self,
        theme: Theme,
        tasks: TaskModel,
        runs: RunsModel,
        now: words.Clock,
        over: QWidget,
    ) -> None:
        """`over` is the window a question stands before."""
        super().__init__(over)
        self._theme, self._tasks, self._runs = theme, tasks, runs
        self._now, self._over = now, over
        self._link = Link()

    def show_link(self, link: Link) -> None:
        """The link changed."""
        self._link = link

    @property
    def may(self) -> bool:
        """An order would reach the agent, and the role allows it."""
        return self._link.may_command

    @property
    def why_not(self) -> str:
        """Why no order can be given now; empty when it can."""
        link = self._link
        if link.state == freshness.NEVER:
            return self.tr("Off until the agent is heard")
        if link.state == freshness.OFFLINE:
            return self.tr("Off: the connection is closed")
        if link.state == freshness.REFUSED:
            return self.tr("Off: the agent refuses this desktop's key")
        if not link.is_live:
            return self.tr("Off while the agent is silent")
        if not link.may_command:
            return self.tr("Needs the operator role")
        return ""

    @property
    def may_edit(self) -> bool:
        """A task could be edited from here."""
        return self._link.may_edit

    @property
    def why_no_edit(self) -> str:
        """Why no task can be edited now; empty when it can."""
        link = self._link
        if not link.is_live:
            return self.why_not
        if link.role != freshness.ADMIN:
            return self.tr("Needs the admin role")
        if not link.may_edit:
            return self.tr(
                "This agent takes no edits: remote_edit = true in its settings allows it"
            )
        return ""

    def run(self, task_id: str) -> None:
        """Start the task now."""
        if self._check():
            self.run_requested.emit(task_id)

    def try_again(self, run_id: str) -> None:
        """Let a retry that waits start now, or give a run that failed one more attempt."""
        if self._check():
            self.try_again_requested.emit(run_id)

    def stop(self, run_id: str) -> None:
        """End a run; asked first, because what a run has done cannot be taken back."""
        if not self._check():
            return
        dialog = Confirm(
            self._theme,
            question=self.tr("Stop {0} on {1}?").format(self._task_of(run_id), self._link.name),
            consequence=self._spent(run_id)
            + self.tr(
                "It gets its time of grace to end by itself, then all its processes are killed. "
                "What it has done so far stays."
            ),
            keep=self.tr("Let it run"),
            act=self.tr("Stop the run"),
            environment=self._link.environment,
            parent=self._over,
        )
        dialog.accepted.connect(lambda: self.stop_requested.emit(run_id))
        dialog.open()

    def pause(self, task_ids: Sequence[str]) -> None:
        """Ask until when nothing of them is to start."""
        if task_ids and self._check():
            self.pause_asked.emit(list(task_ids))

    def resume(self, task_ids: Sequence[str]) -> None:
        """Let them start again."""
        if self._check():
            self.resume_requested.emit(list(task_ids))

    def pause_or_resume(self, task_ids: Sequence[str]) -> None:
        """Resume when all are paused, else ask until when to pause."""
        tasks = [task for task in map(self._tasks.task, task_ids) if task is not None]
        if not tasks:
            return
        if all(task.paused for task in tasks):
            self.resume(task_ids)
        else:
            self.pause(task_ids)

    def skip(self, task_ids: Sequence[str]) -> None:
        """Let their next due moment pass without a run."""
        if self._check():
            self.skip_requested.emit(list(task_ids))

    def enable(self, task_ids: Sequence[str]) -> None:
        """Switch them on."""
        if self._check():
            self.enable_requested.emit(list(task_ids))

    def disable(self, task_ids: Sequence[str]) -> None:
        """Switch them off."""
        if self._check():
            self.disable_requested.emit(list(task_ids))

    def enable_or_disable(self, task_ids: Sequence[str]) -> None:
        """Switch them on when all are off, else off."""
        tasks = [task for task in map(self._tasks.task, task_ids) if task is not None]
        if not tasks:
            return
        if all(not task.enabled for task in tasks):
            self.enable(task_ids)
        else:
            self.disable(task_ids)

    def _check(self) -> bool:
        if not self.may:
            self.refused.emit(self.why_not)
        return self.may

    def _task_of(self, run_id: str) -> str:
        run = self._runs.run(run_id)
        if run is not None:
            return run.task_id
        by_task = (task.id for task in self._tasks.tasks() if task.run_id == run_id)
        return next(by_task, run_id)

    def _spent(self, run_id: str) -> str:
        run = self._runs.run(run_id)
        start_ms = run.start_ms if run is not None else None
        if start_ms is None:
            rows = (task for task in self._tasks.tasks() if task.run_id == run_id)
            start_ms = next((task.run_start_ms for task in rows), None)
        if start_ms is None:
            return ""
        at = words.clock(start_ms, self._zone_of(run_id), self._now(), seconds=True)
        return self.tr("It runs since {0}. ").format(at)

    def _zone_of(self, run_id: str) -> tzinfo | None:
        task = self._tasks.task(self._task_of(run_id))
        return words.zone_for(self._tasks.times, "UTC" if task is None else task.tz)
