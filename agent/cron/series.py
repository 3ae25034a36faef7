"""Which instants of several schedules count: those in force, and each n-th of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Final

from agent.cron.counting import count_instants
from agent.cron.grammar import Schedule
from agent.cron.numbering import instant_after
from agent.cron.walking import Clocks, instants
from agent.cron.zones import BLOCK_S, LAST_S

# As far as one schedule alone is searched.
_HORIZON_S: Final = 50 * 366 * 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The instants of all schedules together, from the first second to before the end.

    Of these each n-th counts, beginning with the first one.
    """

    schedules: tuple[Schedule, ...]
    clocks: Clocks
    opens_s: int = 0
    ends_s: int = LAST_S
    every_nth: int = 1

    def each(self, after_s: int, until_s: int | None = None) -> Iterator[int]:
        """Those later than the first and not later than the second, in order.

        Without an end, until none comes in the next 50 years.
        """
        from_s, end_s = self._span(after_s, self.ends_s if until_s is None else until_s)
        if from_s >= end_s:
            return
        if self.every_nth == 1:
            coming = instants(self.schedules, self.clocks, from_s)
            yield from takewhile(lambda at_s: at_s < end_s, coming)
            return
        number = -self._number(from_s) % self.every_nth
        while True:
            stop_s = min(end_s, from_s + _HORIZON_S) if until_s is None else end_s
            at_s = instant_after(self.schedules, self.clocks, from_s, number, end_s=stop_s)
            if at_s is None:
                return
            yield at_s
            from_s, number = at_s + 1, self.every_nth - 1

    def count(self, after_s: int, until_s: int) -> int:
        """How many are later than the first and not later than the second."""
        from_s, end_s = self._span(after_s, until_s)
        if from_s >= end_s:
            return 0
        number = count_instants(self.schedules, self.clocks, from_s, end_s)
        if self.every_nth == 1:
            return number
        before = self._number(from_s)
        return -(-(before + number) // self.every_nth) - -(-before // self.every_nth)

    def each_but(self, after_s: int, until_s: int, number: int) -> Iterator[int]:
        """The same as each, without the first so many of them."""
        from_s, end_s = self._span(after_s, until_s)
        passed = number * self.every_nth
        if self.every_nth > 1:
            passed += -self._number(from_s) % self.every_nth
        at_s = instant_after(self.schedules, self.clocks, from_s, passed, end_s=end_s)
        return iter(()) if at_s is None else self.each(at_s - 1, until_s)

    def _span(self, after_s: int, until_s: int) -> tuple[int, int]:
        return max(after_s + 1, self.opens_s), min(until_s + 1, self.ends_s)

    def _number(self, at_s: int) -> int:
        """How many of all instants come before this one."""
        block = at_s // BLOCK_S
        from_s = max(block * BLOCK_S, self.opens_s)
        here = count_instants(self.schedules, self.clocks, from_s, at_s)
        return _number_before(self, block) + here


def forget_numbers() -> None:
    """Count anew by zone data that has changed."""
    _number_before.cache_clear()


@lru_cache(maxsize=4096)
def _number_before(series: Series, block: int) -> int:
    return count_instants(series.schedules, series.clocks, series.opens_s, block * BLOCK_S)
