"""Commands that sum up a day in words and drawings: for people, and for the monitoring tasks."""

import time
from datetime import UTC, datetime
from functools import partial

import pytest

from agent.store import ledger, outbox
from agent.store.ledger import Step
from agent.store.streaks import record
from tests.agent.store.makings import a_run, ended
from tests.journeys.household import Household

MAIL = """
[mail]
host = "127.0.0.1"
port = 9
security = "plain"
sender = "cron@example.org"
recipients = ["anna@example.org"]
"""
SECRET = "not-for-everyone-9f2c"
DAY_MS = 86_400_000


def midnight_ms() -> int:
    """When today began, in the zone of the reports."""
    now_ms = time.time_ns() // 1_000_000
    return now_ms - now_ms % DAY_MS


def let_fail(household: Household, at_ms: int) -> None:
    run = a_run(at_ms, status="starting")
    household.database.write_now(partial(ledger.claim, runs=[run], now_ms=at_ms))
    over = ended(run, "error", error_message=f"login with {SECRET} refused <b>")
    step = Step(run=over, now_ms=at_ms)
    household.database.write_now(partial(record, steps=[step]))


def test_a_day_is_told_on_the_terminal_as_a_page_and_to_programs(household: Household) -> None:
    household.home.secrets_file.write_text(f'shop = "{SECRET}"\n')
    household.home.secrets_file.chmod(0o600)
    noon_ms = midnight_ms() - DAY_MS // 2
    let_fail(household, noon_ms)
    of_day = ("report", "daily", "--date", datetime.fromtimestamp(noon_ms / 1000, UTC).date())
    page = household.root / "day.html"

    said = household.cli(*map(str, of_day), "--html", str(page))
    german = household.cli(*map(str, of_day), "--language", "de")
    found = household.json(*map(str, of_day))

    assert "login with ***" in said
    assert "✓" in said
    assert str(page) in said
    assert "Was scheiterte" in german
    assert (found["runs"], found["failed"], found["attempts_failed"]) == (1, 1, 1)
    html = page.read_text()
    assert "refused &lt;b&gt;" in html
    assert "<svg" in html
    assert SECRET not in said + german + html + str(found)


@pytest.mark.parametrize(("words", "days"), [((), 0), (("--date", "today"), 1)])
def test_yesterday_is_told_where_no_day_is_named(
    household: Household, words: tuple[str, ...], days: int
) -> None:
    before_ms = midnight_ms()
    found = household.json("report", "daily", *words)

    # A day may turn while it is asked.
    assert found["to_ms"] - days * DAY_MS in {before_ms, midnight_ms()}
    assert "Nothing was due and nothing ran." in household.cli("report", "daily")


def test_what_went_wrong_within_a_span_is_told(household: Household) -> None:
    at_ms = time.time_ns() // 1_000_000
    let_fail(household, at_ms - 3_600_000)

    found = household.json("report", "errors")
    before = household.cli("report", "errors", "--from", "2026-01-01", "--to", "2026-01-02")

    assert [(one["task_name"], one["count"]) for one in found["failing"]] == [("backup", 1)]
    assert "Nothing failed." in before


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("daily", "--mail"), "has no [mail]; docs/alerts.md shows one"),
        (("errors", "--mail"), "has no [mail]"),
        (("daily", "--date", "2026-13-01"), "--date '2026-13-01': is no day"),
        (("daily", "--date", ""), "--date '': is no day"),
        (("daily", "--date", "0001-01-01"), "is no day"),
        (("daily", "--date", "2999-01-01"), "is still to come; today is"),
        (("daily", "--language", "fr"), "'fr' is not one of 'en', 'de'"),
        (("errors", "--from", "2026-01-02", "--to", "2026-01-01"), "must be earlier than --to"),
        (("errors", "--from", "1999-01-01"), "is more than 366 days before --to"),
        (("daily", "--html", "/nowhere/day.html"), "/nowhere/day.html: No such file"),
    ],
)
def test_what_cannot_be_told_is_refused(
    household: Household, words: tuple[str, ...], refusal: str
) -> None:
    said = household.run("report", *words)

    assert said.returncode != 0
    assert refusal in said.stderr


def test_a_zone_that_is_none_is_refused_by_the_name_of_the_setting(household: Household) -> None:
    file = household.home.settings_file
    file.write_text('timezone = "Mars/Base"\n' + file.read_text())

    said = household.run("report", "daily")

    assert said.returncode == 2
    assert "settings.toml: timezone = 'Mars/Base'" in said.stderr


def test_mail_waits_in_the_outbox_and_is_not_asked_for_where_there_is_none(
    household: Household,
) -> None:
    without = household.cli("report", "daily", "--mail-where-set")
    file = household.home.settings_file
    file.write_text(file.read_text() + MAIL)

    said = household.cli("report", "daily", "--mail-where-set", "--language", "de")
    household.json("report", "errors", "--mail")

    later, first = household.database.read_now(outbox.newest)
    assert "outbox" not in without
    assert "waits in the outbox for anna@example.org; the next agent that serves sends it" in said
    assert (first.state, first.severity, first.thread) == ("waiting", "report", "report-daily")
    assert first.subject.endswith("0 von 0 Läufen gescheitert")
    assert (later.thread, later.recipients) == ("report-errors", ("anna@example.org",))
