"""How is a message handed to a mail server, and what did the server say?"""

import asyncio
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

import aiosmtplib
import msgspec

from agent.clock import moment
from agent.errors import AgentError
from agent.postbox import Mail

_WORST_CHARS: Final = 300


class NotDelivered(AgentError):
    """Nobody has it; `is_for_good` when asking again would come to the same."""

    code = "unavailable"

    def __init__(self, cause: str, *, is_for_good: bool = False) -> None:
        super().__init__(cause[:_WORST_CHARS])
        self.is_for_good = is_for_good


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The server has it; `later` are recipients it put off, `never` those it refused, and why."""

    answer: str
    later: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    cause: str = ""


def as_message(
    mail: Mail,
    *,
    message_id: str,
    thread: str,
    subject: str,
    plain: str,
    html: str,
    at_ms: int,
    recipients: tuple[str, ...],
    attach: str = "",
) -> EmailMessage:
    """The message with its headers; mail clients show those of one thread together.

    With `attach` the HTML is in it a second time, as a file of this name.
    """
    domain = mail.sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Smart Cron", addr_spec=mail.sender)
    message["To"] = tuple(Address(addr_spec=one) for one in recipients)
    message["Subject"] = subject
    message["Date"] = format_datetime(moment(at_ms))
    message["Message-ID"] = f"<{message_id}@{domain}>"
    message["In-Reply-To"] = message["References"] = f"<thread-{thread}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(plain)
    message.add_alternative(html, subtype="html")
    if attach:
        message.add_attachment(html, subtype="html", filename=attach)
    return message


async def hand_over(
    mail: Mail, password: str | None, message: EmailMessage, recipients: tuple[str, ...]
) -> Receipt:
    """Give it to the server, within the time of the settings; raises NotDelivered."""
    if mail.user and password is None:
        # Without it a server might take the mail from whoever asks, or refuse it for good.
        raise NotDelivered(
            f"mail.password_secret = {mail.password_secret!r}: secrets.toml has no such name"
        )
    try:
        context = ssl.create_default_context(cafile=mail.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise NotDelivered(f"mail.ca_file = {mail.ca_file!r} cannot be used: {error}") from error
    try:
        # A server that sends a byte now and then must not hold it for ever.
        async with asyncio.timeout(mail.timeout_s):
            refused, answer = await aiosmtplib.send(
                message,
                sender=mail.sender,
                recipients=list(recipients),
                hostname=mail.host.strip("[]"),
                port=mail.at_port,
                username=mail.user or None,
                password=password,
                timeout=mail.timeout_s,
                use_tls=mail.security == "tls",
                start_tls=mail.security == "starttls",
                tls_context=None if mail.security == "plain" else context,
            )
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [one.code for one in error.recipients]
        said = "; ".join(f"{one.recipient}: {one.code} {one.message}" for one in error.recipients)
        raise NotDelivered(said, is_for_good=all(code >= 500 for code in codes)) from error
    except aiosmtplib.SMTPDataError as error:
        cause = f"{error.code} {error.message}"
        raise NotDelivered(cause, is_for_good=error.code >= 500) from error
    except aiosmtplib.SMTPException as error:
        # What the settings can mend is tried again: a password, a sender, a certificate.
        raise NotDelivered(f"{mail.host}:{mail.at_port}: {_words(error)}") from error
    except TimeoutError as error:
        raise NotDelivered(
            f"{mail.host}:{mail.at_port} did not take it within {mail.timeout_s} s"
        ) from error
    except (OSError, ValueError) as error:
        raise NotDelivered(f"{mail.host}:{mail.at_port}: {error}") from error
    return Receipt(
        answer=answer[:_WORST_CHARS],
        later=tuple(one for one, told in refused.items() if told.code < 500),
        never=tuple(one for one, told in refused.items() if told.code >= 500),
        cause="; ".join(f"{one}: {told.code} {told.message}" for one, told in refused.items()),
    )


def _words(error: BaseException) -> str:
    """The cause of a failure, where the failure itself says only that there is one."""
    cause = error.__cause__ or error.__context__
    said = f"{error}".strip().rstrip(":")
    return (
        said
        if cause is None or (str(cause) and str(cause) in said)
        else f"{said} ({_words(cause) or cause!r})"
    )
