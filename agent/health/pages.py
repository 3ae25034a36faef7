"""What does a web page answer: its status and the beginning of it?"""

import asyncio
import io
import socket
import ssl
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec

from agent import __version__
from agent.ownchecks import PORTS

MOST_BYTES: Final = 1 << 20


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Its status, and as much of its body as was read."""

    status: int
    body: bytes


class _Wire:
    """What was read, for the parser of the standard library, which wants a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BytesIO:
        """All of it."""
        return io.BytesIO(self._data)


async def get(url: str, *, ca_file: str = "") -> Page:
    """Ask once, follow nothing; certificates are verified. Raises OSError and ValueError."""
    parts = urlsplit(url)
    context = (
        ssl.create_default_context(cafile=ca_file or None) if parts.scheme == "https" else None
    )
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
            f"User-Agent: SmartCron/{__version__}\r\nAccept: */*\r\n"
            "Accept-Encoding: identity\r\n\r\n".encode("ascii")
        )
        await writer.drain()
        data = bytearray()
        while len(data) < MOST_BYTES and (part := await reader.read(MOST_BYTES - len(data))):
            data += part
    finally:
        writer.close()
    return read(bytes(data))


def read(data: bytes) -> Page:
    """An answer as it came over the wire, perhaps cut off; raises ValueError."""
    # It asks the socket for nothing but a file to read.
    answer = HTTPResponse(cast("socket.socket", _Wire(data)))
    try:
        answer.begin()
        body = answer.read()
    except IncompleteRead as error:
        body = error.partial
    except HTTPException as error:
        raise ValueError(
            f"it does not answer as a web server does ({type(error).__name__})"
        ) from error
    return Page(status=answer.status, body=body)
