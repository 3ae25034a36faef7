"""When does a time zone change its offset from UTC."""

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.errors import BadDefinition

# Long enough that few blocks are needed, short enough that a first look is quick.
BLOCK_S: Final = 366 * 86_400
_MAX_NAME: Final = 64
LAST_S: Final = int(datetime(9900, 1, 1, tzinfo=UTC).timestamp())
# From 1970 on no zone changes twice within six days, so a look each three finds every change.
_PROBE_S: Final = 3 * 86_400
_MARGIN_S: Final = 2 * 86_400
# Files in a zone folder that are no places: they follow the host or count leap seconds.
_NO_PLACES: Final = ("localtime", "posixrules", "Factory", "right/", "posix/")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds since 1970 UTC, `start_s` to before `end_s`, in which one offset holds.

    Long stretches are cut; `changed_s` and `changes_s` are the true moments of the last and the
    next change if it is not farther than two days from the cut, `before_s` and `after_s` the
    offsets beyond them.
    """

    start_s: int
    end_s: int
    offset_s: int
    changed_s: int
    before_s: int
    changes_s: int
    after_s: int

    @property
    def gap_s(self) -> int:
        """Seconds that the wall clock left out when this stretch began."""
        return max(0, self.offset_s - self.before_s)

    @property
    def fold_s(self) -> int:
        """Seconds that the wall clock shows a second time when this stretch begins."""
        return max(0, self.before_s - self.offset_s)

    def is_second(self, at_s: int) -> bool:
        """The wall clock has shown this time before."""
        return self.fold_s > 0 and at_s + self.offset_s < self.changed_s + self.before_s

    def is_first(self, at_s: int) -> bool:
        """The wall clock will show this time again."""
        return self.offset_s > self.after_s and at_s + self.offset_s >= (
            self.changes_s + self.after_s
        )


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """The zone of this name; raises BadDefinition with the nearest name that exists."""
    if len(name) <= _MAX_NAME and not name.startswith(_NO_PLACES):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise BadDefinition("timezone", name[:100], _nearest(name[:100]))


def forget_zones() -> None:
    """Read the zones anew when they are asked for next, as their data may have changed."""
    ZoneInfo.clear_cache()
    load_zone.cache_clear()
    stretches.cache_clear()
    _known_zones.cache_clear()


def stretch_at(name: str, at_s: int) -> Stretch:
    """The stretch of constant offset that holds this moment."""
    for stretch in stretches(name, at_s // BLOCK_S):
        if at_s < stretch.end_s:
            return stretch
    raise AssertionError("stretches cover their block")


@lru_cache(maxsize=8192)
def stretches(name: str, block: int) -> tuple[Stretch, ...]:
    """All stretches of the block of 366 days with this number, counted from 1970."""
    zone = load_zone(name)
    start_s, end_s = block * BLOCK_S, (block + 1) * BLOCK_S
    changes = _changes(zone, start_s - _MARGIN_S, end_s + _MARGIN_S)
    cuts = [start_s, *(change for change in changes if start_s < change < end_s), end_s]
    found = []
    for here, there in pairwise(cuts):
        changed_s = max((change for change in changes if change <= here), default=here)
        changes_s = min((change for change in changes if change >= there), default=there)
        found.append(
            Stretch(
                start_s=here,
                end_s=there,
                offset_s=_offset_s(zone, here),
                changed_s=changed_s,
                before_s=_offset_s(zone, changed_s - 1),
                changes_s=changes_s,
                after_s=_offset_s(zone, changes_s),
            )
        )
    return tuple(found)


def _changes(zone: ZoneInfo, start_s: int, end_s: int) -> list[int]:
    changes = []
    probes = range(start_s, end_s + _PROBE_S, _PROBE_S)
    looks = [(probe_s, _offset_s(zone, probe_s)) for probe_s in probes]
    for (same_s, offset_s), (changed_s, changed_offset_s) in pairwise(looks):
        if changed_offset_s == offset_s:
            continue
        while changed_s - same_s > 1:
            middle_s = (same_s + changed_s) // 2
            if _offset_s(zone, middle_s) == offset_s:
                same_s = middle_s
            else:
                changed_s = middle_s
        changes.append(changed_s)
    return changes


def _offset_s(zone: ZoneInfo, at_s: int) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    # Python knows fractions of seconds, no zone does.
    return 0 if offset is None else int(offset.total_seconds())


def _nearest(name: str) -> str:
    zone = _resembling(name.lower().replace(" ", "_"))
    meant = f"did you mean {zone!r}?" if zone else "write one such as 'Pacific/Auckland'"
    return f"there is no such time zone; {meant}"


def _resembling(wanted: str) -> str | None:
    """A zone of this name but for case, else one with such a city, best in the same region."""
    known = _known_zones()
    region, _, city = wanted.rpartition("/")
    if wanted in known:
        return known[wanted]
    cities: dict[str, str] = {}
    for lowered, zone in known.items():
        its_region, _, its_city = lowered.rpartition("/")
        if its_city not in cities or its_region == region:
            cities[its_city] = zone
    near = difflib.get_close_matches(city, cities, n=1, cutoff=0.6)
    return cities[near[0]] if near else None


@lru_cache(maxsize=1)
def _known_zones() -> dict[str, str]:
    """Zones by name in small letters. To look through the host's folders would take too long."""
    names = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return {name.lower(): name for name in sorted(names) if not name.startswith(_NO_PLACES)}
