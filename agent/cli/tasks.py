"""Commands about tasks: register, check, apply, export, look at them, run and hold them."""

import getpass
import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec
from rich.text import Text

from agent.cli import say
from agent.cli.groups import Group
from agent.cli.lengths import Length
from agent.cli.moments import read_moment
from agent.cli.orders import backfill, remove, skip
from agent.cli.pausing import show_preview
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.definitions import Definition, check, load_definitions, to_toml
from agent.due import fault_of, next_due, when_in_words
from agent.errors import HomeError, WrongUse
from agent.running.secrets import load_secrets
from agent.running.spawn import hindrance
from agent.store import holds, statistics, streaks
from agent.store import tasks as store
from agent.wire.caller import new_op
from schema import catalogue
from shared.protocol import requests

_LOOKED_AT: Final = "looked at many times a second, so it can be overshot"


@click.group("tasks", cls=Group)
def tasks() -> None:
    """Register, look at, run and hold tasks.

    \b
    Examples:
      smartcron-agent tasks list
      smartcron-agent tasks check tasks.toml
      smartcron-agent tasks apply tasks.toml
      smartcron-agent tasks pause payroll_sync_deputy --for 1h
    """


@tasks.command()
@click.option("--catalogue", "name", default="retail", show_default=True, help="Which catalogue.")
@json_option
@pass_session
def register(session: Session, name: str, as_json: bool) -> None:
    """Add the tasks of a catalogue; those that exist stay as they are.

    \b
    Example:  smartcron-agent tasks register --catalogue retail
    """
    if name not in catalogue.names():
        raise WrongUse(
            f"--catalogue {name!r}: there is none of that name; "
            f"there is {', '.join(catalogue.names())}"
        )
    definitions = _load(catalogue.read(name), f"catalogue {name}")
    with session.database(migrate=True) as database:
        new = database.write_now(
            lambda connection: store.register(
                connection, definitions, who=_who(), why=f"catalogue {name}", now_ms=_now_ms()
            )
        )
        total = len(database.read_now(store.load_all))
    tell_agent(session)
    if as_json:
        say.json_out({"new": new, "total": total})
        return
    say.good(f"New Tasks Registered: {new}")
    say.good(f"Total Tasks: {total}")


@tasks.command("check")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
@pass_session
def check_file(session: Session, file: Path, as_json: bool) -> None:
    """Say whether a file of tasks can be applied, changing nothing.

    \b
    Example:  smartcron-agent tasks check backup.toml
    """
    definitions = _load(_text(file), str(file))
    hindered = _hindered(session, definitions)
    if as_json:
        say.json_out(
            {
                "ok": True,
                "tasks": [found.task_name for found in definitions],
                "warnings": hindered,
            }
        )
        return
    now_ms = _now_ms()
    for found in definitions:
        due_ms = next_due(found, now_ms)
        words = _when(found, now_ms)
        say.good(f"{found.task_name}: {words}, next {say.moment(due_ms)}")
    _warn(hindered)


@tasks.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--why", "--reason", "why", default="", help="Kept with the version.")
@json_option
@pass_session
def apply(session: Session, file: Path, why: str, as_json: bool) -> None:
    """Make the definitions of a file the ones in force; tasks it does not name stay.

    \b
    Example:  smartcron-agent tasks apply backup.toml --why "nightly, not weekly"
    """
    definitions = _load(_text(file), str(file))
    with session.database(migrate=True) as database:
        done = database.write_now(
            lambda connection: store.apply(
                connection,
                definitions,
                who=_who(),
                why=why or f"file {file.name}",
                now_ms=_now_ms(),
            )
        )
    tell_agent(session)
    hindered = _hindered(session, definitions)
    if as_json:
        say.json_out(msgspec.to_builtins(done) | {"warnings": hindered})
        return
    for word, names in (("added", done.added), ("changed", done.changed)):
        for name in names:
            say.good(f"{word} {name}")
    _warn(hindered)
    click.echo(
        f"{len(done.added)} added, {len(done.changed)} changed, {len(done.unchanged)} unchanged"
    )


