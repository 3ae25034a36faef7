"""How a connection to the database is set up."""

import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from pymysql.connections import Connection as PyMySQL
from sqlalchemy import Connection

from agent.errors import NotStorable, StorageError, WrongUse
from agent.store import backups, engines, metrics, state
from agent.store.database import Database
from agent.store.engines import in_the_open, make_engine, name_of, read_url
from tests import mariadb
from tests.agent.store.makings import NOW_MS
from tests.pulse import Pulse

HOST = "mysql+pymysql://cron:hush@db.example/cron"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql+aiomysql://u:hush@h/d", "write mysql\\+pymysql"),
        ("mysql+pymysql://u:hush@h", "names no database"),
        ("mysql+pymysql://u:hush@h:port/d", "is not a database URL"),
        (f"{HOST}?passwd=hush", "the option 'passwd' is not known; known are ssl_ca"),
        (f"{HOST}?ssl_ca=/gone.pem", "ssl_ca = '/gone.pem': is no file that can be read"),
        (f"{HOST}?ssl_verify_cert=perhaps", "ssl_verify_cert = 'perhaps': must be true or false"),
        (
            f"{HOST}?ssl_required=false&ssl_verify_cert=true",
            "ssl_required=false and ssl_verify_cert exclude one another",
        ),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_by_field_and_without_password(
    url: str, said: str
) -> None:
    with pytest.raises(WrongUse, match=said) as refused:
        read_url(url)

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        (HOST, True),
        ("mysql+pymysql://cron:hush@10.0.0.7:3306/cron", True),
        ("mysql+pymysql://cron:hush@[fe80::7]/cron", True),
        (f"{HOST}?ssl_verify_cert=false", False),
        (f"{HOST}?ssl_required=true", False),
        (f"{HOST}?ssl_required=false", False),
        (f"{HOST}?unix_socket=/run/mysqld/mysqld.sock", False),
        ("mysql+pymysql://cron:hush@localhost/cron", False),
        ("mysql+pymysql://cron:hush@127.0.0.1/cron", False),
        ("mysql+pymysql://cron:hush@[::1]/cron", False),
        ("sqlite:////var/lib/smart-cron/data/smartcron.sqlite3", False),
    ],
)
def test_a_way_that_others_may_read_along_is_told_unless_the_url_says_it_is_well_so(
    url: str, is_open: bool
) -> None:
    said = in_the_open(read_url(url))

    assert (said is not None) == is_open
    assert "hush" not in (said or "")


def test_a_file_that_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")

    with pytest.raises(WrongUse, match=r"ssl_ca = .*: holds no certificates in PEM"):
        read_url(f"{HOST}?ssl_ca={tmp_path / 'ca.pem'}")


