"""The command about due moments to come: of tasks, of a schedule, and of tasks not saved yet."""

import sys
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

import click
import msgspec

from agent.cli import say
from agent.cli.batch import answer_lines
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.cli.whatif import show_comparison
from agent.cron.moments import DueMoment
from agent.cron.words import in_words
from agent.errors import WrongUse
from agent.expected import Expected
from agent.outlook import DAY_MS, Outlook, coming, what_if
from agent.rules.schedule import Timing, next_moments
from agent.store import plans
from agent.tasktables import load_definitions

_MOST: Final = 1000
_WHAT_IF_MS: Final = 7 * DAY_MS
_OUTCOMES: Final = {
    "runs": "",
    "delayed": "after the window {window}",
    "queued": "waits for the run before",
    "beside": "beside the run before",
    "replaces": "ends the run before",
    "replaced": "is ended by the next run",
}


@click.command("next")
@click.argument("task_names", metavar="[TASK]...", nargs=-1)
@click.option("--task", "more_names", multiple=True, help="A task, as TASK; may be repeated.")
@click.option("--count", type=click.IntRange(1, _MOST), help="How many (else 10, or all until).")
@click.option("--cron", "text", help="A schedule that need not be saved, instead of tasks.")
@click.option("--tz", "zone", default="UTC", show_default=True, help="Zone of --cron.")
@click.option("--from", "start", help="Moment to look from, ISO 8601 (else now).")
@click.option("--until", "--to", "end", help="Moment to look to, ISO 8601.")
@click.option(
    "--batch",
    type=click.File("rb"),
    help="JSON lines of cron, tz, from, count instead (- for stdin); answers in JSON lines.",
)
@click.option(
    "--dst-gap",
    type=click.Choice(["after", "skip"]),
    default="after",
    show_default=True,
    help="Of --cron: what clocks that go forward leave out runs after that, or not.",
)
@click.option(
    "--dst-fold",
    type=click.Choice(["first", "both"]),
    default="first",
    show_default=True,
    help="Of --cron: what clocks show twice runs the first time, or both.",
)
@click.option(
    "--what-if",
    "draft",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file of tasks: what would be different with them (else over 7 days).",
)
@click.option("--without", multiple=True, help="What would be different without this task.")
@json_option
@pass_session
def next_(
    session: Session,
    task_names: tuple[str, ...],
    more_names: tuple[str, ...],
    count: int | None,
    text: str | None,
    zone: str,
    start: str | None,
    end: str | None,
    batch: BinaryIO | None,
    dst_gap: str,
    dst_fold: str,
    draft: Path | None,
    without: tuple[str, ...],
    as_json: bool,
) -> None:
    """The next due moments, of all tasks, of some, or of a schedule of your own.

    Of tasks also how long they will take, and which will not run or meet a run before them.

    \b
    Examples:
      smartcron-agent next --count 20
      smartcron-agent next --task vend_sync_sales --until 2026-12-24T18:00
      smartcron-agent next --cron "*/30 8-18 * * 1-5" --tz Europe/Berlin --count 5
      smartcron-agent next --what-if backup.toml --without old_backup
      echo '{"cron": "0 7 * * *", "from": "2026-11-24T08:00Z"}' |
                smartcron-agent next --batch -
    """
    names = tuple(dict.fromkeys((*task_names, *more_names)))
    is_asked = draft is not None or bool(without)
    _check_ways(batch is not None, names or start or end, text=text, is_asked=is_asked)
    if batch is not None:
        for answer in answer_lines(batch):
            sys.stdout.buffer.write(answer)
            # A program may wait for this answer before it asks again.
            sys.stdout.buffer.flush()
        return
    at_ms = now_ms()
    from_ms = read_moment("--from", start) if start else at_ms
    until_ms = read_moment("--until", end) if end else None
    if until_ms is not None and until_ms <= from_ms:
        raise WrongUse(f"--until {end}: must be later than the moment to look from")
    if text is not None:
        timing = Timing(
            texts=(text,),
            zone=zone,
            dst_gap="skip" if dst_gap == "skip" else "after",
            dst_fold="both" if dst_fold == "both" else "first",
        )
        found = next_moments(timing, from_ms, count or (_MOST if until_ms else 10))
        _show_moments(
            [due for due in found if until_ms is None or due.at_ms <= until_ms],
            (text, zone),
            as_json,
        )
        return
    outlook = read_outlook(session, at_ms)
    if is_asked:
        drafts = [] if draft is None else load_definitions(_text(draft), str(draft))
        compared = what_if(
            outlook, drafts, without, from_ms=from_ms, until_ms=until_ms or from_ms + _WHAT_IF_MS
        )
        show_comparison(compared, as_json)
        return
    if names:
        outlook = outlook.only(names)
    shown = coming(
        outlook, from_ms=from_ms, until_ms=until_ms, count=count or (_MOST if until_ms else 10)
    )
    _show(outlook, shown, as_json)


