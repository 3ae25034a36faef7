"""What does one check of the owner's own find now?"""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from agent.errors import BadDefinition
from agent.health import plugins
from agent.ownchecks import OwnCheck
from agent.rules.thresholds import CRIT, UNKNOWN, WARN
from agent.running.asides import Aside, run_aside
from agent.running.spawn import build_order
from agent.runs import Run
from agent.settings import Home, Settings
from agent.store.checks import Check, Kept, Terms
from agent.ulid import new_ulid

if TYPE_CHECKING:
    from agent.health.pages import Page

MESSAGE_CHARS: Final = 500
_NAME_CHARS: Final = 64
_DAY_S: Final = 86_400


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """How it is, in a sentence, and in figures by their label."""

    state: str
    message: str
    value: float | None = None
    unit: str = ""
    figures: tuple[tuple[str, float], ...] = ()
    units: tuple[str, ...] = ()
    """Those of the figures, in their order."""
    counts: str = ""
    """The label of the figure that `value` is."""
    limits: tuple[float | None, float | None] = (None, None)
    """What whoever was asked says that the limits are; those of the check itself come first."""

    def as_check(self, own: OwnCheck, *, at_ms: int) -> Check:
        """The row of it."""
        severity = {WARN: "medium", UNKNOWN: "medium", CRIT: own.severity or "high"}
        return Check(
            check_name=own.check_name,
            kind=own.kind,
            status=self.state,
            checked_ms=at_ms,
            message=self.message,
            value=self.value,
            unit=self.unit[:16] or None,
            severity=severity.get(self.state, ""),
            terms=self._terms(own),
        )

    def _terms(self, own: OwnCheck) -> Terms:
        warn, crit = self.limits if own.limits == (None, None) else own.limits
        falls = warn is not None and crit is not None and warn > crit
        kept = [Kept(name=own.check_name, label=self.counts, unit=self.unit)]
        # The figure that counts is kept under both names; once is enough to be shown.
        kept += [
            Kept(name=_series(own, label), label=label, unit=unit)
            for (label, _), unit in zip(self.figures, self.units, strict=True)
            if label != self.counts
        ]
        return Terms(
            name=own.title,
            warn=warn,
            crit=crit,
            falls=falls or own.kind == "certificate",
            every_s=own.every_s,
            late_s=own.late_s,
            kept=tuple(kept[self.value is None :]),
        )

    def readings(self, own: OwnCheck) -> dict[str, float]:
        """What is kept of it as a metric: the figure that counts, and all the others."""
        found = {_series(own, label): value for label, value in self.figures}
        if self.value is not None:
            found[own.check_name] = self.value
        return found


def _series(own: OwnCheck, label: str) -> str:
    return f"{own.check_name}:{label}"[:_NAME_CHARS]


