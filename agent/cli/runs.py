"""Commands about runs: list, show, read the log, stop, try again."""

import codecs
import sys
import time
from collections.abc import Iterator
from typing import Final

import click
from rich.text import Text

from agent.cli import say
from agent.cli.groups import Group
from agent.cli.lengths import Length
from agent.cli.meant import WHOLE, run_meant
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.errors import WrongUse
from agent.progress import with_told
from agent.running.output import CHUNK_BYTES, open_outputs
from agent.runs import ENDINGS, LIVE_STATES, TRIGGERS, Run
from agent.store import ledger, samples, tasks
from agent.store.history import RunFilter
from agent.wire.caller import new_op
from shared.protocol import requests

FOLLOW_EVERY_S = 0.3
SEARCH_MS: Final = 10_000
"""How long a list looks for what no index knows before it says how far back it got."""


@click.group("runs", cls=Group)
def runs() -> None:
    """Look at runs, stop them and try them again.

    \b
    Examples:
      smartcron-agent runs list --status error
      smartcron-agent runs log 01KAVT0R8M6V4Z1S0Q2E6G7H8J
    """


@runs.command("list")
@click.option("--task", "task_name", help="Only runs of this task.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice((*LIVE_STATES, *ENDINGS)),
    metavar="STATE",
    help=f"May be given again; one of {', '.join((*LIVE_STATES, *ENDINGS))}.",
)
@click.option("--category", help="Only runs of this category.")
@click.option(
    "--trigger",
    "triggers",
    multiple=True,
    type=click.Choice(TRIGGERS),
    help="Only those that this started; may be given again.",
)
@click.option("--host", help="Only runs of this server.")
@click.option("--from", "start", help="Queued then or later: -1h, today, ISO 8601.")
@click.option("--to", "end", help="Queued before then: -1h, 08:00, ISO 8601.")
@click.option("--text", help="Only runs with this in the end of their output or in their error.")
@click.option("--before", help="Only runs older than the one with this id: the next page.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="At most so many runs.",
)
@json_option
@pass_session
def list_runs(
    session: Session,
    task_name: str | None,
    statuses: tuple[str, ...],
    category: str | None,
    triggers: tuple[str, ...],
    host: str | None,
    start: str | None,
    end: str | None,
    text: str | None,
    before: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """The newest runs, of any kind.

    \b
    Example:
      smartcron-agent runs list --status error --text "disk full" --limit 10
    """
    if before is not None:
        _check_id(before)
    from_ms = read_moment("--from", start) if start else None
    to_ms = read_moment("--to", end) if end else None
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise WrongUse(f"--from {start}: must be earlier than --to")
    wanted = RunFilter(
        task_name=task_name,
        category=category,
        statuses=statuses,
        triggers=triggers,
        host=host,
        from_ms=from_ms,
        to_ms=to_ms,
        text=text,
    )
    with session.database() as database:
        page = database.read_now(
            lambda connection: ledger.page(
                connection, wanted, before=before, limit=limit, budget_ms=SEARCH_MS
            )
        )
        watches = database.read_now(tasks.watches)
    if as_json:
        say.json_out(page.runs)
        return
    say.table(
        ("Run", "Task", "Due", "Status", "Trigger", "Try", "Duration", "Exit", "Reason"),
        [_cells(run, awaits_ping=run.task_name in watches) for run in page.runs],
        empty="No runs yet." if wanted == RunFilter() else "No such runs.",
    )
    if page.searched_ms is not None:
        click.echo(
            f"Searched back to {say.moment(page.searched_ms)}; go on with --before {page.next}"
        )


@runs.command()
@click.argument("which", metavar="RUN")
@json_option
@pass_session
def show(session: Session, which: str, as_json: bool) -> None:
    """One run and all attempts at the same moment.

    RUN is an id, at least the last four letters of one, or a task: its newest run.

    \b
    Example:  smartcron-agent runs show 01KAVT0R8M6V4Z1S0Q2E6G7H8J
    """
    with session.database() as database:
        run = run_meant(database, which)
        tries = database.read_now(lambda connection: ledger.attempts(connection, run))
        taken = database.read_now(lambda connection: samples.of_run(connection, run.id))
        watches = database.read_now(tasks.watches)
    if run.status in ("running", "stopping"):
        # What it tells is recorded at its end.
        told = open_outputs(session.home, session.settings).look(run.id)
        run = with_told(run, told)
    if as_json:
        say.json_out({"run": run, "attempts": tries, "samples": taken})
        return
    reason = f" ({say.reason(run.reason)})" if run.reason else ""
    facts = (
        ("task", run.task_name),
        ("status", _state(run, awaits_ping=run.task_name in watches) + reason),
        ("note", say.harmless(run.note or "-")),
        ("caused by", run.caused_by or "-"),
        ("due", say.moment(run.scheduled_ms)),
        ("started", say.moment(run.started_ms)),
        ("ended", say.moment(run.ended_ms)),
        ("duration", say.duration(run.duration_ms)),
        ("late", say.duration(run.late_ms)),
        ("exit status", "-" if run.exit_status is None else str(run.exit_status)),
        ("error class", run.error_class or "-"),
        ("signal", "-" if run.signal is None else str(run.signal)),
        ("CPU", say.duration(run.cpu_ms)),
        ("peak memory", say.size(run.peak_rss)),
        ("read", say.size(run.read_bytes)),
        ("written", say.size(run.written_bytes)),
        ("page faults", _faults(run)),
        ("warned", say.moment(run.warned_ms)),
        ("output", say.size(run.output_bytes)),
        *([("next try", _until_retry(run))] if run.status == "retry_wait" else []),
        *_told(run),
        ("attempt", f"{run.attempt} of {len(tries)} so far, trigger {run.trigger}"),
        ("ordered by", run.requested_by or "-"),
    )
    for name, value in facts:
        click.echo(f"{name + ':':14}{value}")
    if run.error_message:
        click.echo(f"\n{say.harmless(run.error_message)}")
    if run.stack_trace:
        click.echo(f"\n{say.harmless(run.stack_trace)}")


@runs.command()
@click.argument("which", metavar="RUN")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@pass_session
def log(session: Session, which: str, follow: bool) -> None:
    """What a run wrote, secrets masked; terminal control sequences are left out.

    RUN is an id, at least the last four letters of one, or a task: its newest run.

    \b
    Example:  smartcron-agent runs log nightly_report --follow
    """
    offset = 0
    # A piece may end inside a letter.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    outputs = open_outputs(session.home, session.settings)
    with session.database() as database:
        run_id = run_meant(database, which).id
        while True:
            run = database.read_now(lambda connection: ledger.get(connection, run_id))
            chunk = outputs.read(run, offset, CHUNK_BYTES)
            if chunk.skipped:
                click.echo(f"\n--- {chunk.skipped} bytes left out (output limit) ---")
            if chunk.data:
                sys.stdout.write(say.harmless(decoder.decode(chunk.data)))
                sys.stdout.flush()
                offset = chunk.next
                continue
            if run.has_ended or not follow:
                sys.stdout.write(say.harmless(decoder.decode(b"", final=True)))
                if not offset:
                    sofar = "ended" if run.has_ended else "has not ended"
                    click.echo(
                        f"run {run.id} of {run.task_name} {sofar}, and wrote nothing", err=True
                    )
                return
            time.sleep(FOLLOW_EVERY_S)


@runs.command()
@click.argument("which", metavar="RUN")
@click.option("--grace", type=Length(0, 600), help="Between TERM and KILL, such as 5s.")
@json_option
@pass_session
def abort(session: Session, which: str, grace: int | None, as_json: bool) -> None:
    """Stop a run: TERM to all its processes, KILL after the grace.

    RUN is an id, at least the last four letters of one, or a task: its newest run.

    \b
    Example:  smartcron-agent runs abort 01KAVT0R8M6V4Z1S0Q2E6G7H8J --grace 5
    """
    run_id = _id_meant(session, which)
    with session.agent(purpose="stop a run") as agent:
        reply = agent.call(
            requests.RunAbort(
                op=new_op(),
                expires_ms=agent.expires_ms(),
                run_id=run_id,
                grace_ms=None if grace is None else grace * 1000,
            ),
            requests.RunAbortReply,
        )
    if as_json:
        say.json_out({"run_id": run_id, "state": reply.state})
        return
    say.good(f"run {run_id} is {reply.state}")


@runs.command()
@click.argument("which", metavar="RUN")
@click.option("--reason", help="Kept with the new run.")
@json_option
@pass_session
def retry(session: Session, which: str, reason: str | None, as_json: bool) -> None:
    """Try a run again at once: a retry that waits starts now, a run that failed gets one more.

    RUN is an id, at least the last four letters of one, or a task: its newest run.

    \b
    Example:
      smartcron-agent runs retry 01KAVT0R8M6V4Z1S0Q2E6G7H8J --reason "mended"
    """
    run_id = _id_meant(session, which)
    with session.agent(purpose="try a run again") as agent:
        reply = agent.call(
            requests.RunRetry(
                op=new_op(), expires_ms=agent.expires_ms(), run_id=run_id, reason=reason
            ),
            requests.RunRetryReply,
        )
    if as_json:
        say.json_out({"run_id": reply.run_id})
        return
    say.good(f"run {reply.run_id} is tried now")


def _id_meant(session: Session, which: str) -> str:
    # A whole id goes to the agent also while the database is away.
    if len(which) == WHOLE:
        return which.upper()
    with session.database() as database:
        return run_meant(database, which).id


def _check_id(run_id: str) -> None:
    if len(run_id) != WHOLE:
        raise WrongUse(f"run id {run_id!r} is not one; `smartcron-agent runs list` shows them")


def _told(run: Run) -> Iterator[tuple[str, str]]:
    if run.progress is not None:
        yield "progress", f"{run.progress} % {say.harmless(run.progress_note or '')}".rstrip()
    for name, value in sorted((run.metrics or {}).items()):
        yield name, f"{value:g}"


def _cells(run: Run, *, awaits_ping: bool) -> tuple[str | Text, ...]:
    reason = ": ".join(part for part in (say.reason(run.reason), run.note) if part)
    if run.status == "retry_wait":
        reason = _until_retry(run)
    if run.missed_count > 1:
        reason += f", {run.missed_count} moments until {say.moment(run.missed_until_ms)}"
    return (
        run.id,
        run.task_name,
        say.moment(run.scheduled_ms),
        say.ended(_state(run, awaits_ping=awaits_ping)),
        run.trigger,
        str(run.attempt),
        say.duration(run.duration_ms),
        "-" if run.exit_status is None else str(run.exit_status),
        reason,
    )


def _state(run: Run, *, awaits_ping: bool) -> str:
    return say.AWAITS_PING if awaits_ping and run.status == "queued" else run.status


def _until_retry(run: Run) -> str:
    left_ms = (run.retry_at_ms or 0) - now_ms()
    return f"in {say.duration(left_ms)}" if left_ms > 0 else "now"


def _faults(run: Run) -> str:
    if run.minor_faults is None:
        return "-"
    return f"{run.minor_faults + (run.major_faults or 0)}, {run.major_faults} from disk"


COMMANDS: Final = (runs,)
