"""When do calendars let nothing start, since when, and when is starting possible again."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

from agent.cron.hours import parse_dates, parse_weekly
from agent.cron.wallclock import first_reading, last_reading
from agent.windows import Calendar, Closed

Span = tuple[int, int]

YEAR_MS: Final = 366 * 86_400_000
"""Nobody looks farther than this for the end of a closed time, nor for its beginning."""
# A year has few of them, and each is quick to work out.
_BLOCK_MS: Final = 28 * 86_400_000
# No wall clock is farther from UTC.
_FARTHEST_S: Final = 16 * 3600


def forget() -> None:
    """Reckon anew from zone data that has changed."""
    _spans_of_block.cache_clear()


def closed_at(calendars: Mapping[str, Calendar], names: Sequence[str], at_ms: int) -> Closed | None:
    """What keeps a task that names these calendars from starting at this moment, if anything.

    A name without a calendar closes nothing.
    """
    acting = _acting(calendars, names)
    span = _span_at(acting, at_ms)
    if span is None:
        return None
    return _told(acting, span, at_ms, at_ms + YEAR_MS)


def closures(
    calendars: Mapping[str, Calendar], names: Sequence[str], from_ms: int, until_ms: int
) -> Iterator[Closed]:
    """Each closed time that reaches into this span, in order; never do two of them touch.

    The first may begin before the span and the last may end after it. Each bears the name of the
    calendar that begins it.
    """
    acting = _acting(calendars, names)
    at_ms = from_ms
    while at_ms < until_ms:
        span = next(
            (span for span in _spans_of_block(acting, at_ms // _BLOCK_MS) if span[1] > at_ms), None
        )
        if span is None:
            at_ms = (at_ms // _BLOCK_MS + 1) * _BLOCK_MS
            continue
        if span[0] >= until_ms:
            return
        closed = _told(acting, span, max(span[0], at_ms), until_ms + YEAR_MS)
        yield closed
        if closed.until_ms is None:
            return
        at_ms = closed.until_ms


def doubts(calendar: Calendar, now_ms: int) -> tuple[str, ...]:
    """What is allowed about a calendar and yet hardly meant, as sentences."""
    coming = list(closures({calendar.name: calendar}, [calendar.name], now_ms, now_ms + YEAR_MS))
    if not coming:
        return ("closes nothing in the year to come",)
    if coming[0].from_ms <= now_ms and (
        coming[0].until_ms is None or coming[0].until_ms > now_ms + YEAR_MS
    ):
        return ("is closed at all times of the year to come: a task that obeys it never starts",)
    return ()


def _acting(calendars: Mapping[str, Calendar], names: Sequence[str]) -> tuple[Calendar, ...]:
    """Those that have a say: maintenance always, others when they are named."""
    always = [one for one in calendars.values() if one.kind == "maintenance"]
    named = [calendars[name] for name in dict.fromkeys(names) if name in calendars]
    return (*always, *(one for one in named if one.kind != "maintenance"))


def _told(acting: tuple[Calendar, ...], span: Span, at_ms: int, limit_ms: int) -> Closed:
    who = next(one for one in acting if _span_at((one,), at_ms) is not None)
    from_ms = _since(acting, span[0], at_ms - YEAR_MS)
    return Closed(who.name, who.kind, from_ms, _until(acting, span[1], limit_ms))


def _since(acting: tuple[Calendar, ...], from_ms: int, limit_ms: int) -> int:
    """Where the closed time that goes on at this moment began, the limit at the earliest."""
    while from_ms > limit_ms and from_ms % _BLOCK_MS == 0:
        before = _span_at(acting, from_ms - 1)
        if before is None:
            return from_ms
        from_ms = before[0]
    return max(from_ms, limit_ms)


def _until(acting: tuple[Calendar, ...], until_ms: int, limit_ms: int) -> int | None:
    """Where the closed time that reaches this moment ends; None when that is after the limit."""
    while until_ms <= limit_ms:
        after = _span_at(acting, until_ms)
        if after is None:
            return until_ms
        until_ms = after[1]
    return None


def _span_at(acting: tuple[Calendar, ...], at_ms: int) -> Span | None:
    """The closed part of a block that holds this moment."""
    spans = _spans_of_block(acting, at_ms // _BLOCK_MS) if acting else ()
    place = bisect_right(spans, at_ms, key=_start)
    return spans[place - 1] if place and at_ms < spans[place - 1][1] else None


@lru_cache(maxsize=2048)
def _spans_of_block(acting: tuple[Calendar, ...], block: int) -> tuple[Span, ...]:
    """All that these calendars close together in one block of days: in order, none touching."""
    if len(acting) != 1:
        return _merged(chain.from_iterable(_spans_of_block((one,), block) for one in acting))
    (calendar,) = acting
    start_ms, end_ms = block * _BLOCK_MS, (block + 1) * _BLOCK_MS
    windows = _merged(
        (max(first_ms, start_ms), min(last_ms, end_ms))
        for first_ms, last_ms in _windows(calendar, start_ms, end_ms)
        if first_ms < last_ms and first_ms < end_ms and last_ms > start_ms
    )
    return _left_over(windows, start_ms, end_ms) if calendar.kind == "allow" else windows


def _windows(calendar: Calendar, start_ms: int, end_ms: int) -> Iterator[Span]:
    """Each window that may reach into this span of time."""
    local_s, local_end_s = start_ms // 1000 - _FARTHEST_S, end_ms // 1000 + _FARTHEST_S
    local = [
        window
        for text in calendar.weekly
        for window in parse_weekly(text).between(local_s, local_end_s)
    ]
    local += [
        dates
        for text in calendar.dates
        if (dates := parse_dates(text))[0] < local_end_s and dates[1] > local_s
    ]
    # From the first to the last instant at which the clock shows a time inside: a window that has
    # begun is not left again because the clock is set back.
    for first_s, last_s in local:
        zone = calendar.timezone
        yield first_reading(zone, first_s) * 1000, last_reading(zone, last_s) * 1000
    yield from calendar.spans


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for start_ms, end_ms in sorted(spans):
        if merged and start_ms <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_ms))
        else:
            merged.append((start_ms, end_ms))
    return tuple(merged)


def _left_over(spans: tuple[Span, ...], start_ms: int, end_ms: int) -> tuple[Span, ...]:
    """What these spans leave of the time around them."""
    edges = [start_ms, *chain.from_iterable(spans), end_ms]
    return tuple(
        (first, last) for first, last in zip(edges[::2], edges[1::2], strict=True) if first < last
    )


def _start(span: Span) -> int:
    return span[0]
