"""When is a task due: the moments that all its schedules name together."""

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Literal

import msgspec

from agent.cron.bounds import bound_instant, parse_bound
from agent.cron.grammar import Boot, Schedule, name_that_matters, parse
from agent.cron.moments import DueMoment, Moments, Tag
from agent.cron.series import Series, forget_numbers
from agent.cron.walking import Clocks, first_instant, is_moved
from agent.cron.words import in_words
from agent.cron.zones import LAST_S, forget_zones, stretch_at

__all__ = ["Timing", "count_moments", "due_moments", "forget", "in_words", "moments_between"]
__all__ += ["next_moment", "next_moments"]

Gap = Literal["after", "skip"]
Fold = Literal["first", "both"]


class Timing(msgspec.Struct, frozen=True, cache_hash=True):
    """All that decides when a task is due.

    The schedules' moments from `valid_from` to before `valid_until` are counted, each n-th is
    taken, the first one first, and shifted by less than `spread_s`, always the same for one name.
    Starts of the host are taken as they come, whatever the count.
    """

    texts: tuple[str, ...]
    zone: str = "UTC"
    dst_gap: Gap = "after"
    dst_fold: Fold = "first"
    task_name: str = ""
    valid_from: str | None = None
    valid_until: str | None = None
    every_nth: int = 1
    spread_s: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """What a timing comes to: a series of instants, boots beside it, a shift of all of them."""

    texts: tuple[tuple[str, str], ...]  # each with the name, where it says something
    series: Series
    at_boot: bool
    shift_ms: int

    def boots(self, boots: Sequence[int], after_ms: int, until_ms: int) -> list[int]:
        """The starts of the host in a span that count, if any do; unshifted like the span."""
        if not self.at_boot:
            return []
        opens_ms, ends_ms = self.series.opens_s * 1000, self.series.ends_s * 1000
        after_ms, until_ms = max(after_ms, opens_ms - 1), min(until_ms, ends_ms - 1)
        return sorted({at_ms for at_ms in boots if after_ms < at_ms <= until_ms})


