"""Commands that sum up a day in words and drawings: for people, and for the monitoring tasks."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec

from agent.cli import say
from agent.cli.groups import Group
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.clock import moment
from agent.cron.zones import load_zone
from agent.errors import AgentError, BadDefinition, WrongUse
from agent.reports.facts import Daily, Errors
from agent.reports.words import REASONS_DE, Words
from agent.rules import delivery
from agent.rules.downsampling import Keeping
from agent.running.redaction import Redactor
from agent.running.secrets import load_secrets
from agent.store import outbox
from agent.store.database import Database
from agent.store.outbox import Message
from agent.words import LANGUAGES, Language

if TYPE_CHECKING:
    from agent.reports.gathering import Source
    from agent.reports.page import Page

DAY_MS: Final = 86_400_000
MOST_DAYS: Final = 366
_YEARS: Final = range(1971, 9_999)
"""Years whose every day has a midnight in every zone, and a week before."""

T = TypeVar("T", bound=Callable[..., None])


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """In which forms a report is wanted."""

    html_file: Path | None
    with_mail: bool
    mail_where_set: bool
    language: Language
    as_json: bool


def _forms(command: T) -> T:
    for option in reversed(
        (
            click.option(
                "--html",
                "html_file",
                type=click.Path(path_type=Path, dir_okay=False),
                help="Write it with its charts to this file, for a browser or a printer.",
            ),
            click.option("--mail", "with_mail", is_flag=True, help="Mail it to those in [mail]."),
            click.option(
                "--mail-where-set",
                is_flag=True,
                help="The same, and nothing where there is no [mail].",
            ),
            click.option(
                "--language",
                type=click.Choice(LANGUAGES),
                help="English or German; else that of [mail].",
            ),
            json_option,
            pass_session,
        )
    ):
        command = option(command)
    return command


@click.group("report", cls=Group)
def report() -> None:
    """Sum up a day, or what went wrong: on the terminal, as a page with charts, by mail.

    \b
    Examples:
      smartcron-agent report daily
      smartcron-agent report daily --date 2026-11-25 --html day.html --language de
      smartcron-agent report errors --mail
    """


@report.command()
@click.option("--date", "text", help="A day such as 2026-11-25, or `today`; else yesterday.")
@_forms
def daily(session: Session, text: str | None, **asked: object) -> None:
    """Runs hour by hour, success rate, what failed or was missed, alerts, the server, the proof.

    \b
    Example:  smartcron-agent report daily --date today --html today.html
    """
    forms = _read_forms(session, asked)
    # Only here: what makes a page is of no use to the other commands of this room.
    from agent.reports import gathering, page

    at_ms, zone = now_ms(), _zone(session)
    day = _read_date(text, moment(at_ms).astimezone(zone).date())
    with session.database() as database:
        data = gathering.daily(_source(session, database, at_ms), day)
    made = page.daily(data, _words(forms.language, zone))
    _tell(session, forms, made, data, thread="report-daily")


@report.command()
@click.option("--from", "start", help="-1h, today, ISO 8601; else a day before the end.")
@click.option("--to", "end", help="-1h, today, ISO 8601; else now.")
@_forms
def errors(session: Session, start: str | None, end: str | None, **asked: object) -> None:
    """Which tasks failed, every failure with its reason and last line, and what was missed.

    \b
    Example:  smartcron-agent report errors --from 2026-11-24T00:00 --mail
    """
    forms = _read_forms(session, asked)
    from agent.reports import gathering, page

    at_ms, zone = now_ms(), _zone(session)
    to_ms = read_moment("--to", end) if end else at_ms
    from_ms = read_moment("--from", start) if start else to_ms - DAY_MS
    if from_ms >= to_ms:
        raise WrongUse(f"--from {start}: must be earlier than --to")
    if to_ms - from_ms > MOST_DAYS * DAY_MS:
        raise WrongUse(f"--from {start}: is more than {MOST_DAYS} days before --to; choose less")
    with session.database() as database:
        source = _source(session, database, at_ms)
        data = gathering.errors(source, from_ms=from_ms, to_ms=to_ms)
    made = page.errors(data, _words(forms.language, zone))
    _tell(session, forms, made, data, thread="report-errors")


def _read_forms(session: Session, asked: dict[str, object]) -> _Asked:
    language = asked["language"] or session.settings.mail.language
    forms = msgspec.convert(asked | {"language": language}, _Asked)
    if forms.with_mail and not session.settings.mail.is_on:
        raise WrongUse(
            f"--mail: {session.home.settings_file} has no [mail]; docs/alerts.md shows one"
        )
    return forms


def _zone(session: Session) -> ZoneInfo:
    try:
        return load_zone(session.settings.timezone)
    except BadDefinition as error:
        raise WrongUse(f"{session.home.settings_file}: {error}") from error


def _read_date(text: str | None, today: date) -> date:
    if text is None:
        return today - timedelta(days=1)
    if text == "today":
        return today
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if found.year not in _YEARS:
        raise WrongUse(f"--date {text[:40]!r}: is no day; write one such as {today}, or today")
    if found > today:
        raise WrongUse(f"--date {text[:40]}: is still to come; today is {today}")
    return found


def _words(language: Language, zone: ZoneInfo) -> Words:
    return Words(language, zone, say.REASONS if language == "en" else REASONS_DE)


def _source(session: Session, database: Database, at_ms: int) -> "Source":
    from agent.reports.gathering import Source

    chosen = session.settings
    redactor = Redactor(load_secrets(session.home.secrets_file).values())
    return Source(
        database=database,
        agent=chosen.agent_name,
        timezone=chosen.timezone,
        now_ms=at_ms,
        rows_days=chosen.retention.shortest_run_days,
        keeping=Keeping(
            raw_days=chosen.metric_raw_days,
            minute_days=chosen.metric_minute_days,
            hour_days=chosen.metric_hour_days,
        ),
        mask=redactor.mask_text,
    )


def _tell(
    session: Session, forms: _Asked, made: "Page", data: Daily | Errors, *, thread: str
) -> None:
    """In each of the forms that were asked for."""
    if forms.html_file is not None:
        forms.html_file.write_text(made.html, encoding="utf-8")
    mails = forms.with_mail or (forms.mail_where_set and session.settings.mail.is_on)
    if mails:
        _mail(session, made, thread=thread)
    if forms.as_json:
        say.json_out(data)
        return
    click.echo(say.harmless(made.plain), nl=False)
    if forms.html_file is not None:
        say.good(f"{forms.html_file} holds it with its charts")
    if mails:
        how = "" if session.is_served else "; the next agent that serves sends it"
        say.good(f"waits in the outbox for {', '.join(session.settings.mail.recipients)}{how}")


def _mail(session: Session, made: "Page", *, thread: str) -> None:
    """Put it into the outbox: a server that is down keeps no report from arriving later."""
    at_ms = now_ms()
    message = Message(
        id=outbox.new_id(at_ms),
        channel="mail",
        severity=delivery.REPORT,
        recipients=session.settings.mail.recipients,
        subject=made.subject,
        thread=thread,
        plain=made.plain,
        html=made.html,
        created_ms=at_ms,
        due_ms=at_ms,
    )
    with session.database() as database:
        database.write_now(partial(outbox.put, message=message))
    try:
        tell_agent(session)
    except AgentError as error:
        click.echo(f"smartcron-agent: the mail goes out later: {error}", err=True)


COMMANDS: Final = (report,)
