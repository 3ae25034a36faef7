"""What is known of the runs of all tasks along the time, and since when nothing is missing?"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.protocol.planning import Coming
from shared.protocol.rows import ENDED, Run
from shared.protocol.timeline import ClosedFor, Gap, HourCount, Span

LIVE: Final = frozenset({"queued", "starting", "running", "stopping", "retry_wait"})
ALL_TASKS: Final = ""

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Course:
    """The runs of one lane, in the order in which their bars begin."""

    spans: Sequence[Span] = ()
    begins: Sequence[int] = ()
    ends: Sequence[int] = ()
    """Those that go on end with the now line, and here where they begin."""
    longest_ms: int = 0
    first_live: int | None = None

    def within(self, from_ms: int, to_ms: int) -> range:
        """Which of them may reach into a stretch of time."""
        first = bisect_left(self.begins, from_ms - self.longest_ms)
        if self.first_live is not None:
            first = min(first, self.first_live)
        return range(first, bisect_left(self.begins, to_ms))


NO_COURSE: Final = Course()


class Timeline:
    """Keeps what was told of runs, of hours, of what is to come, and when nothing could start."""

    def __init__(self) -> None:
        self._spans: dict[str, dict[str, Span]] = {}
        self._courses: dict[str, Course] = {}
        self._loaded: list[Stretch] = []
        self._hours: dict[str, dict[int, HourCount]] = {}
        self._counted: list[Stretch] = []
        self.count = 0
        self.planned: dict[str, list[Coming]] = {}
        self.planned_until_ms: int | None = None
        """Beyond this moment nothing is known of what is to come; None where all was told."""
        self.gaps: tuple[Gap, ...] = ()
        self.closed: tuple[ClosedFor, ...] = ()
        self._obeying: tuple[frozenset[str], ...] = ()
        self.starts: dict[int, int] = {}
        """How many runs are expected to begin in each hour to come."""

    # What it is told ---------------------------------------------------------------------

    def show_spans(self, spans: Iterable[Span], stretch: Stretch | None = None) -> None:
        """Runs that the agent told; within the stretch none is missing now."""
        for span in spans:
            self._put(span)
        if stretch is not None:
            self._loaded = joined(self._loaded, stretch)

    def show_runs(self, runs: Iterable[Run]) -> None:
        """Rows of runs, as they come by themselves."""
        for run in runs:
            self._put(span_of(run))

    def show_hours(self, hours: Iterable[HourCount], stretch: Stretch) -> None:
        """Counts of hours by task; within the stretch none is missing."""
        for one in hours:
            self._hours.setdefault(one.task_id, {})[one.at_ms] = one
        self._counted = joined(self._counted, stretch)

    def show_totals(self, hours: Iterable[HourCount]) -> None:
        """Counts of hours of all tasks together."""
        self._hours[ALL_TASKS] = {one.at_ms: one for one in hours}

    def show_planned(self, coming: Iterable[Coming], until_ms: int | None) -> None:
        """All that is to come; where there is more, `until_ms` is how far this reaches."""
        self.planned = {}
        for one in coming:
            self.planned.setdefault(one.task_id, []).append(one)
        self.planned_until_ms = until_ms

    def show_closed(self, closed: Iterable[ClosedFor], obeying: Iterable[Iterable[str]]) -> None:
        """When nothing could start, and the sets of tasks that this is about."""
        self.closed, self._obeying = tuple(closed), tuple(map(frozenset, obeying))

    def forget(self) -> None:
        """Another agent."""
        self.__init__()  # type: ignore[misc]

    def doubt(self) -> None:
        """Runs went by unheard: what is known stays, and all is to be asked anew."""
        self._loaded, self._counted = [], []

    def doubt_since(self, at_ms: int) -> None:
        """What is known of the time from there on may be old."""
        self._loaded = cut(self._loaded, at_ms)
        self._counted = cut(self._counted, at_ms)

    def keep_only(self, from_ms: int, to_ms: int) -> None:
        """Forget the runs that no bar within this stretch is of."""
        for task_id, known in self._spans.items():
            kept = {
                run_id: span
                for run_id, span in known.items()
                if begin_of(span) < to_ms and finish_of(span, to_ms) >= from_ms
            }
            self.count -= len(known) - len(kept)
            self._spans[task_id] = kept
        self._courses.clear()
        inside = ((max(a, from_ms), min(b, to_ms)) for a, b in self._loaded)
        self._loaded = [(a, b) for a, b in inside if a < b]

    # What it says ------------------------------------------------------------------------

    def obedient(self, closed: ClosedFor) -> frozenset[str]:
        """The tasks that do not start then."""
        is_known = 0 <= closed.obeying < len(self._obeying)
        return self._obeying[closed.obeying] if is_known else frozenset()

    def course(self, task_id: str) -> Course:
        """The runs of a task."""
        if task_id not in self._courses:
            self._courses[task_id] = course_of(self._spans.get(task_id, {}).values())
        return self._courses[task_id]

    def together(self, task_ids: Sequence[str]) -> Course:
        """The runs of several tasks as those of one."""
        return course_of(span for one in task_ids for span in self._spans.get(one, {}).values())

    def hours_of(self, task_ids: Sequence[str]) -> dict[int, HourCount]:
        """The counts of the hours of some tasks, added up."""
        found: dict[int, HourCount] = {}
        for task_id in task_ids:
            for at_ms, one in self._hours.get(task_id, {}).items():
                known = found.get(at_ms)
                runs, failures = (known.runs, known.failures) if known is not None else (0, 0)
                found[at_ms] = HourCount(task_id, at_ms, runs + one.runs, failures + one.failures)
        return found

    def count_within(self, from_ms: int, to_ms: int) -> int:
        """How many runs may reach into a stretch."""
        return sum(len(self.course(task_id).within(from_ms, to_ms)) for task_id in self._spans)

    @property
    def totals(self) -> dict[int, HourCount]:
        """The counts of the hours of all tasks together."""
        return self._hours.get(ALL_TASKS, {})

    def missing(self, from_ms: int, to_ms: int, *, of_hours: bool = False) -> Stretch | None:
        """The newest part of a stretch that was not told yet."""
        return missing(self._counted if of_hours else self._loaded, from_ms, to_ms)

    # Inside ------------------------------------------------------------------------------

    def _put(self, span: Span) -> None:
        known = self._spans.setdefault(span.task_id, {})
        before = known.get(span.run_id)
        if before is not None and before.state not in LIVE and span.state in LIVE:
            return  # an answer that was on its way while the run ended
        if before != span:
            known[span.run_id] = span
            self.count += before is None
            self._courses.pop(span.task_id, None)


def span_of(run: Run) -> Span:
    """A row of a run in short."""
    return Span(
        run_id=run.id,
        task_id=run.task_id,
        state=(run.result or "unknown") if run.state == ENDED else run.state,
        due_ms=run.scheduled_ms,
        start_ms=run.start_ms,
        end_ms=run.end_ms,
        reason=run.reason,
        until_ms=run.missed_until_ms,
    )


def begin_of(span: Span) -> int:
    """Where its bar begins: what never started stands at its due moment."""
    return span.due_ms if span.start_ms is None else span.start_ms


def finish_of(span: Span, now_ms: int) -> int:
    """Where its bar ends: what goes on ends at the now line."""
    if span.state in LIVE:
        return max(now_ms, begin_of(span))
    if span.start_ms is None:
        return span.due_ms if span.until_ms is None else span.until_ms
    return span.start_ms if span.end_ms is None else span.end_ms


def course_of(spans: Iterable[Span]) -> Course:
    """These runs in the order of their bars."""
    ordered = sorted(spans, key=begin_of)
    begins = [begin_of(span) for span in ordered]
    ends = [finish_of(span, at) for span, at in zip(ordered, begins, strict=True)]
    longest = max((end - begin for begin, end in zip(begins, ends, strict=True)), default=0)
    live = next((place for place, span in enumerate(ordered) if span.state in LIVE), None)
    return Course(ordered, begins, ends, longest, live)


def joined(known: Sequence[Stretch], more: Stretch) -> list[Stretch]:
    """These stretches and one more, in order; those that touch are one."""
    from_ms, to_ms = more
    apart: list[Stretch] = []
    for first, last in known:
        if last < from_ms or first > to_ms:
            apart.append((first, last))
        else:
            from_ms, to_ms = min(from_ms, first), max(to_ms, last)
    return sorted([*apart, (from_ms, to_ms)])


def missing(known: Sequence[Stretch], from_ms: int, to_ms: int) -> Stretch | None:
    """The newest part of a stretch that none of these covers."""
    for first, last in reversed(known):
        if last >= to_ms > first:
            to_ms = first
    if to_ms <= from_ms:
        return None
    before = [last for _, last in known if from_ms < last < to_ms]
    return max(before, default=from_ms), to_ms


def cut(known: Sequence[Stretch], at_ms: int) -> list[Stretch]:
    """What of these lies before a moment."""
    return [(first, min(last, at_ms)) for first, last in known if first < at_ms]
