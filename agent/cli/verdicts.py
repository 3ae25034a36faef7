"""How is it shown what foreign lines become, and whether cron started them at the same moments."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from agent.cli import say
from agent.cli.gathering import log_lines
from agent.due import when_in_words
from agent.errors import WrongUse
from agent.foreign import shadow
from agent.foreign.cronlog import LogLine, read_log
from agent.foreign.proposals import Proposal

_STYLES: Final = {
    "ok": "green",
    "changed": "yellow",
    "edited": "cyan",
    "refused": "bold red",
    "skipped": "dim",
}
_SHOWN_MOMENTS: Final = 3
_WIDE: Final = 120


def show(proposals: Sequence[Proposal], source: str) -> None:
    """The table of verdicts, and what holds for all of them."""
    if not proposals:
        click.echo(f"There is nothing to import from {source}.")
        return
    if all(one.origin.endswith(".timer") for one in proposals):
        say.console().print(_table("Timer", proposals, lambda one: one.origin))
    else:
        for origin, group in groupby(proposals, key=lambda one: one.origin):
            click.echo(f"{origin}:")
            say.console().print(_table("Line", list(group), lambda one: str(one.line or "-")))
    count = Counter[str](one.verdict for one in proposals)
    summary = ", ".join(f"{count[verdict]} {verdict}" for verdict in _STYLES if count[verdict])
    click.echo(f"\n{len(proposals)} lines of {source}: {summary}.")
    if not count["ok"] and not count["changed"] and not count["edited"]:
        return
    click.echo(
        "Unlike before: runs of one task do not overlap, a run that was missed is made up for\n"
        "within an hour (a timer: as Persistent= says), output is kept with its run, and each\n"
        "run ends after 30 days at the latest. All of it can be changed in each task."
    )


def tell_of_mail(proposals: Sequence[Proposal], *, recipients: Sequence[str]) -> None:
    """What becomes of cron's mails, where the crontab names somebody who gets them."""
    mailed = sorted({one.mail for one in proposals if one.mail and one.task is not None})
    if not mailed:
        return
    click.echo(
        f"Cron mailed to {', '.join(mailed)} whatever these commands wrote. Here that is\n"
        "kept with each run (`smartcron-agent runs log`), and only what fails is told, as an alert."
    )
    if recipients:
        click.echo(
            f"Alerts are mailed to {', '.join(recipients)}, as [mail] in settings.toml says."
        )
    else:
        click.echo(
            "Nobody is mailed of alerts yet: name a server and recipients in [mail] of\n"
            "settings.toml, then try it with `smartcron-agent alerts test`."
        )


def tell_of_lost(names: Sequence[str]) -> None:
    """Which tasks were imported from here and have no line any more."""
    if names:
        say.warn(
            f"no line here any more: {', '.join(names)}; they go on as they are, "
            "`smartcron-agent tasks disable NAME` stops one"
        )


def tell(
    proposals: Sequence[Proposal],
    *,
    added: Sequence[str],
    edited: Sequence[str],
    enabled: Sequence[str],
    gone: Sequence[str],
) -> None:
    """The same for programs."""
    say.json_out(
        {
            "lines": [
                {
                    "origin": one.origin,
                    "line": one.line,
                    "verdict": one.verdict,
                    "note": one.note,
                    "task_name": one.task.task_name if one.task else None,
                    "schedule": _words(one),
                    "command": one.command,
                    "definition": msgspec.to_builtins(one.task) if one.task else None,
                }
                for one in proposals
            ],
            "added": added,
            "edited": edited,
            "enabled": enabled,
            "gone": gone,
        }
    )


