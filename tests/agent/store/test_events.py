"""What happened to the clock and the agent is kept, and each boot once."""

from functools import partial

from agent.rules.clocks import Happening, Kind
from agent.store import events
from agent.store.database import Database
from tests.agent.store.makings import HOUR_MS, NOW_MS


def happening(kind: Kind, at_ms: int) -> Happening:
    return Happening(kind=kind, size_ms=HOUR_MS, at_ms=at_ms, message=f"It was {kind}.")


def test_an_event_comes_back_as_it_was_kept(database: Database) -> None:
    back = happening("clock_corrected", NOW_MS)
    details = {"withdrawn": {"backup": 3}}

    database.write_now(partial(events.record, happening=back, details=details))

    (event,) = database.read_now(events.page)
    assert (event.kind, event.at_ms, event.size_ms) == (back.kind, back.at_ms, back.size_ms)
    assert (event.message, event.details) == (back.message, details)


def test_the_newest_event_is_the_one_recorded_last_whatever_the_clock_said(
    database: Database,
) -> None:
    kinds: tuple[Kind, ...] = ("clock_forward", "clock_corrected", "suspend", "clock_back", "stall")
    for number, kind in enumerate(kinds):
        what = happening(kind, NOW_MS - number * HOUR_MS)
        database.write_now(partial(events.record, happening=what))

    first = database.read_now(partial(events.page, limit=3))
    database.write_now(partial(events.record, happening=happening("outage", NOW_MS)))
    second = database.read_now(partial(events.page, before=first[-1].id, limit=3))

    assert [event.kind for event in (*first, *second)] == list(reversed(kinds))


def test_only_the_kinds_asked_for_are_told(database: Database) -> None:
    for kind in ("stall", "suspend", "stall", "outage"):
        database.write_now(partial(events.record, happening=happening(kind, NOW_MS)))

    found = database.read_now(partial(events.page, kinds=("stall", "outage")))

    assert [event.kind for event in found] == ["outage", "stall", "stall"]


def test_what_happened_last_of_some_kinds_is_known(database: Database) -> None:
    suspend = happening("suspend", NOW_MS)
    for what in (happening("stall", NOW_MS), suspend, happening("outage", NOW_MS)):
        database.write_now(partial(events.record, happening=what))

    assert database.read_now(partial(events.newest, kinds=("suspend", "stall"))) == suspend
    assert database.read_now(partial(events.newest, kinds=("clock_back",))) is None


def test_each_boot_is_noted_once(database: Database) -> None:
    def note(boot_id: str, at_ms: int) -> int | None:
        return database.write_now(partial(events.note_boot, boot_id=boot_id, now_ms=at_ms))

    noted = [note("a", NOW_MS), note("a", NOW_MS + 5), note("b", NOW_MS + 9), note("a", NOW_MS)]

    assert noted == [NOW_MS, None, NOW_MS + 9, None]
    assert database.read_now(events.boots) == (NOW_MS, NOW_MS + 9)


def test_a_host_that_was_up_before_anybody_looked_was_started_then(database: Database) -> None:
    def note(boot_id: str, at_ms: int) -> int | None:
        return database.write_now(
            partial(events.note_boot, boot_id=boot_id, now_ms=at_ms, up_since_ms=at_ms - HOUR_MS)
        )

    assert note("a", NOW_MS) == NOW_MS - HOUR_MS
    # From then on somebody looks: a boot is due when it is seen, however long the host is up.
    assert note("b", NOW_MS + 9) == NOW_MS + 9


def test_a_boot_at_a_moment_that_is_taken_gets_the_next_and_boots_are_told_by_moment(
    database: Database,
) -> None:
    for boot_id, at_ms in (("a", NOW_MS), ("b", NOW_MS), ("c", NOW_MS), ("d", NOW_MS - HOUR_MS)):
        database.write_now(partial(events.note_boot, boot_id=boot_id, now_ms=at_ms))
    database.write_now(partial(events.record, happening=happening("stall", NOW_MS + 7)))

    assert database.read_now(events.boots) == (NOW_MS - HOUR_MS, NOW_MS, NOW_MS + 1, NOW_MS + 2)
