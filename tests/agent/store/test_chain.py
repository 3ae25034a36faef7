"""How does each audit row vouch for the one before it, and does the chain still hold?"""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from agent.store import audit, chain, tasks
from agent.store.audit import AuditRow
from agent.store.chain import BEGINNING, Link
from agent.store.database import Database
from schema.tables import audit as table
from schema.tables import state
from tests.agent.store.makings import NOW_MS, a_task
from tests.agent.store.test_audit import a_row

# Rows that were written with this must be verified for ever.
DIGEST = "bc8acd7a2ee839ff8598b2b97830b259aaf48e2a75757317199db7c36d5c29db"

Harm = Callable[[Connection], object]


def fill(database: Database, count: int = 12) -> Link:
    def write(connection: Connection) -> Link:
        for number in range(count):
            last = audit.append(connection, a_row(number))
        return last

    return database.write_now(write)


def faults(database: Database, *anchors: Link) -> list[tuple[int, str]]:
    found = database.read_now(partial(chain.verify, anchors=anchors))
    return [(fault.number, fault.what) for fault in found.faults]


def test_an_untouched_chain_holds_and_tells_its_end(database: Database) -> None:
    last = fill(database)

    found = database.read_now(partial(chain.verify, anchors=(last,)))

    assert found.faults == ()
    assert (found.rows, found.first, found.last) == (12, 1, last)


def _set(number: int, **values: object) -> Harm:
    def harm(connection: Connection) -> object:
        return connection.execute(
            table.update().where(table.c.chain_number == number).values(**values)
        )

    return harm


def _remove(first: int, last: int) -> Harm:
    def harm(connection: Connection) -> object:
        return connection.execute(table.delete().where(table.c.chain_number.between(first, last)))

    return harm


def _swap(one: int, other: int) -> Harm:
    def harm(connection: Connection) -> None:
        for old, new in ((one, -1), (other, one), (-1, other)):
            _set(old, chain_number=new)(connection)

    return harm


def _copy(number: int, **values: object) -> Harm:
    def harm(connection: Connection) -> None:
        row = connection.execute(select(table).where(table.c.chain_number == number)).one()
        copy = {**row._mapping, "id": None, **values}
        connection.execute(table.insert().values({k: v for k, v in copy.items() if k != "id"}))

    return harm


@pytest.mark.parametrize(
    ("harm", "where", "what"),
    [
        (_set(5, result="ok, really"), 5, "was edited"),
        (_set(5, label=None), 5, "was edited"),
        (_set(5, recorded_at=NOW_MS), 5, "was edited"),
        (_set(5, arguments='{"reason":"why" }'), 5, "was edited"),
        (_set(5, duration_ms=4), 5, "was edited"),
        (_set(5, before_digest="0" * 64), 5, "was edited"),
        (_set(5, chain_digest="0" * 64), 5, "was edited"),
        (_set(1, result="no"), 1, "was edited"),
        (_set(12, result="no"), 12, "was edited"),
        (_set(5, id=77), 6, "its id does not follow"),
        (_set(5, id=-5), 5, "its id does not follow"),
        (_remove(5, 5), 6, "rows 5 to 5 were removed"),
        (_remove(4, 8), 9, "rows 4 to 8 were removed"),
        (_remove(1, 3), 4, "no row says that they went by age"),
        (_remove(12, 12), 12, "rows 12 to 12 were cut off"),
        (_remove(9, 12), 12, "rows 9 to 12 were cut off"),
        (_remove(1, 12), 12, "rows 1 to 12 were cut off"),
        (_swap(4, 7), 4, "was edited"),
        (_swap(11, 12), 11, "was edited"),
        (_set(5, chain_number=None), 6, "rows 5 to 5 were removed"),
        (_copy(5, chain_number=None), 1, "lie beside the chain"),
        (_copy(12, chain_number=13), 13, "was edited"),
    ],
)
def test_every_change_of_the_rows_is_found(
    database: Database, harm: Harm, where: int, what: str
) -> None:
    fill(database)
    database.write_now(harm)

    found = faults(database)

    assert found[0][0] == where
    assert any(what in said for _, said in found)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(1, 12),
    column=st.sampled_from(["key_id", "label", "role", "address", "op", "action", "target"]),
    value=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=16),
)
def test_any_other_word_in_any_row_is_found(
    sqlite_database: Database, number: int, column: str, value: str
) -> None:
    if not sqlite_database.read_now(lambda c: c.scalar(select(func.count()).select_from(table))):
        fill(sqlite_database)
    before = sqlite_database.read_now(
        lambda c: c.scalar(select(table.c[column]).where(table.c.chain_number == number))
    )
    sqlite_database.write_now(_set(number, **{column: value}))

    assert bool(faults(sqlite_database)) == (value != before)

    sqlite_database.write_now(_set(number, **{column: before}))
    assert faults(sqlite_database) == []


def test_a_tail_cut_off_with_what_the_database_remembers_is_found_by_the_anchor(
    database: Database,
) -> None:
    last = fill(database)

    def cut(connection: Connection) -> None:
        kept = connection.scalar(select(table.c.chain_digest).where(table.c.chain_number == 8))
        _remove(9, 12)(connection)
        connection.execute(
            state.update().where(state.c.name == chain.HEAD).values(value=f'[8,"{kept}"]')
        )

    database.write_now(cut)

    assert faults(database) == [], "nothing inside of the database tells"
    assert faults(database, last) == [(12, "rows 9 to 12 were cut off")]


