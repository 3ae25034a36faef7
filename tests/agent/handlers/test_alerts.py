"""Is an alert shown to everyone, changed by operators, and is what is taken back as before?"""

import asyncio
import secrets
from functools import partial
from typing import Any

import pytest

from agent.alertrules import AlertRule
from agent.rules.muting import Mute
from agent.store import alert_book, alert_rules, alerts, audit, mutes, outbox
from agent.store.outbox import Message
from agent.telling import Tried
from agent.troubles import Trouble
from agent.ulid import new_ulid
from schema import tables
from shared.protocol.alerting import (
    AlertAck,
    AlertDetail,
    AlertFilter,
    AlertGet,
    AlertNote,
    AlertReopen,
    AlertResolve,
    AlertSnooze,
    AlertsPage,
    AlertsPageReply,
    AlertsReply,
    AlertsRules,
    AlertsRulesReply,
    DeliveriesPage,
    DeliveriesReply,
    WayTest,
    WayTestReply,
)
from shared.protocol.errors import ErrorBody
from shared.protocol.requests import Command
from shared.protocol.rows import Alert
from tests.agent.wire.door import CLOCK, Door

UNKNOWN = "01" + "A" * 24


async def trouble(door: Door, name: str = "backup", severity: str = "high") -> str:
    """An open alert about a task; its id."""
    await door.recorder.alert(
        Trouble(
            dedupe_key=f"task_failed:{name}",
            kind="task_failed",
            severity=severity,
            title=f"{name} failed",
            message="exit status 3. 100 % of it_all",
            task_name=name,
            run_id=new_ulid(CLOCK.now_ms()),
        )
    )
    (found, *_) = door.database.read_now(partial(alerts.newest, limit=1))
    return found.id


def order(kind: type[Command], *ids: str, **more: Any) -> Command:
    return kind(  # type: ignore[call-arg]
        ids=ids, op=secrets.token_hex(16), expires_ms=CLOCK.now_ms() + 60_000, **more
    )


def way_test(name: str) -> WayTest:
    return WayTest(op=secrets.token_hex(16), expires_ms=CLOCK.now_ms() + 60_000, id=name)


def shown(door: Door, alert_id: str) -> Alert:
    row = door.journal.get("alert", alert_id)
    assert isinstance(row, Alert)
    return row


async def test_what_one_acknowledges_the_other_sees_and_twice_is_once(door: Door) -> None:
    operator = await door.welcome("operator", label="Otto")
    other = await door.welcome("viewer")
    alert_id = await trouble(door)

    first = await operator.get(order(AlertAck, alert_id, note="disk is ordered"), AlertsReply)
    again = await operator.get(order(AlertAck, alert_id), AlertsReply)
    seen = await other.get(AlertGet(id=alert_id), AlertDetail)

    assert [one.code for one in (*first.results, *again.results)] == ["ok", "ok"]
    assert first.rev > 0
    assert (seen.row.state, seen.row.acked_by) == ("acked", "Otto")
    assert shown(door, alert_id).acked_by == "Otto"
    assert [(one.by, one.what, one.note) for one in seen.notes] == [
        ("Otto", "acknowledged", "disk is ordered")
    ]


@pytest.mark.parametrize(
    "request_type", [AlertAck, AlertResolve, AlertReopen, AlertNote, AlertSnooze]
)
async def test_an_unknown_alert_is_refused_and_the_known_one_beside_it_is_not(
    door: Door, request_type: type[Command]
) -> None:
    guest = await door.welcome("operator")
    alert_id = await trouble(door)
    more: dict[str, Any] = {"note": "x"}
    if request_type is AlertSnooze:
        more["until_ms"] = CLOCK.now_ms() + 60_000

    reply = await guest.get(order(request_type, UNKNOWN, alert_id, **more), AlertsReply)

    assert [(one.id, one.code) for one in reply.results] == [
        (UNKNOWN, "not_found"),
        (alert_id, "ok"),
    ]
    assert UNKNOWN in reply.results[0].msg


