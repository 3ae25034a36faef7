"""What a calendar keeps from starting, with a real agent: a holiday that is today, then is not."""

from datetime import UTC, datetime, timedelta

from tests.journeys.household import Household, until

OBEYS = 'calendars = ["holidays"]'


def task(name: str, *lines: str) -> str:
    first = (f'task_name = "{name}"', "command = 'exit 0'", 'schedule = "@every 1s"')
    return "\n".join((*first, *lines))


def holidays(household: Household, *days: datetime) -> str:
    """A file as it comes from a calendar program, with these whole days."""
    events = [
        "\r\n".join(
            (
                "BEGIN:VEVENT",
                f"UID:{day:%Y%m%d}@example.test",
                f"DTSTAMP:{day:%Y%m%d}T000000Z",
                f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
                f"DTEND;VALUE=DATE:{day + timedelta(days=2):%Y%m%d}",
                "SUMMARY:Closed",
                "END:VEVENT",
            )
        )
        for day in days
    ]
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//test//EN")
    file = household.root / "holidays.ics"
    file.write_bytes("\r\n".join((*head, *events, "END:VCALENDAR", "")).encode())
    return str(file)


def test_a_holiday_of_today_keeps_tasks_from_starting_until_it_is_taken_away(
    household: Household,
) -> None:
    today = datetime.now(UTC)
    brought_in = holidays(household, today)
    household.cli("calendars", "import-ical", brought_in, "--name", "holidays", "--tz", "UTC")
    household.apply(
        task("skips", OBEYS, 'in_blackout = "skip"'),
        task("waits", OBEYS, 'in_blackout = "delay"', 'overlap = "queue"'),
        task("goes-on"),
    )
    household.serve()

    skipped = household.wait_for("skips", "skipped", count=2)
    waiting = until(lambda: household.runs("waits", "queued"), "a run that waits for its hour")
    household.wait_for("goes-on", "success", count=2)

    assert {run.reason for run in skipped} == {"blackout"}
    assert "holidays" in (skipped[0].note or "")
    assert waiting[0].retry_at_ms is not None
    assert waiting[0].retry_at_ms > waiting[0].scheduled_ms
    assert household.runs("waits", "running", "success") == []
    (calendar,) = household.json("calendars", "list")
    assert calendar["closed"] is not None
    assert calendar["tasks"] == ["skips", "waits"]

    refused = household.run("calendars", "remove", "holidays")
    assert refused.returncode != 0
    assert "waits" in refused.stderr or "skips" in refused.stderr

    household.apply(task("skips"), task("waits"), task("goes-on"))
    household.cli("calendars", "remove", "holidays")

    household.wait_for("skips", "success")
    household.wait_for("waits", "success")
    assert household.json("calendars", "list") == []
    found = household.check()
    assert (found["missing"], found["doubled"]) == (0, 0)


def test_what_waits_for_a_holiday_starts_once_the_holiday_is_another_day(
    household: Household,
) -> None:
    today = datetime.now(UTC)
    brought_in = holidays(household, today)
    household.cli("calendars", "import-ical", brought_in, "--name", "holidays", "--tz", "UTC")
    household.apply(task("waits", OBEYS, 'in_blackout = "delay"'))
    household.serve()
    (waiting,) = until(lambda: household.runs("waits", "queued"), "a run that waits for its hour")

    other = holidays(household, today + timedelta(days=30))
    household.cli("calendars", "import-ical", other, "--name", "holidays", "--tz", "UTC")

    started = household.wait_for("waits", "success")
    assert started[0].id == waiting.id
