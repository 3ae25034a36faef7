"""How is a listening socket of ours set up, bound and written to?"""

import asyncio
import errno
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import zmq
import zmq.asyncio

from agent.errors import AgentError
from agent.wire.limits import MAX_WIRE_BYTES, RECEIVE_BUFFER_BYTES

BACKLOG = 32
_BIND_TRIES = 40
_BIND_PAUSE_S = 0.005


class CannotListen(AgentError):
    """An address or port this agent was told to listen on cannot be had."""

    def __init__(self, address: str, port: int, setting: str, error: zmq.ZMQError) -> None:
        place = f"{address} port {port} ({setting} in settings.toml)"
        if error.errno == errno.EADDRINUSE:
            text = (
                f"cannot listen on {place}: another program uses it; stop that program or "
                f"choose another {setting}"
            )
        elif error.errno == errno.EACCES:
            text = (
                f"cannot listen on {place}: ports below 1024 need rights this user does not "
                f"have; choose a {setting} of 1024 or higher"
            )
        else:
            text = (
                f"cannot listen on {place}: {_plain(error)}; set listen in settings.toml to an "
                "address of this machine, such as 127.0.0.1"
            )
        super().__init__(text)


def new_context() -> zmq.asyncio.Context:
    """What all sockets of this process live in; ZAP answers for one context only."""
    return zmq.asyncio.Context()


def curve_server(
    context: zmq.asyncio.Context, kind: int, *, domain: str, secret: str
) -> zmq.asyncio.Socket:
    """An encrypted socket that admits only whom ZAP admits; not yet bound."""
    socket = context.socket(kind)
    socket.linger = 0
    socket.ipv6 = True
    socket.curve_server = True
    socket.curve_secretkey = secret.encode("ascii")
    socket.zap_domain = domain.encode("ascii")
    # Without this a missing ZAP handler would mean that everybody is admitted (E2a).
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    # Whoever is silent holds a descriptor for so long.
    socket.handshake_ivl = 3_000
    socket.backlog = BACKLOG
    socket.rcvbuf = RECEIVE_BUFFER_BYTES
    socket.heartbeat_ivl = 5_000
    socket.heartbeat_timeout = 15_000
    socket.heartbeat_ttl = 20_000
    socket.maxmsgsize = MAX_WIRE_BYTES
    return socket


def endpoint(address: str, port: int) -> str:
    """The zmq name of a TCP address; port 0 lets the system choose."""
    host = f"[{address}]" if ":" in address else address
    return f"tcp://{host}:{port or '*'}"


class Bound(msgspec.Struct, frozen=True):
    """Where a socket really listens."""

    endpoint: str
    port: int


def bind(socket: zmq.asyncio.Socket, address: str, port: int, *, setting: str) -> Bound:
    """Listen there; raises CannotListen in plain words."""
    try:
        socket.bind(endpoint(address, port))
    except zmq.ZMQError as error:
        raise CannotListen(address, port, setting, error) from error
    place = socket.getsockopt_string(zmq.LAST_ENDPOINT)
    return Bound(place, int(place.rpartition(":")[2]))


async def rebind(socket: zmq.asyncio.Socket, place: str) -> None:
    """End every connection of this endpoint and listen again; raises ZMQError if that fails."""
    try:
        socket.unbind(place)
    except zmq.ZMQError as error:
        if error.errno != errno.ENOENT:  # unbound already by a try that failed halfway
            raise
    for _ in range(_BIND_TRIES):
        try:
            socket.bind(place)
        except zmq.ZMQError as error:
            # The I/O thread closes the old listener a moment later (E3a: 2.5 ms).
            if error.errno != errno.EADDRINUSE:
                raise
            await asyncio.sleep(_BIND_PAUSE_S)
        else:
            return
    socket.bind(place)


def send_now(socket: zmq.asyncio.Socket, frames: Sequence[bytes]) -> None:
    """Send or raise ZMQError, at once: a send is never awaited, never raw (E12)."""
    sent = cast("Any", socket.send_multipart(frames, flags=zmq.DONTWAIT))
    sent.result()


def _plain(error: zmq.ZMQError) -> str:
    return str(error.strerror or error).lower()