async def test_viewers_look_and_change_nothing(door: Door) -> None:
    viewer = await door.welcome("viewer")
    alert_id = await trouble(door)

    assert await viewer.refusal(order(AlertAck, alert_id)) == "forbidden"
    page = await viewer.get(AlertsPage(), AlertsPageReply)

    assert [row.id for row in page.rows] == [alert_id]
    assert page.rows[0].state == "open"


async def test_a_snoozed_alert_says_until_when_and_a_past_moment_is_refused(door: Door) -> None:
    guest = await door.welcome("operator")
    alert_id = await trouble(door)
    until_ms = CLOCK.now_ms() + 3_600_000

    refused = await guest.ask(order(AlertSnooze, alert_id, until_ms=CLOCK.now_ms() - 1))
    await guest.get(order(AlertSnooze, alert_id, until_ms=until_ms), AlertsReply)

    assert isinstance(refused, ErrorBody)
    assert (refused.code, refused.detail["path"]) == ("bad_request", "$.until_ms")
    assert (shown(door, alert_id).state, shown(door, alert_id).snoozed_until_ms) == (
        "acked",
        until_ms,
    )


@pytest.mark.parametrize("kind", [AlertAck, AlertSnooze, AlertResolve])
async def test_what_was_done_is_taken_back_and_is_told_as_if_it_had_not_been(
    door: Door, kind: type[Command]
) -> None:
    guest = await door.welcome("operator", label="Otto")
    alert_id = await trouble(door)
    more = {"until_ms": CLOCK.now_ms() + 60_000} if kind is AlertSnooze else {}

    await guest.get(order(kind, alert_id, **more), AlertsReply)
    held = door.database.read_now(partial(alert_book.get, alert_id=alert_id))
    await guest.get(order(AlertReopen, alert_id), AlertsReply)

    back = door.database.read_now(partial(alert_book.get, alert_id=alert_id))
    assert held.status != "active"
    assert back.status == "active"
    assert (back.acknowledged_by, back.snoozed_until_ms, back.resolved_ms) == (None, None, None)
    assert back.tell_ms is not None
    assert shown(door, alert_id).state == "open"


async def test_an_alert_that_came_anew_is_not_opened_a_second_time(door: Door) -> None:
    guest = await door.welcome("operator")
    old = await trouble(door)
    await guest.get(order(AlertResolve, old), AlertsReply)
    await door.database.write(_end_long_ago)
    new = await trouble(door)

    reply = await guest.get(order(AlertReopen, old), AlertsReply)

    assert new != old
    assert reply.results[0].code == "conflict"


def _end_long_ago(connection: Any) -> None:
    alert = alerts.newest(connection, limit=1)[0]
    connection.execute(
        tables.alerts.update().where(tables.alerts.c.id == alert.id).values(resolved_at=1)
    )


async def test_a_note_reaches_whoever_looks_at_the_same_alert(door: Door) -> None:
    guest = await door.welcome("operator", label="Otto")
    alert_id = await trouble(door)
    before = shown(door, alert_id).rev

    await guest.get(order(AlertNote, alert_id, note="called the provider"), AlertsReply)
    seen = await guest.get(AlertGet(id=alert_id), AlertDetail)

    assert shown(door, alert_id).rev > before
    assert seen.notes[-1].note == "called the provider"
    assert (seen.notes[-1].what, seen.row.state) == ("noted", "open")


