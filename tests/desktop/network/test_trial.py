"""Trying a link: an invite becomes this desktop's key, and every way to fail says what to do."""

import asyncio
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec
import pytest

from agent.store import clients
from desktop.keystore import ClientKey
from desktop.network.mailbox import TestResult, TestStep
from desktop.network.trial import CHECKS, HELLO_AGAIN_MS
from shared.protocol import link as links
from shared.protocol.keys import Address, Card, key_id, read_link, write_link
from shared.protocol.requests import InviteCreate, InviteReply
from tests.agent.wire.door import CLOCK, Door, serving
from tests.desktop.agent_at_hand import AgentAtHand, Memory, client_key, hanging_up
from tests.desktop.conftest import Desk
from tests.ports import free_port

ValueT = TypeVar("ValueT")
Role = Literal["viewer", "operator", "admin"]
WITHIN_S: Final = 60


class Gate:
    """The agent's two doors with their database, in a thread of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="door")
        self._thread.start()
        assert self._is_up.wait(WITHIN_S), "the agent for the test did not start"

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        async with serving(self._folder) as self._door:
            self._is_up.set()
            await self._stopped.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(WITHIN_S)
        assert not self._thread.is_alive()

    def _do(self, work: Callable[[Door], Awaitable[ValueT]]) -> ValueT:
        async def act() -> ValueT:
            return await work(self._door)

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(WITHIN_S)

    def invite(self, role: Role = "operator") -> str:
        """A link made by an admin of the agent, with the port it really listens on."""

        async def work(door: Door) -> str:
            admin = await door.welcome("admin")
            request = InviteCreate(
                role=role,
                label="Anna",
                op=secrets.token_hex(16),
                expires_ms=CLOCK.now_ms() + WITHIN_S * 1_000,
            )
            reply = await admin.get(request, InviteReply)
            card = read_link(reply.text, CLOCK.now_ms())
            here = Address("127.0.0.1", door.control_port)
            return write_link(msgspec.structs.replace(card, address=here))

        return self._do(work)

    def enrolled(self) -> list[tuple[str, str]]:
        """Key and role of everybody who is let in."""

        async def work(door: Door) -> list[tuple[str, str]]:
            known = await door.database.read(clients.load_all)
            return [(one.key_id, one.role) for one in known if one.label == "Anna"]

        return self._do(work)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


def steps(desk: Desk) -> dict[str, TestStep]:
    """The last word of each check."""
    return {one.check: one for one in desk.reports if isinstance(one, TestStep)}


def result(desk: Desk) -> TestResult:
    desk.until(lambda: any(isinstance(one, TestResult) for one in desk.reports))
    (found,) = [one for one in desk.reports if isinstance(one, TestResult)]
    desk.reports.clear()
    return found


def tried(desk: Desk, link: str, key: ClientKey) -> tuple[TestResult, dict[str, TestStep]]:
    desk.network.test(link, key, label="anna on laptop")
    desk.until(lambda: any(isinstance(one, TestResult) for one in desk.reports))
    said = steps(desk)
    return result(desk), said


def apart_s(said: dict[str, TestStep]) -> float:
    """How far apart the clocks are said to be."""
    return float(said["clocks"].finding.partition(" s apart")[0])


def at_most_wrong_s(outcome: TestResult) -> float:
    """By how much that may be wrong: what went there at once may have come back late."""
    return outcome.took_ms / 2_000 + 0.05


def failed_at(check: str, said: dict[str, TestStep]) -> str:
    """The finding of the one check that failed, which must be the last one that began."""
    bad = [one for one in said.values() if one.state == "bad"]
    assert [one.check for one in bad] == [check]
    assert list(said)[-1] == check
    return bad[0].finding


def test_an_invite_enrols_this_desktop_and_every_check_is_told(desk: Desk, gate: Gate) -> None:
    key = client_key()

    outcome, said = tried(desk, gate.invite(), key)

    assert outcome.is_good
    assert (outcome.role, outcome.host) == ("operator", "127.0.0.1")
    assert list(said) == list(CHECKS)
    assert {one.state for one in said.values()} == {"ok"}
    assert "Operator" in said["invite"].finding
    assert gate.enrolled() == [(key_id(key.public), "operator")]


def test_an_invite_that_was_used_is_refused_to_the_next_one(desk: Desk, gate: Gate) -> None:
    link, first = gate.invite(), client_key()
    tried(desk, link, first)

    outcome, said = tried(desk, link, client_key())

    assert not outcome.is_good
    assert "used already" in failed_at("invite", said)
    assert outcome.sentence == said["invite"].finding
    assert gate.enrolled() == [(key_id(first.public), "operator")]


def test_an_invite_that_this_desktop_has_used_itself_lets_it_in_again(
    desk: Desk, gate: Gate
) -> None:
    link, key = gate.invite(), client_key()
    tried(desk, link, key)

    outcome, said = tried(desk, link, key)

    assert outcome.is_good
    assert outcome.role == "operator"
    assert {one.state for one in said.values()} == {"ok"}
    assert gate.enrolled() == [(key_id(key.public), "operator")]


def test_a_desktop_that_is_enrolled_already_connects_by_another_invite_too(
    desk: Desk, gate: Gate
) -> None:
    key = client_key()
    tried(desk, gate.invite("viewer"), key)

    outcome, said = tried(desk, gate.invite("operator"), key)

    assert outcome.is_good
    assert outcome.role == "viewer"
    assert said["invite"].state == "ok"
    assert gate.enrolled() == [(key_id(key.public), "viewer")]


def test_an_address_card_is_enough_for_a_key_the_agent_knows(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Callable[[], AgentAtHand]
) -> None:
    start_agent()

    outcome, said = tried(desk, memory.link(), key)

    assert outcome.is_good
    assert outcome.agent_id == memory.agent_id
    assert outcome.environment == "demo"
    assert said["link"].finding == "an address for test agent"


def test_a_key_the_agent_does_not_know_is_told_whom_to_ask(
    desk: Desk, memory: Memory, start_agent: Callable[[], AgentAtHand]
) -> None:
    start_agent()

    outcome, said = tried(desk, memory.link(), client_key())

    assert not outcome.is_good
    assert "Ask who runs the server for an invite" in failed_at("invite", said)
    assert said["identity"].state == "ok"


def test_another_agent_behind_the_address_is_not_trusted(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Callable[[], AgentAtHand]
) -> None:
    start_agent()

    outcome, said = tried(desk, memory.link(agent_key=client_key().public), key)

    assert not outcome.is_good
    assert failed_at("identity", said) == (
        "The key is not the one you were given. Ask who runs the server."
    )


def test_clocks_that_differ_are_a_warning_that_says_by_how_much(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Callable[[], AgentAtHand]
) -> None:
    start_agent().clock.ahead_ms = 90_000

    outcome, said = tried(desk, memory.link(), key)

    assert outcome.is_good
    assert said["clocks"].state == "warn"
    assert abs(apart_s(said) - 90) <= at_most_wrong_s(outcome)


def test_a_greeting_that_is_answered_late_does_not_make_the_clocks_differ(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Callable[[], AgentAtHand]
) -> None:
    agent = start_agent()
    agent.holds_greetings = True

    def is_greeted_again(times: int) -> None:
        desk.until(lambda: agent.greetings >= times)
        # The agent's first: a greeting comes only once it is time for one here.
        agent.clock.advance(2 * HELLO_AGAIN_MS)
        desk.clock.advance(2 * HELLO_AGAIN_MS)

    desk.network.test(memory.link(), key, label="test")
    is_greeted_again(1)
    is_greeted_again(2)
    desk.until(lambda: agent.greetings >= 3)
    agent.answer_greetings()
    desk.until(lambda: any(isinstance(one, TestResult) for one in desk.reports))
    said = steps(desk)

    assert apart_s(said) <= at_most_wrong_s(result(desk))


def test_a_closed_port_is_told_before_any_key_is_shown(desk: Desk, memory: Memory) -> None:
    outcome, said = tried(desk, memory.link(port=free_port()), client_key())

    assert not outcome.is_good
    assert "Is the agent running" in failed_at("reached", said)
    assert "identity" not in said


def test_a_tunnel_with_nothing_at_its_end_is_called_that(desk: Desk, memory: Memory) -> None:
    with hanging_up() as (port, _):
        outcome, said = tried(desk, memory.link(port=port), client_key())

    assert not outcome.is_good
    assert "takes the call but says nothing" in said["reached"].finding
    assert [one.check for one in said.values() if one.state == "bad"] == ["reached"]


def test_what_is_no_agent_is_called_so(desk: Desk, memory: Memory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        is_over = threading.Event()

        def answer() -> None:
            listener.settimeout(0.1)
            while not is_over.is_set():
                try:
                    caller, _ = listener.accept()
                except TimeoutError:
                    continue
                with caller:
                    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b" " * 64)

        server = threading.Thread(target=answer)
        server.start()
        try:
            outcome, said = tried(desk, memory.link(port=listener.getsockname()[1]), client_key())
        finally:
            is_over.set()
            server.join()

    assert not outcome.is_good
    assert "not an agent" in failed_at("reached", said)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda link: link[:-3], "copy it again, whole"),
        (lambda link: "smartcron://", "copy it again, whole"),
        (lambda link: "server.example:7460", "one begins with smartcron://"),
    ],
)
def test_a_damaged_link_is_refused_before_anything_is_asked(
    desk: Desk, memory: Memory, damage: Callable[[str], str], told: str
) -> None:
    memory.ports = (7460, 7461)

    outcome, said = tried(desk, damage(memory.link()), client_key())

    assert not outcome.is_good
    assert list(said) == ["link"]
    assert said["link"].state == "bad"
    assert outcome.sentence.endswith(".")
    assert told in outcome.sentence


def test_an_expired_invite_says_so_without_a_connection(desk: Desk, memory: Memory) -> None:
    memory.ports = (7460, 7461)
    link = memory.invite(expires_ms=CLOCK.now_ms() - 60_000)

    outcome, said = tried(desk, link, client_key())

    assert list(said) == ["link"]
    assert outcome.sentence.startswith("Expired on")


def test_a_test_that_is_called_off_says_nothing_more(
    desk: Desk, memory: Memory, start_agent: Callable[[], AgentAtHand]
) -> None:
    agent = start_agent()
    pair = client_key()
    memory.admit(pair.public)

    with desk.held():  # or a test of some milliseconds may be over before it is called off
        handle = desk.network.test(memory.link(), pair, label="test")
        desk.network.cancel(handle.id)
    desk.network.open(memory.place(), client_key())
    desk.until_state(links.REFUSED)

    assert not [one for one in desk.reports if isinstance(one, TestResult)]
    assert agent.greetings == 0


def test_a_link_of_an_agent_that_never_answers_is_given_up(desk: Desk, memory: Memory) -> None:
    # It takes the call and stays silent, as a firewall or a frozen program does.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        desk.network.test(
            write_link(
                Card(
                    address=Address("127.0.0.1", listener.getsockname()[1]),
                    agent_key=memory.pair.public,
                )
            ),
            client_key(),
            label="test",
        )
        desk.until(lambda: "reached" in steps(desk) and steps(desk)["reached"].state == "ok")
        desk.lap()  # from now on the answer is waited for, and not a moment later
        desk.clock.advance(16_000)
        said = result(desk)

    assert not said.is_good
    assert "no answer in time" in said.sentence
