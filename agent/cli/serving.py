"""Commands that make a home, serve it, and keep it served from crontab."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import click
import tomlkit

from agent.app import serve as run_agent
from agent.app import tick_once
from agent.cli import say
from agent.cli.access import create_invite
from agent.cli.session import Session, json_option, pass_session
from agent.errors import AgentError, AlreadyServing, WrongUse
from agent.lock import is_served, serving_pid
from agent.logbook import open_logbook
from agent.settings import Home, Settings, load_settings
from agent.store import ledger, tasks
from agent.store.database import Database, database_url
from agent.wire.keyfiles import AGENT_KEY, LOCAL_KEY, load_or_make_pair

START_WITHIN_S: Final = 15.0
MINUTE_MS: Final = 60_000


@click.command()
@click.option("--name", default="", help="Shown on every desktop (else the host's name).")
@click.option(
    "--environment",
    type=click.Choice(["production", "staging", "test", "demo"]),
    default="production",
    show_default=True,
)
@click.option(
    "--app-root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of the company's scripts, {app_root} in commands.",
)
@click.option("--timezone", default=None, help="Zone of the agent's own times.")
@click.option("--control-port", type=click.IntRange(1, 65535))
@click.option("--events-port", type=click.IntRange(1, 65535))
@json_option
@pass_session
def init(
    session: Session,
    name: str,
    environment: str,
    app_root: Path | None,
    timezone: str | None,
    control_port: int | None,
    events_port: int | None,
    as_json: bool,
) -> None:
    """Make a home: folders, settings, keys, database; print an invite for the first admin.

    A home that exists already keeps its settings and keys.

    \b
    Example:  smartcron-agent --home /var/lib/smartcron init --app-root /srv/app
    """
    chosen = {
        "name": name,
        "environment": environment,
        "app_root": str(app_root.resolve()) if app_root else None,
        "timezone": timezone,
        "control_port": control_port,
        "events_port": events_port,
    }
    prepare(session.home, {key: value for key, value in chosen.items() if value})
    text = create_invite(session, role="admin", label="first admin", ttl_s=86_400)
    if as_json:
        say.json_out({"home": str(session.home.root), "invite": text})
        return
    say.good(f"Home: {session.home.root}")
    say.good(f"Database: {session.settings.database_url or session.home.database_file}")
    say.good("Keys: made, for your eyes only")
    click.echo("\nConnect a desktop as admin with this link, within 24 hours and once:\n")
    click.echo(text)
    click.echo("\nNext: smartcron-agent tasks register, then smartcron-agent serve")


def prepare(home: Home, chosen: dict[str, object]) -> Settings:
    """Make what a home lacks; settings that exist stay; raises WrongUse for bad values."""
    home.make()
    if not home.settings_file.exists():
        document = tomlkit.document()
        document.add(tomlkit.comment("Smart Cron: what the owner of this agent has chosen."))
        for key, value in chosen.items():
            document.add(key, tomlkit.item(value))
        _write_private(home.settings_file, tomlkit.dumps(document))
        try:
            load_settings(home)
        except WrongUse:
            home.settings_file.unlink()
            raise
    settings = load_settings(home)
    if not home.secrets_file.exists():
        _write_private(home.secrets_file, '# name = "value"; use it as secret:name\n')
    for key in (AGENT_KEY, LOCAL_KEY):
        load_or_make_pair(home.keys / key)
    Database.open(database_url(settings, home), migrate=True).close()
    return settings


@click.command()
@click.option("--quiet", is_flag=True, help="Log to the home's log files only.")
@pass_session
def serve(session: Session, quiet: bool) -> None:
    """Run what is due until stopped; SIGTERM or Ctrl+C leave living runs to their keeper.

    \b
    Example:  smartcron-agent --home /var/lib/smartcron serve
    """
    settings = session.settings
    open_logbook(session.home, to_terminal=not quiet)
    asyncio.run(run_agent(session.home, settings))


@click.command()
@click.option("--one-shot", is_flag=True, help="No daemon: one pass, wait for its runs, leave.")
@json_option
@pass_session
def tick(session: Session, one_shot: bool, as_json: bool) -> None:
    """Make sure that an agent lives and sum up its last minute; meant for crontab.

    \b
    Example:  * * * * * smartcron-agent --home /var/lib/smartcron tick
    """
    session.home.check()
    if one_shot:
        open_logbook(session.home, to_terminal=False)
        asyncio.run(tick_once(session.home, session.settings))
        started = "one pass"
    else:
        started = "already serving" if is_served(session.home) else _start_detached(session.home)
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
    say.good("Master runner started")
    say.good(f"Loaded {known} tasks")
    say.good(f"Executed {len(executed)} tasks")
    if failed:
        say.bad(f"{len(failed)} errors: " + ", ".join(sorted({run.task_name for run in failed})))
    else:
        say.good("No errors")


def _start_detached(home: Home) -> str:
    """Start a daemon that outlives this call; returns once it holds the home."""
    with (home.logs / "serve.log").open("ab") as output:
        daemon = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "agent", "--home", str(home.root), "serve", "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if is_served(home) and serving_pid(home) is not None:
            return "started"
        status = daemon.poll()
        if status == AlreadyServing.exit_status:
            return "already serving"
        if status is not None:
            raise AgentError(
                f"the agent ended at once with exit status {status}; its last words are in "
                f"{home.logs / 'serve.log'}"
            )
        time.sleep(0.05)
    raise AgentError(
        f"the agent did not begin to serve within {START_WITHIN_S:.0f} s; see "
        f"{home.logs / 'serve.log'}"
    )


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


COMMANDS: Final = (init, serve, tick)