class Checking:
    """Does checks; what a command of one says is masked like any output."""

    def __init__(
        self,
        *,
        home: Home,
        settings: Settings,
        secrets: Mapping[str, str],
        mask: Callable[[str], str],
    ) -> None:
        self._home = home
        self._settings = settings
        self._secrets = secrets
        self._mask = mask

    async def look(self, own: OwnCheck) -> Finding:
        """What it finds; a fault of any kind is a finding too."""
        try:
            found = await self._look(own)
        except TimeoutError:
            found = Finding(state=CRIT, message=f"no answer within {own.timeout_s} s")
        except ssl.SSLCertVerificationError as error:
            cause = f"the certificate does not hold: {error.verify_message}"
            found = Finding(state=CRIT, message=cause)
        except BadDefinition as refusal:
            found = Finding(state=UNKNOWN, message=f"could not be started: {refusal}")
        except (OSError, EOFError, ValueError) as error:
            is_ours = own.kind == "command"
            cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
            found = Finding(
                state=UNKNOWN if is_ours else CRIT,
                message=f"could not be started: {cause}" if is_ours else cause,
            )
        message = self._mask(found.message)[:MESSAGE_CHARS]
        return msgspec.structs.replace(found, message=message)

    async def _look(self, own: OwnCheck) -> Finding:
        if own.kind == "command":
            return _of_plugin(own, await self._run(own))
        began_s = time.monotonic()
        async with asyncio.timeout(own.timeout_s):
            if own.kind == "certificate":
                return _of_certificate(own, await _end_of_certificate(own))
            if own.kind == "tcp":
                _, writer = await asyncio.open_connection(own.host, own.port)
                writer.close()
                return _of_time(own, began_s, "takes connections")
            from agent.health import pages  # only where a page is looked at

            page = await pages.get(own.url, ca_file=own.ca_file)
        fault = _fault(own, page)
        if fault:
            return msgspec.structs.replace(_of_time(own, began_s, fault), state=CRIT, message=fault)
        return _of_time(own, began_s, f"status {page.status}")

    async def _run(self, own: OwnCheck) -> Aside:
        run = Run(
            id=new_ulid(time.time_ns() // 1_000_000),
            task_name=own.name,
            category="",
            def_rev=0,
            scheduled_ms=0,
            attempt=1,
            trigger="manual",
            status="queued",
            queued_ms=0,
        )
        order = build_order(
            own.definition(), run, self._settings, self._home, self._secrets, dict(os.environ)
        )
        return await run_aside(
            order.argv,
            environment=order.environment,
            folder=order.working_directory,
            run_id=run.id,
            timeout_s=own.timeout_s,
        )


def _of_plugin(own: OwnCheck, aside: Aside) -> Finding:
    if aside.is_too_slow:
        return Finding(state=CRIT, message=f"no end within {own.timeout_s} s; it was ended")
    if aside.exit_status is None:
        return Finding(state=UNKNOWN, message="a signal ended it")
    said = plugins.read(aside.exit_status, aside.output)
    complaint = aside.errors.strip().rpartition("\n")[2]
    figure = plugins.named(said.figures, own.metric)
    state, message = said.state, said.message or complaint or "said nothing"
    warn, crit = own.limits
    if figure is None and own.metric:
        state = plugins.worst(state, UNKNOWN)
        message = f"printed no figure named {own.metric!r}; {message}"
    elif figure is not None and figure.value is not None:
        falls = warn is not None and crit is not None and warn > crit
        state = plugins.worst(state, plugins.beyond(figure.value, warn, crit, falls=falls))
    if said.state == UNKNOWN and aside.exit_status != 3:
        message = f"exit status {aside.exit_status}: {message}"
    known = [(one, one.value) for one in said.figures if one.value is not None]
    return Finding(
        state=state,
        message=message,
        value=None if figure is None else figure.value,
        unit="" if figure is None else figure.unit,
        figures=tuple((one.label, value) for one, value in known),
        units=tuple(one.unit for one, _ in known),
        counts="" if figure is None else figure.label,
        limits=(None, None) if figure is None else plugins.limits(figure),
    )


def _of_time(own: OwnCheck, began_s: float, words: str) -> Finding:
    took_ms = (time.monotonic() - began_s) * 1000
    return Finding(
        state=plugins.beyond(took_ms, *own.limits),
        message=f"{words} after {took_ms:.0f} ms",
        value=took_ms,
        unit="ms",
    )


def _fault(own: OwnCheck, page: "Page") -> str:
    if own.status and page.status != own.status:
        return f"status {page.status}, and not {own.status}"
    if not own.status and not 200 <= page.status < 400:
        return f"status {page.status}"
    if own.contains and own.contains.encode() not in page.body:
        return f"status {page.status}, but {own.contains!r} is not in it"
    return ""


async def _end_of_certificate(own: OwnCheck) -> float:
    """When the certificate ends, in seconds since 1970; verified, or it raises."""
    context = ssl.create_default_context(cafile=own.ca_file or None)
    _, writer = await asyncio.open_connection(own.host, own.port, ssl=context)
    try:
        line: ssl.SSLObject = writer.get_extra_info("ssl_object")
        told = (line.getpeercert() or {}).get("notAfter", "")
        return ssl.cert_time_to_seconds(str(told))
    finally:
        writer.close()


def _of_certificate(own: OwnCheck, ends_s: float) -> Finding:
    days = (ends_s - time.time()) / _DAY_S
    day = datetime.fromtimestamp(ends_s, UTC).date().isoformat()
    state = plugins.beyond(days, *own.limits, falls=True)
    return Finding(
        state=state, message=f"ends on {day}, in {days:.0f} days", value=days, unit="days"
    )
