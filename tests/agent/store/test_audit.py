"""Who asked for what, and what came of it."""

from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Text, type_coerce

from agent.store import audit, tasks
from agent.store.audit import AuditRow
from agent.store.database import Database
from schema.tables import task_versions
from tests.agent.store.makings import NOW_MS, a_task


def a_row(number: int, **fields: Any) -> AuditRow:
    row = AuditRow(
        at_ms=NOW_MS + number,
        key_id="k1",
        label="Anna",
        role="operator",
        address="127.0.0.1",
        type="run.start",
        op=f"op-{number}",
        target="backup",
        args='{"reason":"why"}',
        code="ok",
        dur_ms=3,
    )
    return msgspec.structs.replace(row, **fields)


def test_pages_go_back_from_the_newest_row_and_miss_none(database: Database) -> None:
    rows = [a_row(number) for number in range(7)]
    for row in rows:
        database.write_now(partial(audit.append, row=row))

    first = database.read_now(partial(audit.page, limit=4))
    database.write_now(partial(audit.append, row=a_row(99)))
    second = database.read_now(partial(audit.page, before=first[-1].id, limit=4))

    seen = [
        msgspec.structs.replace(row, id=None, number=None, digest=None) for row in (*first, *second)
    ]
    assert seen == list(reversed(rows))


def test_a_page_can_be_of_one_key_or_one_action(database: Database) -> None:
    for row in (a_row(1), a_row(2, key_id="k2"), a_row(3, type="hello")):
        database.write_now(partial(audit.append, row=row))

    def times(**wanted: str) -> list[int]:
        found = database.read_now(partial(audit.page, **wanted))  # type: ignore[arg-type]
        return [row.at_ms - NOW_MS for row in found]

    assert times() == [3, 2, 1]
    assert times(key_id="k2") == [2]
    assert times(action="hello") == [3]


def test_who_asked_is_written_down_of_a_task_whose_version_somebody_broke(
    database: Database,
) -> None:
    """Else one such row would pass for damage of the whole database."""
    register = partial(tasks.register, definitions=[a_task()], who="me", why="", now_ms=NOW_MS)
    database.write_now(register)
    broken = task_versions.update().values(definition=type_coerce("nonsense", Text))
    database.write_now(lambda connection: connection.execute(broken))

    database.write_now(partial(audit.append, row=a_row(1)))

    [row] = database.read_now(partial(audit.page, limit=4))
    assert (row.target, row.before, row.after) == ("backup", None, None)
