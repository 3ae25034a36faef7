"""How does the network before a database fail: a small proxy that does it on order."""

import selectors
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Final, Self

from tests.ports import free_port

_CHUNK: Final = 65_536
_PAUSE_S: Final = 0.02
_COMMIT: Final = b"\x03COMMIT"
_RESET: Final = struct.pack("ii", 1, 0)
"""Closing with this says to the other side that the connection is broken, not that it is over."""


class Proxy:
    """Listens on a port of its own and passes everything on, until it is told to do otherwise.

    `freeze` lets connections be taken and nothing pass; `slow` holds each answer back;
    `lose_commits` breaks each connection between a commit and its answer.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._clients: set[socket.socket] = set()
        self._committing: set[socket.socket] = set()
        self._held: list[tuple[float, socket.socket, bytes]] = []
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._lock = threading.RLock()
        self._is_frozen = False
        self._delay_s = 0.0
        self._commits_to_lose = 0
        self.commits_lost = 0
        self._is_over = False
        self.port = free_port()
        self.open()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._wake.send(b"x")
        self._thread.join()
        self.refuse()
        for mine in (self._wake, self._woken):
            mine.close()
        self._selector.close()

    # Orders

    def open(self) -> None:
        """Take connections, always on the same port."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
                self._listener.setblocking(False)
                self._selector.register(self._listener, selectors.EVENT_READ)
        self._stir()

    def refuse(self) -> None:
        """Take no connections, and break those there are."""
        with self._lock:
            if self._listener is not None:
                self._selector.unregister(self._listener)
                self._listener.close()
                self._listener = None
            self.cut()

    def cut(self) -> None:
        """Break the connections there are."""
        with self._lock:
            for client in list(self._clients):
                self._drop(client)

    def freeze(self, frozen: bool) -> None:
        """Let nothing pass, in no direction, and lose nothing either."""
        with self._lock:
            self._is_frozen = frozen
        self._stir()

    def slow(self, delay_s: float) -> None:
        """Hold each answer back for so long."""
        with self._lock:
            self._delay_s = delay_s
        self._stir()

    def lose_commits(self, number: int) -> None:
        """Break the connection of the next so many commits before their answers pass."""
        with self._lock:
            self._commits_to_lose = number

    # Passing on

    def _stir(self) -> None:
        with suppress(OSError):
            self._wake.send(b"x")

    def _run(self) -> None:
        while not self._is_over:
            for key, _ in self._selector.select(self._wait_s()):
                with self._lock:
                    self._let_go()  # what was held back comes before what comes now
                    self._serve(key.fileobj)  # type: ignore[arg-type] # only sockets are registered
            with self._lock:
                self._let_go()
                is_frozen = self._is_frozen
            if is_frozen:
                # What nobody reads stays ready to be read: without a pause this would spin.
                time.sleep(_PAUSE_S)

    def _wait_s(self) -> float | None:
        with self._lock:
            if self._is_frozen:
                return 0.05
            return max(0.0, self._held[0][0] - time.monotonic()) if self._held else None

    def _serve(self, ready: socket.socket) -> None:
        if ready is self._woken:
            ready.recv(_CHUNK)
        elif ready is self._listener:
            self._accept()
        elif ready in self._peers and not self._is_frozen:
            self._pass_on(ready)

    def _accept(self) -> None:
        assert self._listener is not None
        with suppress(OSError):
            client, _ = self._listener.accept()
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                client.close()
                return
            for one, other in ((client, server), (server, client)):
                one.setblocking(True)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._peers[one] = other
                self._selector.register(one, selectors.EVENT_READ)
            self._clients.add(client)

    def _pass_on(self, ready: socket.socket) -> None:
        try:
            data = ready.recv(_CHUNK)
        except OSError:
            data = b""
        if not data:
            self._drop(ready)
        elif ready in self._clients:
            if self._commits_to_lose and data[4:].startswith(_COMMIT):
                self._commits_to_lose -= 1
                self._committing.add(ready)
            self._send(self._peers[ready], data)
        elif self._peers[ready] in self._committing:
            # The database has committed: of that its client will not hear.
            self.commits_lost += 1
            self._drop(ready)
        elif self._delay_s:
            self._held.append((time.monotonic() + self._delay_s, self._peers[ready], data))
        else:
            self._send(self._peers[ready], data)

    def _let_go(self) -> None:
        now = time.monotonic()
        while self._held and (self._held[0][0] <= now or not self._delay_s):
            _, target, data = self._held.pop(0)
            if target in self._peers:
                self._send(target, data)

    def _send(self, target: socket.socket, data: bytes) -> None:
        try:
            target.sendall(data)
        except OSError:
            self._drop(target)

    def _drop(self, one: socket.socket) -> None:
        other = self._peers.get(one)
        for each in (one, other):
            if each is None or each not in self._peers:
                continue
            del self._peers[each]
            self._clients.discard(each)
            self._committing.discard(each)
            self._selector.unregister(each)
            with suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            each.close()