def next_moment(timing: Timing, after_ms: int, *, boots: Sequence[int] = ()) -> int | None:
    """The first due moment later than this one; None when there is none in the next 50 years.

    Here and below `boots` are the moments at which the host was started, in order.
    """
    rules = _settle(timing)
    after_ms -= rules.shift_ms
    after_s = max(after_ms // 1000, rules.series.opens_s - 1)
    at_s: int | None
    if rules.series.every_nth == 1:
        clocks = rules.series.clocks
        found = [_next_of_one(text, name, clocks, after_s) for text, name in rules.texts]
        at_s = min((one for one in found if one is not None), default=None)
        at_s = at_s if at_s is not None and at_s < rules.series.ends_s else None
    else:
        at_s = next(rules.series.each(after_s), None)
    coming = rules.boots(boots, after_ms, LAST_S * 1000)[:1]
    coming += [] if at_s is None else [at_s * 1000]
    return min(coming) + rules.shift_ms if coming else None


def next_moments(
    timing: Timing, after_ms: int, count: int, *, boots: Sequence[int] = ()
) -> tuple[DueMoment, ...]:
    """The next few due moments later than this one, each with what a change of clocks did to it."""
    rules = _settle(timing)
    after_ms -= rules.shift_ms
    named = (at_s * 1000 for at_s in rules.series.each(after_ms // 1000))
    coming = islice(_merge(named, rules.boots(boots, after_ms, LAST_S * 1000)), count)
    return tuple(DueMoment(at_ms + rules.shift_ms, _tag(rules, at_ms)) for at_ms in coming)


def due_moments(
    timing: Timing, after_ms: int, until_ms: int, *, boots: Sequence[int] = ()
) -> Iterator[int]:
    """Each due moment later than the first and not later than the second, in order."""
    rules = _settle(timing)
    after_ms, until_ms = after_ms - rules.shift_ms, until_ms - rules.shift_ms
    named = (at_s * 1000 for at_s in rules.series.each(after_ms // 1000, until_ms // 1000))
    for at_ms in _merge(named, rules.boots(boots, after_ms, until_ms)):
        yield at_ms + rules.shift_ms


def count_moments(
    timing: Timing, after_ms: int, until_ms: int, *, boots: Sequence[int] = ()
) -> int:
    """How many due moments are later than the first and not later than the second."""
    rules = _settle(timing)
    after_ms, until_ms = after_ms - rules.shift_ms, until_ms - rules.shift_ms
    alone = _alone(rules, rules.boots(boots, after_ms, until_ms))
    return rules.series.count(after_ms // 1000, until_ms // 1000) + len(alone)


def moments_between(
    timing: Timing,
    after_ms: int,
    until_ms: int,
    *,
    limit: int = 1000,
    boots: Sequence[int] = (),
) -> Moments:
    """Those due after the first until the second: the newest one by one, the rest summed.

    Walks through some thousands at most, however long the span.
    """
    few = list(islice(due_moments(timing, after_ms, until_ms, boots=boots), limit + 1))
    if len(few) <= limit:
        return Moments(tuple(few))
    rules = _settle(timing)
    after_ms, until_ms = after_ms - rules.shift_ms, until_ms - rules.shift_ms
    after_s, until_s = after_ms // 1000, until_ms // 1000
    started = rules.boots(boots, after_ms, until_ms)
    number = rules.series.count(after_s, until_s)
    named = rules.series.each_but(after_s, until_s, max(0, number - limit - 1))
    newest = list(_merge((at_s * 1000 for at_s in named), started))[-limit - 1 :]
    return Moments(
        newest=tuple(at_ms + rules.shift_ms for at_ms in newest[1:]),
        older_count=number + len(_alone(rules, started)) - limit,
        first_older_ms=few[0],
        last_older_ms=newest[0] + rules.shift_ms,
    )


def forget() -> None:
    """Reckon anew from zone data that has changed."""
    forget_zones()
    for kept in (_next_kept, _settle, _series):
        kept.cache_clear()
    forget_numbers()


@lru_cache(maxsize=16_384)
def _settle(timing: Timing) -> _Rules:
    parsed = _parse_all(timing.texts, name_that_matters(timing.texts, timing.task_name))
    timed = tuple(text for text, one in parsed if not isinstance(one, Boot))
    return _Rules(
        texts=tuple((text, name_that_matters((text,), timing.task_name)) for text in timed),
        series=_series(
            tuple(one for _, one in parsed if not isinstance(one, Boot)),
            Clocks(timing.zone, timing.dst_gap, timing.dst_fold),
            timing.valid_from,
            timing.valid_until,
            timing.every_nth,
        ),
        at_boot=len(timed) < len(parsed),
        shift_ms=_shift_s(timing.task_name, timing.spread_s) * 1000,
    )


@lru_cache(maxsize=4096)
def _parse_all(texts: tuple[str, ...], name: str) -> tuple[tuple[str, Schedule | Boot], ...]:
    return tuple((text, parse(text, task_name=name)) for text in texts)


@lru_cache(maxsize=4096)
def _series(
    schedules: tuple[Schedule, ...],
    clocks: Clocks,
    valid_from: str | None,
    valid_until: str | None,
    every_nth: int,
) -> Series:
    # Kept for all tasks of one timing, because what a series knows of itself is kept with it.
    opens_s, ends_s = 0, LAST_S
    if valid_from is not None:
        opens_s = bound_instant(clocks.zone, parse_bound("valid_from", valid_from))
    if valid_until is not None:
        ends_s = bound_instant(clocks.zone, parse_bound("valid_until", valid_until))
    return Series(schedules, clocks, opens_s, ends_s, every_nth)


def _shift_s(task_name: str, spread_s: int) -> int:
    """The same for a name at all times and on every host, from 0 to less than the spread."""
    if spread_s == 0:
        return 0
    digest = hashlib.sha256(task_name.encode()).digest()
    return int.from_bytes(digest[:8], "big") % spread_s


def _merge(named: Iterator[int], boots: list[int]) -> Iterator[int]:
    """Both in order, each moment once."""
    if not boots:
        yield from named
        return
    last_ms = -1
    for at_ms in heapq.merge(named, boots):
        if at_ms != last_ms:
            yield at_ms
        last_ms = at_ms


def _alone(rules: _Rules, boots: list[int]) -> list[int]:
    """The starts of the host at which nothing else is due."""
    return [
        at_ms
        for at_ms in boots
        if at_ms % 1000 or not rules.series.count(at_ms // 1000 - 1, at_ms // 1000)
    ]


def _next_of_one(text: str, name: str, clocks: Clocks, after_s: int) -> int | None:
    # Asked at any second of a minute the answer is the same, so it is kept by the minute.
    at_s = _next_kept(text, clocks, after_s - after_s % 60, name)
    if at_s is not None and at_s <= after_s:
        at_s = _first(text, clocks, after_s, name)
    return at_s


@lru_cache(maxsize=16_384)
def _next_kept(text: str, clocks: Clocks, after_s: int, task_name: str) -> int | None:
    return _first(text, clocks, after_s, task_name)


def _first(text: str, clocks: Clocks, after_s: int, task_name: str) -> int | None:
    schedule = parse(text, task_name=task_name)
    if isinstance(schedule, Boot):
        return None
    return first_instant(schedule, clocks, after_s + 1)


def _tag(rules: _Rules, at_ms: int) -> Tag:
    clocks = rules.series.clocks
    at_s = at_ms // 1000
    stretch = stretch_at(clocks.zone, at_s)
    if at_ms == stretch.changed_s * 1000 and any(
        is_moved(one, clocks, stretch) for one in rules.series.schedules
    ):
        return "moved"
    if stretch.is_second(at_s):
        return "second_of_two"
    if stretch.is_first(at_s):
        return "first_of_two"
    return "normal"
