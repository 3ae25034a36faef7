"""Does the ledger hold what the definitions promised: both read from the database and compared."""

from functools import partial

from agent.due import each_due
from agent.rules.ledger import Comparison, Row, Version, compare
from agent.store import events, ledger, tasks
from agent.store.database import Database


def prove(database: Database, after_ms: int, until_ms: int) -> dict[str, Comparison]:
    """By task: what was due after the first moment until the second, against the rows."""
    history = database.read_now(partial(tasks.history, until_ms=until_ms))
    boots = database.read_now(events.boots)
    recorded = database.read_now(partial(ledger.recorded, from_ms=after_ms, to_ms=until_ms))
    rows: dict[str, list[Row]] = {}
    for one in recorded:
        row = Row(one.scheduled_ms, one.missed_count, one.missed_until_ms)
        rows.setdefault(one.task_name, []).append(row)
    return {
        name: compare(
            [Version(one.from_ms, one.definition if one.enabled else None) for one in spans],
            rows.get(name, ()),
            after_ms=after_ms,
            until_ms=until_ms,
            due=partial(each_due, boots=boots),
        )
        for name, spans in history.items()
    }
