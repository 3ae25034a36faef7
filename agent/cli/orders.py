"""Commands that hold back or repeat single moments of tasks, and that let tasks go."""

import getpass
from functools import partial
from typing import Final

import click

from agent.cli import say
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.errors import WrongUse
from agent.runs import ENDINGS
from agent.store import ledger
from agent.store import tasks as store
from agent.wire.caller import new_op
from shared.protocol import requests

MOST_AT_ONCE = 1000
NOT_RUN = ("missed", "skipped")


@click.command()
@click.argument("task_names", nargs=-1, required=True)
@click.option(
    "--count", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many moments."
)
@click.option("--undo", is_flag=True, help="Run what was to be skipped after all.")
@click.option("--reason", help="Kept with the rows of the skipped moments.")
@json_option
@pass_session
def skip(
    session: Session,
    task_names: tuple[str, ...],
    count: int,
    undo: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Let the next due moments of these tasks pass without a run; they go on by themselves.

    \b
    Example:
      smartcron-agent tasks skip payroll_sync_deputy --count 2 --reason "API down"
    """
    with session.agent(purpose="skip a moment") as agent:
        reply = agent.call(
            requests.TaskSkip(
                op=new_op(),
                expires_ms=agent.expires_ms(),
                ids=task_names,
                count=0 if undo else count,
                reason=reason,
            ),
            requests.TaskSkipReply,
        )
    if as_json:
        say.json_out(reply.results)
    failed = False
    for result in reply.results if not as_json else ():
        if result.code != "ok":
            failed = True
            say.bad(f"{result.id}: {result.msg}")
        elif undo:
            say.good(f"{result.id} skips nothing; next {say.moment(result.next_ms)}")
        else:
            say.good(
                f"{result.id} skips up to {say.moment(result.until_ms)}; "
                f"next {say.moment(result.next_ms)}"
            )
    if failed or any(result.code != "ok" for result in reply.results):
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("task_name")
@click.option("--at", "moments", multiple=True, help="A due moment, ISO 8601; may be given again.")
@click.option("--from", "start", help="Instead: all recorded moments from here, ISO 8601,")
@click.option("--to", "end", help="up to here (else up to now),")
@click.option(
    "--ended",
    "endings",
    multiple=True,
    type=click.Choice(ENDINGS),
    help="that ended like this (else missed or skipped); may be given again.",
)
@click.option("--reason", help="Kept with the runs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def backfill(
    session: Session,
    task_name: str,
    moments: tuple[str, ...],
    start: str | None,
    end: str | None,
    endings: tuple[str, ...],
    reason: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Run a task as of past moments: it sees each in SMARTCRON_SCHEDULED_FOR.

    Every one is a further attempt at its moment; they run one after another, behind what is due.

    \b
    Examples:
      smartcron-agent tasks backfill sync --at 2026-11-24T04:00+13:00
      smartcron-agent tasks backfill sync --from 2026-11-24 --ended error
    """
    if bool(moments) == bool(start):
        raise WrongUse("name moments with --at, or a span with --from (and --to)")
    summed_up = 0
    if moments:
        wanted = [read_moment("--at", text) for text in moments]
    else:
        from_ms = read_moment("--from", start or "")
        to_ms = read_moment("--to", end) if end else now_ms()
        with session.database() as database:
            statuses = endings or NOT_RUN
            wanted = list(
                database.read_now(
                    lambda connection: ledger.moments_of(
                        connection, task_name, from_ms, to_ms, statuses=statuses
                    )
                )
            )
            summed_up = database.read_now(
                lambda connection: ledger.summed_up(
                    connection, task_name, from_ms, to_ms, statuses=statuses
                )
            )
    if summed_up and not as_json:
        say.bad(
            f"passed over: up to {summed_up} moments that one row sums up; "
            "name those that are wanted with --at"
        )
    if not wanted:
        raise WrongUse(f"nothing of {task_name} ended like that in this span; nothing to repeat")
    if len(wanted) > MOST_AT_ONCE:
        raise WrongUse(f"{len(wanted)} moments: at most {MOST_AT_ONCE} at once; narrow the span")
    if len(wanted) > 1 and not (yes or as_json):
        click.confirm(
            f"Run {task_name} {len(wanted)} times, as of {say.moment(min(wanted))} "
            f"to {say.moment(max(wanted))}?",
            abort=True,
        )
    with session.agent(purpose="run a task") as agent:
        reply = agent.call(
            requests.RunBackfill(
                op=new_op(),
                expires_ms=agent.expires_ms(),
                task_id=task_name,
                moments_ms=tuple(wanted),
                reason=reason,
            ),
            requests.RunBackfillReply,
        )
    if as_json:
        say.json_out({"run_ids": reply.run_ids, "passed_over": summed_up})
        return
    say.good(f"{task_name} ordered {len(reply.run_ids)} times, first run {reply.run_ids[0]}")


@click.command()
@click.argument("task_names", nargs=-1, required=True)
@click.option("--why", "--reason", "why", default="", help="Kept with the last version.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def remove(
    session: Session, task_names: tuple[str, ...], why: str, yes: bool, as_json: bool
) -> None:
    """Forget tasks; their runs and their history stay, and living runs go on.

    \b
    Example:  smartcron-agent tasks remove old_report --why "replaced"
    """
    with session.database() as database:
        database.read_now(partial(store.load, names=task_names))
    if not (yes or as_json):
        click.confirm(f"Remove {', '.join(task_names)}?", abort=True)
    with session.database() as database:
        gone = database.write_now(
            lambda connection: store.remove(
                connection,
                task_names,
                who=f"{getpass.getuser()} (command line)",
                why=why,
                now_ms=now_ms(),
            )
        )
    tell_agent(session)
    if as_json:
        say.json_out({"removed": gone})
        return
    for name in gone:
        say.good(f"removed {name}")


COMMANDS: Final = (backfill, remove, skip)