async def test_pages_go_on_where_they_ended_and_hold_what_was_asked_for(door: Door) -> None:
    guest = await door.welcome("viewer")
    ids = [await trouble(door, f"task_{n}", ("high", "medium")[n % 2]) for n in range(5)]

    first = await guest.get(AlertsPage(limit=3), AlertsPageReply)
    rest = await guest.get(AlertsPage(limit=3, cursor=first.next), AlertsPageReply)
    medium = await guest.get(
        AlertsPage(filter=AlertFilter(sevs=("medium",), states=("open",))), AlertsPageReply
    )
    text = await guest.get(AlertsPage(filter=AlertFilter(text="TASK_3 100 %")), AlertsPageReply)
    other = await guest.ask(AlertsPage(cursor=first.next, filter=AlertFilter(task_id="task_1")))

    assert [row.id for row in (*first.rows, *rest.rows)] == ids[::-1]
    assert rest.next is None
    assert [row.id for row in medium.rows] == [ids[3], ids[1]]
    assert [row.id for row in text.rows] == [ids[3]]
    assert isinstance(other, ErrorBody)
    assert other.code == "bad_cursor"


async def test_a_state_nobody_knows_is_refused_by_name(door: Door) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.ask(AlertsPage(filter=AlertFilter(states=("opened",))))

    assert isinstance(reply, ErrorBody)
    assert (reply.detail["path"], "acked" in reply.msg) == ("$.filter.states", True)


async def test_receipts_tell_what_became_of_the_message_about_an_alert(door: Door) -> None:
    guest = await door.welcome("viewer")
    alert_id = await trouble(door)
    sent = message("nothing that names the alert")
    await door.database.write(partial(outbox.put, message=sent))
    tell = partial(alerts.told_by, message=(sent.id, sent.created_ms))
    now_ms = CLOCK.now_ms()
    await door.database.write(lambda connection: tell(connection, "high", now_ms=now_ms))
    other = await trouble(door, "report")

    seen = await guest.get(AlertGet(id=alert_id), AlertDetail)
    unseen = await guest.get(AlertGet(id=other), AlertDetail)
    page = await guest.get(DeliveriesPage(), DeliveriesReply)

    (receipt,) = seen.deliveries
    assert (receipt.state, receipt.tries, receipt.problem) == ("waiting", 2, "421 try later")
    assert receipt.recipients == ("admin@example.org",)
    assert unseen.deliveries == ()
    assert page.rows == seen.deliveries
    assert (page.mail.is_on, page.mail.waiting, page.mail.problem) == (True, 1, "421 try later")


async def test_mail_goes_again_once_a_later_message_went(door: Door) -> None:
    guest = await door.welcome("viewer")
    now_ms = CLOCK.now_ms()
    lost = message("lost", state="failed", created_ms=now_ms - 2_000)
    gone = message("gone", state="sent", sent_ms=now_ms, last_error=None)
    for one in (lost, gone):
        await door.database.write(partial(outbox.put, message=one))

    page = await guest.get(DeliveriesPage(limit=1), DeliveriesReply)

    assert (page.mail.problem, page.mail.sent_ms) == (None, now_ms)
    assert page.next is not None


async def test_a_channel_is_tried_for_whoever_asks_and_it_is_audited(door: Door) -> None:
    door.tried = Tried(
        to=("anna@example.org", "ben@example.org"),
        answer="250 taken",
        missed=(("ben@example.org", "550 nobody"),),
    )
    anna = await door.welcome("operator", label="Anna")

    reply = await anna.get(way_test("mail"), WayTestReply)

    assert reply.to == door.tried.to
    assert [(one.to, one.why) for one in reply.missed] == [("ben@example.org", "550 nobody")]
    assert door.tries == [("mail", "Anna")]
    rows = door.database.read_now(partial(audit.page, limit=5))
    assert [(one.target, one.label, one.code) for one in rows if one.type == "way.test"] == [
        ("mail", "Anna", "ok")
    ]


async def test_where_nobody_is_told_there_is_no_channel_to_try(door: Door) -> None:
    anna = await door.welcome("operator")

    reply = await anna.ask(way_test("mail"))

    assert isinstance(reply, ErrorBody)
    assert (reply.code, reply.detail["path"]) == ("bad_request", "$.id")
    assert "settings.toml has neither" in reply.msg


