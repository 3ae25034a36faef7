"""The command that says why a task ran at a moment, or why it did not."""

from datetime import datetime
from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.coming import in_zone, read_outlook
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.cron.zones import load_zone
from agent.outlook import why as explain
from agent.store import facts


@click.command("why")
@click.argument("task_name", metavar="TASK")
@click.argument("moment")
@json_option
@pass_session
def why(session: Session, task_name: str, moment: str, as_json: bool) -> None:
    """Why did this task run at MOMENT, or why not; also for moments to come.

    MOMENT is ISO 8601; without an offset it is meant as the clocks of the task's zone show it.

    \b
    Example:  smartcron-agent why vend_sync_sales 2026-11-24T12:30
    """
    outlook = read_outlook(session, now_ms())
    (task,) = outlook.only([task_name]).tasks
    zone = task.definition.timezone
    with session.database() as database:
        asked = database.read_now(
            lambda connection: facts.gather(
                connection, task_name, _moment(moment, zone), now_ms=outlook.now_ms
            )
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


def _moment(text: str, zone: str) -> int:
    at_ms = read_moment("MOMENT", text)
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None:
        return at_ms
    return round(at.replace(tzinfo=load_zone(zone)).timestamp() * 1000)


COMMANDS: Final = (why,)
