"""Where does what a report tells come from: a few bounded reads, whatever lies in the database."""

from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.reports import gathering
from agent.reports.facts import Missed
from agent.reports.gathering import Source, last_words, within
from agent.rules.downsampling import Keeping
from agent.store import alerts, ledger, metrics, state, tasks
from agent.store.database import Database
from agent.store.ledger import Step
from agent.store.rollups import DAY_MS
from agent.store.streaks import record
from agent.troubles import Trouble
from tests.agent.reports.makings import DAY_MS as MIDNIGHT_MS
from tests.agent.reports.makings import HOUR_MS
from tests.agent.store.makings import MINUTE_MS, a_run, a_task, ended

DAY = date(2026, 11, 25)
NOW_MS = MIDNIGHT_MS + 31 * HOUR_MS


def source(database: Database, **fields: Any) -> Source:
    values: dict[str, Any] = {
        "database": database,
        "agent": "shop",
        "timezone": "Europe/Berlin",
        "now_ms": NOW_MS,
        "rows_days": 90,
        "keeping": Keeping(),
        "mask": lambda text: text.replace("hunter2", "*******"),
    }
    return Source(**(values | fields))


def ran(database: Database, at_ms: int, status: str = "success", **fields: Any) -> None:
    name = fields.pop("task_name", "backup")
    run = a_run(at_ms, task_name=name, status="starting")
    database.write_now(partial(ledger.claim, runs=[run], now_ms=at_ms))
    over = ended(run, status, **fields)
    database.write_now(partial(record, steps=[Step(run=over, now_ms=at_ms)]))


def missed(database: Database, at_ms: int, *, count: int = 1, until_ms: int | None = None) -> None:
    row = a_run(
        at_ms,
        task_name="reviews",
        status="missed",
        reason="agent_down",
        ended_ms=at_ms + HOUR_MS,
        missed_count=count,
        missed_until_ms=until_ms,
    )
    database.write_now(partial(ledger.claim, runs=[row], now_ms=at_ms))


def test_a_day_of_the_agents_zone_is_counted_hour_by_hour(database: Database) -> None:
    ran(database, MIDNIGHT_MS - 10_000)
    ran(database, MIDNIGHT_MS + MINUTE_MS)
    ran(database, MIDNIGHT_MS + HOUR_MS, "error", error_message="\nno luck, hunter2\nmore words")
    ran(database, MIDNIGHT_MS + HOUR_MS + 1, "timeout", output_tail="one\n\x1b[1mtwo\x1b[0m\n\n")
    missed(
        database,
        MIDNIGHT_MS + 9 * HOUR_MS,
        count=12,
        until_ms=MIDNIGHT_MS + 10 * HOUR_MS - 5 * MINUTE_MS,
    )
    ran(database, MIDNIGHT_MS + 24 * HOUR_MS)

    found = gathering.daily(source(database), DAY)

    assert (found.from_ms, found.to_ms) == (MIDNIGHT_MS, MIDNIGHT_MS + 24 * HOUR_MS)
    assert len(found.hours) == 24
    assert found.hours[0].endings == {"success": 1}
    assert found.hours[1].endings == {"error": 1, "timeout": 1}
    assert found.hours[9].endings == {"missed": 12}
    assert (found.runs, found.failed, found.attempts_failed, found.moments_missed) == (3, 2, 2, 12)
    assert [(one.status, one.cause, one.last_line) for one in found.failures] == [
        ("timeout", "", "two"),
        ("error", "no luck, *******", ""),
    ]
    assert [(one.task_name, one.cause, one.count) for one in found.missed] == [
        ("reviews", "agent_down", 12)
    ]
    assert [(day.runs, day.failures) for day in found.days[-2:]] == [(1, 0), (3, 2)]


