"""Which kept readings are drawn, over which span, and where is nothing known?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import nan
from statistics import median
from typing import Final, Literal

from PySide6.QtCore import QCoreApplication

from desktop import words
from desktop.models.health import is_own, place
from shared.protocol.health import CheckDetail, KeptSeries
from shared.protocol.requests import MetricsPage, MetricsPageReply

Points = tuple[tuple[int, float], ...]

MOST_AT_ONCE: Final = 8
MOST_DRAWN: Final = 48
"""Two hundred checks of somebody's own may print thirty figures each."""
KEPT_EVERY_MS: Final = words.MINUTE_MS
"""The readings of the host are kept so often."""
GAP_STEPS: Final = 2.5
EVEN_FROM: Final = 8
"""From so many points on they tell themselves how far they lie apart."""
_HOST: Final = ("cpu", "memory", "swap")
_DISKS: Final = ("disk", "inodes")
_DATABASE: Final = ("database", "database_size", "replication", "reads", "writes")
_AGENT: Final = ("loop",)
GROUPS: Final = ("Processor and memory", "Disks", "Database", "Agent", "Checks of your own")


def _tr(text: str) -> str:
    return QCoreApplication.translate("health", text)


@dataclass(frozen=True, slots=True)
class Range:
    """How far back a chart reaches, and how far its points lie apart."""

    key: str
    word: str
    span_ms: int
    step_ms: int

    @property
    def said(self) -> str:
        """The range as it is chosen."""
        return _tr(self.word).replace(" ", words.NO_BREAK)

    @property
    def hides_peaks(self) -> bool:
        """A point is the mean of so many readings that the worst of them is to be seen as well."""
        return self.step_ms > KEPT_EVERY_MS

    @property
    def again_ms(self) -> int:
        """After which time there is something new to draw."""
        return max(30 * words.SECOND_MS, min(self.step_ms, 10 * words.MINUTE_MS))

    def until(self, now_ms: int) -> tuple[int, int]:
        """From and to; the steps of one question are those of the next."""
        to_ms = (now_ms // self.step_ms + 1) * self.step_ms
        return to_ms - self.span_ms, to_ms


# Hours as soon as they do: minutes of a week are ten thousand rows of each series to the agent.
RANGES: Final = (
    Range("1h", "1 h", words.HOUR_MS, 15 * words.SECOND_MS),
    Range("24h", "24 h", words.DAY_MS, 2 * words.MINUTE_MS),
    Range("7d", "7 d", words.WEEK_MS, words.HOUR_MS),
    Range("30d", "30 d", 30 * words.DAY_MS, words.HOUR_MS),
)


# From narrow to wide; the default shows a day once there is one.
NARROWEST: Final = RANGES[0]
USUAL: Final = RANGES[1]
LEAST_DRAWN: Final = 12
"""No axis is shorter than this part of its range, however little there is."""


@dataclass(frozen=True, slots=True)
class Course:
    """One series that is drawn: what it is called, and by what it is judged."""

    name: str
    title: str
    unit: str
    check_id: str
    group: str
    every_ms: int
    warn: float | None = None
    crit: float | None = None
    falls: bool = False


def courses(checks: Iterable[CheckDetail]) -> list[Course]:
    """What there is to draw, group after group, each once."""
    found: dict[str, Course] = {}
    # A chart keeps its place, whatever is worst at the moment.
    for one in sorted(checks, key=place):
        group = _group(one)
        for series in one.series if group else ():
            found.setdefault(series.name, course_of(one, series, group))
    return sorted(found.values(), key=lambda course: GROUPS.index(course.group))


def course_of(one: CheckDetail, series: KeptSeries, group: str = "") -> Course:
    """A series of a check; its limits are those of the figure that counts."""
    counts = series.name == one.id
    title = f"{one.name}, {series.label}" if series.label else one.name
    return Course(
        name=series.name,
        title=title,
        unit=series.unit,
        check_id=one.id,
        group=group,
        every_ms=one.every_ms if is_own(one) else KEPT_EVERY_MS,
        warn=one.warn if counts else None,
        crit=one.crit if counts else None,
        falls=one.falls,
    )


def questions(
    names: Sequence[str],
    reach: Range,
    now_ms: int,
    of: Literal["mean", "lowest", "highest"] = "mean",
) -> list[MetricsPage]:
    """What to ask for these series, few in each question."""
    from_ms, to_ms = reach.until(now_ms)
    return [
        MetricsPage(
            series=tuple(names[at : at + MOST_AT_ONCE]),
            from_ms=from_ms,
            to_ms=to_ms,
            step_ms=reach.step_ms,
            of=of,
        )
        for at in range(0, len(names), MOST_AT_ONCE)
    ]


def answers(request: MetricsPage, reply: MetricsPageReply) -> dict[str, Points]:
    """The points of each series that was asked for."""
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in request.series}
    for at_ms, values in zip(reply.times_ms, reply.values, strict=True):
        for name, value in zip(request.series, values, strict=True):
            if value is not None:
                found[name].append((at_ms, value))
    return {name: tuple(points) for name, points in found.items()}


def drawn_span(span: tuple[int, int], drawn: Iterable[Points]) -> tuple[int, int]:
    """From where to where the axis of time reaches: without the part from before the first reading.

    A part is left out only where it is most of the axis: what is there would be a hairline.
    """
    from_ms, to_ms = span
    first_ms = min((points[0][0] for points in drawn if points), default=from_ms)
    if first_ms - from_ms <= (to_ms - from_ms) // 2:
        return span
    return min(first_ms, to_ms - (to_ms - from_ms) // LEAST_DRAWN), to_ms


def longest_step(points: Points, step_ms: int, every_ms: int) -> float:
    """Beyond which distance of two points nothing is known of what was in between."""
    usual = max(step_ms, every_ms)
    if len(points) >= EVEN_FROM:
        # What was summed up lies further apart than it was asked for.
        usual = max(
            usual, round(median(after[0] - before[0] for before, after in pairwise(points)))
        )
    return GAP_STEPS * usual


def with_gaps(points: Points, longest_ms: float) -> list[tuple[int, float]]:
    """The points with a hole where nothing is known, so that no line leads over it."""
    parts = list(points[:1])
    for before, after in pairwise(points):
        if after[0] - before[0] > longest_ms:
            parts.append(((before[0] + after[0]) // 2, nan))
        parts.append(after)
    return parts


def _group(one: CheckDetail) -> str:
    if is_own(one):
        return GROUPS[-1]
    kind = one.id.partition(":")[0]
    kinds = (_HOST, _DISKS, _DATABASE, _AGENT)
    return next((GROUPS[at] for at, known in enumerate(kinds) if kind in known), "")
