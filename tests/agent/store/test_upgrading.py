"""How a database comes to the version of this agent, and when it is refused instead."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from agent import __version__
from agent.errors import StorageError
from agent.store import fitness, state, tasks
from agent.store.database import Database
from agent.store.engines import make_engine, read_url
from agent.store.ready import open_ready
from agent.store.state import Holder
from agent.store.turns import turn
from agent.store.upgrading import KNOWN, version_of
from schema.migrate import climb
from tests import mariadb
from tests.agent.store.makings import NOW_MS

FULL = (*fitness.TO_WORK, *fitness.TO_CHANGE)
OLD_TASK = (
    "INSERT INTO smart_cron_tasks_config (task_name, category, description, tags, schedule,"
    " timezone, command, shell, timeout_seconds, kill_grace_s, priority, max_retries,"
    " retry_base_s, retry_cap_s, retry_on_timeout, overlap, missed, start_deadline_s,"
    " dst_gap, dst_fold, environment, enabled, paused, watermark, def_rev, created_at,"
    " updated_at) VALUES ('old', 'General', '', '[]', '* * * * *', 'UTC', '/bin/true',"
    " 'auto', 60, 10, 3, 0, 30, 3600, 0, 'forbid', 'latest', 3600, 'after', 'first', '{}',"
    " 1, 0, '2026-11-24 07:05:00.000', 1, '2026-11-24 07:05:00.000', '2026-11-24 07:05:00.000')"
)


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database: these tests make its tables themselves."""
    name: str = request.getfixturevalue(f"{request.param}_url")
    return name


def make_old(url: str, version: str = "0001") -> None:
    """A database as an earlier agent left it, with a task in it."""
    parsed = read_url(url)
    if parsed.get_backend_name() == "sqlite":
        Path(str(parsed.database)).touch(mode=0o600)
    engine = make_engine(parsed, pool_size=1, writes=True)
    with engine.begin() as connection:
        climb(connection, version)
        connection.exec_driver_sql(OLD_TASK)
    engine.dispose()


def tables(url: str) -> set[str]:
    engine = make_engine(read_url(url), pool_size=1, writes=False)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


@pytest.mark.parametrize("version", ["0001", "0003", "0005"])
def test_an_older_database_is_copied_and_then_lifted_with_all_it_holds(
    url: str, tmp_path: Path, version: str
) -> None:
    make_old(url, version)
    folder = tmp_path / "backups"
    folder.mkdir()

    database = open_ready(url, folder=folder, agent_id="me")

    (task,) = database.read_now(tasks.load_all)
    assert (task.task_name, task.fault) == ("old", None)
    assert database.read_now(partial(state.get, name=state.AGENT_VERSION)) == __version__
    database.close()
    assert version_of(read_url(url)) == KNOWN
    assert [path.name for path in folder.glob(f"*before-{KNOWN}.sq*")] != []


def test_a_database_of_our_version_is_not_copied(url: str, tmp_path: Path) -> None:
    Database.open(url).close()

    open_ready(url, folder=tmp_path / "no folder is needed", agent_id="me").close()

    assert not (tmp_path / "no folder is needed").exists()


def test_what_cannot_be_copied_is_not_lifted(url: str, tmp_path: Path) -> None:
    make_old(url)

    with pytest.raises(StorageError, match=r"was not made.*db upgrade --no-backup"):
        open_ready(url, folder=tmp_path / "gone", agent_id="me")

    assert version_of(read_url(url)) == "0001"


