"""What was ordered, by whom and when: remembered apart from the agent, to hold it against that."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from agent.definitions import Definition
from agent.due import each_due, next_due


class Span(msgspec.Struct, frozen=True):
    """Moments later than the first, up to and with the last."""

    after_ms: int
    until_ms: int

    def holds(self, at_ms: int) -> bool:
        return self.after_ms < at_ms <= self.until_ms


class TaskFacts(msgspec.Struct):
    """One task as its owner knows it."""

    versions: dict[int, Definition]  # by their numbers
    enabled: bool = True
    def_rev: int = 1
    changes_ms: list[int] = []
    now_held: dict[str, Span] = {}  # by "paused" and "skip_next"
    once_held: list[tuple[str, Span]] = []  # taken back, or in the place of which another came

    @property
    def definition(self) -> Definition:
        return self.versions[self.def_rev]

    def hold(self, how: str, span: Span) -> None:
        """Let the moments of this span not run."""
        self.release(how, span.after_ms)
        self.now_held[how] = span

    def release(self, how: str, at_ms: int) -> None:
        """From now on they may."""
        span = self.now_held.pop(how, None)
        if span is not None:
            until_ms = min(span.until_ms, at_ms)
            self.once_held.append((how, Span(span.after_ms, until_ms)))

    def is_held(self, at_ms: int, how: str | None = None) -> bool:
        spans = [*self.now_held.items(), *self.once_held]
        return any(how in (None, what) and span.holds(at_ms) for what, span in spans)

    def correct(self, now_ms: int) -> None:
        """The clock stood too late, and what has not come yet is decided by what holds now."""
        self.changes_ms = [min(at_ms, now_ms) for at_ms in self.changes_ms]
        self.now_held = {
            how: Span(min(span.after_ms, now_ms), span.until_ms)
            for how, span in self.now_held.items()
        }
        self.once_held = [
            (how, Span(span.after_ms, min(span.until_ms, now_ms))) for how, span in self.once_held
        ]

    def newer_dues(self, def_rev: int, after_ms: int, until_ms: int) -> Iterable[int]:
        """Due moments of a version in a span, that nobody keeps from running."""
        dues = each_due(self.versions[def_rev], after_ms, until_ms)
        return (at_ms for at_ms in dues if not self.is_held(at_ms))

    def is_due(self, def_rev: int, at_ms: int) -> bool:
        return next_due(self.versions[def_rev], at_ms - 1) == at_ms


# By calendar: whether a moment lies in one of its windows, reckoned by hand from the wall clock.
Windows = Mapping[str, Callable[[datetime], bool]]
ZONES = {"stocktake": ZoneInfo("Pacific/Auckland"), "each-hour": ZoneInfo("UTC")}
WINDOWS: Windows = {
    # SUN 22:00-MON 05:00
    "stocktake": lambda at: (
        (at.weekday() == 6 and at.hour >= 22) or (at.weekday() == 0 and at.hour < 5)
    ),
    # MON-SUN hh:37-hh:44, for each hour
    "each-hour": lambda at: 37 <= at.minute < 44,
}


def is_closed(calendars: Sequence[str], at_ms: int) -> bool:
    """Whether one of these calendars lets nothing start."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return any(WINDOWS[name](moment.astimezone(ZONES[name])) for name in calendars)
