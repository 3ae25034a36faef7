"""How all rows come from one database into another, and how that is proved."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Connection

from agent.errors import Conflict, StorageError
from agent.rules.alerting import Trouble
from agent.store import alerts, ledger, metrics, state, tasks
from agent.store.database import Database
from agent.store.moving import move
from agent.store.state import Holder
from tests.agent.store.makings import NOW_MS, a_run, a_task, end, ended

RUNS = 2_345
TROUBLE = Trouble(dedupe_key="k", kind="k", severity="high", title="Ü 🦊", message="m")


def fill(connection: Connection) -> None:
    definitions = [a_task(f"task-{n}", retry_jitter=0.123456789, tags=("a",)) for n in range(30)]
    tasks.register(connection, definitions, who="me", why="", now_ms=NOW_MS)
    runs = [a_run(NOW_MS + n, task_name=f"task-{n % 30}") for n in range(RUNS)]
    ledger.claim(connection, runs, now_ms=NOW_MS, decided_until_ms=NOW_MS)
    for run in runs[:40]:
        end(connection, ended(run, "error", error_message="käputt 🦊"))
    metrics.record(connection, {"third": 1 / 3, "small": 1.5e-7}, at_ms=NOW_MS)
    alerts.raise_alert(connection, TROUBLE, now_ms=NOW_MS)


def silent(_table: str, _done: int, _total: int) -> None:
    """Nobody looks on."""


@pytest.fixture(params=["sqlite to mariadb", "mariadb to sqlite"])
def both(request: pytest.FixtureRequest, sqlite_url: str, mariadb_url: str) -> tuple[str, str]:
    pair = (sqlite_url, mariadb_url)
    return pair if request.param == "sqlite to mariadb" else (pair[1], pair[0])


def test_every_row_arrives_as_it_was_and_the_agent_goes_on_there(both: tuple[str, str]) -> None:
    source, target = (Database.open(url) for url in both)
    source.write_now(fill)

    moved = move(source, target, now_ms=NOW_MS, told=silent)

    counted = {each.table: each.rows for each in moved}
    assert counted["smart_cron_executions"] == RUNS
    assert counted["smart_cron_task_versions"] == 30
    for ask in (tasks.load_all, ledger.unfinished, metrics.latest, alerts.open_alerts):
        assert target.read_now(ask) == source.read_now(ask)
    assert target.read_now(state.decided_until) == NOW_MS
    assert target.read_now(partial(state.get, name=state.MOVING_FROM)) is None
    # Rows counted by the database go on from where they were.
    definition = a_task("task-0", priority=1)
    target.write_now(
        partial(tasks.apply, definitions=[definition], who="me", why="", now_ms=NOW_MS + 1)
    )
    assert target.read_now(partial(tasks.load, names=["task-0"]))[0].def_rev == 2
    source.close()
    target.close()


@pytest.mark.parametrize("cut_at", [1, 4, 6])
def test_what_was_cut_off_is_gone_on_with(both: tuple[str, str], cut_at: int) -> None:
    source, target = (Database.open(url) for url in both)
    source.write_now(fill)
    written = 0

    def cut(_table: str, done: int, _total: int) -> None:
        nonlocal written
        written += done > 0
        if written == cut_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(source, target, now_ms=NOW_MS, told=cut)

    # An agent would find no tasks there, or not what has become of them.
    with pytest.raises(StorageError, match=r"half moved from .* run `smartcron-agent db move`"):
        Database.open(both[1])
    target.close()
    target = Database.open(both[1], is_filled=True)
    moved = move(source, target, now_ms=NOW_MS, told=silent)

    runs = next(each for each in moved if each.table == "smart_cron_executions")
    assert runs.rows == RUNS
    assert sum(each.copied for each in moved) < sum(each.rows for each in moved)
    source.close()
    target.close()
    Database.open(both[1]).close()


def test_figures_are_the_same_in_whatever_order_a_database_writes_them(
    both: tuple[str, str],
) -> None:
    source, target = (Database.open(url) for url in both)
    source.write_now(fill)
    # As the writer of figures leaves them: in the order in which the runs ended.
    source.write_now(change("smart_cron_rollup_totals", """histogram = '{"8":2,"3":1,"14":1}'"""))

    moved = move(source, target, now_ms=NOW_MS, told=silent)

    assert {each.table: each.rows for each in moved}["smart_cron_rollup_totals"] > 0
    source.close()
    target.close()


def change(table: str, value: str) -> Callable[[Connection], None]:
    def write(connection: Connection) -> None:
        connection.exec_driver_sql(f"UPDATE {table} SET {value}")  # noqa: S608 - our own words

    return write


def test_a_row_that_differs_at_the_end_is_found(both: tuple[str, str]) -> None:
    source, target = (Database.open(url) for url in both)
    source.write_now(fill)

    def spoil(table: str, done: int, total: int) -> None:
        if table == "smart_cron_metrics" and done == total > 0:
            target.write_now(change(table, "value = 0.25 WHERE metric_name = 'third'"))

    with pytest.raises(StorageError, match="table smart_cron_metrics is not the same"):
        move(source, target, now_ms=NOW_MS, told=spoil)

    assert target.read_now(partial(state.get, name=state.MOVING_FROM)) is not None
    source.close()
    target.close()


def test_rows_of_its_own_are_not_mixed_with_others(both: tuple[str, str]) -> None:
    source, target = (Database.open(url) for url in both)
    source.write_now(fill)
    target.write_now(fill)

    with pytest.raises(Conflict, match=r"holds rows already .*move into an empty one"):
        move(source, target, now_ms=NOW_MS, told=silent)

    source.close()
    target.close()


def test_a_database_that_an_agent_works_on_is_not_moved(sqlite_url: str, mariadb_url: str) -> None:
    source, target = Database.open(sqlite_url), Database.open(mariadb_url)
    holder = Holder(agent_id="abc", host="here", at_ms=NOW_MS)
    source.write_now(partial(state.hold, holder=holder))

    with pytest.raises(Conflict, match="agent abc on host 'here' works on"):
        move(source, target, now_ms=NOW_MS + 1_000, told=silent)

    source.close()
    target.close()


def test_what_the_target_takes_not_is_named_by_table(sqlite_url: str, mariadb_url: str) -> None:
    source, target = Database.open(sqlite_url), Database.open(mariadb_url)
    source.write_now(fill)
    source.write_now(change("smart_cron_executions", f"reason = '{'x' * 99}'"))

    with pytest.raises(StorageError, match=r"table smart_cron_executions, rows .*'reason'"):
        move(source, target, now_ms=NOW_MS, told=silent)

    source.close()
    target.close()


def test_an_empty_database_is_moved_too(both: tuple[str, str]) -> None:
    source, target = (Database.open(url) for url in both)

    moved = move(source, target, now_ms=NOW_MS, told=silent)

    assert {each.rows for each in moved if each.table != "smart_cron_state"} == {0}
    source.close()
    target.close()
