"""A ping over HTTP needs the token, a known shape and little room; all else is refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.clock import SystemClock
from agent.errors import AgentError, HomeError, StorageError, TaskNotFound, WrongUse
from agent.log import log_of
from agent.rules.pinging import Ping
from agent.runs import Run
from agent.wire.http_pings import BODY_BYTES, MOST_OPEN, HttpPings
from tests.agent.store.makings import a_run

TOKEN = "a-token-of-the-tests-only"
HANGS_S = 60  # so long nothing takes, but what hangs


class Taker:
    """Takes pings down, or refuses them all."""

    def __init__(self) -> None:
        self.told: list[Ping] = []
        self.refusal: AgentError | None = None

    async def ping(self, ping: Ping) -> Run:
        if self.refusal is not None:
            raise self.refusal
        self.told.append(ping)
        return a_run(status="success")


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
async def port(taker: Taker) -> AsyncIterator[int]:
    door = HttpPings(taker.ping, token=TOKEN, clock=SystemClock(), log=log_of("http"))
    port = await door.open("127.0.0.1", 0)
    await door.begin()
    yield port
    door.close()


async def send(port: int, data: bytes) -> str:
    """All that is answered to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(HANGS_S):
            return (await reader.read()).decode()
    finally:
        writer.close()


def a_request(
    target: str, *, method: str = "GET", body: bytes = b"", token: str = TOKEN, more: str = ""
) -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{head}{length}{more}\r\n".encode() + body


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


@pytest.mark.parametrize(
    ("target", "what", "exit_status"),
    [
        ("/ping/backup", "ok", None),
        ("/ping/backup/ok", "ok", None),
        ("/ping/backup/start", "start", None),
        ("/ping/backup/fail?exit_status=75", "fail", 75),
    ],
)
async def test_a_ping_is_taken_down_as_its_path_says(
    port: int, taker: Taker, target: str, what: str, exit_status: int | None
) -> None:
    answer = await send(port, a_request(target, method="POST", body=b"disk\nis  full"))

    (ping,) = taker.told
    assert status(answer) == 200
    assert (ping.task_name, ping.what, ping.exit_status) == ("backup", what, exit_status)
    assert (ping.message, ping.who) == ("disk is full", "http")


@pytest.mark.parametrize(
    ("request_bytes", "wanted"),
    [
        (a_request("/ping/backup", token="wrong"), 401),
        (a_request("/ping/backup", token=""), 401),
        (b"GET /ping/backup HTTP/1.1\r\n\r\n", 401),
        (b"GET /ping/backup HTTP/1.1\r\nAuthorization: Basic " + TOKEN.encode() + b"\r\n\r\n", 401),
        (b"nonsense\r\n\r\n", 401),
        (a_request("/"), 404),
        (a_request("/ping/../etc"), 404),
        (a_request("/ping/Backup%00"), 404),
        (a_request("/ping/backup/kill"), 404),
        (a_request("/ping/" + "x" * 65), 404),
        (a_request("/ping/backup", method="DELETE"), 404),
        (a_request("/ping/backup?exit_status=256"), 400),
        (a_request("/ping/backup", more="Content-Length: -1\r\n"), 400),
        (a_request("/ping/backup", more="Transfer-Encoding: chunked\r\n"), 400),
        (a_request("/ping/backup", more=f"Content-Length: {BODY_BYTES + 1}\r\n"), 413),
        (a_request("/ping/backup", more="X: " + "y" * 5_000 + "\r\n"), 431),
    ],
)
async def test_what_is_no_ping_is_refused_and_nothing_is_taken_down(
    port: int, taker: Taker, request_bytes: bytes, wanted: int
) -> None:
    answer = await send(port, request_bytes)

    assert status(answer) == wanted
    assert taker.told == []
    assert TOKEN not in answer


@pytest.mark.parametrize(
    ("refusal", "wanted"),
    [
        (TaskNotFound("backup"), 404),
        (WrongUse("it runs a command"), 409),
        (StorageError("mysql://user:secret@host is away"), 503),
    ],
)
async def test_what_the_agent_refuses_has_its_status(
    port: int, taker: Taker, refusal: AgentError, wanted: int
) -> None:
    taker.refusal = refusal

    answer = await send(port, a_request("/ping/backup"))

    assert status(answer) == wanted
    assert "secret" not in answer


async def test_connections_that_say_nothing_do_not_keep_others_out_for_long(
    port: int, taker: Taker
) -> None:
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_OPEN)]
    turned_away = await send(port, b"")
    for _, writer in idle:
        writer.close()

    async with asyncio.timeout(HANGS_S):
        while not taker.told:
            try:
                await send(port, a_request("/ping/backup"))
            except ConnectionError:
                continue

    assert turned_away == ""


@pytest.mark.parametrize("token", [None, "", "short"])
def test_without_a_token_of_some_length_it_does_not_begin(taker: Taker, token: str | None) -> None:
    with pytest.raises(WrongUse, match="http_ping_token"):
        HttpPings(taker.ping, token=token, clock=SystemClock(), log=log_of("http"))


async def test_a_port_that_is_taken_is_said_with_its_setting(port: int, taker: Taker) -> None:
    second = HttpPings(taker.ping, token=TOKEN, clock=SystemClock(), log=log_of("http"))

    with pytest.raises(HomeError, match="http_pings"):
        await second.open("127.0.0.1", port)
