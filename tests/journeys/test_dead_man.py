"""Does a watch service hear of an agent that lives, nothing of one that does not, and do quiet
channels wait?"""

import importlib.util
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.journeys.household import Household, until
from tests.postoffice import let_mail, mail_server

EVERY_S = 5
SILENT_S = 3 * EVERY_S
"""So long without a ping is what a watch service would alarm for."""
PAGERS = """
[[channels]]
name = "quiet"
secret = "quiet_url"
quiet = ["00:00-12:00", "12:00-00:00"]
quiet_critical = true

[[channels]]
name = "awake"
secret = "awake_url"
"""


class Service(ThreadingHTTPServer):
    """Notes what it is asked and when, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[tuple[float, str, str]] = []
        self.status = 200

    def url(self, place: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{place}"

    def count(self) -> int:
        return len(self.asked)

    def is_silent(self) -> bool:
        return time.monotonic() - self.asked[-1][0] > SILENT_S


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.asked.append((time.monotonic(), self.path, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - its base names it

    def log_message(self, *_args: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        thread.join()
        service.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


def open_kinds(household: Household) -> list[str]:
    return [alert["kind"] for alert in household.json("alerts", "list")]


def test_a_living_agent_pings_a_frozen_and_a_killed_one_are_silent_and_a_failing_service_is_told(
    household: Household, service: Service
) -> None:
    url = service.url("ping/s3cret")
    with household.home.settings_file.open("a") as settings:
        settings.write(f"[dead_man]\nurl = '{url}'\nevery_seconds = {EVERY_S}\nmisses = 2\n")
    agent = household.serve()
    until(lambda: service.count() > 1, "two pings of a living agent")

    agent.send_signal(signal.SIGSTOP)
    until(service.is_silent, "silence of a frozen agent")
    while_frozen = service.count()
    agent.send_signal(signal.SIGCONT)
    until(lambda: service.count() > while_frozen, "a ping of one that goes on")

    service.status = 500
    until(lambda: "dead_man_silent" in open_kinds(household), "an alert of the failing service")
    (alert,) = [one for one in household.json("alerts", "list") if one["kind"] == "dead_man_silent"]
    service.status = 200
    until(lambda: "dead_man_silent" not in open_kinds(household), "its end")

    household.kill(agent)
    until(service.is_silent, "silence of a killed agent")

    assert {(place, body) for _, place, body in service.asked} == {("/ping/s3cret", "")}
    assert "it answered 500" in alert["message"]
    assert "s3cret" not in household.said() + alert["message"]


def is_sent(household: Household, channel: str) -> bool:
    messages = household.json("alerts", "list", "--messages")
    return [one["state"] for one in messages if one["channel"] == channel] == ["sent"]


@pytest.mark.skipif(
    importlib.util.find_spec("apprise") is None and not os.environ.get("CI"),
    reason="the extra `chat` is not installed",
)
def test_a_channel_in_its_quiet_hours_waits_while_mail_and_another_one_go_at_once(
    household: Household, service: Service
) -> None:
    address = f"127.0.0.1:{service.server_port}"
    household.home.secrets_file.write_text(
        f'quiet_url = "json://{address}/quiet"\nawake_url = "json://{address}/awake"\n'
    )
    household.home.secrets_file.chmod(0o600)
    household.apply(
        'task_name = "bad"\nschedule = "0 0 1 1 *"\nmax_retries = 0\npriority = 1\n'
        "command = 'exit 3'"
    )
    with mail_server() as sink:
        let_mail(household.calm().home, sink)
        with household.home.settings_file.open("a") as settings:
            settings.write(PAGERS)
        household.serve()
        household.cli("tasks", "run", "bad")
        until(lambda: "bad failed" in sink.text() and service.count(), "mail and a page")
        # That they were taken is written down once they were.
        until(lambda: is_sent(household, "mail") and is_sent(household, "awake"), "their receipts")
        messages = household.json("alerts", "list", "--messages")

    by_channel = {one["channel"]: one for one in messages}
    assert by_channel.keys() == {"mail", "awake", "quiet"}
    assert by_channel["quiet"]["state"] == "waiting"
    assert by_channel["quiet"]["due_ms"] > time.time() * 1000
    (paged,) = service.asked
    assert paged[1] == "/awake"
    assert "bad failed" in json.loads(paged[2])["message"]
