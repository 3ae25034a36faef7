"""Does a watch service far away know that this agent lives, while it really does its work?"""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.lifesign import KEY, STUCK_MS, Lifesign, ask, hindrance
from agent.postbox import DeadMan
from agent.store import alerts
from tests.agent.store.makings import NOW_MS
from tests.agent.workshop import Workshop
from tests.ports import free_port


class Service(ThreadingHTTPServer):
    """A watch service that answers as it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[tuple[str, str]] = []
        self.status = 200
        self.let_answer = threading.Event()
        self.let_answer.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/ping/s3cret-token"


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append((self.command, self.path))
        self.server.let_answer.wait(60)
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - as above

    def log_message(self, *_args: Any) -> None:
        pass


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        service.let_answer.set()
        service.shutdown()
        thread.join()
        service.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as service:
        yield service


def lifesign(workshop: Workshop, url: str, why: str = "", **fields: Any) -> Lifesign:
    return Lifesign(
        clock=workshop.clock,
        recorder=workshop.recorder,
        dead_man=DeadMan(url=url, **({"timeout_s": 60} | fields)),
        url=url,
        hindrance=lambda: why,
    )


def told(workshop: Workshop) -> list[str]:
    return [one.message for one in workshop.database.read_now(alerts.open_alerts)]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_living_agent_pings(workshop: Workshop, service: Service, method: Any) -> None:
    await lifesign(workshop, service.url, method=method).ping()

    assert service.asked == [(method, "/ping/s3cret-token")]
    assert told(workshop) == []


async def test_an_agent_that_does_not_do_its_work_is_silent(
    workshop: Workshop, service: Service
) -> None:
    await lifesign(workshop, service.url, "the database takes no writes").ping()

    assert service.asked == []


@pytest.mark.parametrize("how", ["refuses", "answers 500", "sends elsewhere", "is silent"])
async def test_a_service_that_takes_no_ping_is_an_alert_that_ends_with_the_next(
    workshop: Workshop, service: Service, how: str
) -> None:
    url = f"http://127.0.0.1:{free_port()}/s3cret-token" if how == "refuses" else service.url
    service.status = {"answers 500": 500, "sends elsewhere": 302}.get(how, 200)
    if how == "is silent":
        service.let_answer.clear()
    # Whatever answers has the time that a busy host may need for it.
    sign = lifesign(workshop, url, timeout_s=1 if how == "is silent" else 60, misses=2)

    await sign.ping()
    once = told(workshop)
    await sign.ping()
    twice = told(workshop)
    service.status = 200
    service.let_answer.set()
    await lifesign(workshop, service.url).ping()

    words = {"refuses": "refused", "answers 500": "500", "sends elsewhere": "302"}
    assert once == []
    assert len(twice) == 1
    assert words.get(how, "1 s" if "within" in twice[0] else "no answer") in twice[0]
    assert "s3cret" not in twice[0]
    assert told(workshop) == []
    assert "/elsewhere" not in [path for _, path in service.asked]


async def test_what_an_earlier_agent_said_of_it_ends_with_the_first_ping(
    workshop: Workshop, service: Service
) -> None:
    service.status = 500
    await lifesign(workshop, service.url, misses=1).ping()
    before = [one.kind for one in workshop.database.read_now(alerts.open_alerts)]
    service.status = 204
    await lifesign(workshop, service.url).ping()

    assert before == [KEY]
    assert told(workshop) == []


def test_an_unknown_certificate_is_no_watch_service(tmp_path: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", tmp_path / "both.pem", "-out", tmp_path / "ca.pem"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "both.pem")
    service = Service()
    service.socket = context.wrap_socket(
        service.socket, server_side=True, do_handshake_on_connect=False
    )
    url = service.url.replace("http://", "https://")
    with serving(service):
        cause = ask(url, DeadMan(url=url, timeout_s=60))

    assert "self-signed" in cause
    assert service.asked == []


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://watch.example.org/x", "plain http"),
        ("ftp://watch.example.org/x", "https"),
        ("file:///etc/passwd", "URL"),
        ("https://watch.example.org/\r\nX: y", "URL"),
        ("", "URL"),
    ],
)
def test_only_what_is_encrypted_or_on_this_host_is_asked(url: str, fault: str) -> None:
    cause = ask(url, DeadMan(url=url))

    assert fault in cause


@pytest.mark.parametrize(
    ("fields", "is_hindered"),
    [
        ({}, False),
        ({"takes_writes": False}, True),
        ({"oldest_write_ms": STUCK_MS + 1}, True),
        ({"first_due_ms": NOW_MS - STUCK_MS - 1}, True),
        ({"first_due_ms": NOW_MS + 1}, False),
    ],
)
def test_it_does_its_work_when_it_decides_and_the_database_writes(
    fields: dict[str, Any], is_hindered: bool
) -> None:
    known: dict[str, Any] = {
        "takes_writes": True,
        "oldest_write_ms": 0,
        "first_due_ms": None,
        "now_ms": NOW_MS,
    }

    assert bool(hindrance(**(known | fields))) == is_hindered