def read_outlook(session: Session, at_ms: int) -> Outlook:
    """All tasks of this home as they stand now."""
    slots = session.settings.max_running
    with session.database() as database:
        tasks, calendars = database.read_now(lambda connection: plans.load(connection, at_ms))
    return Outlook(now_ms=at_ms, slots=slots, tasks=tasks, calendars=calendars)


def in_zone(at_ms: int, zone: str) -> str:
    """The moment in ISO 8601 as the clocks of a zone show it."""
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).isoformat(timespec="seconds")


def _check_ways(is_batch: bool, chosen: object, *, text: str | None, is_asked: bool) -> None:
    if is_batch and (chosen or text is not None or is_asked):
        raise WrongUse("--batch: takes its schedules and moments from the lines alone")
    if text is not None and is_asked:
        raise WrongUse("--cron: is no task; write a file of tasks for --what-if")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{file} cannot be read as UTF-8 text: {error}") from error


def _show_moments(found: list[DueMoment], schedule: tuple[str, str], as_json: bool) -> None:
    text, zone = schedule
    if as_json:
        say.json_out(
            [{"at": in_zone(due.at_ms, zone), "at_ms": due.at_ms, "tag": due.tag} for due in found]
        )
        return
    say.table(
        ("Due", "Zone", "Schedule", "Tag"),
        [(in_zone(due.at_ms, zone), zone, in_words((text,)), _tag(due.tag)) for due in found],
        empty="Nothing will ever be due.",
    )


def _show(outlook: Outlook, shown: tuple[Expected, ...], as_json: bool) -> None:
    zones = {task.task_name: task.definition.timezone for task in outlook.tasks}
    if as_json:
        say.json_out(
            [
                {
                    **msgspec.to_builtins(one),
                    "at": in_zone(one.at_ms, zones[one.task_name]),
                    "takes_ms": takes_ms(one),
                }
                for one in shown
            ]
        )
        return
    say.table(
        ("Due", "Task", "Duration", "What comes of it", "Tag"),
        [
            (
                in_zone(one.at_ms, zones[one.task_name]),
                one.task_name,
                say.duration(takes_ms(one)),
                said_of(one),
                _tag(one.tag),
            )
            for one in shown
        ],
        empty="Nothing will be due.",
    )


def takes_ms(one: Expected) -> int | None:
    """How long its run will take, if that is known."""
    if one.starts_ms is None or one.ends_ms is None:
        return None
    return one.ends_ms - one.starts_ms


def said_of(one: Expected) -> str:
    """What comes of a moment, in a few words; nothing when it simply runs."""
    if not one.will_run:
        window = f" ({one.window})" if one.window else ""
        return f"does not run: {say.reason(one.reason)}{window}"
    return _OUTCOMES[one.outcome].format(window=one.window)


def _tag(tag: str) -> str:
    return "" if tag == "normal" else tag


COMMANDS: Final = (next_,)
