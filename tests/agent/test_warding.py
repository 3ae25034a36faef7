"""Is it told that the database is reached in the open, and does that end?"""

from pathlib import Path

from agent.recorder import Recorder
from agent.store import alerts
from agent.store.database import Database
from agent.store.engines import read_url
from agent.warding import tell_if_open
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS


async def test_a_database_in_the_open_is_an_alert_until_the_url_says_how_it_is_to_be(
    tmp_path: Path,
) -> None:
    database = Database.open(fresh_file(tmp_path / "smartcron.sqlite3"))
    clock = FakeClock(NOW_MS)
    recorder = Recorder(database, clock, lambda _: None)
    here = database.url

    database.url = read_url("mysql+pymysql://cron:hush@db.example/cron")
    await tell_if_open(database, recorder, clock)
    (told,) = await database.read(alerts.open_alerts)
    database.url = here
    await tell_if_open(database, recorder, clock)
    left = await database.read(alerts.open_alerts)
    database.close()

    assert told.kind == "database_open"
    assert "?ssl_required=false says that the way is safe without" in told.message
    assert left == ()