def test_an_older_database_is_left_to_the_older_agent_that_works_on_it(url: str) -> None:
    make_old(url)
    older = Holder(agent_id="older", host="there", at_ms=time.time_ns() // 1_000_000)
    with reached(url) as engine, engine.begin() as connection:
        state.hold(connection, older)

    with pytest.raises(StorageError, match=r"agent older on host 'there' works on it .* stop that"):
        Database.open(url, agent_id="me")

    assert version_of(read_url(url)) == "0001"
    Database.open(url, agent_id="older").close()
    assert version_of(read_url(url)) == KNOWN


def test_a_newer_database_is_refused_by_number_and_maker_and_left_alone(url: str) -> None:
    database = Database.open(url)
    with reached(url) as engine, engine.begin() as connection:
        connection.exec_driver_sql("UPDATE smart_cron_schema_version SET version_num = '0099'")
        state.put(connection, state.AGENT_VERSION, "9.9.9", now_ms=NOW_MS)
    database.close()

    with pytest.raises(StorageError) as refused:
        Database.open(url)

    said = str(refused.value)
    assert "has schema version 0099 (agent 9.9.9 made it so)" in said
    assert f"this agent ({__version__}) knows up to {KNOWN}; start the newer agent" in said
    assert version_of(read_url(url)) == "0099"


@contextmanager
def reached(url: str) -> Iterator[Engine]:
    engine = make_engine(read_url(url), pool_size=1, writes=True)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def account(mariadb_server: mariadb.Server, mariadb_url: str) -> Iterator[str]:
    """The database as a user sees it who may do nothing yet."""
    mariadb_server.say(
        "CREATE USER 'cron'@'127.0.0.1' IDENTIFIED BY 'hush'",
    )
    yield mariadb_url.replace("root@", "cron:hush@")
    mariadb_server.say("DROP USER 'cron'@'127.0.0.1'")


def grant(server: mariadb.Server, url: str, names: list[str]) -> None:
    server.say(f"GRANT {', '.join(names)} ON `{url.rpartition('/')[2]}`.* TO 'cron'@'127.0.0.1'")


@pytest.mark.parametrize("missing", FULL)
def test_a_missing_privilege_is_named_before_anything_is_made(
    mariadb_server: mariadb.Server, mariadb_url: str, account: str, missing: str
) -> None:
    grant(mariadb_server, account, [name for name in FULL if name != missing])

    with pytest.raises(StorageError) as refused:
        Database.open(account)

    said = str(refused.value)
    assert f"does not let cron@127.0.0.1 {missing}; grant it" in said
    assert f"GRANT {missing} ON `{account.rpartition('/')[2]}`.* TO 'cron'@'127.0.0.1'" in said
    assert "hush" not in said
    assert tables(mariadb_url) == set()


def test_with_all_privileges_named_the_tables_are_made_and_fewer_serve_afterwards(
    mariadb_server: mariadb.Server, account: str
) -> None:
    grant(mariadb_server, account, list(FULL))
    Database.open(account).close()
    mariadb_server.say(
        f"REVOKE CREATE, ALTER, INDEX, DROP ON `{account.rpartition('/')[2]}`.* "
        "FROM 'cron'@'127.0.0.1'"
    )

    database = Database.open(account)

    database.write_now(partial(state.put, name="a", value="x", now_ms=NOW_MS))
    database.close()


def test_a_wrong_password_and_a_missing_database_are_told_without_the_password(
    mariadb_server: mariadb.Server, account: str
) -> None:
    with pytest.raises(StorageError, match="refuses user 'cron' or the password") as wrong:
        Database.open(account.replace("hush", "hushhush"))
    with pytest.raises(StorageError, match="is not open to user 'cron'"):
        Database.open(account)
    with pytest.raises(StorageError, match="is not there; make it with `CREATE DATABASE `nowhere`"):
        Database.open(mariadb_server.url("nowhere"))

    assert "hush" not in str(wrong.value)


def test_a_server_that_is_too_old_is_refused_with_nothing_made() -> None:
    with mariadb.served("--version=10.3.39-MariaDB") as server, server.fresh() as url:
        with pytest.raises(
            StorageError, match=r"is on MariaDB 10\.3\.39, and our tables need MariaDB 10\.6"
        ):
            Database.open(url)

        assert server.say(f"SHOW TABLES IN {url.rpartition('/')[2]}") == []


def test_a_server_that_takes_short_packets_only_is_refused_with_the_setting_and_nothing_made() -> (
    None
):
    options = ("--max-allowed-packet=64K", "--net-buffer-length=1K")
    with mariadb.served(*options) as server, server.fresh() as url:
        with pytest.raises(
            StorageError, match="max_allowed_packet is 65536, and we write up to 2097152 bytes"
        ):
            Database.open(url)
        made = server.say(f"SHOW TABLES IN {url.rpartition('/')[2]}")
        server.say("SET GLOBAL max_allowed_packet = 67108864")  # as the refusal says

        Database.open(url).close()

    assert made == []


@pytest.mark.parametrize(
    ("offset_s", "said"),
    [(300, "is 300 s ahead of this host's"), (-300, "is 300 s behind this host's")],
)
def test_a_clock_that_is_wrong_is_told_and_stops_nothing(
    mariadb_server: mariadb.Server, account: str, offset_s: int, said: str
) -> None:
    grant(mariadb_server, account, list(FULL))
    # The server sets this clock for everyone but its administrators.
    mariadb_server.say(f"SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + {offset_s}'")
    try:
        database = Database.open(account)
        ahead_ms = database.read_now(fitness.clock_ahead_ms)
        database.close()
    finally:
        mariadb_server.say("SET GLOBAL init_connect = ''")

    sentence = fitness.clock_sentence(round(ahead_ms, -4))
    assert sentence is not None
    assert said in sentence
    assert fitness.clock_sentence(1_000) is None


def test_a_server_that_is_read_only_is_told_and_nothing_is_half_made(
    mariadb_server: mariadb.Server, mariadb_url: str, account: str
) -> None:
    grant(mariadb_server, account, list(FULL))
    mariadb_server.say("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(StorageError, match="the server is read-only"):
            Database.open(account)
    finally:
        mariadb_server.say("SET GLOBAL read_only = 0")

    assert tables(mariadb_url) == set()
    Database.open(account).close()


def test_a_file_on_a_read_only_file_system_is_told(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old(sqlite_url)
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")

    def refuse(*_: object) -> int:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(StorageError, match="cannot be written: read-only file system; check the"):
        Database.open(sqlite_url)
    monkeypatch.undo()

    assert version_of(read_url(sqlite_url)) == "0001"


@pytest.mark.parametrize(
    ("lines", "held"),
    [
        (["GRANT USAGE ON *.* TO `u`@`h` IDENTIFIED BY PASSWORD '*X'"], {"USAGE"}),
        (["GRANT SELECT, INSERT ON `cron`.* TO `u`@`h`"], {"SELECT", "INSERT"}),
        (["GRANT SELECT ON `cr_n`.* TO `u`@`h`"], {"SELECT"}),
        (["GRANT SELECT ON `cr\\_n`.* TO `u`@`h`"], set()),
        (["GRANT SELECT ON `c%`.* TO `u`@`h`"], {"SELECT"}),
        (["GRANT SELECT ON `cron`.`smart_cron_state` TO `u`@`h`"], set()),
        (["GRANT SELECT ON `other`.* TO `u`@`h`"], set()),
        (["GRANT ALL PRIVILEGES ON *.* TO `u`@`h` WITH GRANT OPTION"], {"ALL PRIVILEGES", *FULL}),
    ],
)
def test_grants_are_read_as_the_server_means_them(lines: list[str], held: set[str]) -> None:
    assert fitness.granted(lines, "cron") == held


OPENS = """
import sys
from agent.store.database import Database
Database.open(sys.argv[1]).close()
"""


@pytest.mark.parametrize("version", [None, "0003"])
def test_several_programs_that_come_at_once_make_or_lift_the_tables_one_after_the_other(
    url: str, version: str | None
) -> None:
    if version is not None:
        make_old(url, version)

    programs = [
        subprocess.Popen(
            [sys.executable, "-c", OPENS, url], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        for _ in range(6)
    ]
    said = [program.communicate(timeout=300)[1].decode() for program in programs]

    assert [program.returncode for program in programs] == [0] * 6, said
    assert version_of(read_url(url)) == KNOWN


def test_whoever_waits_too_long_for_another_at_the_tables_is_told_so(url: str) -> None:
    parsed = read_url(url)
    if parsed.get_backend_name() == "sqlite":
        Path(str(parsed.database)).touch(mode=0o600)

    with (
        turn(parsed),
        pytest.raises(StorageError, match=r"another program .* for 0 s; wait until it is done"),
        turn(parsed, wait_s=0),
    ):
        pytest.fail("two at once")

    Database.open(url).close()
