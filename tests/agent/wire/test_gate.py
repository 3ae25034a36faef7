"""Are strangers held at the doors, and is no message taken in without end?"""

import asyncio
import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import PIPE

import msgspec
import psutil
import pytest
import zmq
import zmq.asyncio

from agent.log import log_of
from agent.store import audit
from agent.wire.filters import EVERYONE, let_in, network, turn_away
from agent.wire.gate import Cut, Gate
from agent.wire.keyfiles import KeyPair
from agent.wire.limits import MOST_UNENDED_BYTES, connections_within
from shared.protocol.codec import encode_request
from shared.protocol.events import Heartbeat
from shared.protocol.requests import Ping, Pong
from tests.agent.wire.door import Door, next_event, serving, until
from tests.pulse import Pulse, waited_ms


@contextmanager
def stranger(*words: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that means no good, until its end or ours."""
    command = [sys.executable, "-m", "tests.agent.wire.stranger", *map(str, words)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def held() -> int:
    """How many descriptors this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def sockets() -> set[str]:
    """Those that this process has; one that is made anew has another name."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(descriptor.readlink()))
    return {name for name in found if name.startswith("socket:")}


def endless(door: Door, pair: KeyPair, parts: int) -> tuple[object, ...]:
    return ("endless", door.control_port, door.pair.public, pair.public, pair.secret, parts)


@pytest.mark.parametrize(
    ("descriptors", "connections"),
    [(64, 16), (256, 64), (1024, 448), (8192, 512)],
)
def test_more_descriptors_let_more_connections_in_up_to_a_bound(
    descriptors: int, connections: int
) -> None:
    assert connections_within(descriptors) == connections


CROWD, CROWDS = 1500, 3
MOST_MB_A_MS = 0.5  # as fast as it is taken from loopback and deciphered


async def test_a_crowd_of_strangers_takes_no_more_descriptors_than_it_may(tmp_path: Path) -> None:
    # libzmq goes on accepting until the gate has its turn, which a host with much to do puts off:
    # it may let the whole crowd in while it lets the gate wait for a second, but not each time.
    for number in range(CROWDS):
        (folder := tmp_path / f"{number}").mkdir()
        most = await most_taken_by_a_crowd(folder)
        if most < CROWD / 2:
            break

    assert most < CROWD / 2


async def most_taken_by_a_crowd(folder: Path) -> int:
    """How many descriptors were taken at once; who was in stays in, and others come afterwards."""
    async with serving(folder, most_open=60) as door:
        guest = await door.welcome("viewer")
        before = held()
        with stranger("silent", door.control_port, CROWD, 6) as crowd:
            most = 0
            while await asyncio.to_thread(_lives_on, crowd):
                most = max(most, held() - before)
                await guest.get(Ping(), Pong)  # who is in stays in
            assert door.gate.refusals
        await until(lambda: door.gate.open <= 1 and door.gate.shut_to is None, within_s=30)

        await (await door.welcome("viewer")).get(Ping(), Pong)
    return most


async def test_a_crowd_from_one_address_keeps_nobody_out_who_comes_from_another(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, most_open=60) as door:
        # So many that their address is turned away, too few for all others to be.
        with stranger("silent", door.control_port, 70, 90):  # longer than the guest may take
            await until(lambda: door.gate.shut_to == "127.0.0.1")

            guest = door.guest(await door.enrolled("viewer"))
            guest.socket.disconnect(guest.socket.getsockopt_string(zmq.LAST_ENDPOINT))
            guest.socket.connect(f"tcp://127.0.0.2:0;127.0.0.1:{door.control_port}")
            await guest.hello()


@pytest.mark.parametrize(
    ("whom", "comes_in"),
    [(EVERYONE, ()), ("127.0.0.1", ("127.0.0.2", "::1")), ("::1", ("127.0.0.1", "127.0.0.2"))],
)
def test_the_kernel_turns_away_whom_it_is_told_to_until_it_is_told_otherwise(
    whom: str, comes_in: tuple[str, ...]
) -> None:
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    port = listener.getsockname()[1]
    places = {"127.0.0.1": "127.0.0.1", "127.0.0.2": "127.0.0.1", "::1": "::1"}

    def reach(expected: Iterable[str]) -> tuple[str, ...]:
        found = []
        for origin, place in places.items():
            within_s = 20 if origin in expected else 0.3
            with suppress(TimeoutError):
                socket.create_connection((place, port), within_s, (origin, 0)).close()
                found.append(origin)
        return tuple(found)

    turn_away(listener, whom)
    while_shut = reach(comes_in)
    let_in(listener)
    afterwards = reach(places)
    listener.close()

    assert while_shut == comes_in
    assert afterwards == tuple(places)


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("", EVERYONE),
    ],
)
def test_a_crowd_is_counted_by_what_the_kernel_would_turn_away(
    address: str, counted_as: str
) -> None:
    assert network(address) == counted_as


async def test_connections_that_ended_with_their_door_keep_no_door_shut(tmp_path: Path) -> None:
    async with serving(tmp_path, most_open=6) as door:
        guest = await door.welcome("viewer")
        listeners = [guest.subscribe() for _ in range(6)]
        await until(lambda: door.gate.shut_to is not None)
        before = sockets()

        door.clients.remove((await door.enrolled("viewer")).public)
        await until(lambda: len(before - sockets()) >= len(listeners) // 2)
        for listener in listeners:
            listener.close(linger=0)

        await until(lambda: door.gate.open <= 1 and door.gate.shut_to is None)


def _lives_on(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return True
    return False


async def test_a_message_without_end_costs_little_memory_and_its_key_is_shut_out(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    pair = await door.enrolled("viewer", label="Mallory")
    good = await door.welcome("viewer")
    own = psutil.Process()
    before_mb = own.memory_info().rss >> 20
    most_mb = before_mb
    watcher = door.gate._thread.native_id or 0
    before_ms = waited_ms(watcher)

    with Pulse() as pulse, stranger(*endless(door, pair, 4_000)):
        async with asyncio.timeout(60):
            while "key muted" not in caplog.messages:
                most_mb = max(most_mb, own.memory_info().rss >> 20)
                await good.get(Ping(), Pong)
                await asyncio.sleep(0.03)
        await until(lambda: door.gate.open == 1)
        most_mb = max(most_mb, own.memory_info().rss >> 20)

    # While the host lets the gate wait for its turn, libzmq takes in what comes.
    late_ms = pulse.worst_ms + waited_ms(watcher) - before_ms
    assert most_mb - before_mb < 20 + late_ms * MOST_MB_A_MS
    again = door.guest(pair)
    with pytest.raises(TimeoutError):
        await again.ask(Ping(), within_s=0.5)
    ends: list[audit.AuditRow] = []
    async with asyncio.timeout(30):
        while not ends:
            rows = await door.database.read(lambda connection: audit.page(connection, limit=10))
            ends = [row for row in rows if row.type == "session.end"]
    assert [(row.label, row.code) for row in ends] == [("Mallory", "bad_frame")]


@pytest.mark.parametrize("is_new", [True, False])
async def test_a_key_is_muted_for_its_own_connection_not_for_who_got_its_descriptor_later(
    door: Door, caplog: pytest.LogCaptureFixture, is_new: bool
) -> None:
    guest = await door.welcome("viewer")
    ((fd, speaker),) = door.control._speakers.items()
    since_ms = speaker.heard_ms + 1 if is_new else speaker.heard_ms

    door.control._shut_out(Cut(fd, "127.0.0.1", since_ms, 1 << 20))

    assert ("key muted" in caplog.messages) is not is_new
    if is_new:
        await guest.get(Ping(), Pong)


async def test_nobody_is_muted_for_a_stranger_who_sends_too_much_from_the_same_address(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    guest = door.guest(await door.enrolled("viewer"))
    guest.subscribe()
    await until(lambda: bool(door.clients.admitted_from("127.0.0.1", 0)))

    door.control._shut_out(Cut(-1, "127.0.0.1", 0, 1 << 20))

    assert caplog.messages[-1] == "connection ended"
    await guest.hello()


async def test_a_message_of_many_parts_mutes_its_key_at_once(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    guest = await door.welcome("viewer")

    guest.socket.send_multipart([b"x"] * 9)
    await until(lambda: "key muted" in caplog.messages)

    assert door.control.sessions == 0
    await until(lambda: door.gate.open == 0)


async def test_a_long_talk_is_no_message_without_end(door: Door) -> None:
    guest = await door.welcome("viewer")

    for number in range(1, 41):
        header, _ = encode_request(number, Ping())
        guest.socket.send_multipart([header, msgspec.msgpack.encode({"x": bytes(200_000)})])
        async with asyncio.timeout(30):
            await guest.socket.recv_multipart()

    assert door.control.sessions == 1


async def test_who_only_listens_is_watched_over_too_and_may_stay(door: Door) -> None:
    guest = await door.welcome("viewer")
    events = guest.subscribe()

    await next_event(events, Heartbeat)

    await until(lambda: door.gate.open == 2)


class Ear:
    """What a door is about to tell, in its order."""

    def __init__(self) -> None:
        self.told: list[bytes] = []

    def tell(self, event: zmq.Event, fd: int) -> None:
        self.told.append(struct.pack("=Hi", event, fd))

    def recv_multipart(self, _flags: int) -> list[bytes]:
        if not self.told:
            raise zmq.Again
        return [self.told.pop(0), b""]

    def close(self, *, linger: int) -> None:
        assert linger == 0


@contextmanager
def unwatched() -> Iterator[tuple[Gate, Ear, Ear]]:
    """A gate whose thread a test is itself, and the two doors that it hears."""
    gate = Gate(zmq.asyncio.Context.instance(), most_open=9, now_ms=lambda: 0, log=log_of("gate"))
    ears = Ear(), Ear()
    gate._ears = dict(enumerate(ears, start=-2))  # type: ignore[arg-type] # numbers of no descriptor
    os.eventfd_write(gate._wake, 1)  # no round waits for anything
    try:
        yield gate, *ears
    finally:
        gate.close()


@contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: of whoever came, and ours."""
    with (
        socket.create_server(("127.0.0.1", 0)) as door,
        socket.create_connection(door.getsockname()) as theirs,
        door.accept()[0] as ours,
    ):
        yield theirs, ours


def test_what_has_come_before_a_connection_was_heard_of_is_weighed_at_once() -> None:
    with unwatched() as (gate, control, _), connected() as (theirs, ours):
        left = MOST_UNENDED_BYTES + 1
        while left:
            sent = theirs.send(bytes(min(left, 65_536)))
            left -= sent
            while sent:
                sent -= len(ours.recv(sent))  # as libzmq takes it from the kernel
        control.tell(zmq.Event.ACCEPTED, ours.fileno())

        gate._round()

        assert [connection.is_cut for connection in gate._open.values()] == [True]


@pytest.mark.parametrize("heard_first", ["older", "newer"])
def test_who_got_the_descriptor_of_one_that_left_the_other_door_is_counted(
    heard_first: str,
) -> None:
    with unwatched() as (gate, control, events), connected() as (_, ours):
        fd = ours.fileno()
        control.tell(zmq.Event.ACCEPTED, fd)
        control.tell(zmq.Event.DISCONNECTED, fd)
        events.tell(zmq.Event.ACCEPTED, fd)
        for ear in (control, events) if heard_first == "older" else (events, control):
            gate._hear(ear)  # type: ignore[arg-type] # the part of it that is used
        while_there = gate.open

        events.tell(zmq.Event.DISCONNECTED, fd)
        gate._hear(events)  # type: ignore[arg-type]

        assert (while_there, gate.open) == (1, 0)


def test_who_leaves_a_door_is_not_taken_for_who_came_to_the_other_with_its_descriptor() -> None:
    with unwatched() as (gate, control, events):
        with connected() as (_, ours):
            fd = fcntl.fcntl(ours, fcntl.F_DUPFD, 500)  # no other is given this number
            control.tell(zmq.Event.ACCEPTED, fd)
            gate._hear(control)  # type: ignore[arg-type]
        with connected() as (_, ours):
            os.dup2(ours.fileno(), fd)
            control.tell(zmq.Event.DISCONNECTED, fd)
            events.tell(zmq.Event.ACCEPTED, fd)

            gate._hear(events)  # type: ignore[arg-type]
            gate._hear(control)  # type: ignore[arg-type]

            assert gate.open == 1
            os.close(fd)
