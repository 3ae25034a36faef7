"""Who gets a connection, and does the judge ever fall silent?"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import zmq
import zmq.asyncio
from zmq.utils import z85

from agent.log import log_of
from agent.store import invites
from agent.wire import zap as zap_module
from agent.wire.clients import Clients
from agent.wire.keyfiles import new_pair
from agent.wire.sockets import bind, curve_server
from agent.wire.zap import Zap
from shared.protocol.events import Heartbeat
from shared.protocol.keys import key_id, to_base32
from shared.protocol.requests import Enroll, EnrollReply, Hello, Ping, Pong
from tests.agent.wire.door import CLOCK, Door, client_row, next_event, until

HELLO = Hello(client="x", inst="0" * 32)


@pytest.fixture
def judge() -> Iterator[Callable[[Clients], Zap]]:
    """Makes judges of handshakes that need no socket."""
    with zmq.asyncio.Context() as context:
        yield lambda clients: Zap(context, clients, now_ms=lambda: 0, log=log_of("test"))


def question(public: str, *, domain: str = "control", address: str = "127.0.0.1") -> list[bytes]:
    raw = z85.decode(public.encode())
    return [b"1.0", b"7", domain.encode(), address.encode(), b"", b"CURVE", raw]


async def test_a_key_nobody_knows_gets_no_connection(door: Door) -> None:
    guest = door.guest(new_pair())
    await until(lambda: door.zap.refusals > 0)

    with pytest.raises(TimeoutError):
        await guest.ask(HELLO, within_s=0.5)

    assert door.zap.refusals == 1


async def test_a_client_that_expects_another_agent_gets_no_connection(door: Door) -> None:
    guest = door.guest(await door.enrolled("admin"), server_key=new_pair().public)

    with pytest.raises(TimeoutError):
        await guest.ask(HELLO, within_s=0.5)

    assert door.control.sessions == 0


async def test_without_a_judge_nobody_is_admitted() -> None:
    context = zmq.asyncio.Context()
    server, client = new_pair(), new_pair()
    socket = curve_server(context, zmq.ROUTER, domain="control", secret=server.secret)
    port = bind(socket, "127.0.0.1", 0, setting="control_port").port
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    dealer.curve_serverkey = server.public.encode()
    dealer.curve_publickey, dealer.curve_secretkey = client.public.encode(), client.secret.encode()
    dealer.connect(f"tcp://127.0.0.1:{port}")
    await dealer.send(b"x")

    arrived = await socket.poll(500)

    context.destroy(linger=0)
    assert not arrived


async def test_a_judge_that_fails_once_refuses_that_time_and_works_on(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = await door.enrolled("viewer")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(door.clients, "refusal", fail)
        unlucky = door.guest(pair)
        await until(lambda: door.zap.failures > 0)
        with pytest.raises(TimeoutError):
            await unlucky.ask(HELLO, within_s=0.5)

    await door.guest(pair).hello()


async def test_a_judge_whose_socket_breaks_makes_a_new_one(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = await door.enrolled("viewer")

    def fail(*_: object) -> None:
        raise zmq.ZMQError(zmq.EFSM)

    with monkeypatch.context() as broken:
        broken.setattr(zap_module, "send_now", fail)
        door.guest(pair).socket.send(b"x")
        await until(lambda: door.zap.failures > 0)

    await door.guest(pair).hello()


async def test_an_invite_lets_one_key_in_and_only_once(door: Door) -> None:
    pair, mine = new_pair(), new_pair()
    await door.database.write(
        partial(
            invites.create,
            invite=invites.Invite(
                invite_id=key_id(pair.public),
                public=pair.public,
                role="operator",
                label="Anna",
                created_ms=CLOCK.now_ms(),
                created_by="test",
                expires_ms=CLOCK.now_ms() + 60_000,
            ),
        )
    )
    await door._reload()
    guest = door.guest(pair)
    assert (await guest.hello()).role == "invite"
    assert await guest.refusal(Ping()) == "forbidden"

    enrolled = await guest.get(Enroll(pub=to_base32(mine.public), label="Anna"), EnrollReply)

    assert (enrolled.role, enrolled.key_id) == ("operator", key_id(mine.public))
    own = door.guest(mine)
    assert (await own.hello()).role == "operator"
    await own.get(Ping(), Pong)
    assert await guest.refusal(Ping()) == "revoked"
    again = door.guest(pair)
    with pytest.raises(TimeoutError):
        await again.ask(HELLO, within_s=0.5)


async def test_an_invite_cannot_make_its_own_key_stay(door: Door) -> None:
    pair = new_pair()
    door.clients.put(client_row("invite", pair, grants="admin"))
    guest = door.guest(pair)
    await guest.hello()

    assert await guest.refusal(Enroll(pub=to_base32(pair.public), label="x")) == "conflict"


async def test_an_expired_invite_gets_no_connection(door: Door) -> None:
    pair = new_pair()
    door.clients.put(client_row("invite", pair, expires_ms=CLOCK.now_ms() - 1))

    with pytest.raises(TimeoutError):
        await door.guest(pair).ask(HELLO, within_s=0.5)


async def test_an_invite_does_not_see_events(door: Door) -> None:
    pair = new_pair()
    door.clients.put(client_row("invite", pair))
    guest = door.guest(pair)
    socket = guest.subscribe()

    with pytest.raises(TimeoutError):
        await next_event(socket, Heartbeat, within_s=2.5)


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b""],
        [b"1.0", b"7"],
        [b"2.0", b"7", b"control", b"::1", b"", b"CURVE", bytes(32)],
        [b"1.0", b"7", b"control", b"::1", b"", b"NULL"],
        [b"1.0", b"7", b"control", b"::1", b"", b"PLAIN", b"me", b"secret"],
        [b"1.0", b"7", b"elsewhere", b"::1", b"", b"CURVE", bytes(32)],
        [b"1.0", b"7", b"\xff", b"\xff", b"\xff", b"CURVE", bytes(31)],
    ],
)
def test_every_strange_question_is_answered_with_no(
    judge: Callable[[Clients], Zap], frames: list[bytes]
) -> None:
    answer = judge(Clients(lambda: 0)).answer(frames)

    assert len(answer) == 6
    assert answer[2] == b"400"
    assert answer[1] == (b"7" if len(frames) > 1 else b"")


def test_the_local_key_is_admitted_from_this_machine_only(
    judge: Callable[[Clients], Zap],
) -> None:
    pair = new_pair()
    zap = judge(Clients(lambda: 0, local=[client_row("admin", pair, loopback_only=True)]))

    codes = {
        address: zap.answer(question(pair.public, address=address))[2]
        for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.9", "::ffff:10.0.0.9", "")
    }

    assert codes == {
        "127.0.0.1": b"200",
        "::1": b"200",
        "::ffff:127.0.0.1": b"200",
        "10.0.0.9": b"400",
        "::ffff:10.0.0.9": b"400",
        "": b"400",
    }


def test_a_stranger_fills_no_log_and_is_counted(
    judge: Callable[[Clients], Zap], caplog: pytest.LogCaptureFixture
) -> None:
    zap = judge(Clients(lambda: 0))
    for _ in range(50):
        zap.answer(question(new_pair().public, address="10.0.0.9"))
    zap.answer(question(new_pair().public, address="10.0.0.8"))

    assert zap.refusals == 51
    said = [vars(record)["facts"]["address"] for record in caplog.records]
    assert said == ["10.0.0.9"] * 5 + ["10.0.0.8"]


async def test_many_half_open_connections_keep_nobody_out(door: Door) -> None:
    streams = [await asyncio.open_connection("127.0.0.1", door.control_port) for _ in range(50)]
    for _, writer in streams[:25]:
        writer.write(b"GET / HTTP/1.1\r\n\r\n")

    guest = await door.welcome("viewer")
    await guest.get(Ping(), Pong)

    for _, writer in streams:
        writer.close()
    await until(lambda: door.control.sessions == 1)
