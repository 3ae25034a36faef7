"""The command that shows how busy the agent will be, hour by hour."""

from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.coming import read_outlook
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.outlook import DAY_MS, load
from agent.rules.forecast import MINUTE_MS, Forecast

_HOUR_MS: Final = 60 * MINUTE_MS
_SHADES: Final = " ░▒▓█"
_CELL: Final = 2


@click.command("forecast")
@click.option("--from", "start", help="Moment to begin with, ISO 8601 (else now).")
@click.option("--until", "--to", "end", help="Moment to end with, ISO 8601 (else a week later).")
@json_option
@pass_session
def forecast(session: Session, start: str | None, end: str | None, as_json: bool) -> None:
    """How many runs are to be expected in each minute, and what will wait for a slot.

    \b
    Example:  smartcron-agent forecast --until 2026-12-24T18:00
    """
    at_ms = now_ms()
    from_ms = read_moment("--from", start) if start else at_ms
    until_ms = read_moment("--until", end) if end else from_ms + 7 * DAY_MS
    found = load(read_outlook(session, at_ms), from_ms=from_ms, until_ms=until_ms)
    if as_json:
        say.json_out(msgspec.to_builtins(found) | {"peak": found.peak, "peak_ms": found.peak_ms})
        return
    for line in heat(found):
        click.echo(line)
    click.echo(
        f"{found.moments} due moments; at most {found.peak} runs at once, "
        f"first {say.moment(found.peak_ms)}"
    )
    click.echo(f"{found.slots} slots; {found.full_minutes} minutes need more")
    for minute in found.busiest[:3]:
        click.echo(
            f"busy: {say.moment(minute.at_ms)}  {minute.running} runs, {minute.starts} begin"
        )
    # Of tasks that never ran no length is known: they seem to wait for no time at all.
    for waiting in [one for one in found.waits if one.longest_ms][:5]:
        click.echo(
            f"waits: {waiting.task_name} {waiting.count} times, "
            f"at most {say.duration(waiting.longest_ms)}"
        )


def heat(found: Forecast) -> list[str]:
    """A row a day and a cell an hour of the reader's clock, darker the more runs at once."""
    hours: dict[tuple[str, int], int] = {}
    for place, running in enumerate(found.running):
        told = say.moment(found.from_ms + place * MINUTE_MS)
        cell = (told[:10], int(told[11:13]))
        hours[cell] = max(hours.get(cell, 0), running)
    days = dict.fromkeys(day for day, _ in hours)
    lines = [" " * 12 + "".join(f"{hour:02}" + " " * (3 * _CELL - 2) for hour in range(0, 24, 3))]
    for day in days:
        cells = "".join(_shade(hours.get((day, hour)), found.peak) * _CELL for hour in range(24))
        most = max(hours.get((day, hour), 0) for hour in range(24))
        lines.append(f"{day}  {cells}  {most}".rstrip())
    return lines


def _shade(running: int | None, peak: int) -> str:
    if not running:
        return _SHADES[0] if running is None else "·"
    return _SHADES[-(-running * (len(_SHADES) - 1) // peak)]


COMMANDS: Final = (forecast,)
