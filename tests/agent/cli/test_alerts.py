"""Commands about alerts: what is wrong, who cares for it, and does the word get out?"""

from functools import partial

import pytest

from agent.rules.alerting import Trouble
from agent.store import alerts
from tests.journeys.household import Household

MAIL = """
[mail]
host = "127.0.0.1"
port = {port}
security = "plain"
sender = "cron@example.org"
recipients = ["anna@example.org"]
timeout_s = 2
"""


def trouble(household: Household, key: str, severity: str = "high", *, at_ms: int = 1_000) -> str:
    what = Trouble(dedupe_key=key, kind="disk_low", severity=severity, title=key, message="full")
    alert = household.database.write_now(partial(alerts.raise_alert, trouble=what, now_ms=at_ms))
    return alert.id


def test_the_life_of_an_alert_by_hand_is_shown_and_written_down(household: Household) -> None:
    first, second = trouble(household, "one"), trouble(household, "two")

    household.cli("alerts", "ack", first[-8:].lower(), "--note", "mine")
    household.cli("alerts", "snooze", second, "--for", "2h")
    states = [alert["status"] for alert in household.json("alerts", "list")]
    household.cli("alerts", "resolve", first, "--note", "new disk")

    shown = household.json("alerts", "show", first)
    assert states == ["snoozed", "acknowledged"]
    assert [(note["what"], note["note"]) for note in shown["notes"]] == [
        ("acknowledged", "mine"),
        ("resolved", "new disk"),
    ]
    assert "new disk" in household.cli("alerts", "show", first)
    assert [alert["id"] for alert in household.json("alerts", "list")] == [second]
    assert len(household.json("alerts", "list", "--all")) == 2
    said = [(row["type"], row["target"]) for row in household.json("audit", "list")]
    assert said[:3] == [
        ("alerts resolve", first),
        ("alerts snooze", second),
        ("alerts ack", first[-8:].lower()),
    ]


def test_the_worst_is_listed_first_and_of_equals_the_newest(household: Household) -> None:
    for at_ms, key, severity in (
        (1_000, "old", "high"),
        (2_000, "new", "high"),
        (3_000, "mild", "medium"),
        (4_000, "worst", "critical"),
        (5_000, "over", "critical"),
    ):
        alert_id = trouble(household, key, severity, at_ms=at_ms)
    household.cli("alerts", "resolve", alert_id)

    order = ["worst", "new", "old", "mild"]
    assert [alert["title"] for alert in household.json("alerts", "list")] == order
    assert [alert["title"] for alert in household.json("alerts", "list", "--all")] == [
        *order,
        "over",
    ]
    listed = household.cli("alerts", "list").splitlines()[1:]
    assert [line.split()[3] for line in listed] == order


def test_acknowledging_twice_changes_nothing_and_an_unknown_alert_is_refused(
    household: Household,
) -> None:
    first = trouble(household, "one")

    twice = [household.json("alerts", "ack", first) for _ in range(2)]
    unknown = household.run("alerts", "ack", "NOSUCH")
    household.cli("alerts", "resolve", first)
    over = household.run("alerts", "snooze", first, "--for", "2h")

    assert twice[0] == twice[1]
    short = household.run("alerts", "ack", first[-1:])

    assert (unknown.returncode, over.returncode, short.returncode) == (2, 2, 2)
    assert "at least the last 4 letters" in short.stderr
    assert "'NOSUCH'" in unknown.stderr
    assert "is over already" in over.stderr


@pytest.mark.parametrize("length", ["0", "h", "-1h", "0m", "2w", "999d", "²h", ""])
def test_a_length_that_is_none_is_refused(household: Household, length: str) -> None:
    said = household.run("alerts", "snooze", trouble(household, "one"), "--for", length)

    assert said.returncode == 2
    assert "--for" in said.stderr


def test_a_test_without_mail_or_with_a_dead_server_says_what_is_wrong(
    household: Household,
) -> None:
    without = household.run("alerts", "test", "--channel", "mail")
    settings = household.home.settings_file
    settings.write_text(settings.read_text() + MAIL.format(port=household.events_port))
    dead = household.run("alerts", "test", "--channel", "mail")

    assert (without.returncode, dead.returncode) == (2, 1)
    assert "has no [mail]" in without.stderr
    assert f"127.0.0.1:{household.events_port}" in dead.stderr


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('host = "mail.example.org"', "mail.security"),
        ('host = "localhost"', "mail.security"),
        ("port = 70000", "mail.port"),
        ("timeout_s = 0", "mail.timeout_s"),
        ('user = "cron"', "mail.password_secret"),
        ("recipients = []", "mail.recipients"),
        ('recipients = ["anna"]', "mail.recipients"),
        ('recipients = ["a@b.c\\r\\nBcc: x@y.z"]', "mail.recipients"),
        ('sender = ""', "mail.sender"),
        ('host = ""', "mail.host"),
    ],
)
def test_settings_of_mail_that_could_not_work_are_refused_by_name(
    household: Household, line: str, field: str
) -> None:
    settings = household.home.settings_file
    name = line.partition(" ")[0]
    lines = [one for one in MAIL.format(port=2525).splitlines() if not one.startswith(f"{name} ")]
    settings.write_text(settings.read_text() + "\n".join([*lines, line, ""]))

    said = household.run("alerts", "list", "--json")

    assert said.returncode == 2
    assert field in said.stderr


def test_what_comes_next_and_who_was_told_of_an_escalation_is_listed_and_shown(
    household: Household,
) -> None:
    with household.home.settings_file.open("a") as settings:
        settings.write(MAIL.format(port=1))
        settings.write('[[escalation]]\nafter_minutes = 30\nrecipients = ["head@example.org"]\n')
        settings.write('[[escalation]]\nafter_minutes = 60\nrecipients = ["owner@example.org"]\n')
    first = trouble(household, "one")
    told = {"who": alerts.WHO, "what": "escalated 1", "note": "head@example.org"}
    household.database.write_now(
        lambda connection: alerts.remember(
            connection, alerts.find(connection, first), now_ms=2_000, **told
        )
    )

    (listed,) = household.json("alerts", "list")
    shown = household.json("alerts", "show", first)
    said, table = household.cli("alerts", "show", first), household.cli("alerts", "list")

    assert listed["escalated"] == [1]
    said_next = [
        [(step["what"], step["to"], step["stage"]) for step in one["coming"]]
        for one in (listed, shown)
    ]
    assert (
        said_next[0]
        == said_next[1]
        == [
            ("told", ["anna@example.org"], 0),
            ("escalated", ["owner@example.org"], 2),
        ]
    )
    assert "escalated 1 by Smart Cron: head@example.org" in said
    assert "told: anna@example.org" in said
    assert "stage 2: owner@example.org" in said
    assert "told: anna@example.org" in table
