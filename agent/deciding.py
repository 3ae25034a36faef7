"""What becomes of each moment at which a task was due?"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import pairwise

from agent.claims import decided
from agent.definitions import Definition
from agent.due import count_due, due_between
from agent.rules.admission import Busy, Decision, Held, Late, Summed, admit, await_pings, refuse
from agent.rules.sums import Sum, split_sum
from agent.runs import Run
from agent.store.corrections import Overreaching, Taken
from agent.store.tasks import TaskRow
from agent.windows import Closed


class Deciding:
    """Judges the moments of one task by its definition and by what is known around it."""

    def __init__(
        self,
        *,
        busy: Callable[[str], Busy],
        is_answered: Callable[[str, int, int], bool],
        closed_at: Callable[[Definition, int], Closed | None],
        taken: Callable[[str, int, int], Awaitable[Sequence[Taken]]],
    ) -> None:
        """`taken` are the moments of a task in a span that have rows; none where nobody knows."""
        self._busy = busy
        self._is_answered = is_answered
        self._closed_at = closed_at
        self._taken = taken

    async def decide(
        self,
        task: TaskRow,
        *,
        after_ms: int,
        until_ms: int,
        now_ms: int,
        late: Late,
        limit: int,
        boots: Sequence[int],
        highest_ms: int,
    ) -> list[Run]:
        """A row for each moment after `after_ms` up to `until_ms`, at most about `limit` of them.

        Before `highest_ms`, up to which a clock once stood that was later than it should be,
        moments may have rows already.
        """
        definition = task.definition
        if definition.missed == "all":
            limit = max(limit, definition.catchup_limit)
        decisions: list[Decision] = []
        if after_ms >= until_ms:
            return []
        for begins_ms, ends_ms in pairwise(_cuts(task, after_ms, until_ms)):
            moments = due_between(definition, begins_ms, ends_ms, limit=limit, boots=boots)
            held = _held(task, ends_ms)
            if held is not None:
                decisions += refuse(moments, held)
            elif definition.kind == "watch":
                decisions += await_pings(
                    definition,
                    moments,
                    now_ms=now_ms,
                    late=late,
                    is_answered=partial(self._is_answered, task.task_name),
                    closed_at=partial(self._closed_at, definition),
                )
            else:
                decisions += admit(
                    definition,
                    moments,
                    now_ms=now_ms,
                    busy=self._busy(task.task_name),
                    late=late,
                    closed_at=partial(self._closed_at, definition),
                )
        if after_ms < highest_ms:
            decisions = [
                single
                for decision in decisions
                for single in await self._spread(task, decision, boots)
            ]
        return [decided(task, decision, now_ms) for decision in decisions]

    async def _spread(
        self, task: TaskRow, decision: Decision, boots: Sequence[int]
    ) -> list[Decision]:
        """Where a clock once stood later than it should, moments may have rows: sum around them."""
        if not isinstance(decision, Summed):
            return [decision]
        rows = await self._taken(task.task_name, decision.first_ms, decision.last_ms)
        taken = [(row.first_ms, row.last_ms) for row in rows]
        count = partial(count_due, task.definition, boots=boots)
        # Around many rows this takes seconds.
        spans = await asyncio.to_thread(
            split_sum, decision.first_ms, decision.last_ms, taken, count
        )
        return [
            Summed(span.first_ms, span.last_ms, span.count, decision.reason, decision.note)
            for span in spans
        ]


def cut_sum(
    reaching: Overreaching, made_by: Definition | None, *, now_ms: int, boots: Sequence[int]
) -> Sum:
    """What of a sum lies before now; its first moment does at least."""
    rest: tuple[Sum, ...] = ()
    if made_by is not None:
        count = partial(count_due, made_by, boots=boots)
        rest = split_sum(reaching.first_ms, now_ms, (), count)
    return rest[0] if rest else Sum(reaching.first_ms, reaching.first_ms, 1)


def _cuts(task: TaskRow, after_ms: int, now_ms: int) -> list[int]:
    """Where in this span it changes whether somebody keeps the task from running."""
    inner = {task.skip_until_ms}
    if task.paused and task.paused_until_ms is not None:
        inner.add(task.paused_until_ms - 1)  # the moment at which a pause ends is not in it
    return [after_ms, *sorted(at for at in inner if at and after_ms < at < now_ms), now_ms]


def _held(task: TaskRow, ends_ms: int) -> Held | None:
    """Who keeps the task from running in a span that ends here, as `_cuts` made it."""
    if task.skip_until_ms is not None and ends_ms <= task.skip_until_ms:
        return Held("skip_next", task.skip_reason)
    if task.is_paused(ends_ms):
        return Held("paused", task.pause_reason)
    return None
