"""How do all checks stand at this moment, those that were not done yet among them?"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from agent.clock import Clock
from agent.errors import AgentError
from agent.health import probes
from agent.ownchecks import PREFIX, OwnCheck
from agent.rules import verdicts
from agent.rules.thresholds import OK, UNKNOWN, judge
from agent.rules.verdicts import Verdict
from agent.store import state
from agent.store.checks import Check
from agent.store.database import Database
from shared.protocol.health import CheckDetail, HealthReply, KeptSeries

# As `smartcron-agent health` has them, and no others: those it cannot look at from outside are left
# out, and own checks stand behind the log folder.
_ORDER: Final = (
    "cpu", "memory", "swap", "logs", PREFIX, "disk", "inodes", "disk_days", "clock", "database",
    "database_size", "replication", "master_runner",
)  # fmt: skip
_MESSAGE_CHARS: Final = 500
_NOT_FOR_VIEWERS: Final = "what it said is not for viewers"
_UNITS: Final = {"http": "ms", "tcp": "ms", "certificate": "days"}
"""In which the limits of an own check are; a command tells its unit with its figures."""


class Picture:
    """Puts together what the agent knows of its checks; only the heartbeat is looked up."""

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        looks: Callable[[], Sequence[tuple[Check, int]]],
        own: Callable[[], Iterable[OwnCheck]],
    ) -> None:
        """`looks` are the newest ones, each with since when it is so."""
        self._clock = clock
        self._database = database
        self._looks = looks
        self._own = own

    async def take(self, *, with_words: bool = True) -> HealthReply:
        """All checks as they stand now; `with_words` of own ones only for their readers."""
        details = [_of_look(check, since_ms) for check, since_ms in self._looks()]
        if not with_words:
            details = [_without_words(detail) for detail in details]
        looked_at = {detail.id for detail in details}
        details += [_not_yet(own) for own in self._own() if own.check_name not in looked_at]
        details.append(await self._runner())
        now_ms = self._clock.now_ms()
        return HealthReply(
            at_ms=now_ms, checks=tuple(details), lines=tuple(_lines(details, now_ms))
        )

    async def _runner(self) -> CheckDetail:
        now_ms = self._clock.now_ms()
        try:
            beat = await self._database.read(state.last_beat)
        except AgentError:
            reading = probes.master_runner(None, is_known=False)
        else:
            reading = probes.master_runner(None if beat is None else now_ms - beat.at_ms)
        return CheckDetail(
            id=reading.id,
            name=reading.name,
            kind=reading.kind,
            state=judge(reading.value, reading.threshold, before=OK),
            value=reading.value,
            unit=reading.unit,
            msg=reading.message,
            checked_ms=now_ms,
            warn=reading.threshold.warn,
            crit=reading.threshold.crit,
        )


def _of_look(check: Check, since_ms: int) -> CheckDetail:
    terms = check.terms
    return CheckDetail(
        id=check.check_name,
        name=terms.name or check.check_name,
        kind=check.kind,
        state=check.status,
        since_ms=since_ms,
        value=check.value,
        unit=check.unit,
        msg=check.message[:_MESSAGE_CHARS],
        checked_ms=check.checked_ms,
        late_ms=check.checked_ms + terms.late_s * 1000 if terms.late_s else None,
        every_ms=terms.every_s * 1000,
        warn=terms.warn,
        crit=terms.crit,
        falls=terms.falls,
        for_s=terms.for_s,
        series=tuple(
            KeptSeries(name=kept.name, label=kept.label, unit=kept.unit) for kept in terms.kept
        ),
    )


def _without_words(detail: CheckDetail) -> CheckDetail:
    if not detail.id.startswith(PREFIX):
        return detail
    return msgspec.structs.replace(detail, msg=_NOT_FOR_VIEWERS)


def _not_yet(own: OwnCheck) -> CheckDetail:
    warn, crit = own.limits
    return CheckDetail(
        id=own.check_name,
        name=own.title,
        kind=own.kind,
        state="unknown",
        unit=_UNITS.get(own.kind),
        msg="not looked at yet",
        every_ms=own.every_s * 1000,
        warn=warn,
        crit=crit,
        falls=own.falls,
    )


def _lines(details: Iterable[CheckDetail], now_ms: int) -> list[str]:
    known = [(place, one) for one in details if (place := _place(one.id)) is not None]
    found = [_verdict(one, now_ms) for _, one in sorted(known, key=lambda pair: pair[0])]
    return [f"{verdicts.MARKS[how]} {words}" for how, words in verdicts.lines(found)]


def _verdict(one: CheckDetail, now_ms: int) -> Verdict:
    state, message = one.state, one.msg
    if one.checked_ms is not None and one.late_ms is not None and now_ms > one.late_ms:
        # What was found so long ago says nothing of now.
        state = UNKNOWN
        message = f"last looked at {(now_ms - one.checked_ms) / 1000:.0f} s ago: {message}"
    return Verdict(id=one.id, name=one.name, state=state, message=_one_line(message))


def _place(check_id: str) -> tuple[int, str] | None:
    kind, colon, _ = check_id.partition(":")
    word = PREFIX if kind + colon == PREFIX else kind
    return (_ORDER.index(word), check_id) if word in _ORDER else None


def _one_line(text: str) -> str:
    """Nothing of it steers the terminal that it is copied to."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
