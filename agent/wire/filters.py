"""Which newcomers does the kernel turn away before a listener of ours hears of them?

Nobody is told no: to them the port is silent, and their own system tries again by itself.
"""

import array
import ipaddress
import socket
import struct
from typing import Final

EVERYONE: Final = ""

# Of the kernel (linux/filter.h, asm/socket.h); Python has no names for these.
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_HEADER: Final = 0xFFF00000  # where the header of IP begins, seen from that of TCP
_LOAD_WORD: Final = 0x20
_LOAD_BYTE: Final = 0x30
_SHIFT_RIGHT: Final = 0x74
_SKIP_UNLESS: Final = 0x15
_RETURN: Final = 0x06
_ALL: Final = 0xFFFFFFFF
_SOURCE: Final = {4: 12, 6: 8}


def turn_away(listener: socket.socket, whom: str) -> None:
    """Let nothing from this address, or from EVERYONE, through; raises OSError.

    Of IPv6 it is the network of 64 bits: so many addresses has everybody.
    """
    program = array.array("B", _program(whom))
    place, length = program.buffer_info()
    given = struct.pack("@HP", length // 8, place)
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, given)


def let_in(listener: socket.socket) -> None:
    """Let everybody through; raises OSError."""
    listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def plain(address: str) -> str:
    """An address as it is written on its own; libzmq writes IPv4 as ::ffff:127.0.0.1."""
    return address.removeprefix("::ffff:")


def network(address: str) -> str:
    """What is turned away with this address: itself, or of IPv6 its network of 64 bits."""
    try:
        parsed = ipaddress.IPv6Address(plain(address).partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.IPv6Address(parsed.packed[:8] + bytes(8)))


def _program(whom: str) -> bytes:
    try:
        address = ipaddress.ip_address(plain(whom).partition("%")[0])
    except ValueError:
        return _step(_RETURN, 0)  # everyone
    words = struct.unpack("!2I" if address.version == 6 else "!I", address.packed[:8])
    tests: list[tuple[int, int, int]] = [(_LOAD_BYTE, 0, address.version)]
    tests += [
        (_LOAD_WORD, _SOURCE[address.version] + 4 * number, word)
        for number, word in enumerate(words)
    ]
    steps: list[tuple[int, int]] = []
    for load, offset, value in tests:
        steps.append((load, _HEADER + offset))
        if load == _LOAD_BYTE:
            steps.append((_SHIFT_RIGHT, 4))
        steps.append((_SKIP_UNLESS, value))
    program = b""
    for number, (code, value) in enumerate(steps):
        # What is not as asked for goes to the last step, which lets it through.
        otherwise = len(steps) - number if code == _SKIP_UNLESS else 0
        program += _step(code, value, otherwise)
    return program + _step(_RETURN, 0) + _step(_RETURN, _ALL)


def _step(code: int, value: int, otherwise: int = 0) -> bytes:
    return struct.pack("@HBBI", code, 0, otherwise, value)
