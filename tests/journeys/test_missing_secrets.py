"""A secret that the settings name and that is not there is told as the agent starts."""

from tests.journeys.household import Household, until

NAMED = """
[mail]
host = "127.0.0.1"
port = 2525
security = "plain"
user = "smartcron"
password_secret = "smtp"
sender = "cron@example.org"
recipients = ["anna@example.org"]

[dead_man]
url_secret = "watch_url"
"""


def open_kinds(household: Household) -> dict[str, str]:
    return {alert["kind"]: alert["message"] for alert in household.json("alerts", "list")}


def test_what_is_missing_is_logged_and_an_alert_until_it_is_there(household: Household) -> None:
    with household.home.settings_file.open("a") as file:
        file.write(NAMED)
    agent = household.serve()

    found = until(
        lambda: open_kinds(household).get("secrets_missing", ""), "an alert names what is missing"
    )
    tried = household.run("alerts", "test", "--channel", "mail")
    household.stop(agent)
    household.home.secrets_file.write_text('smtp = "x"\nwatch_url = "https://127.0.0.1:1/x"\n')
    household.home.secrets_file.chmod(0o600)
    household.serve()

    for named in ("mail.password_secret = 'smtp'", "dead_man.url_secret = 'watch_url'"):
        assert named in found
        assert named in household.said()
    assert str(household.home.secrets_file) in found
    assert tried.returncode != 0
    assert "mail.password_secret = 'smtp'" in tried.stderr
    until(lambda: "secrets_missing" not in open_kinds(household), "the alert is over")
