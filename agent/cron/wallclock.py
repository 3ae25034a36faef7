"""At which instants does the wall clock of a zone begin and cease to read a time."""

from typing import Final

from agent.cron.zones import stretch_at

# No wall clock is farther from UTC, and none has been since 1970.
_FARTHEST_S: Final = 16 * 3600


def first_reading(zone: str, local_s: int) -> int:
    """The first instant whose reading is at or after this one, in seconds since 1970 UTC.

    A reading that the clock left out is passed at the first instant after it; one that is shown
    twice is reached the first time.
    """
    at_s = local_s - _FARTHEST_S
    while True:
        stretch = stretch_at(zone, at_s)
        if local_s < stretch.end_s + stretch.offset_s:
            return max(at_s, local_s - stretch.offset_s)
        at_s = stretch.end_s


def last_reading(zone: str, local_s: int) -> int:
    """The instant from which on no reading is before this one any more, in seconds since 1970 UTC.

    A reading that is shown twice is passed the second time.
    """
    end_s = local_s + _FARTHEST_S
    while True:
        stretch = stretch_at(zone, end_s - 1)
        if stretch.start_s + stretch.offset_s < local_s:
            return min(end_s, local_s - stretch.offset_s)
        end_s = stretch.start_s
