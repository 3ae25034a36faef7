"""Commands about alerts: what is wrong, who cares for it, and does the word get out?"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from agent import telling
from agent.cli import say, untold
from agent.cli.alert_rules import rules
from agent.cli.closing import who_asks
from agent.cli.groups import Group
from agent.cli.lengths import YEAR
from agent.cli.moments import now_ms
from agent.cli.mutes import mute
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.clock import SystemClock
from agent.errors import StorageError, WrongUse
from agent.running.secrets import load_secrets
from agent.store import alert_book, escalating, outbox, quieting
from agent.store import alerts as store
from agent.store.alert_rows import MILDER, Alert, worst_first

if TYPE_CHECKING:
    from agent.channels.mail import Receipt

LONGEST_NOTE: Final = 1_000
MOST_EFFECTS: Final = 20
_OF_MESSAGE: Final = ("id", "channel", "state", "recipients", "subject", "created_ms", "sent_ms")
_NEXT: Final = {"told": "told", "repeated": "told again", "over": "told that it is over"}

_note = click.option("--note", default="", help="What you want to say about it.")


@click.group(cls=Group)
def alerts() -> None:
    """See what is wrong, say that you care for it, and try whether mail arrives.

    \b
    Examples:
      smartcron-agent alerts list
      smartcron-agent alerts ack 3B2 --note "disk is on its way"
      smartcron-agent alerts test --channel mail
    """


@alerts.command("list")
@click.option("--all", "with_over", is_flag=True, help="Then those that are over, newest first.")
@click.option("--messages", is_flag=True, help="Instead: messages, and what became of each.")
@json_option
@pass_session
def list_(session: Session, with_over: bool, messages: bool, as_json: bool) -> None:
    """List what is wrong now, the worst first, and of what is equally bad the newest.

    \b
    Example:  smartcron-agent alerts list --json
    """
    if messages:
        _list_messages(session, as_json=as_json)
        return
    known: tuple[Alert, ...] = ()
    stages: dict[str, frozenset[int]] = {}
    failure: StorageError | None = None
    try:
        with session.database() as database:
            known = tuple(database.read_now(store.newest if with_over else store.open_alerts))
            stages = dict(database.read_now(escalating.stages_told))
    except StorageError as error:
        failure = error  # what was wrong before it failed is told all the same
    if not with_over:
        known = untold.alerts(session.home, known)
    found = _in_order(known)
    trouble = untold.trouble(session.home, now_ms=now_ms())
    ids = {alert.id for alert in found if alert.status != "resolved"}
    steps = {
        alert.id: _coming(
            session,
            alert,
            stages=stages.get(alert.id, frozenset()),
            is_part=alert.cause_id in ids,
        )
        for alert in found
    }
    if as_json:
        say.json_out(
            [
                msgspec.to_builtins(alert)
                | {
                    "escalated": sorted(stages.get(alert.id, ())),
                    "coming": msgspec.to_builtins(steps[alert.id]),
                }
                for alert in found
            ]
        )
        if failure is not None:
            raise failure
        return
    say.table(
        ["Alert", "Severity", "State", "What", "Since", "Last", "Seen", "Next"],
        [
            [
                alert.id[-6:],
                alert.severity,
                _state(alert),
                f"  by it: {alert.title}" if is_effect else alert.title,
                say.moment(alert.opened_ms),
                say.moment(alert.last_seen_ms),
                alert.occurrences,
                _in_words(steps[alert.id][0]) if steps[alert.id] else "-",
            ]
            for alert, is_effect in _under_their_causes(found)
        ],
        empty=f"no alert, but the database {trouble}"
        if trouble
        else ("nothing is wrong" if not with_over else "there was no alert yet"),
    )
    if found and trouble:
        say.warn(f"the database {trouble}")
    if failure is not None:
        raise failure


def _in_order(found: Sequence[Alert]) -> list[Alert]:
    """What is open the worst first, then what is over as it came, the newest first."""
    are_open = worst_first(alert for alert in found if alert.status != "resolved")
    return [*are_open, *(alert for alert in found if alert.status == "resolved")]


def _coming(
    session: Session, alert: Alert, *, stages: Collection[int], is_part: bool
) -> tuple[telling.Step, ...]:
    return telling.coming(
        telling.posting_of(session.settings),
        alert,
        stages=stages,
        is_part=is_part,
        now_ms=now_ms(),
    )


def _people(names: Sequence[str]) -> str:
    return ", ".join(names)


def _in_words(step: telling.Step) -> str:
    what = f"stage {step.stage}" if step.stage else _NEXT[step.what]
    return f"{say.moment(step.at_ms)} {what}: {_people(step.to)}"


def _state(alert: Alert) -> str:
    if alert.muted_until_ms is None or alert.status == "resolved":
        return alert.status
    return f"{alert.status}, muted"


def _under_their_causes(found: Sequence[Alert]) -> list[tuple[Alert, bool]]:
    """Each alert, True beside those that are listed under what they came of."""
    ids = {alert.id for alert in found}
    effects: dict[str, list[Alert]] = {}
    for alert in found:
        if alert.cause_id in ids:
            effects.setdefault(str(alert.cause_id), []).append(alert)
    shown: list[tuple[Alert, bool]] = []
    for alert in found:
        if alert.cause_id not in ids:
            shown.append((alert, False))
            shown += [(effect, True) for effect in effects.get(alert.id, ())]
    return shown


def _list_messages(session: Session, *, as_json: bool) -> None:
    with session.database() as database:
        found = database.read_now(outbox.newest)
    if as_json:
        say.json_out([msgspec.to_builtins(message) for message in found])
        return
    say.table(
        ["Made", "State", "Next try", "Tries", "By", "To", "Subject", "What the server said"],
        [
            [
                say.moment(message.created_ms),
                message.state,
                say.moment(message.due_ms) if message.state == "waiting" else "-",
                message.attempts,
                message.channel,
                ", ".join(message.recipients),
                message.subject,
                message.receipt or message.last_error or "",
            ]
            for message in found
        ],
        empty="no message was made yet",
    )


@alerts.command()
@click.argument("alert_id", metavar="ALERT")
@json_option
@pass_session
def show(session: Session, alert_id: str, as_json: bool) -> None:
    """Show all of ALERT (its id, or the end of it), and what people did about it.

    \b
    Example:  smartcron-agent alerts show 3B2
    """
    with session.database() as database:
        alert = database.read_now(partial(store.find, text=alert_id))
        notes = database.read_now(partial(store.notes, alert_id=alert.id))
        count, effects = database.read_now(
            partial(quieting.caused_by, alert_id=alert.id, limit=MOST_EFFECTS)
        )
        told = database.read_now(partial(alert_book.messages_about, alert=alert))
        is_part = database.read_now(partial(quieting.is_part, alert=alert))
    steps = _coming(
        session,
        alert,
        stages=escalating.stages_in(note.what for note in notes),
        is_part=is_part,
    )
    if as_json:
        found = msgspec.to_builtins(alert)
        found["notes"] = [msgspec.to_builtins(note) for note in notes]
        found["messages"] = [
            {field: getattr(message, field) for field in _OF_MESSAGE} for message in told
        ]
        found["coming"] = msgspec.to_builtins(steps)
        found["caused"] = {"count": count, "alerts": [effect.id for effect in effects]}
        say.json_out(found)
        return
    rows = [
        ("alert", alert.id),
        ("severity", alert.severity),
        ("state", alert.status),
        ("what", alert.title),
        ("why", alert.message),
        ("task", alert.task_name or ""),
        ("run", alert.run_id or ""),
        ("since", say.moment(alert.opened_ms)),
        ("last seen", f"{say.moment(alert.last_seen_ms)}, {alert.occurrences} x"),
        ("came back", f"{alert.flaps} x" if alert.flaps else ""),
        ("snoozed until", say.moment(alert.snoozed_until_ms) if alert.snoozed_until_ms else ""),
        ("muted until", say.moment(alert.muted_until_ms) if alert.muted_until_ms else ""),
        ("came of", alert.cause_id or ""),
        ("caused", f"{count} more" if count else ""),
        ("over since", say.moment(alert.resolved_ms) if alert.resolved_ms else ""),
        ("told", "open, not yet that it is worse" if alert.told == MILDER else alert.told or ""),
    ]
    for name, value in rows:
        if value:
            click.echo(f"{name + ':':<15} {say.harmless(value)}")
    for effect in effects:
        click.echo(f"{'':<15} {say.harmless(f'{effect.id[-6:]} {_state(effect)}: {effect.title}')}")
    for message in reversed(told):
        at_ms = message.sent_ms or message.created_ms
        text = f"{say.moment(at_ms)} {message.state}, {message.channel}"
        click.echo(f"{'message:':<15} {say.harmless(f'{text}: {_people(message.recipients)}')}")
    for step in steps:
        click.echo(f"{'next:':<15} {say.harmless(_in_words(step))}")
    for note in notes:
        said = f": {note.note}" if note.note else ""
        text = f"{say.moment(note.noted_ms)} {note.what} by {note.noted_by}{said}"
        click.echo(f"{'':<15} {say.harmless(text)}")


@alerts.command()
@click.argument("alert_id", metavar="ALERT")
@_note
@json_option
@pass_session
def ack(session: Session, alert_id: str, note: str, as_json: bool) -> None:
    """Say that you care for ALERT: nobody is told of it again until it is over or gets worse.

    \b
    Example:  smartcron-agent alerts ack 3B2 --note "calling the provider"
    """
    _change(session, store.acknowledge, alert_id, note=note, as_json=as_json)


@alerts.command()
@click.argument("alert_id", metavar="ALERT")
@click.option("--for", "length_s", type=YEAR, required=True, help="Such as 45m, 2h or 1d.")
@_note
@json_option
@pass_session
def snooze(session: Session, alert_id: str, length_s: int, note: str, as_json: bool) -> None:
    """Say nothing of ALERT for a while; it comes again if it is not over then.

    \b
    Example:  smartcron-agent alerts snooze 3B2 --for 2h
    """
    until = partial(store.snooze, until_ms=now_ms() + length_s * 1000)
    _change(session, until, alert_id, note=note, as_json=as_json)


@alerts.command()
@click.argument("alert_id", metavar="ALERT")
@_note
@json_option
@pass_session
def resolve(session: Session, alert_id: str, note: str, as_json: bool) -> None:
    """Say that ALERT is over; it comes again when its cause is found again.

    \b
    Example:  smartcron-agent alerts resolve 3B2 --note "new disk"
    """
    _change(session, store.resolve_one, alert_id, note=note, as_json=as_json)


@alerts.command()
@click.option("--channel", required=True, help="mail, or the name of one of [[channels]].")
@json_option
@pass_session
def test(session: Session, channel: str, as_json: bool) -> None:
    """Send a message now, from here, and say what the server answered.

    Ends with 1 if it fails, does not reach all, or a template of your own is broken.

    \b
    Examples:
      smartcron-agent alerts test --channel mail
      smartcron-agent alerts test --channel pager
    """
    settings, mail = session.settings, session.settings.mail
    chat = next((one for one in settings.channels if one.name == channel), None)
    if chat is None and channel != "mail":
        names = ", ".join(("mail", *(one.name for one in settings.channels)))
        raise WrongUse(f"--channel {channel[:40]!r}: there is none; those are {names}")
    if chat is None and not mail.is_on:
        raise WrongUse(
            f"--channel {channel}: {session.home.settings_file} has no [mail]; docs/alerts.md "
            "shows one"
        )
    # Only here: the rest of these commands needs no mail.
    from agent.addressing import Addressing
    from agent.channels.chat import check_channel
    from agent.handing import Hands
    from agent.lettering import Lettering
    from agent.words import Words

    addressing = Addressing(
        clock=SystemClock(),
        mail=mail,
        channels=settings.channels,
        timezone=settings.timezone,
        lettering=Lettering(
            agent=settings.agent_name,
            mask=str,
            words=Words(mail.language),
            templates=session.home.templates,
            timezone=settings.timezone,
        ),
    )
    known = load_secrets(session.home.secrets_file)
    hands = Hands(
        mail=mail,
        password=known.get(mail.password_secret),
        channels=settings.channels,
        secrets=known,
    )
    if chat is not None:
        check_channel(chat, known)
    message = asyncio.run(addressing.by_hand(channel, who_asks()))
    receipt = asyncio.run(hands.give(message))
    words = f"{mail.host} took it for {', '.join(mail.recipients)}: {receipt.answer}"
    if chat is not None:
        words = f"the service behind {chat.name} took it"
    _say_taken(receipt, words, addressing.fault, as_json)


def _say_taken(receipt: "Receipt", words: str, fault: str | None, as_json: bool) -> None:
    """What became of a message by hand; whatever an alert would miss ends with 1."""
    if as_json:
        say.json_out({**msgspec.to_builtins(receipt), "template_fault": fault or ""})
    elif receipt.cause:
        say.warn(f"not all get it: {receipt.cause}")
    else:
        say.good(words)
    if fault and not as_json:
        say.warn(f"it went in the usual words, a template of yours is broken: {fault}")
    if fault or receipt.cause:
        raise SystemExit(1)


def _change(
    session: Session, act: Callable[..., Alert], alert_id: str, *, note: str, as_json: bool
) -> None:
    if len(note) > LONGEST_NOTE or (note and not note.isprintable()):
        raise WrongUse(
            f"--note {note[:40]!r}: must be one line of at most {LONGEST_NOTE} characters"
        )
    said: dict[str, Any] = {"text": alert_id, "who": who_asks(), "note": note, "now_ms": now_ms()}
    with session.database() as database:
        alert: Alert = database.write_now(partial(act, **said))
    tell_agent(session)
    if as_json:
        say.json_out(msgspec.to_builtins(alert))
        return
    until = f" until {say.moment(alert.snoozed_until_ms)}" if alert.snoozed_until_ms else ""
    say.good(f"{alert.title}: {alert.status}{until}")


alerts.add_command(mute)
alerts.add_command(rules)
COMMANDS: Final = (alerts,)
