"""What does a desktop show after a network between it and the agent that is bad in every way?"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from random import Random
from typing import Final

import msgspec
import pytest

from desktop.keystore import ClientKey
from shared.protocol import link as links
from shared.protocol.rows import Row, Task
from tests.desktop.agent_at_hand import HOST, AgentAtHand, Memory, client_key
from tests.desktop.conftest import Desk
from tests.faults.database.proxy import Proxy
from tests.pulse import Pulse

TASKS: Final = 50
RIGHT_WITHIN_S: Final = 2.0
"""After the link is back; what the host itself lets wait comes on top."""
ALL_RIGHT_WITHIN_S: Final = 5.0
DESKTOPS: Final = 20

Start = Callable[[], AgentAtHand]


def some(generation: int) -> list[Row]:
    return [Task(id=f"t{n}", name=f"{generation}.{n}") for n in range(TASKS)]


def shows(desk: Desk, generation: int) -> bool:
    """Each task as it was put in this turn, and nothing else."""
    names = {row.id: row.name for row in desk.rows.values() if isinstance(row, Task)}
    return names == {f"t{n}": f"{generation}.{n}" for n in range(TASKS)}


def is_right(desk: Desk, generation: int) -> bool:
    return shows(desk, generation) and desk.link.state == links.LIVE


class Lines:
    """Both lines from one desktop to one agent, through proxies."""

    def __init__(self, agent: AgentAtHand, control: Proxy, events: Proxy) -> None:
        self.agent = agent
        self.control = control
        self.events = events

    def freeze(self, frozen: bool) -> None:
        for line in (self.control, self.events):
            line.freeze(frozen)

    def cut(self) -> None:
        for line in (self.control, self.events):
            line.cut()

    def slow(self, delay_s: float) -> None:
        for line in (self.control, self.events):
            line.slow(delay_s)


@pytest.fixture
def lines(memory: Memory, desk: Desk, key: ClientKey, start_agent: Start) -> Iterator[Lines]:
    agent = start_agent()
    agent.put(*some(0))
    with Proxy(HOST, memory.ports[0]) as control, Proxy(HOST, memory.ports[1]) as events:
        place = msgspec.structs.replace(
            memory.place(), control_port=control.port, events_port=events.port
        )
        desk.network.open(place, key)
        # Rows come by the one line, beats by the other: what is slow while it begins takes longer.
        desk.until(lambda: shows(desk, 0) and desk.beat is not None)
        yield Lines(agent, control, events)
        desk.network.close(memory.agent_id)


def until_right(desk: Desk, generation: int, *, within_s: float = RIGHT_WITHIN_S) -> None:
    with Pulse() as pulse:
        began = time.monotonic()
        desk.until(partial(is_right, desk, generation))
        took_s = time.monotonic() - began
    # A line comes back by many turns of five threads, each of which waits for the one before.
    assert took_s < within_s + pulse.in_all_ms / 1_000


@pytest.mark.parametrize("is_broken", [False, True], ids=["goes on", "is another"])
def test_a_line_on_which_nothing_passes_is_told_and_right_again_two_seconds_after(
    desk: Desk, lines: Lines, is_broken: bool
) -> None:
    lines.freeze(True)
    frozen_ms = lines.agent.clock.now_ms()
    lines.agent.put(*some(1))
    for _ in range(6):
        desk.clock.advance(4_000)
        desk.lap()  # each step must be ticked, or it looks like a laptop that slept
        time.sleep(0.4)  # in one of these the agent's heart beats
        desk.take()
        assert desk.beat is not None
        assert desk.beat.now_ms <= frozen_ms, "nothing passes"
    desk.until_state(links.LOST)
    assert shows(desk, 0), "what was known stays in sight"

    if is_broken:
        lines.cut()
    lines.freeze(False)

    until_right(desk, 1)


def test_a_line_that_breaks_again_and_again_leaves_the_exact_rows(desk: Desk, lines: Lines) -> None:
    chance = Random(73)  # noqa: S311 - moments to break at, not secrets
    for generation in range(1, 21):
        lines.agent.put(*some(generation))
        if chance.random() < 0.3:
            chance.choice((lines.cut, lines.control.cut, lines.events.cut))()
        desk.take()
    lines.cut()

    until_right(desk, 20)


def test_a_line_two_seconds_long_shows_everything_only_later(desk: Desk, lines: Lines) -> None:
    lines.slow(2.0)
    lines.agent.put(*some(1))

    desk.until(lambda: shows(desk, 1))
    assert desk.link.state == links.LIVE

    lines.slow(0.0)
    lines.agent.put(*some(2))
    until_right(desk, 2)


def test_an_agent_that_begins_anew_is_shown_right_by_twenty_desktops_within_five_seconds(
    memory: Memory, start_agent: Start
) -> None:
    keys = [client_key() for _ in range(DESKTOPS)]
    for key in keys:
        memory.admit(key.public)
    agent = start_agent()
    agent.put(*some(0))
    with ExitStack() as stack:
        desks = []
        for key in keys:
            desks.append(desk := Desk())
            stack.callback(desk.network.stop)
            desk.network.open(memory.place(), key)
        for desk in desks:
            desk.until(partial(shows, desk, 0))

        # Who calls in vain while the agent is away waits longer before the next call, so what the
        # host lets the agent wait before it is back counts as well; and all come by many turns.
        with Pulse() as pulse:
            agent.stop()
            again = start_agent()
            again.put(*some(1))
            began = time.monotonic()
            for desk in desks:
                desk.until(partial(is_right, desk, 1))
            took_s = time.monotonic() - began

        assert took_s < ALL_RIGHT_WITHIN_S + pulse.in_all_ms / 1_000
        assert [len(desk.rows) for desk in desks] == [TASKS] * DESKTOPS
