"""How is the ledger made whole after its database was damaged or put back from a backup?"""

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from agent.claims import decided, unrun
from agent.clock import SystemClock
from agent.errors import AgentError, StorageError
from agent.log import log_of
from agent.proof import prove
from agent.rules.admission import Decision, Record, Summed
from agent.rules.ledger import Gap
from agent.runs import Run
from agent.store import ledger, salvage, standby, state, streaks, tasks
from agent.store.database import Database
from agent.store.journal import Journal
from agent.store.ledger import Step
from agent.store.mark import SetBack
from agent.store.outage import Outage
from agent.store.standby import Known
from agent.store.tasks import TaskRow

log = log_of(__name__)

NOTE: Final = "its row was lost with the damaged database; whether it ran is not known"


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What recovering came to: rows read from the damaged file, by table, writes told from the
    journal, moments whose rows were lost, and runs of whose end nothing is known.
    """

    rows: dict[str, int]
    told: int
    lost: int
    unknown: int


def make_whole(
    database: Database,
    damaged: Path,
    journal_file: Path,
    *,
    made_ms: int,
    now_ms: int,
    known: Known | None,
) -> Made:
    """Bring a backup made at this moment as near to the present as can be.

    What can be read of the damaged file comes first, then what is `known` to have been in force,
    then the journal. Runs that were under way
    in the backup and are heard of no more are lost; moments without a row are recorded as missed
    and never caught up. Of neither it is known whether they ran, so none runs again.

    Where that was cut short, it may be done again.
    """
    read = database.write_now(
        partial(salvage.read_once, damaged=damaged, made_ms=made_ms, now_ms=now_ms)
    )
    if known is not None:
        try:
            database.write_now(partial(standby.bring_back, known=known, now_ms=now_ms))
        except AgentError as error:  # what can be saved of the rest is worth more
            log.error("not all is in force again that was copied", cause=str(error))
    told = asyncio.run(_tell(database, journal_file, now_ms))
    unheard = [run for run in database.read_now(ledger.unfinished) if run in read.unheard]
    _lose(database, unheard, now_ms)
    lost = _fill(database, read.since_ms, now_ms, now_ms)
    return Made(rows=read.rows, told=told, lost=lost, unknown=len(unheard))


def make_up(
    database: Database,
    *,
    since_ms: int,
    until_ms: int,
    living: Iterable[Run],
    run_ids: frozenset[str],
    now_ms: int,
    cause: str,
) -> SetBack:
    """Put down what a database that was set back to an older copy has forgotten in this span.

    Or what it was never told, as the local journal was damaged: that is the `cause`.

    Runs that are not over get their rows back, as they are now. Those that were under way in the
    copy, and of which nobody knows any more (`run_ids` are still to be told), are lost; moments
    without a row are recorded as missed. Of neither it is known whether they ran, so none runs
    again.
    """
    living = tuple(living)
    database.write_now(partial(ledger.claim, runs=living, now_ms=now_ms))
    known = run_ids | {run.id for run in living}
    stand = database.read_now(ledger.unfinished)
    # A row that waits in the copy would be started, though its run has begun since.
    _bring_on(database, living, {run.id: run.status for run in stand}, now_ms)
    unheard = [run for run in stand if run.id not in known]
    note = f"its row was lost as {cause}; whether it ran is not known"
    _lose(database, unheard, now_ms, note=note)
    moments = _fill(database, since_ms, until_ms, now_ms, note=note)
    return SetBack(
        since_ms=since_ms,
        until_ms=until_ms,
        moments=moments,
        unknown=len(unheard),
        cause=cause,
    )


def _bring_on(
    database: Database, living: Iterable[Run], stand: dict[str, str], now_ms: int
) -> None:
    steps = [
        Step(run=run, now_ms=now_ms)
        for run in living
        if run.id in stand and run.status != stand[run.id]
    ]
    if steps:
        database.write_now(partial(streaks.record, steps=steps))


def _lose(database: Database, runs: Iterable[Run], now_ms: int, *, note: str = NOTE) -> None:
    steps = [
        Step(run=unrun(run, "lost", "no_trace", now_ms=now_ms, note=note), now_ms=now_ms)
        for run in runs
    ]
    if steps:
        database.write_now(partial(streaks.record, steps=steps))


def _fill(
    database: Database, since_ms: int, until_ms: int, now_ms: int, *, note: str = NOTE
) -> int:
    """Give each moment of this span that has no row one; how many had none."""
    known = {task.task_name: task for task in database.read_now(tasks.load_all)}
    rows = [
        decided(known[name], _decision(gap, note), now_ms)
        for name, found in prove(database, since_ms, until_ms).items()
        for gap in found.missing
        if name in known
    ]
    claim = partial(
        ledger.claim,
        runs=rows,
        watermarks=_watermarks(known.values(), until_ms),
        decided_until_ms=max(until_ms, database.read_now(state.decided_until) or 0),
        now_ms=now_ms,
    )
    database.write_now(claim)
    return sum(row.missed_count for row in rows)


async def _tell(database: Database, journal_file: Path, now_ms: int) -> int:
    journal = Journal.open(journal_file, now_ms=now_ms)
    try:
        kept = journal.untold.number
        outage = Outage(database, journal, clock=SystemClock())
        await outage.try_again()
        if not outage.is_over:
            raise StorageError(
                f"the database does not take what was kept for it ({outage.standing.cause}); "
                "nothing of it is lost"
            )
    finally:
        journal.close()
    return kept


def _decision(gap: Gap, note: str) -> Decision:
    if gap.count == 1:
        return Record(gap.first_ms, "missed", "row_lost", note)
    return Summed(gap.first_ms, gap.last_ms, gap.count, "row_lost", note)


def _watermarks(known: Iterable[TaskRow], until_ms: int) -> dict[str, int]:
    return {task.task_name: until_ms for task in known if task.enabled}