@tasks.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@pass_session
def export(session: Session, file: Path | None) -> None:
    """Write all definitions as TOML, to FILE or to stdout.

    \b
    Example:  smartcron-agent tasks export all-tasks.toml
    """
    with session.database() as database:
        text = to_toml(database.read_now(store.export))
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"{file} cannot be written: {error.strerror}; name another file") from error
    say.good(f"wrote {file}")


@tasks.command("list")
@click.option("--category", help="Only this category.")
@json_option
@pass_session
def list_tasks(session: Session, category: str | None, as_json: bool) -> None:
    """All tasks: state, schedule, last run, next run.

    \b
    Example:  smartcron-agent tasks list --category Payroll
    """
    now_ms = _now_ms()
    with session.database() as database:
        rows = database.read_now(store.load_all)
        figures = database.read_now(lambda connection: statistics.of_tasks(connection, now_ms))
        held = database.read_now(holds.held)
    shown = [row for row in rows if category in (None, row.definition.category)]
    if as_json:
        say.json_out(
            [
                _as_json(row, figures.get(row.task_name), now_ms)
                | {"held": held[row.task_name].reason if row.task_name in held else None}
                for row in shown
            ]
        )
        return
    say.table(
        ("Task", "Category", "Schedule", "State", "Last run", "Duration", "Next run"),
        [_as_cells(row, figures.get(row.task_name), now_ms) for row in shown],
        empty="No tasks yet. Add the catalogue with `smartcron-agent tasks register`.",
    )
    for row in shown:
        if fault := _fault(row):
            say.bad(f"{row.task_name} cannot be scheduled: {fault}")
    for name, one in held.items():
        say.warn(f"the history of {name} is held: {one.reason}")


@tasks.command()
@click.argument("task_name")
@json_option
@pass_session
def show(session: Session, task_name: str, as_json: bool) -> None:
    """One task: its definition, its figures, its next due moments.

    \b
    Example:  smartcron-agent tasks show vend_sync_inventory
    """
    now_ms = _now_ms()
    with session.database() as database:
        (row,) = database.read_now(lambda connection: store.load(connection, [task_name]))
        figures = database.read_now(lambda connection: statistics.of_tasks(connection, now_ms))
        in_row = database.read_now(lambda connection: streaks.in_row(connection, task_name))
    if as_json:
        say.json_out(
            _as_json(row, figures.get(task_name), now_ms)
            | {"definition": msgspec.to_builtins(row.definition), "failures_in_row": in_row}
        )
        return
    click.echo(to_toml([row.definition]).strip())
    click.echo(f"\n# state: {_state(row, now_ms)}, version {row.def_rev}")
    if row.definition.memory_limit_mb is not None:
        held = "held by the kernel, in a cgroup" if session.settings.cgroup else _LOOKED_AT
        click.echo(f"# memory limit: {held}")
    if fault := _fault(row):
        say.bad(f"{task_name} cannot be scheduled: {fault}")
    found = figures.get(task_name)
    if found is not None and found.last is not None:
        click.echo(
            f"# last run: {say.moment(found.last.started_ms or found.last.ended_ms)} "
            f"{found.last.status} {say.duration(found.last.duration_ms)}"
        )
        stops = f", {found.stops_24h} more stopped" if found.stops_24h else ""
        click.echo(f"# last 24 h: {found.runs_24h} runs, {found.fails_24h} failed{stops}")
    if in_row:
        limit = row.definition.disable_after_failures
        until = f", {limit} disable it" if limit is not None else ""
        click.echo(f"# failed {in_row} times in a row{until}")


