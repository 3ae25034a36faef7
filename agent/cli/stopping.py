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
from agent.errors import AgentError, WrongUse
from agent.halting import Halt
from agent.lock import holding_pid, is_served, serving_pid
from agent.settings import Home
from agent.supervisor import Unit, unit_of_process


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
    unit = _unit(session.home)
    if unit is not None:
        manager = "systemctl --user" if unit.is_users else "systemctl"
        raise WrongUse(
            f"systemd looks after this agent and would start it again; stop it with "
            f"`{manager} stop {unit.name}`"
        )
    try:
        halting.note(session.home, Halt(at_ms=now_ms(), by=_who(), why=why))
    except OSError as error:
        # A full disk may be why it is stopped.
        say.warn(f"crontab may start it again, that could not be written down: {error.strerror}")
    was_served = end_agent(session.home, even_beginning=True)
    if is_served(session.home):
        raise AgentError("something else holds this home: `smartcron-agent status` may tell what")
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


def _unit(home: Home) -> Unit | None:
    """The unit by which the agent was started that holds the home."""
    pid = holding_pid(home) if is_served(home) else None
    return None if pid is None else unit_of_process(pid)


def _who() -> str:
    """Who sits before it, also behind sudo."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"  # one without a name


COMMANDS: Final = (stop, start)
