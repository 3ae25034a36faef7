"""How many may stand at our doors at once, and how much may come of a message that has no end?

libzmq admits whoever connects, as long as the process has descriptors, and keeps every part of a
message until its last one has come. So a thread of its own watches: it must act while the loop is
busy, and each descriptor that a stranger holds is one that the runs may need.
"""

import asyncio
import errno
import os
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgspec
import zmq
import zmq.asyncio

from agent.log import Log
from agent.threads import begin
from agent.wire.filters import EVERYONE, let_in, network, plain, turn_away
from agent.wire.limits import MOST_UNENDED_BYTES, MOST_UNENDED_BYTES_IN_ALL

_HEARD: Final = (
    zmq.Event.LISTENING
    | zmq.Event.CLOSED
    | zmq.Event.ACCEPTED
    | zmq.Event.ACCEPT_FAILED
    | zmq.Event.DISCONNECTED
)
_SHORT: Final = (errno.EMFILE, errno.ENFILE)
_OPENS_AGAIN: Final = 0.75
_FOR_OTHERS: Final = 1.25  # while only one address is turned away
_CROWD: Final = 0.5
_LOOK_AGAIN_S: Final = 1.0
_BREATH_S: Final = 0.005  # what comes in a burst is looked at together
# A connection that only gives signs of life is none that sends without end.
_LIFESIGNS_A_SECOND: Final = 32

# Of the kernel (linux/tcp.h); Python has no names for these.
_TCP_INFO_BYTES: Final = 136
_BYTES_RECEIVED: Final = 128


class Cut(msgspec.Struct, frozen=True):
    """A connection that was ended because a message of its would not."""

    fd: int
    address: str
    since_ms: int
    received: int


class _Connection:
    """One connection that libzmq has accepted."""

    __slots__ = (
        "address",
        "ear",
        "heard_ms",
        "inode",
        "is_cut",
        "pending",
        "since_bytes",
        "since_ms",
    )

    def __init__(self, ear: "zmq.Socket[bytes]", inode: int, address: str, since_ms: int) -> None:
        self.ear = ear  # which told of it
        self.inode = inode
        self.address = address
        self.since_ms = since_ms
        self.heard_ms = since_ms  # when the last whole message was taken
        self.since_bytes = 0  # had come by then
        self.pending = 0
        self.is_cut = False


