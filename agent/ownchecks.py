"""What may a check of the owner's own be: a command, a web page, a port, a certificate?"""

import re
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.taskcheck import check as check_task

PREFIX: Final = "check:"
"""Before the name of an own check, where it stands among the others."""
STALE_AFTER: Final = 3
"""So many turns without a finding say that nobody does the check."""
Kind = Literal["command", "http", "tcp", "certificate"]
Severity = Literal["", "medium", "high", "critical"]
PORTS: Final = {"http": 80, "https": 443}
_NAME: Final = re.compile(r"[a-z0-9._-]{1,40}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f]")
_TEXT_CHARS: Final = 1_000
_USUAL: Final[dict[str, tuple[float | None, float | None]]] = {
    "http": (2_000, None),
    "tcp": (1_000, None),
    "certificate": (21, 7),
}
_OF_KIND: Final = {
    "command": ("command", "metric"),
    "http": ("url", "status", "contains", "ca_file"),
    "tcp": ("host", "port"),
    "certificate": ("host", "port", "ca_file"),
}


class OwnCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One check: what is asked, how often, and from when on the answer is bad.

    `warn` and `crit` hold for milliseconds of http and tcp, for days that a certificate is left,
    and for the figure named `metric` (else the first) that a command prints.
    """

    name: str
    kind: Kind = "command"
    command: str | tuple[str, ...] = ()
    metric: str = ""
    url: str = ""
    status: int = 0
    contains: str = ""
    host: str = ""
    port: int = 0
    ca_file: str = ""
    warn: float | None = None
    crit: float | None = None
    every_s: int = 300
    timeout_s: int = 10
    severity: Severity = ""

    @property
    def check_name(self) -> str:
        """Its name among all checks."""
        return PREFIX + self.name

    @property
    def title(self) -> str:
        """As people are told of it."""
        return f"Check {self.name}"

    @property
    def falls(self) -> bool:
        """Whether less is worse."""
        warn, crit = self.limits
        turned = warn is not None and crit is not None and warn > crit
        return turned or self.kind == "certificate"

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """From when on a warning, from when on critical; None: never."""
        warn, crit = _USUAL.get(self.kind, (None, None))
        return (warn if self.warn is None else self.warn, crit if self.crit is None else self.crit)

    @property
    def late_s(self) -> int:
        """So long after a look the next one is overdue: nobody does the check."""
        return STALE_AFTER * self.every_s + self.timeout_s

    def definition(self) -> Definition:
        """The task that runs its command; the same rules hold for both."""
        return Definition(
            task_name=self.name,
            schedule=("@yearly",),
            command=self.command,
            timeout_seconds=self.timeout_s,
        )


def check(own: OwnCheck) -> None:
    """Raise BadDefinition for the first field that cannot be accepted."""
    if not _NAME.fullmatch(own.name):
        raise BadDefinition("name", own.name, "must be 1 to 40 characters of a-z 0-9 . _ -")
    for field in {field for fields in _OF_KIND.values() for field in fields}:
        if field not in _OF_KIND[own.kind] and getattr(own, field):
            raise BadDefinition(
                field, getattr(own, field), f"says nothing for a check of {own.kind}"
            )
    _check_times(own)
    if own.kind == "command":
        check_task(own.definition())
    elif own.kind == "http":
        _check_url(own)
    else:
        _check_host(own)
    if own.ca_file and not own.ca_file.startswith("/"):
        raise BadDefinition("ca_file", own.ca_file, "write the file from / on")


def _check_times(own: OwnCheck) -> None:
    for field, lowest, highest in (("every_s", 10, 86_400), ("timeout_s", 1, 300)):
        if not lowest <= getattr(own, field) <= highest:
            raise BadDefinition(
                field, getattr(own, field), f"must be from {lowest} to {highest} seconds"
            )
    if own.timeout_s >= own.every_s:
        raise BadDefinition("timeout_s", own.timeout_s, f"must be below every_s ({own.every_s})")
    for field in ("warn", "crit"):
        value = getattr(own, field)
        if value is not None and not abs(value) < 1e15:
            raise BadDefinition(field, value, "must be a number")
    if own.warn is None or own.crit is None:
        return
    if own.kind == "certificate" and own.warn < own.crit:
        raise BadDefinition("warn", own.warn, "must not be below crit, as fewer days are worse")
    if own.kind in ("http", "tcp") and own.warn > own.crit:
        raise BadDefinition("warn", own.warn, f"must not be above crit ({own.crit})")


def _check_url(own: OwnCheck) -> None:
    try:
        parts = urlsplit(own.url)
        port = parts.port
    except ValueError as error:
        raise BadDefinition("url", own.url, f"is no address ({error})") from error
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise BadDefinition("url", own.url, "must look like https://example.org/health")
    if "@" in parts.netloc:
        # It would stand in the database and in lists for everybody to read.
        raise BadDefinition("url", "...@...", "must not hold a user or a password")
    if _UNPRINTABLE.search(own.url) or not own.url.isascii() or len(own.url) > _TEXT_CHARS:
        raise BadDefinition("url", own.url, "write blanks and other letters as %20 and the like")
    if own.status and not 100 <= own.status <= 599:
        raise BadDefinition("status", own.status, "must be from 100 to 599, or 0 for 200 to 399")
    if len(own.contains) > _TEXT_CHARS:
        raise BadDefinition("contains", own.contains, f"{_TEXT_CHARS} characters are the most")


def _check_host(own: OwnCheck) -> None:
    if not _HOST.fullmatch(own.host):
        raise BadDefinition("host", own.host, "name a host or its address")
    if not 1 <= own.port <= 65535:
        raise BadDefinition("port", own.port, "must be from 1 to 65535")
