"""Commands about the versions of a task: what it was when and by whom, and back to one of them."""

import getpass
from functools import partial
from typing import Any, Final

import click
import msgspec

from agent.cli import say
from agent.cli.differences import Difference, as_diff, differences
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.cli.taskfiles import hindered, warn
from agent.definitions import Definition
from agent.errors import WrongUse
from agent.store import versions as store
from agent.store.task_rows import Version
from agent.taskcheck import check


@click.command()
@click.argument("task_name", metavar="TASK")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="At most so many changes.",
)
@json_option
@pass_session
def history(session: Session, task_name: str, limit: int, as_json: bool) -> None:
    """The versions of a task, newest first: when, by whom, why, and what changed.

    Also of a task that was removed.

    \b
    Example:  smartcron-agent tasks history nightly_report --limit 5
    """
    with session.database() as database:
        found = database.read_now(partial(store.steps, task_name=task_name, limit=limit))
        now = database.read_now(partial(store.current, task_name=task_name))
    if as_json:
        say.json_out([_as_json(step) for step in found.steps])
        return
    if now is None:
        say.warn(f"{task_name} was removed; `tasks revert` brings it back")
    for step in found.steps:
        version = step.version
        why = f"  {say.harmless(version.why)}" if version.why else ""
        click.echo(
            f"version {version.def_rev}  {say.moment(version.changed_ms)}  "
            f"{say.harmless(version.changed_by)}{why}"
        )
        for line in as_diff(_changes(step)):
            click.echo(f"    {say.harmless(line)}")
    if found.unread:
        say.warn(f"{found.unread} change{'' if found.unread == 1 else 's'} cannot be read")
    if found.has_older:
        click.echo("there are older ones; --limit shows more")


@click.command()
@click.argument("task_name", metavar="TASK")
@click.option("--to", "version", type=click.IntRange(1), required=True, help="Which version.")
@click.option("--why", "--reason", "why", default="", help="Kept with the new version.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def revert(
    session: Session,
    task_name: str,
    version: int,
    why: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Let a task be again what it was in an older version; `tasks history` shows them.

    That makes a new version, so this can be taken back in the same way. Whether it is enabled or
    paused stays as it is; a task that was removed comes back disabled.

    \b
    Example:  smartcron-agent tasks revert nightly_report --to 3 --why "too slow"
    """
    with session.database() as database:
        wanted = database.read_now(partial(store.wanted, task_name=task_name, def_rev=version))
        now = database.read_now(partial(store.current, task_name=task_name))
    is_enabled = now is not None and now.definition.enabled
    wanted = msgspec.structs.replace(wanted, enabled=is_enabled)
    check(wanted)  # what was good once need not be so now
    changes = differences(now.definition if now is not None else None, wanted)
    if now is not None and not changes:
        raise WrongUse(f"--to {version}: {task_name} is that already; nothing would change")
    if not as_json:
        for line in as_diff(changes):
            click.echo(f"    {say.harmless(line)}")
    if not (dry_run or yes or as_json):
        click.confirm(f"Let {task_name} be version {version} again?", abort=True)
    made = (
        None
        if dry_run
        else _go_back(session, wanted, None if now is None else now.def_rev, version, why)
    )
    warnings = hindered(session, [wanted])
    if as_json:
        say.json_out({"version": made, "changes": changes, "warnings": warnings})
        return
    if made is not None:
        off = "" if is_enabled else f", disabled; `tasks enable {task_name}` lets it run"
        say.good(f"{task_name} is version {version} again, as version {made}{off}")
    else:
        click.echo("nothing was changed")
    warn(warnings)


def _go_back(session: Session, wanted: Definition, seen: int | None, version: int, why: str) -> int:
    with session.database() as database:
        made = database.write_now(
            partial(
                store.go_back,
                definition=wanted,
                seen=seen,
                who=f"{getpass.getuser()} (command line)",
                why=f"back to version {version}" + (f": {why}" if why else ""),
                now_ms=now_ms(),
            )
        )
    tell_agent(session)
    return made


def _changes(step: store.Step) -> list[Difference]:
    before, version = step.before, step.version
    found = differences(None if before is None else before.definition, version.definition)
    was, now = _pause(before), _pause(version)
    if was != now:
        found.append(Difference(field="paused", old=was, new=now))
    return found


def _pause(version: Version | None) -> str | bool | None:
    """Whether it is paused and until when; None where that says nothing."""
    if version is None or not version.paused:
        return None
    if version.paused_until_ms is None:
        return True
    return f"until {say.moment(version.paused_until_ms)}"


def _as_json(step: store.Step) -> dict[str, Any]:
    version = step.version
    return {
        "version": version.def_rev,
        "changed_ms": version.changed_ms,
        "changed_by": version.changed_by,
        "why": version.why,
        "enabled": version.enabled,
        "paused": version.paused,
        "paused_until_ms": version.paused_until_ms,
        "changes": _changes(step),
        "definition": version.definition,
    }


COMMANDS: Final = (history, revert)
