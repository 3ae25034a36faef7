"""Commands that stop the agent so that it stays stopped, and start it again."""

import getpass
import os
from typing import Final

import click

from agent import halting
from agent.cli import say
from agent.cli.moments import now_ms
from agent.cli.restarting import end_agent
from agent.cli.session import Session, json_option, pass_session
from agent.errors import StorageError, WrongUse
from agent.halting import Halt
from agent.lock import is_served, serving_pid
from agent.running import processes
from agent.store import state
from agent.supervisor import Unit


@click.command()
@click.option("--why", default="", metavar="TEXT", help="For whoever wonders later.")
@json_option
@pass_session
def stop(session: Session, *, why: str, as_json: bool) -> None:
    """Stop the agent, and let it stay so: crontab's `tick` and `health --restart` leave it alone.

    Living runs go on with their keeper, and their ends are known when it is started again. Due
    moments meanwhile are made up for or recorded as missed, as each task says. One that systemd
    looks after is stopped by `systemctl stop`.

    \b
    Example:  smartcron-agent stop --why "the disk is being changed"
    """
    session.home.check()
    unit = _unit(session)
    if unit is not None and is_served(session.home):
        manager = "systemctl --user" if unit.is_users else "systemctl"
        raise WrongUse(
            f"systemd looks after this agent and would start it again; stop it with "
            f"`{manager} stop {unit.name}`"
        )
    halting.note(session.home, Halt(at_ms=now_ms(), by=_who(), why=why))
    was_served = end_agent(session.home)
    if as_json:
        say.json_out({"stopped": was_served})
        return
    say.good("The agent is stopped" if was_served else "No agent served; none is started by itself")
    click.echo("`smartcron-agent start` lets it serve again")


@click.command()
@json_option
@pass_session
def start(session: Session, *, as_json: bool) -> None:
    """Start the agent in the background, also one that was stopped by `stop`.

    \b
    Example:  smartcron-agent start
    """
    # Only here: nobody else who stops or starts needs the agent's parts.
    from agent.cli.ticking import start_detached

    session.home.check()
    halting.end(session.home)
    done = "already serving" if session.is_served else start_detached(session.home)
    if as_json:
        say.json_out({"agent": done, "pid": serving_pid(session.home)})
    else:
        say.good(f"The agent: {done}")


def _unit(session: Session) -> Unit | None:
    """The unit by which the agent that serves was started; unknown while the database is away."""
    try:
        with session.database() as database:
            beat = database.read_now(state.last_beat)
    except StorageError:
        return None
    pid = serving_pid(session.home)
    is_its = beat is not None and beat.pid == pid and processes.look(pid or 0) is not None
    return beat.unit if beat is not None and is_its else None


def _who() -> str:
    """Who sits before it, also behind sudo."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


COMMANDS: Final = (stop, start)
