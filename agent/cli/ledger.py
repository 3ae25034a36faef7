"""Commands about due moments: those to come, and the proof that none was lost."""

import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

import click
import msgspec

from agent.cli import say
from agent.cli.batch import answer_lines
from agent.cli.session import Session, json_option, pass_session
from agent.cron.words import in_words
from agent.definitions import Definition
from agent.due import each_due, timing_of
from agent.errors import WrongUse
from agent.rules import ledger as rules
from agent.rules.schedule import next_moments
from agent.store import ledger as store
from agent.store import state
from agent.store import tasks as task_store

DAY: Final = timedelta(days=1)


@click.command("next")
@click.argument("task_names", nargs=-1)
@click.option("--count", type=click.IntRange(1, 1000), default=10, show_default=True)
@click.option("--cron", "text", help="A schedule that need not be saved, instead of tasks.")
@click.option("--tz", "zone", default="UTC", show_default=True, help="Zone of --cron.")
@click.option("--from", "start", help="Moment to look from, ISO 8601 (else now).")
@click.option(
    "--batch",
    type=click.File("rb"),
    help="JSON lines of cron, tz, from, count instead (- for stdin); answers in JSON lines.",
)
@click.option("--dst-gap", type=click.Choice(["after", "skip"]), default="after", show_default=True)
@click.option(
    "--dst-fold", type=click.Choice(["first", "both"]), default="first", show_default=True
)
@json_option
@pass_session
def next_(
    session: Session,
    task_names: tuple[str, ...],
    count: int,
    text: str | None,
    zone: str,
    start: str | None,
    batch: BinaryIO | None,
    dst_gap: str,
    dst_fold: str,
    as_json: bool,
) -> None:
    """The next due moments, of all tasks, of some, or of a schedule of your own.

    \b
    Examples:
      smartcron-agent next --count 20
      smartcron-agent next --cron "*/30 8-18 * * 1-5" --tz Europe/Berlin --count 5
      echo '{"cron": "0 7 * * *", "from": "2026-11-24T08:00Z"}' | smartcron-agent next --batch -
    """
    if batch is not None:
        if task_names or text is not None or start is not None:
            raise WrongUse("--batch: takes its schedules and moments from the lines alone")
        for answer in answer_lines(batch):
            sys.stdout.buffer.write(answer)
            # A program may wait for this answer before it asks again.
            sys.stdout.buffer.flush()
        return
    after_ms = _moment("--from", start) if start else _now_ms()
    if text is not None:
        definitions: Iterable[Definition] = [
            Definition(
                task_name="unsaved",
                schedule=(text,),
                command=("/bin/true",),
                timezone=zone,
                dst_gap="skip" if dst_gap == "skip" else "after",
                dst_fold="both" if dst_fold == "both" else "first",
            )
        ]
    else:
        with session.database() as database:
            rows = database.read_now(
                lambda connection: (
                    task_store.load(connection, task_names)
                    if task_names
                    else task_store.load_all(connection)
                )
            )
        definitions = [row.definition for row in rows if row.enabled]
    found: list[tuple[int, str, Definition]] = []
    for definition in definitions:
        timing = timing_of(definition)
        if text is not None:
            timing = msgspec.structs.replace(timing, task_name="")
        coming = next_moments(timing, after_ms, count)
        found.extend((due.at_ms, due.tag, definition) for due in coming)
    found.sort(key=lambda entry: (entry[0], entry[2].priority, entry[2].task_name))
    shown = found[:count]
    if as_json:
        say.json_out(
            [
                {"at": _in_zone(at_ms, task.timezone), "at_ms": at_ms, "tag": tag}
                | ({} if text is not None else {"task_name": task.task_name})
                for at_ms, tag, task in shown
            ]
        )
        return
    say.table(
        ("Due", "Zone", "Task", "Schedule", "Tag"),
        [
            (
                _in_zone(at_ms, task.timezone),
                task.timezone,
                task.task_name,
                in_words(task.schedule, task_name=task.task_name),
                "" if tag == "normal" else tag,
            )
            for at_ms, tag, task in shown
        ],
        empty="Nothing will ever be due.",
    )


