"""How does a job ping that has nothing but HTTP: on this host, with a token, and nothing else."""

import asyncio
import contextlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs

from agent.clock import Clock
from agent.errors import AgentError, HomeError, StorageError, TaskNotFound, WrongUse
from agent.log import Log
from agent.rules.pinging import MESSAGE_CHARS, Ping, What
from agent.runs import Run
from agent.wire.limits import LineLimit

TOKEN: Final = "http_ping_token"  # noqa: S105 - the name of the secret
SHORTEST_TOKEN: Final = 16
MOST_OPEN: Final = 32
HEAD_BYTES: Final = 4_096
BODY_BYTES: Final = 2_048
PATIENCE_S: Final = 5.0

_REQUEST: Final = re.compile(
    r"(GET|POST) /ping/([a-z0-9._-]{1,64})(?:/(start|ok|fail))?(?:\?(\S{1,200}))? HTTP/1\.[01]",
    re.ASCII,
)
_WHAT: Final[dict[str, What]] = {"start": "start", "ok": "ok", "fail": "fail"}
_TITLES: Final = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    409: "Conflict",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class _No(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


class HttpPings:
    """One request a connection, small, at most a few at once; without the token all is 401."""

    def __init__(
        self,
        ping: Callable[[Ping], Awaitable[Run]],
        *,
        token: str | None,
        clock: Clock,
        log: Log,
    ) -> None:
        if token is None or len(token) < SHORTEST_TOKEN:
            raise WrongUse(
                f"http_pings: needs {TOKEN} in secrets.toml, at least {SHORTEST_TOKEN} characters; "
                'make one with `python3 -c "import secrets; print(secrets.token_urlsafe(24))"`'
            )
        self._ping = ping
        self._token = token.encode()
        self._clock = clock
        self._log = log
        self._lines = LineLimit()
        self._open = 0
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Take the address, but no pings before `begin`; the port. Raises HomeError."""
        try:
            self._server = await asyncio.start_server(
                self._serve, host, port, limit=HEAD_BYTES, start_serving=False
            )
        except OSError as error:
            raise HomeError(
                f"http_pings = {host}:{port}: cannot listen there ({error.strerror}); "
                "choose another port in settings.toml"
            ) from error
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def begin(self) -> None:
        """Take pings from now on."""
        if self._server is not None:
            await self._server.start_serving()

    def close(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= MOST_OPEN:
            writer.close()
            return
        self._open += 1
        try:
            # Whoever hangs up or is slow is of no more interest.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                writer.write(_say(*await self._answer(reader)))
                async with asyncio.timeout(PATIENCE_S):
                    await writer.drain()
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, str]:
        try:
            async with asyncio.timeout(PATIENCE_S):
                ping = await self._read(reader)
            # Not under the time limit: what is being written is not to be given up halfway.
            run = await self._ping(ping)
        except _No as no:
            if self._lines.allows("http", self._clock.now_ms()):
                self._log.warning("a ping over HTTP was refused", status=no.status, cause=str(no))
            return no.status, str(no)
        except TaskNotFound as error:
            return 404, str(error)
        except WrongUse as error:
            return 409, str(error)
        except StorageError:
            return 503, "the database takes nothing now; try again"
        except AgentError as error:
            return 503, str(error)
        return 200, f"{run.id} {run.status}"

    async def _read(self, reader: asyncio.StreamReader) -> Ping:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.LimitOverrunError as error:
            raise _No(431, f"more than {HEAD_BYTES} bytes of headers") from error
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        scheme, _, given = headers.get("authorization", "").partition(" ")
        is_known = hmac.compare_digest(given.strip().encode("latin-1"), self._token)
        if scheme.lower() != "bearer" or not is_known:
            raise _No(401, "send the token: `Authorization: Bearer ...`")
        match = _REQUEST.fullmatch(first)
        if match is None:
            raise _No(404, "here is only GET or POST /ping/NAME, with /start, /ok or /fail")
        body = await _body(reader, headers)
        return Ping(
            op=secrets.token_hex(16),
            task_name=match[2],
            at_ms=self._clock.now_ms(),
            what=_WHAT[match[3] or "ok"],
            message=" ".join(body.split())[:MESSAGE_CHARS] or None,
            exit_status=_exit_status(match[4] or ""),
            who="http",
        )


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> str:
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not re.fullmatch(r"[0-9]{1,9}", length, re.ASCII):
        raise _No(400, "say with Content-Length how long the message is")
    if int(length) > BODY_BYTES:
        raise _No(413, f"a message has at most {BODY_BYTES} bytes")
    return (await reader.readexactly(int(length))).decode(errors="replace")


def _exit_status(query: str) -> int | None:
    given = parse_qs(query).get("exit_status")
    if given is None:
        return None
    if not re.fullmatch(r"[0-9]{1,3}", given[-1], re.ASCII) or int(given[-1]) > 255:
        raise _No(400, "exit_status: must be from 0 to 255")
    return int(given[-1])


def _say(status: int, text: str) -> bytes:
    body = f"{text}\n".encode()
    return (
        f"HTTP/1.1 {status} {_TITLES[status]}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    ).encode() + body
