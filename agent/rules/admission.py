"""May a due moment become a run: start or not, and why."""

from typing import Final, Literal

import msgspec

from agent.cron.moments import Moments
from agent.definitions import Definition

# A moment found later than this was not met by the clock but looked for afterwards.
ON_TIME_MS: Final = 60_000

Reason = Literal["overlap", "paused", "agent_down", "too_late"]


class Start(msgspec.Struct, frozen=True):
    """This due moment becomes a run; several of one task run one after another, oldest first."""

    moment_ms: int
    trigger: Literal["schedule", "catchup"]


class Record(msgspec.Struct, frozen=True):
    """This due moment does not run, and its row says why."""

    moment_ms: int
    status: Literal["skipped", "missed"]
    reason: Reason


class Summed(msgspec.Struct, frozen=True):
    """All these due moments do not run; one `missed` row stands for them."""

    first_ms: int
    last_ms: int
    count: int
    reason: Reason


Decision = Start | Record | Summed


def admit(
    definition: Definition,
    moments: Moments,
    *,
    is_running: bool,
    is_paused: bool,
    now_ms: int,
    was_down: bool,
) -> list[Decision]:
    """Decide on each due moment exactly once, oldest first.

    `is_running`: an attempt of this task runs or waits for a slot, whoever ordered it.
    `was_down`: nobody watched the clock when these moments came.
    """
    late: Reason = "agent_down" if was_down else "too_late"
    if is_paused:
        return refuse(moments, is_paused=True, reason=late)
    decisions = _summed(moments, late)
    chosen = _choose(definition, moments.newest, now_ms)
    for at_ms in moments.newest:
        if at_ms not in chosen:
            decisions.append(Record(at_ms, "missed", late))
        elif is_running:
            decisions.append(Record(at_ms, "skipped", "overlap"))
        else:
            is_late = now_ms - at_ms > ON_TIME_MS
            decisions.append(Start(at_ms, "catchup" if is_late else "schedule"))
    return decisions


def refuse(moments: Moments, *, is_paused: bool, reason: Reason) -> list[Decision]:
    """Let none of these moments run: skipped when the task is paused, else missed for a reason."""
    decisions = _summed(moments, "paused" if is_paused else reason)
    for at_ms in moments.newest:
        if is_paused:
            decisions.append(Record(at_ms, "skipped", "paused"))
        else:
            decisions.append(Record(at_ms, "missed", reason))
    return decisions


def _summed(moments: Moments, reason: Reason) -> list[Decision]:
    if moments.first_older_ms is None or moments.last_older_ms is None:
        return []
    return [Summed(moments.first_older_ms, moments.last_older_ms, moments.older_count, reason)]


def _choose(definition: Definition, newest: tuple[int, ...], now_ms: int) -> frozenset[int]:
    """The moments that the task's policy for missed ones still lets run."""
    window_ms = definition.start_deadline_s * 1000
    if definition.missed == "skip":
        window_ms = min(window_ms, ON_TIME_MS)
    inside = [at_ms for at_ms in newest if now_ms - at_ms <= window_ms]
    return frozenset(inside if definition.missed == "all" else inside[-1:])
