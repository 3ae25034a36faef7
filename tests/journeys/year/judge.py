"""May this run start now? Each start is held against what was promised, as it happens.

Nothing here asks the agent: it knows the orders that were given, the rows as they were claimed,
the processes that live, and the clock.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from agent.clock import iso
from agent.definitions import Definition
from agent.recorder import Shown
from agent.rules.admission import ON_TIME_MS
from agent.rules.chains import follows
from agent.runs import Run
from tests.agent.fake_clock import FakeClock
from tests.journeys.year.facts import TaskFacts, is_closed
from tests.journeys.year.host import Host

_REMEMBERED: Final = 60
HELD: Final = ("paused", "skip_next")
RETRIED: Final = ("error", "killed_memory")


class Claim(msgspec.Struct):
    """A run that was claimed to come: when, in which life, and what became of it."""

    run: Run
    number: int
    at_ms: int  # by the monotonic clock, as all below
    life: int
    clock_changes: int
    held: tuple[str, ...]  # by whom its moment was, then
    started_ms: int | None = None
    over_ms: int | None = None  # it was gone
    written_ms: int | None = None  # and its row said so
    over_changes: int = 0
    ending: str = ""


class Judge:
    """Notes what it sees and every promise that was broken."""

    def __init__(
        self,
        *,
        clock: FakeClock,
        host: Host,
        tasks: Mapping[str, TaskFacts],
        slots: int,
        catchup_slots: int,
        category_slots: Mapping[str, int],
        find_attempt: Callable[[str, int, int], Run | None],
        find: Callable[[str], Run],
    ) -> None:
        self.wrong: list[str] = []
        self._clock = clock
        self._host = host
        self._tasks = tasks
        self._slots = slots
        self._catchup_slots = catchup_slots
        self._category_slots = category_slots
        self._find_attempt = find_attempt
        self._find = find
        self._claims: dict[str, Claim] = {}
        self._of_task: dict[str, list[Claim]] = {name: [] for name in tasks}
        self._started: set[str] = set()
        self._batches: dict[tuple[str, int], int] = {}  # the last moment made up for, of each
        self._shown: list[Shown] = []
        self._life = 0
        self._born_ms = 0
        self.clock_changes = 0
        self.checked = 0
        self.decided: dict[str, int] = {}  # the newest moment of each task that has a row

    # What happens

    def begin_life(self, shown: list[Shown]) -> None:
        """Another agent comes."""
        self._shown = shown
        self._life += 1
        self._born_ms = self._clock.now_ms()

    def end_life(self, unfinished: Iterable[Run]) -> None:
        """It died, and may have written what nobody was shown any more."""
        self.listen()
        left = {run.id: run for run in unfinished}
        for run in left.values():
            self._note(run)
        for run_id, claim in self._claims.items():
            if claim.over_ms is None and run_id not in left:
                self._note(self._find(run_id))

    def listen(self) -> None:
        """Take down what was written since."""
        for shown in self._shown:
            # Of many rows at once those that did not run may be told first.
            for run in sorted(shown.runs, key=lambda run: run.has_ended):
                self._note(run)
        self._shown.clear()

    def _note(self, run: Run) -> None:
        claim = self._claims.get(run.id)
        if claim is None:
            self._check_new(run)
            if run.has_ended:
                return
            task = self._tasks[run.task_name]
            moment_ms = run.queued_ms if run.trigger == "chain" else run.scheduled_ms
            claim = Claim(
                run,
                len(self._claims),
                self._clock.monotonic_ms(),
                self._life,
                self.clock_changes,
                tuple(how for how in HELD if task.is_held(moment_ms, how)),
            )
            self._claims[run.id] = claim
            known = self._of_task[run.task_name]
            known.append(claim)
            del known[:-_REMEMBERED]
        if run.has_ended and claim.over_ms is None:
            claim.written_ms = self._clock.monotonic_ms()
            claim.over_ms = self._host.over_ms.get(run.id, claim.written_ms)
            claim.over_changes, claim.ending = self.clock_changes, run.status

    def _check_new(self, run: Run) -> None:
        """A row comes to be; one that does not run for others needs them."""
        if run.attempt == 1 and run.trigger in ("schedule", "catchup"):
            last_ms = max(run.scheduled_ms, run.missed_until_ms or 0)
            self.decided[run.task_name] = max(self.decided.get(run.task_name, 0), last_ms)
        if run.reason not in ("overlap", "queue_full"):
            return
        now_ms = self._clock.monotonic_ms()
        others = [
            other
            for other in self._of_task[run.task_name]
            if (gone_ms := self._gone_ms(other)) is None or gone_ms >= now_ms
        ]
        self._expect(run, bool(others), f"is skipped, {run.reason}, for nobody")

    def _gone_ms(self, claim: Claim) -> int | None:
        """When it was in nobody's way any more."""
        ends = (claim.over_ms, self._host.over_ms.get(claim.run.id))
        return min((at_ms for at_ms in ends if at_ms is not None), default=None)

    # Judging

    def see_start(self, run: Run) -> None:
        """A process is about to be started for this row."""
        self.listen()
        self.checked += 1
        claim = self._claims.get(run.id)
        if claim is None or run.has_ended:
            self._say(run, "was not claimed before its start")
            return
        task = self._tasks[run.task_name]
        self._expect(run, run.id not in self._started, "starts twice")
        self._started.add(run.id)
        self._check_room(run, task.definition)
        if run.trigger != "manual":
            self._expect(run, task.enabled, "starts although it is disabled")
            closed = is_closed(task.definition.calendars, self._clock.now_ms())
            self._expect(run, not closed, "starts in a blackout")
            self._check_age(claim, task.definition)
        match run.trigger:
            case "schedule" | "catchup":
                self._check_due(claim, task)
                self._check_overlap(claim, task.definition)
            case "chain":
                self._check_chain(claim, task)
                self._check_overlap(claim, task.definition)
            case "retry":
                self._check_retry(claim, task.definition)
        claim.started_ms = self._clock.monotonic_ms()

    def _check_room(self, run: Run, definition: Definition) -> None:
        living = [one.run for one in self._host.living.values()]
        beside = sum(other.task_name == run.task_name for other in living)
        self._expect(run, beside < definition.most_running, f"starts beside {beside} of its own")
        self._expect(run, len(living) < self._slots, "starts without a slot")
        made_up = sum(other.trigger == "catchup" for other in living)
        is_late = run.trigger == "catchup"
        self._expect(run, not is_late or made_up < self._catchup_slots, "too many are made up for")
        cap = self._category_slots.get(run.category, self._slots)
        alike = sum(other.category == run.category for other in living)
        self._expect(run, alike < cap, "its category has no room")

    def _check_age(self, claim: Claim, definition: Definition) -> None:
        """What an earlier agent left waiting is missed once its deadline is over."""
        run = claim.run
        if claim.life == self._life or run.trigger == "retry":
            return
        # It may have been delayed by a window that came after its claim.
        hour_ms = self._find(run.id).retry_at_ms or 0
        late_ms = self._born_ms - max(run.scheduled_ms, hour_ms)
        self._expect(run, late_ms <= definition.start_deadline_s * 1000, "was left for too long")

    def _check_due(self, claim: Claim, task: TaskFacts) -> None:
        run, definition = claim.run, task.versions[claim.run.def_rev]
        late_ms = run.queued_ms - run.scheduled_ms
        self._expect(run, run.attempt == 1, "is no first attempt")
        self._expect(run, task.is_due(run.def_rev, run.scheduled_ms), "was never due")
        self._expect(run, late_ms >= 0, "was claimed too early")
        if claim.clock_changes == self.clock_changes:
            self._expect(run, self._clock.now_ms() >= run.scheduled_ms, "starts too early")
        self._expect(run, not claim.held, f"starts in spite of {claim.held}")
        window_ms = definition.start_deadline_s * 1000
        self._expect(run, late_ms <= window_ms, "starts after its deadline")
        is_late = late_ms > ON_TIME_MS
        self._expect(run, is_late == (run.trigger == "catchup"), f"is {late_ms} ms late")
        if not is_late:
            return
        newer = list(task.newer_dues(run.def_rev, run.scheduled_ms, run.queued_ms))
        match definition.missed:
            case "skip":
                self._say(run, "is made up for, which nobody wants")
            case "latest":
                self._expect(run, not newer, "is made up for, and a newer one was due")
            case "all":
                is_inside = len(newer) < definition.catchup_limit
                self._expect(run, is_inside, f"is made up for, and {len(newer)} newer ones are")
                batch = (run.task_name, run.queued_ms)
                before_ms = self._batches.get(batch, 0)
                in_order = before_ms < run.scheduled_ms or definition.overlap == "allow"
                self._expect(run, in_order, "is made up for after a newer one")
                self._batches[batch] = run.scheduled_ms

    def _check_overlap(self, claim: Claim, definition: Definition) -> None:
        """When it was claimed, less than its policy demands was in its way.

        Of what happened in the very instant of the claim nobody can say whether it came before.
        """
        run, at_ms = claim.run, claim.at_ms
        if run.trigger == "catchup" and definition.missed == "all":
            return  # those wait for one another, and for what lives
        alive = waiting = 0
        for other in self._of_task[run.task_name]:
            if other is claim or other.at_ms >= at_ms:
                continue
            gone_ms = self._gone_ms(other)
            if gone_ms is not None and gone_ms <= at_ms:
                continue
            if other.started_ms is not None and other.started_ms < at_ms:
                alive += 1
            elif other.started_ms is None or other.started_ms > at_ms:
                waiting += other.run.trigger in ("schedule", "chain")
        match definition.overlap:
            case "forbid":
                self._expect(run, alive + waiting == 0, "starts although another was in its way")
            case "queue":
                room = definition.most_waiting + (0 if alive else 1)
                self._expect(run, waiting < room, f"waited as one of {waiting + 1}")
            case "allow":
                beside = alive + waiting
                self._expect(run, beside < definition.most_running, f"was let in beside {beside}")

    def _check_chain(self, claim: Claim, task: TaskFacts) -> None:
        run, definition = claim.run, task.definition
        cause = self._find(run.caused_by or "")
        self._expect(run, cause.task_name in definition.after, "comes after a stranger")
        came_to = came_to_those_after(cause)
        self._expect(run, follows(definition, came_to), f"comes after {cause.status}")
        self._expect(run, "paused" not in claim.held, "comes after another in spite of a pause")
        before = self._claims.get(cause.id)
        if before is None or before.over_ms is None or claim.clock_changes != self.clock_changes:
            return
        waited_ms = self._clock.monotonic_ms() - before.over_ms
        self._expect(run, waited_ms >= definition.after_delay_s * 1000, "comes too soon")

    def _check_retry(self, claim: Claim, definition: Definition) -> None:
        run = claim.run
        before = self._find_attempt(run.task_name, run.scheduled_ms, run.attempt - 1)
        if before is None or not before.has_ended:
            self._say(run, "is tried again before it has failed")
            return
        is_worth_it = before.status in RETRIED and before.exit_status not in (126, 127)
        is_worth_it = is_worth_it or (before.status == "timeout" and definition.retry_on_timeout)
        self._expect(run, is_worth_it, f"is tried again after {before.status}")
        most = 1 + definition.max_retries
        self._expect(run, run.attempt <= most, f"is tried more than {most} times")
        self._check_wait(run, self._claims.get(before.id), definition)
        if definition.overlap == "allow":
            return
        first = self._find_attempt(run.task_name, run.scheduled_ms, 1)
        origin = self._claims.get(first.id) if first is not None else None
        failed = self._claims.get(before.id)
        failed_ms = None if failed is None else failed.written_ms
        if origin is None or failed_ms is None:
            return
        for other in self._of_task[run.task_name]:
            if other.number <= origin.number or other.run.trigger != "schedule":
                continue
            # It waited when the attempt failed, or has come since; and it was not given up, as
            # the agent had died over it.
            gone_ms = self._gone_ms(other)
            has_come = (gone_ms is None or gone_ms > failed_ms) and other.ending != "missed"
            self._expect(run, not has_come, f"is tried again after {iso(other.run.scheduled_ms)}")

    def _check_wait(self, run: Run, before: Claim | None, definition: Definition) -> None:
        if before is None or before.over_ms is None or before.over_changes != self.clock_changes:
            return
        delay_s = min(definition.retry_cap_s, definition.retry_base_s * 2 ** (run.attempt - 2))
        waited_ms = self._clock.monotonic_ms() - before.over_ms
        self._expect(run, waited_ms >= 800 * delay_s, f"is tried again after {waited_ms} ms")

    def _expect(self, run: Run, holds: bool, otherwise: str) -> None:
        if not holds:
            self._say(run, otherwise)

    def _say(self, run: Run, what: str) -> None:
        task = self._tasks[run.task_name].definition
        self.wrong.append(
            f"{run.task_name} ({task.overlap}, {task.missed}) {iso(run.scheduled_ms)} "
            f"attempt {run.attempt}, {run.trigger}, at {iso(self._clock.now_ms())}: {what}"
        )


def came_to_those_after(run: Run) -> str:
    """How a run's end counts in a chain: a try that was not made leaves the failure before it."""
    return "error" if run.trigger == "retry" and run.started_ms is None else run.status
