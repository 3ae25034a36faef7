"""Commands that keep the history of a task whatever its age, and let it go again."""

from functools import partial
from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.closing import who_asks
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session
from agent.errors import WrongUse
from agent.running.keptlogs import hold_logs
from agent.store import holds
from agent.store.holds import Hold


@click.command()
@click.argument("task_name", metavar="[TASK]", required=False)
@click.argument("reason", required=False)
@json_option
@pass_session
def hold(session: Session, task_name: str | None, reason: str | None, as_json: bool) -> None:
    """Keep runs and logs of TASK from every cleanup, for REASON; without both: list what is held.

    \b
    Examples:
      smartcron-agent hold payroll_sync_deputy "tax audit 2026"
      smartcron-agent hold
    """
    if task_name is None:
        with session.database() as database:
            found = database.read_now(holds.held)
        if as_json:
            say.json_out([msgspec.to_builtins(one) for one in found.values()])
            return
        say.table(
            ["Task", "Since", "By", "Reason"],
            [
                [one.task_name, say.moment(one.held_ms), one.held_by, one.reason]
                for one in found.values()
            ],
            empty="nothing is held",
        )
        return
    if reason is None:
        raise WrongUse(f'reason: say why, as in `smartcron-agent hold {task_name} "tax audit"`')
    wanted = Hold(task_name=task_name, reason=reason, held_ms=now_ms(), held_by=who_asks())
    with session.database() as database:
        database.write_now(partial(holds.hold, wanted=wanted))
        hold_logs(session.home.task_logs, database.read_now(holds.held).keys())
    if as_json:
        say.json_out(msgspec.to_builtins(wanted))
        return
    say.good(f"{task_name} is held: its runs and logs stay until it is released")


@click.command()
@click.argument("task_name", metavar="TASK")
@json_option
@pass_session
def release(session: Session, task_name: str, as_json: bool) -> None:
    """Let the history of TASK go by its age again.

    \b
    Example:  smartcron-agent release payroll_sync_deputy
    """
    with session.database() as database:
        before = database.write_now(partial(holds.release, task_name=task_name))
        hold_logs(session.home.task_logs, database.read_now(holds.held).keys())
    if as_json:
        say.json_out(msgspec.to_builtins(before))
        return
    say.good(f"{task_name} is released, held since {say.moment(before.held_ms)}: {before.reason}")


COMMANDS: Final = (hold, release)
