"""Which calendars there are, and which tasks obey them."""

from functools import partial

import msgspec
import pytest
from sqlalchemy import text

from agent.definitions import Definition
from agent.errors import BadDefinition, CalendarNotFound, Conflict, WrongUse
from agent.rules.calendar import closed_at
from agent.store import calendars, tasks
from agent.store.database import Database
from agent.windows import BY_HAND, MAX_SPANS, Calendar
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_task

NIGHT = Calendar(name="night", timezone="Europe/Berlin", weekly=("22:00-06:00",))
DAYS = Calendar(name="days", kind="allow", spans=((NOW_MS, NOW_MS + HOUR_MS),), source="days.ics")


def put(database: Database, calendar: Calendar, at_ms: int = NOW_MS) -> bool:
    return database.write_now(partial(calendars.put, calendar=calendar, who="a test", now_ms=at_ms))


def register(database: Database, *definitions: Definition) -> None:
    database.write_now(
        partial(tasks.register, definitions=definitions, who="a test", why="", now_ms=NOW_MS)
    )


def close(database: Database, at_ms: int, until_ms: int, why: str = "disks") -> None:
    database.write_now(
        lambda connection: calendars.close(
            connection, until_ms=until_ms, why=why, who="a test", now_ms=at_ms
        )
    )


def open_again(database: Database, at_ms: int) -> None:
    database.write_now(partial(calendars.open_again, who="a test", now_ms=at_ms))


def is_closed(database: Database, at_ms: int) -> bool:
    return closed_at(database.read_now(calendars.load_all), (), at_ms) is not None


def test_what_was_put_is_read_back_whole(database: Database) -> None:
    assert put(database, NIGHT)
    assert put(database, DAYS)

    assert database.read_now(calendars.load_all) == {"days": DAYS, "night": NIGHT}
    row = database.read_now(partial(calendars.get, name="days"))
    assert (row.calendar, row.updated_ms, row.updated_by) == (DAYS, NOW_MS, "a test")


def test_putting_the_same_changes_nothing_and_another_replaces_it(database: Database) -> None:
    longer = msgspec.structs.replace(NIGHT, kind="maintenance", weekly=("20:00-06:00",))
    put(database, NIGHT)

    assert not put(database, NIGHT, NOW_MS + 1)
    assert database.read_now(partial(calendars.get, name="night")).updated_ms == NOW_MS
    assert put(database, longer, NOW_MS + 2)
    assert database.read_now(calendars.load_all) == {"night": longer}


def test_a_calendar_that_cannot_be_is_refused_before_it_is_kept(database: Database) -> None:
    with pytest.raises(BadDefinition, match="timezone"):
        put(database, msgspec.structs.replace(NIGHT, timezone="Mars/X"))

    assert database.read_now(calendars.load_all) == {}


def test_the_largest_calendar_fits_into_the_text_of_every_database(database: Database) -> None:
    largest = Calendar(
        name="x" * 64,
        weekly=("MON,TUE,WED,THU,FRI,SAT,SUN            08:00 - 18:00",) * 64,
        dates=("2026-12-24T18:00..2026-12-25T06:00",) * 300,
        spans=tuple((NOW_MS + n * HOUR_MS, NOW_MS + n * HOUR_MS + 1) for n in range(MAX_SPANS)),
        description="ü" * 500,
        source="ü" * 500,
    )

    put(database, largest)

    assert len(msgspec.json.encode(largest)) < 65_535
    assert database.read_now(calendars.load_all) == {largest.name: largest}


def test_no_more_calendars_are_kept_than_can_be_looked_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendars, "MAX_CALENDARS", 1)
    put(database, NIGHT)

    with pytest.raises(WrongUse, match="'days': 1 calendars"):
        put(database, DAYS)
    assert put(database, msgspec.structs.replace(NIGHT, description="changed"))


