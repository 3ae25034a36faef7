"""Commands that keep folders tidy: old files away, logs rotated."""

import asyncio
import os
import stat
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.groups import Group
from agent.cli.lengths import DAYS, Length
from agent.cli.moments import read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.errors import Refused, WrongUse
from agent.handlers.reading import Reading
from agent.running.keptlogs import rotate
from agent.running.output import open_outputs
from agent.running.searching import Question, check
from agent.store import ledger
from shared.protocol.requests import LogHit, LogSearch

MOST_AT_ONCE: Final = 500
OLD: Final = Length(0, 100 * 366 * 86_400, must_be_said=True)


@click.group("files", cls=Group)
def files() -> None:
    """Clean folders by age.

    \b
    Example:
      smartcron-agent files clean --folder /srv/cache --older-than 7d --dry-run
    """


@files.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where the files lie.",
)
@click.option("--older-than", "age_s", type=OLD, required=True, help="Such as 30m, 12h or 7d.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
def clean(folder: Path, age_s: int, dry_run: bool, as_json: bool) -> None:
    """Delete regular files below FOLDER that were not changed for some time.

    Links are never followed and never deleted through; folders stay.

    \b
    Example:
      smartcron-agent files clean --folder /srv/cache --older-than 7d --dry-run
    """
    before_s = time.time() - age_s
    if not folder.exists():
        gone: list[tuple[str, int]] = []
    elif folder.is_symlink() or folder.resolve() == Path(folder.anchor):
        raise WrongUse(f"--folder {folder}: is a link or a whole disk; name a plain folder")
    else:
        gone = _clean(folder, before_s, dry_run=dry_run)
    freed = sum(size for _, size in gone)
    if as_json:
        say.json_out({"files": len(gone), "bytes": freed, "dry_run": dry_run})
        return
    word = "would delete" if dry_run else "deleted"
    age = say.duration(age_s * 1000)
    say.good(f"{word} {len(gone)} files, {say.size(freed)}, older than {age} below {folder}")


def _clean(folder: Path, before_s: float, *, dry_run: bool) -> list[tuple[str, int]]:
    """Names are looked up in folders held open: one swapped for a link leads nowhere."""
    gone = []
    for place, folders, names, held in os.fwalk(folder, follow_symlinks=False):
        folders.sort()
        for name in sorted(names):
            try:
                status = os.stat(name, dir_fd=held, follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode) or status.st_mtime >= before_s:
                    continue
                if not dry_run:
                    os.unlink(name, dir_fd=held)
            except FileNotFoundError:
                continue
            gone.append((str(Path(place) / name), status.st_size))
    return gone


@click.group("logs", cls=Group)
def logs() -> None:
    """Look after the kept logs, and search them.

    \b
    Examples:
      smartcron-agent logs search timeout --task vend_sync_sales
      smartcron-agent logs rotate
    """


@logs.command("rotate")
@click.option(
    "--larger-than-mb",
    type=click.IntRange(1, 100_000),
    help="Set aside what is larger (else log_rotate_mb of settings.toml).",
)
@click.option(
    "--keep-days",
    type=DAYS,
    help="Remove what was set aside longer ago, as 30d (else log_keep_days).",
)
@json_option
@pass_session
def rotate_logs(
    session: Session, larger_than_mb: int | None, keep_days: int | None, as_json: bool
) -> None:
    """Set aside the tasks' logs that have grown, compress them, remove the oldest.

    Runs keep pointing at their bytes, as long as the log is there.

    \b
    Example:  smartcron-agent logs rotate --larger-than-mb 50 --keep-days 30
    """
    settings = msgspec.structs.replace(
        session.settings,
        log_rotate_mb=larger_than_mb or session.settings.log_rotate_mb,
        log_keep_days=keep_days or session.settings.log_keep_days,
    )
    rotated: list[str] = []
    with session.database() as database:
        for path in sorted(session.home.task_logs.glob("*.log")):
            if path.lstat().st_size <= settings.log_rotate_mb * 1_000_000:
                continue
            aside = rotate(path)
            database.write_now(partial(ledger.rename_log, old=path.name, new=aside.name))
            rotated.append(aside.name)
    packed, gone = open_outputs(session.home, settings).tidy()
    if as_json:
        say.json_out({"rotated": rotated, "packed": packed, "removed": gone})
        return
    for name in rotated:
        say.good(f"set aside as {name}")
    for name in gone:
        say.good(f"removed {name}")
    say.good(
        f"{len(rotated)} logs were larger than {settings.log_rotate_mb} MB; "
        f"{len(packed)} compressed, {len(gone)} removed"
    )


@logs.command()
@click.argument("pattern")
@click.option("--regex", is_flag=True, help="PATTERN is a regular expression, looked for by line.")
@click.option("--ignore-case", "-i", is_flag=True, help="Large and small letters are the same.")
@click.option("--task", "task_name", help="Only what runs of this task wrote.")
@click.option(
    "--since",
    "--from",
    "since",
    help="Only runs that began then or later, such as 2026-11-24T08:00.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="At most so many lines.",
)
@click.option(
    "--within",
    "within_s",
    type=Length(1, 3600),
    default="60s",
    show_default=True,
    help="It ends after that with what it has found.",
)
@json_option
@pass_session
def search(
    session: Session,
    pattern: str,
    regex: bool,
    ignore_case: bool,
    task_name: str | None,
    since: str | None,
    limit: int,
    within_s: int,
    as_json: bool,
) -> None:
    """Lines of kept output that hold PATTERN, newest logs first; secrets stay masked.

    \b
    Example:
      smartcron-agent logs search "connection (refused|reset)" --regex --task sync
    """
    wanted = LogSearch(
        pattern=pattern,
        regex=regex,
        ignore_case=ignore_case,
        task_id=task_name,
        from_ms=None if since is None else read_moment("--since", since),
        limit=min(limit, MOST_AT_ONCE),
    )
    check(Question(pattern=pattern, regex=regex))
    outputs = open_outputs(session.home, session.settings)
    hits: list[LogHit] = []
    place: str | None = None
    until_s = time.monotonic() + within_s
    problem = ""
    with session.database() as database:
        reading = Reading(database, outputs)
        while len(hits) < limit:
            found = asyncio.run(reading.search(wanted, place))
            problem = found.problem or problem
            hits += found.hits
            if not as_json:
                _say_hits(found.hits[: limit - len(hits) + len(found.hits)])
            place = found.next
            if place is None:
                break
            if time.monotonic() > until_s:
                problem = f"not all was searched within {within_s} s; ask for more with --within"
                break
    if as_json:
        is_whole = place is None and not problem
        say.json_out({"hits": hits[:limit], "complete": is_whole, "problem": problem})
    elif not hits:
        click.echo("No kept output holds that.")
    if problem:
        raise Refused("unavailable", problem)


def _say_hits(hits: Iterable[LogHit]) -> None:
    for hit in hits:
        whose = hit.run_id or hit.task_id
        click.echo(f"{say.moment(hit.start_ms)}  {hit.task_id}  {whose}  {say.harmless(hit.line)}")


COMMANDS: Final = (files, logs)
