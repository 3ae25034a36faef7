"""The terminal's view of the agent: one picture of what runs, failed and comes."""

import time
from collections.abc import Iterator

import msgspec
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from agent.cli import say, standing
from agent.cli.session import Session
from agent.due import fault_of, when_in_words
from agent.halting import Halt
from agent.halting import standing as standing_halt
from agent.runs import LIVE_STATES, Run
from agent.store import alerts, ledger, state, statistics, tasks
from agent.store.database import Database

FRESH_MS = 90_000
WIDE = 110
"""So many columns hold everything."""
TALL = 36
RECENT = 8
NAMED = 5
"""So many tasks are named in a sentence."""
ATTENTION = 1
NOT_SERVED = 2


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One task in the picture."""

    task_name: str
    category: str
    schedule: str
    state: str
    status: str | None
    fails: int
    duration_ms: int | None
    ended_ms: int | None
    next_ms: int | None

    @property
    def is_failing(self) -> bool:
        """It failed last, and nobody has taken it off the schedule."""
        return self.fails > 0 and self.state != "disabled"


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """All that one look found."""

    at_ms: int
    home: str
    serving: bool
    beat_age_ms: int | None
    tasks: tuple[Line, ...]
    running: tuple[Run, ...]
    recent: tuple[Run, ...]
    alerts: int
    """Those that nobody has said yes to, snoozed or muted."""
    attention: tuple[str, ...]
    """What somebody should look at, in words."""

    @property
    def exit_status(self) -> int:
        """0 all is well, 1 something needs attention, 2 no agent serves."""
        if not self.serving:
            return NOT_SERVED
        return ATTENTION if self.attention else 0


def take(database: Database, session: Session) -> Picture:
    """Look once."""
    now_ms = time.time_ns() // 1_000_000
    rows = database.read_now(tasks.load_all)
    figures = database.read_now(lambda connection: statistics.of_tasks(connection, now_ms))
    beat = database.read_now(state.last_beat)
    recent = database.read_now(lambda connection: ledger.page(connection, limit=60)).runs
    live = database.read_now(
        lambda connection: ledger.page(
            connection, ledger.RunFilter(statuses=LIVE_STATES), limit=100
        )
    ).runs
    alive = {run.task_name: run.status for run in live}
    serving = session.is_served
    lines = []
    for row in rows:
        found = figures.get(row.task_name)
        last = found.last if found else None
        lines.append(
            Line(
                task_name=row.task_name,
                category=row.definition.category,
                schedule=when_in_words(row.definition),
                state=_state(row, alive.get(row.task_name), now_ms, serving=serving),
                status=last.status if last else None,
                fails=found.fails_in_row if found else 0,
                duration_ms=last.duration_ms if last else None,
                ended_ms=last.ended_ms if last else None,
                next_ms=standing.next_run(row, now_ms),
            )
        )
    beat_age_ms = None if beat is None else max(0, now_ms - beat.at_ms)
    open_now = sum(
        one.status == "active" and (one.muted_until_ms or 0) <= now_ms
        for one in database.read_now(alerts.open_alerts)
    )
    return Picture(
        at_ms=now_ms,
        home=str(session.home.root),
        serving=serving,
        beat_age_ms=beat_age_ms,
        tasks=tuple(lines),
        running=tuple(live),
        recent=tuple(run for run in recent if run.has_ended),
        alerts=open_now,
        attention=tuple(
            _attention(
                lines,
                open_now,
                serving=serving,
                halt=None if serving else standing_halt(session.home),
                beat_age_ms=beat_age_ms,
            )
        ),
    )


def _attention(
    lines: list[Line], alerts: int, *, serving: bool, halt: Halt | None, beat_age_ms: int | None
) -> Iterator[str]:
    if halt is not None:
        yield say.halted(halt)
    elif not serving:
        yield "no agent serves this home; `smartcron-agent start` starts one"
    elif beat_age_ms is None or beat_age_ms > FRESH_MS:
        yield "the agent is silent"
    for word, found in (
        ("failing", [line.task_name for line in lines if line.is_failing]),
        ("invalid", [line.task_name for line in lines if line.state == "invalid"]),
    ):
        if found:
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            yield f"{word}: {', '.join(found[:NAMED])}{more}"
    if alerts:
        yield f"{alerts} open alerts" if alerts > 1 else "1 open alert"


def overview(picture: Picture, *, width: int, height: int | None) -> RenderableType:
    """The picture as text; `width` and `height` are what fits on the screen."""
    failing = [line for line in picture.tasks if line.is_failing]
    order = sorted(
        picture.tasks,
        key=lambda line: (
            line.state not in LIVE_STATES,
            not line.is_failing,
            line.next_ms or 2**60,
        ),
    )
    shown_runs = RECENT if height is None or height >= TALL else RECENT // 2
    room = len(order) if height is None else max(5, height - shown_runs - 8)
    is_wide = width >= WIDE
    return Group(
        _headline(picture, failing=len(failing), is_wide=is_wide),
        Text("; ".join(picture.attention), style="yellow", no_wrap=True, overflow="ellipsis"),
        _tasks(order[:room], picture.at_ms, is_wide=is_wide),
        Text(f"and {len(order) - room} more tasks" if len(order) > room else "", style="dim"),
        _recent(picture.recent[:shown_runs], is_wide=is_wide),
    )


def _headline(picture: Picture, *, failing: int, is_wide: bool) -> Text:
    if not picture.serving:
        word, style = "no agent serves this home", "bold red"
    elif picture.beat_age_ms is None or picture.beat_age_ms > FRESH_MS:
        word, style = "silent", "bold yellow"
    else:
        word, style = "live", "bold green"
    return Text.assemble(
        ("Smart Cron  ", "bold"),
        (word, style),
        f"   {len(picture.tasks)} tasks, {_alive(picture)} running, ",
        (f"{failing} failing", "bold red" if failing else ""),
        f"   {say.moment(picture.at_ms)}   {picture.home}" if is_wide else "",
        no_wrap=True,
        overflow="ellipsis",
    )


def _alive(picture: Picture) -> int:
    return sum(run.status in ("starting", "running", "stopping") for run in picture.running)


def _tasks(lines: list[Line], now_ms: int, *, is_wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold dim", expand=not is_wide)
    table.add_column("State", no_wrap=True, min_width=10)
    # Only the name gives way when the terminal is narrow, and the schedule before it.
    table.add_column("Task", no_wrap=True, overflow="ellipsis", ratio=1)
    if is_wide:
        table.add_column("Schedule", no_wrap=True)
    table.add_column("Last", no_wrap=True, min_width=9)
    table.add_column("Duration", no_wrap=True, justify="right", min_width=8)
    table.add_column("Next", no_wrap=True, min_width=8)
    table.add_column("In", no_wrap=True, justify="right", min_width=9)
    for line in lines:
        schedule = (f"[dim]{escape(line.schedule)}[/]",) if is_wide else ()
        table.add_row(
            say.ending(line.state),
            line.task_name,
            *schedule,
            say.ending(line.status) if line.status else "[dim]never ran[/]",
            say.duration(line.duration_ms),
            say.moment(line.next_ms)[11:] if line.next_ms else "-",
            say.duration(line.next_ms - now_ms) if line.next_ms else "-",
        )
    return table


def _recent(runs: tuple[Run, ...], *, is_wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold dim", expand=not is_wide)
    table.add_column("Ended", no_wrap=True, min_width=8)
    table.add_column("Task", no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_column("Ending", no_wrap=True, min_width=9)
    table.add_column("Duration", no_wrap=True, justify="right", min_width=8)
    table.add_column("What it said", no_wrap=True, overflow="ellipsis", ratio=3)
    for run in runs:
        table.add_row(
            say.moment(run.ended_ms)[11:],
            run.task_name,
            say.ending(run.status),
            say.duration(run.duration_ms),
            escape(say.harmless(_said(run))),
        )
    return table


def _said(run: Run) -> str:
    if run.status == "success":
        return ""
    lines = (run.error_message or say.reason(run.reason)).splitlines()
    return lines[0] if lines else ""


def _state(row: tasks.TaskRow, live: str | None, now_ms: int, *, serving: bool) -> str:
    if live:
        # Without an agent nobody knows whether it runs still.
        if not serving:
            return "unknown"
        is_watch = row.definition.kind == "watch"
        return say.AWAITS_PING if is_watch and live == "queued" else live
    if row.fault or fault_of(row.definition):
        return "invalid"
    if not row.enabled:
        return "disabled"
    return "paused" if row.is_paused(now_ms) else "idle"
