"""Each trouble is really caused, and its mail found in a real server within its time."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import pytest

from agent.store import state
from tests.journeys.household import Household, until
from tests.postoffice import Sink, let_mail, mail_server
from tests.pulse import Pulse, stretched

AT_ONCE_S = 15.0
GREEDY = "command = 'tail /dev/zero'\nmemory_limit_mb = 20"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with mail_server() as sink:
        yield sink


@pytest.fixture
def mailing(household: Household, sink: Sink) -> Household:
    let_mail(household.calm().home, sink)
    return household


def a_task(name: str, command: str, priority: int = 1) -> str:
    return (
        f'task_name = "{name}"\nschedule = "0 0 1 1 *"\nmax_retries = 0\n'
        f"priority = {priority}\n{command}"
    )


def test_a_test_by_hand_arrives(mailing: Household, sink: Sink) -> None:
    said = mailing.cli("alerts", "test", "--channel", "mail")

    assert "127.0.0.1 took it for anna@example.org" in said
    assert "A test by hand" in sink.text()


def test_a_test_by_hand_has_the_owners_own_words_and_says_where_they_are_broken(
    mailing: Household, sink: Sink
) -> None:
    template = mailing.home.templates / "alert.txt"
    template.parent.mkdir()
    template.write_text("Look at {{ stories[0].title }}\n")
    sound = mailing.cli("alerts", "test", "--channel", "mail")
    template.write_text("Look at\n{{ stories[0].title | nosuch }}\n")
    broken = mailing.run("alerts", "test", "--channel", "mail")
    as_json = mailing.run("alerts", "test", "--channel", "mail", "--json")

    assert "took it" in sound
    assert "Look at A test by hand" in sink.text()
    assert (broken.returncode, as_json.returncode) == (1, 1)
    assert f"{template}, line 2: No filter named 'nosuch'" in broken.stdout + broken.stderr
    assert "line 2" in json.loads(as_json.stdout)["template_fault"]
    assert len(sink.mails) == 3, "a message with the usual words goes all the same"


@pytest.mark.parametrize(
    ("command", "priority", "words"),
    [
        ("command = 'echo out of paper; exit 3'", 1, "exit status 3"),
        ("command = 'sleep 60'\ntimeout_seconds = 1", 3, "took longer than its time"),
        (GREEDY, 1, "was ended for the memory it used"),
    ],
)
def test_what_is_critical_is_mailed_at_once_and_so_is_its_end(
    mailing: Household, sink: Sink, command: str, priority: int, words: str
) -> None:
    mailing.apply(a_task("bad", command, priority))
    mailing.serve()
    with Pulse() as pulse:
        with mailing.caller() as caller:
            mailing.order(caller, "bad")
        began = time.monotonic()
        until(lambda: words in sink.text(), "the mail")
        took_s = time.monotonic() - began
    mailing.apply(a_task("bad", "command = 'true'", priority))
    mailing.cli("tasks", "run", "bad")
    until(lambda: not mailing.alerts("bad"), "no alert")
    (alert,) = mailing.alerts("bad", "--all")

    assert took_s < AT_ONCE_S * stretched() + pulse.worst_ms / 1_000
    assert (alert["severity"], alert["status"]) == ("critical", "resolved")
    # Of its end people are told a minute after its beginning, which a slow host may have reached.
    assert alert["told"] in ("open", "resolved")
    assert "critical" in str(sink.mails[0]["Subject"])
    if "exit 3" in command:
        assert "out of paper" in sink.text()


def test_a_failure_of_a_task_of_priority_2_is_kept_for_its_window(
    mailing: Household, sink: Sink
) -> None:
    mailing.apply(a_task("bad", "command = 'false'", 2))
    mailing.serve()
    mailing.cli("tasks", "run", "bad")

    (alert,) = until(lambda: mailing.alerts("bad"), "the alert")
    mailing.cli("alerts", "ack", alert["id"])

    assert alert["severity"] == "high"
    assert alert["tell_ms"] == alert["opened_ms"] + 15 * 60_000
    assert mailing.json("alerts", "show", alert["id"])["tell_ms"] is None
    assert sink.mails == []


def test_a_dead_agent_is_mailed_by_another_process_once_and_over_when_it_is_back(
    mailing: Household, sink: Sink
) -> None:
    agent = mailing.serve()
    until(lambda: mailing.database.read_now(state.last_beat), "a heartbeat")
    agent.kill()
    agent.wait()
    beat = mailing.database.read_now(state.last_beat)
    assert beat is not None
    old = msgspec.structs.replace(beat, at_ms=beat.at_ms - 200_000)
    mailing.database.write_now(partial(state.beat, heartbeat=old))

    looks = [mailing.run("health", "--alert", "--only", "master_runner") for _ in range(2)]
    sent = len(sink.mails)
    (alert,) = told_of_the_agent(mailing)
    mailing.serve()
    until(lambda: not told_of_the_agent(mailing), "the end of the alert")
    until(lambda: len(sink.mails) > sent, "the mail about it")

    assert [look.returncode for look in looks] == [1, 1]
    assert (sent, alert["severity"]) == (1, "critical")
    assert "over" in str(sink.mails[-1]["Subject"])


def told_of_the_agent(household: Household) -> list[dict[str, Any]]:
    listed = household.json("alerts", "list")
    return [alert for alert in listed if alert["kind"] == "agent_stopped"]


def test_ticks_from_crontab_mail_as_well(mailing: Household, sink: Sink) -> None:
    mailing.apply(a_task("bad", "command = 'exit 3'").replace("0 0 1 1 *", "@every 3s"))

    def mailed() -> bool:
        mailing.cli("tick")
        return "exit status 3" in sink.text()

    until(mailed, "the mail of what a tick's agent ran", within_s=180)
