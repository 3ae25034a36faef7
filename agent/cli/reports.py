"""Commands that sum up a day in words: for people, and for the monitoring tasks."""

import time
from typing import Final

import click

from agent.cli import say
from agent.cli.session import Session, json_option, pass_session
from agent.runs import Run
from agent.store import ledger, statistics

DAY_MS: Final = 86_400_000
MOST_FAILURES = 200


@click.group("report")
def report() -> None:
    """Sum up the last day."""


@report.command()
@json_option
@pass_session
def daily(session: Session, as_json: bool) -> None:
    """Runs, failures and times of the last 24 hours, task by task.

    \b
    Example:  smartcron-agent report daily
    """
    now_ms = _now_ms()
    with session.database() as database:
        whole = database.read_now(lambda connection: statistics.summary(connection, now_ms))
        found = database.read_now(lambda connection: statistics.of_tasks(connection, now_ms))
    if as_json:
        say.json_out({"all": whole, "tasks": found})
        return
    rate = whole.success_rate_24h
    click.echo(f"Smart Cron, the 24 hours up to {say.moment(now_ms)}")
    click.echo(
        f"{whole.runs_24h} runs, {whole.fails_24h} failed, "
        + (f"{rate:.1%} succeeded, " if rate is not None else "")
        + f"average {say.duration(whole.avg_ms)}, {whole.enabled} of {whole.tasks} tasks enabled\n"
    )
    say.table(
        ("Task", "Runs", "Failed", "Average", "Longest", "Last"),
        [
            (
                name,
                str(task.runs_24h),
                str(task.fails_24h),
                say.duration(task.avg_ms),
                say.duration(task.peak_ms),
                say.ending(task.last.status) if task.last else "-",
            )
            for name, task in sorted(found.items(), key=lambda entry: -entry[1].fails_24h)
            if task.runs_24h
        ],
        empty="Nothing ran.",
    )


@report.command()
@json_option
@pass_session
def errors(session: Session, as_json: bool) -> None:
    """Every run of the last 24 hours that went wrong, with its first words.

    \b
    Example:  smartcron-agent report errors
    """
    now_ms = _now_ms()
    wanted = ledger.RunFilter(
        statuses=("error", "timeout", "killed_memory", "lost", "missed"), from_ms=now_ms - DAY_MS
    )
    with session.database() as database:
        found = database.read_now(
            lambda connection: ledger.page(connection, wanted, limit=MOST_FAILURES)
        ).runs
    if as_json:
        say.json_out(found)
        return
    click.echo(f"Smart Cron, what went wrong in the 24 hours up to {say.moment(now_ms)}\n")
    say.table(
        ("When", "Task", "Ending", "Exit", "Message"),
        [_cells(run) for run in found],
        empty="Nothing went wrong.",
    )


def _cells(run: Run) -> tuple[str, ...]:
    lines = (run.error_message or say.reason(run.reason)).splitlines()
    return (
        say.moment(run.ended_ms),
        run.task_name,
        say.ending(run.status),
        "-" if run.exit_status is None else str(run.exit_status),
        lines[0][:100].replace("[", "\\[") if lines else "",
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


COMMANDS: Final = (report,)
