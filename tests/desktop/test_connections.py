"""Several agents: each stays within reach, can be called anew and forgotten, and is found."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.app import Application
from desktop.settings import Connection, Profile, Settings, WindowState
from desktop.views.confirm import Confirm
from desktop.views.connect import ConnectDialog
from desktop.views.connections import Connections
from desktop.views.palette import Palette
from shared.protocol.rows import Task
from tests.desktop.agent_at_hand import AgentAtHand, Memory
from tests.desktop.conftest import ends_in_time
from tests.desktop.test_enrolment import opened

WidgetT = TypeVar("WidgetT", bound=QWidget)


class Two:
    """A desktop that is enrolled with two agents, the second of which was joined last."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.profile = qtbot, Profile(folder)
        self.memories = (Memory(), Memory())
        self.agents = [AgentAtHand(memory) for memory in self.memories]
        for agent, task_id in zip(self.agents, ("backup", "payroll"), strict=True):
            agent.put(Task(id=task_id, name=task_id))
        self.desk = Application(self.profile, theme="light")
        qtbot.addWidget(self.desk.window)
        public = self.desk.connections.own_key().public
        settings = self.profile.load()
        for memory, agent, name in zip(
            self.memories, self.agents, ("auckland", "berlin"), strict=True
        ):
            agent.let_in(public)
            settings = settings.with_connection(
                Connection(
                    id=memory.agent_id,
                    name=name,
                    host="127.0.0.1",
                    agent_key=memory.pair.public,
                    control_port=memory.ports[0],
                )
            )
        self.desk.connections.remember(settings)
        self.desk.start()
        self.until_shown("payroll")

    def until_shown(self, task_id: str) -> None:
        """Rows of one agent alone are shown, and its link is live."""
        window = self.desk.window

        def is_shown() -> bool:
            window.grid.select_task(task_id)
            return self.desk.link.is_live and window.chosen.id == task_id

        self.qtbot.waitUntil(is_shown)

    def list_of(self) -> Connections:
        """The list under the box at the top left."""
        QTest.mouseClick(self.desk.window.header.switcher, Qt.MouseButton.LeftButton)
        return shown(self.desk.window, Connections)

    @property
    def kept(self) -> Settings:
        return self.profile.load()


def shown(within: QObject, kind: type[WidgetT]) -> WidgetT:
    return next(one for one in within.findChildren(kind) if one.isVisible())


@pytest.fixture
def two(qtbot: QtBot, tmp_path: Path) -> Iterator[Two]:
    made = Two(qtbot, tmp_path / "profile")
    yield made
    ends_in_time(made.desk.stop)
    for agent in made.agents:
        agent.stop()


def test_the_box_at_the_top_lists_every_agent_with_how_it_stands(two: Two) -> None:
    first, second = two.list_of().texts()

    assert first.startswith("auckland, production, 127.0.0.1:")
    assert first.endswith("Not looked at")
    assert second.startswith("berlin")
    assert "Connected" in second


def test_enter_on_another_one_goes_there_and_the_next_start_begins_there(two: Two) -> None:
    dialog = two.list_of()

    QTest.keyClick(dialog.list, Qt.Key.Key_Up)
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)

    two.until_shown("backup")
    assert two.desk.window.windowTitle().startswith("auckland")
    preferred = two.kept.preferred()
    assert preferred is not None
    assert preferred.name == "auckland"
    assert len(two.kept.connections) == 2


def test_another_name_is_kept_and_shown_at_once(two: Two) -> None:
    dialog = two.list_of()

    QTest.keyClick(dialog.list, Qt.Key.Key_F2)
    dialog.name.selectAll()
    QTest.keyClicks(dialog.name, "night shift")
    QTest.keyClick(dialog.name, Qt.Key.Key_Return)

    assert [one.name for one in two.kept.connections] == ["auckland", "night shift"]
    assert two.desk.window.windowTitle().startswith("night shift")
    assert any(text.startswith("night shift") for text in dialog.texts())


def test_forgetting_asks_first_and_leads_to_the_agent_that_is_left(two: Two) -> None:
    dialog = two.list_of()

    QTest.keyClick(dialog.list, Qt.Key.Key_Delete)
    question = shown(dialog, Confirm)
    assert question.windowTitle() == "Forget berlin?"
    assert len(two.kept.connections) == 2
    question.act.click()

    assert [one.name for one in two.kept.connections] == ["auckland"]
    two.until_shown("backup")
    (left,) = dialog.texts()
    assert not left.endswith("Not looked at")


def test_with_the_last_agent_forgotten_nothing_pretends_to_be_connected(two: Two) -> None:
    dialog = two.list_of()

    for _ in range(2):
        QTest.keyClick(dialog.list, Qt.Key.Key_Delete)
        shown(dialog, Confirm).act.click()

    window = two.desk.window
    assert two.kept.connections == ()
    assert not dialog.isVisible()
    assert window.welcome.isVisible()
    assert window.status.link.text() == "No agent"
    assert not window.status.secured.isVisible()


