"""Where does mail go, and how is it handed over: the owner's `[mail]`."""

import ipaddress
import re
from pathlib import Path
from typing import Final, Literal

import msgspec

from agent.errors import WrongUse
from agent.words import Language

_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)
_PORTS: Final = {"starttls": 587, "tls": 465, "plain": 25}
MOST_RECIPIENTS: Final = 50


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

    @property
    def is_on(self) -> bool:
        return bool(self.host)

    @property
    def at_port(self) -> int:
        """The chosen port, else the usual one."""
        return self.port or _PORTS[self.security]


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
    _check_addresses(path, mail)


def _check_addresses(path: Path, mail: Mail) -> None:
    if not mail.recipients or len(mail.recipients) > MOST_RECIPIENTS:
        raise WrongUse(
            f"{path}: mail.recipients has {len(mail.recipients)} addresses: "
            f"must be from 1 to {MOST_RECIPIENTS}"
        )
    for field, addresses in (("sender", (mail.sender,)), ("recipients", mail.recipients)):
        for address in addresses:
            if not _ADDRESS.fullmatch(address) or ".." in address:
                raise WrongUse(
                    f"{path}: mail.{field} = {address[:80]!r}: is no address; "
                    "write one such as admin@example.org"
                )


def _is_this_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
