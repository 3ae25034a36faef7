"""What the agent remembers about itself."""

from functools import partial

import pytest

from agent.store import state, tasks
from agent.store.database import Database
from agent.store.state import HOLDER_LIVES_MS, Heartbeat, Holder
from tests.agent.store.makings import NOW_MS, a_task


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


def hold(database: Database, agent_id: str, at_ms: int) -> str | None:
    holder = Holder(agent_id=agent_id, host="here", at_ms=at_ms)
    other = database.write_now(partial(state.hold, holder=holder))
    return None if other is None else other.agent_id


def test_one_agent_holds_a_database_until_it_is_silent_for_long(database: Database) -> None:
    assert hold(database, "first", NOW_MS) is None
    assert hold(database, "first", NOW_MS + 1_000) is None, "an agent that comes back is no other"

    assert hold(database, "second", NOW_MS + HOLDER_LIVES_MS) == "first"
    assert hold(database, "second", NOW_MS + 1_000 + HOLDER_LIVES_MS) is None
    assert hold(database, "first", NOW_MS + 1_000 + HOLDER_LIVES_MS) == "second"


def test_a_sign_of_life_from_a_clock_that_was_years_ahead_keeps_nobody_out(
    database: Database,
) -> None:
    hold(database, "first", NOW_MS + 10 * 365 * 86_400_000)

    assert hold(database, "second", NOW_MS) is None


def test_who_lets_go_lets_the_next_one_in_and_takes_nothing_from_it(database: Database) -> None:
    first = Holder(agent_id="first", host="here", at_ms=NOW_MS)
    hold(database, "first", NOW_MS)
    database.write_now(partial(state.let_go, holder=first))

    assert hold(database, "second", NOW_MS + 1) is None
    database.write_now(partial(state.let_go, holder=first))
    assert hold(database, "first", NOW_MS + 2) == "second"


def test_nonsense_in_place_of_the_holder_keeps_nobody_out(database: Database) -> None:
    database.write_now(partial(state.put, name=state.HOLDER, value="{", now_ms=NOW_MS))

    assert hold(database, "first", NOW_MS) is None


NONSENSE = ("", "nonsense", "-1", "3.5", "9" * 400, '[["', "[" * 20_000, "{}", "\u00b2")


def written(database: Database, name: str, value: str) -> None:
    database.write_now(partial(state.put, name=name, value=value, now_ms=NOW_MS))


@pytest.mark.parametrize("value", NONSENSE)
def test_what_nobody_can_have_remembered_is_nothing(database: Database, value: str) -> None:
    for name in (state.HEARTBEAT, state.HOLDER, state.HIGHEST):
        written(database, name, value)

    assert database.read_now(state.last_beat) is None
    assert database.read_now(state.held_by) is None
    assert database.read_now(state.highest) == 0
    assert hold(database, "me", NOW_MS) is None


@pytest.mark.parametrize("value", NONSENSE)
def test_how_far_was_decided_is_known_by_the_tasks_where_it_is_not_remembered(
    database: Database, value: str
) -> None:
    written(database, state.DECIDED_UNTIL, value)
    assert database.read_now(state.decided_until) is None

    put = partial(tasks.apply, definitions=[a_task()], who="me", why="", now_ms=NOW_MS)
    database.write_now(put)
    assert database.read_now(state.decided_until) == NOW_MS
