"""Commands about figures: how tasks did within a span, and the proof that the figures are right."""

import sys
from functools import partial
from typing import Final

import click

from agent.cli import say
from agent.cli.groups import Group
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.errors import WrongUse
from agent.store import recount, retention, spans, tasks
from agent.store.database import Database
from agent.store.facts import check_moment
from agent.store.rollups import DAY_MS
from agent.store.spans import Figures

_SHOWN_DIFFERENCES: Final = 20


@click.group("stats", cls=Group, invoke_without_command=True)
@click.option("--task", "task_name", help="Only this task; else all together.")
@click.option("--from", "start", help="-1h, today, ISO 8601; else a day before the end.")
@click.option("--to", "end", help="-1h, today, ISO 8601; else now.")
@json_option
@click.pass_context
def stats(
    context: click.Context,
    task_name: str | None,
    start: str | None,
    end: str | None,
    as_json: bool,
) -> None:
    """Executions, failures, times, memory and CPU of any span, in whole hours of UTC.

    \b
    Example:
      smartcron-agent stats --task vend_sync_sales --from 2026-11-01 --json
    """
    if context.invoked_subcommand is not None:
        return
    session: Session = context.obj
    to_ms = read_moment("--to", end) if end else now_ms()
    from_ms = read_moment("--from", start) if start else to_ms - DAY_MS
    if from_ms >= to_ms:
        raise WrongUse(f"--from {start}: must be earlier than --to")
    check_moment("--to", to_ms)
    with session.database() as database:
        if task_name is not None:
            database.read_now(partial(tasks.load, names=[task_name]))
        found = database.read_now(
            partial(
                spans.figures, task_name=task_name, from_ms=from_ms, to_ms=to_ms, now_ms=now_ms()
            )
        )
    if as_json:
        say.json_out(found)
        return
    for name, value in _facts(found):
        click.echo(f"{name + ':':22}{value}")


@stats.command()
@click.option("--from", "start", help="-1h, today, ISO 8601; else seven days ago.")
@json_option
@pass_session
def check(session: Session, start: str | None, as_json: bool) -> None:
    """Count the runs of whole days again, up to now, and compare with the figures that are kept.

    Ends with 1 when they differ.

    \b
    Example:  smartcron-agent stats check --from 2026-11-01 --json
    """
    until_ms = now_ms()
    with session.database() as database:
        first_ms = _first_day(session, database, start, until_ms)
        found = database.read_now(
            partial(
                recount.differences,
                first_day_ms=first_ms,
                last_day_ms=until_ms - until_ms % DAY_MS,
            )
        )
    if as_json:
        say.json_out({"from_ms": first_ms, "to_ms": until_ms, "differences": found})
    elif not found:
        say.good(f"the figures since {say.moment(first_ms)} are those of the runs")
    else:
        for one in found[:_SHOWN_DIFFERENCES]:
            say.bad(
                f"{say.moment(one.begins_ms)}, {one.step_hours} h, {one.task_name or 'all tasks'}: "
                f"kept {one.kept}, counted {one.counted}"
            )
        click.echo(f"{len(found)} rows differ; `smartcron-agent stats rebuild` counts anew")
    if found:
        sys.exit(1)


@stats.command()
@click.option("--from", "start", help="-1h, today, ISO 8601; else seven days ago.")
@json_option
@pass_session
def rebuild(session: Session, start: str | None, as_json: bool) -> None:
    """Count the runs of whole days anew, up to yesterday; today's are counted while they end.

    \b
    Example:  smartcron-agent stats rebuild --from 2026-11-01
    """
    until_ms = now_ms()
    ends = 0
    with session.database() as database:
        first_ms = _first_day(session, database, start, until_ms)
        days = range(first_ms, until_ms - until_ms % DAY_MS, DAY_MS)
        for day_ms in days:
            ends += database.write_now(partial(recount.rebuild, day_ms=day_ms))
    if as_json:
        say.json_out({"days": len(days), "ends": ends})
        return
    say.good(f"{ends} ends of {len(days)} days counted anew")


def _first_day(session: Session, database: Database, start: str | None, until_ms: int) -> int:
    """When the first day begins; never one of whose runs some may be gone."""
    ages = session.settings.retention
    whole_ms = database.read_now(partial(retention.whole_since, ages=ages, now_ms=until_ms))
    oldest_ms = whole_ms + -whole_ms % DAY_MS
    if start is None:
        week_ms = until_ms - 7 * DAY_MS
        return max(week_ms - week_ms % DAY_MS, oldest_ms)
    first_ms = read_moment("--from", start)
    if first_ms > until_ms:
        raise WrongUse(f"--from {start}: must be earlier than now")
    first_ms -= first_ms % DAY_MS
    if first_ms < oldest_ms:
        raise WrongUse(
            f"--from {start}: of that day runs may have been cleaned up, and only their figures "
            f"are left; begin at {say.moment(oldest_ms)} or later"
        )
    return first_ms


def _facts(found: Figures) -> tuple[tuple[str, str], ...]:
    rate = "-" if found.success_rate is None else f"{found.success_rate:.2%}"
    return (
        ("task", found.task_name or "all"),
        ("span", f"{say.moment(found.from_ms)} to {say.moment(found.to_ms)}"),
        ("executions", str(found.runs)),
        ("success rate", rate),
        ("failures", str(found.failures)),
        ("stopped by somebody", str(found.stopped)),
        ("retries", str(found.retries)),
        ("throughput", f"{found.throughput_per_min:.2f} a minute"),
        ("average duration", say.duration(found.avg_ms)),
        ("half of them within", say.duration(found.p50_ms)),
        ("95 % within", say.duration(found.p95_ms)),
        ("99 % within", say.duration(found.p99_ms)),
        ("longest", say.duration(found.peak_ms)),
        ("CPU", f"{say.duration(found.cpu_ms)}, {say.duration(found.avg_cpu_ms)} a run"),
        ("memory", f"{say.size(found.avg_rss)} on average, {say.size(found.peak_rss)} at most"),
    )


COMMANDS: Final = (stats,)