def test_a_chain_made_anew_is_found_by_the_anchor(database: Database) -> None:
    last = fill(database)

    def forge(connection: Connection) -> None:
        connection.execute(table.delete())
        connection.execute(state.delete().where(state.c.name == chain.HEAD))

    database.write_now(forge)
    fill(database, 20)

    assert faults(database) == []
    assert (12, "is not the row that was written down elsewhere") in faults(
        database, Link(last.number, "f" * 64)
    )


def test_rows_that_go_by_age_leave_a_chain_that_holds(database: Database) -> None:
    last = fill(database)
    to = database.write_now(
        partial(audit.announce_removal, before_ms=NOW_MS + 7, now_ms=NOW_MS + 99)
    )
    assert to == 7
    assert faults(database, last) == [], "announced, not yet removed"

    database.write_now(_remove(1, 3))
    assert faults(database, last) == [], "half of it removed"
    database.write_now(_remove(4, 7))

    found = database.read_now(partial(chain.verify, anchors=(last,)))
    assert (found.faults, found.first, found.removed_by_age) == ((), 8, 7)
    database.write_now(_remove(8, 8))
    assert "no row says" in faults(database)[0][1]


def test_a_row_edited_and_removed_in_the_name_of_age_needs_the_true_digest(
    database: Database,
) -> None:
    fill(database)
    database.write_now(partial(audit.announce_removal, before_ms=NOW_MS + 7, now_ms=NOW_MS + 99))
    database.write_now(_remove(1, 7))
    database.write_now(_set(13, arguments='{"from":1,"to":9,"digest":"' + "0" * 64 + '"}'))
    database.write_now(_remove(8, 9))

    assert faults(database)


def test_nothing_is_announced_where_nothing_is_old(database: Database) -> None:
    assert database.write_now(partial(audit.announce_removal, before_ms=NOW_MS, now_ms=NOW_MS)) == 0
    fill(database)
    assert database.write_now(partial(audit.announce_removal, before_ms=NOW_MS, now_ms=NOW_MS)) == 0


def test_rows_from_before_the_chain_are_counted_and_not_vouched_for(database: Database) -> None:
    old = {"recorded_at": NOW_MS, "action": "run.start", "result": "ok"}
    database.write_now(lambda connection: connection.execute(table.insert(), old))
    fill(database, 3)

    found = database.read_now(chain.verify)

    assert (found.unchained, found.rows, found.faults) == (1, 3, ())


@pytest.mark.usefixtures("long_locks")
def test_two_programs_that_write_at_once_make_one_chain(url: str) -> None:
    one, other = Database.open(url), Database.open(url)

    def write(database: Database, first: int) -> None:
        for number in range(first, first + 40):
            database.write_now(partial(audit.append, row=a_row(number)))

    writers = [threading.Thread(target=write, args=pair) for pair in ((one, 0), (other, 100))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    found = one.read_now(chain.verify)
    other.close()
    one.close()
    assert (found.rows, found.faults) == (80, ())
    assert found.last is not None
    assert found.last.number == 80


def test_a_write_that_fails_leaves_no_gap(database: Database) -> None:
    def fail(connection: Connection) -> None:
        audit.append(connection, a_row(1))
        raise RuntimeError("no")

    fill(database, 2)
    with pytest.raises(RuntimeError):
        database.write_now(fail)
    fill(database, 2)

    assert faults(database) == []


def test_the_digest_covers_number_order_and_every_word() -> None:
    start = Link(0, BEGINNING)
    values = {"recorded_at": 1, "action": "a", "result": "ok"}

    assert chain.digest_of(start, values) == DIGEST
    assert chain.digest_of(start, values) != chain.digest_of(Link(1, BEGINNING), values)


def test_a_row_about_a_task_says_what_the_task_was_before_and_after(database: Database) -> None:
    def change(connection: Connection) -> None:
        tasks.register(connection, [a_task()], who="me", why="", now_ms=NOW_MS)
        tasks.set_flags(
            connection, ["backup"], paused=True, reason="r", who="me", now_ms=NOW_MS + 10
        )

    database.write_now(change)
    rows: list[AuditRow] = []
    for at_ms, target in ((12, "backup"), (20, "backup"), (20, "nobody")):
        row = a_row(at_ms, target=target)
        database.write_now(partial(audit.append, row=row))
        rows.append(database.read_now(partial(audit.page, limit=1))[0])

    changed, same, none = rows
    assert changed.before != changed.after is not None
    assert same.before == same.after == changed.after
    assert (none.before, none.after) == (None, None)


@pytest.mark.parametrize("value", ["nonsense", "7", "[1]", '[["', "[" * 20_000, '["x","y"]'])
def test_where_the_end_is_not_remembered_the_chain_goes_on_behind_its_newest_row(
    database: Database, value: str
) -> None:
    fill(database, 3)
    database.write_now(
        lambda opened: opened.execute(
            state.update().where(state.c.name == chain.HEAD).values(value=value)
        )
    )

    last = fill(database, 2)

    assert last.number == 5
    assert faults(database, last) == []


def test_values_that_no_row_of_ours_has_are_edits(sqlite_database: Database) -> None:
    """A server takes them for no such column."""
    database = sqlite_database
    fill(database, 5)
    database.write_now(
        lambda opened: opened.exec_driver_sql(
            "UPDATE smart_cron_audit SET label = x'fffe' WHERE chain_number = 3"
        )
    )
    assert faults(database) == [(3, "was edited, or follows another row")]

    database.write_now(
        lambda opened: opened.exec_driver_sql(
            "UPDATE smart_cron_audit SET chain_number = 'last' WHERE chain_number = 5"
        )
    )
    assert [number for number, _ in faults(database)] == [3, 4, 5]
