"""What is known of a task, and expected of its due moments: the words of rules that look ahead."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from agent.cron.moments import Tag
from agent.definitions import Definition
from agent.runs import Run
from agent.windows import Closed

Outcome: TypeAlias = Literal[
    "runs", "delayed", "queued", "beside", "replaces", "replaced", "skipped"
]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A task as its future is reckoned: definition, flags, live runs, how long a run takes."""

    definition: Definition
    takes_ms: int | None = None
    paused: bool = False
    paused_until_ms: int | None = None
    pause_reason: str | None = None
    skip_until_ms: int | None = None
    live: tuple[Run, ...] = ()

    @property
    def task_name(self) -> str:
        return self.definition.task_name

    def is_paused(self, at_ms: int) -> bool:
        """Paused at that moment, as far as is known now."""
        return self.paused and (self.paused_until_ms is None or at_ms < self.paused_until_ms)

    def is_skipped(self, at_ms: int) -> bool:
        """Somebody said that moments up to here are not run."""
        return self.skip_until_ms is not None and at_ms <= self.skip_until_ms


ClosedAt: TypeAlias = Callable[[Definition, int], Closed | None]
"""What keeps a task from starting at a moment: a window of its calendars, if any."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """One due moment and what will become of it, if nothing happens that is not known now.

    `meets_ms` is the moment of the run of the same task that is alive then. Without `ends_ms`
    nobody knows how long a run takes, without `starts_ms` there is none.
    """

    task_name: str
    at_ms: int
    priority: int = 3
    tag: Tag = "normal"
    outcome: Outcome = "runs"
    reason: str | None = None
    starts_ms: int | None = None
    ends_ms: int | None = None
    meets_ms: int | None = None
    window: str | None = None

    @property
    def will_run(self) -> bool:
        """A run comes of it."""
        return self.starts_ms is not None


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """Something that befell the host's clock or the agent; `size_ms` where it has a length."""

    at_ms: int
    kind: str
    size_ms: int | None = None
    message: str = ""
