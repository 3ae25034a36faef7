"""Does the agent live, and how is it brought back?"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import click
import msgspec

from agent import halting
from agent.cli import say
from agent.cli.session import Session
from agent.errors import AgentError, Refused
from agent.health import probes
from agent.health.probes import Reading
from agent.lock import holding_pid, is_served, serving_pid
from agent.rules.thresholds import CRIT, OK, WARN
from agent.running import processes
from agent.settings import Home
from agent.store.state import Heartbeat

ASK_AFTER_MS: Final = 45_000
"""Three beats were missed: its socket tells whether it lives."""
END_WITHIN_S: Final = 10.0
COMMAND_S: Final = 60.0
SERVE_WITHIN_S: Final = 30.0
_POLL_S: Final = 0.05


def look(session: Session, beat: Heartbeat | None, *, now_ms: int, gave_up: bool) -> Reading:
    """The heartbeat, and where it is old the socket as well."""
    age_ms = None if beat is None else now_ms - beat.at_ms
    reading = probes.master_runner(age_ms)
    halt = None if session.is_served else halting.standing(session.home)
    if halt is not None:
        return msgspec.structs.replace(reading, state=WARN, message=say.halted(halt))
    if gave_up and not session.is_served:
        return msgspec.structs.replace(
            reading, state=CRIT, message=f"{reading.message}, given up by the service manager"
        )
    is_old = age_ms is None or age_ms >= ASK_AFTER_MS
    if not session.is_served and beat is not None and beat.serves:
        # Known at once; but one that is being restarted is away for a moment too.
        return msgspec.structs.replace(
            reading,
            state=CRIT if is_old else WARN,
            message=f"{reading.message}, no agent serves this home",
        )
    if is_old and session.is_served and not _answers(session):
        return msgspec.structs.replace(
            reading, state=CRIT, message=f"{reading.message}, holds its home and does not answer"
        )
    return reading


def look_without_database(session: Session) -> Reading:
    """As `look`, where nobody can say when it decided last: its socket alone tells."""
    reading = probes.master_runner(None, is_known=False)
    halt = None if session.is_served else halting.standing(session.home)
    if halt is not None:
        state, message = WARN, say.halted(halt)
    elif not session.is_served:
        state, message = CRIT, "no agent serves this home"
    elif _answers(session):
        state, message = OK, "the agent answers"
    else:
        state, message = CRIT, "holds its home and does not answer"
    return msgspec.structs.replace(reading, state=state, message=f"{message}; {reading.message}")


def _answers(session: Session) -> bool:
    try:
        with session.agent(purpose="answer") as agent:
            agent.hello()
    except Refused:
        return True
    except AgentError:
        return False
    return True


def restart(session: Session, beat: Heartbeat | None) -> str:
    """End what is left of the agent and let it be started; how that was done.

    Living runs stay with their keeper. Raises AgentError when it does not come back.
    """
    unit = beat.unit if beat is not None else None
    if unit is not None and shutil.which("systemctl"):
        manager = ["systemctl", *(["--user"] if unit.is_users else [])]
        _ask([*manager, "reset-failed", unit.name])
        refusal = _ask([*manager, "restart", unit.name])
        if refusal and not end_agent(session.home):
            raise AgentError(
                f"{unit.name} could not be restarted: {refusal}; do it as root with "
                f"`{' '.join(manager)} restart {unit.name}`"
            )
        # What was ended here without a right to restart it is restarted by its manager.
        _say_wait(SERVE_WITHIN_S)
        _wait_until_served(session.home)
        return f"restarted {unit.name}"
    end_agent(session.home)
    # Only here: a look at a healthy agent needs none of the agent's parts.
    from agent.cli.ticking import START_WITHIN_S, start_detached

    _say_wait(START_WITHIN_S)
    return f"{start_detached(session.home)} a new agent"


def _ask(words: list[str]) -> str:
    """What a command complains about; nothing when it ends well."""
    try:
        done = subprocess.run(  # noqa: S603 - systemctl and words of ours
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr.strip() or f"exit status {done.returncode}") if done.returncode else ""


def end_agent(home: Home, *, even_beginning: bool = False) -> bool:
    """End the process that serves the home, frozen or not; False when there is none.

    One that begins is silent for a good reason, it may lift or mend a large database: only a
    person ends that.
    """
    find = holding_pid if even_beginning else serving_pid
    pid = find(home) if is_served(home) else None
    process = None if pid is None else processes.look(pid)
    if process is None:
        return False
    processes.send(process.pid, process.start, signal.SIGTERM)
    # One that was stopped could not hear it otherwise; one that hangs does not in any case.
    processes.send(process.pid, process.start, signal.SIGCONT)
    if not _holds(partial(_is_over, home), END_WITHIN_S):
        processes.send(process.pid, process.start, signal.SIGKILL)
        _holds(partial(_is_over, home), END_WITHIN_S)
    return True


def _holds(asked: Callable[[], bool], within_s: float) -> bool:
    """Does it become true in time?"""
    deadline = time.monotonic() + within_s
    while not asked():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _say_wait(within_s: float) -> None:
    """For whoever sits before it; what is asked for stands on the other stream."""
    click.echo(f"waiting up to {within_s:.0f} s for the agent to serve", err=True)


def _is_over(home: Home) -> bool:
    return not is_served(home)


def _wait_until_served(home: Home) -> None:
    if not _holds(lambda: is_served(home) and serving_pid(home) is not None, SERVE_WITHIN_S):
        raise AgentError(
            f"the agent did not begin to serve within {SERVE_WITHIN_S:.0f} s; see "
            f"{home.logs / 'errors.log'}"
        )
