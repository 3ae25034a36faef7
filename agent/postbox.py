"""Where do messages go, and when, as the owner chose: `[mail]`, `[[channels]]`, `[dead_man]`?"""

import ipaddress
import re
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from agent.errors import WrongUse
from agent.words import Language

_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)
_PORTS: Final = {"starttls": 587, "tls": 465, "plain": 25}
_CHANNEL: Final = re.compile(r"[a-z0-9_-]{1,16}", re.ASCII)
MOST_RECIPIENTS: Final = 50
MOST_STAGES: Final = 9
MOST_MINUTES: Final = 10_080
_SPAN: Final = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})", re.ASCII)
_DAY_MINUTES: Final = 1_440
SEVERITIES: Final = ("critical", "high", "medium")


class Mail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without a `host` no mail is sent; the password is named, never written here."""

    host: str = ""
    port: int = 0
    security: Literal["starttls", "tls", "plain"] = "starttls"
    user: str = ""
    password_secret: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    ca_file: str = ""
    timeout_s: int = 30
    language: Language = "en"
    quiet: tuple[str, ...] = ()
    quiet_critical: bool = False

    @property
    def is_on(self) -> bool:
        return bool(self.host)

    @property
    def at_port(self) -> int:
        """The chosen port, else the usual one."""
        return self.port or _PORTS[self.security]


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chat or a pager; its URL is named, never written here."""

    name: str
    secret: str
    severities: tuple[str, ...] = SEVERITIES
    quiet: tuple[str, ...] = ()
    quiet_critical: bool = False
    timeout_s: int = 30


class DeadMan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom the agent tells that it lives, so that its silence is noticed."""

    url: str = ""
    url_secret: str = ""
    every_seconds: int = 60
    timeout_s: int = 10
    method: Literal["GET", "POST"] = "GET"
    misses: int = 3
    allow_plain_http: bool = False

    @property
    def is_on(self) -> bool:
        return bool(self.url or self.url_secret)


class Escalation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told of an alert that nobody acknowledged for so long."""

    after_minutes: int
    recipients: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    severities: tuple[str, ...] = ("critical", "high")


def check_delivery(
    path: Path,
    mail: Mail,
    channels: tuple[Channel, ...],
    escalation: tuple[Escalation, ...],
    repeat_minutes: dict[str, int],
) -> None:
    """Refuse what would reach nobody; raises WrongUse naming the field."""
    check_mail(path, mail)
    names = [one.name for one in channels]
    for one in channels:
        at = f"{path}: channels.{one.name[:40]}"
        if not _CHANNEL.fullmatch(one.name) or one.name == "mail" or names.count(one.name) > 1:
            raise WrongUse(
                f"{at}: a name has up to 16 of a-z, 0-9, _ and -, is not mail, and is there once"
            )
        if not one.secret:
            raise WrongUse(f'{at}.secret = "": name the URL of the channel in secrets.toml')
        if not 1 <= one.timeout_s <= 300:
            raise WrongUse(f"{at}.timeout_s = {one.timeout_s}: must be from 1 to 300")
        _check_severities(at, one.severities)
        _check_quiet(at, one.quiet)
    if len(escalation) > MOST_STAGES:
        raise WrongUse(
            f"{path}: escalation has {len(escalation)} stages, {MOST_STAGES} is the most"
        )
    for number, stage in enumerate(escalation, 1):
        _check_stage(f"{path}: escalation {number}", stage, mail, names)
    _check_severities(f"{path}: repeat_minutes", tuple(repeat_minutes))
    for severity, minutes in repeat_minutes.items():
        if not 1 <= minutes <= MOST_MINUTES:
            raise WrongUse(
                f"{path}: repeat_minutes.{severity} = {minutes}: must be from 1 to {MOST_MINUTES}"
            )


def _check_stage(at: str, stage: Escalation, mail: Mail, names: list[str]) -> None:
    if not 1 <= stage.after_minutes <= MOST_MINUTES:
        raise WrongUse(
            f"{at}: after_minutes = {stage.after_minutes}: must be from 1 to {MOST_MINUTES}"
        )
    if not stage.recipients and not stage.channels:
        raise WrongUse(f"{at}: tells nobody; give it recipients or channels")
    if stage.recipients and not mail.is_on:
        raise WrongUse(f"{at}: recipients need a [mail] with a host")
    for address in stage.recipients:
        if not is_address(address):
            raise WrongUse(
                f"{at}: recipients: {address[:80]!r} is no address; "
                "write one such as admin@example.org"
            )
    for name in stage.channels:
        if name not in names:
            raise WrongUse(
                f"{at}: channels: there is no {name[:40]!r}; "
                f"those of [[channels]] are {', '.join(names) or 'none'}"
            )
    _check_severities(at, stage.severities)


