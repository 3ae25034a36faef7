"""What the agent remembers about itself."""

from functools import partial

from agent.store import state
from agent.store.database import Database
from agent.store.state import Heartbeat
from tests.agent.store.makings import NOW_MS


def test_nothing_is_remembered_at_first(database: Database) -> None:
    assert database.read_now(state.last_beat) is None
    assert database.read_now(state.decided_until) is None


def test_the_last_beat_is_the_newest(database: Database) -> None:
    for at_ms in (NOW_MS, NOW_MS + 60_000):
        beat = Heartbeat(at_ms=at_ms, pid=12, started_ms=NOW_MS, version="0.1.0", running=3)
        database.write_now(partial(state.beat, heartbeat=beat))

    assert database.read_now(state.last_beat) == beat


def test_the_decided_moment_may_go_back_when_the_clock_does(database: Database) -> None:
    for at_ms in (NOW_MS, NOW_MS - 5):
        database.write_now(partial(state.set_decided_until, at_ms=at_ms, now_ms=at_ms))

    assert database.read_now(state.decided_until) == NOW_MS - 5
