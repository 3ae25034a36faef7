"""On which past records would a rule have fired, and is it one that holds for nothing or all?"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from agent.alertrules import OF_TASKS, AlertRule
from agent.rules import conditions
from agent.rules.conditions import Recent
from agent.rules.outcomes import FAILURES
from agent.runs import ENDINGS, Run
from agent.store import ledger, recent
from agent.store.database import Database, Doing
from agent.store.history import RunFilter
from agent.store.ledger import Page
from agent.store.tasks import TaskRow

MOST_READ: Final = 100_000
MOST_SHOWN: Final = 100
ENOUGH_TO_DOUBT: Final = 10
_PAGE: Final = 1_000
_SHARES: Final = ("cpu", "disk", "memory")
_OF_TASKS: Final = ("cpu", "processes", "rss")


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """A record on which the rule would have fired; `opens`: the one before did not."""

    at_ms: int
    task_name: str
    message: str
    run_id: str | None = None
    opens: bool = True


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule would have done: how often it fired, how many alerts that would have been.

    `looked_at` are the runs, or readings, that it says something of; `records` the newest that
    fired. `is_cut` says that there were more than it looks at.
    """

    rule: str
    from_ms: int
    looked_at: int
    fired: int
    alerts: int
    is_cut: bool
    records: tuple[Fired, ...]


class _End(msgspec.Struct, frozen=True):
    """What is kept of each run while the record is read."""

    at_ms: int
    moment_ms: int
    attempt: int
    status: str
    run_id: str
    said: str | None


class Rehearsing:
    """A rule that is laid over the record, the newest runs first; each step reads one page more."""

    def __init__(
        self, rule: AlertRule, known: Iterable[TaskRow], *, from_ms: int, now_ms: int
    ) -> None:
        self._rule = rule
        self._tasks = {task.task_name: task for task in known}
        self._from_ms, self._now_ms = from_ms, now_ms
        self._ends: dict[str, list[_End]] = {}
        self._series: dict[str, list[tuple[int, float]]] = {}
        self._read = 0
        self._before: str | None = None
        self._reached_ms = now_ms

    @property
    def share(self) -> float:
        """How much of the span has been read, from 0 to 1."""
        span_ms = max(1, self._now_ms - self._from_ms)
        return min(1.0, max(0.0, (self._now_ms - self._reached_ms) / span_ms))

    def step(self) -> Doing[bool]:
        """What reads the next page; its answer is whether there is more to read."""
        if self._rule.shape == "metric":
            read = partial(
                recent.readings, rule=self._rule, from_ms=self._from_ms, now_ms=self._now_ms
            )
            return lambda connection: self._take_series(read(connection))
        rule = self._rule
        is_one = not any(sign in rule.task for sign in "*?[")
        wanted = RunFilter(
            task_name=rule.task if is_one else None, host=rule.host, from_ms=self._from_ms
        )
        turn = partial(ledger.page, wanted=wanted, before=self._before, limit=_PAGE)
        return lambda connection: self._take_page(turn(connection))

    def result(self) -> Rehearsal:
        """What the rule would have done, as far as was read."""
        rule = self._rule
        if rule.shape == "metric":
            return self._result_of_series()
        span = {"from_ms": self._from_ms, "now_ms": self._now_ms}
        looked_at = sum(map(len, self._ends.values()))
        found: list[Fired] = []
        for name, newest_first in self._ends.items():
            in_order = sorted(newest_first, key=lambda end: (end.at_ms, end.attempt))
            found += _of_task(rule, name, in_order, **span)
        if rule.shape == "silence":
            for name in self._tasks.keys() - self._ends.keys():
                if _concerns(rule, self._tasks, name) and self._tasks[name].enabled:
                    found += _of_silence(rule, name, (), **span)
        return _sum_up(rule, found, self._from_ms, looked_at, is_cut=self._read >= MOST_READ)

    def _result_of_series(self) -> Rehearsal:
        rule, looked_at = self._rule, sum(map(len, self._series.values()))
        found = [
            fired
            for name, readings in self._series.items()
            if rule.is_of_host or (name in self._tasks and _concerns(rule, self._tasks, name))
            for fired in _of_series(rule, name, readings)
        ]
        return _sum_up(rule, found, self._from_ms, looked_at, is_cut=False)

    def _take_series(self, series: dict[str, list[tuple[int, float]]]) -> bool:
        self._series, self._reached_ms = series, self._from_ms
        return False

    def _take_page(self, page: Page) -> bool:
        rule = self._rule
        for run in page.runs:
            if not _concerns(rule, self._tasks, run.task_name, run.category):
                continue
            if conditions.is_about(rule, run):
                self._ends.setdefault(run.task_name, []).append(_as_end(rule, run))
        self._read += len(page.runs)
        self._before = page.next
        is_more = page.next is not None and self._read < MOST_READ
        self._reached_ms = page.runs[-1].queued_ms if is_more and page.runs else self._from_ms
        return is_more


def rehearse(
    database: Database, rule: AlertRule, known: Iterable[TaskRow], *, from_ms: int, now_ms: int
) -> Rehearsal:
    """Lay the rule over the record from a moment on, page by page, newest first."""
    work = Rehearsing(rule, known, from_ms=from_ms, now_ms=now_ms)
    while database.read_now(work.step()):
        pass
    return work.result()