@tasks.command()
@click.argument("task_name")
@click.option("--reason", help="Kept with the run.")
@click.option(
    "--if-running",
    type=click.Choice(["error", "queue", "parallel"]),
    default="error",
    show_default=True,
    help="Refuse, wait behind, or run beside a run that lives (where the task allows it).",
)
@json_option
@pass_session
def run(
    session: Session,
    task_name: str,
    reason: str | None,
    if_running: Literal["error", "queue", "parallel"],
    as_json: bool,
) -> None:
    """Run a task now; the agent answers when the order is recorded.

    \b
    Example:
      smartcron-agent tasks run vend_sync_sales --reason "after the outage"
    """
    with session.agent(purpose="run a task") as agent:
        reply = agent.call(
            requests.RunStart(
                op=new_op(),
                expires_ms=agent.expires_ms(),
                task_id=task_name,
                reason=reason,
                if_running=if_running,
            ),
            requests.RunStartReply,
        )
    if as_json:
        say.json_out({"run_id": reply.run_id, "state": reply.state})
        return
    say.good(f"{task_name} ordered, run {reply.run_id}")


@tasks.command()
@click.argument("task_names", nargs=-1, required=True)
@click.option("--for", "length_s", type=Length(1, 366 * 86_400), help="How long, as 90s, 2h or 1d.")
@click.option("--until", "--to", "end", help="Moment at which the pause ends by itself, ISO 8601.")
@click.option("--dry-run", is_flag=True, help="Only say what the pause would do.")
@click.option("--reason", help="Shown wherever the task is.")
@json_option
@pass_session
def pause(
    session: Session,
    task_names: tuple[str, ...],
    length_s: int | None,
    end: str | None,
    dry_run: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Start no scheduled runs of these tasks, until resumed, for a while, or until a moment.

    \b
    Examples:
      smartcron-agent tasks pause payroll_sync_deputy --for 1h --reason "API down"
      smartcron-agent tasks pause sync --until 2026-12-24T18:00 --dry-run
    """
    if length_s is not None and end is not None:
        raise WrongUse(f"--until {end}: says what --for says too; give one of them")
    until_ms = None if length_s is None else _now_ms() + length_s * 1000
    if end is not None:
        until_ms = read_moment("--until", end)
        if until_ms <= _now_ms():
            raise WrongUse(f"--until {end}: lies in the past; name a moment to come")
    if dry_run:
        show_preview(session, task_names, until_ms, as_json)
        return
    _set(session, task_names, "paused", as_json, paused=True, until_ms=until_ms, reason=reason)


@tasks.command()
@click.argument("task_names", nargs=-1, required=True)
@json_option
@pass_session
def resume(session: Session, task_names: tuple[str, ...], as_json: bool) -> None:
    """End the pause of these tasks.

    \b
    Example:  smartcron-agent tasks resume payroll_sync_deputy
    """
    _set(session, task_names, "resumed", as_json, paused=False)


@tasks.command()
@click.argument("task_names", nargs=-1, required=True)
@json_option
@pass_session
def enable(session: Session, task_names: tuple[str, ...], as_json: bool) -> None:
    """Let these tasks be scheduled again, from now on.

    \b
    Example:  smartcron-agent tasks enable bank_auto_categorize
    """
    _set(session, task_names, "enabled", as_json, enabled=True)


@tasks.command()
@click.argument("task_names", nargs=-1, required=True)
@click.option("--reason", help="Kept with the version.")
@json_option
@pass_session
def disable(
    session: Session, task_names: tuple[str, ...], reason: str | None, as_json: bool
) -> None:
    """Take these tasks off the schedule.

    \b
    Example:
      smartcron-agent tasks disable bank_auto_categorize --reason "replaced"
    """
    _set(session, task_names, "disabled", as_json, enabled=False, reason=reason)


def _set(
    session: Session,
    task_names: tuple[str, ...],
    word: str,
    as_json: bool,
    *,
    enabled: bool | None = None,
    paused: bool | None = None,
    until_ms: int | None = None,
    reason: str | None = None,
) -> None:
    with session.database() as database:
        changed = database.write_now(
            lambda connection: store.set_flags(
                connection,
                task_names,
                enabled=enabled,
                paused=paused,
                until_ms=until_ms,
                reason=reason,
                who=_who(),
                now_ms=_now_ms(),
            )
        )
    tell_agent(session)
    names = {row.task_name for row in changed}
    if as_json:
        say.json_out({"changed": sorted(names)})
        return
    for name in dict.fromkeys(task_names):
        say.good(f"{name} {word}" if name in names else f"{name} was {word} already")


def _hindered(session: Session, definitions: Sequence[Definition]) -> dict[str, str]:
    """By task: why no run of it could start on this host now; nothing where there is no home."""
    try:
        settings = session.settings
        secrets = load_secrets(session.home.secrets_file)
    except HomeError:
        return {}
    found = {
        each.task_name: hindrance(each, settings, session.home, secrets, os.environ)
        for each in definitions
    }
    return {name: str(refusal) for name, refusal in found.items() if refusal is not None}


def _warn(hindered: Mapping[str, str]) -> None:
    for name, reason in hindered.items():
        say.warn(f"{name} cannot start on this host now: {reason}")


def _load(text: str, origin: str) -> list[Definition]:
    definitions = load_definitions(text, origin)
    for definition in definitions:
        check(definition)
    return definitions


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{file} cannot be read as UTF-8 text: {error}") from error


def _state(row: store.TaskRow, now_ms: int) -> str:
    if _fault(row) is not None:
        return "invalid"
    if not row.enabled:
        return "disabled"
    return "paused" if row.is_paused(now_ms) else "enabled"


def _fault(row: store.TaskRow) -> str | None:
    """Why it cannot be scheduled, where somebody wrote into its row."""
    return row.fault or fault_of(row.definition)


def _next(row: store.TaskRow, now_ms: int) -> int | None:
    return next_due(row.definition, now_ms) if row.enabled and _fault(row) is None else None


def _when(definition: Definition, now_ms: int) -> str:
    """When it is due, with its zone where the clocks there show another time than the reader's."""
    words = when_in_words(definition)
    try:
        there = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(definition.timezone))
    except (ZoneInfoNotFoundError, ValueError):
        return words  # what is wrong with it is said elsewhere
    is_other = there.utcoffset() != there.astimezone().utcoffset()
    return f"{words} ({definition.timezone})" if words and is_other else words


