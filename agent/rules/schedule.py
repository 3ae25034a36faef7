"""When is a task due: the moments that all its schedules name together."""

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, takewhile
from typing import Final, Literal

from agent.cron.counting import count_instants
from agent.cron.grammar import Schedule, name_that_matters, parse
from agent.cron.moments import DueMoment, Moments, Tag
from agent.cron.walking import Clocks, first_instant, instants, is_moved
from agent.cron.words import in_words
from agent.cron.zones import forget_zones, stretch_at

__all__ = ["count_moments", "due_moments", "forget", "in_words", "moments_between"]
__all__ += ["next_moment", "next_moments", "parse"]

Gap = Literal["after", "skip"]
Fold = Literal["first", "both"]
_DAY_S: Final = 86_400


def next_moment(
    texts: tuple[str, ...],
    zone: str,
    after_ms: int,
    *,
    dst_gap: Gap = "after",
    dst_fold: Fold = "first",
    task_name: str = "",
) -> int | None:
    """The first due moment later than this one; None when there is none in the next 50 years."""
    clocks = Clocks(zone, dst_gap, dst_fold)
    found = [_next_of_one(text, clocks, after_ms // 1000, task_name) for text in texts]
    return min((at_s * 1000 for at_s in found if at_s is not None), default=None)


def next_moments(
    texts: tuple[str, ...],
    zone: str,
    after_ms: int,
    count: int,
    *,
    dst_gap: Gap = "after",
    dst_fold: Fold = "first",
    task_name: str = "",
) -> tuple[DueMoment, ...]:
    """The next few due moments later than this one, each with what a change of clocks did to it."""
    clocks = Clocks(zone, dst_gap, dst_fold)
    schedules = _parse_all(texts, task_name)
    coming = islice(instants(schedules, clocks, after_ms // 1000 + 1), count)
    return tuple(DueMoment(at_s * 1000, _tag(schedules, clocks, at_s)) for at_s in coming)


def due_moments(
    texts: tuple[str, ...],
    zone: str,
    after_ms: int,
    until_ms: int,
    *,
    dst_gap: Gap = "after",
    dst_fold: Fold = "first",
    task_name: str = "",
) -> Iterator[int]:
    """Each due moment later than the first and not later than the second, in order."""
    clocks = Clocks(zone, dst_gap, dst_fold)
    coming = instants(_parse_all(texts, task_name), clocks, after_ms // 1000 + 1)
    for at_s in takewhile(lambda at_s: at_s * 1000 <= until_ms, coming):
        yield at_s * 1000


def count_moments(
    texts: tuple[str, ...],
    zone: str,
    after_ms: int,
    until_ms: int,
    *,
    dst_gap: Gap = "after",
    dst_fold: Fold = "first",
    task_name: str = "",
) -> int:
    """How many due moments are later than the first and not later than the second."""
    clocks = Clocks(zone, dst_gap, dst_fold)
    return _count(
        _parse_all(texts, task_name),
        clocks,
        after_ms // 1000,
        until_ms // 1000,
    )


def moments_between(
    texts: tuple[str, ...],
    zone: str,
    after_ms: int,
    until_ms: int,
    *,
    limit: int = 1000,
    dst_gap: Gap = "after",
    dst_fold: Fold = "first",
    task_name: str = "",
) -> Moments:
    """Those due after the first until the second: the newest one by one, the rest summed.

    Walks through some thousands at most, however long the span.
    """
    clocks = Clocks(zone, dst_gap, dst_fold)
    schedules = _parse_all(texts, task_name)
    after_s, until_s = after_ms // 1000, until_ms // 1000
    first_s = next(instants(schedules, clocks, after_s + 1), None)
    if first_s is None or first_s > until_s:
        return Moments()
    opens_s = _look_back(schedules, clocks, after_s, until_s, limit)
    walked = takewhile(lambda at_s: at_s <= until_s, instants(schedules, clocks, opens_s + 1))
    kept = deque(walked, maxlen=limit + 1)
    if len(kept) <= limit:
        return Moments(tuple(at_s * 1000 for at_s in kept))
    last_older_s = kept.popleft()
    return Moments(
        newest=tuple(at_s * 1000 for at_s in kept),
        older_count=_count(schedules, clocks, after_s, last_older_s),
        first_older_ms=first_s * 1000,
        last_older_ms=last_older_s * 1000,
    )


def forget() -> None:
    """Reckon anew from zone data that has changed."""
    forget_zones()
    _next_kept.cache_clear()


def _look_back(
    schedules: tuple[Schedule, ...], clocks: Clocks, after_s: int, until_s: int, limit: int
) -> int:
    """A moment early enough for more than `limit` to follow, yet not for many times as many."""
    span_s = limit
    while until_s - span_s > after_s:
        if _count(schedules, clocks, until_s - span_s, until_s) > limit:
            return until_s - span_s
        span_s *= 2
    return after_s


def _count(schedules: tuple[Schedule, ...], clocks: Clocks, after_s: int, until_s: int) -> int:
    return count_instants(schedules, clocks, after_s + 1, until_s + 1)


def _next_of_one(text: str, clocks: Clocks, after_s: int, task_name: str) -> int | None:
    # Asked at any second of a minute the answer is the same, so it is kept by the minute.
    name = name_that_matters((text,), task_name)
    at_s = _next_kept(text, clocks, after_s - after_s % 60, name)
    if at_s is not None and at_s <= after_s:
        at_s = first_instant(parse(text, task_name=name), clocks, after_s + 1)
    return at_s


@lru_cache(maxsize=16_384)
def _next_kept(text: str, clocks: Clocks, after_s: int, task_name: str) -> int | None:
    return first_instant(parse(text, task_name=task_name), clocks, after_s + 1)


def _parse_all(texts: tuple[str, ...], task_name: str) -> tuple[Schedule, ...]:
    return _parse_kept(texts, name_that_matters(texts, task_name))


@lru_cache(maxsize=4096)
def _parse_kept(texts: tuple[str, ...], task_name: str) -> tuple[Schedule, ...]:
    return tuple(parse(text, task_name=task_name) for text in texts)


def _tag(schedules: tuple[Schedule, ...], clocks: Clocks, at_s: int) -> Tag:
    stretch = stretch_at(clocks.zone, at_s)
    if at_s == stretch.changed_s and any(is_moved(one, clocks, stretch) for one in schedules):
        return "moved"
    if stretch.is_second(at_s):
        return "second_of_two"
    if stretch.is_first(at_s):
        return "first_of_two"
    return "normal"
