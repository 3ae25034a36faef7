"""Which changes of its clocks does a time zone have to come."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from agent.cron.zones import LAST_S, stretch_at

_YEAR_S: Final = 366 * 86_400


class Change(msgspec.Struct, frozen=True):
    """The clocks of a zone are moved: from one offset to another, seconds east of UTC."""

    at_ms: int
    before_s: int
    after_s: int


def coming_changes(
    zone: str, after_ms: int, *, until_ms: int | None = None, count: int = 100
) -> tuple[Change, ...]:
    """The next changes later than this moment, those of at most the ten years that follow it."""
    end_s = min(LAST_S, after_ms // 1000 + 10 * _YEAR_S)
    if until_ms is not None:
        end_s = min(end_s, until_ms // 1000)
    return tuple(islice(_walk(zone, after_ms // 1000, end_s), count))


def _walk(zone: str, after_s: int, end_s: int) -> Iterator[Change]:
    here = stretch_at(zone, after_s)
    while here.end_s <= end_s:
        there = stretch_at(zone, here.end_s)
        if there.offset_s != here.offset_s:
            yield Change(here.end_s * 1000, here.offset_s, there.offset_s)
        here = there