def doubts(
    rule: AlertRule, known: Iterable[TaskRow], newest: Sequence[Run], metrics: Iterable[str]
) -> tuple[str, ...]:
    """Why the rule may hold for nothing, or for everything, as sentences."""
    tasks = {task.task_name: task for task in known}
    found = []
    if rule.is_of_host:
        names = sorted(metrics)
        if rule.metric not in names:
            found.append(f"holds for nothing: no {rule.metric!r} was read; {', '.join(names)} are")
        elif rule.metric in _SHARES and rule.above is not None and rule.above >= 1:
            found.append("holds for nothing: it is a share, from 0 to 1")
    elif not any(_concerns(rule, tasks, name) for name in tasks):
        found.append("holds for nothing: it is about no task that there is")
    if rule.metric is not None and not rule.is_of_host:
        wanted = rule.metric.removeprefix(OF_TASKS)
        if wanted not in _OF_TASKS:
            known_ones = ", ".join(f"{OF_TASKS}{name}" for name in _OF_TASKS)
            found.append(f"holds for nothing: of tasks there are {known_ones}")
    if _is_narrow(rule.longer_than_s, rule.shorter_than_s):
        found.append("holds for nothing: no run takes longer and shorter than that")
    if _is_narrow(rule.output_bytes_above, rule.output_bytes_below):
        found.append("holds for nothing: no output is above and below that")
    if rule.success_rate_below == 0:
        found.append("holds for nothing: no rate is below 0")
    found += _holds_for_all(rule, tasks, newest)
    return tuple(found)


def _holds_for_all(
    rule: AlertRule, tasks: Mapping[str, TaskRow], newest: Sequence[Run]
) -> Iterator[str]:
    if rule.shape != "run":
        return
    if set(rule.status) >= set(ENDINGS):
        yield "holds for everything: it names every ending"
        return
    runs = [
        run
        for run in newest
        if conditions.is_about(rule, run) and _concerns(rule, tasks, run.task_name, run.category)
    ]
    held = sum(conditions.judge(rule, run, Recent()) is not None for run in runs)
    if len(runs) >= ENOUGH_TO_DOUBT and held == len(runs):
        yield f"holds for everything: for each of the newest {held} runs that it is about"


def _is_narrow(lower: float | None, upper: float | None) -> bool:
    return lower is not None and upper is not None and upper <= lower


def _concerns(rule: AlertRule, tasks: Mapping[str, TaskRow], name: str, category: str = "") -> bool:
    task = tasks.get(name)
    return conditions.concerns(
        rule,
        task_name=name,
        category=category if task is None else task.definition.category,
        tags=() if task is None else task.definition.tags,
    )


def _as_end(rule: AlertRule, run: Run) -> _End:
    said = conditions.judge(rule, run, Recent()) if rule.shape == "run" else None
    return _End(
        run.ended_ms or run.queued_ms,
        run.scheduled_ms,
        run.attempt,
        run.status,
        run.id,
        None if said is None else said.message,
    )


def _of_task(
    rule: AlertRule, name: str, ends: Sequence[_End], *, from_ms: int, now_ms: int
) -> Iterator[Fired]:
    """On which of a task's ends, the oldest first, the rule would have fired."""
    if rule.shape == "silence":
        good = [end.at_ms for end in ends if end.status == "success"]
        yield from _of_silence(rule, name, good, from_ms=from_ms, now_ms=now_ms)
        return
    was_firing = False
    for end, said in _of_ends(rule, ends):
        if said is not None:
            yield Fired(
                at_ms=end.at_ms,
                task_name=name,
                message=said,
                run_id=end.run_id,
                opens=not was_firing,
            )
        was_firing = said is not None


def _of_ends(rule: AlertRule, ends: Sequence[_End]) -> Iterator[tuple[_End, str | None]]:
    if rule.shape == "run":
        yield from ((end, end.said) for end in ends)
        return
    last = {end.moment_ms: end.attempt for end in ends}
    window: deque[_End] = deque()
    for end in ends:
        is_last = last[end.moment_ms] == end.attempt
        if not is_last or end.status not in ("success", *FAILURES):
            continue
        window.append(end)
        if rule.of_last is not None and len(window) > rule.of_last:
            window.popleft()
        while rule.within_s and window[0].at_ms < end.at_ms - rule.within_s * 1000:
            window.popleft()
        were_good = tuple(one.status == "success" for one in reversed(window))
        known = Recent(were_good=were_good, runs=len(were_good), failures=were_good.count(False))
        yield end, conditions.judge_several(rule, known)


def _of_silence(
    rule: AlertRule, name: str, good_ms: Sequence[int], *, from_ms: int, now_ms: int
) -> Iterator[Fired]:
    since_ms = from_ms
    for until_ms in (*good_ms, now_ms):
        trouble = conditions.silent(rule, name, since_ms=since_ms, now_ms=until_ms)
        if trouble is not None and rule.no_success_for_s is not None:
            at_ms = since_ms + rule.no_success_for_s * 1000
            yield Fired(at_ms=at_ms, task_name=name, message=trouble.message)
        since_ms = until_ms


def _of_series(
    rule: AlertRule, name: str, readings: Sequence[tuple[int, float]]
) -> Iterator[Fired]:
    since_ms: int | None = None
    is_open = False
    for at_ms, value in readings:
        if not conditions.is_beyond(rule, value):
            since_ms, is_open = None, False
            continue
        since_ms = at_ms if since_ms is None else since_ms
        if not is_open and at_ms - since_ms >= rule.for_s * 1000:
            is_open = True
            said = f"rule {rule.name}: {rule.metric} was {value:g}"
            yield Fired(at_ms=at_ms, task_name=name, message=said)


def _sum_up(
    rule: AlertRule, found: list[Fired], from_ms: int, looked_at: int, *, is_cut: bool
) -> Rehearsal:
    found.sort(key=lambda fired: fired.at_ms, reverse=True)
    return Rehearsal(
        rule=rule.name,
        from_ms=from_ms,
        looked_at=looked_at,
        fired=len(found),
        alerts=sum(fired.opens for fired in found),
        is_cut=is_cut,
        records=tuple(found[:MOST_SHOWN]),
    )
