"""An agent that a person stopped stays so, whoever else looks after it."""

import json
import signal
import subprocess
import sys

import pytest

from agent import halting
from agent.cli.restarting import end_agent
from tests.journeys.household import Household, until
from tests.journeys.test_agent_runs import EVERY_SECOND, task


@pytest.fixture
def serving(household: Household) -> Household:
    household.apply(task("beat", "true", schedule=EVERY_SECOND))
    household.serve()
    household.wait_for("beat", "success")
    return household


def test_what_was_stopped_is_started_by_nobody_but_a_person(serving: Household) -> None:
    stopped = serving.json("stop", "--why", "moving house")
    ticked = serving.json("tick")
    said = serving.cli("tick")
    passed = serving.json("tick", "--one-shot")
    looked = json.loads(
        serving.run("health", "--alert", "--restart", "--only", "master_runner", "--json").stdout
    )
    alerts = serving.json("alerts", "list")

    assert stopped == {"stopped": True}
    assert (ticked["agent"], passed["agent"]) == ("stopped", "stopped")
    assert "stopped by" in said
    assert "moving house" in said
    assert "smartcron-agent start" in said
    assert (looked["checks"][0]["state"], looked["done"]) == ("warn", [])
    assert "agent_down" not in {alert["kind"] for alert in alerts}
    assert serving.agents_alive() == []

    started = serving.json("start")
    again = serving.json("start")

    assert (started["agent"], again["agent"]) == ("started", "already serving")
    assert halting.standing(serving.home) is None
    until(lambda: len(serving.agents_alive()) == 1, "an agent")
    serving.cli("stop")


def test_serving_by_hand_ends_the_halt_too(household: Household) -> None:
    said = household.cli("stop")
    household.kill(household.serve())

    assert "No agent served" in said
    assert household.json("tick")["agent"] == "started"
    household.cli("stop")


def test_one_that_begins_after_it_was_stopped_does_not_serve(household: Household) -> None:
    household.cli("stop", "--why", "moving house")

    done = household.run("serve", "--quiet", "--unless-stopped")

    assert (done.returncode, done.stderr) == (0, "")
    assert halting.standing(household.home) is not None
    assert household.agents_alive() == []


def test_one_that_begins_is_ended_by_a_person_and_not_by_who_restarts_what_is_silent(
    household: Household,
) -> None:
    words = (
        "import sys, time; from pathlib import Path; from agent.lock import only_agent; "
        "from agent.settings import Home\n"
        "with only_agent(Home(Path(sys.argv[1])), begins=True): print('held', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", words, str(household.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as begins:
        assert begins.stdout is not None
        assert begins.stdout.readline() == "held\n"

        left_alone = end_agent(household.home)
        is_alive = begins.poll() is None
        ended = end_agent(household.home, even_beginning=True)

        assert (left_alone, is_alive, ended) == (False, True, True)
        assert begins.wait(60) == -signal.SIGTERM


def test_crontab_gets_no_mail_while_all_is_well_and_one_about_what_is_not(
    serving: Household,
) -> None:
    assert serving.cli("tick", "--quiet") == ""
    assert serving.cli("health", "--alert", "--restart", "--only", "clock", "--quiet") == ""

    serving.apply(task("bad", "exit 3", schedule=EVERY_SECOND))
    serving.wait_for("bad", "error")

    assert "bad" in serving.cli("tick", "--quiet")
