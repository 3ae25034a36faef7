"""What of an earlier life is accounted for before an agent starts anything?"""

import asyncio
from collections.abc import Collection
from functools import partial

from agent.belated import MOST_WAITING
from agent.core import Core
from agent.errors import AgentError
from agent.log import log_of
from agent.running.keptlogs import DAY_S
from agent.running.spooled import lying, sweep
from agent.running.terms import Started
from agent.store import alerts, events, ledger, state, tasks
from agent.store.standby import Floor, Known, add_up
from agent.unplanned import TASK_INVALID

log = log_of(__name__)


async def begin(core: Core, group: asyncio.TaskGroup) -> asyncio.Task[None] | None:
    """Account for the runs of an earlier life, then be ready to start new ones.

    What lies in the spool is gone through beside all else, by the task that is returned; not
    without a database.
    """
    core.runner.work_in(group)
    if core.reached.known is not None and core.reached.floor is not None:
        await _begin_away(core, core.reached.known, core.reached.floor)
        return None
    # What somebody wrote by hand while no agent served is a version, or nonsense that goes.
    await core.handmade.look()
    decided_until_ms = await core.database.read(state.decided_until)
    # What was written by hand is in force since just now, which is later than the agent's start.
    until_ms = max(core.started_ms, core.clock.now_ms())
    history = await core.database.read(
        partial(tasks.history, until_ms=until_ms, changed_after_ms=(decided_until_ms or 0) - 1)
    )
    await core.scheduler.begin(
        decided_until_ms=decided_until_ms or 0,
        highest_ms=await core.database.read(state.highest),
        boots=await core.database.read(events.boots),
        history=history,
        told=[
            alert.task_name
            for alert in await core.database.read(alerts.open_alerts)
            if alert.kind == TASK_INVALID and alert.task_name
        ],
    )
    standing = await core.keepers.open()
    unfinished = await core.database.read(ledger.unfinished)
    await core.board.fill()
    # Before anything is decided: a boot that is noted must be known to whoever begins next.
    await core.standby.look()
    await core.alerter.renew()
    await core.watching.recover(run for run in unfinished if core.watching.takes(run))
    await core.runner.recover([run for run in unfinished if not core.watching.takes(run)], standing)
    known = {run.id for run in unfinished} | {found.run_id for found in standing}
    alive = {found.run_id for found in standing if isinstance(found, Started)}
    living = alive | {run.id for run in unfinished}
    sweeping = group.create_task(_sweep(core, living, known), name="sweep spool")
    if unfinished:
        log.info("runs of an earlier agent taken over", count=len(unfinished))
    return sweeping


async def _sweep(core: Core, living: set[str], known: set[str]) -> None:
    """Keep what an earlier agent could not keep, and remove what nobody knows any more."""
    try:
        await asyncio.to_thread(core.outputs.spares.gather)
        found = await go_through_spool(core, living)
        # With so many, those beyond are not known: what is not kept yet must not go.
        if len(found) < MOST_WAITING:
            yesterday_s = core.started_ms / 1000 - DAY_S
            await asyncio.to_thread(sweep, core.home.spool, known | found, before_s=yesterday_s)
    except (AgentError, OSError) as error:
        log.warning("the spool is left as it is", cause=str(error))


async def go_through_spool(core: Core, living: Collection[str] = ()) -> set[str]:
    """Keep or clear away what lies there of recorded runs; the newest of which anything lies."""
    found = await asyncio.to_thread(lying, core.home.spool, living, at_most=MOST_WAITING)
    rows = await core.database.read(partial(ledger.some, run_ids=found))
    await core.runner.go_through(rows.values())
    return set(found) if len(found) == MOST_WAITING else set(rows)


async def _begin_away(core: Core, known: Known, floor: Floor) -> None:
    """As `begin`, with what is kept on this host; whoever meets the database does the rest."""
    await asyncio.to_thread(core.outputs.spares.gather)
    entries = await core.reached.local.all()
    told = add_up(entries)
    booted = () if floor.booted_ms is None else (floor.booted_ms,)
    await core.scheduler.begin_away(
        from_ms=floor.at_ms,
        watermarks=told.watermarks,
        decided_until_ms=told.decided_until_ms,
        boots=(*known.boots, *booted),
        highest_ms=known.highest_ms,
    )
    standing = await core.keepers.open()
    alive = {found.run_id for found in standing}
    # Without a process only the database can say whether a run is over that it knows of.
    copied = await asyncio.to_thread(core.reached.copy.read_runs)
    runs = [run for run in copied if run.id in alive and run.id not in told.run_ids]
    runs += told.unfinished.values()
    ours = told.run_ids | {run.id for run in runs}
    core.strangers.update({one.run_id: one for one in standing if one.run_id not in ours})
    core.board.put_up(runs)
    core.outage.opened.take(await asyncio.to_thread(core.reached.copy.read_alerts), entries)
    core.board.show_alerts(core.outage.opened.alerts)
    core.alerter.take(known.rules, known.mutes, core.outage.opened.alerts)
    await core.watching.recover(run for run in runs if core.watching.takes(run))
    ended = await core.runner.recover(
        [run for run in runs if not core.watching.takes(run)],
        [one for one in standing if one.run_id in ours],
    )
    # They ended before anybody here knew that they are strangers; it is not told twice.
    core.strangers.update({one.run_id: one for one in ended if one.run_id in core.strangers})
    log.info("runs taken over without the database", known=len(runs), others=len(core.strangers))
