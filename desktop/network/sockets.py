"""How this side's sockets are set up, and what their monitors say."""

import random
from typing import Final

import msgspec
import zmq
from zmq.utils.monitor import parse_monitor_message

from desktop.keystore import ClientKey
from shared.protocol.link import (
    AuthRefused,
    Dropped,
    Event,
    HandshakeDone,
    HandshakeFailed,
    HandshakeUnlike,
)

MOST_BYTES: Final = 4 << 20
_WATCHED: Final = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CONNECT_RETRIED
)
_SAID: Final[dict[int, Event]] = {
    zmq.EVENT_HANDSHAKE_SUCCEEDED: HandshakeDone(),
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: AuthRefused(),
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: HandshakeFailed(),
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: HandshakeUnlike(),
    zmq.EVENT_DISCONNECTED: Dropped(),
    zmq.EVENT_CONNECT_RETRIED: Dropped(),
}


class Control(msgspec.Struct):
    """The control socket and the one that tells how it fares."""

    socket: "zmq.Socket[bytes]"
    monitor: "zmq.Socket[bytes]"
    awaits_handshake: bool = False

    def close(self) -> None:
        """Close both; nothing unsent is kept."""
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        self.socket.close(linger=0)

    def happenings(self) -> list[Event]:
        """What the monitor has seen since it was asked last, in order."""
        seen: list[Event] = []
        while True:
            try:
                frames = self.monitor.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return seen
            event = int(parse_monitor_message(frames)["event"])
            if event == zmq.EVENT_DISCONNECTED and self.awaits_handshake:
                # Only what speaks another protocol ends like this: without a word about the
                # handshake, and without being called again.
                seen.append(HandshakeUnlike())
            self.awaits_handshake = event == zmq.EVENT_CONNECTED
            said = _SAID.get(event)
            if said is not None:
                seen.append(said)


def control(
    context: "zmq.Context[zmq.Socket[bytes]]", endpoint: str, *, agent_key: str, key: ClientKey
) -> Control:
    """A DEALER that is connecting."""
    socket = _curve(context, zmq.DEALER, agent_key=agent_key, key=key)
    # Without a connection sending must fail: a queued order would run when nobody waits for it.
    socket.immediate = 1
    socket.sndhwm, socket.rcvhwm = 32, 64
    monitor = socket.get_monitor_socket(_WATCHED)
    monitor.linger = 0
    socket.connect(endpoint)
    return Control(socket, monitor)


def events(
    context: "zmq.Context[zmq.Socket[bytes]]",
    endpoint: str,
    topics: tuple[bytes, ...],
    *,
    agent_key: str,
    key: ClientKey,
) -> "zmq.Socket[bytes]":
    """A SUB that is connecting."""
    socket = _curve(context, zmq.SUB, agent_key=agent_key, key=key)
    socket.rcvhwm = 1_000
    for topic in topics:
        socket.subscribe(topic)
    socket.connect(endpoint)
    return socket


def _curve(
    context: "zmq.Context[zmq.Socket[bytes]]", kind: int, *, agent_key: str, key: ClientKey
) -> "zmq.Socket[bytes]":
    socket = context.socket(kind)
    socket.linger = 0
    socket.ipv6 = True
    socket.curve_serverkey = agent_key.encode("ascii")
    socket.curve_publickey = key.public.encode("ascii")
    socket.curve_secretkey = key.secret.encode("ascii")
    socket.heartbeat_ivl, socket.heartbeat_timeout, socket.heartbeat_ttl = 5_000, 15_000, 20_000
    socket.handshake_ivl = 5_000
    socket.connect_timeout = 5_000
    # Each link its own pace, or a hundred desktops return at the same moment (libzmq has no
    # jitter once a maximum is set).
    socket.reconnect_ivl = random.randint(300, 1_500)  # noqa: S311  # a pace, no secret
    socket.reconnect_ivl_max = 15_000
    socket.maxmsgsize = MOST_BYTES
    return socket


def new_key() -> ClientKey:
    """A fresh random pair."""
    public, secret = zmq.curve_keypair()
    return ClientKey(public.decode("ascii"), secret.decode("ascii"))


def key_of_secret(secret: str) -> ClientKey:
    """The pair a secret half belongs to, as an invite carries only that."""
    return ClientKey(zmq.curve_public(secret.encode("ascii")).decode("ascii"), secret)
