"""Every task with what decides on its coming moments: flags, live runs, how long it takes."""

from sqlalchemy import Connection

from agent.due import fault_of
from agent.expected import Planned
from agent.store import around, calendars, statistics, tasks
from agent.windows import Calendar


def load(connection: Connection, now_ms: int) -> tuple[tuple[Planned, ...], dict[str, Calendar]]:
    """All tasks that can be scheduled, by name as they stand now, and all calendars."""
    rows = [
        row
        for row in tasks.load_all(connection)
        if row.fault is None and fault_of(row.definition) is None
    ]
    durations = statistics.usual_durations(connection, [row.task_name for row in rows])
    live = around.live_runs(connection)
    planned = tuple(
        Planned(
            definition=row.definition,
            takes_ms=durations.get(row.task_name),
            paused=row.is_paused(now_ms),
            paused_until_ms=row.paused_until_ms,
            pause_reason=row.pause_reason,
            skip_until_ms=row.skip_until_ms,
            live=tuple(live.get(row.task_name, ())),
        )
        for row in rows
    )
    return planned, calendars.load_all(connection)
