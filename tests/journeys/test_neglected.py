"""While the agent is dead and nobody cares, are others told, by whoever looks from outside?"""

import time
from collections.abc import Iterator
from functools import partial

import msgspec
import pytest

from agent.store import alerts, state
from agent.store.alert_rows import write
from tests.journeys.household import Household, until
from tests.postoffice import Sink, let_mail, mail_server

MINUTE_MS = 60_000


@pytest.fixture
def sink() -> Iterator[Sink]:
    with mail_server() as sink:
        yield sink


def look(household: Household) -> None:
    assert household.run("health", "--alert", "--only", "master_runner").returncode == 1


def test_a_dead_agent_that_nobody_cares_for_is_told_to_others_once(
    household: Household, sink: Sink
) -> None:
    let_mail(household.calm().home, sink)
    with household.home.settings_file.open("a") as settings:
        settings.write('[[escalation]]\nafter_minutes = 30\nrecipients = ["head@example.org"]\n')
    agent = household.serve()
    until(lambda: household.database.read_now(state.last_beat), "a heartbeat")
    household.kill(agent)
    beat = household.database.read_now(state.last_beat)
    assert beat is not None
    old = msgspec.structs.replace(beat, at_ms=beat.at_ms - 4 * MINUTE_MS)
    household.database.write_now(partial(state.beat, heartbeat=old))

    look(household)
    (alert,) = (
        one
        for one in household.database.read_now(alerts.open_alerts)
        if one.kind == "agent_stopped"
    )
    began_ms = time.time_ns() // 1_000_000 - 31 * MINUTE_MS
    longer = msgspec.structs.replace(alert, opened_ms=began_ms)
    household.database.write_now(partial(write, alert=longer))
    for _ in range(2):
        look(household)
    shown = household.json("alerts", "show", alert.id)

    assert [mail["To"] for mail in sink.mails] == ["anna@example.org", "head@example.org"]
    assert [note["what"] for note in shown["notes"]] == ["escalated 1"]
    assert shown["coming"] == []
