"""How is told what a pause would do."""

from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.coming import read_outlook
from agent.cli.moments import now_ms
from agent.cli.session import Session
from agent.outlook import pause
from agent.rules.pausing import TaskPause

_LISTED: Final = 10
_IN_FLIGHT: Final = {
    "goes_on": "run {run} goes on, expected to end {at}",
    "starts": "run {run} waits for a slot and still starts",
    "retries": "run {run} is tried again {at} all the same",
}
_OTHERWISE: Final = {"runs": "would run", "paused": "is paused already"}


def show_preview(
    session: Session, task_names: tuple[str, ...], until_ms: int | None, as_json: bool
) -> None:
    """Which moments fall into a pause from now on, and what becomes of each; changes nothing."""
    found = pause(read_outlook(session, now_ms()), task_names, until_ms=until_ms)
    if as_json:
        say.json_out(msgspec.to_builtins(found) | {"count": found.count})
        return
    for task in found.tasks:
        _show_task(task)
    for follower in found.followers:
        click.echo(
            f"{follower.task_name} comes after {follower.after}: "
            f"{follower.count} of its runs will not come"
        )
    if until_ms is None:
        click.echo(f"ends when somebody resumes; looked until {say.moment(found.seen_until_ms)}")
    else:
        click.echo(f"ends by itself {say.moment(until_ms)}; nothing was changed")


def _show_task(task: TaskPause) -> None:
    span = f", {say.moment(task.first_ms)} to {say.moment(task.last_ms)}" if task.count else ""
    following = f"; next run {say.moment(task.next_ms)}" if task.next_ms is not None else ""
    click.echo(f"{task.task_name}: {task.count} moments will not run{span}{following}")
    for one in task.held[:_LISTED]:
        otherwise = _OTHERWISE.get(one.otherwise, f"otherwise: {say.reason(one.otherwise)}")
        click.echo(f"  {say.moment(one.at_ms)} skipped ({one.reason}); {otherwise}")
    if task.count > _LISTED:
        click.echo(f"  and {task.count - _LISTED} more")
    for run in task.in_flight:
        click.echo("  " + _IN_FLIGHT[run.kind].format(run=run.run_id, at=say.moment(run.at_ms)))
