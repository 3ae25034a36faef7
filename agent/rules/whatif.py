"""What would be different if tasks were defined otherwise."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from agent.cron.changes import Change, coming_changes
from agent.cron.zones import load_zone
from agent.definitions import Definition
from agent.expected import Expected

_NEIGHBOURS: Final = 2


class Future(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks as they are or would be, what is expected of them, and the load they make."""

    definitions: Mapping[str, Definition]
    expected: Sequence[Expected]
    peak: int = 0
    peak_ms: int | None = None
    full_minutes: int = 0


class Move(msgspec.Struct, frozen=True):
    """A moment that would come at another time of the same day."""

    from_ms: int
    to_ms: int


class TaskChange(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one task; overlaps and blackouts are those it does not have today."""

    task_name: str
    kind: Literal["added", "removed", "changed"]
    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    moved: tuple[Move, ...] = ()
    overlaps: tuple[Expected, ...] = ()
    blackouts: tuple[Expected, ...] = ()
    odd: tuple[Expected, ...] = ()
    """Moments that a change of clocks moves or that come in an hour shown twice."""
    clock_changes: tuple[Change, ...] = ()


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Every task that would be different, by name, and the load today and then."""

    tasks: tuple[TaskChange, ...]
    peak_before: int
    peak_after: int
    peak_before_ms: int | None
    peak_after_ms: int | None
    full_minutes_before: int
    full_minutes_after: int


def compare(before: Future, after: Future, *, from_ms: int, until_ms: int) -> Comparison:
    """Hold two futures of the same span against each other."""
    names = sorted(
        name
        for name in before.definitions.keys() | after.definitions.keys()
        if before.definitions.get(name) != after.definitions.get(name)
    )
    was, will = _by_task(before.expected, names), _by_task(after.expected, names)
    return Comparison(
        tasks=tuple(
            _change(
                name,
                (before.definitions.get(name), after.definitions.get(name)),
                was[name],
                will[name],
                (from_ms, until_ms),
            )
            for name in names
        ),
        peak_before=before.peak,
        peak_after=after.peak,
        peak_before_ms=before.peak_ms,
        peak_after_ms=after.peak_ms,
        full_minutes_before=before.full_minutes,
        full_minutes_after=after.full_minutes,
    )


def _by_task(expected: Iterable[Expected], names: Sequence[str]) -> dict[str, list[Expected]]:
    found: dict[str, list[Expected]] = {name: [] for name in names}
    for one in expected:
        if one.task_name in found:
            found[one.task_name].append(one)
    return found


def _change(
    name: str,
    definitions: tuple[Definition | None, Definition | None],
    was: Sequence[Expected],
    will: Sequence[Expected],
    span: tuple[int, int],
) -> TaskChange:
    old, new = definitions
    zone = next((one.timezone for one in (new, old) if one is not None), "UTC")
    old_ms, new_ms = {one.at_ms for one in was}, {one.at_ms for one in will}
    moved, removed, added = _pair(sorted(old_ms - new_ms), sorted(new_ms - old_ms), zone)
    met = {one.at_ms for one in was if one.meets_ms is not None}
    shut = {one.at_ms for one in was if one.window is not None}
    return TaskChange(
        task_name=name,
        kind="added" if old is None else "removed" if new is None else "changed",
        added=added,
        removed=removed,
        moved=moved,
        overlaps=tuple(one for one in will if one.meets_ms is not None and one.at_ms not in met),
        blackouts=tuple(one for one in will if one.window is not None and one.at_ms not in shut),
        odd=tuple(one for one in will if one.tag != "normal"),
        clock_changes=()
        if new is None
        else coming_changes(new.timezone, span[0], until_ms=span[1]),
    )


def _pair(
    removed: Sequence[int], added: Sequence[int], zone: str
) -> tuple[tuple[Move, ...], tuple[int, ...], tuple[int, ...]]:
    """Of each day, what moved to the nearest time; then what is left on both sides."""
    gone, come = _by_day(removed, zone), _by_day(added, zone)
    moves: list[Move] = []
    for day in gone.keys() & come.keys():
        moves += _pair_day(gone[day], come[day])
    moves.sort(key=lambda move: move.from_ms)
    from_ms, to_ms = {move.from_ms for move in moves}, {move.to_ms for move in moves}
    return (
        tuple(moves),
        tuple(at_ms for at_ms in removed if at_ms not in from_ms),
        tuple(at_ms for at_ms in added if at_ms not in to_ms),
    )


def _by_day(moments: Iterable[int], zone: str) -> dict[int, list[int]]:
    place = load_zone(zone)
    days: dict[int, list[int]] = {}
    for at_ms in moments:
        day = datetime.fromtimestamp(at_ms / 1000, place).toordinal()
        days.setdefault(day, []).append(at_ms)
    return days


def _pair_day(gone: Sequence[int], come: Sequence[int]) -> list[Move]:
    if len(gone) == len(come):
        return [Move(old, new) for old, new in zip(gone, come, strict=True)]
    near: list[tuple[int, int, int]] = []
    for old in gone:
        place = bisect_left(come, old)
        around = come[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]
        near += [(abs(new - old), old, new) for new in around]
    olds: set[int] = set()
    news: set[int] = set()
    moves: list[Move] = []
    for _, old, new in sorted(near):
        if old not in olds and new not in news:
            olds.add(old)
            news.add(new)
            moves.append(Move(old, new))
    # Whoever lost the nearest to another takes what is left, in order.
    left = (
        [old for old in gone if old not in olds],
        [new for new in come if new not in news],
    )
    return moves + [Move(old, new) for old, new in zip(*left, strict=False)]
