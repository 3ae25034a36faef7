"""Which of the claimed runs starts next: the most urgent one that everything has room for."""

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from agent.definitions import Definition
from agent.rules.admission import Busy
from agent.runs import Run

AGING_MS: Final = 300_000
"""Waiting this long outweighs one step of priority, so that nothing waits for ever."""
BEHIND_MS: Final = 600_000
"""Runs made up for stand this far behind those that are due now."""


class Waiting(msgspec.Struct, frozen=True):
    """A claimed run and the definition it will run by."""

    run: Run
    definition: Definition

    @property
    def gives_way(self) -> bool:
        """The next due moment of the task goes before it, as if it were not there."""
        return self.is_background or self.run.trigger == "retry"

    @property
    def is_background(self) -> bool:
        """It makes up for a moment long past, so it must not delay what is due now."""
        return self.run.trigger == "catchup" or is_backfill(self.run)


class _Lane(NamedTuple):
    """Runs that share a cap: a category's, and for those made up for the one on catching up."""

    category: str
    is_background: bool


_Entry = tuple[int, int, str]  # urgency, number, run id


class Queue:
    """Slots and everybody who waits for one; whoever takes a run gives its slot back."""

    def __init__(
        self, *, slots: int, background_slots: int, category_slots: Mapping[str, int]
    ) -> None:
        self.slots = slots
        self._background_slots = background_slots
        self._category_slots = category_slots
        self._numbers = itertools.count()
        self._waiting: dict[str, Waiting] = {}
        self._parked: set[str] = set()
        # Startable once their task has room; those made up for apart, as they may wait longer.
        self._by_task: dict[tuple[str, bool], list[_Entry]] = {}
        self._lanes: dict[_Lane, list[_Entry]] = {}  # the first of each task that has room
        self._in_lane: set[str] = set()
        self._foreground: Counter[str] = Counter()  # waiting by task, and giving way to none
        self._retrying: Counter[str] = Counter()  # waiting by task, until the next due moment
        self._held: dict[str, Waiting] = {}
        self._held_by_task: Counter[str] = Counter()
        self._held_by_category: Counter[str] = Counter()
        self._held_in_background = 0

    # Who waits, who has a slot

    @property
    def startable(self) -> int:
        """Runs that wait for nothing but room."""
        return len(self._waiting) - len(self._parked)

    @property
    def waiting(self) -> int:
        """Runs without a slot, also those that wait for their hour."""
        return len(self._waiting)

    @property
    def in_background(self) -> int:
        """Runs made up for that still wait."""
        return len(self._waiting) - self._foreground.total() - self._retrying.total()

    @property
    def held(self) -> int:
        """Runs that have a slot."""
        return len(self._held)

    def oldest_ms(self) -> int | None:
        """When the run that waits longest for room was claimed; None when none does."""
        return min(
            (
                waiting.run.queued_ms
                for run_id, waiting in self._waiting.items()
                if run_id not in self._parked
            ),
            default=None,
        )

    def busy(self, task_name: str) -> Busy:
        """What the policy for overlaps asks."""
        return Busy(self._held_by_task[task_name], self._foreground[task_name])

    def waiting_of(self, task_name: str) -> tuple[Run, ...]:
        """The runs of a task that wait and give way to none."""
        if not self._foreground[task_name]:
            return ()
        return tuple(one.run for one in self._of(task_name) if not one.gives_way)

    def retries_of(self, task_name: str) -> tuple[Run, ...]:
        """The retries of a task that wait."""
        if not self._retrying[task_name]:
            return ()
        return tuple(one.run for one in self._of(task_name) if one.run.trigger == "retry")

    def _of(self, task_name: str) -> Iterable[Waiting]:
        return (one for one in self._waiting.values() if one.run.task_name == task_name)

    # Coming and going

    def put(self, waiting: Waiting) -> None:
        """One more wants a slot."""
        self._add(waiting)
        self._line_up(waiting)

    def park(self, waiting: Waiting) -> None:
        """One more will want a slot, but not before its hour: `unpark` says when."""
        self._add(waiting)
        self._parked.add(waiting.run.id)

    def unpark(self, run_id: str) -> bool:
        """The hour has come; False when the run waits no more."""
        if run_id not in self._parked:
            return False
        self._parked.discard(run_id)
        self._line_up(self._waiting[run_id])
        return True

    def remove(self, run_id: str) -> Run | None:
        """Somebody wants it no more."""
        waiting = self._waiting.pop(run_id, None)
        if waiting is None:
            return None
        self._parked.discard(run_id)
        self._count(waiting, -1)
        # Its entry is passed over when its turn comes; another of its task may stand behind it.
        self._offer(waiting.run.task_name)
        return waiting.run

    def hold(self, waiting: Waiting) -> None:
        """Take a slot for a run that lives already."""
        self._held[waiting.run.id] = waiting
        self._held_by_task[waiting.run.task_name] += 1
        self._held_by_category[waiting.definition.category] += 1
        self._held_in_background += waiting.is_background

    def release(self, run_id: str) -> None:
        """A slot is free again."""
        held = self._held.pop(run_id, None)
        if held is None:
            return
        name, category = held.run.task_name, held.definition.category
        self._held_by_task[name] -= 1
        if not self._held_by_task[name]:
            del self._held_by_task[name]
        self._held_by_category[category] -= 1
        self._held_in_background -= held.is_background
        self._offer(name)

    def take(self) -> Waiting | None:
        """The most urgent run that may start now, with its slot; None when there is none."""
        if len(self._held) >= self.slots:
            return None
        best: _Lane | None = None
        for lane in list(self._lanes):
            if not self._has_room(lane) or not self._tidy(lane):
                continue
            if best is None or self._lanes[lane][0] < self._lanes[best][0]:
                best = lane
        if best is None:
            return None
        _, _, run_id = heapq.heappop(self._lanes[best])
        self._in_lane.discard(run_id)
        waiting = self._waiting.pop(run_id)
        name = waiting.run.task_name
        self._count(waiting, -1)
        self.hold(waiting)
        self._offer(name)
        return waiting

    # Inside

    def _add(self, waiting: Waiting) -> None:
        self._waiting[waiting.run.id] = waiting
        self._count(waiting, 1)

    def _count(self, waiting: Waiting, number: int) -> None:
        name = waiting.run.task_name
        self._foreground[name] += 0 if waiting.gives_way else number
        self._retrying[name] += number if waiting.run.trigger == "retry" else 0

    def _line_up(self, waiting: Waiting) -> None:
        run = waiting.run
        urgency = run.queued_ms + (waiting.definition.priority - 1) * AGING_MS
        urgency += BEHIND_MS if waiting.is_background else 0
        # Of those claimed at once the oldest moment comes first.
        entry = (urgency, run.scheduled_ms * 1_000_000 + next(self._numbers), run.id)
        key = (run.task_name, waiting.is_background)
        heapq.heappush(self._by_task.setdefault(key, []), entry)
        self._offer(run.task_name)

    def _offer(self, task_name: str) -> None:
        """Let the first runs of a task stand in their lanes if the task has room."""
        for key in ((task_name, False), (task_name, True)):
            entries = self._by_task.get(key)
            while entries and not self._is_startable(entries[0]):
                heapq.heappop(entries)
            if not entries:
                self._by_task.pop(key, None)
                continue
            entry = entries[0]
            if entry[2] in self._in_lane or not self._may_start(entry):
                continue
            waiting = self._waiting[entry[2]]
            lane = _Lane(waiting.definition.category, waiting.is_background)
            heapq.heappush(self._lanes.setdefault(lane, []), entry)
            self._in_lane.add(entry[2])

    def _tidy(self, lane: _Lane) -> bool:
        """Drop entries of runs that wait no more or whose task has no room; False when empty."""
        entries = self._lanes[lane]
        while entries and not self._may_start(entries[0]):
            self._in_lane.discard(heapq.heappop(entries)[2])
        if not entries:
            del self._lanes[lane]
        return bool(entries)

    def _may_start(self, entry: _Entry) -> bool:
        if not self._is_startable(entry):
            return False
        waiting = self._waiting[entry[2]]
        return self._held_by_task[waiting.run.task_name] < waiting.definition.most_running

    def _is_startable(self, entry: _Entry) -> bool:
        return entry[2] in self._waiting and entry[2] not in self._parked

    def _has_room(self, lane: _Lane) -> bool:
        if lane.is_background and self._held_in_background >= self._background_slots:
            return False
        cap = self._category_slots.get(lane.category)
        return cap is None or self._held_by_category[lane.category] < cap


def is_backfill(run: Run) -> bool:
    """Somebody ordered a past moment to be run after all."""
    return run.trigger == "manual" and run.attempt > 1
