"""Commands that bring a database to our version, look at it, or move all of it into another."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from agent.cli import say
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session
from agent.errors import Conflict, StorageError
from agent.lock import only_agent
from agent.store import fitness, maintenance
from agent.store import moving as store
from agent.store.database import Database, database_url
from agent.store.engines import make_file, name_of, read_url
from agent.store.ready import open_ready
from agent.store.upgrading import KNOWN, version_of
from agent.wire.keyfiles import AGENT_KEY, load_pair
from shared.protocol.keys import key_id


@click.command()
@click.option("--no-backup", is_flag=True, help="Make no copy of the database before.")
@json_option
@pass_session
def upgrade(session: Session, *, no_backup: bool, as_json: bool) -> None:
    """Bring the database to this agent's version, after a copy of it; `serve` does so too.

    \b
    Example:  smartcron-agent db upgrade
    """
    url = database_url(session.settings, session.home)
    parsed = read_url(url)
    if parsed.get_backend_name() == "sqlite":
        make_file(parsed, may_create=False)
    before = version_of(parsed)
    if before != KNOWN:
        _refuse_served(session, "brought to another version")
    own = key_id(load_pair(session.home.keys / AGENT_KEY).public)
    open_ready(url, folder=session.home.backups, agent_id=own, copies=not no_backup).close()
    if as_json:
        say.json_out({"database": name_of(parsed), "before": before, "after": KNOWN})
    elif before == KNOWN:
        say.good(f"{name_of(parsed)} has version {KNOWN} already")
    else:
        say.good(f"{name_of(parsed)}: version {before or 'none'} before, {KNOWN} now")


@click.command()
@json_option
@pass_session
def check(session: Session, as_json: bool) -> None:
    """Read all of the database, and look at its server's version, privileges and clock.

    Ends with 1 when something is wrong.

    \b
    Example:  smartcron-agent db check --json
    """
    with session.database() as database:
        damage = [
            *database.read_now(maintenance.problems),
            *database.read_now(fitness.damaged_tables),
        ]
        ahead_ms = database.read_now(fitness.clock_ahead_ms)
        name = name_of(database.url)
    clock = fitness.clock_sentence(ahead_ms)
    if as_json:
        say.json_out(
            {
                "database": name,
                "version": KNOWN,
                "problems": damage,
                "clock_ahead_ms": ahead_ms,
                "clock": clock,
            }
        )
    else:
        say.good(f"{name} answers, and has version {KNOWN}")
        if clock is not None:
            say.warn(clock)
    if damage:
        raise StorageError(
            f"the database is damaged: {damage[0]}; `smartcron-agent db restore` puts the newest "
            "backup in its place"
        )
    if not as_json:
        say.good("Database: OK")


@click.command()
@click.option(
    "--to",
    "target",
    required=True,
    envvar="SMARTCRON_MOVE_TO",
    metavar="URL",
    help="The new database: empty, or half moved. A password in it is better given as "
    "SMARTCRON_MOVE_TO, for everybody on this host sees command lines.",
)
@json_option
@pass_session
def move(session: Session, target: str, as_json: bool) -> None:
    """Copy everything into another database, and compare every row; nothing is taken away here.

    Cut off, it goes on where it stood when it is called again.

    \b
    Example:
      smartcron-agent db move --to mysql+pymysql://cron@db.example/smartcron
    """
    _refuse_served(session, "moved")
    with only_agent(session.home), session.database() as source:
        into = Database.open(target, migrate=True, is_filled=True)
        try:
            with _progress(quiet=as_json) as told:
                moved = store.move(source, into, now_ms=now_ms(), told=told)
        finally:
            into.close()
        session.moved_to = target
        names = name_of(source.url), name_of(into.url)
    if as_json:
        say.json_out(
            {"from": names[0], "to": names[1], "tables": [msgspec.to_builtins(m) for m in moved]}
        )
        return
    rows = sum(each.rows for each in moved)
    say.good(f"{rows} rows of {len(moved)} tables are the same in both databases")
    click.echo(f"now write the URL that you gave as database_url into {session.home.settings_file}")


def _refuse_served(session: Session, act: str) -> None:
    if session.is_served:
        raise Conflict(
            f"an agent serves home {str(session.home.root)!r}, and its database is not {act} "
            "meanwhile; stop the agent first"
        )


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each table on a terminal, a line for each elsewhere, nothing before JSON."""
    if quiet or not sys.stderr.isatty():
        yield _say_nothing if quiet else _say_finished
        return
    bars: dict[str, Any] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def told(table: str, done: int, total: int) -> None:
            if table not in bars:
                bars[table] = progress.add_task(table, total=total)
            progress.update(bars[table], completed=done)

        yield told


def _say_nothing(_table: str, _done: int, _total: int) -> None:
    pass


def _say_finished(table: str, done: int, total: int) -> None:
    if done == total:
        click.echo(f"{table}: {total} rows", err=True)


COMMANDS: Final = (upgrade, check, move)
