"""What is wrong, who was told of it, and who cares for it?"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from agent import telling
from agent.errors import WrongUse
from agent.handlers import cursors
from agent.handlers.context import Context
from agent.handlers.rights import may_read_output
from agent.handlers.rows import alert_row, run_row
from agent.store import alert_book, alerts, escalating, ledger, outbox, quieting
from agent.store.alert_book import Wanted
from agent.store.alerts import Alert, Note
from agent.store.ledger import RunFilter
from agent.store.outbox import Message
from agent.wire.operations import Done
from agent.wire.sessions import Who
from shared.protocol import alerting as wire
from shared.protocol.errors import BadRequest
from shared.protocol.messages import Outcome
from shared.protocol.rows import Run

MOST_RUNS: Final = 10
LONGEST_MS: Final = 366 * 86_400_000
_STATUSES: Final = {
    "open": ("active",),
    "acked": ("acknowledged", "snoozed"),
    "snoozed": ("snoozed",),
    "resolved": ("resolved",),
}

_Change = wire.AlertAck | wire.AlertSnooze | wire.AlertResolve | wire.AlertReopen | wire.AlertNote


async def page(context: Context, who: Who, request: wire.AlertsPage) -> wire.AlertsPageReply:
    """Alerts, the newest first."""
    found = await context.database.read(
        partial(
            alert_book.page,
            wanted=_wanted(request.filter),
            before=cursors.read(request.cursor, request.filter, str),
            limit=request.limit + 1,
        )
    )
    shown = found[: request.limit]
    with_words = may_read_output(context, who)
    return wire.AlertsPageReply(
        rows=tuple(alert_row(alert, with_words=with_words) for alert in shown),
        next=cursors.make(shown[-1].id, request.filter) if len(found) > len(shown) else None,
    )


async def get(context: Context, who: Who, request: wire.AlertGet) -> wire.AlertDetail:
    """One alert in full; raises AlertNotFound."""
    alert = await context.database.read(partial(alert_book.get, alert_id=request.id))
    notes = await context.database.read(partial(alerts.notes, alert_id=alert.id))
    told = await context.database.read(partial(alert_book.messages_about, alert=alert))
    with_words = may_read_output(context, who)
    runs: tuple[Run, ...] = ()
    if alert.task_name is not None:
        chosen = RunFilter(task_name=alert.task_name)
        found = await context.database.read(partial(ledger.page, wanted=chosen, limit=MOST_RUNS))
        runs = tuple(run_row(run, with_words=with_words) for run in found.runs)
    return wire.AlertDetail(
        row=alert_row(alert, with_words=with_words),
        notes=tuple(
            wire.Remarked(at_ms=note.noted_ms, by=note.noted_by, what=note.what, note=note.note)
            for note in notes
        ),
        deliveries=tuple(_delivery(message) for message in told),
        runs=runs,
        coming=await _coming(context, alert, notes),
    )


async def _coming(
    context: Context, alert: Alert, notes: tuple[Note, ...]
) -> tuple[wire.Coming, ...]:
    is_part = await context.database.read(partial(quieting.is_part, alert=alert))
    steps = telling.coming(
        context.identity.posting,
        alert,
        stages=escalating.stages_in(note.what for note in notes),
        is_part=is_part,
        now_ms=context.clock.now_ms(),
    )
    return tuple(
        wire.Coming(at_ms=step.at_ms, what=step.what, to=step.to, stage=step.stage)
        for step in steps
    )


async def ack(context: Context, who: Who, request: wire.AlertAck) -> Done:
    """Somebody cares for these."""
    return await _change(context, who, request, alerts.acknowledge)


async def snooze(context: Context, who: Who, request: wire.AlertSnooze) -> Done:
    """Nothing is to be said of these until then."""
    now_ms = context.clock.now_ms()
    if not now_ms < request.until_ms <= now_ms + LONGEST_MS:
        raise BadRequest(
            f"until_ms = {request.until_ms}: must be a moment to come, within a year",
            detail={"path": "$.until_ms"},
        )
    return await _change(context, who, request, partial(alerts.snooze, until_ms=request.until_ms))


async def resolve(context: Context, who: Who, request: wire.AlertResolve) -> Done:
    """Somebody says that these are over."""
    return await _change(context, who, request, alerts.resolve_one)


async def reopen(context: Context, who: Who, request: wire.AlertReopen) -> Done:
    """What was done about these is taken back."""
    return await _change(context, who, request, alerts.reopen)


async def note(context: Context, who: Who, request: wire.AlertNote) -> Done:
    """Somebody says something of these."""
    return await _change(context, who, request, alerts.annotate)


async def deliveries(
    context: Context, _who: Who, request: wire.DeliveriesPage
) -> wire.DeliveriesReply:
    """Messages to people, the newest first, and whether mail goes."""
    question = wire.DeliveriesPage()
    found = await context.database.read(
        partial(
            alert_book.messages_page,
            before=cursors.read(request.cursor, question, str),
            limit=request.limit + 1,
        )
    )
    mailing = await context.database.read(alert_book.mailing)
    shown = found[: request.limit]
    recipients = context.identity.told
    return wire.DeliveriesReply(
        rows=tuple(_delivery(message) for message in shown),
        next=cursors.make(shown[-1].id, question) if len(found) > len(shown) else None,
        mail=wire.MailState(
            is_on=bool(recipients),
            recipients=recipients,
            waiting=mailing.waiting,
            sent_ms=mailing.sent_ms,
            problem=mailing.problem,
        ),
        ways=await _ways(context),
        stages=tuple(
            wire.Stage(
                after_minutes=one.after_minutes,
                sevs=one.severities,
                to=(*one.recipients, *one.channels),
            )
            for one in context.identity.posting.escalation
        ),
        repeats=tuple(context.identity.posting.repeat_minutes.items()),
    )


async def try_way(context: Context, who: Who, request: wire.WayTest) -> Done:
    """Send a message by hand, and say whom it reached."""
    try:
        tried = await context.try_way(request.id, who.name)
    except WrongUse as error:
        raise BadRequest(str(error), detail={"path": "$.id"}) from None
    return Done(
        wire.WayTestReply(
            rev=context.journal.revs.state,
            to=tried.to,
            answer=tried.answer,
            missed=tuple(wire.Missed(to=one, why=why) for one, why in tried.missed),
            fault=tried.fault,
        )
    )


async def _ways(context: Context) -> tuple[wire.Way, ...]:
    now_ms = context.clock.now_ms()
    waiting = await context.database.read(outbox.waiting)
    due = await context.database.read(partial(alerts.due_counts, now_ms=now_ms))
    return tuple(
        wire.Way(
            name=way.name,
            sevs=way.severities,
            to=way.to,
            quiet=way.quiet,
            quiet_critical=way.quiet_critical,
            quiet_until_ms=way.quiet_until_ms,
            waiting=waiting.get(way.name, 0),
            held=sum(due.get(severity, 0) for severity in way.held),
        )
        for way in telling.ways(context.identity.posting, now_ms=now_ms)
    )


async def _change(context: Context, who: Who, request: _Change, act: Callable[..., Any]) -> Done:
    said = {"who": who.name, "note": request.note, "now_ms": context.clock.now_ms()}
    ids = tuple(dict.fromkeys(request.ids))
    changed = await context.troubles.change_alerts(
        partial(alert_book.change, ids=ids, act=partial(act, **said))
    )
    context.hurry()
    refused = changed.refused
    return Done(
        wire.AlertsReply(
            rev=context.journal.revs.alerts,
            results=tuple(
                Outcome(id=each, code=refused[each].code, msg=str(refused[each]))
                if each in refused
                else Outcome(id=each, code="ok")
                for each in ids
            ),
        )
    )


def _wanted(asked: wire.AlertFilter) -> Wanted:
    if asked.from_ms is not None and asked.to_ms is not None and asked.from_ms >= asked.to_ms:
        raise BadRequest(
            f"to_ms = {asked.to_ms}: must be later than from_ms", detail={"path": "$.filter.to_ms"}
        )
    unknown = [state for state in asked.states if state not in _STATUSES]
    if unknown:
        raise BadRequest(
            f"states = {unknown[0]!r}: must be one of {', '.join(_STATUSES)}",
            detail={"path": "$.filter.states"},
        )
    return Wanted(
        task_name=asked.task_id,
        severities=asked.sevs,
        statuses=tuple(status for state in asked.states for status in _STATUSES[state]),
        from_ms=asked.from_ms,
        to_ms=asked.to_ms,
        text=asked.text,
    )


def _delivery(message: Message) -> wire.Delivery:
    return wire.Delivery(
        id=message.id,
        channel=message.channel,
        sev=message.severity,
        state=message.state,
        recipients=tuple(message.recipients),
        subject=message.subject,
        created_ms=message.created_ms,
        due_ms=message.due_ms,
        tries=message.attempts,
        sent_ms=message.sent_ms,
        answer=message.receipt,
        problem=message.last_error,
    )
