"""Each trouble is really caused, and its mail found in a real server within its time."""

import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.journeys.household import Household, free_ports, until

AT_ONCE_S = 15.0
GREEDY = "command = 'tail /dev/zero'\nmemory_limit_mb = 20"


class Sink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd names it
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def text(self) -> str:
        """All of it that people read."""
        bodies = [mail.get_body(("plain",)) for mail in self.mails]
        return "\n".join(body.get_content() for body in bodies if body is not None)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def port(sink: Sink) -> Iterator[int]:
    (port,) = free_ports(1)
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    yield port
    controller.stop()


@pytest.fixture
def mailing(household: Household, port: int) -> Household:
    settings = household.home.settings_file
    lines = [
        "[mail]",
        'host = "127.0.0.1"',
        f"port = {port}",
        'security = "plain"',
        'sender = "cron@example.org"',
        'recipients = ["anna@example.org"]',
    ]
    settings.write_text(settings.read_text() + "\n".join(lines) + "\n")
    return household


def a_task(name: str, command: str, priority: int = 1) -> str:
    return (
        f'task_name = "{name}"\nschedule = "0 0 1 1 *"\nmax_retries = 0\n'
        f"priority = {priority}\n{command}"
    )


def test_a_test_by_hand_arrives(mailing: Household, sink: Sink) -> None:
    said = mailing.cli("alerts", "test", "--channel", "mail")

    assert "127.0.0.1 took it for anna@example.org" in said
    assert "A test by hand" in sink.text()


@pytest.mark.parametrize(
    ("command", "priority", "words"),
    [
        ("command = 'echo out of paper; exit 3'", 1, "exit status 3"),
        ("command = 'sleep 60'\ntimeout_seconds = 1", 3, "took longer than its time"),
        (GREEDY, 1, "was ended for the memory it used"),
    ],
)
def test_what_is_critical_is_mailed_at_once_and_so_is_its_end(
    mailing: Household, sink: Sink, command: str, priority: int, words: str
) -> None:
    mailing.apply(a_task("bad", command, priority))
    mailing.serve()
    began = time.monotonic()
    mailing.cli("tasks", "run", "bad")

    until(lambda: words in sink.text(), "the mail", within_s=AT_ONCE_S)
    took_s = time.monotonic() - began
    mailing.apply(a_task("bad", "command = 'true'", priority))
    mailing.cli("tasks", "run", "bad")
    until(lambda: not mailing.json("alerts", "list"), "no alert")
    (alert,) = mailing.json("alerts", "list", "--all")

    assert took_s < AT_ONCE_S
    assert (alert["severity"], alert["status"], alert["told"]) == ("critical", "resolved", "open")
    assert "critical" in str(sink.mails[0]["Subject"])
    if "exit 3" in command:
        assert "out of paper" in sink.text()


def test_a_failure_of_a_task_of_priority_2_is_kept_for_its_window(
    mailing: Household, sink: Sink
) -> None:
    mailing.apply(a_task("bad", "command = 'false'", 2))
    mailing.serve()
    mailing.cli("tasks", "run", "bad")

    until(lambda: mailing.json("alerts", "list"), "the alert")
    (alert,) = mailing.json("alerts", "list")
    mailing.cli("alerts", "ack", alert["id"])

    assert alert["severity"] == "high"
    assert alert["tell_ms"] == alert["opened_ms"] + 15 * 60_000
    assert mailing.json("alerts", "show", alert["id"])["tell_ms"] is None
    assert sink.mails == []


def test_ticks_from_crontab_mail_as_well(mailing: Household, sink: Sink) -> None:
    mailing.apply(a_task("bad", "command = 'exit 3'").replace("0 0 1 1 *", "* * * * *"))
    until(lambda: mailing.cli("tick") is not None and sink.mails, "the mail", within_s=90)

    assert "exit status 3" in sink.text()