def show_shadow(
    proposals: Sequence[Proposal],
    logs: Sequence[Path],
    *,
    zone: str,
    start: str | None,
    end: str | None,
    as_json: bool,
) -> bool:
    """Compare with cron's log and show it; are they the same?"""
    lines = [line for log in logs for line in _read(log, zone)]
    if not lines:
        raise WrongUse(f"--log {logs[0]}: no line of it begins with a moment; name a log of cron")
    first_ms = min(line.at_ms for line in lines)
    # What is due at the very end may not have been started yet.
    last_ms = max(line.at_ms for line in lines) - shadow.LATEST_MS
    after_ms = _moment("--from", start, zone) if start else first_ms
    until_ms = _moment("--to", end, zone) if end else last_ms
    if after_ms >= until_ms:
        raise WrongUse(
            f"--from {start or _at(after_ms, zone)}: must be earlier than the end, "
            f"which is {end or _at(until_ms, zone)}"
        )
    compared = shadow.compare(proposals, lines, after_ms=after_ms, until_ms=until_ms)
    left_out = list(shadow.not_compared(proposals))
    is_same = all(one.is_same for one in compared)
    if as_json:
        say.json_out(
            {
                "from": _at(after_ms, zone),
                "to": _at(until_ms, zone),
                "same": is_same,
                "compared": [_as_json(one, zone) for one in compared],
                "not_compared": [{"line": one.line, "reason": why} for one, why in left_out],
            }
        )
        return is_same
    click.echo(f"From {_at(after_ms, zone)} to {_at(until_ms, zone)}:")
    say.table(
        ("Line", "Task", "Expected", "Seen", "Missing", "Unexpected"),
        [
            (
                ", ".join(str(line) for line in one.lines),
                ", ".join(one.task_names),
                one.expected,
                one.seen,
                len(one.missing) or "-",
                len(one.unexpected) or "-",
            )
            for one in compared
        ],
        empty="No line of the crontab can be compared.",
    )
    for one in compared:
        name = one.task_names[0]
        _say_moments(f"{name}: cron did not start it at", one.missing, zone)
        _say_moments(f"{name}: not due, but cron started it at", one.unexpected, zone)
    for proposal, reason in left_out:
        click.echo(f"line {proposal.line} was not compared: {reason}")
    if is_same:
        say.good("cron started the same at the same moments")
    return is_same


def _table(place: str, proposals: Sequence[Proposal], where: Callable[[Proposal], str]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    # So that the note keeps some room at 80 columns.
    widest = 20 if say.console().width < _WIDE else None
    shown.add_column(place, overflow="fold", max_width=widest)
    shown.add_column("Verdict", no_wrap=True)
    shown.add_column("Task", overflow="fold", max_width=widest)
    shown.add_column("Schedule", max_width=widest)
    shown.add_column("Note", ratio=1)
    for one in proposals:
        shown.add_row(
            escape(where(one)),
            f"[{_STYLES[one.verdict]}]{one.verdict}[/]",
            one.task.task_name if one.task else "-",
            escape(_words(one) or "-"),
            escape(one.note or "as it is"),
        )
    return shown


def _words(proposal: Proposal) -> str:
    task = proposal.task
    return when_in_words(task) if task else proposal.schedule


def _read(path: Path, zone: str) -> Iterable[LogLine]:
    latest_ms = time.time_ns() // 1_000_000
    if str(path) != "-":
        latest_ms = round(path.stat().st_mtime * 1000)
    return read_log(log_lines(path), zone=zone, latest_ms=latest_ms)


def _as_json(one: shadow.Compared, zone: str) -> dict[str, object]:
    return {
        "task_names": one.task_names,
        "lines": one.lines,
        "command": one.command,
        "expected": one.expected,
        "seen": one.seen,
        "missing": [_at(at_ms, zone) for at_ms in one.missing],
        "unexpected": [_at(at_ms, zone) for at_ms in one.unexpected],
    }


def _say_moments(what: str, moments: Sequence[int], zone: str) -> None:
    if not moments:
        return
    shown = ", ".join(_at(at_ms, zone) for at_ms in moments[:_SHOWN_MOMENTS])
    more = len(moments) - _SHOWN_MOMENTS
    say.bad(f"{what} {shown}" + (f" and {more} more" if more > 0 else ""))


def _moment(option: str, text: str, zone: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUse(
            f"{option} {text!r}: is no moment; write ISO 8601 such as 2026-11-24T08:00"
        ) from error
    # A moment without an offset is meant as the log shows it.
    at = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))
    return round(at.astimezone(UTC).timestamp() * 1000)


def _at(at_ms: int, zone: str) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).isoformat(timespec="seconds")
