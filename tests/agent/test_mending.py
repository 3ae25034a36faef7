"""A damaged file is made whole to the end, whenever that was cut short; a healthy one stays."""

import asyncio
import random
import socket
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from agent import mending, supervisor
from agent.errors import Damaged, DiskFull, StorageError, Unreachable
from agent.mending import ALERT, DAMAGED_ALERT, FOUND, cut_short, mend, on_a_sound_file
from agent.proof import doubts
from agent.recovery import make_up
from agent.runs import Run
from agent.settings import Home, Settings
from agent.store import backups, journal, ledger, restoring, salvage, state
from agent.store.database import Database, database_url
from agent.store.engines import name_of, read_url
from agent.store.journal import Journal
from agent.store.mark import Mark
from agent.store.writes import Raise
from agent.troubles import Trouble
from schema.tables import alerts, metadata
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS, a_run
from tests.agent.store.test_moving import fill
from tests.damages import damages

PAGE = 4_096
FILLING = 2_000


class Died(BaseException):
    """The process is gone from here on."""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    fresh_file(home.database_file)
    Journal.open(home.journal_file, now_ms=NOW_MS).close()
    return home


def url_of(home: Home) -> str:
    return database_url(Settings(), home)


def remember(home: Home, name: str) -> None:
    database = Database.open(url_of(home))
    database.write_now(partial(state.put, name=name, value="here", now_ms=NOW_MS))
    database.close()


def remembered(home: Home, name: str) -> str | None:
    database = Database.open(url_of(home), migrate=False)
    try:
        return database.read_now(partial(state.get, name=name))
    finally:
        database.close()


def open_alerts(home: Home) -> list[str]:
    database = Database.open(url_of(home), migrate=False)
    try:
        found = database.read_now(
            lambda connection: connection.execute(alerts.select()).mappings().all()
        )
    finally:
        database.close()
    return sorted(row["kind"] for row in found if row["status"] != "resolved")


def spoil(home: Home) -> None:
    """Fill the file and break one page in the midst of the filling."""
    file = home.database_file
    with closing(sqlite3.connect(file)) as raw:
        raw.executemany(
            "INSERT INTO smart_cron_state (name, value, updated_at) VALUES (?, ?, ?)",
            [
                (f"filling {number}", "x" * 2_000, "2026-11-24 07:05:00.000")
                for number in range(FILLING)
            ],
        )
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // PAGE // 2 * PAGE)
        opened.write(b"nonsense" * 512)
    journal.note(home.journal_file, FOUND, "a page is bad")


def back_up(home: Home, at_ms: int) -> backups.Backup:
    return backups.make(url_of(home), home.backups, now_ms=at_ms, prove=doubts)


def die(*_: object, **__: object) -> None:
    raise Died


async def begin(home: Home) -> None:
    """As an agent begins; what it works on is there."""

    async def work() -> None:
        assert home.database_file.exists()

    await on_a_sound_file(work, home=home, settings=Settings())


@pytest.mark.parametrize(
    ("room", "name"),
    [
        ("agent.store.restoring", "_set_aside"),
        ("agent.store.salvage.restoring", "restore"),
        ("agent.mending.recovery", "make_whole"),
        ("agent.mending.anchor", "cut"),
    ],
)
@pytest.mark.parametrize("has_backup", [True, False], ids=["a backup", "no backup"])
def test_a_mend_that_is_cut_short_is_brought_to_its_end_by_the_next_start(
    home: Home, monkeypatch: pytest.MonkeyPatch, room: str, name: str, has_backup: bool
) -> None:
    remember(home, "before")
    if has_backup:
        back_up(home, NOW_MS)
    remember(home, "after")
    spoil(home)
    with monkeypatch.context() as patched:
        patched.setattr(f"{room}.{name}", die)
        try:
            mend(home, url_of(home), cause="a page is bad")
        except Died:
            assert cut_short(home, url_of(home)) is not None

    asyncio.run(begin(home))

    assert remembered(home, "after") == "here"
    assert remembered(home, f"filling {FILLING - 1}") is not None
    assert open_alerts(home) == [ALERT]
    assert cut_short(home, url_of(home)) is None
    assert journal.noted(home.journal_file, FOUND) is None


