"""The command that shows what the server, or the long runs of a task, used as time went by."""

from functools import partial
from typing import Final

import click

from agent.cli import say
from agent.cli.lengths import Length
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.errors import WrongUse
from agent.rules.downsampling import Keeping
from agent.store import metrics as readings
from agent.store import tasks

HOUR_MS: Final = 3_600_000
SERIES: Final = ("cpu", "memory", "load1", "disk", "database", "loop", "running", "agent_rss")
OF_A_TASK: Final = ("cpu", "rss", "processes")


@click.command()
@click.argument("series")
@click.option("--task", "task_name", help="Of the runs of this task that last 10 s or more.")
@click.option("--from", "start", help="-1h, today, ISO 8601; else an hour before the end.")
@click.option("--to", "end", help="-1h, today, ISO 8601; else now.")
@click.option(
    "--step",
    type=Length(5, 31_536_000),
    default="60s",
    show_default=True,
    help="How long each step is, such as 1h.",
)
@json_option
@pass_session
def metrics(
    session: Session,
    series: str,
    task_name: str | None,
    start: str | None,
    end: str | None,
    step: int,
    as_json: bool,
) -> None:
    """Mean, lowest and highest of a SERIES in each step of a span.

    Of the server: cpu, memory, load1, disk, database, loop, running, agent_rss. Of a task: cpu
    (processors used), rss, processes. What is older than metric_raw_days is there by minute,
    what is older than metric_minute_days by hour.

    \b
    Example:  smartcron-agent metrics cpu --from 2026-11-24 --step 1h --json
    """
    known = SERIES if task_name is None else OF_A_TASK
    if series not in known:
        raise WrongUse(f"SERIES {series[:40]!r}: is not one of {', '.join(known)}")
    to_ms = read_moment("--to", end) if end else now_ms()
    from_ms = read_moment("--from", start) if start else to_ms - HOUR_MS
    if from_ms >= to_ms:
        raise WrongUse(f"--from {start}: must be earlier than --to")
    if to_ms - from_ms > step * 1000 * readings.MAX_POINTS:
        least = -(-(to_ms - from_ms) // (1000 * readings.MAX_POINTS))
        raise WrongUse(f"--step {step}: gives too many steps; choose {least} or more")
    chosen = session.settings
    keeping = Keeping(
        raw_days=chosen.metric_raw_days,
        minute_days=chosen.metric_minute_days,
        hour_days=chosen.metric_hour_days,
    )
    with session.database() as database:
        if task_name is not None:
            database.read_now(partial(tasks.load, names=[task_name]))
        found = database.read_now(
            partial(
                readings.series,
                name=series,
                from_ms=from_ms,
                to_ms=to_ms,
                step_ms=step * 1000,
                now_ms=now_ms(),
                task_name=task_name,
                keeping=keeping,
            )
        )
    if as_json:
        say.json_out(found)
        return
    say.table(
        ("When", "Mean", "Lowest", "Highest", "Readings"),
        [
            (
                say.moment(one.at_ms),
                f"{one.mean:.4g}",
                f"{one.lowest:.4g}",
                f"{one.highest:.4g}",
                str(one.samples),
            )
            for one in found
        ],
        empty="Nothing was measured then.",
    )


COMMANDS: Final = (metrics,)
