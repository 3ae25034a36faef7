"""Orders and questions through the real thread and wire: what is said, undone and refused."""

from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from desktop.bridge import Bridge
from desktop.keystore import ClientKey
from desktop.network.mailbox import LogChunk, Mailbox
from desktop.network.thread import Network
from desktop.remote import Notice, Remote, inverse, taken_back
from shared.protocol import link as links
from shared.protocol.alerting import AlertReopen
from shared.protocol.defining import TaskDelete, TaskPut
from shared.protocol.requests import AnyReply, Command, StatsGet, TaskSet
from shared.protocol.rows import Key, Row, Task
from tests.desktop.agent_at_hand import AgentAtHand, Memory, client_key
from tests.desktop.conftest import ends_in_time

BACKUP = Task(id="backup", name="Backup")


class Screen:
    """What a window would know: the rows, and what was said."""

    def __init__(self, qtbot: QtBot, memory: Memory) -> None:
        self._qtbot = qtbot
        mailbox = Mailbox()
        bridge = Bridge(mailbox)
        self.network = Network(mailbox, bridge.announce)
        self.rows: dict[str, Task] = {}
        self.state = ""
        self.said: list[Notice] = []
        self.pending: list[str] = []
        self.remote = Remote(self.network, bridge, self.rows.get)
        self._bridge = bridge
        bridge.rows_came.connect(self._rows_came)
        bridge.link_changed.connect(self._link_changed)
        self.remote.said.connect(self.said.append)
        self.remote.command_sent.connect(self.pending.append)
        self.remote.command_done.connect(self.pending.remove)
        self.network.start()
        self._memory = memory

    def connect(self, key: ClientKey, *, only_looks: bool = False) -> None:
        self.network.open(self._memory.place(), key)
        self.remote.use(self._memory.agent_id, only_looks=only_looks)
        self.until(lambda: self.state == links.LIVE and "backup" in self.rows)

    def ask_figures(self, figures: list[AnyReply]) -> None:
        """Any question; what is wrong with it is said."""
        self.remote.ask(
            StatsGet(), figures.append, lambda text, _path: self.said.append(Notice(text=text))
        )

    def until(self, is_true: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(is_true)

    def until_said(self, count: int) -> Notice:
        self.until(lambda: len(self.said) == count and not self.pending)
        return self.said[-1]

    def _rows_came(self, _agent: str, changes: dict[Key, Row | None]) -> None:
        self.rows.update((row.id, row) for row in changes.values() if isinstance(row, Task))

    def _link_changed(self, _agent: str, news: object) -> None:
        self.state = getattr(news, "state", "")


@pytest.fixture
def agent(key: ClientKey, start_agent: Callable[[], AgentAtHand]) -> AgentAtHand:
    """Knows `key`, and has one task."""
    made = start_agent()
    made.put(BACKUP)
    return made


@pytest.fixture
def screen(qtbot: QtBot, memory: Memory) -> Iterator[Screen]:
    screen = Screen(qtbot, memory)
    yield screen
    ends_in_time(screen.network.stop)


def test_an_ordered_run_is_told_when_the_agent_took_the_order(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    screen.connect(key)

    screen.remote.run_now("backup")
    assert screen.pending == ["backup"]

    assert screen.until_said(1) == Notice(text="backup is ordered to run.", task_id="backup")
    assert agent.started == ["backup"]


def test_a_pause_can_be_undone_to_what_was_before(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    screen.connect(key)
    screen.remote.pause(["backup"], 5_000, "holidays")
    assert screen.until_said(1).can_undo
    screen.until(lambda: screen.rows["backup"].paused)
    screen.remote.pause(["backup"], 9_000)
    screen.until_said(2)
    screen.until(lambda: screen.rows["backup"].paused_until_ms == 9_000)

    screen.remote.undo()
    screen.until_said(3)
    screen.until(lambda: screen.rows["backup"].paused_until_ms == 5_000)
    assert screen.rows["backup"].pause_reason == "holidays"

    screen.remote.undo()
    screen.until_said(4)
    screen.until(lambda: not screen.rows["backup"].paused)

    screen.remote.undo()
    assert screen.said[-1] == Notice(text="There is nothing to undo.", kind="bad")


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (TaskDelete(op="0" * 32, expires_ms=0, id="sync", based_on=2), "sync is gone again."),
        (
            TaskPut(op="0" * 32, expires_ms=0, id="sync", definition={}, based_on=2),
            "sync is as it was before.",
        ),
        (AlertReopen(op="0" * 32, expires_ms=0, ids=("1",)), "The alerts are as they were before."),
    ],
)
def test_what_was_taken_back_is_named(order: Command, said: str) -> None:
    assert taken_back(order) == said


def test_what_is_undone_before_its_answer_came_is_taken_back_and_not_what_was_before_it(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    screen.connect(key)
    screen.remote.pause(["backup"], 5_000, "holidays")
    screen.until_said(1)
    screen.until(lambda: screen.rows["backup"].paused)
    screen.remote.pause(["backup"], 9_000)

    screen.remote.undo()
    before = screen.said[-1]
    screen.until_said(4)

    assert before.text == "It is taken back as soon as the agent has answered."
    screen.until(lambda: screen.rows["backup"].paused_until_ms == 5_000)
    assert screen.rows["backup"].pause_reason == "holidays"


def test_several_tasks_are_paused_by_one_order_and_one_undo_takes_it_back(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    agent.put(Task(id="mail", name="mail", paused=True, paused_until_ms=7_000))
    screen.connect(key)
    screen.until(lambda: "mail" in screen.rows)
    taken: list[bool] = []

    screen.remote.pause(["backup", "mail"], 9_000, then=lambda: taken.append(True))
    said = screen.until_said(1)
    screen.until(lambda: screen.rows["mail"].paused_until_ms == 9_000)
    screen.remote.undo()

    screen.until(lambda: not screen.rows["backup"].paused)
    screen.until(lambda: screen.rows["mail"].paused_until_ms == 7_000)
    assert (said.text, said.can_undo) == ("2 tasks are paused.", True)
    assert taken == [True]


def test_who_gave_the_order_is_told_why_it_was_refused(
    screen: Screen, memory: Memory, start_agent: Callable[[], AgentAtHand]
) -> None:
    viewer = client_key()
    memory.admit(viewer.public, "viewer")
    start_agent().put(BACKUP)
    screen.connect(viewer)
    refused: list[tuple[str, str]] = []

    screen.remote.pause(["backup"], failed=lambda *why: refused.append(why))

    screen.until(lambda: bool(refused) and not screen.pending)
    assert refused == [("Needs the operator role. Ask who runs the server.", "")]
    assert screen.said == []


def test_the_next_run_is_skipped_and_that_can_be_undone(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    screen.connect(key)

    screen.remote.skip(["backup"])
    said = screen.until_said(1)
    screen.remote.undo()
    screen.until_said(2)
    screen.remote.skip(["nobody"])

    told = "The next run of backup is skipped."
    assert said == Notice(text=told, can_undo=True, task_id="backup")
    assert screen.until_said(3).kind == "bad"
    assert agent.skipped == [("backup", 1), ("backup", 0), ("nobody", 1)]


def test_switching_off_can_be_undone(screen: Screen, agent: AgentAtHand, key: ClientKey) -> None:
    screen.connect(key)
    screen.remote.disable("backup")
    screen.until(lambda: not screen.rows["backup"].enabled)
    screen.until_said(1)

    screen.remote.undo()

    screen.until(lambda: screen.rows["backup"].enabled)
    assert screen.until_said(2).text == "backup is as it was before."


def test_what_changes_nothing_offers_no_undo(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    screen.connect(key)

    screen.remote.enable("backup")

    assert not screen.until_said(1).can_undo


def test_a_connection_that_only_looks_sends_no_order(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    screen.connect(key, only_looks=True)

    screen.remote.run_now("backup")
    screen.remote.disable("backup")
    figures: list[AnyReply] = []
    screen.ask_figures(figures)

    screen.until(lambda: len(figures) == 1)  # a question asked later was answered
    assert agent.started == []
    assert screen.rows["backup"].enabled
    assert [notice.kind for notice in screen.said] == ["bad", "bad"]
    assert screen.said[0].text.startswith("This connection only looks: its asking in")
    assert screen.pending == []


def test_a_viewer_is_told_which_role_an_order_needs(
    screen: Screen, memory: Memory, start_agent: Callable[[], AgentAtHand]
) -> None:
    viewer = client_key()
    memory.admit(viewer.public, "viewer")
    agent = start_agent()
    agent.put(BACKUP)
    screen.connect(viewer)

    screen.remote.run_now("backup")

    notice = screen.until_said(1)
    assert notice.kind == "bad"
    assert notice.text == "backup: Needs the operator role. Ask who runs the server."
    assert agent.started == []


def test_an_order_without_an_answer_is_in_doubt_first_and_settled_later(
    screen: Screen,
    memory: Memory,
    agent: AgentAtHand,
    key: ClientKey,
    start_agent: Callable[[], AgentAtHand],
) -> None:
    screen.connect(key)
    agent.mutes_replies = True
    screen.remote.run_now("backup")
    screen.until(lambda: agent.started == ["backup"])

    agent.stop()
    again = start_agent()

    screen.until(lambda: len(screen.said) == 2 and not screen.pending)
    assert [notice.kind for notice in screen.said] == ["doubt", "done"]
    assert again.started == []


def test_what_was_asked_of_the_agent_before_is_not_told_any_more(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    screen.connect(key)
    figures: list[AnyReply] = []
    screen.ask_figures(figures)

    screen.remote.use("0" * 16)
    screen.ask_figures(figures)

    screen.until(lambda: len(screen.said) == 1)
    assert "cannot be reached" in screen.said[0].text
    assert figures == []


def test_an_order_whose_agent_is_left_before_it_answers_is_in_doubt_and_waits_no_more(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    screen.connect(key)
    agent.mutes_replies = True
    screen.remote.run_now("backup")
    screen.until(lambda: agent.started == ["backup"])

    screen.remote.use("0" * 16)
    screen.remote.use("")

    told = "An order for backup was under way to the agent before; what came of that was not told."
    assert screen.said == [Notice(text=told, kind="doubt")]
    assert screen.pending == []


def test_output_is_followed_until_its_end(
    screen: Screen, agent: AgentAtHand, key: ClientKey
) -> None:
    screen.connect(key)
    agent.write("Grüße\n".encode())
    chunks: list[LogChunk] = []

    screen.remote.follow_log("0" * 26, chunks.append)
    screen.until(lambda: "".join(one.text for one in chunks) == "Grüße\n")
    agent.write("東京\n".encode()[:3])
    agent.write("東京\n".encode()[3:], ends=True)

    screen.until(lambda: bool(chunks) and chunks[-1].is_ended)
    assert "".join(one.text for one in chunks) == "Grüße\n東京\n"


@pytest.mark.parametrize(
    ("asked", "before", "back"),
    [
        ({"paused": True}, {}, {"paused": False}),
        (
            {"paused": False},
            {"paused": True, "paused_until_ms": 7},
            {"paused": True, "until_ms": 7},
        ),
        ({"paused": True, "until_ms": 7}, {"paused": True, "paused_until_ms": 7}, None),
        ({"enabled": False}, {}, {"enabled": True}),
        ({"enabled": True}, {}, None),
    ],
)
def test_the_inverse_of_a_change_is_what_was_before(
    asked: dict[str, object], before: dict[str, object], back: dict[str, object] | None
) -> None:
    def request(facts: dict[str, object]) -> TaskSet:
        return TaskSet(op="0" * 32, expires_ms=0, ids=("t",), **facts)  # type: ignore[arg-type]

    found = inverse(request(asked), [Task(id="t", name="t", **before)])  # type: ignore[arg-type]

    assert found == (() if back is None else (request(back),))
