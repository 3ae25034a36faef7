"""Agents, and network threads beside them, that are gone when the test is."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.keystore import ClientKey
from desktop.network.mailbox import LinkNews, Mailbox, Report
from desktop.network.thread import STOP_WITHIN_S, Network, system_now
from shared.protocol.events import Heartbeat
from shared.protocol.link import Now
from shared.protocol.rows import Key, Row
from tests.desktop.agent_at_hand import AgentAtHand, Memory, client_key
from tests.desktop.windows_at_hand import agent_link, agent_rows, theme, window
from tests.pulse import Pulse

__all__ = ["agent_link", "agent_rows", "theme", "window"]

WAIT_MS = 60_000
"""A loaded host is slow, and that is no failure."""
STOPS: Final = 10


def ends_in_time(stop: Callable[[], bool]) -> None:
    """Stop a network thread, or what has one, and see that it takes no longer than it may.

    `stop` gives up after the two seconds that are promised, whoever took them: the thread that is
    to end, or a host that let nobody go on.
    """
    with Pulse() as pulse:
        began = time.monotonic()
        has_ended = any(stop() for _ in range(STOPS))
        took_s = time.monotonic() - began
    assert has_ended, "the network thread did not stop"
    assert took_s < STOP_WITHIN_S + pulse.in_all_ms / 1_000


class PatientBot(QtBot):
    """One that waits as long for what comes without a time of its own."""

    def waitSignal(self, signal: Any, *, timeout: int = WAIT_MS, **more: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **more)

    def waitUntil(self, callback: Any, *, timeout: int = WAIT_MS) -> None:
        super().waitUntil(callback, timeout=timeout)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


class ShiftedClock:
    """The system's clocks, moved on by what a test says."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def __call__(self) -> Now:
        now = system_now()
        return Now(now.wall_ms + self._ahead_ms, now.monotonic_ms + self._ahead_ms)

    def advance(self, ms: int) -> None:
        self._ahead_ms += ms


class Desk:
    """A network thread and the mailbox it fills, read by the test."""

    def __init__(self) -> None:
        self.clock = ShiftedClock()
        self.mailbox = Mailbox()
        self.network = Network(self.mailbox, lambda: None, now=self.clock)
        self.rows: dict[Key, Row] = {}
        self.links: list[LinkNews] = []
        self.reports: list[Report] = []
        self.beat: Heartbeat | None = None
        self.network.start()

    @property
    def link(self) -> LinkNews:
        return self.links[-1] if self.links else LinkNews(state="")

    def take(self) -> None:
        while True:
            mail = self.mailbox.take()
            self.links.extend(mail.links.values())
            self.reports.extend(mail.reports)
            self.beat = next(iter(mail.beats.values()), self.beat)
            for rows in mail.rows.values():
                for key, row in rows.items():
                    if row is None:
                        self.rows.pop(key, None)
                    else:
                        self.rows[key] = row
            if not mail.has_more:
                return

    def until(self, is_true: Callable[[], bool], *, within_s: float = WAIT_MS / 1_000) -> None:
        deadline = time.monotonic() + within_s
        while True:
            self.take()
            if is_true():
                return
            assert time.monotonic() < deadline, f"not within {within_s} s: {self.link}"
            time.sleep(0.01)

    def lap(self) -> None:
        """Let the network thread go once through all that its clock makes due now."""
        for _ in range(2):  # what is posted is done at the end of a turn that may have begun before
            has_come = threading.Event()
            self.network._post(has_come.set)
            assert has_come.wait(WAIT_MS / 1_000), "the network thread stands still"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the network thread do nothing of what it is asked until all of it is asked."""
        is_asked = threading.Event()

        def hold() -> None:
            is_asked.wait(WAIT_MS / 1_000)

        self.network._post(hold)
        try:
            yield
        finally:
            is_asked.set()

    def until_state(self, state: str, reason: str | None = None) -> None:
        self.until(lambda: self.link.state == state and reason in (None, self.link.reason))


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def key(memory: Memory) -> ClientKey:
    """A key the agent knows as an operator's."""
    pair = client_key()
    memory.admit(pair.public)
    return pair


@pytest.fixture
def start_agent(memory: Memory) -> Iterator[Callable[[], AgentAtHand]]:
    running: list[AgentAtHand] = []

    def start() -> AgentAtHand:
        running.append(AgentAtHand(memory))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def desk() -> Iterator[Desk]:
    before = set(threading.enumerate())
    desk = Desk()
    yield desk
    ends_in_time(desk.network.stop)
    left = [
        one
        for one in set(threading.enumerate()) - before
        if one.name == "network" and one.is_alive()
    ]
    assert left == []