def _check_severities(at: str, severities: tuple[str, ...]) -> None:
    for severity in severities:
        if severity not in SEVERITIES:
            raise WrongUse(
                f"{at}: {severity[:40]!r} is no severity; those are {', '.join(SEVERITIES)}"
            )


def _check_quiet(at: str, quiet: tuple[str, ...]) -> None:
    for text in quiet:
        if read_span(text) is None:
            raise WrongUse(f'{at}.quiet: {text[:40]!r} is no span; write one such as "22:00-06:00"')


def read_span(text: str) -> tuple[int, int] | None:
    """From which minute of a day until which, of `22:00-06:00`; None when it is no such span."""
    found = _SPAN.fullmatch(text)
    if found is None:
        return None
    hour, minute, end_hour, end_minute = (int(number) for number in found.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if minute > 59 or end_minute > 59 or start >= _DAY_MINUTES or end > _DAY_MINUTES:
        return None
    return None if start == end % _DAY_MINUTES else (start, end % _DAY_MINUTES)


def is_address(text: str) -> bool:
    """A mail server would take it as an address."""
    return bool(_ADDRESS.fullmatch(text)) and ".." not in text


def check_mail(path: Path, mail: Mail) -> None:
    """Refuse what could never arrive, or would tell a password to the net; raises WrongUse."""
    if not mail.is_on:
        if mail != Mail():
            raise WrongUse(f'{path}: mail.host = "": name the server that takes mail, or no [mail]')
        return
    if not 0 <= mail.port <= 65535:
        raise WrongUse(f"{path}: mail.port = {mail.port}: must be from 1 to 65535")
    if not 1 <= mail.timeout_s <= 300:
        raise WrongUse(f"{path}: mail.timeout_s = {mail.timeout_s}: must be from 1 to 300")
    if mail.security == "plain" and not _is_this_host(mail.host):
        raise WrongUse(
            f'{path}: mail.security = "plain": only for a server on this host (127.0.0.1), not for '
            f'{mail.host!r}; write "starttls" or "tls"'
        )
    if bool(mail.user) != bool(mail.password_secret):
        raise WrongUse(
            f"{path}: mail.user = {mail.user!r}: goes with mail.password_secret, the name of its "
            "password in secrets.toml"
        )
    _check_quiet(f"{path}: mail", mail.quiet)
    _check_addresses(path, mail)


def _check_addresses(path: Path, mail: Mail) -> None:
    if not mail.recipients or len(mail.recipients) > MOST_RECIPIENTS:
        raise WrongUse(
            f"{path}: mail.recipients has {len(mail.recipients)} addresses: "
            f"must be from 1 to {MOST_RECIPIENTS}"
        )
    for field, addresses in (("sender", (mail.sender,)), ("recipients", mail.recipients)):
        for address in addresses:
            if not is_address(address):
                raise WrongUse(
                    f"{path}: mail.{field} = {address[:80]!r}: is no address; "
                    "write one such as admin@example.org"
                )


def _is_this_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_dead_man(path: Path, dead_man: DeadMan) -> None:
    """Refuse what could not be told, or would be told in the open; raises WrongUse."""
    if not dead_man.is_on:
        if dead_man != DeadMan():
            raise WrongUse(
                f"{path}: dead_man: has no url; write url or url_secret, or no [dead_man]"
            )
        return
    if dead_man.url and dead_man.url_secret:
        raise WrongUse(f"{path}: dead_man: has url and url_secret; write one of them")
    for field, (lowest, highest) in {
        "every_seconds": (5, 86_400),
        "timeout_s": (1, 60),
        "misses": (1, 100),
    }.items():
        value = getattr(dead_man, field)
        if not lowest <= value <= highest:
            raise WrongUse(
                f"{path}: dead_man.{field} = {value}: must be from {lowest} to {highest}"
            )
    if dead_man.url and (fault := url_fault(dead_man.url, dead_man)):
        raise WrongUse(f"{path}: dead_man.url: {fault}")


def url_fault(url: str, dead_man: DeadMan) -> str:
    """Why this URL cannot be told that the agent lives; it may be a secret, so it is not named."""
    try:
        parts = urlsplit(url)
        host, is_sound = parts.hostname, parts.port is None or parts.port > 0
    except ValueError:
        host, is_sound = None, False
    if not host or not is_sound or not url.isascii() or not url.isprintable() or " " in url:
        return "is no URL; write one such as https://watch.example.org/ping/..."
    if parts.scheme == "https":
        return ""
    if parts.scheme != "http":
        return "must begin with https://"
    if dead_man.allow_plain_http or _is_this_host(host):
        return ""
    return "is plain http, which others can read; write https, or allow_plain_http = true"
