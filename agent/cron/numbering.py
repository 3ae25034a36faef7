"""Which instant comes so many after another, without walking through all between."""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from agent.cron.counting import count_instants
from agent.cron.grammar import Schedule
from agent.cron.walking import Clocks, instants

# So few are sooner walked through than counted.
_STEPS: Final = 24


def instant_after(
    schedules: Sequence[Schedule], clocks: Clocks, from_s: int, number: int, *, end_s: int
) -> int | None:
    """The instant from this second on that has so many before it; None if not before the end."""
    left, stop_s, inside = number, from_s, 0
    span_s = number
    while left > _STEPS and inside <= left:
        from_s, left = stop_s, left - inside
        if from_s >= end_s:
            return None
        stop_s = min(from_s + span_s, end_s)
        inside = count_instants(schedules, clocks, from_s, stop_s)
        span_s *= 2
    is_guessed = True
    while left > _STEPS:
        # A good guess where moments lie evenly; halving keeps its promise where they do not.
        share = (left - _STEPS / 2) / inside if is_guessed else 0.5
        middle_s = from_s + max(1, int((stop_s - from_s) * share))
        before = count_instants(schedules, clocks, from_s, middle_s)
        if before > left:
            stop_s, inside = middle_s, before
        else:
            from_s, left, inside = middle_s, left - before, inside - before
        is_guessed = not is_guessed
    found_s = next(islice(instants(schedules, clocks, from_s), left, None), None)
    return found_s if found_s is not None and found_s < end_s else None
