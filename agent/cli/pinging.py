"""Commands with which jobs that somebody else starts say how they are."""

import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Final, Literal, NoReturn

import click

from agent.cli import say
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session
from agent.errors import AgentError, Refused, WrongUse
from agent.rules.pinging import MESSAGE_CHARS, Ping, check_expected
from agent.running import pings
from agent.store import tasks
from agent.wire.caller import new_op
from shared.protocol import requests

PATIENCE_S: Final = 3.0
NOT_FOUND, NOT_RUNNABLE = 127, 126
_BY_SIGNAL: Final = 128
# What is refused like this would be refused later as well; all else the next agent may take.
_FINAL: Final = frozenset({"bad_request", "not_found", "conflict", "forbidden"})
_PASSED_ON: Final = (
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
)
_FROM_TERMINAL: Final = frozenset({signal.SIGINT, signal.SIGQUIT})


@click.command()
@click.argument("task_name")
@click.argument("what", type=click.Choice(["start", "ok", "fail"]), default="ok")
@click.option("--message", help=f"Kept with the run; at most {MESSAGE_CHARS} characters.")
@click.option("--exit-status", type=click.IntRange(0, 255), help="What the job ended with.")
@json_option
@pass_session
def ping(
    session: Session,
    task_name: str,
    what: Literal["start", "ok", "fail"],
    message: str | None,
    exit_status: int | None,
    as_json: bool,
) -> None:
    """Say how a job is that somebody else starts; a task of kind "watch" expects it.

    While no agent serves, the ping is kept and counts for its moment when one does.

    \b
    Examples:
      smartcron-agent ping nightly_dump
      smartcron-agent ping nightly_dump fail --message "full" --exit-status 74
    """
    if message is not None and len(message) > MESSAGE_CHARS:
        raise WrongUse(
            f"--message: has {len(message)} characters; at most {MESSAGE_CHARS} are kept"
        )
    told = Ping(
        op=new_op(),
        task_name=task_name,
        at_ms=now_ms(),
        what=what,
        message=message,
        exit_status=exit_status,
    )
    if not session.is_served:
        _check_name(session, task_name)
    run = _tell(session, told)
    if as_json:
        say.json_out({"run_id": run and run.run_id, "state": run and run.state, "kept": not run})
        return
    if run is None:
        say.good(f"{task_name} {what} is kept; the next agent takes it down")
    else:
        say.good(f"{task_name} {what}, run {run.run_id} is {run.state}")


@click.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("task_name")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@pass_session
def execute(session: Session, task_name: str, command: tuple[str, ...]) -> None:
    """Run a command and ping how it goes; its input, output, signals and exit status pass through.

    A ping that is not taken never keeps the command from running.

    \b
    Example:
      15 2 * * *  smartcron-agent exec nightly_dump -- /usr/local/bin/dump --all
    """
    words = command[1:] if command[0] == "--" else command
    if not words:
        raise WrongUse("exec: name the command after --")
    begun = Ping(op=new_op(), task_name=task_name, at_ms=now_ms(), what="start")
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child is None:
            early.append(number)
            return
        # A terminal sends these to the whole group, so the command has them already.
        is_from_terminal = number in _FROM_TERMINAL and sys.stdin is not None and sys.stdin.isatty()
        if not is_from_terminal:
            child.send_signal(number)

    for number in _PASSED_ON:
        # What is ignored here, as by nohup, stays ignored there.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    try:
        child = subprocess.Popen(words, close_fds=False)  # noqa: S603 - it is what was asked for
    except OSError as error:
        click.echo(f"smartcron-agent: {words[0]}: {error.strerror}", err=True)
        status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUNNABLE
        _tell_quietly(session, _end_of(begun, None, status, f"{words[0]}: {error.strerror}"))
        raise click.exceptions.Exit(status) from error
    for earlier in early:
        child.send_signal(earlier)
    # Only now, so that the command does not wait for an agent that is slow to answer.
    run = _tell_quietly(session, begun)
    status = child.wait()
    _tell_quietly(session, _end_of(begun, run, status, None))
    if status < 0:
        _end_by_signal(-status)
    raise click.exceptions.Exit(status)


def _end_of(
    begun: Ping, run: requests.TaskPingReply | None, status: int, message: str | None
) -> Ping:
    return Ping(
        op=new_op(),
        task_name=begun.task_name,
        at_ms=now_ms(),
        what="ok" if status == 0 else "fail",
        message=message,
        exit_status=status if status >= 0 else None,
        signal=-status if status < 0 else None,
        run_id=run.run_id if run else None,
    )


def _tell(session: Session, told: Ping) -> requests.TaskPingReply | None:
    """Tell the agent, or keep it for the next one (None); raises what is refused for good."""
    session.home.check()
    if session.is_served:
        try:
            return _call(session, told)
        except Refused as refusal:
            if refusal.code in _FINAL:
                raise
        except AgentError as error:
            click.echo(f"smartcron-agent: {error}; the ping is kept", err=True)
    pings.leave(session.home, told)
    return None


def _call(session: Session, told: Ping) -> requests.TaskPingReply:
    with session.agent(purpose="take a ping") as agent:
        return agent.call(
            requests.TaskPing(
                op=told.op,
                expires_ms=agent.expires_ms(),
                task_id=told.task_name,
                what=told.what,
                message=told.message,
                exit_status=told.exit_status,
                signal=told.signal,
                run_id=told.run_id,
                at_ms=told.at_ms,
            ),
            requests.TaskPingReply,
            timeout_s=PATIENCE_S,
        )


def _tell_quietly(session: Session, told: Ping) -> requests.TaskPingReply | None:
    """Tell how the command is, whatever becomes of the telling."""
    try:
        return _tell(session, told)
    except (AgentError, OSError) as error:
        click.echo(
            f"smartcron-agent: the ping of {told.task_name} was not taken: {error}", err=True
        )
    return None


def _check_name(session: Session, task_name: str) -> None:
    with session.database() as database:
        (task,) = database.read_now(lambda connection: tasks.load(connection, [task_name]))
    check_expected(task.definition)


def _end_by_signal(number: int) -> NoReturn:
    """End as the command did, so that whoever waits for us sees the same."""
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise click.exceptions.Exit(_BY_SIGNAL + number)


COMMANDS: Final = (ping, execute)