@click.group("ledger")
def ledger() -> None:
    """Prove that every due moment has its row."""


@ledger.command()
@click.option("--from", "start", help="ISO 8601; else a day before the end.")
@click.option("--to", "end", help="ISO 8601; else up to what has been decided.")
@json_option
@pass_session
def check(session: Session, start: str | None, end: str | None, as_json: bool) -> None:
    """Recompute the due moments from the definitions' history and compare them with the rows.

    Ends with 1 when something is missing or doubled.

    \b
    Example:  smartcron-agent ledger check --from 2026-11-23T00:00Z --json
    """
    with session.database() as database:
        decided_ms = database.read_now(state.decided_until)
        until_ms = _moment("--to", end) if end else (decided_ms or _now_ms())
        after_ms = (
            _moment("--from", start) if start else until_ms - round(DAY.total_seconds() * 1000)
        )
        if after_ms >= until_ms:
            raise WrongUse(f"--from {start}: must be earlier than --to")
        history = database.read_now(lambda connection: task_store.history(connection, until_ms))
        recorded = database.read_now(
            lambda connection: store.recorded(connection, after_ms, until_ms)
        )
    rows: dict[str, list[rules.Row]] = {}
    for row in recorded:
        rows.setdefault(row.task_name, []).append(
            rules.Row(row.scheduled_ms, row.missed_count, row.missed_until_ms)
        )
    compared = {
        name: rules.compare(
            [
                rules.Version(span.from_ms, span.definition if span.enabled else None)
                for span in spans
            ],
            rows.get(name, ()),
            after_ms=after_ms,
            until_ms=until_ms,
            due=_due,
        )
        for name, spans in history.items()
    }
    faults = {name: found for name, found in compared.items() if not found.is_clean}
    expected = sum(found.expected for found in compared.values())
    missing = sum(found.missing_count for found in compared.values())
    doubled = sum(len(found.doubled) for found in compared.values())
    if as_json:
        say.json_out(
            {
                "from": _in_zone(after_ms, "UTC"),
                "to": _in_zone(until_ms, "UTC"),
                "expected": expected,
                "recorded": sum(found.recorded for found in compared.values()),
                "missing": missing,
                "doubled": doubled,
                "unexpected": sum(len(found.unexpected) for found in compared.values()),
                "tasks": {
                    name: {
                        "missing": [
                            {
                                "first": _in_zone(gap.first_ms, "UTC"),
                                "last": _in_zone(gap.last_ms, "UTC"),
                                "count": gap.count,
                            }
                            for gap in found.missing
                        ],
                        "doubled": [_in_zone(at_ms, "UTC") for at_ms in found.doubled],
                    }
                    for name, found in faults.items()
                },
            }
        )
    else:
        click.echo(
            f"from {say.moment(after_ms)} to {say.moment(until_ms)}: expected {expected}, "
            f"recorded {sum(found.recorded for found in compared.values())}, "
            f"missing {missing}, doubled {doubled}"
        )
        for name, found in faults.items():
            for gap in found.missing:
                say.bad(
                    f"{name}: {gap.count} missing, {say.moment(gap.first_ms)} "
                    f"to {say.moment(gap.last_ms)}"
                )
            for at_ms in found.doubled:
                say.bad(f"{name}: doubled at {say.moment(at_ms)}")
    if missing or doubled:
        sys.exit(1)


def _due(definition: Definition, after_ms: int, until_ms: int) -> Iterable[int]:
    return each_due(definition, after_ms, until_ms)


def _moment(option: str, text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUse(
            f"{option} {text!r}: is no moment; write ISO 8601 such as 2026-11-24T08:00+13:00"
        ) from error
    # A moment without an offset is meant as the reader's own clock shows it.
    return round(found.astimezone(UTC).timestamp() * 1000)


def _in_zone(at_ms: int, zone: str) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).isoformat(timespec="seconds")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


COMMANDS: Final = (next_, ledger)
