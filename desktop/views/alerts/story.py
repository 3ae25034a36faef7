"""What is said of an alert: whose it is, what happened, who was told."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Final

import msgspec
from PySide6.QtCore import QCoreApplication

from desktop import words
from desktop.parts.facts import Fact
from desktop.states import (
    MESSAGE_LOOKS,
    Look,
    alert_look,
    alert_state,
    ending_words,
    run_look,
    severity_look,
)
from shared.protocol.alerting import AlertDetail, Coming, Delivery, MailState, Remarked
from shared.protocol.rows import ENDED, Alert, Run

MOST_EVENTS: Final = 9
_DONE: Final = {
    "acknowledged": "acknowledged it",
    "snoozed": "snoozed it",
    "resolved": "ended it",
    "reopened": "opened it again",
    "noted": "wrote",
}
_OF_STAGES: Final = {
    "escalated ": "Escalation {0} was told, as nobody acknowledged",
    "told the end ": "Escalation {0} was told that it is over",
}


def _tr(text: str) -> str:
    return QCoreApplication.translate("alerts", text)


class Event(msgspec.Struct, frozen=True):
    """One thing that happened, and when."""

    at_ms: int
    look: Look
    text: str
    is_turn: bool = False
    """The alert itself began or ended with it."""


def state_words(alert: Alert, zone: tzinfo | None, now_ms: int) -> str:
    """In whose hands it is: "Open, 3 times", "Snoozed until 14:00", "Acknowledged by Anna"."""
    state, said = alert_state(alert), alert_look(alert).said
    if state == "snoozed" and alert.snoozed_until_ms is not None:
        return _tr("Snoozed until {0}").format(words.clock(alert.snoozed_until_ms, zone, now_ms))
    if state == "muted" and alert.muted_until_ms is not None:
        return _tr("Muted until {0}").format(words.clock(alert.muted_until_ms, zone, now_ms))
    if state == "acked" and alert.acked_by:
        return _tr("Acknowledged by {0}").format(alert.acked_by)
    if state == "resolved" and alert.resolved_ms is not None:
        lasted = words.rough_span(max(0, alert.resolved_ms - alert.opened_ms))
        return _tr("Resolved after {0}").format(lasted)
    if alert.count > 1:
        return _tr("{0}, {1} times").format(said, words.count(alert.count))
    return said


def pill_words(alert: Alert, zone: tzinfo | None, now_ms: int) -> str:
    """How bad it is, and in which state for how long: "High, open for 12 m"."""
    severity = severity_look(alert.sev).said
    if alert_state(alert) == "open":
        lasts = words.rough_span(max(0, now_ms - alert.opened_ms))
        return _tr("{0}, open for {1}").format(severity, lasts)
    said = state_words(alert, zone, now_ms)
    return f"{severity}, {said[:1].lower()}{said[1:]}"


def facts_of(alert: Alert, zone: tzinfo | None, now_ms: int, *, is_mail_on: bool) -> list[Fact]:
    """What is known of it, as label, value and a second word."""
    over = alert.resolved_ms
    since = words.clock(alert.opened_ms, zone, now_ms, seconds=True)
    lasted = words.rough_span(max(0, (over or now_ms) - alert.opened_ms))
    facts: list[Fact] = [
        (_tr("Since"), since, lasted if over is None else "", ""),
        (
            _tr("Seen"),
            words.plural(alert.count, _tr("time"), _tr("times")),
            _tr("last {0}").format(words.clock(alert.last_ms, zone, now_ms, seconds=True)),
            "",
        ),
    ]
    if over is not None:
        ended = words.clock(over, zone, now_ms, seconds=True)
        facts.append((_tr("Over"), ended, _tr("after {0}").format(lasted), ""))
    if alert.flaps:
        back = words.plural(alert.flaps, _tr("time"), _tr("times"))
        facts.append((_tr("Came back"), back, "", ""))
    if alert.acked_by and alert.acked_ms is not None:
        at = words.clock(alert.acked_ms, zone, now_ms)
        facts.append((_tr("In hand"), alert.acked_by, at, ""))
    if alert.snoozed_until_ms is not None:
        until = words.clock(alert.snoozed_until_ms, zone, now_ms)
        facts.append((_tr("Quiet until"), until, "", ""))
    if alert.muted_until_ms is not None:
        until = words.clock(alert.muted_until_ms, zone, now_ms)
        facts.append((_tr("Muted until"), until, "", ""))
    facts.append((_tr("Told"), *_told(alert, zone, now_ms, is_mail_on=is_mail_on), ""))
    if alert.subject.kind == "task" and alert.subject.id:
        facts.append((_tr("Task"), alert.subject.id, "", ""))
    facts.append((_tr("Kind"), alert.kind.replace("_", " "), "", ""))
    return facts


def _told(alert: Alert, zone: tzinfo | None, now_ms: int, *, is_mail_on: bool) -> tuple[str, str]:
    told = {"open": _tr("that it is open"), "resolved": _tr("that it is over")}
    said = told.get(alert.told or "", _tr("nobody yet"))
    if not is_mail_on:
        return (said if alert.told else _tr("on desktops"), "")
    if alert.tell_ms is None or alert.tell_ms <= now_ms:
        return said, ""
    return said, _tr("mail at {0}").format(words.clock(alert.tell_ms, zone, now_ms))


def events_of(detail: AlertDetail, zone: tzinfo | None, now_ms: int) -> list[Event]:
    """What happened, the newest first: the runs of its task, and its own turns."""
    alert = detail.row
    opened = Event(
        alert.opened_ms, severity_look(alert.sev), _tr("The alert was raised"), is_turn=True
    )
    found = [opened]
    if alert.resolved_ms is not None:
        found.append(
            Event(alert.resolved_ms, alert_look(alert), _tr("The alert was over"), is_turn=True)
        )
    found += [_event_of(run, zone, now_ms) for run in detail.runs if run.result != "skipped"]
    found.sort(key=lambda one: one.at_ms, reverse=True)
    shown = found[:MOST_EVENTS]
    # Where it began is told even where much happened since.
    return shown if opened in shown else [*shown[:-1], opened]


def _event_of(run: Run, zone: tzinfo | None, now_ms: int) -> Event:
    at_ms = run.end_ms or run.start_ms or run.scheduled_ms
    due = words.clock(run.scheduled_ms, zone, now_ms)
    name = _tr("Run of {0}").format(due)
    if run.attempt > 1:
        name = _tr("Run of {0}, attempt {1}").format(due, run.attempt)
    if run.state != ENDED or run.result is None:
        said = run_look(run).said.lower()
    elif run.result == "success":
        said = _tr("succeeded in {0}").format(words.duration(run.dur_ms or 0))
    else:
        said = ending_words(run.result, exit_status=run.exit, signal=run.signal, reason=run.reason)
    return Event(at_ms, run_look(run), f"{name}: {said}")


def coming_of(detail: AlertDetail) -> list[Event]:
    """What is told next, the soonest first."""
    return [_coming_event(step) for step in detail.coming]


def _coming_event(step: Coming) -> Event:
    to = ", ".join(step.to)
    if step.what == "escalated":
        said = _tr("Escalation {0}, if nobody acknowledges: {1}").format(step.stage, to)
        return Event(step.at_ms, Look("caret-double-up-bold", "", "warn"), said)
    words_for = {
        "told": _tr("Told to {0}"),
        "repeated": _tr("Told again, if nobody acknowledges: {0}"),
        "over": _tr("Told that it is over: {0}"),
    }
    said = words_for.get(step.what, "{0}").format(to)
    return Event(step.at_ms, Look("envelope-simple", "", "idle"), said)


def why_nothing_comes(detail: AlertDetail, *, is_mail_on: bool) -> str:
    """Why nobody is told anything more; empty where somebody is."""
    if detail.coming or not is_mail_on:
        return "" if detail.coming else _tr("No mail or chat is set up, so only desktops show it.")
    return {
        "acked": _tr("Nobody is told any more until it is over or gets worse."),
        "muted": _tr("Nobody is told before the quiet time ends."),
        "caused": _tr("It is told with its cause."),
        "resolved": _tr("It is over, and nobody is told anything more."),
    }.get(alert_state(detail.row), _tr("Nobody is told anything more while it stays as it is."))


def remark_words(remark: Remarked) -> str:
    """What somebody did: "Anna acknowledged it"."""
    for begin, said in _OF_STAGES.items():
        if remark.what.startswith(begin):
            return _tr(said).format(remark.what.removeprefix(begin))
    done = _DONE.get(remark.what)
    return f"{remark.by} {_tr(done) if done else remark.what}"


def delivery_look(delivery: Delivery) -> Look:
    """How a message fares; one that was refused and is tried again is a state of its own."""
    if delivery.state == "waiting":
        return MESSAGE_LOOKS["retried" if delivery.tries else "waiting"]
    return MESSAGE_LOOKS.get(delivery.state, Look("question-bold", "Unknown", "idle"))


def delivery_words(delivery: Delivery, now_ms: int) -> str:
    """What became of it: "Accepted, 250", "Tried again in 40 s: 421 try later"."""
    look = delivery_look(delivery)
    said = look.said
    if delivery.state == "waiting" and delivery.tries:
        left = words.rough_span(max(0, delivery.due_ms - now_ms))
        said = _tr("Tried again in {0}").format(left)
    told = delivery.answer if delivery.state == "sent" else delivery.problem
    return f"{said}: {told}" if told else said


def arrived_words(deliveries: Iterable[Delivery]) -> str:
    """How many of them got there: "2 of 3 arrived"."""
    states = [one.state for one in deliveries]
    if not states:
        return ""
    return _tr("{0} of {1} arrived").format(states.count("sent"), len(states))


def mail_words(
    mail: MailState | None, *, stuck: str, zone: tzinfo | None, now_ms: int
) -> tuple[str, str, str]:
    """Whether mail goes: icon, ink and sentence; `stuck` is the alert about it, if there is one."""
    if stuck or (mail is not None and mail.is_on and mail.problem):
        cause = mail.problem if mail is not None and mail.problem else ""
        said = stuck or _tr("Messages do not go")
        return "warning-fill", "bad.text", f"{said}: {cause}" if cause else said
    if mail is None:
        return "envelope-simple", "text3", ""
    if not mail.is_on:
        return "envelope-simple", "warn.text", _tr("No mail, no chat: alerts stay on desktops")
    if mail.sent_ms is not None:
        at = words.clock(mail.sent_ms, zone, now_ms, seconds=True)
        said = _tr("Messages go, last sent {0}").format(at)
    else:
        said = _tr("Messages go, none was needed yet")
    if mail.waiting:
        said += ", " + _tr("{0} waiting").format(words.count(mail.waiting))
    return "envelope-simple", "ok.text", said
