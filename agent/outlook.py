"""What is to come: due moments, found as far as is asked, handed to the rules that look ahead."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from typing import Final

import msgspec

from agent.cron.moments import DueMoment
from agent.definitions import Definition
from agent.due import next_due, next_dues
from agent.errors import BadDefinition, TaskNotFound, WrongUse
from agent.expected import ClosedAt, Expected, Planned
from agent.rules.calendar import closed_at
from agent.rules.expecting import expect, going_on
from agent.rules.forecast import Forecast, forecast
from agent.rules.pausing import PausePreview, pause_preview
from agent.rules.whatif import Comparison, Future, compare
from agent.rules.why import Explanation, explain
from agent.store.facts import Asked, check_moment, is_due
from agent.windows import Calendar, Closed

DAY_MS: Final = 86_400_000
MAX_MOMENTS: Final = 200_000
"""More due moments than these are not reckoned at once."""
MAX_DAYS: Final = 62
"""Nor a load for more minutes than those of two months."""
ENDLESS_PAUSE_MS: Final = 7 * DAY_MS
"""So far is looked ahead for a pause without an end."""
# A daily task is asked for few moments at once, one of each minute for many.
_FIRST_ASKED: Final = 2
_MOST_ASKED: Final = 512


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """All tasks as they stand at a moment (`agent.store.plans` reads them), and their calendars."""

    now_ms: int
    slots: int
    tasks: tuple[Planned, ...]
    calendars: Mapping[str, Calendar] = {}

    def closed(self, definition: Definition, at_ms: int) -> Closed | None:
        """What keeps a task from starting then."""
        return closed_at(self.calendars, definition.calendars, at_ms)

    def only(self, names: Iterable[str]) -> "Outlook":
        """The same for some of the tasks; raises TaskNotFound."""
        known = {task.task_name: task for task in self.tasks}
        return msgspec.structs.replace(
            self, tasks=tuple(_known(known, name) for name in dict.fromkeys(names))
        )


def coming(
    outlook: Outlook, *, from_ms: int, until_ms: int | None = None, count: int
) -> tuple[Expected, ...]:
    """The next moments of all tasks that are on the schedule, the earliest first."""
    check_moment("from", from_ms)
    check_moment("until", until_ms or 0)
    lanes = [
        _lane(task, outlook, from_ms, until_ms) for task in outlook.tasks if task.definition.enabled
    ]
    return tuple(islice(_merge(lanes), count))


def load(outlook: Outlook, *, from_ms: int, until_ms: int) -> Forecast:
    """How busy the agent will be; raises WrongUse for a span that holds too much."""
    _check_span(from_ms, until_ms)
    return _reckon(outlook, from_ms, until_ms)[1]


def what_if(
    outlook: Outlook,
    drafts: Sequence[Definition],
    without: Iterable[str],
    *,
    from_ms: int,
    until_ms: int,
) -> Comparison:
    """What would be different with these definitions and without those tasks."""
    _check_span(from_ms, until_ms)
    known = {task.task_name: task for task in outlook.tasks}
    changed = dict(known)
    for draft in drafts:
        task = known.get(draft.task_name, Planned(definition=draft))
        changed[draft.task_name] = msgspec.structs.replace(task, definition=draft)
    for name in without:
        _known(known, name)
        if any(draft.task_name == name for draft in drafts):
            raise WrongUse(f"without = {name!r}: is among the definitions too; name it in one")
        changed.pop(name, None)
    futures = []
    for planned in (known, changed):
        there = msgspec.structs.replace(outlook, tasks=tuple(planned.values()))
        expected, found = _reckon(there, from_ms, until_ms)
        futures.append(
            Future(
                definitions={name: task.definition for name, task in planned.items()},
                expected=[one for one in expected if one.at_ms > from_ms],
                peak=found.peak,
                peak_ms=found.peak_ms,
                full_minutes=found.full_minutes,
            )
        )
    return compare(*futures, from_ms=from_ms, until_ms=until_ms)


def why(outlook: Outlook, asked: Asked) -> Explanation:
    """Why a task ran at a moment or did not, or what is expected of it."""
    facts, definition = asked.facts, asked.facts.definition
    if asked.at_ms > outlook.now_ms and facts.tag is not None and definition is not None:
        (task,) = outlook.only([facts.task_name]).tasks
        lane = _lane(task, outlook, asked.at_ms - 1, asked.at_ms)
        facts = msgspec.structs.replace(
            facts, expected=next((one for one in lane if one.at_ms == asked.at_ms), None)
        )
    return explain(facts, asked.at_ms, is_due=partial(is_due, boots=asked.boots))


def pause(outlook: Outlook, names: Iterable[str], *, until_ms: int | None) -> PausePreview:
    """What a pause of these tasks from now on does."""
    now_ms = outlook.now_ms
    check_moment("until", until_ms or 0)
    if until_ms is not None and until_ms <= now_ms:
        raise WrongUse("until: lies in the past; name a moment to come")
    seen_until_ms = now_ms + ENDLESS_PAUSE_MS if until_ms is None else until_ms
    # Moments at the end itself are not paused any more.
    chosen = outlook.only(names)
    expected: dict[str, list[Expected]] = {task.task_name: [] for task in chosen.tasks}
    lanes = [_lane(task, outlook, now_ms, seen_until_ms - 1) for task in chosen.tasks]
    for one in _bounded(_merge(lanes)):
        expected[one.task_name].append(one)
    return pause_preview(
        chosen.tasks,
        expected,
        {
            task.task_name: next_due(task.definition, seen_until_ms - 1)
            for task in chosen.tasks
            if task.definition.enabled
        },
        [task.definition for task in outlook.tasks],
        from_ms=now_ms,
        until_ms=until_ms,
        seen_until_ms=seen_until_ms,
    )


def moments_of(
    definition: Definition, after_ms: int, until_ms: int | None = None
) -> Iterator[DueMoment]:
    """Each due moment later than the first and not later than the second, worked out as asked."""
    asked = _FIRST_ASKED
    while True:
        found = next_dues(definition, after_ms, asked)
        for moment in found:
            if until_ms is not None and moment.at_ms > until_ms:
                return
            yield moment
        if len(found) < asked:
            return
        after_ms = found[-1].at_ms
        asked = min(_MOST_ASKED, asked * 4)


def _known(known: Mapping[str, Planned], name: str) -> Planned:
    if name not in known:
        raise TaskNotFound(name)
    return known[name]


def _check_span(from_ms: int, until_ms: int) -> None:
    check_moment("from", from_ms)
    check_moment("until", until_ms)
    if until_ms <= from_ms:
        raise WrongUse("until: must be later than from")
    if until_ms - from_ms > MAX_DAYS * DAY_MS:
        raise WrongUse(f"until: at most {MAX_DAYS} days are reckoned at once; choose it earlier")


def _reckon(outlook: Outlook, from_ms: int, until_ms: int) -> tuple[list[Expected], Forecast]:
    lanes = [
        _lane(task, outlook, from_ms, until_ms, with_begun=True)
        for task in outlook.tasks
        if task.definition.enabled
    ]
    alive = (
        chain.from_iterable(going_on(task, outlook.now_ms) for task in outlook.tasks)
        if from_ms >= outlook.now_ms
        else ()
    )
    expected = [*alive, *_bounded(_merge(lanes))]
    return expected, forecast(expected, from_ms=from_ms, until_ms=until_ms, slots=outlook.slots)


def _lane(
    task: Planned,
    outlook: Outlook,
    from_ms: int,
    until_ms: int | None,
    *,
    with_begun: bool = False,
) -> Iterator[Expected]:
    """What is expected of one task; `with_begun` also of what runs still when the span begins."""
    now_ms = outlook.now_ms
    begins_ms = from_ms
    if from_ms > now_ms:
        # Far enough back for the runs that meet the first ones of the span.
        back_ms = 0 if task.takes_ms is None else max(DAY_MS, 2 * task.takes_ms)
        begins_ms = max(now_ms, from_ms - back_ms)
    elif from_ms < now_ms:
        task = msgspec.structs.replace(task, live=())
    closed: ClosedAt = outlook.closed
    try:
        moments = moments_of(task.definition, begins_ms, until_ms)
        for one in expect(task, moments, closed=closed, now_ms=now_ms):
            if one.at_ms > from_ms or (with_begun and (one.ends_ms or 0) > from_ms):
                yield one
    except BadDefinition:
        return  # such a task is shown as invalid; the others are looked at


def _merge(lanes: Iterable[Iterator[Expected]]) -> Iterator[Expected]:
    return heapq.merge(*lanes, key=lambda one: (one.at_ms, one.priority, one.task_name))


def _bounded(expected: Iterator[Expected]) -> Iterator[Expected]:
    for number, one in enumerate(expected):
        if number >= MAX_MOMENTS:
            reached = datetime.fromtimestamp(one.at_ms / 1000, UTC).isoformat(timespec="minutes")
            raise WrongUse(
                f"until: the span holds more than {MAX_MOMENTS} due moments; "
                f"choose it before {reached}, or name fewer tasks"
            )
        yield one
