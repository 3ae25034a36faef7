"""Commands that sum up a day in words and drawings: for people, and for the monitoring tasks."""

import pytest

from tests.journeys.household import Household
from tests.postoffice import let_mail, mail_server


def test_a_report_is_written_to_a_file_and_mailed_with_the_page_as_a_file_too(
    household: Household,
) -> None:
    page = household.root / "day.html"
    with mail_server() as sink:
        let_mail(household.home, sink)
        said = household.cli("report", "daily", "--html", str(page), "--mail", "--language", "de")

    (mail,) = sink.mails
    (attached,) = mail.iter_attachments()
    (message,) = household.json("alerts", "list", "--messages")
    assert "Tagesbericht" in said
    assert "Tagesbericht" in str(mail["Subject"])
    assert "Tagesbericht" in page.read_text()
    assert attached.get_filename() == "smart-cron-daily.html"
    assert (message["state"], message["severity"], message["thread"]) == (
        "sent",
        "report",
        "report-daily",
    )


def test_a_report_of_a_past_day_has_its_hours_in_the_agents_zone(household: Household) -> None:
    found = household.json("report", "errors", "--date", "2026-01-05")

    assert len(found["hours"]) == 24
    assert found["failures"] == []


@pytest.mark.parametrize(
    "day", ["yesterday", "2026-02-30", "9999-12-31", "2999-01-01", "1970-01-01x"]
)
def test_what_is_no_past_day_is_refused(household: Household, day: str) -> None:
    refused = household.run("report", "daily", "--date", day)

    assert refused.returncode == 2
    assert "--date" in refused.stderr
    assert day in refused.stderr


def test_mail_needs_a_server_but_the_tasks_of_a_catalogue_go_on_without(
    household: Household,
) -> None:
    refused = household.run("report", "errors", "--mail")

    assert refused.returncode == 2
    assert "[mail]" in refused.stderr
    assert "Error report" in household.cli("report", "errors", "--mail-where-set")
