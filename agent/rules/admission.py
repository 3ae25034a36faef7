"""May a due moment become a run: start or not, and why."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

import msgspec

from agent.cron.moments import Moments
from agent.cron.zones import load_zone
from agent.definitions import Definition
from agent.windows import Closed

# A moment found later than this was not met by the clock but looked for afterwards.
ON_TIME_MS: Final = 60_000

Reason = Literal[
    "overlap",
    "queue_full",
    "replaced",
    "paused",
    "disabled",
    "skip_next",
    "blackout",
    "agent_down",
    "clock_jump",
    "suspended",
    "too_late",
    "catchup_limit",
    "row_lost",
    "storage",
]


class Start(msgspec.Struct, frozen=True):
    """This due moment becomes a run; it waits in the queue until everything allows it.

    Not earlier than `not_before_ms`, when a blackout that delays it ends.
    """

    moment_ms: int
    trigger: Literal["schedule", "catchup"]
    not_before_ms: int | None = None


class Record(msgspec.Struct, frozen=True):
    """This due moment does not run, and its row says why."""

    moment_ms: int
    status: Literal["skipped", "missed"]
    reason: Reason
    note: str | None = None


class Summed(msgspec.Struct, frozen=True):
    """All these due moments do not run; one `missed` row stands for them."""

    first_ms: int
    last_ms: int
    count: int
    reason: Reason
    note: str | None = None


Decision = Start | Record | Summed


class Held(msgspec.Struct, frozen=True):
    """Why none of some moments may run, whatever the policies say."""

    reason: Literal["paused", "disabled", "skip_next"]
    note: str | None = None


class Late(msgspec.Struct, frozen=True):
    """Why nobody met moments that were found afterwards."""

    reason: Literal["agent_down", "clock_jump", "suspended", "storage", "too_late"] = "too_late"
    note: str | None = None


class Busy(msgspec.Struct, frozen=True):
    """Runs of one task: alive, and waiting for a slot without having come from a catch-up."""

    alive: int = 0
    waiting: int = 0


def admit(
    definition: Definition,
    moments: Moments,
    *,
    now_ms: int,
    busy: Busy,
    late: Late,
    closed_at: Callable[[int], Closed | None],
) -> list[Decision]:
    """Decide on each due moment exactly once, oldest first.

    `closed_at` answers the window in which the task must not start, when a moment lies in one.
    """
    decisions = _summed(moments, late.reason, late.note)
    chosen, too_many = _choose(definition, moments.newest, now_ms)
    newest_chosen = max(chosen, default=None)
    waiting = busy.waiting
    closed_now = closed_at(now_ms) if chosen else None
    not_before_ms = closed_now.until_ms if closed_now else None
    for at_ms in moments.newest:
        is_late = now_ms - at_ms > ON_TIME_MS
        if at_ms in too_many:
            note = f"only the {definition.catchup_limit} newest are caught up"
            decisions.append(Record(at_ms, "missed", "catchup_limit", note))
        elif at_ms not in chosen:
            decisions.append(Record(at_ms, "missed", late.reason, late.note))
        elif definition.in_blackout == "skip" and (closed := closed_at(at_ms) or closed_now):
            decisions.append(
                Record(at_ms, "skipped", "blackout", say_closed(closed, definition.timezone))
            )
        elif is_late and definition.missed == "all" and definition.overlap != "replace":
            # All of them run, one after another behind whatever runs now.
            decisions.append(Start(at_ms, "catchup", not_before_ms))
        elif definition.overlap == "replace" and at_ms != newest_chosen:
            decisions.append(Record(at_ms, "skipped", "replaced"))
        elif reason := in_the_way(definition, Busy(busy.alive, waiting)):
            decisions.append(Record(at_ms, "skipped", reason))
        else:
            trigger: Literal["schedule", "catchup"] = "catchup" if is_late else "schedule"
            decisions.append(Start(at_ms, trigger, not_before_ms))
            waiting += 1
    return decisions


def await_pings(
    definition: Definition,
    moments: Moments,
    *,
    now_ms: int,
    late: Late,
    is_answered: Callable[[int, int], bool],
    closed_at: Callable[[int], Closed | None],
) -> list[Decision]:
    """Decide on each due moment of a watch exactly once: its row waits for a ping, or ends at once.

    One whose grace is over is waited for only where `is_answered` says that a ping came between
    two moments while nobody listened.
    """
    decisions = _summed(moments, late.reason, late.note)
    grace_ms = definition.ping_grace_s * 1000
    for at_ms in moments.newest:
        closed = closed_at(at_ms)
        if closed is not None:
            note = say_closed(closed, definition.timezone)
            decisions.append(Record(at_ms, "skipped", "blackout", note))
        elif now_ms - at_ms <= grace_ms or is_answered(at_ms, at_ms + grace_ms):
            is_late = now_ms - at_ms > ON_TIME_MS
            decisions.append(Start(at_ms, "catchup" if is_late else "schedule"))
        else:
            decisions.append(Record(at_ms, "missed", late.reason, late.note))
    return decisions


def in_the_way(definition: Definition, busy: Busy) -> Reason | None:
    """Why one more run of this task may not even wait, by its policy for overlaps."""
    match definition.overlap:
        case "forbid":
            return "overlap" if busy.alive or busy.waiting else None
        case "queue":
            # The first to come while none is alive does not wait for another one.
            room = definition.most_waiting + (0 if busy.alive else 1)
            return "queue_full" if busy.waiting >= room else None
        case "allow":
            return "overlap" if busy.alive + busy.waiting >= definition.most_running else None
        case "replace":
            return None


def say_closed(closed: Closed, zone: str) -> str:
    """Which window it is and until when, as the clocks of this zone show it."""
    if closed.until_ms is None:
        return f"{closed.name}, without end"
    until = datetime.fromtimestamp(closed.until_ms / 1000, load_zone(zone))
    return f"{closed.name}, until {until:%Y-%m-%d %H:%M} {zone}"


def refuse(moments: Moments, held: Held | Late) -> list[Decision]:
    """Let none of these moments run: skipped when somebody said so, missed when nobody looked."""
    decisions = _summed(moments, held.reason, held.note)
    status: Literal["skipped", "missed"] = "skipped" if isinstance(held, Held) else "missed"
    for at_ms in moments.newest:
        decisions.append(Record(at_ms, status, held.reason, held.note))
    return decisions


def _summed(moments: Moments, reason: Reason, note: str | None) -> list[Decision]:
    if moments.first_older_ms is None or moments.last_older_ms is None:
        return []
    first_ms, last_ms = moments.first_older_ms, moments.last_older_ms
    return [Summed(first_ms, last_ms, moments.older_count, reason, note)]


def _choose(
    definition: Definition, newest: tuple[int, ...], now_ms: int
) -> tuple[frozenset[int], frozenset[int]]:
    """Moments that the policy for missed ones still lets run, and those beyond its limit."""
    window_ms = definition.start_deadline_s * 1000
    if definition.missed == "skip":
        window_ms = min(window_ms, ON_TIME_MS)
    inside = [at_ms for at_ms in newest if now_ms - at_ms <= window_ms]
    is_met = bool(inside) and now_ms - newest[0] <= ON_TIME_MS
    if is_met and definition.overlap in ("queue", "allow"):
        # Several within a minute: each can have its run, so none of them was missed.
        return frozenset(inside), frozenset()
    if definition.missed != "all":
        return frozenset(inside[-1:]), frozenset()
    limit = definition.catchup_limit
    return frozenset(inside[-limit:]), frozenset(inside[:-limit])
