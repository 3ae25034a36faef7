"""The command that runs tasks now and, if asked, waits for how they end."""

import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final, Literal

import click
import msgspec

from agent.cli import say
from agent.cli.choosing import (
    ask_for_many,
    choice_options,
    is_broad,
    names_meant,
    refusal_status,
)
from agent.cli.session import Session, json_option, pass_session
from agent.errors import AgentError
from agent.running.output import CHUNK_BYTES, Outputs, open_outputs
from agent.runs import Run
from agent.store import ledger
from agent.store.database import Database
from agent.wire.caller import Caller, TooFast, new_op
from shared.protocol import requests

LOOK_EVERY_S: Final = 0.3
EXIT_STATUSES: Final = {
    "success": 0,
    "error": 3,
    "timeout": 4,
    "killed_memory": 5,
    "aborted": 6,
    "lost": 7,
    "skipped": 8,
    "missed": 8,
}
"""What --wait ends with; 1 and 2 are refusals, as everywhere."""
LEFT: Final = 130
"""Somebody pressed Ctrl+C: how the run ends is not known."""
_BYTES_A_LINE: Final = 2_000


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """A run that the agent took, or why it did not."""

    task_name: str
    run_id: str | None = None
    state: str | None = None
    code: str | None = None
    refusal: str | None = None


@click.command()
@choice_options
@click.option("--reason", help="Kept with the run.")
@click.option(
    "--if-running",
    type=click.Choice(["error", "queue", "parallel"]),
    default="error",
    show_default=True,
    help="Refuse, wait behind, or run beside a run that lives (where the task allows it).",
)
@click.option("--wait", "waits", is_flag=True, help="Stay until the run and its retries are over.")
@click.option(
    "--tail",
    type=click.IntRange(0, 1000),
    default=20,
    show_default=True,
    help="With --wait: so many of the last lines it wrote.",
)
@json_option
@pass_session
def run(
    session: Session,
    task_names: tuple[str, ...],
    category: str | None,
    yes: bool,
    reason: str | None,
    if_running: Literal["error", "queue", "parallel"],
    waits: bool,
    tail: int,
    as_json: bool,
) -> None:
    """Run tasks now; the agent answers when the order is recorded.

    TASK is a name or, in quotes, a pattern such as 'import_*'.

    With --wait it ends with 0 for success, 3 error, 4 timeout, 5 too much memory, 6 stopped by
    somebody, 7 lost, 8 not run; of several with that of the first that did not succeed. Ctrl+C
    leaves the run going on and ends with 130.

    \b
    Examples:
      smartcron-agent tasks run vend_sync_sales --reason "after the outage"
      smartcron-agent tasks run nightly_report --wait --tail 5
      smartcron-agent tasks run 'import_*' --if-running queue
    """
    names = names_meant(session, task_names, category)
    if is_broad(task_names, category):
        ask_for_many("Run", names, yes=yes, as_json=as_json)
    session.touched = names
    with session.agent(purpose="run a task") as agent:
        ordered = [
            _order(agent, name, reason, if_running, is_one=len(names) == 1) for name in names
        ]
    ends: list[dict[str, Any]] = []
    try:
        for one in ordered if not as_json else ():
            _tell_ordered(one)
        if waits:
            ends += _ends(session, ordered, tail, as_json)
    except KeyboardInterrupt:
        _leave(ordered)
    if as_json:
        _json(ordered, ends)
    statuses = [EXIT_STATUSES.get(end["status"], 1) for end in ends]
    if refused := [one.code for one in ordered if one.code is not None]:
        statuses.append(refusal_status(refused, len(ordered)))
    if worst := next((status for status in statuses if status), 0):
        sys.exit(worst)


def _order(
    agent: Caller,
    task_name: str,
    reason: str | None,
    if_running: Literal["error", "queue", "parallel"],
    *,
    is_one: bool,
) -> Ordered:
    """The order for one; of many, one that is refused keeps none of the others from running."""
    request = partial(
        requests.RunStart, op=new_op(), task_id=task_name, reason=reason, if_running=if_running
    )
    while True:
        try:
            reply = agent.call(request(expires_ms=agent.expires_ms()), requests.RunStartReply)
        except TooFast as error:
            if is_one:
                raise
            time.sleep(error.after_ms / 1000)
        except AgentError as error:
            if is_one:
                raise
            return Ordered(task_name=task_name, code=error.code, refusal=str(error))
        else:
            return Ordered(task_name=task_name, run_id=reply.run_id, state=reply.state)


