"""Commands about tasks: register them, look at them, export them."""

import getpass
import time
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.text import Text

from agent.cli import (
    orders,
    pruning,
    say,
    standing,
    starting,
    switching,
    taskfiles,
    versions,
)
from agent.cli.choosing import check_category
from agent.cli.groups import Group
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.due import next_dues
from agent.errors import WrongUse
from agent.store import holds, statistics, streaks
from agent.store import tasks as store
from agent.tasktables import load_definitions, to_toml
from schema import catalogue

_SHOWN: Final = 3
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
    definitions = load_definitions(catalogue.read(name), f"catalogue {name}")
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
    check_category(rows, category)
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
        if fault := standing.fault(row):
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
    click.echo(f"\n# state: {standing.state(row, now_ms)}, version {row.def_rev}")
    if row.definition.memory_limit_mb is not None:
        held = "held by the kernel, in a cgroup" if session.settings.cgroup else _LOOKED_AT
        click.echo(f"# memory limit: {held}")
    if fault := standing.fault(row):
        say.bad(f"{task_name} cannot be scheduled: {fault}")
    found = figures.get(task_name)
    if found is not None and found.last is not None:
        click.echo(
            f"# last run: {say.moment(found.last.started_ms or found.last.ended_ms)} "
            f"{found.last.status} {say.duration(found.last.duration_ms)}"
        )
        stops = f", {found.stops_24h} more stopped" if found.stops_24h else ""
        click.echo(f"# last 24 h: {found.runs_24h} runs, {found.fails_24h} failed{stops}")
    click.echo(f"# next: {', '.join(_coming(row, now_ms))}")
    if in_row:
        limit = row.definition.disable_after_failures
        until = f", {limit} disable it" if limit is not None else ""
        click.echo(f"# failed {in_row} times in a row{until}")


def _coming(row: store.TaskRow, now_ms: int) -> list[str]:
    """The next runs, or why there is none."""
    words = [standing.next_in_words(row, now_ms)]
    first = standing.next_run(row, now_ms)
    if first is None or standing.state(row, now_ms) != "enabled":
        return words
    return words + [say.moment(due.at_ms) for due in next_dues(row.definition, first, _SHOWN - 1)]


def _as_cells(
    row: store.TaskRow, found: statistics.TaskStats | None, now_ms: int
) -> tuple[str | Text, ...]:
    last = found.last if found else None
    return (
        row.task_name,
        row.definition.category,
        standing.when(row.definition, now_ms),
        standing.state(row, now_ms),
        Text.assemble(f"{say.moment(last.started_ms or last.ended_ms)} ", say.ended(last.status))
        if last
        else "never",
        say.duration(last.duration_ms) if last else "-",
        standing.next_in_words(row, now_ms),
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
        "state": standing.state(row, now_ms),
        "invalid_reason": standing.fault(row),
        "paused_until_ms": row.paused_until_ms,
        "version": row.def_rev,
        "next_ms": standing.next_run(row, now_ms),
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


for command in (
    *taskfiles.COMMANDS,
    *orders.COMMANDS,
    *starting.COMMANDS,
    *switching.COMMANDS,
    *versions.COMMANDS,
    *pruning.COMMANDS,
):
    tasks.add_command(command)

COMMANDS: Final = (tasks,)
