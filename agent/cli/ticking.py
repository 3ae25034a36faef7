"""The command that keeps a home served from crontab."""

import asyncio
import subprocess
import sys
import time
from typing import Final

import click

from agent import halting
from agent.cli import say
from agent.cli.serving import noted
from agent.cli.session import Session, json_option, pass_session
from agent.errors import AgentError, AlreadyServing, Unreachable, WrongUse
from agent.lock import is_served, serving_pid
from agent.logbook import open_logbook
from agent.onepass import tick_once
from agent.settings import Home
from agent.store import ledger, tasks

START_WITHIN_S: Final = 15.0
MINUTE_MS: Final = 60_000


@click.command()
@click.option("--one-shot", is_flag=True, help="No daemon: one pass, wait for its runs, leave.")
@click.option("--quiet", is_flag=True, help="Say only what is wrong: cron mails each word.")
@json_option
@pass_session
def tick(session: Session, one_shot: bool, quiet: bool, as_json: bool) -> None:
    """Make sure that an agent lives and sum up its last minute; meant for crontab.

    One that was stopped by `smartcron-agent stop` stays so. Runs that failed are counted and their
    tasks named; it ends with 0 all the same, as cron's mail is what tells of them.

    \b
    Example:  * * * * * smartcron-agent --home /var/lib/smartcron tick --quiet
    """
    settings = session.settings
    halt = None if is_served(session.home) else halting.standing(session.home)
    if halt is not None:
        if as_json:
            say.json_out({"agent": "stopped", "by": halt.by, "since_ms": halt.at_ms})
        elif not quiet:
            say.warn(f"Master runner: {say.halted(halt)}")
        return
    if one_shot:
        open_logbook(session.home, to_terminal=False)
        with noted(session.home):
            asyncio.run(tick_once(session.home, settings))
        started = "one pass"
    else:
        started = "already serving" if is_served(session.home) else start_detached(session.home)
    try:
        _sum_up(session, started, quiet=quiet, as_json=as_json)
    except Unreachable as error:
        # What was done is in the local journal; there is nothing to sum up until that is told.
        if as_json:
            say.json_out({"agent": started, "pid": serving_pid(session.home), "away": str(error)})
        else:
            say.bad(f"Nothing to sum up, the database is away: {error}")


def _sum_up(session: Session, started: str, *, quiet: bool, as_json: bool) -> None:
    now_ms = time.time_ns() // 1_000_000
    with session.database() as database:
        known = len(database.read_now(tasks.load_all))
        since = ledger.RunFilter(from_ms=now_ms - MINUTE_MS)
        recent = database.read_now(
            lambda connection: ledger.page(connection, since, limit=1000)
        ).runs
    executed = [run for run in recent if run.started_ms is not None]
    failed = [run for run in recent if run.status in say.FAILURES]
    if as_json:
        say.json_out(
            {
                "agent": started,
                "pid": serving_pid(session.home),
                "tasks": known,
                "executed": len(executed),
                "errors": [{"task_name": run.task_name, "run_id": run.id} for run in failed],
            }
        )
        return
    if not quiet:
        say.good("Master runner started")
        say.good(f"Loaded {known} tasks")
        say.good(f"Executed {len(executed)} tasks")
    if failed:
        say.bad(f"{len(failed)} errors: " + ", ".join(sorted({run.task_name for run in failed})))
    elif not quiet:
        say.good("No errors")


def start_detached(home: Home) -> str:
    """Start a daemon that outlives this call; returns once it holds the home."""
    with (home.logs / "serve.log").open("ab") as output:
        daemon = subprocess.Popen(  # noqa: S603 - our own program
            [
                sys.executable,
                "-m",
                "agent",
                "--home",
                str(home.root),
                "serve",
                "--quiet",
                "--unless-stopped",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
        )
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if is_served(home) and serving_pid(home) is not None:
            return "started"
        status = daemon.poll()
        if status == AlreadyServing.exit_status:
            return "already serving"
        if status == 0:
            return "stopped"  # by a person, just now
        if status is not None:
            failure = AgentError(f"the agent did not come up: {_last_words(home)}")
            failure.exit_status = WrongUse.exit_status if status == WrongUse.exit_status else 1
            raise failure
        time.sleep(0.05)
    raise AgentError(
        f"the agent did not begin to serve within {START_WITHIN_S:.0f} s; see "
        f"{home.logs / 'serve.log'}"
    )


def _last_words(home: Home) -> str:
    """What the daemon said as it left, which is why it left."""
    lines = (home.logs / "serve.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1].removeprefix("smartcron-agent: ") if lines else "it said nothing"


COMMANDS: Final = (tick,)