def test_a_mend_that_died_between_two_moves_goes_on_with_what_it_set_aside(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(home, NOW_MS)
    remember(home, "after")
    spoil(home)
    with monkeypatch.context() as patched:
        patched.setattr(mending, "_renewed", die)
        with pytest.raises(Died):
            mend(home, url_of(home), cause="a page is bad")
    begun = cut_short(home, url_of(home))
    assert begun is not None
    aside = restoring.set_aside(home.database_file, now_ms=begun.at_ms)
    Database.open(url_of(home)).close()  # somebody's command makes an empty one meanwhile

    asyncio.run(begin(home))

    assert aside.exists()
    assert remembered(home, "after") == "here"
    assert open_alerts(home) == [ALERT]


def test_a_note_of_a_mend_that_is_damaged_is_as_none(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(home)
    with monkeypatch.context() as patched:
        patched.setattr(mending, "_renewed", die)
        with pytest.raises(Died):
            mend(home, url_of(home), cause="a page is bad")
    note = home.journal_file.parent / mending.MENDING
    whole = note.read_bytes()
    begun = cut_short(home, url_of(home))
    assert begun is not None

    for how, damaged in damages(whole).items():
        note.write_bytes(damaged)
        # What was spoilt may be the sum alone.
        assert cut_short(home, url_of(home)) in (None, begun), how


def test_the_alert_of_the_damage_ends_with_the_mend(home: Home) -> None:
    database = Database.open(url_of(home))
    trouble = Trouble(
        dedupe_key=DAMAGED_ALERT, kind=DAMAGED_ALERT, severity="critical", title="x", message="x"
    )
    database.write_now(Raise(trouble=trouble, now_ms=NOW_MS).apply)
    database.close()
    spoil(home)

    mend(home, url_of(home), cause="a page is bad")

    assert open_alerts(home) == [ALERT]


@pytest.mark.parametrize("is_all", [True, False], ids=["all of them", "the newest"])
def test_a_rotten_backup_is_passed_over(home: Home, is_all: bool) -> None:
    remember(home, "before")
    older, newer = back_up(home, NOW_MS), back_up(home, NOW_MS + 1_000)
    for copy in (older, newer) if is_all else (newer,):
        copy.path.write_bytes(copy.path.read_bytes()[:-PAGE])
    spoil(home)

    done = mend(home, url_of(home), cause="a page is bad")

    taken = done.renewed.backup
    assert (taken and taken.path) == (None if is_all else older.path)
    assert remembered(home, "before") == "here"


def test_a_host_that_takes_no_file_is_no_reason_to_begin_with_nothing(home: Home) -> None:
    remember(home, "before")
    back_up(home, NOW_MS)
    spoil(home)
    before = home.database_file.read_bytes()
    home.database_file.parent.joinpath(".smartcron.sqlite3.restored").mkdir()

    with pytest.raises(StorageError):
        mend(home, url_of(home), cause="a page is bad")

    assert home.database_file.read_bytes() == before


def test_what_says_nothing_of_the_file_is_no_damage(home: Home) -> None:
    home.database_file.rename(home.database_file.with_name("elsewhere"))
    home.database_file.mkdir()

    with pytest.raises(Unreachable):
        salvage.damage(url_of(home))


NONSENSE = "UPDATE smart_cron_executions SET queued_at = 'sensenonsensenonsenseno'"
UNDECODED = (
    "INSERT INTO smart_cron_state (name, value, updated_at) "
    "VALUES ('odd', CAST(x'fffe' AS TEXT), '2026-11-24 07:05:00.000')"
)


def claim(home: Home, run: Run) -> None:
    database = Database.open(url_of(home))
    database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
    database.close()


def test_a_row_of_which_a_part_was_written_over_takes_no_good_ones_place(home: Home) -> None:
    claim(home, a_run())
    back_up(home, NOW_MS)
    remember(home, "after")
    with closing(sqlite3.connect(home.database_file)) as raw:
        raw.execute(NONSENSE)
        raw.commit()
    spoil(home)

    mended = mend(home, url_of(home), cause="a page is bad")

    database = Database.open(url_of(home), migrate=False)
    (run,) = database.read_now(partial(ledger.page, limit=10)).runs
    database.close()
    assert run.queued_ms == NOW_MS
    assert run.status == "lost"
    assert mended.made.unknown == 1
    assert remembered(home, "after") == "here"


def test_an_agent_that_cannot_read_a_row_makes_the_file_whole_and_goes_on(home: Home) -> None:
    """Each page is well made, so that only reading it shows it."""
    claim(home, a_run())
    back_up(home, NOW_MS)
    remember(home, "after")
    with closing(sqlite3.connect(home.database_file)) as raw:
        raw.execute(NONSENSE)
        raw.commit()
    ours = name_of(read_url(url_of(home)))
    Mark(home.journal_file.parent, ours, make_up=make_up).put(NOW_MS)
    found: list[int] = []

    async def work() -> None:
        database = Database.open(url_of(home))
        try:
            found.append(len(await database.read(ledger.unfinished)))
        finally:
            database.close()

    asyncio.run(on_a_sound_file(work, home=home, settings=Settings()))

    assert found == [0]
    assert remembered(home, "after") == "here"
    assert open_alerts(home) == [ALERT]


def test_a_row_that_the_backup_cannot_give_either_does_not_keep_an_agent_from_beginning(
    home: Home,
) -> None:
    """Else no start, and no `db recover`, would ever come to an end."""
    remember(home, "before")
    claim(home, a_run())
    with closing(sqlite3.connect(home.database_file)) as raw:
        raw.execute(NONSENSE)
        raw.execute(UNDECODED)
        raw.commit()
    back_up(home, NOW_MS)
    assert salvage.damage(url_of(home))

    mend(home, url_of(home), cause="a row is bad")

    assert salvage.damage(url_of(home)) == ()
    assert remembered(home, "before") == "here"
    database = Database.open(url_of(home), migrate=False)
    assert database.read_now(ledger.unfinished) == ()
    database.read_now(read_all)
    database.close()


def test_who_watches_over_an_agent_hears_of_it_while_it_looks_through_a_large_file(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the service manager kills it, and what it looks through is never mended."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)  # instead of for ever, where nothing comes
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setattr(mending, "BEAT_S", 0.01)
        heard: list[bytes] = []

        def look_long(_url: str) -> tuple[str, ...]:
            heard.append(manager.recv(200))
            return ()

        monkeypatch.setattr(salvage, "damage", look_long)
        ours = name_of(read_url(url_of(home)))
        Mark(home.journal_file.parent, ours, make_up=make_up).put(NOW_MS)

        async def work() -> None:
            raise Damaged("so it sounded")

        with pytest.raises(Damaged, match="so it sounded"):
            asyncio.run(on_a_sound_file(work, home=home, settings=Settings()))

    assert heard == [supervisor.BUSY.encode()]


def test_a_full_disk_ends_the_taking_over_and_leaves_nothing_half_done(
    home: Home, tmp_path: Path
) -> None:
    spoil(home)
    url = fresh_file(tmp_path / "new.sqlite3")
    database = Database.open(url)

    def within_little_room(connection: Connection) -> None:
        (pages,) = connection.exec_driver_sql("PRAGMA page_count").one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")
        salvage.salvage(connection, home.database_file, frozenset())

    with pytest.raises(DiskFull):
        database.write_now(within_little_room)

    assert database.read_now(partial(state.get, name="filling 1")) is None
    database.close()


@pytest.mark.parametrize("seed", [3, 5, 9, 11])
def test_whatever_is_written_over_parts_of_the_file_every_row_can_be_read_again(
    home: Home, seed: int
) -> None:
    database = Database.open(url_of(home))
    database.write_now(fill)
    database.close()
    back_up(home, NOW_MS)
    remember(home, "after")
    with closing(sqlite3.connect(home.database_file)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    write_over(home.database_file, random.Random(seed))  # noqa: S311 - no secret

    mend(home, url_of(home), cause="a page is bad")

    assert salvage.damage(url_of(home)) == ()
    database = Database.open(url_of(home), migrate=False)
    database.read_now(read_all)
    database.close()


def read_all(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        connection.execute(table.select()).all()


def write_over(file: Path, chance: random.Random) -> None:
    """What a torn write, a lost sector or another program leaves: not by whole pages."""
    found = bytearray(file.read_bytes())
    for _ in range(8):
        size = chance.choice((8, 100, 512, PAGE, 8 * PAGE))
        at = chance.randrange(PAGE, len(found) - size)
        parts = (bytes(size), b"nonsense" * (size // 8 + 1), chance.randbytes(size), found[-size:])
        found[at : at + size] = chance.choice(parts)[:size]
    file.write_bytes(found)
