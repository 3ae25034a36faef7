"""What does one check of the owner's own find now?"""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.health import pages
from agent.health.checking import Checking, Finding
from agent.ownchecks import OwnCheck
from agent.rules.thresholds import CRIT, OK, UNKNOWN, WARN
from agent.settings import Home, Settings
from agent.store.checks import Kept

PATIENT: dict[str, Any] = {"warn": 60_000.0, "crit": 60_000.0, "timeout_s": 55}
"""How long it takes is nothing to a test, but where it says so."""

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def checking(tmp_path: Path) -> Checking:
    home = Home(tmp_path / "home")
    home.make()
    return Checking(
        home=home,
        settings=Settings(),
        secrets={},
        mask=lambda text: text.replace("hunter2", "*******"),
    )


@asynccontextmanager
async def answering(
    answer: bytes | None, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A port where each gets this answer; None: none at all, and the line stays open."""
    leave = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await leave.wait()
        elif answer:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        leave.set()
        server.close()
        await server.wait_closed()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    folder = tmp_path_factory.mktemp("certificate")
    key, file = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        (
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "10"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(file)),
        ),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return file, context


def plugin(command: str | tuple[str, ...], **fields: object) -> OwnCheck:
    return OwnCheck(name="mine", command=command, **fields)  # type: ignore[arg-type] # of a table


@pytest.mark.parametrize(
    ("own", "state", "words"),
    [
        (plugin("echo 'SWAP OK | swap=3MB;1;2'"), OK, "SWAP OK"),
        (plugin("echo SWAP WARNING; exit 1"), WARN, "SWAP WARNING"),
        (plugin(("/bin/sh", "-c", "echo bad; exit 2")), CRIT, "bad"),
        (plugin("echo who knows; exit 3"), UNKNOWN, "who knows"),
        (plugin("echo oops >&2; exit 1"), WARN, "oops"),
        (plugin("exit 77"), UNKNOWN, "exit status 77: said nothing"),
        (plugin("kill -9 $$"), UNKNOWN, "a signal ended it"),
        (plugin("/no/such/plugin"), UNKNOWN, "could not be started: No such file"),
        (plugin("{app_root}/check"), UNKNOWN, "set app_root"),
        (plugin("sleep 60", timeout_s=1), CRIT, "no end within 1 s; it was ended"),
        (plugin("echo '|a=1 b=9'", metric="b", warn=5.0), WARN, "said nothing"),
        (plugin("echo '|a=1 b=9'", warn=5.0), OK, "said nothing"),
        (plugin("echo '|free=3'", warn=10.0, crit=5.0), CRIT, "said nothing"),
        (plugin("echo '|a=1'", metric="b", warn=5.0), UNKNOWN, "no figure named 'b'"),
        (plugin("echo the word is hunter2"), OK, "the word is *******"),
    ],
)
async def test_a_command_says_it_by_its_exit_status_its_first_line_and_its_figures(
    checking: Checking, own: OwnCheck, state: str, words: str
) -> None:
    found = await checking.look(own)

    assert found.state == state
    assert words in found.message


async def test_every_figure_is_kept_and_the_one_that_counts_is_the_value(
    checking: Checking,
) -> None:
    own = plugin("echo 'fine | a=1ms b=2%'", metric="b")

    found = await checking.look(own)

    assert (found.value, found.unit) == (2.0, "%")
    assert found.readings(own) == {"check:mine:a": 1.0, "check:mine:b": 2.0, "check:mine": 2.0}


async def test_a_row_tells_limits_turns_and_which_figures_are_kept_each_once(
    checking: Checking,
) -> None:
    own = plugin("echo 'fine | a=1ms;5;9 b=2%;20:40;:80'", every_s=60)
    second = msgspec.structs.replace(own, metric="b")
    mine = msgspec.structs.replace(own, warn=7.0)

    first, other, chosen = [
        (await checking.look(one)).as_check(one, at_ms=1).terms for one in (own, second, mine)
    ]

    assert (first.name, first.every_s, first.late_s) == ("Check mine", 60, 190)
    assert (first.warn, first.crit, first.falls) == (5.0, 9.0, False)
    assert first.kept == (
        Kept(name="check:mine", label="a", unit="ms"),
        Kept(name="check:mine:b", label="b", unit="%"),
    )
    # A range of two ends is no line that could be drawn.
    assert (other.warn, other.crit) == (None, None)
    assert [kept.label for kept in other.kept] == ["b", "a"]
    assert (chosen.warn, chosen.crit) == (7.0, None)


async def test_of_what_has_no_figure_nothing_is_kept(checking: Checking) -> None:
    own = plugin("echo fine")

    found = (await checking.look(own)).as_check(own, at_ms=1)

    assert found.terms.kept == ()


@pytest.mark.parametrize(
    ("answer", "fields", "state", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nWelcome", {}, OK, "status 200 after"),
        (b"HTTP/1.1 200 OK\r\n\r\nWelcome", {"contains": "Welcome"}, OK, "status 200"),
        (b"HTTP/1.1 200 OK\r\n\r\nBye", {"contains": "Welcome"}, CRIT, "'Welcome' is not in it"),
        (b"HTTP/1.1 200 OK\r\n\r\nx", {"warn": 0.0}, WARN, "status 200"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", {}, CRIT, "status 503"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", {"status": 503}, OK, "status 503"),
        (b"HTTP/1.1 200 OK\r\n\r\n", {"status": 204}, CRIT, "status 200, and not 204"),
        (b"HELO\r\n\r\n", {}, CRIT, "not answer as a web server"),
        (b"", {}, CRIT, ""),
    ],
)
async def test_a_page_has_its_status_its_words_and_its_time(
    checking: Checking, answer: bytes, fields: dict[str, object], state: str, words: str
) -> None:
    async with answering(answer) as port:
        url = f"http://127.0.0.1:{port}/?a=b"
        own = OwnCheck(name="shop", kind="http", url=url, **(PATIENT | fields))
        found = await checking.look(own)

    assert found.state == state
    assert words in found.message


async def test_what_does_not_answer_in_time_or_at_all_is_critical(checking: Checking) -> None:
    async with answering(None) as port:
        url = f"http://127.0.0.1:{port}/"
        silent = await checking.look(OwnCheck(name="a", kind="http", url=url, timeout_s=1))
        place: dict[str, Any] = {"kind": "tcp", "host": "127.0.0.1", "port": port}
        taking = await checking.look(OwnCheck(name="b", **place, **PATIENT))
    with socket.socket() as held:  # so that nobody else listens there
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        closed = await checking.look(OwnCheck(name="b", kind="tcp", host="127.0.0.1", port=port))

    assert silent == Finding(state=CRIT, message="no answer within 1 s")
    assert (taking.state, taking.unit) == (OK, "ms")
    assert closed.state == CRIT


async def test_a_certificate_is_verified_and_its_days_are_counted(
    checking: Checking, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    file, context = certificate
    own = OwnCheck(name="tls", kind="certificate", host="localhost", port=1, ca_file=str(file))
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n", context) as port:
        place = {"name": "tls", "kind": "certificate", "host": "localhost", "port": port}
        trusted = [
            await checking.look(OwnCheck(**place, ca_file=own.ca_file, **limits))  # type: ignore[arg-type] # as above
            for limits in ({}, {"crit": 11.0, "warn": 12.0}, {"warn": 5.0, "crit": 2.0})
        ]
        strange = await checking.look(OwnCheck(**place))  # type: ignore[arg-type] # as above
        page = await checking.look(
            OwnCheck(name="web", kind="http", url=f"https://localhost:{port}/")
        )

    assert [found.state for found in trusted] == [WARN, CRIT, OK]
    assert "in 10 days" in trusted[0].message
    assert strange.state == page.state == CRIT
    assert "certificate does not hold" in strange.message
    assert "certificate does not hold" in page.message


def test_a_body_in_chunks_is_put_together_also_when_it_was_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert pages.read(head + b"3\r\nWel\r\n4\r\ncome\r\n0\r\n\r\n").body == b"Welcome"
    assert pages.read(head + b"3\r\nWel\r\n40\r\ncome").body.startswith(b"Wel")


async def test_an_endless_body_is_read_to_a_bound(checking: Checking) -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (pages.MOST_BYTES + 100_000)
    async with answering(endless) as port:
        page = await pages.get(f"http://127.0.0.1:{port}/")

    assert page.status == 200
    assert len(page.body) < pages.MOST_BYTES
