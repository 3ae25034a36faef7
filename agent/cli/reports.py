"""Commands that sum up a day in words and drawings: for people, and for the monitoring tasks."""

import asyncio
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session
from agent.errors import WrongUse
from agent.postbox import Mail
from agent.reports.facts import Kind, Report
from agent.reports.gathering import gather, last_day, of_date
from agent.reports.page import Page, make
from agent.running.redaction import Redactor
from agent.running.secrets import load_secrets
from agent.store import outbox
from agent.store.outbox import Message
from agent.words import LANGUAGES, REASONS_DE, Language, Words

_FAR_YEARS: Final = range(1970, 10_000)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """What both reports may be asked."""
    for option in reversed(
        (
            click.option("--date", "day", help="A day such as 2026-11-25; else the last 24 hours."),
            click.option(
                "--html",
                "html_file",
                type=click.Path(path_type=Path, dir_okay=False),
                help="Write the page with its charts to this file.",
            ),
            click.option("--mail", "mails", is_flag=True, help="Mail it to those in [mail]."),
            click.option(
                "--mail-where-set",
                "mails_where_set",
                is_flag=True,
                help="The same, if there is one.",
            ),
            click.option(
                "--language",
                type=click.Choice(LANGUAGES),
                help="Else that of [mail], else English.",
            ),
            json_option,
            pass_session,
        )
    ):
        command = option(command)
    return command


@click.group("report")
def report() -> None:
    """Sum up a day: runs, failures, alerts, the host, and the proof that nothing was lost.

    \b
    Examples:
      smartcron-agent report daily
      smartcron-agent report daily --date 2026-11-25 --html yesterday.html --language de
      smartcron-agent report errors --mail
    """


@report.command()
@_options
def daily(session: Session, **asked: object) -> None:
    """Runs hour by hour, success rate, slowest tasks, failures, alerts, host, proof.

    \b
    Example:  smartcron-agent report daily --html today.html --mail
    """
    _tell(session, "daily", msgspec.convert(asked, _Asked))


@report.command()
@_options
def errors(session: Session, **asked: object) -> None:
    """Every run that went wrong with its reason, what was missed, and the alerts.

    \b
    Example:  smartcron-agent report errors --date 2026-11-25
    """
    _tell(session, "errors", msgspec.convert(asked, _Asked))


class _Asked(msgspec.Struct, frozen=True):
    """What a person chose."""

    day: str | None
    html_file: Path | None
    mails: bool
    mails_where_set: bool
    language: Language | None
    as_json: bool


def _tell(session: Session, kind: Kind, asked: _Asked) -> None:
    mail = session.settings.mail
    if asked.mails and not mail.is_on:
        raise WrongUse(
            f"--mail: {session.home.settings_file} has no [mail]; docs/alerts.md shows one"
        )
    made = _gather(session, kind, asked.day)
    words = Words(asked.language or mail.language)
    page = make(made, words, reasons=say.REASONS if words.language == "en" else REASONS_DE)
    if asked.html_file is not None:
        asked.html_file.write_text(page.html, encoding="utf-8")
    if asked.as_json:
        say.json_out(made)
    else:
        click.echo(say.harmless(page.plain), nl=False)
    if asked.mails or (asked.mails_where_set and mail.is_on):
        answer = _mail(session, mail, kind, page)
        if not asked.as_json:
            say.good(f"{mail.host} took it for {', '.join(mail.recipients)}: {answer}")


def _gather(session: Session, kind: Kind, day: str | None) -> Report:
    at_ms, zone = now_ms(), session.settings.timezone
    span = last_day(at_ms) if day is None else of_date(_read_date(day), zone, now_ms=at_ms)
    if span[0] > at_ms:
        raise WrongUse(f"--date {day}: has not begun in {zone}; choose today or an earlier day")
    redactor = Redactor(load_secrets(session.home.secrets_file).values())
    with session.database() as database:
        return gather(
            database,
            kind,
            span,
            agent=session.settings.agent_name,
            timezone=zone,
            now_ms=at_ms,
            mask=lambda text: redactor.mask(text.encode(), is_end=True).decode(errors="replace"),
        )


def _read_date(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.year not in _FAR_YEARS[1:-1]:
        raise WrongUse(f"--date {text[:40]!r}: is no day; write one such as 2026-11-25")
    return found


def _mail(session: Session, mail: Mail, kind: Kind, page: Page) -> str:
    """Hand it over, and keep what became of it beside the messages about alerts."""
    # Only here: a report on a terminal needs no mail.
    from agent.channels.letters import one_line
    from agent.channels.mail import as_message, hand_over

    at_ms = now_ms()
    message = Message(
        id=outbox.new_id(at_ms),
        channel="mail",
        severity="report",
        recipients=mail.recipients,
        subject=one_line(page.subject),
        thread=f"report-{kind}",
        plain=page.plain,
        html=page.html,
        created_ms=at_ms,
        due_ms=at_ms,
        attempts=1,
        state="sent",
    )
    password = load_secrets(session.home.secrets_file).get(mail.password_secret)
    letter = as_message(
        mail,
        message_id=message.id,
        thread=message.thread,
        subject=message.subject,
        plain=message.plain,
        html=message.html,
        at_ms=at_ms,
        recipients=message.recipients,
        # Some mail clients take drawings out of what they show; a browser shows them.
        attach=f"smart-cron-{kind}.html",
    )
    receipt = asyncio.run(hand_over(mail, password, letter, mail.recipients))
    sent = msgspec.structs.replace(
        message, sent_ms=now_ms(), receipt=receipt.answer, last_error=receipt.cause or None
    )
    with session.database() as database:
        database.write_now(partial(outbox.put, message=sent))
    if receipt.cause:
        say.warn(f"not all get it: {receipt.cause}")
    return receipt.answer


COMMANDS: Final = (report,)