def test_an_empty_database_makes_an_empty_day(database: Database) -> None:
    found = gathering.daily(source(database), DAY)

    assert found.is_empty
    assert found.proof is None
    assert (found.failures, found.slowest, found.host, found.alerts.shown) == ((), (), (), ())


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 10, 25), 25), (date(2026, 3, 29), 23)])
def test_days_on_which_the_clocks_change_have_their_hours(
    sqlite_made_url: str, day: date, hours: int
) -> None:
    database = Database.open(sqlite_made_url)
    found = gathering.daily(source(database), day)
    database.close()

    assert len(found.hours) == hours
    assert found.to_ms - found.from_ms == hours * HOUR_MS


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Asia/Kolkata", date(2026, 11, 25), ["00:00", "01:00", "02:00"]),
        ("Asia/Kathmandu", date(2026, 11, 25), ["00:00", "01:00", "02:00"]),
        # The clocks go half an hour back at two, and forth in October.
        ("Australia/Lord_Howe", date(2026, 4, 5), ["00:00", "01:00", "01:30", "02:00"]),
        ("Australia/Lord_Howe", date(2026, 10, 4), ["00:00", "01:00", "02:30", "03:00"]),
    ],
)
def test_hours_are_those_of_the_wall_clock_where_it_is_half_an_hour_off(
    database: Database, zone: str, day: date, begins: list[str]
) -> None:
    def clock(at_ms: int) -> str:
        return f"{datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)):%H:%M}"

    midnight_ms = round(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())
    midnight_ms *= 1_000
    now_ms = midnight_ms + 31 * HOUR_MS
    ran(database, midnight_ms - 1_000)
    ran(database, midnight_ms + HOUR_MS - 1_000)
    ran(database, midnight_ms + HOUR_MS + 1_000, "error")
    ran(database, midnight_ms + 20 * HOUR_MS)

    found = gathering.daily(source(database, timezone=zone, now_ms=now_ms), day)
    late = gathering.daily(source(database, timezone=zone, now_ms=now_ms + 100 * DAY_MS), day)

    assert [clock(hour.at_ms) for hour in found.hours][: len(begins)] == begins
    assert [clock(hour.at_ms) for hour in found.hours][-1] == "23:00"
    assert [hour.endings for hour in found.hours[:2]] == [{"success": 1}, {"error": 1}]
    assert found.sums_early_ms == midnight_ms % HOUR_MS
    # A day before and the day itself share no run, whatever the hours that sums are made of.
    assert found.runs == found.days[-1].runs
    assert sum(one.runs for one in found.days[-2:]) == 4
    assert sum(hour.endings.get("success", 0) for hour in late.hours) == found.runs - found.failed


def test_the_slowest_are_held_against_the_weeks_before(database: Database) -> None:
    for day in range(1, 6):
        ran(database, MIDNIGHT_MS - day * DAY_MS, task_name="sync", duration_ms=1_000)
    ran(database, MIDNIGHT_MS + HOUR_MS, task_name="sync", duration_ms=5_000)
    ran(database, MIDNIGHT_MS + HOUR_MS, task_name="new", duration_ms=9_000)

    found = gathering.daily(source(database), DAY)

    assert [one.task_name for one in found.slowest] == ["new", "sync"]
    new, sync = found.slowest
    assert (new.avg_ms, new.usual_ms, new.factor) == (9_000, None, None)
    assert (sync.avg_ms, sync.usual_ms, sync.factor) == (5_000, 1_000, 5.0)


def test_of_a_day_whose_rows_may_be_gone_the_counts_are_told_and_nothing_is_proved(
    database: Database,
) -> None:
    ran(database, MIDNIGHT_MS + MINUTE_MS)
    ran(database, MIDNIGHT_MS + HOUR_MS, "error")
    database.write_now(partial(state.set_decided_until, at_ms=NOW_MS, now_ms=NOW_MS))

    found = gathering.daily(source(database, now_ms=NOW_MS + 100 * DAY_MS), DAY)

    assert [hour.endings for hour in found.hours[:2]] == [{"success": 1}, {"error": 1}]
    assert found.proof is None
    assert not found.are_rows_kept


