"""What happened to the host's clocks, and what does the agent do about it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal, get_args

import msgspec

# A step smaller than this changes nobody's day, and two readings are some microseconds apart.
JUMP_MS: Final = 500
# Slewing moves the wall clock by at most 500 parts in a million, a smeared leap second by 12.
SLEW_PPM: Final = 500
# The largest step that a change of summer time makes of a badly set clock is 2 h (Troll); from
# 3 h on somebody has put a wrong clock right. Debian's cron draws the line there too.
CORRECTION_MS: Final = 3 * 3_600_000
# Shorter sleeps of the host delay a start no more than a busy host does.
SUSPEND_MS: Final = 2_000
# Twice the delay at which the health check of the scheduler turns critical.
STALL_MS: Final = 10_000
# How far the agent has decided is written once a minute: less than two of them is a restart.
OUTAGE_MS: Final = 120_000
# No correct clock is earlier than the release of this version: 2026-11-01 UTC.
EARLIEST_MS: Final = 1_793_491_200_000
SHOWN_MS: Final = 3_600_000
"""So long the health check tells of what happened to the clock."""

Kind = Literal[
    "boot",
    "clock_back",
    "clock_corrected",
    "clock_forward",
    "clock_right",
    "clock_wrong",
    "outage",
    "stall",
    "suspend",
    "zones_changed",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Late = Literal["clock_jump", "suspended", "agent_down"]
Verdict = Literal["go_on", "wait", "outage", "correct", "hold"]

# What happened of these makes moments pass by unseen, and this is the reason in their rows.
_LATE: Final[dict[Kind, Late]] = {
    "clock_forward": "clock_jump",
    "clock_right": "agent_down",
    "outage": "agent_down",
    "stall": "agent_down",
    "suspend": "suspended",
}
# Of these the health check of the clock tells.
SHOWN_KINDS: Final[tuple[Kind, ...]] = (
    "clock_back",
    "clock_corrected",
    "clock_forward",
    "clock_right",
    "stall",
    "suspend",
)
_YEAR_S: Final = 365.2425 * 86_400


class Reading(msgspec.Struct, frozen=True):
    """The three clocks of the host, read together.

    `boot_ms` goes on while the host sleeps, `mono_ms` does not, and nobody can set either.
    """

    wall_ms: int
    boot_ms: int
    mono_ms: int


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, by the wall clock as it stood afterwards; sizes are positive."""

    kind: Kind
    size_ms: int
    at_ms: int
    message: str


class Beginning(msgspec.Struct, frozen=True):
    """What an agent that begins does about the moments before now.

    `go_on`: nothing was passed over. `wait`: nothing is due until the time decided already has
    come again. `outage`: what was passed over is missed. `correct`: watermarks move back to now.
    `hold`: the clock is certainly wrong, nothing is decided.
    """

    verdict: Verdict
    happening: Happening | None = None


class ClockState(msgspec.Struct, frozen=True):
    """What the health check of the clock says."""

    level: Literal["ok", "warn", "crit"]
    message: str


def judge(
    before: Reading,
    after: Reading,
    *,
    asked_ms: int | None = None,
    earliest_ms: int = EARLIEST_MS,
) -> tuple[Happening, ...]:
    """All that happened between two readings; nothing in the usual case.

    `asked_ms` is how long the agent meant to sleep between them; None when it was at work, so
    that nobody can say how long it should have taken.
    """
    happened: list[Happening] = []
    boot_ms = after.boot_ms - before.boot_ms
    mono_ms = after.mono_ms - before.mono_ms
    if boot_ms - mono_ms > SUSPEND_MS:
        happened.append(_suspend(boot_ms - mono_ms, after.wall_ms))
    if asked_ms is not None and mono_ms - asked_ms > STALL_MS:
        happened.append(_stall(mono_ms - asked_ms, after.wall_ms))
    jump_ms = after.wall_ms - before.wall_ms - boot_ms
    if abs(jump_ms) > JUMP_MS + boot_ms * SLEW_PPM // 1_000_000:
        happened.append(_jump(jump_ms, before.wall_ms, after.wall_ms, earliest_ms))
    return tuple(happened)


