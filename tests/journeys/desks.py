"""Desktops of one's own for each journey, and nothing of them left afterwards."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytestqt.qtbot import QtBot

from desktop import freshness
from desktop.app import Application
from desktop.settings import Profile
from desktop.tables import ROW
from shared.protocol.rows import Task
from tests.journeys.household import Household
from tests.pulse import Pulse

WAIT_MS = 60_000
STILL_MS = 200


class Desk:
    """A desktop on its own profile, and what stands in its grid."""

    def __init__(self, qtbot: QtBot, profile: Path) -> None:
        self._qtbot = qtbot
        self.application = Application(Profile(profile), theme="light")
        self.window = self.application.window
        self.centre = self.window.centre
        qtbot.addWidget(self.window)

    def connect_by(
        self,
        household: Household,
        name: str = "journey",
        *,
        role: str = "operator",
        tasks: int = 0,
    ) -> None:
        """Enrol with a fresh invite, as `smartcron-desktop --connect` does, and wait for rows."""
        link = household.cli("invite", "--role", role, "--label", name).strip()
        self.application.start(link=link)
        self.until(lambda: self.link.is_live and len(self.tasks()) >= tasks, f"{tasks} live tasks")

    @property
    def link(self) -> freshness.Link:
        return self.application.link

    def tasks(self) -> dict[str, Task]:
        """The rows of the grid's model, by name."""
        model = self.window.grid.model()
        found: dict[str, Task] = {}
        for group in range(model.rowCount()):
            parent = model.index(group, 0)
            for row in range(model.rowCount(parent)):
                task = model.index(row, 0, parent).data(ROW)
                found[task.id] = task
        return found

    def until(self, is_true: Callable[[], bool], what: str, *, within_ms: int = WAIT_MS) -> None:
        def check() -> None:
            assert is_true(), f"waited in vain for {what}; the link is {self.link}"

        self._qtbot.waitUntil(check, timeout=within_ms)

    def choose(self, task_id: str) -> None:
        self.window.open_task(task_id)

    def press(self, action: str) -> None:
        self.window.actions_by_name[action].trigger()


def is_stopped(desk: Desk) -> bool:
    """Whether it stops in its time, which begins anew where the host itself stood still."""
    with Pulse() as pulse:
        if desk.application.stop():
            return True
    return pulse.worst_ms > STILL_MS and desk.application.stop()


@contextmanager
def desks_at(qtbot: QtBot, *profiles: Path) -> Iterator[tuple[Desk, ...]]:
    """A desk on each of these profiles, left with no thread behind."""
    made = tuple(Desk(qtbot, profile) for profile in profiles)
    yield made
    for desk in made:
        assert is_stopped(desk), "the network thread did not stop within two seconds"
    assert not [one for one in threading.enumerate() if one.name == "network"]