def test_alerts_of_the_day_and_those_that_stand_are_told(database: Database) -> None:
    def raised(key: str, at_ms: int) -> None:
        what = Trouble(
            dedupe_key=key, kind="disk_low", severity="high", title=f"{key} hunter2", message=""
        )
        database.write_now(partial(alerts.raise_alert, trouble=what, now_ms=at_ms))

    raised("long ago and open", MIDNIGHT_MS - 40 * DAY_MS)
    for key in ("over", "over before"):
        raised(key, MIDNIGHT_MS - 3 * DAY_MS)
    raised("new", MIDNIGHT_MS + HOUR_MS)
    raised("later", MIDNIGHT_MS + 25 * HOUR_MS)
    for key, at_ms in (("over before", -DAY_MS), ("over", HOUR_MS), ("later", 26 * HOUR_MS)):
        database.write_now(partial(alerts.resolve, dedupe_key=key, now_ms=MIDNIGHT_MS + at_ms))

    found = gathering.daily(source(database), DAY).alerts

    assert (found.opened, found.resolved, found.open_now) == (1, 1, 2)
    assert [one.title for one in found.shown] == [
        "new *******",
        "long ago and open *******",
        "over *******",
    ]


def test_what_the_host_used_is_told_by_the_quarter_of_an_hour(database: Database) -> None:
    for minute in range(0, 60, 5):
        reading = partial(
            metrics.record,
            readings={"cpu": minute / 100, "disk": 0.5},
            at_ms=MIDNIGHT_MS + minute * MINUTE_MS,
        )
        database.write_now(reading)

    cpu, disk = gathering.daily(source(database), DAY).host

    assert (cpu.name, len(cpu.points), disk.name) == ("cpu", 4, "disk")
    assert cpu.points[0][0] == MIDNIGHT_MS
    assert cpu.points[0][1:] == pytest.approx((0.05, 0.1))
    assert (disk.mean, disk.peak) == (0.5, 0.5)
    assert cpu.peak == pytest.approx(0.55)


def test_the_proof_is_that_of_the_day(database: Database) -> None:
    task = a_task("hourly", schedule=("0 * * * *",), timezone="Europe/Berlin")
    before_ms = MIDNIGHT_MS - DAY_MS
    database.write_now(
        partial(tasks.register, definitions=[task], who="me", why="", now_ms=before_ms)
    )
    for hour in range(24):
        if hour != 7:
            ran(database, MIDNIGHT_MS + hour * HOUR_MS, task_name="hourly")
    database.write_now(partial(state.set_decided_until, at_ms=NOW_MS, now_ms=NOW_MS))

    proof = gathering.daily(source(database), DAY).proof

    assert proof is not None
    assert (proof.due, proof.rows, proof.missing, proof.doubled) == (24, 23, 1, 0)


def test_failing_tasks_are_counted_by_ending_the_most_first(database: Database) -> None:
    for number in range(3):
        ran(database, MIDNIGHT_MS + number * MINUTE_MS, "error", task_name="sync")
    ran(database, MIDNIGHT_MS + HOUR_MS, "timeout", task_name="sync")
    ran(database, MIDNIGHT_MS + HOUR_MS, "lost")
    ran(database, MIDNIGHT_MS - HOUR_MS, "error")

    found = gathering.errors(source(database), from_ms=MIDNIGHT_MS, to_ms=NOW_MS)

    assert [(one.task_name, one.status, one.count) for one in found.failing] == [
        ("sync", "error", 3),
        ("backup", "lost", 1),
        ("sync", "timeout", 1),
    ]
    assert (found.attempts_failed, len(found.failures)) == (5, 5)


@pytest.mark.parametrize(
    ("count", "span", "asked", "expected"),
    [
        (1, (50, 50), (0, 100), 1),
        (1, (50, 50), (51, 100), 0),
        (1, (50, 50), (0, 50), 0),
        (11, (0, 100), (0, 101), 11),
        (11, (0, 100), (0, 100), 10),
        (11, (0, 100), (30, 60), 3),
        (11, (0, 100), (200, 300), 0),
        (1_000_001, (0, 1_000_000), (10, 20), 10),
    ],
)
def test_moments_of_a_sum_lie_evenly_within_it(
    count: int, span: tuple[int, int], asked: tuple[int, int], expected: int
) -> None:
    row = Missed(task_name="a", cause="", count=count, first_ms=span[0], last_ms=span[1])

    assert within(row, *asked) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("\n \n", ""), ("a\nb  \n\n", "b"), ("\x1b[31mred\x1b[0m", "red")],
)
def test_the_last_words_are_the_last_line_that_says_something(text: str, expected: str) -> None:
    assert last_words(text) == expected