def test_the_list_leads_to_one_more_agent(two: Two) -> None:
    dialog = two.list_of()

    dialog.another.click()

    assert opened(two.qtbot, two.desk).isVisible()
    assert not dialog.isVisible()


def test_the_palette_finds_the_other_agent_by_its_name(two: Two) -> None:
    window = two.desk.window
    window.open_palette()
    palette = shown(window, Palette)

    QTest.keyClicks(palette.field.edit, "auckl")
    assert palette.texts()[0] == "auckland"
    QTest.keyClick(palette.field.edit, Qt.Key.Key_Return)

    two.until_shown("backup")


def test_a_connection_that_is_kept_to_look_only_gives_no_order(two: Two) -> None:
    connections, window = two.desk.connections, two.desk.window
    kept = connections.latest()
    first = msgspec.structs.replace(kept.connections[0], asking="only_look")
    connections.remember(kept.with_connection(first))
    connections.go_to(first.id)
    two.until_shown("backup")

    window.run_requested.emit("backup")

    (said,) = window.toasts.texts()
    assert said.startswith("This connection only looks")
    assert two.agents[0].started == []


def test_a_damaged_file_of_settings_is_said_and_nothing_else_happens(two: Two) -> None:
    connections, window = two.desk.connections, two.desk.window
    dialog = two.list_of()
    (two.profile.folder / "desktop.toml").write_text("connections = 7\n", encoding="utf-8")
    acts: tuple[Callable[[], None], ...] = (
        lambda: dialog.renamed.emit(two.memories[1].agent_id, "night shift"),
        lambda: window.theme_chosen.emit("dark"),
        lambda: window.compact_chosen.emit(True),
    )

    for act in acts:
        window.toasts.forget()
        act()
        (said,) = window.toasts.texts()
        assert "desktop.toml is damaged" in said

    assert [one.name for one in connections.settings.connections] == ["auckland", "berlin"]
    (two.profile.folder / "desktop.toml").unlink()


def test_a_new_link_to_an_agent_that_is_kept_leaves_its_name_and_settings(two: Two) -> None:
    connections = two.desk.connections
    kept = connections.latest()
    first = msgspec.structs.replace(kept.connections[0], asking="irreversible", density="compact")
    connections.remember(kept.with_connection(first))

    connections.enrol(two.agents[0].invite("operator"))
    two.until_shown("backup")

    (again,) = [one for one in two.kept.connections if one.id == first.id]
    assert (again.name, again.asking, again.density) == ("auckland", "irreversible", "compact")
    assert again.environment == "demo"
    assert len(two.kept.connections) == 2


def test_while_a_link_of_the_command_line_is_tried_the_agents_kept_are_within_reach(
    qtbot: QtBot, tmp_path: Path
) -> None:
    profile, memory = Profile(tmp_path / "profile"), Memory()
    memory.ports = (9, 9)
    kept = Connection(id="0" * 16, name="auckland", host="127.0.0.1", agent_key=memory.pair.public)
    profile.save(Settings().with_connection(kept))
    desk = Application(profile, theme="light")
    qtbot.addWidget(desk.window)

    desk.start(link=memory.link())

    desk.window.open_palette()
    palette = shown(desk.window, Palette)
    QTest.keyClicks(palette.field.edit, "auckl")
    assert palette.texts()[0] == "auckland"
    ends_in_time(desk.stop)


def test_a_link_of_the_command_line_that_fails_is_shown_with_its_checks(
    qtbot: QtBot, tmp_path: Path
) -> None:
    memory = Memory()
    memory.ports = (9, 9)
    link = memory.link()
    desk = Application(Profile(tmp_path / "profile"), theme="light")
    qtbot.addWidget(desk.window)

    desk.start(link=link)

    dialog: ConnectDialog = opened(qtbot, desk)
    qtbot.waitUntil(lambda: dialog.primary.text() == "Test again")
    assert dialog.link.text() == link
    assert dialog.checks.state("link") == "ok"
    assert dialog.checks.state("reached") == "bad"
    ends_in_time(desk.stop)


@pytest.mark.parametrize(
    "state",
    [
        WindowState(view="nowhere"),
        WindowState(view="tasks", geometry="no base 64 \u00e4", layout="[" * 20_000),
        WindowState(view="tasks", layout='{"log_px": 2000000000000}'),
    ],
    ids=["a screen of another version", "nonsense", "numbers"],
)
def test_a_window_that_cannot_be_put_as_it_was_is_shown_all_the_same(
    qtbot: QtBot, tmp_path: Path, state: WindowState
) -> None:
    profile, memory = Profile(tmp_path / "profile"), Memory()
    memory.ports = (9, 9)
    kept = Connection(id="0" * 16, name="auckland", host="127.0.0.1", agent_key=memory.pair.public)
    settings = Settings().with_connection(kept)
    profile.save(msgspec.structs.replace(settings, window=state))
    desk = Application(profile, theme="light")
    qtbot.addWidget(desk.window)

    desk.start()

    assert desk.window.isVisible()
    ends_in_time(desk.stop)
