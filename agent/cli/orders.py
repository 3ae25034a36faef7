"""Commands that hold back or repeat single moments of tasks, and that let tasks go."""

import getpass
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.choosing import (
    ask_for_many,
    choice_options,
    chosen,
    is_broad,
    names_meant,
    refusal_status,
    task_options,
)
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.definitions import Definition
from agent.due import fault_of, next_dues
from agent.errors import WrongUse
from agent.runs import ENDINGS
from agent.store import ledger
from agent.store import tasks as store
from agent.store.tasks import TaskRow
from agent.wire.caller import new_op
from shared.protocol import requests

MOST_AT_ONCE = 1000
MOST_NAMES: Final = 500
"""So many tasks are named in one order."""
_LISTED: Final = 10
_SKIPS: Final = {0: "Skip nothing of", 1: "Skip the next run of"}
NOT_RUN = ("missed", "skipped")


@click.command()
@choice_options
@click.option(
    "--count",
    type=click.IntRange(1, MOST_AT_ONCE),
    default=1,
    show_default=True,
    help="How many moments.",
)
@click.option("--undo", is_flag=True, help="Run what was to be skipped after all.")
@click.option("--dry-run", is_flag=True, help="Only say which moments that would be.")
@click.option("--reason", help="Kept with the rows of the skipped moments.")
@json_option
@pass_session
def skip(
    session: Session,
    task_names: tuple[str, ...],
    category: str | None,
    yes: bool,
    count: int,
    undo: bool,
    dry_run: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Let the next due moments of these tasks pass without a run; they go on by themselves.

    TASK is a name or, in quotes, a pattern such as 'import_*', which passes over tasks of which
    nothing is due.

    \b
    Examples:
      smartcron-agent tasks skip payroll_sync_deputy --count 2 --reason "API down"
      smartcron-agent tasks skip 'import_*' --dry-run
      smartcron-agent tasks skip --category Payroll --undo --yes
    """
    count = 0 if undo else count
    names = names_meant(session, task_names, category)
    if dry_run or is_broad(task_names, category):
        found = _skippables(session, names, count)
        if is_broad(task_names, category):
            # If it is none, each is told why.
            found = [one for one in found if one.moments_ms] or found
        if dry_run:
            _show_skippables(found, undo=undo, as_json=as_json)
            return
        names = tuple(one.id for one in found)
    if is_broad(task_names, category):
        ask_for_many(
            _SKIPS.get(count, f"Skip the next {count} runs of"), names, yes=yes, as_json=as_json
        )
    session.touched = names
    results: list[requests.Skipped] = []
    try:
        for part in _order_skips(session, names, count, reason):
            results += part
    finally:
        # What was ordered stands, whatever becomes of the rest.
        if results:
            _tell_skips(results, undo=undo, as_json=as_json)
    refused = [result.code for result in results if result.code != "ok"]
    if refused:
        raise click.exceptions.Exit(refusal_status(refused, len(results)))


def _tell_skips(results: Sequence[requests.Skipped], *, undo: bool, as_json: bool) -> None:
    if as_json:
        say.json_out(results)
        return
    for result in results:
        if result.code != "ok":
            say.bad(f"{result.id}: {result.msg}")
        elif undo:
            say.good(f"{result.id} skips nothing; next {say.moment(result.next_ms)}")
        else:
            say.good(
                f"{result.id} skips up to {say.moment(result.until_ms)}; "
                f"next {say.moment(result.next_ms)}"
            )


def _order_skips(
    session: Session, names: Sequence[str], count: int, reason: str | None
) -> Iterator[Sequence[requests.Skipped]]:
    with session.agent(purpose="skip a moment") as agent:
        for first in range(0, len(names), MOST_NAMES):
            request = requests.TaskSkip(
                op=new_op(),
                expires_ms=agent.expires_ms(),
                ids=tuple(names[first : first + MOST_NAMES]),
                count=count,
                reason=reason,
            )
            yield agent.call(request, requests.TaskSkipReply).results


class Skippable(msgspec.Struct, frozen=True, kw_only=True):
    """What of a task would be skipped or, to take that back, would run after all."""

    id: str
    moments_ms: tuple[int, ...]
    next_ms: int | None
    msg: str = ""
    """Why there is nothing."""


def _skippables(session: Session, names: Sequence[str], count: int) -> list[Skippable]:
    with session.database() as database:
        rows = database.read_now(partial(store.load, names=names))
    return [_skippable(row, now_ms(), count) for row in rows]


def _skippable(row: TaskRow, at_ms: int, count: int) -> Skippable:
    """The next moments, or for 0 those that are to be skipped now; as an agent finds them."""
    none = partial(Skippable, id=row.task_name, moments_ms=(), next_ms=None)
    fault = row.fault or fault_of(row.definition)
    if fault is not None or not row.enabled:
        return none(msg=fault or "it is disabled: nothing of it is due")
    due = [one.at_ms for one in next_dues(row.definition, at_ms, (count or MOST_AT_ONCE) + 1)]
    until_ms = row.skip_until_ms or 0
    moments_ms = due[:count] if count else [each for each in due if each <= until_ms]
    later = due[len(moments_ms) :] if count else due
    if not moments_ms:
        return none(msg="nothing of it is due any more" if count else "nothing of it is skipped")
    return Skippable(
        id=row.task_name, moments_ms=tuple(moments_ms), next_ms=later[0] if later else None
    )


def _show_skippables(found: Sequence[Skippable], *, undo: bool, as_json: bool) -> None:
    if as_json:
        say.json_out(found)
        return
    what = "would run after all" if undo else "would be skipped"
    for one in found:
        if one.msg:
            click.echo(f"{one.id}: {one.msg}")
            continue
        click.echo(f"{one.id}: {what}; next run {say.moment(one.next_ms)}")
        for at_ms in one.moments_ms[:_LISTED]:
            click.echo(f"  {say.moment(at_ms)}")
        if len(one.moments_ms) > _LISTED:
            click.echo(f"  and {len(one.moments_ms) - _LISTED} more")
    click.echo("nothing was changed")


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
@task_options
@click.option("--why", "--reason", "why", default="", help="Kept with the last version.")
@click.option("--dry-run", is_flag=True, help="Only list what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def remove(
    session: Session,
    task_names: tuple[str, ...],
    category: str | None,
    why: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Forget tasks; their runs and their history stay, and living runs go on.

    TASK is a name or, in quotes, a pattern such as 'import_*'. `tasks revert` brings one back.

    \b
    Examples:
      smartcron-agent tasks remove old_report --why "replaced"
      smartcron-agent tasks remove 'old_*' --dry-run
      smartcron-agent tasks remove --category Imported --yes
    """
    if as_json and not (yes or dry_run):
        raise WrongUse("remove: asks a question, which --json has no place for; add --yes")
    with session.database() as database:
        rows = chosen(database, task_names, category)
        names = tuple(row.task_name for row in rows)
        database.read_now(partial(store.check_removal, names=names))
    if not as_json and (dry_run or not yes):
        for row in rows:
            click.echo(f"  {row.task_name}: {say.harmless(_about(row.definition))}")
    if dry_run:
        if as_json:
            say.json_out({"removed": [], "found": names})
        else:
            click.echo("nothing was changed")
        return
    if not yes:
        which = names[0] if len(names) == 1 else f"these {len(names)} tasks"
        click.confirm(f"Remove {which}?", abort=True)
    session.touched = names
    with session.database() as database:
        gone = database.write_now(
            partial(
                store.remove,
                names=names,
                who=f"{getpass.getuser()} (command line)",
                why=why,
                now_ms=now_ms(),
            )
        )
    tell_agent(session)
    if as_json:
        say.json_out({"removed": gone, "found": names})
        return
    for name in gone:
        say.good(f"removed {name}")


def _about(definition: Definition) -> str:
    """By what somebody knows a task again who is to let it go."""
    after = (f"after {name}" for name in definition.after)
    when = ", ".join((*definition.schedule, *after)) or "by hand"
    return f"{definition.category}, {when}"


COMMANDS: Final = (backfill, remove, skip)