class Gate:
    """Shuts the doors to newcomers while too many stand there; who is in stays in."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        *,
        most_open: int,
        now_ms: Callable[[], int],
        log: Log,
    ) -> None:
        self._context = zmq.Context(shadow=context.underlying)
        self._most_open = most_open
        self._now_ms = now_ms
        self._watchers: list[Callable[[Cut], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._log = log
        self._ears: dict[int, zmq.Socket[bytes]] = {}
        self._listeners: dict[int, int] = {}  # descriptor: inode
        self._open: dict[int, _Connection] = {}
        self._unweighed: list[int] = []  # what came of them before they were watched was not told
        self._whole: set[int] = set()
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch_all, name="gate", daemon=True)
        self._is_short = False
        self._looked_s = 0.0
        self.shut_to: str | None = None
        """The address or network that is turned away, or EVERYONE."""
        self.refusals = 0

    @property
    def open(self) -> int:
        """How many connections there are, of those who may come in and of all others."""
        return len(self._open)

    def on_cut(self, watcher: Callable[[Cut], None]) -> None:
        """Tell, on the loop, of each connection that was ended for what it sent."""
        self._watchers.append(watcher)

    def watch(self, door: zmq.asyncio.Socket) -> None:
        """Keep this one too; to be called before it is bound, and before `start`."""
        place = f"inproc://gate-{len(self._ears)}-{id(self)}"
        door.monitor(place, _HEARD)
        ear = self._context.socket(zmq.PAIR)
        ear.linger = 0
        ear.rcvhwm = 0  # with a full queue libzmq would stand still
        ear.connect(place)
        fd = int(ear.getsockopt(zmq.FD))
        self._ears[fd] = ear
        self._epoll.register(fd, select.EPOLLIN)

    def start(self) -> None:
        """Begin; to be called on the loop."""
        self._loop = asyncio.get_running_loop()
        begin(self._thread)

    def close(self) -> None:
        """Watch no more; the doors are to be closed by then."""
        self._stopping.set()
        os.eventfd_write(self._wake, 1)
        if self._thread.ident is not None:
            self._thread.join()
        for ear in self._ears.values():
            ear.close(linger=0)
        self._ears.clear()
        self._epoll.close()
        os.close(self._wake)

    def took(self, fd: int) -> None:
        """A whole message of this connection has been taken."""
        self._whole.add(fd)

    def hang_up(self, fd: int, *, heard_ms: int) -> None:
        """End the connection that was heard then; whoever it is may come again."""
        connection = self._open.get(fd)
        # Numbers are given anew: who came later is somebody else.
        if connection is not None and connection.since_ms <= heard_ms:
            with suppress(OSError), _held(fd, connection.inode) as held:
                held.shutdown(socket.SHUT_RDWR)

    # --- the thread ------------------------------------------------------------------------------

    def _watch_all(self) -> None:
        while not self._stopping.is_set():
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - without it the doors stand open to all
                self._log.exception("the gate failed", error=type(error).__name__)
                self._stopping.wait(_LOOK_AGAIN_S)

    def _round(self) -> None:
        # Before waiting and all of them each time: libzmq wakes us only for what comes after.
        for ear in self._ears.values():
            self._hear(ear)
        if self.shut_to is not None and time.monotonic() - self._looked_s >= _LOOK_AGAIN_S:
            self._forget_the_gone()
        self._shut_or_open(is_short=self._is_short)
        self._is_short = False
        new, self._unweighed = self._unweighed, []
        wait_s = _LOOK_AGAIN_S if self.shut_to is not None else None
        found = self._epoll.poll(0 if new else wait_s)
        touched = [fd for fd, _ in found if fd not in self._ears and fd != self._wake]
        if new or touched:
            self._weigh([*new, *touched])
        if touched:
            self._stopping.wait(_BREATH_S)

    def _hear(self, ear: "zmq.Socket[bytes]") -> None:
        while not self._stopping.is_set():
            try:
                word, _ = ear.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            event, value = struct.unpack("=Hi", word)
            if event == zmq.Event.ACCEPTED:
                self._came(ear, value)
            elif event == zmq.Event.DISCONNECTED:
                self._went(ear, value)
            elif event == zmq.Event.LISTENING:
                self._listens(value)
            elif event == zmq.Event.CLOSED:
                self._listeners.pop(value, None)
            elif event == zmq.Event.ACCEPT_FAILED:
                self._is_short = self._is_short or value in _SHORT
            if len(self._open) >= self._most_open:
                self._shut_or_open(is_short=self._is_short)  # before hundreds more are heard of

    def _listens(self, fd: int) -> None:
        with suppress(OSError):
            self._listeners[fd] = os.fstat(fd).st_ino
        if self.shut_to is not None:  # a door that was made anew meanwhile
            self._turn_away(self.shut_to)

    def _came(self, ear: "zmq.Socket[bytes]", fd: int) -> None:
        inode, address = 0, ""
        with suppress(OSError):
            inode = os.fstat(fd).st_ino
            known = self._open.get(fd)
            if known is not None and known.inode == inode and known.ear is not ear:
                return  # the other door had it since, and has told so before this one
            with _lent(fd) as connection:
                address = plain(str(connection.getpeername()[0]))
            self._epoll.register(fd, select.EPOLLIN | select.EPOLLET)
        self._whole.discard(fd)
        self._open[fd] = _Connection(ear, inode, address, self._now_ms())
        self._unweighed.append(fd)

    def _went(self, ear: "zmq.Socket[bytes]", fd: int) -> None:
        known = self._open.get(fd)
        # Told before it is closed; the other door may have got its number before this was heard.
        if known is not None and known.ear is ear:
            self._open.pop(fd)
            self._whole.discard(fd)

    def _forget_the_gone(self) -> None:
        """Count nobody whose end was not told: a door that is made anew tells of none."""
        self._looked_s = time.monotonic()
        for fd, connection in tuple(self._open.items()):
            inode = None
            with suppress(OSError):
                inode = os.fstat(fd).st_ino
            if inode != connection.inode:
                self._open.pop(fd)
                self._whole.discard(fd)

    # --- too many --------------------------------------------------------------------------------

    def _shut_or_open(self, *, is_short: bool) -> None:
        number, whom = len(self._open), self._to_turn_away(is_short=is_short)
        if whom == self.shut_to:
            return
        self._turn_away(whom)
        if whom is None:
            self._log.info("connections are taken again", open=number)
        else:
            self.refusals += 1
            self._log.warning(
                "no more connections are taken now", open=number, address=whom or "all"
            )

    def _to_turn_away(self, *, is_short: bool) -> str | None:
        number = len(self._open)
        if is_short or number >= self._most_open * _FOR_OTHERS:
            return EVERYONE
        if number < self._most_open * _OPENS_AGAIN:
            return None
        if number < self._most_open or self.shut_to is not None:
            return self.shut_to
        ((address, crowd),) = Counter(
            network(connection.address) for connection in self._open.values()
        ).most_common(1)
        return address if crowd >= number * _CROWD else EVERYONE

    def _turn_away(self, whom: str | None) -> None:
        for fd, inode in tuple(self._listeners.items()):
            try:
                with _held(fd, inode) as listener:
                    if whom is None:
                        let_in(listener)
                    else:
                        turn_away(listener, whom)
            except OSError as error:
                self._log.error("a door cannot be shut or opened", error=str(error))
        self.shut_to = whom

    # --- too much --------------------------------------------------------------------------------

    def _weigh(self, touched: list[int]) -> None:
        """End what has sent too much of one message, alone or with others."""
        for fd in touched:
            connection = self._open.get(fd)
            if connection is not None and not connection.is_cut:
                self._weigh_one(fd, connection)
        heavy = sorted(
            (
                (connection.pending, fd)
                for fd, connection in self._open.items()
                if not connection.is_cut and fd not in self._whole
            ),
            reverse=True,
        )
        in_all = sum(pending for pending, _ in heavy)
        for pending, fd in heavy:
            if pending <= MOST_UNENDED_BYTES and in_all <= MOST_UNENDED_BYTES_IN_ALL:
                return
            in_all -= pending
            self._end(fd, self._open[fd])

    def _weigh_one(self, fd: int, connection: _Connection) -> None:
        with suppress(OSError), _lent(fd) as lent:
            told = lent.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            (received,) = struct.unpack_from("=Q", told, _BYTES_RECEIVED)
            if fd in self._whole:
                self._whole.discard(fd)
                connection.since_bytes, connection.heard_ms = received, self._now_ms()
            silent_s = max(0, self._now_ms() - connection.heard_ms) // 1000
            unended = received - connection.since_bytes - silent_s * _LIFESIGNS_A_SECOND
            connection.pending = max(0, unended)

    def _end(self, fd: int, connection: _Connection) -> None:
        try:
            with _held(fd, connection.inode) as held:
                held.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has gone by itself
        connection.is_cut = True
        cut = Cut(fd, connection.address, connection.since_ms, connection.pending)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell, cut)

    def _tell(self, cut: Cut) -> None:
        for watcher in self._watchers:
            watcher(cut)


@contextmanager
def _lent(fd: int) -> Iterator[socket.socket]:
    """Ask something of a socket that is libzmq's, and leave it open."""
    lent = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, fileno=fd)
    try:
        yield lent
    finally:
        lent.detach()


@contextmanager
def _held(fd: int, inode: int) -> Iterator[socket.socket]:
    """Do something to a socket that is libzmq's; OSError when the number is another's by now."""
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, fileno=os.dup(fd)) as held:
        if os.fstat(held.fileno()).st_ino != inode:
            raise OSError(errno.EBADF, "the descriptor belongs to something else")
        yield held
