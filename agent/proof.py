"""Does the ledger hold what the definitions promised: both read from the database and compared."""

from functools import partial
from typing import Final

from agent.due import each_due
from agent.rules.ledger import Comparison, Row, Version, compare
from agent.store import events, ledger, state, tasks
from agent.store.database import Database

DAY_MS: Final = 86_400_000


def doubts(database: Database) -> str:
    """What the ledger of the last day before its newest decision lacks, or holds twice."""
    until_ms = database.read_now(state.decided_until)
    if until_ms is None:
        return ""
    found = prove(database, until_ms - DAY_MS, until_ms).values()
    missing = sum(each.missing_count for each in found)
    doubled = sum(len(each.doubled) for each in found)
    if not missing and not doubled:
        return ""
    return (
        f"of the day before its newest decision {missing} due moments miss, {doubled} are doubled"
    )


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
