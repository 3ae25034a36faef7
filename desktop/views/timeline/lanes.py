"""Where does each bar of the timeline stand: runs, hours and plans as boxes in lanes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from desktop import words
from desktop.models.timeline import LIVE, Course
from shared.protocol.planning import Coming
from shared.protocol.rows import Task
from shared.protocol.timeline import HourCount

LEAST_BAR_PX: Final = 4.0
TOGETHER_PX: Final = 1.0
"""Bars of the same ending that lie closer than this are one."""
EACH_PX: Final = 6.0
"""Moments to come that begin closer than this have no room for a box each."""
TICK_PX: Final = 64
SHORTEST_MS: Final = 5 * words.MINUTE_MS
LONGEST_MS: Final = 14 * words.DAY_MS
COUNTS_FROM_MS: Final = 4 * words.DAY_MS
"""A longer range shows counts of hours."""
PLANNED, LEFT_OUT = "planned", "left out"

_MINUTES: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)


@dataclass(frozen=True, slots=True)
class Axis:
    """From when to when, and where that is drawn."""

    from_ms: int
    to_ms: int
    left: float
    wide: float

    @property
    def span_ms(self) -> int:
        """How long it is."""
        return self.to_ms - self.from_ms

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + self.wide

    def x(self, at_ms: float) -> float:
        """Where a moment stands."""
        return self.left + (at_ms - self.from_ms) * self.wide / self.span_ms

    def ms(self, x: float) -> int:
        """Which moment stands there."""
        return round(self.from_ms + (x - self.left) * self.span_ms / max(1.0, self.wide))


@dataclass(frozen=True, slots=True)
class Range:
    """How long a stretch is shown; `ahead` is the part of it that is still to come."""

    key: str
    word: str
    span_ms: int
    ahead: float

    def at(self, now_ms: int) -> tuple[int, int]:
        """From and to, with the now line in its place."""
        to_ms = now_ms + round(self.span_ms * self.ahead)
        return to_ms - self.span_ms, to_ms


RANGES: Final = (
    Range("1h", "1 h", words.HOUR_MS, 0.3),
    Range("6h", "6 h", 6 * words.HOUR_MS, 0.3),
    Range("24h", "24 h", words.DAY_MS, 0.25),
    Range("3d", "3 d", 3 * words.DAY_MS, 0.15),
    Range("7d", "7 d", words.WEEK_MS, 0.03),
)
USUAL: Final = RANGES[1]


@dataclass(frozen=True, slots=True)
class Lane:
    """One row: a task, or a category with how many tasks; a folded one draws all of them."""

    key: str
    name: str
    task_ids: tuple[str, ...]
    is_group: bool = False
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """Runs of one ending that stand together: the first and the last of them in their course."""

    x: float
    wide: float
    state: str
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many runs it stands for."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class HourBar:
    """An hour: its height and the failures' part of it, both of the highest one there is."""

    x: float
    wide: float
    high: float
    bad: float
    count: HourCount


