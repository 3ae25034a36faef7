"""Where the example company keeps its files, and how its programs read and write them."""

import csv
import fcntl
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from zoneinfo import ZoneInfo

Row = dict[str, str]

BUSINESS_ZONE = ZoneInfo("Pacific/Auckland")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXIT_CONFIGURATION = 78  # EX_CONFIG
EXIT_BUSY = 75  # EX_TEMPFAIL: worth another try later


def open_shop() -> Path:
    """Return the company's data folder; the first program to need it fills it."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # each line is seen when it is printed
    data = data_folder()
    data.mkdir(parents=True, exist_ok=True)
    with locked(data / "seed.lock"):
        if not (data / "products.csv").exists():
            import seed  # only the very first program needs it

            seed.fill(data)
    return data


def data_folder() -> Path:
    """Return `$SMARTCRON_DATA`, or the folder `app` in the agent's home."""
    if chosen := os.environ.get("SMARTCRON_DATA"):
        return Path(chosen)
    if home := os.environ.get("SMARTCRON_HOME"):
        return Path(home) / "app"
    print("neither SMARTCRON_DATA nor SMARTCRON_HOME is set: name the data folder", file=sys.stderr)
    raise SystemExit(EXIT_CONFIGURATION)


def business_time() -> datetime:
    """Return the present moment on the company's clock."""
    return datetime.now(UTC).astimezone(BUSINESS_ZONE)


def rest(seconds: float) -> None:
    """Wait as the real service's rate limit would make us; SHOP_PACE=0 turns it off."""
    time.sleep(seconds * float(os.environ.get("SHOP_PACE", "1")))


def read_rows(path: Path) -> list[Row]:
    """Read a CSV file with a heading; a file that is not there yet has no rows."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Replace a CSV file as a whole, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draft.replace(path)


def read_number(path: Path, otherwise: int = 0) -> int:
    """Read a counter kept in a file of its own."""
    return int(path.read_text(encoding="utf-8")) if path.exists() else otherwise


def write_number(path: Path, number: int) -> None:
    """Replace a counter kept in a file of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(f"{number}\n", encoding="utf-8")
    draft.replace(path)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file; without `wait` a held one raises BlockingIOError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def dollars(cents: int) -> str:
    """Say an amount of cents as people write it."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns; numbers stand right, words left."""
    cells = [[str(value) for value in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(headings, *cells, strict=True)]
    numeric = [
        all(text.lstrip("-+$").replace(",", "").replace(".", "").isdigit() for text in column)
        for column in zip(*cells, strict=True)
    ] or [False] * len(headings)

    def line(texts: Sequence[str]) -> str:
        return "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(texts, widths, numeric, strict=True)
        ).rstrip()

    print(line(headings))
    print("  ".join("-" * width for width in widths))
    for row in cells:
        print(line(row))
