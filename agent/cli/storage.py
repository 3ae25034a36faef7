"""Commands about the database: status, backup, upkeep, and old rows away."""

import time
from functools import partial
from typing import Final

import click
import msgspec

from agent.cli import backups, moving, recovery, say
from agent.cli.groups import Group
from agent.cli.lengths import DAYS
from agent.cli.session import Session, json_option, pass_session
from agent.errors import StorageError
from agent.running import keptlogs
from agent.running.keptlogs import hold_logs
from agent.running.output import open_outputs, upkeep_of
from agent.store import holds, journal, maintenance, retention, state
from agent.store.engines import in_the_open
from agent.store.reaching import floor_left
from agent.store.standby import Floor

PAUSE_S: Final = 0.02


@click.group("db", cls=Group)
def db() -> None:
    """Look after the database.

    \b
    Examples:
      smartcron-agent db status
      smartcron-agent db backup
    """


for _command in (*backups.COMMANDS, *moving.COMMANDS, *recovery.COMMANDS):
    db.add_command(_command)


@db.command()
@json_option
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Where the database is, its version, size and rows, and whether it is sound.

    \b
    Example:  smartcron-agent db status
    """
    kept = journal.look(session.home.journal_file)
    refused = journal.refused(session.home.journal_file)
    floor = floor_left(session.home.journal_file)
    aside = {
        "kept": kept.number,
        "kept_since_ms": kept.oldest_ms,
        "refused": [{"number": number, "cause": cause} for number, cause in refused],
        "undecided_before_ms": None if floor is None else floor.at_ms,
    }
    try:
        with session.database() as database:
            rows = database.read_now(maintenance.count_rows)
            size = database.read_now(maintenance.size_bytes)
            problems = database.read_now(maintenance.problems)
            decided_ms = database.read_now(state.decided_until)
            url = database.url.render_as_string(hide_password=True)
            is_open = in_the_open(database.url)
    except StorageError as error:
        # How much is kept is asked just when the database does not answer.
        if as_json:
            say.json_out({"fault": str(error), **aside})
        else:
            _tell_journal(kept, refused, floor)
        raise
    if as_json:
        say.json_out(
            {
                "url": url,
                "in_the_open": is_open,
                "version": maintenance.SCHEMA_VERSION,
                "bytes": size,
                "rows": rows,
                "problems": problems,
                "decided_until_ms": decided_ms,
                **aside,
            }
        )
    else:
        click.echo(f"database       {url}")
        if is_open:
            say.bad(is_open)
        click.echo(f"schema         {maintenance.SCHEMA_VERSION}")
        click.echo(f"size           {say.size(size)}")
        click.echo(f"decided until  {say.moment(decided_ms)}")
        _tell_journal(kept, refused, floor)
        for name, count in rows.items():
            click.echo(f"  {name:32} {count:>10}")
    if problems:
        raise StorageError(
            f"the database is damaged: {problems[0]}; stop the agent and make the best of it with "
            "`smartcron-agent db recover`"
        )
    if not as_json:
        say.good("Database: OK")


def _tell_journal(
    kept: journal.Untold, refused: tuple[tuple[int, str], ...], floor: Floor | None
) -> None:
    if kept.number:
        click.echo(f"local journal  {kept.number} writes since {say.moment(kept.oldest_ms)}")
    if floor is not None:
        # An agent began without the database: whether a row stands there nobody could look up.
        click.echo(
            f"not decided    what was due before {say.moment(floor.at_ms)} and has no row;"
            " an agent that meets the database decides it"
        )
    for number, cause in refused:
        say.warn(f"write {number} of the local journal was refused: {cause}")


@db.command()
@click.option("--optimize", "with_optimize", is_flag=True, help="Write tables of a server anew.")
@json_option
@pass_session
def maintain(session: Session, with_optimize: bool, as_json: bool) -> None:
    """Check the database, renew its statistics, give free room back; others work meanwhile.

    \b
    Example:  smartcron-agent db maintain
    """
    with session.database() as database:
        problems = database.read_now(maintenance.problems)
        if problems:
            raise StorageError(
                f"the database is damaged: {problems[0]}; stop the agent and make the best of it "
                "with `smartcron-agent db recover`"
            )
        before = database.read_now(maintenance.size_bytes)
        database.write_now(maintenance.analyze)
        while database.write_now(maintenance.free_pages):
            time.sleep(PAUSE_S)  # others write in between
        for name in database.read_now(maintenance.count_rows) if with_optimize else ():
            database.write_now(partial(maintenance.optimize, table=name))
        after = database.read_now(maintenance.size_bytes)
    if as_json:
        say.json_out({"bytes_before": before, "bytes_after": after})
        return
    say.good("Database: OK")
    say.good(f"statistics renewed, {say.size(before)} before, {say.size(after)} after")


@click.command()
@click.option("--days", type=DAYS, help="Age of successes, such as 30d (else as set).")
@click.option("--dry-run", is_flag=True, help="Only say how much of each kind would go.")
@json_option
@pass_session
def cleanup(session: Session, days: int | None, dry_run: bool, as_json: bool) -> None:
    """Delete rows and kept logs that are too old, a few at a time; live and newest runs stay.

    The ages stand in [retention] of settings.toml, those of one task in [retention.tasks.NAME].
    What is held (`smartcron-agent hold`) stays whatever its age.

    \b
    Examples:
      smartcron-agent cleanup --dry-run
      smartcron-agent cleanup --days 30
    """
    ages = session.settings.retention
    if days is not None:
        ages = msgspec.structs.replace(ages, success_days=days)
    now_ms = _now_ms()
    folder, upkeep = session.home.task_logs, upkeep_of(session.settings)
    with session.database() as database:
        hold_logs(folder, database.read_now(holds.held).keys())
        logs = keptlogs.too_old(folder, upkeep, now_s=now_ms / 1000)
        if dry_run:
            found = database.read_now(partial(retention.outdated, ages=ages, now_ms=now_ms))
            _say_outdated(found, logs, as_json=as_json)
            return
        done = retention.clean(database, ages, now_ms=now_ms)
    packed, gone = open_outputs(session.home, session.settings).tidy()
    freed = sum(logs.get(name, 0) for name in gone)
    if as_json:
        told = {"deleted": sum(done.rows.values()), "logs": len(gone), "log_bytes": freed}
        say.json_out({**told, "packed": len(packed), **msgspec.to_builtins(done)})
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in done.rows.items())
    say.good(f"deleted {sum(done.rows.values())} old rows" + (f" ({kinds})" if kinds else ""))
    say.good(f"deleted {len(gone)} old logs, {say.size(freed)}; {len(packed)} compressed")


def _say_outdated(found: list[retention.Outdated], logs: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        files = {"files": len(logs), "bytes": sum(logs.values())}
        say.json_out({"rows": msgspec.to_builtins(found), "logs": files})
        return
    say.table(
        ["Kind", "Count", "Bytes"],
        [
            *([one.kind, one.rows, f"about {say.size(one.about_bytes)}"] for one in found),
            *([["log files", len(logs), say.size(sum(logs.values()))]] if logs else []),
        ],
        empty="nothing is too old",
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


COMMANDS: Final = (db, cleanup)
