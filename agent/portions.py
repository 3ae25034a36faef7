"""How much of what is due is decided and written at once, and in which order?"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from agent.agenda import Agenda
from agent.claiming import Claiming
from agent.clock import Clock
from agent.deciding import Deciding
from agent.log import log_of
from agent.reckoning import Reckoning
from agent.roster import Roster
from agent.rules.admission import ON_TIME_MS, Late
from agent.runs import Run
from agent.store.tasks import TaskRow

log = log_of(__name__)

ROWS_AT_ONCE = 2_000
"""Rows of a long absence that share a transaction; between two what is due now has its turn."""
STARTS_AT_ONCE = 250
"""Rows that are due now and share one: they start while the next are decided and written."""
ROWS_OF_ABSENCE = 50_000
"""Moments told one by one after an absence, of all tasks together; the others are summed."""
FEWEST_ROWS, MOST_ROWS = 20, 1_000


class Portions:
    """Works off what is due, what is due now first; after an absence that takes a while."""

    def __init__(
        self,
        *,
        clock: Clock,
        roster: Roster,
        agenda: Agenda,
        reckoning: Reckoning,
        deciding: Deciding,
        claiming: Claiming,
    ) -> None:
        self._clock = clock
        self._roster = roster
        self._agenda = agenda
        self._reckoning = reckoning
        self._deciding = deciding
        self._claiming = claiming
        self._overdue: Iterator[Run] = iter(())
        self.backlog = 0  # tasks that are still to be worked off

    def add(self, rows: Iterable[Run]) -> None:
        """Have these rows claimed before anything else is decided."""
        self._overdue = chain(self._overdue, rows)

    async def work_off(
        self, due: Mapping[str, int], now_ms: int, late: Late, until_ms: Mapping[str, int]
    ) -> tuple[list[Run], dict[str, int]]:
        """Decide for these tasks; the rows still to be claimed, and how far their tasks are.

        After a long absence most are claimed on the way, a bounded number at once.
        """
        limit = max(FEWEST_ROWS, min(MOST_ROWS, ROWS_OF_ABSENCE // max(1, len(due))))
        runs: list[Run] = []
        watermarks: dict[str, int] = {}
        while overdue := list(islice(self._overdue, ROWS_AT_ONCE)):
            await self._claiming.claim(overdue, {})
        # What is due now is not to wait for what was missed.
        missed = {name for name, due_ms in due.items() if now_ms - due_ms > ON_TIME_MS}
        is_due_now = False
        work = deque(sorted(due, key=lambda name: (name in missed, self._priority(name))))
        while work:
            self.backlog = len(work) - 1
            name = work.popleft()
            task = self._roster.get(name)
            if task is None:
                continue
            if name in missed and is_due_now:
                await self._claiming.claim(runs, watermarks)
                runs, watermarks, is_due_now = [], {}, False
            at_ms = self._clock.now_ms()
            ends_ms = min(at_ms, until_ms.get(name, at_ms))
            try:
                runs.extend(await self.decide(task, at_ms, ends_ms, late=late, limit=limit))
            except Exception as error:  # noqa: BLE001 - its trace is logged, the others go on
                self._agenda.broke(name, error)
                continue
            watermarks[name] = ends_ms
            is_due_now = is_due_now or name not in missed
            if len(runs) >= (ROWS_AT_ONCE if name in missed else STARTS_AT_ONCE):
                await self._claiming.claim(runs, watermarks)
                runs, watermarks, is_due_now = [], {}, False
                # Nor is what has become due meanwhile.
                work.extendleft(reversed(self._agenda.take_due(self._clock.now_ms())))
                if missed:
                    log.info("working off what was missed", tasks_left=len(work))
        return runs, watermarks

    def _priority(self, name: str) -> int:
        """So that of all that is due at once the most urgent is handed on first."""
        task = self._roster.get(name)
        return task.definition.priority if task is not None else 0

    async def decide(
        self,
        task: TaskRow,
        now_ms: int,
        until_ms: int,
        *,
        late: Late,
        limit: int = FEWEST_ROWS,
        after_ms: int | None = None,
    ) -> list[Run]:
        """The rows of one task for its moments up to this one."""
        return await self._deciding.decide(
            task,
            after_ms=self._agenda.after_ms(task) if after_ms is None else after_ms,
            until_ms=until_ms,
            now_ms=now_ms,
            late=late,
            limit=limit,
            boots=self._agenda.boots,
            highest_ms=self._reckoning.highest_ms,
        )