def _as_cells(
    row: store.TaskRow, found: statistics.TaskStats | None, now_ms: int
) -> tuple[str | Text, ...]:
    last = found.last if found else None
    return (
        row.task_name,
        row.definition.category,
        _when(row.definition, now_ms),
        _state(row, now_ms),
        Text.assemble(f"{say.moment(last.started_ms or last.ended_ms)} ", say.ended(last.status))
        if last
        else "never",
        say.duration(last.duration_ms) if last else "-",
        say.moment(_next(row, now_ms)),
    )


def _as_json(
    row: store.TaskRow, found: statistics.TaskStats | None, now_ms: int
) -> dict[str, object]:
    last = found.last if found else None
    return {
        "task_name": row.task_name,
        "category": row.definition.category,
        "schedule": row.definition.schedule,
        "timezone": row.definition.timezone,
        "state": _state(row, now_ms),
        "invalid_reason": _fault(row),
        "paused_until_ms": row.paused_until_ms,
        "version": row.def_rev,
        "next_ms": _next(row, now_ms),
        "last": None
        if last is None
        else {
            "run_id": last.run_id,
            "status": last.status,
            "exit_status": last.exit_status,
            "started_ms": last.started_ms,
            "duration_ms": last.duration_ms,
        },
        "runs_24h": found.runs_24h if found else 0,
        "fails_24h": found.fails_24h if found else 0,
        "stops_24h": found.stops_24h if found else 0,
    }


def _who() -> str:
    return f"{getpass.getuser()} (command line)"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


for command in (backfill, remove, skip):
    tasks.add_command(command)

COMMANDS: Final = (tasks,)
