"""Whose log is followed, and in which panels it shows."""

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, Signal

from desktop import words
from desktop.models.runs import RunsModel
from desktop.views.details.panel import Details
from desktop.views.log import LogDock
from shared.protocol.rows import Run


class Following(QObject):
    """One log at a time, shown in the dock and in the log tab of the details."""

    wanted = Signal(str)
    left = Signal(str)
    unknown = Signal(str)

    def __init__(
        self,
        dock: LogDock,
        details: Details,
        runs: RunsModel,
        *,
        now: words.Clock,
        zone_of: Callable[[str], str],
    ) -> None:
        """`zone_of` tells the zone of a task by its id."""
        super().__init__(dock)
        self._dock, self._tail, self._runs = dock, details.tail, runs
        self._now, self._zone_of = now, zone_of
        details.log_requested.connect(self.open)
        details.tail_wanted.connect(self.open_tail)
        details.tail_left.connect(self._leave_tail)
        dock.closed.connect(self.toggle)

    def open(self, run_id: str) -> None:
        """Show that run's log in the dock, and ask for it."""
        self._switch_to(run_id)
        self.begin(run_id)
        self.wanted.emit(run_id)

    def open_tail(self, run_id: str) -> None:
        """Show that run's log in the details, and ask for it; the dock stays as it is."""
        self._switch_to(run_id)
        self._tail.begin(run_id)
        self._begin(run_id)
        self.wanted.emit(run_id)

    def toggle(self) -> None:
        """Show the dock; or hide it, and say so when nobody looks at the log any more."""
        if not self._dock.isVisible():
            self._dock.show()
            return
        self._dock.hide()
        if not self._tail.run_id:
            self._leave()

    def begin(self, run_id: str) -> None:
        """The log of that run follows."""
        self._begin(run_id)
        self._dock.show()

    def append(self, run_id: str, output: bytes | str, skipped: int = 0) -> None:
        """More of a log; that of another run is left out."""
        if run_id == self._dock.run_id:
            self._dock.append(output, skipped)
            self._tail.append(run_id, output, skipped)

    def end(self, run_id: str) -> None:
        """That log is complete."""
        if run_id == self._dock.run_id:
            self._dock.end()
            self._tail.end(run_id)

    def name(self, runs: Iterable[Run]) -> None:
        """Say of which run the log is, when its row is among these."""
        for run in runs:
            if run.id == self._dock.run_id:
                self._dock.show_run(run, zone=self._zone_of(run.task_id), now_ms=self._now())
                if run.id == self._tail.run_id:
                    self._tail.name(self._dock.subline.text())

    def forget(self) -> None:
        """Another agent."""
        self._dock.show_nothing()
        self._tail.leave()

    def _switch_to(self, run_id: str) -> None:
        if self._dock.run_id and self._dock.run_id != run_id:
            self.left.emit(self._dock.run_id)

    def _begin(self, run_id: str) -> None:
        self._dock.begin(run_id)
        if self._tail.run_id == run_id:
            self._tail.begin(run_id)
        elif self._tail.run_id:
            self._tail.show_other()
        run = self._runs.run(run_id)
        if run is None:
            self.unknown.emit(run_id)
        else:
            self.name([run])

    def _leave_tail(self) -> None:
        if not self._dock.isVisible():
            self._leave()

    def _leave(self) -> None:
        if self._dock.run_id:
            self.left.emit(self._dock.run_id)
            self._dock.show_nothing()
