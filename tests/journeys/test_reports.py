"""Reports that tasks of the catalogue's kind make reach people by mail."""

import sys
from email.message import EmailMessage

from tests.journeys.household import Household, until
from tests.postoffice import let_mail, mail_server


def a_report(household: Household, kind: str) -> str:
    agent = f'["{sys.executable}", "-m", "agent", "--home", "{household.root}"'
    return (
        # Not at seven each day: a test that goes on then would find one mail too many.
        f'task_name = "report_{kind}"\nschedule = []\nmax_retries = 0\n'
        f'command = {agent}, "report", "{kind}", "--mail-where-set", "--language", "de"]\n'
        f'working_directory = "{household.home.root}"\n'
        f'environment = {{ PYTHONPATH = "{":".join(path for path in sys.path if path)}" }}'
    )


def text_of(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_a_serving_agent_mails_what_its_tasks_report(household: Household) -> None:
    with mail_server() as sink:
        let_mail(household.calm().home, sink)
        household.apply(a_report(household, "daily"), a_report(household, "errors"))
        household.serve()

        household.cli("tasks", "run", "report_daily")
        until(lambda: len(sink.mails) == 1, "the daily report")
        household.cli("tasks", "run", "report_errors")
        until(lambda: len(sink.mails) == 2, "the error report")
        until(
            lambda: (
                {one["state"] for one in household.json("alerts", "list", "--messages")} == {"sent"}
            ),
            "their receipts",
        )

    daily, errors = sink.mails
    assert "Tagesbericht" in str(daily["Subject"])
    assert "Fehlerbericht" in str(errors["Subject"])
    assert "Nichts war fällig, und nichts lief." in text_of(daily, "plain")
    assert "<h2" in text_of(daily, "html")
    (attached,) = daily.iter_attachments()
    assert attached.get_filename() == "report-daily.html"
    assert attached.get_content() == text_of(daily, "html")