async def test_who_may_not_read_output_does_not_read_it_in_an_alert(closed_door: Door) -> None:
    viewer = await closed_door.welcome("viewer")
    operator = await closed_door.welcome("operator")
    alert_id = await trouble(closed_door)

    seen, whole = await asyncio.gather(
        viewer.get(AlertGet(id=alert_id), AlertDetail),
        operator.get(AlertGet(id=alert_id), AlertDetail),
    )

    assert (seen.row.title, seen.row.msg) == ("backup failed", "")
    assert whole.row.msg.startswith("exit status 3")


@pytest.mark.parametrize("may_read", [True, False])
async def test_own_rules_and_quiet_times_are_told_but_no_output_is_guessed_by_them(
    door: Door, closed_door: Door, may_read: bool
) -> None:
    here = door if may_read else closed_door
    guest = await here.welcome("viewer")
    now_ms = CLOCK.now_ms()
    rule = AlertRule(name="quiet", severity="high", task="back*", output_lacks="all done")
    window = Mute(
        id=UNKNOWN,
        from_ms=now_ms - 1,
        to_ms=now_ms + 60_000,
        reason="new disk",
        made_ms=now_ms,
        made_by="Anna",
        category="Sync",
    )
    await here.database.write(partial(alert_rules.put, rule=rule, who="Anna", now_ms=now_ms))
    await here.database.write(partial(mutes.add, mute=window))

    reply = await guest.get(AlertsRules(), AlertsRulesReply)

    (told,), (quiet,) = reply.rules, reply.quiet
    output = (("output_lacks", "all done"),) if may_read else ()
    assert (told.name, told.sev, told.by) == ("quiet", "high", "Anna")
    assert told.given == (("task", "back*"), *output)
    assert (quiet.category, quiet.reason, quiet.to_ms) == ("Sync", "new disk", window.to_ms)


def message(plain: str, **more: Any) -> Message:
    now_ms = CLOCK.now_ms()
    facts: dict[str, Any] = {
        "id": new_ulid(now_ms),
        "channel": "mail",
        "severity": "high",
        "recipients": ("admin@example.org",),
        "subject": "[shop] high: backup failed",
        "thread": "x",
        "plain": plain,
        "html": "",
        "created_ms": now_ms,
        "due_ms": now_ms + 60_000,
        "attempts": 2,
        "last_error": "421 try later",
        **more,
    }
    return Message(**facts)


async def test_who_is_told_next_and_which_channels_are_quiet_is_known_to_everyone(
    night_door: Door,
) -> None:
    guest = await night_door.welcome("viewer")
    alert_id = await trouble(night_door)
    now_ms = CLOCK.now_ms()

    seen = await guest.get(AlertGet(id=alert_id), AlertDetail)
    await night_door.database.write(partial(outbox.put, message=message("x")))
    page = await guest.get(DeliveriesPage(), DeliveriesReply)

    assert [(one.what, one.to, one.stage) for one in seen.coming] == [
        ("told", ("admin@example.org",), 0),
        ("escalated", ("head@example.org", "pager"), 1),
    ]
    assert seen.coming[0].at_ms > now_ms
    mail, pager = page.ways
    assert (mail.name, mail.quiet, mail.waiting) == ("mail", ("00:00-23:59", "23:59-00:00"), 1)
    assert mail.quiet_until_ms is not None
    assert mail.quiet_until_ms > now_ms
    assert (pager.name, pager.sevs, pager.quiet_until_ms) == ("pager", ("critical",), None)
    assert [(one.after_minutes, one.to) for one in page.stages] == [
        (30, ("head@example.org", "pager"))
    ]
    assert page.repeats == (("critical", 20),)


async def test_an_alert_whose_cause_is_forgotten_is_told_in_full_all_the_same(door: Door) -> None:
    guest = await door.welcome("viewer")
    alert_id = await trouble(door)
    change = tables.alerts.update().values(cause_id=UNKNOWN)
    await door.database.write(lambda connection: connection.execute(change) and None)

    seen = await guest.get(AlertGet(id=alert_id), AlertDetail)

    assert (seen.row.cause_id, seen.coming) == (UNKNOWN, ())
