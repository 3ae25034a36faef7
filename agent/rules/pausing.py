"""Which due moments fall into a pause, and what becomes of each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from agent.definitions import Definition
from agent.expected import Expected, Planned
from agent.runs import Run

LISTED: Final = 100
"""So many moments of a task are listed one by one; all are counted."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A due moment within the pause: its row will say why it did not run; else it would have."""

    at_ms: int
    reason: str
    otherwise: str


class InFlight(msgspec.Struct, frozen=True, kw_only=True):
    """A run that the pause does not touch: it goes on, or its retry comes at its time."""

    run_id: str
    kind: Literal["goes_on", "starts", "retries"]
    at_ms: int | None
    """When it is expected to end, or when the retry comes; None when nobody knows."""


class Follower(msgspec.Struct, frozen=True, kw_only=True):
    """A task that comes after a paused one: so many of its runs will not come."""

    task_name: str
    after: str
    count: int


class TaskPause(msgspec.Struct, frozen=True, kw_only=True):
    """What a pause does to one task; `next_ms` is its first moment after the pause."""

    task_name: str
    count: int
    first_ms: int | None
    last_ms: int | None
    next_ms: int | None
    held: tuple[Held, ...]
    in_flight: tuple[InFlight, ...]


class PausePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a pause from now until a moment does; with that moment it ends by itself.

    Without an end it lasts until somebody resumes, and only `seen_until_ms` was looked at.
    """

    from_ms: int
    until_ms: int | None
    seen_until_ms: int
    tasks: tuple[TaskPause, ...]
    followers: tuple[Follower, ...]

    @property
    def count(self) -> int:
        """All due moments that fall into it."""
        return sum(task.count for task in self.tasks)


def pause_preview(
    tasks: Sequence[Planned],
    expected: Mapping[str, Iterable[Expected]],
    next_ms: Mapping[str, int | None],
    others: Iterable[Definition],
    *,
    from_ms: int,
    until_ms: int | None,
    seen_until_ms: int,
) -> PausePreview:
    """Sort what is expected of these tasks without the pause into what becomes of it.

    `expected` are the moments within the pause, `next_ms` the first one after it, `others` all
    definitions there are.
    """
    lost: dict[str, int] = {}
    shown: list[TaskPause] = []
    for task in tasks:
        name = task.task_name
        moments = list(expected.get(name, ()))
        lost[name] = sum(one.will_run for one in moments)
        shown.append(
            TaskPause(
                task_name=name,
                count=len(moments),
                first_ms=moments[0].at_ms if moments else None,
                last_ms=moments[-1].at_ms if moments else None,
                next_ms=None if until_ms is None else next_ms.get(name),
                held=tuple(_held(one) for one in moments[:LISTED]),
                in_flight=tuple(_in_flight(task, run, from_ms) for run in task.live),
            )
        )
    return PausePreview(
        from_ms=from_ms,
        until_ms=until_ms,
        seen_until_ms=seen_until_ms,
        tasks=tuple(shown),
        followers=tuple(
            Follower(task_name=other.task_name, after=name, count=lost[name])
            for other in others
            for name in other.after
            if other.enabled and other.after_on != "failure" and lost.get(name)
        ),
    )


def _held(one: Expected) -> Held:
    return Held(
        at_ms=one.at_ms,
        reason="disabled" if one.reason == "disabled" else "paused",
        otherwise=one.reason or one.outcome,
    )


def _in_flight(task: Planned, run: Run, from_ms: int) -> InFlight:
    if run.status == "retry_wait":
        return InFlight(run_id=run.id, kind="retries", at_ms=run.retry_at_ms)
    if run.started_ms is None:
        return InFlight(run_id=run.id, kind="starts", at_ms=None)
    ends_ms = None if task.takes_ms is None else max(from_ms, run.started_ms + task.takes_ms)
    return InFlight(run_id=run.id, kind="goes_on", at_ms=ends_ms)