def judge_start(
    decided_until_ms: int | None,
    now_ms: int,
    *,
    is_new_boot: bool,
    earliest_ms: int = EARLIEST_MS,
) -> Beginning:
    """What an agent does that has no earlier reading, only how far was decided before it.

    Also for one that held because of a wrong clock, whenever it looks again.
    """
    if now_ms < earliest_ms:
        return Beginning("hold", _wrong(earliest_ms - now_ms, now_ms))
    if not decided_until_ms:
        return Beginning("go_on")
    passed_ms = now_ms - decided_until_ms
    if passed_ms <= -CORRECTION_MS:
        return Beginning("correct", _corrected(-passed_ms, now_ms))
    if passed_ms < -JUMP_MS:
        return Beginning("wait", _back(-passed_ms, now_ms))
    if passed_ms < 0:
        return Beginning("wait")
    if passed_ms <= OUTAGE_MS:
        return Beginning("go_on")
    return Beginning("outage", _outage(passed_ms, now_ms, is_new_boot=is_new_boot))


def late_reason(happened: Iterable[Happening]) -> Late | None:
    """Why moments passed by unseen, by what took longest; None when none did."""
    passed = [one for one in happened if one.kind in _LATE]
    return _LATE[max(passed, key=lambda one: one.size_ms).kind] if passed else None


def clock_state(
    last: Happening | None, now_ms: int, *, earliest_ms: int = EARLIEST_MS
) -> ClockState:
    """How the clock stands, given the last thing that happened to it."""
    if now_ms < earliest_ms:
        return ClockState("crit", _wrong(earliest_ms - now_ms, now_ms).message)
    if last is None or last.kind not in SHOWN_KINDS or abs(now_ms - last.at_ms) >= SHOWN_MS:
        return ClockState("ok", "in step")
    return ClockState("warn", last.message)


def _jump(jump_ms: int, before_ms: int, after_ms: int, earliest_ms: int) -> Happening:
    if before_ms < earliest_ms <= after_ms:
        return _happening(
            "clock_right",
            jump_ms,
            after_ms,
            f"the clock was wrong and has been put right, {_length(jump_ms)} forward; "
            "schedules go on from what was decided last",
        )
    if after_ms < earliest_ms <= before_ms:
        return _wrong(-jump_ms, after_ms)
    if jump_ms > 0:
        return _happening(
            "clock_forward",
            jump_ms,
            after_ms,
            f"the clock was set forward by {_length(jump_ms)}; "
            "what was due in between counts as missed, by each task's policy",
        )
    if jump_ms > -CORRECTION_MS:
        return _back(-jump_ms, after_ms)
    return _corrected(-jump_ms, after_ms)


def _back(size_ms: int, at_ms: int) -> Happening:
    return _happening(
        "clock_back",
        size_ms,
        at_ms,
        f"the clock was set back by {_length(size_ms)}; "
        "nothing is due again until that time is made up",
    )


def _corrected(size_ms: int, at_ms: int) -> Happening:
    return _happening(
        "clock_corrected",
        size_ms,
        at_ms,
        f"the clock was set back by {_length(size_ms)}; "
        "schedules go on from now, and what ran already does not run again",
    )


def _wrong(size_ms: int, at_ms: int) -> Happening:
    shown = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    return _happening(
        "clock_wrong",
        size_ms,
        at_ms,
        f"the clock shows {shown} UTC, which is earlier than this version of Smart Cron; "
        "nothing is decided until the clock is put right",
    )


def _suspend(size_ms: int, at_ms: int) -> Happening:
    return _happening(
        "suspend",
        size_ms,
        at_ms,
        f"the host was suspended for {_length(size_ms)}; "
        "what was due meanwhile counts as missed, by each task's policy",
    )


def _stall(size_ms: int, at_ms: int) -> Happening:
    return _happening(
        "stall",
        size_ms,
        at_ms,
        f"the agent was held up for {_length(size_ms)}; "
        "what was due meanwhile counts as missed, by each task's policy",
    )


def _outage(size_ms: int, at_ms: int, *, is_new_boot: bool) -> Happening:
    why = "the host was started anew; " if is_new_boot else ""
    return _happening(
        "outage",
        size_ms,
        at_ms,
        f"{why}no agent decided for {_length(size_ms)}; "
        "what was due meanwhile counts as missed, by each task's policy",
    )


def _happening(kind: Kind, size_ms: int, at_ms: int, message: str) -> Happening:
    sentence = f"{message[0].upper()}{message[1:]}."
    return Happening(kind=kind, size_ms=size_ms, at_ms=at_ms, message=sentence)


def _length(size_ms: int) -> str:
    seconds = size_ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds >= 2 * _YEAR_S:
        return f"{seconds / _YEAR_S:.1f} years"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days {hours % 24} h"
