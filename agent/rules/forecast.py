"""How busy will the agent be in each minute, and what will have to wait for a slot."""

import heapq
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from agent.expected import Expected

MINUTE_MS: Final = 60_000
BUSIEST: Final = 10
"""So many of the busiest minutes are named."""


class Minute(msgspec.Struct, frozen=True):
    """One minute: the most runs at once in it, and how many begin."""

    at_ms: int
    running: int
    starts: int


class Waiting(msgspec.Struct, frozen=True):
    """How often runs of a task find no slot free, and the longest wait for one."""

    task_name: str
    count: int
    longest_ms: int


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """The load of a span, a number for each of its minutes.

    `running` is what would run at once if there were slots for all; `full_minutes` of them need
    more than there are.
    """

    from_ms: int
    until_ms: int
    slots: int
    moments: int
    running: tuple[int, ...]
    starts: tuple[int, ...]
    busiest: tuple[Minute, ...]
    full_minutes: int
    waits: tuple[Waiting, ...]

    @property
    def peak(self) -> int:
        """The most runs at once."""
        return max(self.running, default=0)

    @property
    def peak_ms(self) -> int | None:
        """The first minute that has so many; None when nothing runs."""
        return self.busiest[0].at_ms if self.busiest else None


def forecast(expected: Iterable[Expected], *, from_ms: int, until_ms: int, slots: int) -> Forecast:
    """The load from one moment until another, of all runs that touch the span."""
    first_ms = from_ms - from_ms % MINUTE_MS
    size = max(1, -(-(until_ms - first_ms) // MINUTE_MS))
    moments = 0
    runs: list[tuple[int, int, Expected]] = []
    for one in expected:
        moments += from_ms < one.at_ms <= until_ms
        # What begins with the last moment of full minutes belongs to the minute after them.
        if one.starts_ms is None or one.starts_ms > min(until_ms, first_ms + size * MINUTE_MS - 1):
            continue
        # A run of unknown length still counts in the minute in which it begins.
        ends_ms = max(one.starts_ms + 1, one.ends_ms or 0)
        if ends_ms > first_ms:
            runs.append((one.starts_ms, ends_ms, one))
    runs.sort(key=lambda run: run[0])
    running = _most_at_once(runs, first_ms, size)
    starts = [0] * size
    for starts_ms, _, _ in runs:
        if starts_ms >= first_ms:
            starts[min(size - 1, (starts_ms - first_ms) // MINUTE_MS)] += 1
    busiest = heapq.nsmallest(
        BUSIEST,
        (place for place in range(size) if running[place]),
        key=lambda place: (-running[place], -starts[place], place),
    )
    return Forecast(
        from_ms=first_ms,
        until_ms=until_ms,
        slots=slots,
        moments=moments,
        running=tuple(running),
        starts=tuple(starts),
        busiest=tuple(
            Minute(first_ms + place * MINUTE_MS, running[place], starts[place]) for place in busiest
        ),
        full_minutes=sum(number > slots for number in running),
        waits=_waits(runs, slots),
    )


def _most_at_once(runs: Sequence[tuple[int, int, Expected]], first_ms: int, size: int) -> list[int]:
    marks = [(starts_ms, 1) for starts_ms, _, _ in runs]
    marks += [(ends_ms, -1) for _, ends_ms, _ in runs]
    marks.sort()
    most = [0] * size
    minute = alive = 0
    for at_ms, step in marks:
        # What ends at a full minute does not touch the minute that begins there.
        here = (at_ms - (step < 0) - first_ms) // MINUTE_MS
        while minute < min(here, size - 1):
            minute += 1
            most[minute] = alive
        if here >= size:
            break
        alive += step
        most[minute] = max(most[minute], alive)
    most[minute + 1 :] = [alive] * (size - minute - 1)
    return most


def _waits(runs: Sequence[tuple[int, int, Expected]], slots: int) -> tuple[Waiting, ...]:
    """Let the runs through so many slots, the most urgent of those that wait first."""
    found: dict[str, tuple[int, int]] = {}
    taken: list[int] = []
    queue: list[tuple[int, int, int]] = []

    def let_in(until_ms: float) -> None:
        while taken and taken[0] <= until_ms:
            free_ms = heapq.heappop(taken)
            if queue:
                _, _, place = heapq.heappop(queue)
                starts_ms, ends_ms, one = runs[place]
                heapq.heappush(taken, free_ms + ends_ms - starts_ms)
                count, longest_ms = found.get(one.task_name, (0, 0))
                found[one.task_name] = (count + 1, max(longest_ms, free_ms - starts_ms))

    for place, (starts_ms, ends_ms, one) in enumerate(runs):
        let_in(starts_ms)
        if len(taken) < slots:
            heapq.heappush(taken, ends_ms)
        else:
            heapq.heappush(queue, (one.priority, starts_ms, place))
    let_in(float("inf"))
    return tuple(
        Waiting(name, count, longest_ms)
        for name, (count, longest_ms) in sorted(
            found.items(), key=lambda item: (-item[1][1], item[0])
        )
    )
