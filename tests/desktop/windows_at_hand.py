"""A window with an agent in it, and what a test asks of any window."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.freshness import Link
from desktop.theme import Theme
from desktop.window import MainWindow
from shared.protocol.requests import Failure, Point, TaskDetail, TaskSettings
from shared.protocol.rows import Agent, Row, Task
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, task

LIVE = Link(
    state="live",
    name="auckland-app-01",
    environment="production",
    role="operator",
    label="Night desk",
    beat_ms=NOW_MS,
    beat_here_ms=NOW_MS,
    round_trip_ms=3,
)
LOST = Link(
    state="lost",
    name="auckland-app-01",
    environment="production",
    role="operator",
    beat_ms=NOW_MS,
    beat_here_ms=NOW_MS - 40_000,
    retry_here_ms=NOW_MS + 6_000,
    tries=4,
)
AGENT = Agent(id="a", name="auckland-app-01", host="h", os="linux", version="0.1",
              tz="Pacific/Auckland", started_ms=1, max_running=8)  # fmt: skip


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme("light")
    yield made
    # A closed window is really gone only when Qt comes round to it.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def agent_rows() -> Sequence[Row]:
    """What the agent of the window has; tests of another agent say so."""
    return (AGENT, task("report"))


@pytest.fixture
def agent_link() -> Link | None:
    """How the agent stands as the window opens; None where that comes later."""
    return None


@pytest.fixture
def window(
    qtbot: QtBot, theme: Theme, agent_rows: Sequence[Row], agent_link: Link | None
) -> MainWindow:
    made = MainWindow(theme, lambda: NOW_MS)
    qtbot.addWidget(made)
    if agent_link is not None:
        made.show_link(agent_link)
    made.show_rows(agent_rows)
    made.show()
    qtbot.waitExposed(made)
    return made


class Orders:
    """Remembers what a window orders of what stands, and answers when the test says so."""

    def __init__(self, window: MainWindow) -> None:
        self.orders: list[tuple[Any, str, Any, Any, Any]] = []
        window.standing_ordered.connect(lambda *order: self.orders.append(order))

    def take(self, reply: object) -> tuple[Any, ...]:
        """The newest order is carried out; what would take it back."""
        _, _, back, taken, _ = self.orders[-1]
        taken(reply)
        return tuple(back(reply))

    def refuse(self, text: str, path: str = "") -> None:
        """The newest order is refused."""
        self.orders[-1][4](text, path)


def choose(window: MainWindow, task_id: str) -> None:
    window.grid.select_task(task_id)
    window.grid.setFocus()


def detail(row: Task) -> TaskDetail:
    return TaskDetail(
        row=row,
        def_rev=7,
        definition=TaskSettings(task_name=row.id, schedule=("*/30 * * * *",), command="php x.php"),
        series=tuple(
            Point(NOW_MS - n * MINUTE_MS, 40_000 + n, "success" if n % 5 else "error")
            for n in range(30, 0, -1)
        ),
        last_failure=Failure(run_id="01KAS000000000000000000001", result="error", exit=255,
                             end_ms=NOW_MS, message="429 Too Many Requests",
                             stack_trace="#0 lib/VendClient.php(212)"),
    )  # fmt: skip
