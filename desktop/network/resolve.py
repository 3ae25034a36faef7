"""Under which address does a host answer: asked in threads of their own."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

PROBE_S: Final = 3.0
# Every program that speaks ZeroMQ sends this first and unasked.
GREETING: Final = b"\xff"


class Address(msgspec.Struct, frozen=True):
    """An IP address that answered, and how long that took; `took_ms` is None when unasked."""

    ip: str
    took_ms: int | None = None


class NoAddress(msgspec.Struct, frozen=True):
    """Why a host has no address that answers, as a sentence that says what to do."""

    reason: str


Found = Address | NoAddress


def literal(host: str) -> str | None:
    """The host when it is an IP address already, else None."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def find(host: str, port: int, *, probe: bool) -> Found:
    """Resolve the name; of several addresses (or when asked to probe) take one that answers."""
    try:
        infos = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        return NoAddress(
            f"The name {host} is not known here ({text}). Check its spelling, "
            "or use the address in numbers."
        )
    addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
    if len(addresses) == 1 and not probe:
        return Address(addresses[0])
    return _first_that_answers(host, addresses, port)


def _first_that_answers(host: str, addresses: list[str], port: int) -> Found:
    reason = ""
    for ip in addresses:
        began = time.monotonic()
        try:
            with socket.create_connection((ip, port), timeout=PROBE_S):
                return Address(ip, round((time.monotonic() - began) * 1000))
        except TimeoutError:
            reason = "nothing answered"
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
    return NoAddress(
        f"{host} port {port} cannot be reached: {reason}. Is the agent running, and is the "
        "port open in the firewall, or the tunnel up?"
    )


def find_in_background(host: str, port: int, *, probe: bool, then: Callable[[Found], None]) -> None:
    """Call `then` with the address from another thread; at once when there is nothing to ask."""
    ip = literal(host)
    if ip is not None and not probe:
        then(Address(ip))
        return
    _in_background(lambda: then(find(host, port, probe=probe)))


def greets(ip: str, port: int) -> bool:
    """Does what answers there begin as an agent does, or hang up like a tunnel to nowhere?"""
    try:
        with socket.create_connection((ip, port), timeout=PROBE_S) as caller:
            return caller.recv(len(GREETING)) == GREETING
    except OSError:
        return False


def greets_in_background(ip: str, port: int, *, then: Callable[[bool], None]) -> None:
    """Call `then` from another thread."""
    _in_background(lambda: then(greets(ip, port)))


def says_nothing(host: str, port: int) -> str:
    """The sentence for an address that takes a call and says nothing."""
    return (
        f"{host} port {port} takes the call but says nothing: the agent does not answer, or a "
        "tunnel has nothing at its other end. Is the agent running?"
    )


def _in_background(work: Callable[[], None]) -> None:
    # A daemon: a name server that never answers must not keep the program alive.
    threading.Thread(target=work, name="resolve", daemon=True).start()


def tcp(ip: str, port: int) -> str:
    """The zmq name of an address and port."""
    return f"tcp://[{ip}]:{port}" if ":" in ip else f"tcp://{ip}:{port}"
