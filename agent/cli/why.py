"""The command that says why a task ran at a moment, or why it did not."""

from functools import partial
from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.coming import in_zone, read_outlook
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.cron.zones import load_zone
from agent.definitions import Definition
from agent.due import due_between, next_due
from agent.errors import WrongUse
from agent.outlook import DAY_MS
from agent.outlook import why as explain
from agent.store import facts, ledger, tasks
from agent.store.database import Database
from agent.store.history import RunFilter

_LOOK_BACK_MS: Final = 400 * DAY_MS


# A moment such as -1h is no option, nor a way to ask for help.
@click.command(
    "why", context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]}
)
@click.argument("task_name", metavar="TASK")
@click.argument("moment", required=False)
@json_option
@pass_session
def why(session: Session, task_name: str, moment: str | None, as_json: bool) -> None:
    """Why did this task run at MOMENT, or why not; also for moments to come.

    MOMENT is 2026-11-24T12:30, 08:00, -1h and the like; without an offset it is meant as the
    clocks of the task's zone show it. Without MOMENT it is the newest one.

    \b
    Examples:
      smartcron-agent why vend_sync_sales
      smartcron-agent why vend_sync_sales 2026-11-24T12:30
      smartcron-agent why vend_sync_sales "tomorrow 08:00"
    """
    outlook = read_outlook(session, now_ms())
    (task,) = outlook.only([task_name]).tasks
    zone = task.definition.timezone
    with session.database() as database:
        at_ms = (
            _newest(database, task.definition, outlook.now_ms)
            if moment is None
            else read_moment("MOMENT", moment, zone=load_zone(zone))
        )
        asked = database.read_now(
            lambda connection: facts.gather(connection, task_name, at_ms, now_ms=outlook.now_ms)
        )
    found = explain(outlook, asked)
    if as_json:
        say.json_out(msgspec.to_builtins(found) | {"at": in_zone(found.at_ms, zone)})
        return
    click.echo(f"{task_name} at {in_zone(found.at_ms, zone)} ({zone})")
    for step in found.steps:
        (say.good if step.ok else say.bad)(f"{step.code}: {step.say}")
    click.echo(found.say)
    if found.advice:
        click.echo(f"Next: {found.advice}.")


def _newest(database: Database, task: Definition, at_ms: int) -> int:
    """When it last ran or should have, else when it will; raises WrongUse where that is never."""
    wanted = RunFilter(task_name=task.task_name)
    runs = database.read_now(partial(ledger.page, wanted=wanted, limit=1, with_words=False)).runs
    (row,) = database.read_now(partial(tasks.load, names=[task.task_name]))
    since_ms = max(row.created_ms, at_ms - _LOOK_BACK_MS)
    due = due_between(task, since_ms, at_ms, limit=1).newest if task.enabled else ()
    past = [*(run.scheduled_ms for run in runs if run.scheduled_ms <= at_ms), *due]
    if past:
        return max(past)
    following = next_due(task, at_ms)
    if following is None:
        raise WrongUse(f"{task.task_name} never ran and is due at no moment; name a MOMENT")
    return following


COMMANDS: Final = (why,)
