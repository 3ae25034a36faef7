"""A file that is looked through: what is damaged is found and told, and no writer waits for it."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from agent.mending import FOUND
from agent.recorder import Recorder, Shown
from agent.recovery import make_up
from agent.soundness import ALERT, Soundness
from agent.store import outage, salvage
from agent.store.database import Database
from agent.store.journal import Journal
from agent.store.mark import Mark
from agent.store.outage import Outage
from agent.store.reaching import Reached
from agent.store.standby import Copy
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS
from tests.pulse import Pulse

PAGE = 4_096


class Scene:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "file.sqlite3"
        url = fresh_file(self.file)
        fill(self.file)
        self.database = Database.open(url)
        self.local = Journal.open(folder / "journal.sqlite3", now_ms=NOW_MS)
        clock = FakeClock(NOW_MS)
        bridge = Outage(self.database, self.local, clock=clock)
        mark = Mark(folder, "file", make_up=make_up)
        self.shown: list[Shown] = []
        self.soundness = Soundness(
            Reached(
                URL.create("sqlite", database=str(self.file)).render_as_string(),
                "file",
                self.database,
                bridge,
                self.local,
                Copy(folder),
                mark,
            ),
            clock=clock,
            recorder=Recorder(self.database, clock, self.shown.append, bridge),
            leave=lambda: None,
        )


def fill(file: Path) -> None:
    """Some megabytes of events, so that most pages are of one table."""
    with closing(sqlite3.connect(file)) as raw:
        raw.executemany(
            "INSERT INTO smart_cron_state (name, value, updated_at) VALUES (?, ?, ?)",
            [
                (f"filling {number}", "x" * 2_000, "2026-11-24 07:05:00.000")
                for number in range(2_000)
            ],
        )
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(outage, "WITHIN_S", 60)  # it is not away, however slow this host is
    scene = Scene(tmp_path)
    yield scene
    scene.database.close()
    scene.local.close()


def spoil(file: Path) -> None:
    """One page in the midst of the rows; nothing that runs needs it."""
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // PAGE // 2 * PAGE)
        opened.write(b"nonsense" * 512)


async def test_a_sound_file_is_found_sound_and_nothing_is_told(scene: Scene) -> None:
    assert await scene.soundness.look(scene.file) == ""
    assert await scene.local.remembered(FOUND) is None
    assert scene.shown == []


async def test_one_bad_page_is_told_once_and_put_down_for_the_next_agent(scene: Scene) -> None:
    spoil(scene.file)

    found = [await scene.soundness.look(scene.file) for _ in range(2)]

    assert "smart_cron_state" in found[0]
    assert await scene.local.remembered(FOUND) == found[0]
    told = [alert for shown in scene.shown for alert in shown.alerts]
    assert [(alert.kind, alert.severity) for alert in told] == [(ALERT, "critical")]


async def test_the_alert_ends_once_all_of_the_file_is_sound_again(scene: Scene) -> None:
    whole = scene.file.read_bytes()
    spoil(scene.file)
    await scene.soundness.look(scene.file)
    scene.file.write_bytes(whole)

    assert await scene.soundness.look(scene.file) == ""

    told = [alert for shown in scene.shown for alert in shown.alerts]
    assert [alert.status for alert in told] == ["active", "resolved"]
    assert await scene.local.remembered(FOUND) is None


async def test_a_writer_does_not_wait_for_the_look(scene: Scene) -> None:
    await scene.soundness.look(scene.file)  # the first one ends an earlier agent's alert
    looking = asyncio.create_task(scene.soundness.look(scene.file))
    longest_s = 0.0
    with Pulse() as pulse:
        while not looking.done():
            began_s = time.monotonic()
            with closing(sqlite3.connect(scene.file, timeout=0)) as raw:  # waits for no lock
                raw.execute("PRAGMA synchronous = OFF")  # a slow disk is not the look's doing
                raw.execute("UPDATE smart_cron_state SET value = 'y' WHERE name = 'filling 1'")
                raw.commit()
            longest_s = max(longest_s, time.monotonic() - began_s)
            await asyncio.sleep(0)

    assert await looking == ""
    assert longest_s < 1.0 + pulse.worst_ms / 1_000


def test_a_file_that_is_gone_or_held_is_not_taken_for_damaged(tmp_path: Path) -> None:
    assert salvage.tables(tmp_path / "nothing.sqlite3") == ()
    assert salvage.unsound(tmp_path / "nothing.sqlite3", "smart_cron_state") is None
