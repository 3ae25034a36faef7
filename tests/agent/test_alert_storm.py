"""What is told, and what does it cost, when ten thousand tasks fail within a minute?"""

import asyncio
from functools import partial
from typing import Any

import psutil
import pytest

from agent.alerter import MOST_WAITING, Alerter
from agent.alertrules import read_rule
from agent.courier import Courier
from agent.postbox import Mail
from agent.store import alert_rules, alerts, quieting
from agent.troubles import Trouble
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, a_task, ended
from tests.agent.workshop import Workshop
from tests.postoffice import Sink, mail_server

COUNT = 10_000
AT_ONCE = 500
MB = 1_000_000


def mailing(workshop: Workshop, sink: Sink) -> Courier:
    mail = Mail(
        host="127.0.0.1",
        port=sink.port,
        security="plain",
        sender="cron@example.org",
        recipients=("anna@example.org",),
    )
    return Courier(
        clock=workshop.clock,
        database=workshop.database,
        recorder=workshop.recorder,
        mail=mail,
        password=None,
        agent="shop",
        mask=str,
        is_away=lambda: False,
    )


def listening(workshop: Workshop) -> Alerter:
    return Alerter(
        clock=workshop.clock,
        database=workshop.database,
        recorder=workshop.recorder,
        priority=lambda _name: 1,
        durations_ms=lambda _name: (),
        waiting=lambda: (0, None),
        roster=workshop.roster,
    )


async def fail_all(workshop: Workshop, alerter: Alerter) -> int:
    """Every task fails once; how much of the memory is taken afterwards."""
    process = psutil.Process()
    before = process.memory_info().rss
    runs = [
        a_run(NOW_MS + number, task_name=f"task_{number}", status="running")
        for number in range(COUNT)
    ]
    for start in range(0, COUNT, AT_ONCE):
        some = runs[start : start + AT_ONCE]
        await workshop.recorder.claim(some)
        await asyncio.gather(*(workshop.recorder.ended(ended(run, "error")) for run in some))
        heard, workshop.shown[:] = list(workshop.shown), []
        for shown in heard:
            alerter.note(shown)
        assert len(alerter._to_do) <= MOST_WAITING
    return process.memory_info().rss - before


@pytest.fixture
async def shop(workshop: Workshop) -> Workshop:
    """Ten thousand tasks, of which each is worth a mail at once."""
    await workshop.register(*(a_task(f"task_{number}", priority=1) for number in range(COUNT)))
    return workshop


async def test_ten_thousand_failures_are_one_message_in_bounded_memory(shop: Workshop) -> None:
    alerter = listening(shop)
    rule = read_rule({"name": "mine", "failures": 1, "of_last": 1})
    await shop.database.write(partial(alert_rules.put, rule=rule, who="test", now_ms=NOW_MS))
    await alerter.renew()
    with mail_server() as sink:
        courier = mailing(shop, sink)
        taken = await fail_all(shop, alerter)
        await courier.work_off()

    (mail,) = sink.mails
    assert "10000 alerts" in str(mail["Subject"])
    assert "and 9950 more" in sink.text()
    assert len(mail.as_bytes()) < 100_000
    assert taken < 120 * MB
    assert len(shop.database.read_now(partial(alerts.open_alerts))) == COUNT


async def test_ten_thousand_failures_of_a_known_cause_are_told_with_it_alone(
    workshop: Workshop,
) -> None:
    cause = Trouble(
        dedupe_key="disk_full",
        kind="disk_full",
        severity="critical",
        title="The disk is full",
        message="free some space",
    )
    with mail_server() as sink:
        courier = mailing(workshop, sink)
        await workshop.recorder.alert(cause)
        await workshop.database.write(raise_all)
        await courier.work_off()
        workshop.clock.advance(MINUTE_MS)
        await courier.work_off()
        told = sink.text()
        (first,) = sink.mails
        await workshop.recorder.resolve("disk_full")
        workshop.clock.advance(2 * MINUTE_MS)
        await courier.work_off()

    (_, last) = sink.mails
    assert "The disk is full" in str(first["Subject"])
    assert "This caused 10000 more: task_0 failed; task_1 failed" in told
    assert "task_19 failed and 9980 more." in told
    # What still stands at the end of its cause is told with that end.
    assert "10001 alerts" in str(last["Subject"])
    assert len(last.as_bytes()) < 100_000
    found = workshop.database.read_now(partial(alerts.find, text=_cause_id(workshop)))
    assert found.status == "resolved"


def raise_all(connection: Any) -> None:
    for number in range(COUNT):
        trouble = Trouble(
            dedupe_key=f"task_failed:task_{number}",
            kind="task_failed",
            severity="critical",
            title=f"task_{number} failed",
            message="exit status 3",
            task_name=f"task_{number}",
        )
        alerts.raise_alert(connection, trouble, now_ms=NOW_MS)


def _cause_id(workshop: Workshop) -> str:
    (cause,) = [
        one
        for one in workshop.database.read_now(partial(alerts.newest, limit=COUNT + 1))
        if one.kind == "disk_full"
    ]
    count, _ = workshop.database.read_now(partial(quieting.caused_by, alert_id=cause.id))
    assert count == COUNT
    return cause.id
