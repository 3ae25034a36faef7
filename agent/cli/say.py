"""How the command line says things: tables, times, JSON, marks."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.text import Text

from agent.cli.tables import laid_out
from agent.halting import Halt

# What some terminals obey beyond ASCII: the second set of controls, and turned directions.
_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_UNUSUAL = re.compile(r"[^\n\t -~]")

OK_MARK = "✓"
BAD_MARK = "✗"
WARN_MARK = "!"

FAILURES = frozenset({"error", "timeout", "killed_memory", "lost"})
AWAITS_PING = "awaits ping"
"""What stands for "queued" where a watch is told of: it waits for no slot."""
ENDING_STYLES = {
    "success": "green",
    "error": "bold red",
    "timeout": "bold red",
    "killed_memory": "bold red",
    "lost": "bold red",
    "aborted": "dim",
    "skipped": "dim",
    "missed": "yellow",
    "running": "cyan",
    "starting": "cyan",
    "queued": "cyan",
    "stopping": "cyan",
    "retry_wait": "yellow",
    AWAITS_PING: "cyan",
}


REASONS = {
    "agent_down": "no agent ran then",
    "row_lost": "its row was lost with the database",
    "blackout": "no start is allowed then",
    "by_request": "on request",
    "catchup_limit": "more were missed than are caught up",
    "clock_jump": "the clock was set past it",
    "cpu_limit": "its processor time was used up",
    "disabled": "switched off",
    "file_size_limit": "a file grew beyond its limit",
    "never_started": "could not be started",
    "no_ping": "no ping came in time",
    "no_trace": "no trace of it was found",
    "overlap": "the run before had not ended",
    "paused": "paused",
    "queue_full": "enough were waiting already",
    "reboot": "the server was started anew",
    "replaced": "a newer run took its place",
    "skip_next": "somebody let it pass",
    "storage": "the disk was full",
    "superseded": "the next regular run came first",
    "suspended": "the server slept then",
    "too_late": "too late to start",
    "unconfirmed": "the database failed while it was ordered",
    "withdrawn": "taken back",
}


def reason(code: str | None) -> str:
    """Why a run ended as it did, in words; a person's own words stay as they are."""
    return REASONS.get(code, code) if code else ""


def harmless(text: str) -> str:
    """Lines and tabs stay; whatever else could steer a terminal is shown, not sent."""
    return _UNUSUAL.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    letter = found[0]
    if letter.isprintable():
        return letter
    return "" if letter == "\r" else f"\\x{ord(letter):02x}" if ord(letter) < 256 else "\ufffd"


def json_out(value: Any) -> None:
    """One JSON document on stdout."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    # JSON itself has no control letters but these, and inside of texts they can be named.
    click.echo(_STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def good(text: str) -> None:
    """A line that all is well."""
    click.echo(f"{OK_MARK} {text}")


def bad(text: str) -> None:
    """A line that something is not."""
    click.echo(f"{BAD_MARK} {text}")


def warn(text: str) -> None:
    """A line that something will not go as wanted."""
    click.echo(f"{WARN_MARK} {text}")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str) -> None:
    """A table that fits the terminal, or one sentence when there is nothing to show.

    What is no `Text` already is shown as it stands: brackets in it are no markup.
    """
    if not rows:
        click.echo(empty)
        return
    cells = [
        [cell if isinstance(cell, Text) else Text(harmless(str(cell))) for cell in row]
        for row in rows
    ]
    out = console()
    out.print(laid_out(columns, cells, width=out.width))


def console() -> Console:
    """A console that does not cut lines when its output is no terminal."""
    found = Console(highlight=False)
    if not found.is_terminal:
        found = Console(highlight=False, width=200)
    return found


def moment(at_ms: int | None) -> str:
    """A moment in the local zone of whoever reads it."""
    if at_ms is None:
        return "-"
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(length_ms: int | None) -> str:
    """`0.6 s`, `4 m 31 s`, `1 h 55 m`, `3 d 04 h`."""
    if length_ms is None:
        return "-"
    seconds = length_ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} m"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02d} h"


def size(count: int | None) -> str:
    """Bytes as people read them."""
    if count is None:
        return "-"
    if count < 1000:
        return f"{count} B"
    for unit in ("kB", "MB", "GB"):
        count_ = count / 1000
        if count_ < 1000 or unit == "GB":
            return f"{count_:.1f} {unit}"
        count = int(count_)
    return str(count)


def ending(status: str) -> str:
    """A state or ending in its colour."""
    style = ENDING_STYLES.get(status)
    return f"[{style}]{status}[/]" if style else status


def ended(status: str) -> Text:
    """The same as a cell of a table."""
    return Text(status, style=ENDING_STYLES.get(status, ""))


def halted(halt: Halt) -> str:
    """That the agent is meant to be stopped, and how it is started."""
    why = f" ({halt.why})" if halt.why else ""
    return (
        f"stopped by {halt.by} at {moment(halt.at_ms)}{why}; "
        "`smartcron-agent start` lets it serve again"
    )
