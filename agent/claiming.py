"""Who writes due moments down, and which of their runs may still start after that?"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from agent.agenda import Agenda
from agent.claims import unrun
from agent.clock import Clock
from agent.endings import STORAGE, is_past_deadline
from agent.errors import DiskFull, NotStorable
from agent.log import log_of
from agent.patience import Patience
from agent.recorder import Recorder
from agent.roster import Roster
from agent.runner import Runner
from agent.runs import Run
from agent.watching import Watching

log = log_of(__name__)

FULL_NOTE: Final = "the disk had no room to write it down until it was too late to start it"


class Claiming:
    """Claims decided moments, hands their runs on, and plans the next moments of their tasks."""

    def __init__(
        self,
        *,
        clock: Clock,
        recorder: Recorder,
        roster: Roster,
        runner: Runner,
        watching: Watching,
        agenda: Agenda,
        patience: Patience,
        changed: Callable[[Iterable[str]], None],
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._roster = roster
        self._runner = runner
        self._watching = watching
        self._agenda = agenda
        self._patience = patience
        self._changed = changed
        self._was_full = False

    async def claim(
        self,
        runs: Sequence[Run],
        watermarks: Mapping[str, int],
        *,
        decided_until_ms: int | None = None,
    ) -> None:
        """Write these rows, and how far their tasks are decided with them; then start."""
        try:
            with self._runner.arriving(runs):
                claimed = await self._patience.until_recorded(
                    lambda: self._ask(runs, watermarks, decided_until_ms)
                )
                ours = [run for run in runs if run.id in claimed and run.status == "queued"]
                startable = await self._in_time(
                    [run for run in ours if not self._watching.takes(run)]
                )
        except NotStorable as error:
            await self._claim_apart(runs, watermarks, error)
            return
        self._watching.expect(run for run in ours if self._watching.takes(run))
        self._runner.submit(startable)
        # What starts now is ordered before its next moments are looked for and shown.
        await asyncio.sleep(0)
        for name, at_ms in watermarks.items():
            # A change may have been taken over meanwhile that counts from a later moment.
            self._agenda.watermarks[name] = max(at_ms, self._agenda.watermarks.get(name, 0))
            self._agenda.plan(name)
        if watermarks:
            self._changed(watermarks)

    def take_full(self) -> bool:
        """Was there no room to write down what was due since this was last asked?"""
        was_full, self._was_full = self._was_full, False
        return was_full

    async def _ask(
        self, runs: Sequence[Run], watermarks: Mapping[str, int], decided_until_ms: int | None
    ) -> frozenset[str]:
        try:
            return await self._recorder.claim(
                runs, watermarks=watermarks, decided_until_ms=decided_until_ms
            )
        except DiskFull:
            self._was_full = True
            raise

    async def _claim_apart(
        self, runs: Sequence[Run], watermarks: Mapping[str, int], error: NotStorable
    ) -> None:
        """Claim what the database refuses task by task, so that one alone is held up by it."""
        names = {run.task_name for run in runs}
        if len(names) < 2:
            for name in names:
                self._agenda.broke(name, error)
            return
        for name in names:
            await self.claim(
                [run for run in runs if run.task_name == name],
                {name: watermarks[name]} if name in watermarks else {},
            )
        rest = {name: at_ms for name, at_ms in watermarks.items() if name not in names}
        if rest:
            await self.claim((), rest)

    async def _in_time(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Those that may still start; what a refusing database held up for too long may not."""
        now_ms = self._clock.now_ms()
        late = [run for run in runs if self._is_past_deadline(run, now_ms)]
        if not late:
            return runs
        log.error("claimed too late to be started", runs=len(late))
        reason, note = "too_late", "the database refused the claim until its deadline was over"
        if self._was_full:
            reason, note = STORAGE, FULL_NOTE
        missed = [unrun(run, "missed", reason, now_ms=now_ms, note=note) for run in late]
        await self._patience.until_recorded(
            lambda: asyncio.gather(*[self._recorder.ended(run) for run in missed])
        )
        gone = {run.id for run in late}
        return [run for run in runs if run.id not in gone]

    def _is_past_deadline(self, run: Run, now_ms: int) -> bool:
        task = self._roster.get(run.task_name)
        return task is not None and is_past_deadline(run, task.definition, now_ms=now_ms)