def test_a_calendar_goes_only_when_no_task_names_it(database: Database) -> None:
    put(database, NIGHT)
    put(database, DAYS)
    register(
        database,
        a_task("backup", calendars=("night",)),
        a_task("sync", calendars=("days", "night")),
        a_task("free"),
    )

    assert database.read_now(calendars.users) == {"days": ("sync",), "night": ("backup", "sync")}
    with pytest.raises(Conflict, match="'night' is named by backup, sync;"):
        database.write_now(partial(calendars.remove, name="night"))
    assert "night" in database.read_now(calendars.load_all)


def test_a_calendar_that_nobody_names_goes_and_one_that_is_not_there_is_told(
    database: Database,
) -> None:
    put(database, NIGHT)

    database.write_now(partial(calendars.remove, name="night"))

    for ask in (calendars.remove, calendars.get):
        with pytest.raises(CalendarNotFound, match=r"'night'.*calendars list"):
            database.write_now(partial(ask, name="night"))


def test_a_task_that_names_no_calendar_of_ours_is_refused(database: Database) -> None:
    put(database, NIGHT)
    good = a_task("good", calendars=("night",))

    database.read_now(partial(calendars.check_names, definitions=[a_task(), good]))

    with pytest.raises(BadDefinition, match=r"task bad: calendars = 'nigth'.*mean 'night'"):
        database.read_now(
            partial(calendars.check_names, definitions=[good, a_task("bad", calendars=("nigth",))])
        )


@pytest.mark.parametrize("spoilt", ['{"name": "days", "weekly": "never"}', '{"name": "da'])
def test_a_row_that_cannot_be_read_is_left_out_and_the_others_stand(
    database: Database, spoilt: str
) -> None:
    put(database, NIGHT)
    put(database, DAYS)
    database.write_now(
        lambda connection: connection.execute(
            text("UPDATE smart_cron_calendars SET definition = :it WHERE calendar_name = 'days'"),
            {"it": spoilt},
        )
    )

    assert database.read_now(calendars.load_all) == {"night": NIGHT}


def test_closing_by_hand_begins_now_and_ends_by_itself(database: Database) -> None:
    close(database, NOW_MS, NOW_MS + HOUR_MS)

    moments = (NOW_MS - 1, NOW_MS, NOW_MS + HOUR_MS - 1, NOW_MS + HOUR_MS)
    assert [is_closed(database, at_ms) for at_ms in moments] == [False, True, True, False]


def test_closing_again_moves_the_end_and_opening_ends_it(database: Database) -> None:
    close(database, NOW_MS, NOW_MS + HOUR_MS)
    close(database, NOW_MS + MINUTE_MS, NOW_MS + 3 * HOUR_MS, why="longer")
    assert is_closed(database, NOW_MS + 2 * HOUR_MS)
    open_again(database, NOW_MS + 2 * MINUTE_MS)

    (calendar,) = database.read_now(calendars.load_all).values()
    assert calendar.spans == ((NOW_MS, NOW_MS + 2 * MINUTE_MS),)
    assert calendar.description == "longer"


def test_what_was_closed_before_is_kept_for_explanations(database: Database) -> None:
    close(database, NOW_MS, NOW_MS + HOUR_MS)
    close(database, NOW_MS + 5 * HOUR_MS, NOW_MS + 6 * HOUR_MS)

    assert is_closed(database, NOW_MS)
    assert not is_closed(database, NOW_MS + 2 * HOUR_MS)
    assert is_closed(database, NOW_MS + 5 * HOUR_MS)


def test_there_is_nothing_to_open_when_nothing_is_closed_by_hand(database: Database) -> None:
    with pytest.raises(Conflict, match="nothing is closed by hand"):
        open_again(database, NOW_MS)

    close(database, NOW_MS, NOW_MS + HOUR_MS)
    with pytest.raises(Conflict, match="nothing is closed by hand"):
        open_again(database, NOW_MS + 2 * HOUR_MS)


def test_opening_at_the_very_moment_of_closing_leaves_nothing(database: Database) -> None:
    close(database, NOW_MS, NOW_MS + HOUR_MS)

    open_again(database, NOW_MS)

    assert BY_HAND not in database.read_now(calendars.load_all)
