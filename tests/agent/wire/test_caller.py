"""Does the command line get an answer, or a sentence it can show?"""

import asyncio
import secrets
import socket
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from agent.errors import Refused
from agent.wire.caller import HELLO_TRIES_S, Caller, Unreachable, new_op
from agent.wire.keyfiles import KeyPair, new_pair
from shared.protocol.requests import (
    LogRead,
    LogReadReply,
    Ping,
    Pong,
    RunStart,
    RunStartReply,
)
from tests.agent.wire.door import CLOCK, Door
from tests.pulse import Pulse

T = TypeVar("T")


async def call(
    door: Door, pair: KeyPair, use: Callable[[Caller], T], *, server_key: str | None = None
) -> T:
    """Use a caller as the command line does: in a thread that may wait."""

    def work() -> T:
        with Caller(
            f"127.0.0.1:{door.control_port}", server_key or door.pair.public, pair.secret
        ) as caller:
            return use(caller)

    return await asyncio.to_thread(work)


async def test_a_question_is_answered(door: Door) -> None:
    before_ms = CLOCK.now_ms()
    pong = await call(door, await door.enrolled("viewer"), lambda c: c.call(Ping(), Pong))

    assert pong.epoch == door.journal.epoch
    assert before_ms <= pong.now_ms <= CLOCK.now_ms()


async def test_commands_typed_one_after_the_other_are_all_answered(door: Door) -> None:
    pair = await door.enrolled("viewer")

    for _ in range(8):
        await call(door, pair, lambda c: c.call(Ping(), Pong))


async def test_a_session_that_had_to_make_room_asks_on(door: Door) -> None:
    pair = await door.enrolled("viewer")

    def ask_others_between(first: Caller) -> Pong:
        first.hello()
        for _ in range(6):
            with Caller(f"127.0.0.1:{door.control_port}", door.pair.public, pair.secret) as other:
                other.call(Ping(), Pong)
        return first.call(Ping(), Pong)

    pong = await call(door, pair, ask_others_between)

    assert pong.epoch == door.journal.epoch


async def test_a_command_is_carried_out_and_its_run_named(door: Door) -> None:
    def start(caller: Caller) -> RunStartReply:
        request = RunStart(task_id="backup", op=new_op(), expires_ms=caller.expires_ms())
        return caller.call(request, RunStartReply)

    reply = await call(door, await door.enrolled("operator"), start)

    assert reply.run_id in door.runs.live


async def test_output_comes_beside_the_answer(door: Door) -> None:
    run_id = "01" + "A" * 24
    door.outputs.written[run_id] = b"hello \xff\n"

    reply, data = await call(
        door,
        await door.enrolled("viewer"),
        lambda c: c.call_for_bytes(LogRead(run_id=run_id, offset=0)),
    )

    assert isinstance(reply, LogReadReply)
    assert data == b"hello \xff\n"


async def test_a_refusal_carries_its_code_and_sentence(door: Door) -> None:
    request = RunStart(
        task_id="nothing", op=secrets.token_hex(16), expires_ms=CLOCK.now_ms() + 60_000
    )

    with pytest.raises(Refused, match="there is no task 'nothing'") as refused:
        await call(door, await door.enrolled("operator"), lambda c: c.call(request))

    assert refused.value.code == "not_found"


async def test_a_caller_that_was_cut_off_says_hello_again(door: Door) -> None:
    def ask_twice(caller: Caller) -> Pong:
        caller.call(Ping(), Pong)
        for session in door.control._sessions:
            door.control._sessions.drop(session, "hello_required")
        return caller.call(Ping(), Pong)

    assert await call(door, await door.enrolled("viewer"), ask_twice)


async def test_a_key_that_is_not_admitted_is_said_so_at_once(door: Door) -> None:
    began = time.monotonic()

    with Pulse() as pulse, pytest.raises(Unreachable, match="does not admit this key"):
        await call(door, new_pair(), Caller.hello)
    took_s = time.monotonic() - began

    enough_s = sum(HELLO_TRIES_S) + pulse.worst_ms / 1_000
    assert took_s < enough_s, "nobody waits for what will not come"


async def test_another_agent_is_not_taken_for_the_one_we_know(door: Door) -> None:
    with pytest.raises(Unreachable, match="not the agent we know"):
        await call(door, await door.enrolled("viewer"), Caller.hello, server_key=new_pair().public)


def test_nobody_at_the_address_is_said_within_a_few_seconds() -> None:
    with socket.socket() as held:  # so that nobody else listens there meanwhile
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        began = time.monotonic()

        with (
            Pulse() as pulse,
            Caller(address, new_pair().public, new_pair().secret) as caller,
            pytest.raises(Unreachable, match=f"no agent answers at {address}; start it with"),
        ):
            caller.hello()
        took_s = time.monotonic() - began

    assert took_s < sum(HELLO_TRIES_S) + pulse.worst_ms / 1_000


def test_somebody_who_says_nothing_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"

        with (
            Caller(address, new_pair().public, new_pair().secret) as caller,
            pytest.raises(Unreachable, match=r"says nothing|not the agent we know"),
        ):
            caller.hello()
