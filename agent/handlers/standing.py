"""Which own rules of alerts and which quiet times are there, and who makes, changes, tries one?"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from agent.alertrules import AlertRule, read_words
from agent.clock import Clock
from agent.errors import BadDefinition, WrongUse
from agent.handlers.context import Context
from agent.handlers.rights import may_read_output
from agent.handlers.trials import Trial
from agent.rehearsal import Rehearsal, Rehearsing
from agent.rulemaking import DAY_MS, check_patterns, doubting, has_patterns
from agent.rules.muting import Mute, covers, fault_of
from agent.store import alert_book, alert_rules, alerts, mutes
from agent.store.alert_book import Wanted
from agent.store.alert_rules import RuleRow
from agent.store.alerts import Alert
from agent.store.tasks import TaskRow
from agent.ulid import new_ulid
from agent.wire.operations import Done
from agent.wire.sessions import Who
from shared.protocol import alerting as wire
from shared.protocol.errors import BadRequest

WORK_MS: Final = 250
"""So long one answer of a test takes: then whoever waits is told how far it is."""
MOST_RECORDS: Final = 100
PAST_DAYS: Final = 7
MOST_ALERTS: Final = 1_000
_BESIDE: Final = {
    "name": "$.id",
    "severity": "$.rule.sev",
    "enabled": "$.rule.enabled",
    "title": "$.rule.title",
}
"""What a rule is called, and how it stands, is told by itself: where."""
_OF_OUTPUT: Final = frozenset({"output_has", "output_lacks"})


async def rules(context: Context, who: Who, _request: wire.AlertsRules) -> wire.AlertsRulesReply:
    """Own rules, and the windows that are not over."""
    now_ms = context.clock.now_ms()
    found = await context.database.read(alert_rules.load_all)
    quiet = await context.database.read(partial(mutes.not_over, now_ms=now_ms))
    with_words = may_read_output(context, who)
    return wire.AlertsRulesReply(
        rules=tuple(_own_rule(row, with_words=with_words) for row in found),
        quiet=tuple(_quiet_time(one) for one in quiet),
    )


async def try_rule(context: Context, who: Who, request: wire.RuleTry) -> wire.RuleTryReply:
    """Check a rule that is not saved, and lay it over what happened, a little at a time."""
    rule = _read(request.id, request.rule)
    if not request.days:
        return wire.RuleTryReply(doubts=await _doubts(context, rule, is_checked=False))
    clock, trials = context.clock, context.trials
    asked = (rule, request.days)
    if request.place is None:
        await _check_patterns(context, rule)
        now_ms = clock.now_ms()
        work = Rehearsing(
            rule,
            context.known(),
            from_ms=now_ms - request.days * DAY_MS,
            now_ms=now_ms,
        )
        trial = trials.begin(who, work, asked)
    else:
        trial = trials.take(who, request.place, asked)
    is_more = False
    try:
        is_more = await _goes_on(context, clock, trial)
    finally:
        if not is_more:
            trials.forget(trial)
    if is_more:
        trials.keep(trial)
        return wire.RuleTryReply(place=trial.place, share=trial.work.share)
    told = await asyncio.to_thread(trial.work.result)
    return _tried(told, await _doubts(context, rule))


async def _goes_on(context: Context, clock: Clock, trial: Trial) -> bool:
    """Read for a moment; whether there is more."""
    until_ms = clock.monotonic_ms() + WORK_MS
    while await context.database.read(trial.work.step()):
        if clock.monotonic_ms() >= until_ms:
            return True
    return False


async def set_rule(context: Context, who: Who, request: wire.RuleSet) -> Done:
    """Let there be this rule, unless somebody was quicker."""
    rule = _read(request.id, request.rule)
    await _check_patterns(context, rule)
    make = partial(
        alert_rules.make,
        rule=rule,
        who=who.name,
        now_ms=context.clock.now_ms(),
        base_rev=request.base_rev,
    )
    row = await context.database.write(make)
    await _renew(context)
    doubts = await _doubts(context, rule)
    return Done(
        wire.RuleReply(
            rev=context.journal.revs.state, rule=_own_rule(row, with_words=True), doubts=doubts
        )
    )


async def remove_rule(context: Context, who: Who, request: wire.RuleRemove) -> Done:
    """Forget this rule, unless somebody changed it meanwhile."""
    remove = partial(
        alert_rules.remove,
        name=request.id,
        who=who.name,
        now_ms=context.clock.now_ms(),
        base_rev=request.base_rev,
    )
    await context.database.write(remove)
    await _renew(context)
    return Done(wire.RuleReply(rev=context.journal.revs.state))


async def try_quiet(context: Context, who: Who, request: wire.QuietTry) -> wire.QuietTryReply:
    """What a window that is not saved would mute now."""
    window = _window(context, who, request, "")
    from_ms = context.clock.now_ms() - PAST_DAYS * DAY_MS
    past = partial(alert_book.page, wanted=Wanted(from_ms=from_ms), before=None, limit=MOST_ALERTS)
    known = tuple(context.known())
    # Each name is held against the window: of thousands that would keep the loop.
    return await context.database.read(
        lambda connection: _muted_by(
            window,
            known,
            opened=alerts.open_alerts(connection),
            found=past(connection),
            from_ms=from_ms,
        )
    )


def _muted_by(
    window: Mute,
    known: Sequence[TaskRow],
    *,
    opened: Sequence[Alert],
    found: Sequence[Alert],
    from_ms: int,
) -> wire.QuietTryReply:
    """What the window is about, and what of that which is open, or was found since then."""
    categories = {task.task_name: task.definition.category for task in known}

    def is_meant(alert: Alert) -> bool:
        return covers(window, alert.task_name, categories.get(alert.task_name or ""))

    meant = [alert for alert in found if is_meant(alert)]
    return wire.QuietTryReply(
        tasks=sum(covers(window, name, category) for name, category in categories.items()),
        of=len(known),
        alerts=sum(map(is_meant, opened)),
        from_ms=from_ms,
        fired=len(meant),
        is_cut=len(found) == MOST_ALERTS,
        records=tuple(
            wire.Fired(
                at_ms=alert.opened_ms,
                task_id=alert.task_name or "",
                msg=alert.title,
                run_id=alert.run_id,
                opens=alert.status != "resolved",
            )
            for alert in meant[:MOST_RECORDS]
        ),
    )


async def set_quiet(context: Context, who: Who, request: wire.QuietSet) -> Done:
    """Let there be this window, unless somebody was quicker."""
    window = _window(context, who, request, request.id or new_ulid(context.clock.now_ms()))
    if request.id is None:
        await context.database.write(partial(mutes.add, mute=window))
    else:
        change = partial(mutes.change, mute=window, base_ms=request.base_rev)
        window = await context.database.write(change)
    await _renew(context)
    return Done(wire.QuietReply(rev=context.journal.revs.state, quiet=_quiet_time(window)))


async def remove_quiet(context: Context, _who: Who, request: wire.QuietRemove) -> Done:
    """Take this window away, unless somebody changed it meanwhile."""
    take_away = partial(mutes.take_away, mute_id=request.id, base_ms=request.base_rev)
    await context.database.write(take_away)
    await _renew(context)
    return Done(wire.QuietReply(rev=context.journal.revs.state))


def _read(name: str, draft: wire.RuleDraft) -> AlertRule:
    """The rule that these words make, by the rules of the command line; raises BadRequest."""
    words = [f"{field}={text}" for field, text in draft.given]
    words.append(f"severity={draft.sev}")
    if draft.title:
        words.append(f"title={draft.title}")
    try:
        rule = read_words(name, words)
    except BadDefinition as error:
        path = _BESIDE.get(error.field, f"$.rule.given.{error.field}")
        raise BadRequest(str(error), detail={"path": path}) from None
    except WrongUse as error:
        raise BadRequest(str(error), detail={"path": "$.rule.given"}) from None
    return msgspec.structs.replace(rule, enabled=draft.enabled)


async def _check_patterns(context: Context, rule: AlertRule) -> None:
    if not has_patterns(rule):
        return
    try:
        # Each may keep a processor busy, and a thread of those that keep what runs have written.
        async with context.trials.one_pattern:
            await asyncio.to_thread(check_patterns, rule)
    except BadDefinition as error:
        path = f"$.rule.given.{error.field}"
        raise BadRequest(str(error), detail={"path": path}) from None


async def _doubts(context: Context, rule: AlertRule, *, is_checked: bool = True) -> tuple[str, ...]:
    known = tuple(context.known())
    found = await context.database.read(doubting((rule,), known=known, are_checked=is_checked))
    return found[rule.name]


def _window(
    context: Context, who: Who, request: wire.QuietTry | wire.QuietSet, mute_id: str
) -> Mute:
    now_ms = context.clock.now_ms()
    made = Mute(
        id=mute_id,
        task=request.task_id,
        category=request.category,
        from_ms=request.from_ms,
        to_ms=request.to_ms,
        reason=request.reason,
        made_ms=now_ms,
        made_by=who.name,
    )
    fault = fault_of(made, now_ms=now_ms)
    if fault is not None:
        path = "$.task_id" if fault.field == "task" else f"$.{fault.field}"
        raise BadRequest(f"{fault.field}: {fault.fix}", detail={"path": path})
    return made


async def _renew(context: Context) -> None:
    """Who judges, who tells and who looks know it at once."""
    await context.renew_alerts()
    context.hurry()


def _own_rule(row: RuleRow, *, with_words: bool) -> wire.OwnRule:
    # What a rule looks for in output tells of it.
    hidden = _BESIDE.keys() if with_words else _BESIDE.keys() | _OF_OUTPUT
    said: Mapping[str, Any] = msgspec.to_builtins(row.rule)
    return wire.OwnRule(
        name=row.rule.name,
        sev=row.rule.severity,
        enabled=row.rule.enabled,
        given=tuple((field, _plain(value)) for field, value in said.items() if field not in hidden),
        at_ms=row.updated_ms,
        by=row.updated_by,
        title=row.rule.title,
        rev=row.rev,
    )


def _quiet_time(one: Mute) -> wire.QuietTime:
    return wire.QuietTime(
        id=one.id,
        from_ms=one.from_ms,
        to_ms=one.to_ms,
        task_id=one.task,
        category=one.category,
        reason=one.reason,
        by=one.made_by,
        rev=one.made_ms,
    )


def _tried(told: Rehearsal, doubts: tuple[str, ...]) -> wire.RuleTryReply:
    return wire.RuleTryReply(
        doubts=doubts,
        from_ms=told.from_ms,
        looked_at=told.looked_at,
        fired=told.fired,
        alerts=told.alerts,
        is_cut=told.is_cut,
        records=tuple(
            wire.Fired(
                at_ms=one.at_ms,
                task_id=one.task_name,
                msg=one.message,
                run_id=one.run_id,
                opens=one.opens,
            )
            for one in told.records[:MOST_RECORDS]
        ),
    )


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
