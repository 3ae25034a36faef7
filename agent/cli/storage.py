"""Commands about the database: status, backup, upkeep, and old rows away."""

import time
from functools import partial
from typing import Final

import click

from agent.cli import backups, moving, say
from agent.cli.session import Session, json_option, pass_session
from agent.errors import StorageError
from agent.store import maintenance, state
from agent.store.maintenance import Ages

PAUSE_S: Final = 0.02


@click.group("db")
def db() -> None:
    """Look after the database."""


for _command in (*backups.COMMANDS, *moving.COMMANDS):
    db.add_command(_command)


@db.command()
@json_option
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Where the database is, its version, size and rows, and whether it is sound.

    \b
    Example:  smartcron-agent db status
    """
    with session.database() as database:
        rows = database.read_now(maintenance.count_rows)
        size = database.read_now(maintenance.size_bytes)
        problems = database.read_now(maintenance.problems)
        decided_ms = database.read_now(state.decided_until)
        url = database.url.render_as_string(hide_password=True)
    if as_json:
        say.json_out(
            {
                "url": url,
                "version": maintenance.SCHEMA_VERSION,
                "bytes": size,
                "rows": rows,
                "problems": problems,
                "decided_until_ms": decided_ms,
            }
        )
    else:
        click.echo(f"database       {url}")
        click.echo(f"schema         {maintenance.SCHEMA_VERSION}")
        click.echo(f"size           {say.size(size)}")
        click.echo(f"decided until  {say.moment(decided_ms)}")
        for name, count in rows.items():
            click.echo(f"  {name:32} {count:>10}")
    if problems:
        raise StorageError(
            f"the database is damaged: {problems[0]}; restore the newest file from "
            f"{session.home.backups}"
        )
    if not as_json:
        say.good("Database: OK")


@db.command()
@json_option
@pass_session
def maintain(session: Session, as_json: bool) -> None:
    """Check the database, renew its statistics, give free room back.

    \b
    Example:  smartcron-agent db maintain
    """
    with session.database() as database:
        problems = database.read_now(maintenance.problems)
        if problems:
            raise StorageError(
                f"the database is damaged: {problems[0]}; restore the newest file from "
                f"{session.home.backups}"
            )
        before = database.read_now(maintenance.size_bytes)
        database.write_now(maintenance.maintain)
        after = database.read_now(maintenance.size_bytes)
    if as_json:
        say.json_out({"bytes_before": before, "bytes_after": after})
        return
    say.good("Database: OK")
    say.good(f"statistics renewed, {say.size(before)} before, {say.size(after)} after")


@click.command()
@click.option("--days", type=click.IntRange(1, 36_500), help="Age of successes (else 90).")
@json_option
@pass_session
def cleanup(session: Session, days: int | None, as_json: bool) -> None:
    """Delete rows that are too old, a few hundred at a time; live and newest runs stay.

    \b
    Example:  smartcron-agent cleanup --days 30
    """
    ages = Ages() if days is None else Ages(success_days=days)
    deleted = 0
    with session.database() as database:
        while True:
            gone = database.write_now(
                partial(maintenance.delete_slice, ages=ages, now_ms=_now_ms())
            )
            if gone == 0:
                break
            deleted += gone
            time.sleep(PAUSE_S)  # others write in between
    if as_json:
        say.json_out({"deleted": deleted})
        return
    say.good(f"deleted {deleted} old rows")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


COMMANDS: Final = (db, cleanup)
