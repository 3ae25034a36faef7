"""Why is an instant none of the due moments of a task."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeAlias

import msgspec

from agent.cron.grammar import Cron, parse
from agent.cron.zones import load_zone, stretch_at
from agent.definitions import Definition
from agent.rules.why.facts import Facts, Step
from agent.rules.why.words import clock, validity, wall

IsDue: TypeAlias = Callable[[Definition, int], bool]
"""Is this instant one of the due moments of a definition?"""


def why_not_due(
    facts: Facts, definition: Definition, at_ms: int, is_due: IsDue
) -> tuple[str, list[Step]]:
    """The code and the one step that say why this instant is no due moment."""
    code, say = next(_causes(facts, definition, at_ms, is_due))
    return code, [Step(code, ok=False, say=say)]


def _causes(
    facts: Facts, definition: Definition, at_ms: int, is_due: IsDue
) -> Iterator[tuple[str, str]]:
    """The first thing that keeps this instant from being due, most telling first."""
    zone = definition.timezone
    if not definition.schedule:
        names = ", ".join(definition.after)
        how = f"starts when {names} ended ({definition.after_on})" if names else "runs by hand only"
        yield "scheduled", f"the task has no schedule: it {how}"
    limited = definition.valid_from or definition.valid_until
    if limited and is_due(_with(definition, valid_from=None, valid_until=None), at_ms):
        yield "valid", f"the schedule names it, but it does not lie {validity(definition)}"
    free = _with(definition, every_nth=1)
    if definition.every_nth > 1 and is_due(free, at_ms):
        number = definition.every_nth
        yield "every_nth", f"the schedule names it, but every_nth = {number} passes over it"
    plain = _with(free, spread_s=0)
    if definition.spread_s and is_due(plain, at_ms) and facts.after_ms is not None:
        yield (
            "spread",
            (
                f"spread_s = {definition.spread_s} moves this task's moments a little: "
                f"this one to {wall(facts.after_ms, zone)}"
            ),
        )
    yield from _clock_causes(facts, plain, at_ms, is_due)
    yield _misfit(definition, at_ms)


def _clock_causes(
    facts: Facts, definition: Definition, at_ms: int, is_due: IsDue
) -> Iterator[tuple[str, str]]:
    zone, at_s = definition.timezone, at_ms // 1000
    stretch = stretch_at(zone, at_s)
    walls = tuple(
        text for text in definition.schedule if not text.lower().startswith(("@every", "@reboot"))
    )
    # On a clock that is never changed the schedule names what it would name without the change.
    steady = _with(definition, timezone="UTC", schedule=walls)
    skipped_ms = (at_s + stretch.before_s) * 1000
    if at_s - stretch.changed_s < stretch.gap_s and is_due(steady, skipped_ms):
        moved = (
            f"dst_gap = 'after' moved it to {wall(stretch.changed_s * 1000, zone)}"
            if definition.dst_gap == "after"
            else "dst_gap = 'skip' leaves it out"
        )
        yield (
            "dst_gap",
            (
                f"the clocks of {zone} went from {clock(stretch.changed_s + stretch.before_s)} to "
                f"{clock(stretch.changed_s + stretch.offset_s)}, so there was no "
                f"{clock(at_s + stretch.before_s)}; {moved}"
            ),
        )
    if stretch.is_second(at_s) and is_due(steady, (at_s + stretch.offset_s) * 1000):
        yield (
            "dst_fold",
            (
                f"the clocks of {zone} showed {clock(at_s + stretch.offset_s)} twice; "
                f"dst_fold = {definition.dst_fold!r} runs it the first time, and this is the second"
            ),
        )


def _misfit(definition: Definition, at_ms: int) -> tuple[str, str]:
    zone = definition.timezone
    at_s = at_ms // 1000
    wall_s = at_s + stretch_at(zone, at_s).offset_s
    texts = "; ".join(definition.schedule)
    for text in definition.schedule:
        meant = parse(text, task_name=definition.task_name)
        if isinstance(meant, Cron) and wall_s % 86_400 in meant.times:
            day = datetime.fromtimestamp(at_s, load_zone(zone))
            return "day", f"{text} names {day:%H:%M}, but not on {day:%A, %Y-%m-%d}"
    return "time", f"{texts} in {zone} does not name {wall(at_ms, zone)}"


def _with(definition: Definition, **changes: object) -> Definition:
    return msgspec.structs.replace(definition, **changes)