def _tell_ordered(one: Ordered) -> None:
    if one.refusal is None:
        say.good(f"{one.task_name} ordered, run {one.run_id}")
    else:
        say.bad(f"{one.task_name}: {one.refusal}")


def _ends(
    session: Session, ordered: Sequence[Ordered], tail: int, as_json: bool
) -> Iterator[dict[str, Any]]:
    """How each of these runs ended, told as soon as it is known."""
    taken = [one.run_id for one in ordered if one.run_id is not None]
    outputs = open_outputs(session.home, session.settings)
    with session.database() as database:
        for run_id in taken:
            tries = _tries_at_end(session, database, run_id, quiet=as_json)
            last = next((one for one in reversed(tries) if one.started_ms is not None), tries[-1])
            lines = _last_lines(outputs, last, tail)
            if not as_json:
                _tell_end(last, lines, tries=len(tries))
            yield {
                "task_name": last.task_name,
                "run_id": last.id,
                "status": last.status,
                "exit_status": last.exit_status,
                "reason": last.reason,
                "duration_ms": last.duration_ms,
                "attempts": len(tries),
                "output_tail": lines,
            }


def _tries_at_end(
    session: Session, database: Database, run_id: str, *, quiet: bool
) -> tuple[Run, ...]:
    """Every attempt at what was ordered, once the last of them is over."""
    known = 1
    was_served = True
    while True:
        first = database.read_now(partial(ledger.get, run_id=run_id))
        found = database.read_now(partial(ledger.attempts, run=first))
        tries = tuple(one for one in found if one.attempt >= first.attempt)
        if tries[-1].has_ended:
            return tries
        if len(tries) > known and not quiet:
            known = len(tries)
            failed = tries[-2]
            say.warn(f"attempt {failed.attempt} ended as {failed.status}; it is tried again")
        if was_served and not session.is_served:
            was_served = False
            click.echo(
                "smartcron-agent: no agent serves now; the run goes on, and its end is known "
                "once one does",
                err=True,
            )
        time.sleep(LOOK_EVERY_S)


def _leave(ordered: Sequence[Ordered]) -> None:
    """Nobody waits any more; what was ordered is done all the same."""
    click.echo("\nsmartcron-agent: nobody waits any more, and what was ordered goes on:", err=True)
    for one in ordered:
        if one.run_id is not None:
            click.echo(
                f"  `runs log {one.run_id} --follow` shows {one.task_name}, "
                f"`runs abort {one.run_id}` stops it",
                err=True,
            )
    sys.exit(LEFT)


def _last_lines(outputs: Outputs, run: Run, count: int) -> list[str]:
    """The end of what a run wrote, secrets masked."""
    if run.started_ms is None or not count:
        return []
    offset = max(0, run.output_bytes - count * _BYTES_A_LINE)
    said = b""
    while (chunk := outputs.read(run, offset, CHUNK_BYTES)).data:
        said += chunk.data
        offset = chunk.next
    lines = said.decode("utf-8", "replace").splitlines()
    return [say.harmless(line) for line in lines[-count:]]


def _tell_end(run: Run, lines: Sequence[str], *, tries: int) -> None:
    for line in lines:
        click.echo(f"  {line}")
    words = f"{run.task_name} ended: {run.status}"
    if run.exit_status:
        words += f", exit status {run.exit_status}"
    if run.reason:
        words += f" ({say.reason(run.reason)})"
    if run.duration_ms is not None:
        words += f", after {say.duration(run.duration_ms)}"
    if tries > 1:
        words += f", attempt {run.attempt}"
    (say.good if run.status == "success" else say.bad)(words)


def _json(ordered: Sequence[Ordered], ends: Sequence[dict[str, Any]]) -> None:
    told: dict[str, Any] = {"runs": ordered}
    if len(ordered) == 1:
        told |= {"run_id": ordered[0].run_id, "state": ordered[0].state}
    if ends:
        told["ends"] = ends
    say.json_out(told)


COMMANDS: Final = (run,)