def test_a_key_needs_its_certificate(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("hello")

    with pytest.raises(WrongUse, match="ssl_key needs ssl_cert"):
        read_url(f"{HOST}?ssl_key={tmp_path / 'key.pem'}")


@pytest.mark.parametrize("kind", ["mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"])
def test_the_driver_need_not_be_named(kind: str) -> None:
    assert read_url(f"{kind}://cron@db/cron").drivername == "mysql+pymysql"


def test_a_database_is_called_without_password_and_options() -> None:
    url = read_url(f"{HOST}?ssl_verify_cert=false")

    assert name_of(url) == "mysql+pymysql://cron:***@db.example/cron"


def test_a_session_is_strict_in_utc_and_takes_every_letter(mariadb_url: str) -> None:
    engine = make_engine(read_url(mariadb_url), pool_size=1, writes=True)
    with engine.connect() as connection:
        said = connection.exec_driver_sql(
            "SELECT @@time_zone, @@sql_mode, @@character_set_client, @@innodb_lock_wait_timeout"
        ).one()
    engine.dispose()

    assert said[0] == "+00:00"
    assert {"STRICT_TRANS_TABLES", "NO_ZERO_DATE", "NO_ENGINE_SUBSTITUTION"} <= set(
        said[1].split(",")
    )
    assert said[2:] == ("utf8mb4", engines.LOCK_WAIT_S)


def test_a_row_keeps_letters_of_four_bytes_and_milliseconds(database: Database) -> None:
    database.write_now(partial(state.put, name="ü🦊", value="日本 🦊", now_ms=NOW_MS + 42))

    assert database.read_now(partial(state.get, name="ü🦊")) == "日本 🦊"
    assert database.read_now(partial(state.get, name="Ü🦊")) is None


def test_the_readers_of_a_server_cannot_write_either(mariadb_url: str) -> None:
    database = Database.open(mariadb_url)

    with pytest.raises(StorageError, match="only reads"):
        database.read_now(partial(state.put, name="a", value="x", now_ms=NOW_MS))

    database.close()


def test_a_value_too_long_for_its_column_is_refused_and_not_cut(mariadb_url: str) -> None:
    database = Database.open(mariadb_url)

    with pytest.raises(NotStorable, match="takes no such value"):
        database.write_now(partial(state.put, name="n" * 65, value="x", now_ms=NOW_MS))

    database.close()


def test_a_row_locked_by_another_program_is_told_as_that(
    mariadb_url: str, mariadb_server: mariadb.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_WAIT_S", 1)
    database = Database.open(mariadb_url)
    database.write_now(partial(state.put, name="a", value="x", now_ms=NOW_MS))
    name = mariadb_url.rpartition("/")[2]
    other = mariadb_server.connect(database=name, autocommit=False)
    with other.cursor() as cursor:
        cursor.execute("UPDATE smart_cron_state SET value = 'mine'")

    with pytest.raises(StorageError, match="stayed locked for some seconds"):
        database.write_now(partial(state.put, name="a", value="y", now_ms=NOW_MS))

    other.rollback()  # a server gives up the locks of a connection some time after its close
    other.close()
    database.write_now(partial(state.put, name="a", value="z", now_ms=NOW_MS))
    assert database.read_now(partial(state.get, name="a")) == "z"
    database.close()


@pytest.fixture
def own_server() -> Iterator[mariadb.Server]:
    with mariadb.served() as server:
        yield server


def test_a_server_started_anew_while_nobody_asked_costs_no_action(
    own_server: mariadb.Server,
) -> None:
    with own_server.fresh() as url:
        database = Database.open(url)
        database.write_now(partial(state.put, name="a", value="x", now_ms=NOW_MS))
        database.read_now(partial(state.get, name="a"))

        own_server.kill()
        own_server.start()

        assert database.read_now(partial(state.get, name="a")) == "x"
        database.write_now(partial(state.put, name="a", value="y", now_ms=NOW_MS))
        assert database.read_now(partial(state.get, name="a")) == "y"
        database.close()


def test_a_frozen_server_is_told_of_within_the_time_it_has(
    own_server: mariadb.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_server.fresh() as url:
        database = Database.open(url)
        monkeypatch.setattr(engines, "ANSWER_S", 1)
        monkeypatch.setattr(engines, "CONNECT_S", 1)
        own_server.freeze()
        with Pulse() as pulse:
            began = time.monotonic()

            with pytest.raises(StorageError, match="does not answer"):
                Database.open(url)

            took_s = time.monotonic() - began
        own_server.thaw()
        database.close()

    assert took_s < 5 + pulse.worst_ms / 1_000


def certificates(folder: Path) -> None:
    """An authority, and what it says of 127.0.0.1; another authority that says nothing of it."""
    for name in ("ca", "other"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")(
            *("-keyout", f"{name}-key.pem", "-out", f"{name}.pem", "-subj", f"/CN={name}")
        )
    for name, said in (("server", "IP:127.0.0.1"), ("client", "DNS:client")):
        openssl(folder, "req", "-newkey", "rsa:2048", "-nodes")(
            *("-keyout", f"{name}-key.pem", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        )
        (folder / "names").write_text(f"subjectAltName={said}\n")
        openssl(folder, "x509", "-req", "-days", "2", "-CAcreateserial")(
            *("-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem"),
            *("-out", f"{name}.pem", "-extfile", "names"),
        )


def openssl(folder: Path, *words: str) -> "partial[None]":
    return partial(_openssl, folder, words)


def _openssl(folder: Path, words: tuple[str, ...], *more: str) -> None:
    subprocess.run(["openssl", *words, *more], cwd=folder, check=True, capture_output=True)


def test_tls_is_used_and_checked_when_it_is_asked_for(tmp_path: Path) -> None:
    certificates(tmp_path)
    options = [f"--ssl-{name}={tmp_path / file}" for name, file in SERVER_FILES.items()]
    with mariadb.served(*options) as server, server.fresh() as plain:
        server.say(
            "CREATE USER 'cron'@'127.0.0.1' IDENTIFIED BY 'hush' REQUIRE X509",
            "GRANT ALL ON *.* TO 'cron'@'127.0.0.1'",
        )
        url = plain.replace("root@", "cron:hush@")
        files = {name: quote(str(tmp_path / f"{name}.pem")) for name in FILES}
        proved = f"ssl_cert={files['client']}&ssl_key={files['client-key']}"

        database = Database.open(f"{url}?ssl_ca={files['ca']}&{proved}")
        cipher = database.read_now(in_use)
        database.close()
        assert cipher
        # The user is let in by certificate alone: the tools of the server show it as well.
        made = backups.make(
            f"{url}?ssl_ca={files['ca']}&{proved}", tmp_path, now_ms=NOW_MS, prove=None
        )
        assert made.size_bytes > 0
        with pytest.raises(StorageError, match="not reached over TLS"):
            backups.make(
                f"{url}?ssl_ca={files['other']}&{proved}", tmp_path, now_ms=NOW_MS + 1, prove=None
            )

        with pytest.raises(StorageError, match=r"not reached over TLS.*certificate verify failed"):
            Database.open(f"{url}?ssl_ca={files['other']}&{proved}")
        with pytest.raises(StorageError, match="refuses user 'cron'"):
            Database.open(f"{url}?ssl_ca={files['ca']}")
        by_name = url.replace("127.0.0.1", "localhost")
        with pytest.raises(StorageError, match="not reached over TLS"):
            Database.open(f"{by_name}?ssl_ca={files['ca']}&{proved}")
        with pytest.raises(WrongUse, match="holds no a certificate"):
            read_url(f"{url}?ssl_cert={files['ca-key']}")


FILES = ("ca", "other", "client", "client-key", "ca-key")
SERVER_FILES = {"ca": "ca.pem", "cert": "server.pem", "key": "server-key.pem"}


def in_use(connection: Connection) -> str:
    row = connection.exec_driver_sql("SHOW STATUS LIKE 'Ssl_cipher'").one()
    return str(row[1])


def test_a_server_without_tls_is_not_spoken_to_in_the_open(
    mariadb_url: str,
) -> None:
    with pytest.raises(StorageError, match=r"(?i)tls|ssl"):
        Database.open(f"{mariadb_url}?ssl_verify_cert=false&ssl_verify_identity=false")


def test_a_figure_comes_back_as_it_was(database: Database) -> None:
    figures = {"third": 1 / 3, "large": 123_456_789.123, "small": 1.5e-7}
    database.write_now(partial(metrics.record, readings=figures, at_ms=NOW_MS))

    assert database.read_now(metrics.latest) == (NOW_MS, figures)


def test_many_threads_share_few_connections(mariadb_url: str) -> None:
    database = Database.open(mariadb_url)
    database.write_now(partial(state.put, name="a", value="x", now_ms=NOW_MS))
    found: list[str | None] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(database.read_now(partial(state.get, name="a")))
        )
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()

    assert found == ["x"] * 20


@pytest.mark.parametrize("port", [0, 65_536, 99_999])
def test_a_port_that_cannot_be_is_refused_by_its_value(port: int) -> None:
    with pytest.raises(WrongUse, match=f"database_url: port = {port}: must be from 1 to 65535"):
        read_url(f"mysql+pymysql://cron:hush@db:{port}/smartcron")


@pytest.mark.parametrize("password", ["hush@hush", "hush@hush/hush", "a/b@hush", "a?b@hush"])
def test_the_end_of_a_password_is_taken_for_no_host_and_no_name(password: str) -> None:
    with pytest.raises(WrongUse, match=r"one @ too many; .* write @") as refused:
        read_url(f"mysql+pymysql://cron:{password}@db.example:3306/smartcron")

    assert "hush" not in str(refused.value)


def test_a_file_that_depends_on_where_one_stands_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"the file 'here\.sqlite3': must be a whole path"):
        read_url("sqlite:///here.sqlite3")


def test_a_folder_that_is_missing_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=f"its folder {tmp_path}/no is not; make the folder"):
        Database.open(f"sqlite:///{tmp_path}/no/file.sqlite3")


@pytest.mark.parametrize(
    "value",
    [None, 0, -5, 1 << 62, True, False, 0.25, 1e-9, 'it\'s \\ a "text" 🦊\n', b"\x00'\xff", ""],
    ids=repr,
)
def test_a_value_is_told_a_server_as_its_driver_would_tell_it(
    mariadb_url: str, value: object
) -> None:
    engine = make_engine(read_url(mariadb_url), pool_size=1, writes=True)
    with engine.connect() as connection:
        found, _ = connection.exec_driver_sql("SELECT %s, 1", (value,)).one()
        driver = connection.connection.driver_connection
        assert driver is not None
        assert driver.escape(value) == PyMySQL.escape(driver, value)
    engine.dispose()

    assert found == value


def test_a_password_that_needs_an_encrypted_way_is_told_as_that(
    mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So PyMySQL answers a MySQL 8 that speaks no TLS; no MariaDB asks for such a login."""

    def refuse(*_words: object, **_named: object) -> None:
        raise RuntimeError("'cryptography' package is required for caching_sha2_password")

    monkeypatch.setattr(engines, "_connection", lambda: refuse)

    with pytest.raises(StorageError, match="let the server speak TLS, or install"):
        Database.open(mariadb_url)
