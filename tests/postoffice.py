"""A mail server that keeps what it is given, for tests in which an agent mails."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from agent.settings import Home
from tests.ports import free_port

READY_S: Final = 60


class Sink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.port = 0

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


@contextmanager
def mail_server() -> Iterator[Sink]:
    """A server on this host until the block ends."""
    sink = Sink()
    sink.port = free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port, ready_timeout=READY_S)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


def let_mail(home: Home, sink: Sink) -> None:
    """Let the agent of this home mail to Anna over this server."""
    lines = [
        "[mail]",
        'host = "127.0.0.1"',
        f"port = {sink.port}",
        'security = "plain"',
        'sender = "cron@example.org"',
        'recipients = ["anna@example.org"]',
    ]
    file = home.settings_file
    file.write_text(file.read_text() + "\n".join(lines) + "\n")
