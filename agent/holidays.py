"""Which times does an iCalendar file name, worked out for the years to come."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from types import FrameType
from typing import Final, Never

import msgspec
import recurring_ical_events
from icalendar import Calendar as File
from icalendar import Event

from agent.cron.days import DAY_S
from agent.cron.wallclock import first_reading, last_reading
from agent.errors import WrongUse
from agent.windows import MAX_SPANS

MAX_BYTES: Final = 1_000_000
YEARS_AHEAD: Final = 10
# So that what did not run lately can still be explained.
_YEARS_BACK: Final = 1
_YEAR: Final = timedelta(days=365.25)
_OFTEN: Final = ("SECONDLY", "MINUTELY", "HOURLY")
# A holiday file needs a few hundredths of this; a rule since the year 1 for each day needs more.
_CPU_LIMIT_S: Final = 5.0
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - wall clocks know no zone


class Holidays(msgspec.Struct, frozen=True, kw_only=True):
    """The times in order and apart, and what of the file is not wholly in them.

    `endless` counts rules without an end, which are worked out up to `until_ms`; `pointless`
    counts events that take no time.
    """

    spans: tuple[tuple[int, int], ...]
    events: int
    endless: int
    pointless: int
    until_ms: int


def read_holidays(content: bytes, origin: str, *, zone: str, now_ms: int) -> Holidays:
    """The times of all events from a year ago until in ten years; raises WrongUse.

    Whole days, and hours without a zone of their own, are those of the wall clock of `zone`.
    """
    if len(content) > MAX_BYTES:
        raise WrongUse(
            f"{origin} has {len(content)} bytes, at most {MAX_BYTES} are read; "
            "export fewer years or fewer kinds of events"
        )
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    with _told_plainly(origin), _cpu_limit(origin):
        files = File.from_ical(content, multiple=True)
        events = [event for file in files for event in file.walk() if isinstance(event, Event)]
        if not events:
            raise WrongUse(
                f"{origin} holds no whole event (VEVENT); export it as iCalendar once more"
            )
        for event in events:
            _check_times(event, origin)
        endless = sum(_is_endless(event, origin) for event in events)
        spans: set[tuple[int, int]] = set()
        pointless: set[str] = set()
        for file in files:
            query = recurring_ical_events.of(file)
            for year in range(-_YEARS_BACK, YEARS_AHEAD):
                # Year by year, so that too many are noticed before all are worked out.
                for event in query.between(now + year * _YEAR, now + (year + 1) * _YEAR):
                    if event.get("STATUS") == "CANCELLED":
                        continue
                    start_ms, end_ms = _span(event, zone)
                    if start_ms < end_ms:
                        spans.add((start_ms, end_ms))
                    else:
                        pointless.add(str(event.get("UID")))
                _check_count(len(spans), origin)
    return Holidays(
        spans=_apart(spans),
        events=len(events),
        endless=endless,
        pointless=len(pointless),
        until_ms=round((now + YEARS_AHEAD * _YEAR).timestamp() * 1000),
    )


def _check_times(event: Event, origin: str) -> None:
    """Refuse what the library would make something of that nobody meant."""
    if "DTSTART" not in event:
        raise _bad(event, origin, "has no DTSTART; give it one or take it out")
    for field in ("DTSTART", "DTEND"):
        found = event.get(field)
        zone = None if found is None else found.params.get("TZID")
        if zone is not None and getattr(found.dt, "tzinfo", None) is None:
            raise _bad(
                event, origin, f"has {field} in zone {zone!s:.40}, which is not known; name another"
            )
    if event.end < event.start:
        raise _bad(event, origin, "ends before it begins; exchange DTSTART and DTEND")


def _is_endless(event: Event, origin: str) -> bool:
    """A rule of this event goes on for ever; refused when it names more than days."""
    found = event.get("RRULE", [])
    rules = found if isinstance(found, list) else [found]
    for rule in rules:
        often = str(next(iter(rule.get("FREQ", ())), ""))
        if not often:
            raise _bad(event, origin, "has an RRULE without FREQ; write such as FREQ=YEARLY")
        if often in _OFTEN or "BYMINUTE" in rule or "BYSECOND" in rule:
            raise _bad(
                event,
                origin,
                "recurs within the day; write it as weekly = [...] in a [[calendar]] of its own",
            )
    return any("COUNT" not in rule and "UNTIL" not in rule for rule in rules)


def _bad(event: Event, origin: str, fix: str) -> WrongUse:
    return WrongUse(f"{origin}: event {_plain(str(event.get('SUMMARY', 'without a name')))} {fix}")


def _plain(text: str) -> str:
    """A text of the file as it may stand in a sentence."""
    return "".join(sign for sign in " ".join(text.split())[:160] if sign.isprintable())


def _span(event: Event, zone: str) -> tuple[int, int]:
    return _instant_ms(event.start, zone, is_end=False), _instant_ms(event.end, zone, is_end=True)


def _instant_ms(at: date | datetime, zone: str, *, is_end: bool) -> int:
    if isinstance(at, datetime) and at.tzinfo is not None:
        return round(at.timestamp() * 1000)
    if isinstance(at, datetime):
        local_s = int((at - _EPOCH).total_seconds())
    else:
        local_s = (at - _EPOCH.date()).days * DAY_S
    return (last_reading if is_end else first_reading)(zone, local_s) * 1000


def _apart(spans: set[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    apart: list[tuple[int, int]] = []
    for start_ms, end_ms in sorted(spans):
        if apart and start_ms <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end_ms))
        else:
            apart.append((start_ms, end_ms))
    return tuple(apart)


def _check_count(count: int, origin: str) -> None:
    if count > MAX_SPANS:
        raise WrongUse(
            f"{origin} names more than {MAX_SPANS} times in {YEARS_AHEAD} years; export fewer "
            "events, or write what recurs each week as weekly = [...] in a [[calendar]]"
        )


@contextmanager
def _told_plainly(origin: str) -> Iterator[None]:
    """Turn what the readers of iCalendar raise into one sentence about the file."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError) as error:
        # They raise all of these, for a line that is none and for a date that is none.
        raise WrongUse(
            f"{origin} cannot be read as iCalendar: {_plain(str(error)) or type(error).__name__}; "
            "export it anew from the calendar program"
        ) from error


@contextmanager
def _cpu_limit(origin: str) -> Iterator[None]:
    """End what takes longer than any honest file; for the main thread of a command."""

    def give_up(_signal: int, _frame: FrameType | None) -> Never:
        raise WrongUse(
            f"{origin} takes more than {_CPU_LIMIT_S:g} s to work out; "
            "export fewer events, or rules that begin later"
        )

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, _CPU_LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
