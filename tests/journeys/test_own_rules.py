"""What people want to be told of by their own rules is mailed, and what a window mutes is not."""

from collections.abc import Iterator

import pytest

from tests.journeys.household import Household, until
from tests.postoffice import Sink, let_mail, mail_server


@pytest.fixture
def sink() -> Iterator[Sink]:
    with mail_server() as sink:
        yield sink


@pytest.fixture
def mailing(household: Household, sink: Sink) -> Household:
    let_mail(household.home, sink)
    return household


MAILED_S = 150.0
"""A full disk that another test mounts may be mailed before, and a minute lies between both."""


def a_task(name: str, command: str) -> str:
    return (
        f'task_name = "{name}"\nschedule = "0 0 1 1 *"\nmax_retries = 0\npriority = 1\n'
        f'command = "{command}"'
    )


def states(household: Household) -> dict[str, tuple[str, bool]]:
    """How it stands with the alerts of tasks; the host may have some of its own."""
    return {
        alert["task_name"]: (alert["kind"], alert["muted_until_ms"] is not None)
        for alert in household.json("alerts", "list")
        if alert["task_name"]
    }


def test_a_rule_mails_and_a_window_keeps_still_until_it_is_taken_away(
    mailing: Household, sink: Sink
) -> None:
    mailing.apply(a_task("backup-db", "echo hi"), a_task("shop-sync", "exit 3"))
    agent = mailing.serve()
    title = "title={task} wrote hardly anything"
    fields = ("task=backup-*", "output_bytes_below=1000", "severity=critical", title)
    mailing.cli("alerts", "rules", "add", "too-quiet", *fields)
    mute = mailing.json(
        "alerts", "mute", "add", "--task", "shop-*", "--for", "2h", "--reason", "moves house"
    )

    mailing.cli("tasks", "run", "shop-sync")
    mailing.cli("tasks", "run", "backup-db")
    until(
        lambda: "backup-db wrote hardly anything" in sink.text(),
        "the mail of the rule",
        within_s=MAILED_S,
    )
    until(lambda: "shop-sync" in states(mailing), "the alert that is muted")
    during, said = states(mailing), sink.text()
    listed = mailing.cli("alerts", "list")
    # A minute lies between two critical mails of one agent; nobody waits for it to be over.
    mailing.stop(agent)
    mailing.serve()
    mailing.cli("alerts", "mute", "remove", mute["id"])
    until(lambda: "shop-sync failed" in sink.text(), "what was muted", within_s=MAILED_S)
    tried = mailing.json("alerts", "rules", "test", "too-quiet")

    assert during == {"shop-sync": ("task_failed", True), "backup-db": ("own_rule", False)}
    assert "shop-sync" not in said
    assert "active, muted" in listed
    assert states(mailing)["shop-sync"] == ("task_failed", False)
    assert [(one["fired"], one["alerts"]) for one in tried] == [(1, 1)]
