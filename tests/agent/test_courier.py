"""When are people told of alerts by mail, and what becomes of a message that does not go?"""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from agent.courier import Courier
from agent.postbox import Mail
from agent.rules.alerting import Trouble
from agent.store import alerts, outbox
from agent.store.outbox import Message
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, a_task, ended
from tests.agent.workshop import Workshop
from tests.ports import free_port

RECIPIENTS = ("anna@example.org", "ben@example.org")


class Sink:
    """Takes mail like any server; `answers` are said to recipients and data instead of yes."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.rcpt_answers: dict[str, str] = {}
        self.data_answers: list[str] = []
        self.stays_silent = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if answer := self.rcpt_answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd names it
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.stays_silent:
            await asyncio.sleep(60)
        if self.data_answers:
            return self.data_answers.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.to.append(list(envelope.rcpt_tos))
        return "250 taken as number 42"


@asynccontextmanager
async def server(sink: Sink, **options: Any) -> AsyncIterator[int]:
    """The port of a real server on this host."""
    loop = asyncio.get_running_loop()
    context = options.pop("ssl_context", None)
    found = await loop.create_server(
        lambda: SMTP(sink, loop=loop, **options), "127.0.0.1", 0, ssl=context
    )
    async with found:
        yield found.sockets[0].getsockname()[1]


def mail_to(port: int, **fields: Any) -> Mail:
    chosen: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "plain",
        "sender": "cron@example.org",
        "recipients": RECIPIENTS,
        "timeout_s": 60,
    }
    return Mail(**(chosen | fields))


def courier_of(workshop: Workshop, mail: Mail, **fields: Any) -> Courier:
    chosen: dict[str, Any] = {
        "clock": workshop.clock,
        "database": workshop.database,
        "recorder": workshop.recorder,
        "mail": mail,
        "password": None,
        "agent": "shop",
        "mask": lambda text: text.replace("hunter2", "*******"),
        "is_away": lambda: False,
    }
    return Courier(**(chosen | fields))


def trouble(key: str = "one", severity: str = "critical", **fields: Any) -> Trouble:
    chosen = {
        "dedupe_key": key,
        "kind": "task_failed",
        "severity": severity,
        "title": f"{key} failed",
        "message": "exit status 3",
    }
    return Trouble(**(chosen | fields))


def messages(workshop: Workshop) -> tuple[Message, ...]:
    return workshop.database.read_now(outbox.newest)


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    text: str = body.get_content()
    return text


async def test_a_critical_alert_leaves_at_once_with_output_and_the_last_runs(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("backup", priority=1))
    for number in range(12):
        run = a_run(NOW_MS + number * MINUTE_MS, status="running")
        await workshop.recorder.claim([run])
        over = ended(run, "success" if number < 11 else "error")
        last = msgspec.structs.replace(over, output_tail="no <space> left, password hunter2")
        await workshop.recorder.ended(last)
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))

        await courier.work_off()
        await courier.work_off()

    (mail,) = sink.mails
    (message,) = messages(workshop)
    assert sink.to == [list(RECIPIENTS)]
    assert str(mail["Subject"]).startswith("[shop] critical: backup failed")
    assert "no <space> left, password *******" in text_of(mail)
    assert "no &lt;space&gt; left, password *******" in text_of(mail, "html")
    assert text_of(mail).count("succeeded") == 9
    assert "hunter2" not in mail.as_string()
    assert (message.state, message.attempts, message.receipt) == (
        "sent",
        1,
        "250 taken as number 42"[4:],
    )


@pytest.mark.parametrize(("severity", "minutes"), [("high", 15), ("medium", 60)])
async def test_what_is_less_bad_is_told_together_when_the_time_of_the_first_is_over(
    workshop: Workshop, severity: str, minutes: int
) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        await workshop.recorder.alert(trouble("one", severity))
        workshop.clock.advance((minutes - 1) * MINUTE_MS)
        await workshop.recorder.alert(trouble("two", severity))

        next_ms = await courier.work_off()
        before = len(sink.mails)
        workshop.clock.advance(MINUTE_MS)
        await courier.work_off()

    (mail,) = sink.mails
    assert (before, next_ms) == (0, NOW_MS + minutes * MINUTE_MS)
    assert "2 alerts, first: two failed" in str(mail["Subject"])
    assert "one failed" in text_of(mail)


async def test_the_end_of_an_alert_is_told_in_the_same_thread(workshop: Workshop) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        await workshop.recorder.alert(trouble())
        await courier.work_off()
        workshop.clock.advance(5 * MINUTE_MS)
        await workshop.recorder.resolve("one")
        await courier.work_off()

    first, second = sink.mails
    assert "over: one failed" in str(second["Subject"])
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]


async def test_ten_thousand_alerts_are_two_messages_of_bounded_size(workshop: Workshop) -> None:
    def burst(connection: Any) -> None:
        for number in range(10_000):
            alerts.raise_alert(connection, trouble(f"task_{number}"), now_ms=NOW_MS)

    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        await workshop.recorder.alert(trouble())
        await courier.work_off()
        await workshop.database.write(burst)
        next_ms = await courier.work_off()
        workshop.clock.advance(MINUTE_MS)
        await courier.work_off()

    assert next_ms == NOW_MS + MINUTE_MS
    assert len(sink.mails) == 2
    assert "10000 alerts" in str(sink.mails[1]["Subject"])
    assert "and 9950 more" in text_of(sink.mails[1])
    assert len(sink.mails[1].as_bytes()) < 100_000


async def test_an_acknowledged_alert_is_not_told_and_a_snoozed_one_when_it_wakes(
    workshop: Workshop,
) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        for key in ("one", "two"):
            await workshop.recorder.alert(trouble(key))
        one, two = workshop.database.read_now(alerts.open_alerts)
        by_anna: dict[str, Any] = {"who": "Anna", "note": "mine", "now_ms": NOW_MS}
        await workshop.database.write(partial(alerts.acknowledge, text=one.id, **by_anna))
        until_ms = NOW_MS + 10 * MINUTE_MS
        await workshop.database.write(
            partial(alerts.snooze, text=two.id, until_ms=until_ms, **by_anna)
        )
        await courier.work_off()
        before = len(sink.mails)
        workshop.clock.advance(10 * MINUTE_MS)
        await workshop.recorder.pass_time()
        await courier.work_off()

    assert before == 0
    assert ["two failed" in str(mail["Subject"]) for mail in sink.mails] == [True]


async def test_a_greylisted_message_goes_at_the_second_try(workshop: Workshop) -> None:
    sink = Sink()
    sink.data_answers = ["451 come back later"]
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        await workshop.recorder.alert(trouble())
        next_ms = await courier.work_off()
        (waiting,) = messages(workshop)
        workshop.clock.advance(30_000)
        await courier.work_off()

    (message,) = messages(workshop)
    assert next_ms == NOW_MS + 30_000
    assert (waiting.state, waiting.last_error) == ("waiting", "451 come back later")
    assert (message.state, message.attempts, len(sink.mails)) == ("sent", 2, 1)
    assert [one.kind for one in workshop.database.read_now(alerts.open_alerts)] == ["task_failed"]


async def test_a_recipient_that_is_put_off_gets_it_later_and_the_others_once(
    workshop: Workshop,
) -> None:
    sink = Sink()
    sink.rcpt_answers = {"ben@example.org": "450 mailbox busy"}
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        await workshop.recorder.alert(trouble())
        await courier.work_off()
        sink.rcpt_answers = {}
        workshop.clock.advance(30_000)
        await courier.work_off()

    assert sink.to == [["anna@example.org"], ["ben@example.org"]]


@pytest.mark.parametrize("refuses", ["one", "all", "data"])
async def test_what_is_refused_for_good_is_an_alert_and_is_not_tried_again(
    workshop: Workshop, refuses: str
) -> None:
    sink = Sink()
    no = "550 no such user"
    if refuses == "data":
        sink.data_answers = ["554 looks like spam"]
    else:
        sink.rcpt_answers = dict.fromkeys(RECIPIENTS[: 1 if refuses == "one" else 2], no)
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        await workshop.recorder.alert(trouble())
        await courier.work_off()

    (message,) = messages(workshop)
    found = workshop.database.read_now(alerts.open_alerts)
    assert message.state == ("sent" if refuses == "one" else "failed")
    assert [one.kind for one in found] == ["task_failed", "mail_undeliverable"]
    assert ("554" if refuses == "data" else "550") in found[1].message


async def test_a_dead_server_is_an_alert_that_ends_when_mail_goes_again(
    workshop: Workshop,
) -> None:
    sink = Sink()
    courier = courier_of(workshop, mail_to(free_port()))
    await workshop.recorder.alert(trouble())
    for _ in range(4):
        next_ms = await courier.work_off()
        assert next_ms is not None
        workshop.clock.advance(next_ms - workshop.clock.now_ms())
    told = [one.kind for one in workshop.database.read_now(alerts.open_alerts)]
    async with server(sink) as new_port:
        await courier_of(workshop, mail_to(new_port)).work_off()

    assert told == ["task_failed", "mail_undeliverable"]
    assert len(sink.mails) == 1
    assert [one.kind for one in workshop.database.read_now(alerts.open_alerts)] == ["task_failed"]


async def test_a_server_that_is_silent_costs_its_time_and_no_more(workshop: Workshop) -> None:
    sink = Sink()
    sink.stays_silent = True
    async with server(sink) as port:
        await workshop.recorder.alert(trouble())
        async with asyncio.timeout(30):
            await courier_of(workshop, mail_to(port, timeout_s=1)).work_off()

    (message,) = messages(workshop)
    assert message.state == "waiting"
    assert "1" in (message.last_error or "")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", folder / "both.pem", "-out", folder / "ca.pem"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return folder


def login(answers: list[str]) -> Callable[..., AuthResult]:
    def check(_server: object, _session: object, _envelope: object, _how: str, said: Any) -> Any:
        assert isinstance(said, LoginPassword)
        answers.append(said.password.decode())
        return AuthResult(success=said.password == b"hunter2", handled=False)

    return check


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_encrypted_with_a_login_and_never_to_an_unknown_certificate(
    workshop: Workshop, certificate: Path, security: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "ca.pem", certificate / "both.pem")
    sink = Sink()
    said: list[str] = []
    options: dict[str, Any] = (
        {"tls_context": context, "require_starttls": True, "auth_required": True}
        if security == "starttls"
        else {"ssl_context": context, "auth_require_tls": False}
    )
    async with server(sink, authenticator=login(said), **options) as port:
        mail = mail_to(port, security=security, user="cron", password_secret="smtp")
        await workshop.recorder.alert(trouble())
        await courier_of(workshop, mail, password="hunter2").work_off()
        (refused,) = messages(workshop)
        workshop.clock.advance(30_000)
        known = msgspec.structs.replace(mail, ca_file=str(certificate / "ca.pem"))
        await courier_of(workshop, known, password="hunter2").work_off()

    (message,) = messages(workshop)
    assert refused.state == "waiting"
    assert "certificate" in (refused.last_error or "").lower()
    assert (message.state, said, len(sink.mails)) == ("sent", ["hunter2"], 1)


async def test_that_the_database_is_away_is_told_without_it_and_once(workshop: Workshop) -> None:
    sink = Sink()
    is_away = True
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), is_away=lambda: is_away)
        await workshop.recorder.alert(trouble("database_away"))
        courier.note(workshop.shown[-1])
        await courier.work_off()
        at_once = len(sink.mails)
        is_away = False
        await courier.work_off()
        twice = len(sink.mails)
        await workshop.recorder.resolve("database_away")
        await courier.work_off()

    assert (at_once, twice) == (1, 1)
    assert ["over" in str(mail["Subject"]) for mail in sink.mails] == [False, True]


async def test_a_title_with_line_breaks_is_one_harmless_header(workshop: Workshop) -> None:
    sink = Sink()
    nasty = "gone\r\nBcc: thief@example.org\r\n\r\nbody"
    async with server(sink) as port:
        await workshop.recorder.alert(trouble(title=nasty, message="x" * 100_000))
        await courier_of(workshop, mail_to(port)).work_off()

    (mail,) = sink.mails
    assert mail["Bcc"] is None
    assert sink.to == [list(RECIPIENTS)]
    assert len(str(mail["Subject"])) <= 150


async def _dribbles(writer: asyncio.StreamWriter) -> None:
    """Greet for ever, a letter now and then: each read is in time, the greeting never is."""
    while True:
        writer.write(b"2")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 here\r\n250 here\r\n250 OK\r\n250 OK\r\n250 OK\r\n354 go on\r\n")
    await writer.drain()


async def _chatters(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff no mail server at all\r\n" * 3)
    await writer.drain()


@pytest.mark.parametrize("speaks", [_dribbles, _hangs_up, _chatters])
async def test_what_is_no_mail_server_costs_its_time_and_is_tried_again(
    workshop: Workshop, speaks: Callable[[asyncio.StreamWriter], Any]
) -> None:
    talks: list[asyncio.Task[Any] | None] = []

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.current_task())
        with suppress(ConnectionError):
            await speaks(writer)
        writer.close()

    found = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with found:
        port = found.sockets[0].getsockname()[1]
        await workshop.recorder.alert(trouble())
        async with asyncio.timeout(30):
            next_ms = await courier_of(workshop, mail_to(port, timeout_s=1)).work_off()
            await asyncio.gather(*[one for one in talks if one is not None])

    (message,) = messages(workshop)
    assert (message.state, message.attempts, next_ms) == ("waiting", 1, NOW_MS + 30_000)
    assert f"127.0.0.1:{port}" in (message.last_error or "")


async def test_a_server_without_starttls_gets_neither_password_nor_mail(
    workshop: Workshop,
) -> None:
    sink = Sink()
    said: list[str] = []
    async with server(sink, authenticator=login(said), auth_require_tls=False) as port:
        mail = mail_to(port, security="starttls", user="cron", password_secret="smtp")
        await workshop.recorder.alert(trouble())
        await courier_of(workshop, mail, password="hunter2").work_off()

    (message,) = messages(workshop)
    assert (message.state, said, sink.mails) == ("waiting", [], [])
    assert "STARTTLS" in (message.last_error or "")
    assert "hunter2" not in (message.last_error or "")


async def test_a_certificate_of_another_name_is_refused(
    workshop: Workshop, certificate: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "ca.pem", certificate / "both.pem")
    sink = Sink()
    async with server(sink, ssl_context=context) as port:
        mail = mail_to(port, security="tls", host="localhost", ca_file=str(certificate / "ca.pem"))
        await workshop.recorder.alert(trouble())
        await courier_of(workshop, mail).work_off()

    (message,) = messages(workshop)
    assert sink.mails == []
    assert "localhost" in (message.last_error or "")
    assert "certificate" in (message.last_error or "").lower()


async def test_a_wrong_password_is_tried_again_and_told_without_it(
    workshop: Workshop, certificate: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "ca.pem", certificate / "both.pem")
    sink = Sink()
    options: dict[str, Any] = {"ssl_context": context, "auth_require_tls": False}
    async with server(sink, authenticator=login([]), **options) as port:
        mail = mail_to(
            port,
            security="tls",
            user="cron",
            password_secret="smtp",
            ca_file=str(certificate / "ca.pem"),
        )
        await workshop.recorder.alert(trouble())
        await courier_of(workshop, mail, password="s3same-open").work_off()

    (message,) = messages(workshop)
    assert (message.state, sink.mails) == ("waiting", [])
    assert "535" in (message.last_error or "") or "uthentication" in (message.last_error or "")
    assert "s3same-open" not in (message.last_error or "")


async def test_an_alert_of_a_megabyte_is_a_message_of_bounded_size(workshop: Workshop) -> None:
    sink = Sink()
    async with server(sink) as port:
        await workshop.recorder.alert(trouble(message="password hunter2 " + "x" * 1_000_000))
        await courier_of(workshop, mail_to(port)).work_off()

    (mail,) = sink.mails
    assert len(mail.as_bytes()) < 50_000
    assert "password *******" in text_of(mail)
    assert "hunter2" not in mail.as_string()