@dataclass(frozen=True, slots=True)
class Outline:
    """Moments to come that stand together; `last_x` is where the last of them begins."""

    x: float
    wide: float
    state: str
    first: Coming
    last: Coming
    count: int
    last_x: float

    @property
    def boxes(self) -> list[tuple[float, float]]:
        """From where and how wide: a row of small ones for many, else they read as one long run.

        They stand where many begin; the last of them is as long as the stretch goes on.
        """
        more = int((self.last_x - self.x) // EACH_PX)
        step = (self.last_x - self.x) / more if more else 0.0
        last = self.last_x if more else self.x
        row = [(self.x + place * step, LEAST_BAR_PX) for place in range(more)]
        return [*row, (last, self.x + self.wide - last)]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid and what stands over it."""

    at_ms: int
    said: str
    is_day: bool


def lanes(tasks: Iterable[Task], *, folded: frozenset[str], wanted: str = "") -> list[Lane]:
    """Categories and tasks by name, as far as every word of `wanted` stands in one of the two."""
    parts = wanted.lower().split()
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        text = f"{task.name} {task.category}".lower()
        if all(part in text for part in parts):
            groups.setdefault(task.category, []).append(task)
    found: list[Lane] = []
    for category in sorted(groups, key=str.lower):
        inside = sorted(groups[category], key=lambda task: task.name.lower())
        ids = tuple(task.id for task in inside)
        is_folded = category in folded
        # No task has a name with a slash.
        found.append(Lane(f"/{category}", category, ids, is_group=True, is_folded=is_folded))
        if not is_folded:
            found += [Lane(task.id, task.name, (task.id,)) for task in inside]
    return found


def bars(course: Course, axis: Axis, now_ms: int) -> list[Bar]:
    """The runs of a lane; a failure is never part of a bar of something else."""
    found: list[Bar] = []
    scale, left, right = axis.wide / axis.span_ms, axis.left, axis.right
    from_ms, spans, begins, ends = axis.from_ms, course.spans, course.begins, course.ends
    state, x, end, first, last = "", 0.0, 0.0, 0, -1
    # A day of minutely runs of many tasks is placed at each step of a wheel: what is done for
    # each of them counts.
    for place in course.within(axis.from_ms, axis.to_ms):
        its_state = spans[place].state
        begin_x = left + (begins[place] - from_ms) * scale
        end_ms = max(now_ms, begins[place]) if its_state in LIVE else ends[place]
        end_x = left + (end_ms - from_ms) * scale
        if end_x < begin_x + LEAST_BAR_PX:
            end_x = begin_x + LEAST_BAR_PX
        if end_x < left or begin_x > right:
            continue
        is_next = last == place - 1 and its_state == state and begin_x <= end + TOGETHER_PX
        if is_next and its_state not in LIVE:
            end, last = (end if end > end_x else end_x), place
            continue
        if last >= 0:
            found.append(Bar(x, end - x, state, first, last))
        state, x, end, first, last = its_state, begin_x, end_x, place, place
    if last >= 0:
        found.append(Bar(x, end - x, state, first, last))
    return found


def hour_bars(hours: Mapping[int, HourCount], axis: Axis) -> list[HourBar]:
    """The counts of a lane's hours; the highest of those in sight fills the lane."""
    seen = [one for at, one in hours.items() if axis.from_ms - words.HOUR_MS < at < axis.to_ms]
    most = max((one.runs for one in seen), default=0)
    wide = axis.wide * words.HOUR_MS / axis.span_ms
    gap = 1.0 if wide >= LEAST_BAR_PX else 0.0
    return [
        HourBar(
            x=axis.x(one.at_ms),
            wide=max(1.0, wide - gap),
            high=one.runs / most,
            bad=one.failures / most,
            count=one,
        )
        for one in sorted(seen, key=lambda one: one.at_ms)
        if one.runs
    ]


def outlines(coming: Sequence[Coming], axis: Axis, now_ms: int) -> list[Outline]:
    """What is to come of a task; what will be left out is told apart."""
    found: list[Outline] = []
    for one in coming:
        begin_ms = one.at_ms if one.start_ms is None else one.start_ms
        if one.at_ms <= now_ms or begin_ms > axis.to_ms:
            continue
        x = axis.x(begin_ms)
        wide = max(LEAST_BAR_PX, axis.x(one.end_ms or begin_ms) - x)
        if x + wide < axis.left:
            continue
        state = LEFT_OUT if one.outcome in ("skipped", "replaced") else PLANNED
        before = found[-1] if found else None
        if before is not None and before.state == state and _has_no_room(before, x):
            wide = max(before.x + before.wide, x + wide) - before.x
            last_x = max(before.last_x, x)
            found[-1] = Outline(before.x, wide, state, before.first, one, before.count + 1, last_x)
        else:
            found.append(Outline(x, wide, state, one, one, 1, x))
    return found


def _has_no_room(before: Outline, x: float) -> bool:
    """What begins there can not be told from what stands before it."""
    return x <= before.x + before.wide + TOGETHER_PX and x < before.last_x + EACH_PX


def ticks(axis: Axis, zone: tzinfo | None) -> list[Tick]:
    """Round times on the wall clock, as many as there is room for."""
    room = max(1, int(axis.wide // TICK_PX))
    step = next((one for one in _MINUTES if axis.span_ms / (one * words.MINUTE_MS) <= room), 1440)
    return [
        Tick(_ms(at), _said(at), (at.hour, at.minute) == (0, 0))
        for at in _round_times(axis, zone, step)
        if axis.from_ms <= _ms(at) <= axis.to_ms
    ]


def zoomed(
    view: tuple[int, int], factor: float, around_ms: int, *, fixed: bool = True
) -> tuple[int, int]:
    """The stretch made longer or shorter, while the moment under the pointer keeps its place."""
    from_ms, to_ms = view
    span_ms = to_ms - from_ms
    wanted = round(min(LONGEST_MS, max(SHORTEST_MS, span_ms * factor)))
    share = (around_ms - from_ms) / span_ms if fixed else 0.5
    begin_ms = round(around_ms - wanted * share)
    return begin_ms, begin_ms + wanted


def shows_counts(view: tuple[int, int], totals: Mapping[int, HourCount], most: int) -> bool:
    """Whether so many runs lie in a stretch that their hours are drawn instead of them."""
    from_ms, to_ms = view
    if to_ms - from_ms > COUNTS_FROM_MS:
        return True
    inside = (one.runs for at, one in totals.items() if from_ms - words.HOUR_MS < at < to_ms)
    return sum(inside) > most


def _round_times(axis: Axis, zone: tzinfo | None, step: int) -> Iterator[datetime]:
    first, last = words.moment(axis.from_ms, zone), words.moment(axis.to_ms, zone)
    day = first.date()
    while day <= last.date():
        for minute in range(0, 1440, step):
            # The wall clock of that day: a step may be missing, or come twice, where clocks change.
            at = datetime.combine(day, time(minute // 60, minute % 60), first.tzinfo)
            yield at if zone is not None else at.replace(tzinfo=None).astimezone()
        day += timedelta(days=1)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _said(at: datetime) -> str:
    if (at.hour, at.minute) == (0, 0):
        return f"{words.day_name(at)}{words.NO_BREAK}{at.day}"
    return at.strftime("%H:%M")
