"""Commands that take tasks from a file: check it, apply it."""

import getpass
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from agent.cli import say, standing
from agent.cli.differences import as_diff, differences
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.definitions import Definition
from agent.due import next_due
from agent.errors import BadDefinition, HomeError, StorageError, WrongUse
from agent.running.presence import absent
from agent.running.secrets import load_secrets
from agent.running.spawn import order_on_this_host
from agent.store import calendars
from agent.store import tasks as store
from agent.store.database import Database
from agent.taskfile import Refused, TaskFile, read_task_file

_FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command("check")
@click.argument("file", type=_FILE)
@json_option
@pass_session
def check_file(session: Session, file: Path, as_json: bool) -> None:
    """Say all that is wrong with a file of tasks, with its lines, changing nothing.

    Ends with 2 where it cannot be applied. What is only not on this host is told, and no fault:
    a program, a folder, a user.

    \b
    Example:  smartcron-agent tasks check backup.toml
    """
    try:
        found = read_task_file(_text(file), str(file))
        _compare(session, found, as_json)
    except Refused as refused:
        if not as_json:
            raise
        say.json_out({"ok": False, "tasks": [], "warnings": {}, "faults": refused.faults})
        raise click.exceptions.Exit(refused.exit_status) from refused
    warnings = hindered(session, found.definitions)
    if as_json:
        names = [one.task_name for one in found.definitions]
        say.json_out({"ok": True, "tasks": names, "warnings": warnings, "faults": []})
        return
    at_ms = now_ms()
    for one in found.definitions:
        due_ms = next_due(one, at_ms) if one.enabled else None
        following = f", next {say.moment(due_ms)}" if due_ms is not None else ""
        off = "" if one.enabled else ", disabled"
        say.good(f"{one.task_name}: {standing.when(one, at_ms)}{following}{off}")
    warn(warnings)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--why", "--reason", "why", default="", help="Kept with the version.")
@click.option("--dry-run", is_flag=True, help="Only say what would be added and changed.")
@json_option
@pass_session
def apply(session: Session, file: Path, why: str, dry_run: bool, as_json: bool) -> None:
    """Make the definitions of a file the ones in force; tasks it does not name stay.

    A file with a fault is refused as a whole, with all of its faults and their lines.

    \b
    Examples:
      smartcron-agent tasks apply backup.toml --dry-run
      smartcron-agent tasks apply backup.toml --why "nightly, not weekly"
    """
    found = read_task_file(_text(file), str(file))
    if dry_run:
        _show_changes(session, found, as_json)
        return
    if found.faults:
        _compare(session, found, as_json)
    with session.database(migrate=True) as database:
        found.refuse(_among_others(database, found.definitions))
        done = database.write_now(
            partial(
                store.apply,
                definitions=found.definitions,
                who=f"{getpass.getuser()} (command line)",
                why=why or f"file {file.name}",
                now_ms=now_ms(),
            )
        )
    tell_agent(session)
    warnings = hindered(session, found.definitions)
    if as_json:
        say.json_out(msgspec.to_builtins(done) | {"warnings": warnings})
        return
    for word, names in (("added", done.added), ("changed", done.changed)):
        for name in names:
            say.good(f"{word} {name}")
    warn(warnings)
    _count(len(done.added), len(done.changed), len(done.unchanged))


def _show_changes(session: Session, found: TaskFile, as_json: bool) -> None:
    with session.database() as database:
        found.refuse(_among_others(database, found.definitions))
        known = {row.task_name: row.definition for row in database.read_now(store.load_all)}
    changes = {
        one.task_name: differences(known.get(one.task_name), one) for one in found.definitions
    }
    added = [name for name in changes if name not in known]
    changed = [name for name, fields in changes.items() if name in known and fields]
    unchanged = [name for name, fields in changes.items() if name in known and not fields]
    warnings = hindered(session, found.definitions)
    if as_json:
        told: dict[str, Any] = {"added": added, "changed": changed, "unchanged": unchanged}
        say.json_out(told | {"changes": changes, "warnings": warnings})
        return
    for word, names in (("would add", added), ("would change", changed)):
        for name in names:
            click.echo(f"{word} {name}")
            for line in as_diff(changes[name]):
                click.echo(f"    {say.harmless(line)}")
    warn(warnings)
    _count(len(added), len(changed), len(unchanged))
    click.echo("nothing was changed")


def _count(added: int, changed: int, unchanged: int) -> None:
    click.echo(f"{added} added, {changed} changed, {unchanged} unchanged")


def _compare(session: Session, found: TaskFile, as_json: bool) -> None:
    """Refuse what does not fit the tasks there are; where none can be asked, say so."""
    try:
        with session.database() as database:
            faults = _among_others(database, found.definitions)
    except HomeError:
        faults = []  # a file can be checked where there is no home
    except StorageError as error:
        faults = []
        if not as_json:
            say.warn(f"not compared with the tasks there are: {error}")
    found.refuse(faults)


def _among_others(database: Database, definitions: Sequence[Definition]) -> list[BadDefinition]:
    return database.read_now(
        lambda connection: [
            *store.chain_faults(connection, definitions),
            *calendars.name_faults(connection, definitions),
        ]
    )


def hindered(session: Session, definitions: Sequence[Definition]) -> dict[str, str]:
    """By task: why no run of it could do its work on this host now; nothing without a home."""
    try:
        settings = session.settings
        secrets = load_secrets(session.home.secrets_file)
    except HomeError:
        return {}
    found: dict[str, str] = {}
    for each in definitions:
        if each.kind == "watch":
            continue
        try:
            order = order_on_this_host(each, settings, session.home, secrets, os.environ)
        except BadDefinition as refusal:
            found[each.task_name] = str(refusal)
            continue
        # As another user, what lies where may look different.
        if missing := absent(order):
            found[each.task_name] = "; ".join(missing)
    return found


def warn(hindered: Mapping[str, str]) -> None:
    """Say of each of these tasks what is in its way."""
    for name, reason in hindered.items():
        say.warn(f"{name} cannot start on this host now: {reason}")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{file} cannot be read as UTF-8 text: {error}") from error


COMMANDS: Final = (check_file, apply)
