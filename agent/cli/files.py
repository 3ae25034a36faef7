"""Commands that keep folders tidy: old files away, logs rotated."""

import re
import time
from functools import partial
from pathlib import Path
from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.session import Session, json_option, pass_session
from agent.errors import WrongUse
from agent.running.keptlogs import rotate
from agent.running.output import open_outputs
from agent.store import ledger

UNITS_S: Final = {"m": 60, "h": 3600, "d": 86_400}


@click.group("files")
def files() -> None:
    """Clean folders by age."""


@files.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--older-than", "age", required=True, help="Such as 30m, 12h or 7d.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
def clean(folder: Path, age: str, dry_run: bool, as_json: bool) -> None:
    """Delete regular files below FOLDER that were not changed for some time.

    Links are never followed and never deleted through; folders stay.

    \b
    Example:  smartcron-agent files clean --folder /srv/app/cache --older-than 7d --dry-run
    """
    before_s = time.time() - _age_s(age)
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
    say.good(f"{word} {len(gone)} files, {say.size(freed)}, older than {age} below {folder}")


def _clean(folder: Path, before_s: float, *, dry_run: bool) -> list[tuple[str, int]]:
    gone = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if path.is_symlink() or not path.is_file() or status.st_mtime >= before_s:
            continue
        if not dry_run:
            path.unlink(missing_ok=True)
        gone.append((str(path), status.st_size))
    return gone


def _age_s(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if found is None:
        raise WrongUse(f"--older-than {text!r}: write a number and m, h or d, such as 7d")
    return int(found[1]) * UNITS_S[found[2]]


@click.group("logs")
def logs() -> None:
    """Look after the kept logs, and search them."""


@logs.command("rotate")
@click.option(
    "--larger-than-mb",
    type=click.IntRange(1, 100_000),
    help="Set aside what is larger (else log_rotate_mb of settings.toml).",
)
@click.option(
    "--keep-days",
    type=click.IntRange(1, 36_500),
    help="Remove what was set aside longer ago (else log_keep_days).",
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


COMMANDS: Final = (files, logs)
