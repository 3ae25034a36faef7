"""The command that forgets tasks which are long over."""

import getpass
from collections.abc import Sequence
from functools import partial
from typing import Final

import click

from agent.cli import say, standing
from agent.cli.lengths import Length
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.errors import WrongUse
from agent.store import tasks as store
from agent.store.tasks import TaskRow

_MOST_S: Final = 10 * 366 * 86_400


@click.command()
@click.option(
    "--older-than",
    "age_s",
    type=Length(0, _MOST_S),
    default="30d",
    show_default=True,
    help="Only what has been so for as long as this.",
)
@click.option("--disabled", "with_disabled", is_flag=True, help="Also what is disabled so long.")
@click.option("--dry-run", is_flag=True, help="Only list what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def prune(
    session: Session, age_s: int, with_disabled: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Forget tasks whose last moment has long passed: @at moments, an end by valid_until.

    Their runs and versions stay, so `tasks revert` brings one back. A task that another one comes
    after stays.

    \b
    Examples:
      smartcron-agent tasks prune --dry-run
      smartcron-agent tasks prune --disabled --older-than 365d
    """
    if as_json and not (yes or dry_run):
        raise WrongUse("prune: asks a question, which --json has no place for; add --yes")
    at_ms = now_ms()
    with session.database() as database:
        rows = database.read_now(store.load_all)
    found = {
        row.task_name: why
        for row in rows
        if (why := _why_over(row, at_ms, age_s * 1000, with_disabled=with_disabled))
    }
    for name in _needed(rows, found):
        del found[name]
    names = tuple(found)
    if not as_json:
        _show(found)
    if not names or dry_run:
        if as_json:
            say.json_out({"removed": [], "found": found})
        return
    if not yes:
        click.confirm(f"Forget {'it' if len(names) == 1 else 'them'}?", abort=True)
    session.touched = names
    with session.database() as database:
        gone = database.write_now(
            partial(
                store.remove,
                names=names,
                who=f"{getpass.getuser()} (command line)",
                why="long over",
                now_ms=at_ms,
            )
        )
    tell_agent(session)
    if as_json:
        say.json_out({"removed": gone, "found": found})
        return
    for name in gone:
        say.good(f"removed {name}")


def _show(found: dict[str, str]) -> None:
    if not found:
        click.echo("Nothing is over for so long.")
    for name, why in found.items():
        click.echo(f"  {name}: {why}")


def _why_over(row: TaskRow, at_ms: int, age_ms: int, *, with_disabled: bool) -> str:
    """Why a task may go; empty for one that may not."""
    since_ms = at_ms - age_ms
    if row.updated_ms > since_ms:
        return ""
    if standing.is_over(row, since_ms):
        return "its last moment has passed"
    if with_disabled and not row.definition.enabled and row.fault is None:
        return f"disabled or changed last at {say.moment(row.updated_ms)}"
    return ""


def _needed(rows: Sequence[TaskRow], leaving: dict[str, str]) -> set[str]:
    """Those that a task which stays comes after; and so on, as they stay themselves then."""
    needed: set[str] = set()
    while True:
        more = {
            before
            for row in rows
            if row.task_name not in leaving or row.task_name in needed
            for before in row.definition.after
            if before in leaving
        } - needed
        if not more:
            return needed
        needed |= more


COMMANDS: Final = (prune,)
