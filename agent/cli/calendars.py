"""Commands about calendars: look at them, bring them in, forget them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, get_args
from zoneinfo import ZoneInfo

import click
import msgspec

from agent.cli import say
from agent.cli.closing import close, open_, who_asks
from agent.cli.groups import Group
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.cron.zones import load_zone
from agent.errors import WrongUse
from agent.rules.calendar import closed_at, closures, doubts
from agent.store import calendars as store
from agent.windows import Calendar, Closed, Kind, check_new_name, load_calendars

SHOWN_AHEAD_MS: Final = 30 * 86_400_000
MOST_SHOWN: Final = 1000


@click.group("calendars", cls=Group)
def calendars() -> None:
    """Say when tasks must not start, or alone may start.

    \b
    Examples:
      smartcron-agent calendars list
      smartcron-agent calendars close --for 2h --why "new database server"
    """


@calendars.command("list")
@json_option
@pass_session
def list_calendars(session: Session, as_json: bool) -> None:
    """All calendars: what they close, whether they do so now, which tasks obey them.

    \b
    Example:  smartcron-agent calendars list
    """
    asked_ms = now_ms()
    with session.database() as database:
        rows = database.read_now(store.load_rows)
        users = database.read_now(store.users)
    states = {row.calendar.name: _state(row.calendar, asked_ms) for row in rows}
    if as_json:
        say.json_out(
            [
                {
                    "name": row.calendar.name,
                    "kind": row.calendar.kind,
                    "timezone": row.calendar.timezone,
                    "description": row.calendar.description,
                    "windows": _count(row.calendar),
                    "closed": _as_json(states[row.calendar.name], row.calendar.timezone),
                    "tasks": users.get(row.calendar.name, ()),
                }
                for row in rows
            ]
        )
        return
    say.table(
        ("Calendar", "Kind", "Now", "Windows", "Tasks", "Zone", "Message"),
        [
            (
                row.calendar.name,
                row.calendar.kind,
                _now_cell(states[row.calendar.name], row.calendar.timezone),
                _windows_cell(row.calendar),
                _tasks_cell(row.calendar, users),
                row.calendar.timezone,
                row.calendar.description,
            )
            for row in rows
        ],
        empty="No calendars yet. Write one and `smartcron-agent calendars apply` it.",
    )


@calendars.command()
@click.argument("name")
@click.option("--from", "start", help="-1h, today, ISO 8601; else now.")
@click.option("--to", "end", help="-1h, today, ISO 8601; else 30 days after --from.")
@json_option
@pass_session
def show(session: Session, name: str, start: str | None, end: str | None, as_json: bool) -> None:
    """One calendar: its windows, its tasks, and when it closes.

    \b
    Example:
      smartcron-agent calendars show holidays --from 2026-12-01 --to 2027-01-31
    """
    from_ms = read_moment("--from", start) if start else now_ms()
    until_ms = read_moment("--to", end) if end else from_ms + SHOWN_AHEAD_MS
    if until_ms <= from_ms:
        raise WrongUse(f"--to {end}: must be later than --from")
    with session.database() as database:
        row = database.read_now(partial(store.get, name=name))
        users = database.read_now(store.users).get(name, ())
    calendar = row.calendar
    found: list[Closed] = []
    for closed in closures({name: calendar}, [name], from_ms, until_ms):
        if len(found) == MOST_SHOWN:
            raise WrongUse(
                f"--to: {name} closes more than {MOST_SHOWN} times in this span; ask for less"
            )
        found.append(closed)
    if as_json:
        plain = msgspec.to_builtins(calendar)
        plain["updated_ms"], plain["updated_by"] = row.updated_ms, row.updated_by
        plain["tasks"] = users
        plain["closures"] = [_as_json(closed, calendar.timezone) for closed in found]
        say.json_out(plain)
        return
    click.echo(f"{name}: {calendar.kind}, {calendar.timezone}")
    for field in ("description", "source"):
        if getattr(calendar, field):
            click.echo(f"{field}: {getattr(calendar, field)}")
    for text in (*calendar.weekly, *calendar.dates):
        click.echo(f"  {text}")
    if calendar.spans:
        click.echo(f"  {len(calendar.spans)} times as instants")
    if calendar.kind == "maintenance":
        click.echo("obeyed by every task")
    else:
        click.echo(f"obeyed by {', '.join(users) or 'no task'}")
    click.echo(f"put there by {row.updated_by}, {say.moment(row.updated_ms)}")
    say.table(
        ("Closed from", "Until"),
        [
            (_in_zone(closed.from_ms, calendar.timezone), _end(closed, calendar.timezone))
            for closed in found
        ],
        empty="Closes nothing in this time.",
    )


@calendars.command("check")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
@pass_session
def check_file(session: Session, file: Path, as_json: bool) -> None:
    """Say whether a file of calendars can be applied, changing nothing.

    \b
    Example:  smartcron-agent calendars check calendars.toml
    """
    found = _load(session, file)
    if as_json:
        say.json_out(
            {"ok": True, "calendars": [one.name for one in found], "doubts": _doubts(found)}
        )
        return
    asked_ms = now_ms()
    for calendar in found:
        say.good(f"{calendar.name}: {_now_cell(_state(calendar, asked_ms), calendar.timezone)} now")
    _say_doubts(found)


@calendars.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
@pass_session
def apply(session: Session, file: Path, as_json: bool) -> None:
    """Make the calendars of a file the ones in force; those it does not name stay.

    \b
    Example:  smartcron-agent calendars apply calendars.toml
    """
    _put(session, _load(session, file), as_json)


@calendars.command("import-ical")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--name", required=True, help="Name of the calendar that the events become.")
@click.option(
    "--kind",
    type=click.Choice(get_args(Kind)),
    default="blackout",
    show_default=True,
    help="What its times are: blackout, the only ones (allow), or a blackout for all tasks.",
)
@click.option("--tz", "zone", help="Zone of whole days; else the agent's timezone setting.")
@click.option("--description", default="", help="One line for people.")
@json_option
@pass_session
def import_ical(
    session: Session,
    file: Path,
    name: str,
    kind: Kind,
    zone: str | None,
    description: str,
    as_json: bool,
) -> None:
    """Make the events of an iCalendar file the windows of a calendar, for ten years.

    \b
    Example:  smartcron-agent calendars import-ical holidays.ics --name holidays
    """
    # What reads iCalendar takes a quarter of a second to load, and only this command needs it.
    from agent.holidays import read_holidays

    check_new_name(name)
    zone = zone or session.settings.timezone
    load_zone(zone)
    asked_ms = now_ms()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}; name another file") from error
    found = read_holidays(content, str(file), zone=zone, now_ms=asked_ms)
    until = _in_zone(found.until_ms, zone)[:10]
    if not found.spans:
        raise WrongUse(
            f"{file}: none of its {found.events} events takes time between a year ago and {until}; "
            "export the years to come"
        )
    notes = []
    if found.endless:
        notes.append(
            f"rules without an end: {found.endless}, worked out until {until}; "
            "import the file again before then"
        )
    if found.pointless:
        notes.append(f"events that take no time: {found.pointless}, left out")
    calendar = Calendar(
        name=name,
        kind=kind,
        timezone=zone,
        spans=found.spans,
        description=description,
        source=f"{_printable(file.name)}, imported {_in_zone(asked_ms, zone)[:10]}",
    )
    _put(session, [calendar], as_json, notes=notes)


@calendars.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str, as_json: bool) -> None:
    """Forget a calendar; refused while a task names it.

    \b
    Example:  smartcron-agent calendars remove holidays
    """
    with session.database() as database:
        database.write_now(partial(store.remove, name=name))
    tell_agent(session)
    if as_json:
        say.json_out({"removed": name})
        return
    say.good(f"removed {name}")


def _put(
    session: Session, found: Sequence[Calendar], as_json: bool, *, notes: Sequence[str] = ()
) -> None:
    words: dict[str, list[str]] = {"added": [], "changed": [], "unchanged": []}
    with session.database(migrate=True) as database:
        known = database.read_now(store.load_all)
        changed = database.write_now(
            lambda connection: {
                one.name: store.put(connection, one, who=who_asks(), now_ms=now_ms())
                for one in found
            }
        )
    tell_agent(session)
    for name, is_changed in changed.items():
        word = ("changed" if name in known else "added") if is_changed else "unchanged"
        words[word].append(name)
    if as_json:
        say.json_out({**words, "notes": notes, "doubts": _doubts(found)})
        return
    for calendar in found:
        (word,) = [word for word, names in words.items() if calendar.name in names]
        say.good(f"{word} {calendar.name}: {_windows_cell(calendar)}, {calendar.timezone}")
    for note in notes:
        click.echo(f"  {note}")
    _say_doubts(found)


def _load(session: Session, file: Path) -> list[Calendar]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{file} cannot be read as UTF-8 text: {error}") from error
    return load_calendars(text, str(file), zone=session.settings.timezone)


def _state(calendar: Calendar, at_ms: int) -> Closed | None:
    return closed_at({calendar.name: calendar}, [calendar.name], at_ms)


def _doubts(found: Sequence[Calendar]) -> dict[str, tuple[str, ...]]:
    asked_ms = now_ms()
    told = {calendar.name: doubts(calendar, asked_ms) for calendar in found}
    return {name: sentences for name, sentences in told.items() if sentences}


def _say_doubts(found: Sequence[Calendar]) -> None:
    for name, sentences in _doubts(found).items():
        for sentence in sentences:
            say.bad(f"{name} {sentence}")


def _count(calendar: Calendar) -> int:
    return len(calendar.weekly) + len(calendar.dates) + len(calendar.spans)


def _windows_cell(calendar: Calendar) -> str:
    texts = (*calendar.weekly, *calendar.dates)
    if not texts:
        return f"{len(calendar.spans)} times"
    more = _count(calendar) - 1
    return f"{texts[0]} and {more} more" if more else texts[0]


def _tasks_cell(calendar: Calendar, users: Mapping[str, Sequence[str]]) -> str:
    return "all" if calendar.kind == "maintenance" else str(len(users.get(calendar.name, ())))


def _now_cell(closed: Closed | None, zone: str) -> str:
    if closed is None:
        return "open"
    return "closed" if closed.until_ms is None else f"closed until {_end(closed, zone)}"


def _end(closed: Closed, zone: str) -> str:
    return "no end within a year" if closed.until_ms is None else _in_zone(closed.until_ms, zone)


def _as_json(closed: Closed | None, zone: str) -> dict[str, object] | None:
    if closed is None:
        return None
    return {
        "from": _in_zone(closed.from_ms, zone),
        "from_ms": closed.from_ms,
        "until": None if closed.until_ms is None else _in_zone(closed.until_ms, zone),
        "until_ms": closed.until_ms,
    }


def _in_zone(at_ms: int, zone: str) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).isoformat(timespec="seconds")


def _printable(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())[:200]


calendars.add_command(close)
calendars.add_command(open_)
COMMANDS: Final = (calendars,)
