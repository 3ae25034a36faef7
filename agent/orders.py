"""Which runs may people order by hand, and how is an order never half taken?"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeVar

from agent.claims import new_run
from agent.clock import Clock
from agent.definitions import Definition
from agent.errors import Conflict, StorageError, TaskNotFound, WrongUse
from agent.recorder import Recorder
from agent.roster import Roster
from agent.runner import Runner
from agent.runs import Run
from agent.store.tasks import TaskRow

MOST_BACKFILLED = 1_000

T = TypeVar("T")


class Orders:
    """Takes orders and hands their runs to the runner."""

    def __init__(self, *, clock: Clock, recorder: Recorder, roster: Roster, runner: Runner) -> None:
        self._clock = clock
        self._recorder = recorder
        self._roster = roster
        self._runner = runner
        self._ordering: Counter[str] = Counter()  # runs being written down, by task

    async def start_now(
        self,
        task_name: str,
        *,
        who: str,
        reason: str | None,
        op: str | None = None,
        if_running: Literal["error", "queue", "parallel"] = "error",
    ) -> Run:
        """Order one run by hand; Conflict where another of the task forbids it."""
        task = self._task(task_name)
        self._check_room(task.definition, if_running)
        now_ms = self._clock.now_ms()
        wanted = new_run(
            task,
            moment_ms=now_ms,
            now_ms=now_ms,
            trigger="manual",
            requested_by=who,
            note=reason,
            op=op,
        )
        self._ordering[task_name] += 1  # holds the task while the claim is written
        try:
            run = await self._confirmed([wanted], lambda: self._recorder.order(wanted))
        finally:
            self._ordering[task_name] -= 1
        self._runner.submit([run])
        return run

    async def backfill(
        self,
        task_name: str,
        moments_ms: Sequence[int],
        *,
        who: str,
        reason: str | None,
        op: str | None = None,
    ) -> tuple[Run, ...]:
        """Run a task as of past moments: each a further attempt at its moment, one at a time."""
        task = self._task(task_name)
        now_ms = self._clock.now_ms()
        if not 1 <= len(moments_ms) <= MOST_BACKFILLED:
            raise WrongUse(f"moments = {len(moments_ms)}: name from 1 to {MOST_BACKFILLED} at once")
        if max(moments_ms) > now_ms:
            raise WrongUse(
                f"moments: {task_name} can be run as of moments that have passed; "
                "for now use `tasks run`"
            )
        wanted = [
            new_run(
                task,
                moment_ms=moment_ms,
                now_ms=now_ms,
                trigger="manual",
                attempt=2,
                requested_by=who,
                note=reason,
                op=op,
            )
            for moment_ms in sorted(set(moments_ms))
        ]
        taken = await self._confirmed(wanted, lambda: self._recorder.backfill(wanted))
        self._runner.submit(taken)
        return taken

    def _task(self, task_name: str) -> TaskRow:
        task = self._roster.get(task_name)
        if task is None:
            raise TaskNotFound(task_name)
        if task.definition.kind == "watch":
            raise WrongUse(f"{task_name} runs nothing: it waits for pings of another's job")
        if task.fault is not None:
            raise Conflict(f"{task_name} cannot run: {task.fault}; correct it first")
        if self._runner.is_closing:
            raise Conflict("the agent is stopping; ask again when it is back")
        return task

    def _check_room(self, definition: Definition, if_running: str) -> None:
        name, busy = definition.task_name, self._runner.busy(definition.task_name)
        if if_running == "parallel" and definition.overlap != "allow":
            raise WrongUse(
                f"if_running = 'parallel': runs of {name} never live side by side; "
                "use 'queue', or define it with overlap = 'allow'"
            )
        is_free = not (busy.alive or busy.waiting or self._ordering[name])
        if is_free or if_running == "queue" or definition.overlap == "replace":
            return
        if if_running == "parallel" and busy.alive + busy.waiting < definition.most_running:
            return
        raise Conflict(f"{name} is running already; stop that run first or wait for its end")

    async def _confirmed(self, runs: Sequence[Run], write: Callable[[], Awaitable[T]]) -> T:
        """Write an order; one that is answered with an error is taken back if it stands after all.

        A connection may break between a commit and its answer.
        """
        try:
            return await write()
        except StorageError:
            self._runner.take_back(runs)
            raise

    async def abort(self, run_id: str, *, who: str, grace_ms: int | None = None) -> str:
        """Stop a run, queued, waiting or alive; returns the state it is in afterwards."""
        return await self._runner.abort(run_id, who=who, grace_ms=grace_ms)

    def hasten(self, run_id: str) -> None:
        """Let a retry that waits start now; raises RunNotFound when none of this id waits."""
        self._runner.hasten(run_id)
