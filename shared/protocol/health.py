"""What a client may ask about the checks of host and agent, beyond the rows that it has."""

from typing import ClassVar

import msgspec

from shared.protocol.messages import Reply, Request


class HealthGet(Request, frozen=True, kw_only=True):
    """Every check in full: its limits, when it was looked at, what is kept of it."""

    type: ClassVar[str] = "health.get"


class KeptSeries(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A figure that is kept of a check; `name` asks for it in `metrics.page`."""

    name: str
    label: str = ""
    unit: str = ""


class CheckDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check in full; `id`, `state`, `value`, `unit` and `msg` are those of its row.

    `checked_ms` is when it was looked at, None where it never was; from `late_ms` on the next look
    is overdue. A reading at or beyond `warn` or `crit` is one, with `falls` at or below it,
    once it has lasted `for_s`.
    """

    id: str
    name: str
    kind: str
    state: str
    since_ms: int | None = None
    value: float | None = None
    unit: str | None = None
    msg: str = ""
    checked_ms: int | None = None
    late_ms: int | None = None
    every_ms: int = 0
    warn: float | None = None
    crit: float | None = None
    falls: bool = False
    for_s: int = 0
    series: tuple[KeptSeries, ...] = ()


class HealthReply(Reply, frozen=True, kw_only=True):
    """All checks, and the lines that `smartcron-agent health` prints of them."""

    at_ms: int
    checks: tuple[CheckDetail, ...] = ()
    lines: tuple[str, ...] = ()
