"""Commands that take runs, statistics and audit rows away as CSV or JSON Lines."""

import csv
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import IO, Any, Final

import click
import msgspec

from agent.cli.moments import read_moment
from agent.cli.session import Session, pass_session
from agent.errors import StorageError, WrongUse
from agent.store.streaming import STREAMS, Cell, Stream, Wanted

# What spreadsheets take for a formula; the apostrophe makes it text and is not shown.
_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_TOLD_EVERY_S: Final = 2.0
_OPTIONS: Final = (
    click.option("--from", "start", help="Not before this moment: -1h, today, ISO 8601."),
    click.option("--to", "end", help="Before this moment: -1h, 08:00, ISO 8601."),
    click.option("--task", "task_name", help="Only of this task."),
    click.option(
        "--format",
        "form",
        type=click.Choice(["csv", "jsonl"]),
        help="Else by the ending of the file, else csv.",
    ),
    click.option(
        "--output",
        "output",
        default="-",
        show_default=True,
        help="A file for your eyes only, replaced when it is whole; - for stdout.",
    ),
)


def _with_options(command: Any) -> Any:
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


@click.command()
@_with_options
@click.option("--with-output", is_flag=True, help="Also the kept end of what they wrote.")
@pass_session
def runs(session: Session, /, *, with_output: bool, **chosen: Any) -> None:
    """Runs by the moment they were due, oldest first, one a line; moments are UTC.

    \b
    Example:
      smartcron-agent export runs --from 2026-11-01T00:00Z --output november.csv
    """
    _export(session, "runs", with_output=with_output, **chosen)


@click.command()
@_with_options
@pass_session
def stats(session: Session, /, **chosen: Any) -> None:
    """Counts, times and percentiles of each task and hour, oldest first.

    \b
    Example:  smartcron-agent export stats --task vend_sync_sales --format jsonl
    """
    _export(session, "stats", **chosen)


@click.command()
@_with_options
@pass_session
def audit(session: Session, /, **chosen: Any) -> None:
    """Audit rows with their digests, oldest first; --task means what they are about.

    A copy kept elsewhere proves later that no row before it was changed.

    \b
    Examples:
      smartcron-agent export audit --output /mnt/safe/audit.jsonl
      smartcron-agent audit export --from -7d
    """
    _export(session, "audit", **chosen)


def _export(
    session: Session,
    what: str,
    *,
    start: str | None,
    end: str | None,
    task_name: str | None,
    form: str | None,
    output: str,
    with_output: bool = False,
) -> None:
    wanted = Wanted(
        from_ms=read_moment("--from", start) if start else None,
        to_ms=read_moment("--to", end) if end else None,
        task_name=task_name,
        with_output=with_output,
    )
    if wanted.from_ms is not None and wanted.to_ms is not None and wanted.from_ms >= wanted.to_ms:
        raise WrongUse(f"--from {start}: must be earlier than --to")
    is_lines = form == "jsonl" or (form is None and output.endswith((".jsonl", ".ndjson")))
    write = write_lines if is_lines else write_csv
    try:
        with session.database() as database, _opened(output) as file:
            stream = STREAMS[what](database, wanted)
            count = write(Stream(columns=stream.columns, rows=_told(stream.rows, what)), file)
    except BrokenPipeError:
        raise  # whoever reads has had enough
    except OSError as error:  # a full disk, mostly
        raise _unwritable(output, error) from error
    if output != "-":
        click.echo(f"{count} rows in {output}", err=True)


def write_csv(stream: Stream, file: IO[str]) -> int:
    """A head and a line for each row; no cell can become a formula; how many rows."""
    writer = csv.writer(file)
    writer.writerow(stream.columns)
    count = 0
    for row in stream.rows:
        writer.writerow([_harmless(row[name]) for name in stream.columns])
        count += 1
    return count


def write_lines(stream: Stream, file: IO[str]) -> int:
    """A JSON object for each row; how many rows."""
    encode = msgspec.json.Encoder(enc_hook=str).encode
    count = 0
    for row in stream.rows:
        file.write(encode(row).decode() + "\n")
        count += 1
    return count


def _harmless(value: Cell) -> Cell:
    if isinstance(value, dict | list | tuple):
        value = msgspec.json.encode(value).decode()
    if isinstance(value, str) and value.startswith(_FORMULA_BEGINS):
        return "'" + value
    return value


@contextmanager
def _opened(output: str) -> Iterator[IO[str]]:
    """Where the rows go; a file is replaced only once all of it is there."""
    if output == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    path = Path(output).resolve()
    if path.exists() and not path.is_file():
        # A pipe, or /dev/null: what takes the rows must not be replaced by them.
        with _writable(path, os.O_WRONLY) as file:
            yield file
        return
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    file = _writable(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, asked=path)
    try:
        with file:
            yield file
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _writable(path: Path, how: int, *, asked: Path | None = None) -> IO[str]:
    try:
        handle = os.open(path, how | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(asked or path, error) from error
    return os.fdopen(handle, "w", encoding="utf-8", newline="")


def _unwritable(output: Path | str, error: OSError) -> StorageError:
    cause = (error.strerror or str(error)).lower()
    return StorageError(f"--output {output} cannot be written: {cause}; name another file")


def _told(
    rows: Iterator[dict[str, Cell]], what: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[dict[str, Cell]]:
    """The same rows; of those that take long is told on stderr how many there were."""
    told_s = clock()
    has_told = False
    for count, row in enumerate(rows, start=1):
        yield row
        if count % 1_000 == 0 and clock() - told_s >= _TOLD_EVERY_S:
            told_s, has_told = clock(), True
            end = "\r" if sys.stderr.isatty() else "\n"
            click.echo(f"{what}: {count} rows{end}", err=True, nl=False)
    if has_told and sys.stderr.isatty():
        click.echo("", err=True)


COMMANDS: Final = (runs, stats, audit)
