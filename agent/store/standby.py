"""What an agent needs to begin while its database is away: kept on this host, and read again."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from agent import readback, sealed
from agent.alertrules import AlertRule
from agent.log import log_of
from agent.ownchecks import OwnCheck
from agent.readback import NotWhole
from agent.rules.muting import Mute
from agent.runs import Run
from agent.settings import Settings
from agent.store import (
    alert_rules,
    byhand,
    calendars,
    clients,
    events,
    invites,
    ledger,
    mutes,
    ownchecks,
    state,
    tasks,
)
from agent.store.alert_rows import Alert, worst_first
from agent.store.clients import Client
from agent.store.invites import Invite
from agent.store.journal import Entry
from agent.store.tasks import Span, TaskRow
from agent.store.writes import Claim, Order, Take
from agent.windows import Calendar

log = log_of(__name__)

TASKS: Final = "standby.tasks"
RUNS: Final = "standby.runs"
WHO: Final = "agent"
WHY: Final = "brought back after the database was damaged"
ALERTS: Final = "standby.alerts"
SETTINGS: Final = "standby.settings"
MOST_ALERTS: Final = 1_000


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the database of all that an agent asks for as it begins, except its runs."""

    database: str
    boot_id: str
    tasks: tuple[TaskRow, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    clients: tuple[Client, ...] = ()
    invites: tuple[Invite, ...] = ()
    boots: tuple[int, ...] = ()
    highest_ms: int = 0
    rules: tuple[AlertRule, ...] = ()
    mutes: tuple[Mute, ...] = ()
    own_checks: tuple[OwnCheck, ...] = ()


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """From when on the journal knows all that was decided, after an agent began without a database.

    What was due up to `at_ms` and has no row is looked for when the database is back, before it is
    told anything. `booted_ms` is the moment of a boot that the database does not know yet.
    """

    at_ms: int
    boot_id: str = ""
    booted_ms: int | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal knows of runs: their rows now, whose moments were taken, how far."""

    unfinished: dict[str, Run]
    run_ids: frozenset[str]
    taken: frozenset[tuple[str, int]]
    watermarks: dict[str, int]
    decided_until_ms: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a database that is back, before it is told what happened meanwhile."""

    tasks: tuple[TaskRow, ...]
    history: dict[str, tuple[Span, ...]]
    unfinished: tuple[Run, ...]
    decided_until_ms: int
    by_hand: byhand.Found


def gather(connection: Connection, *, database: str, boot_id: str, now_ms: int) -> Known:
    """What is to be kept, except the tasks."""
    return Known(
        database=database,
        boot_id=boot_id,
        calendars=tuple(row.calendar for row in calendars.load_rows(connection)),
        # When a key was here last is nothing that an agent has to know to begin.
        clients=tuple(
            msgspec.structs.replace(client, last_seen_ms=None, last_address=None)
            for client in clients.load_all(connection)
        ),
        invites=invites.open_ones(connection, now_ms),
        boots=events.boots(connection),
        highest_ms=state.highest(connection),
        rules=tuple(row.rule for row in alert_rules.load_all(connection)),
        mutes=mutes.not_over(connection, now_ms=now_ms),
        own_checks=ownchecks.load_all(connection),
    )


def bring_back(connection: Connection, *, known: Known, now_ms: int) -> None:
    """Put in force what a copy has, and a database that was damaged has no more."""
    there = {each.key_id for each in clients.load_all(connection)}
    for client in known.clients:
        if client.key_id not in there:
            clients.add(connection, client)
    named = calendars.load_all(connection)
    for calendar in known.calendars:
        if calendar.name not in named:
            calendars.put(connection, calendar, who=WHO, now_ms=now_ms)
    ruled = {row.rule.name for row in alert_rules.load_all(connection)}
    for rule in known.rules:
        if rule.name not in ruled:
            alert_rules.put(connection, rule, who=WHO, now_ms=now_ms)
    checked = {own.name for own in ownchecks.load_all(connection)}
    for own in known.own_checks:
        if own.name not in checked:
            ownchecks.put(connection, own, who=WHO, now_ms=now_ms)
    _bring_back_tasks(connection, [task for task in known.tasks if task.fault is None], now_ms)


def _bring_back_tasks(connection: Connection, copied: Sequence[TaskRow], now_ms: int) -> None:
    definitions = [task.definition for task in copied]
    tasks.apply(connection, definitions, who=WHO, why=WHY, now_ms=now_ms)
    now = {task.task_name: task for task in tasks.load_all(connection)}
    for task in copied:
        if task.paused != now[task.task_name].paused:
            tasks.set_flags(
                connection,
                [task.task_name],
                paused=task.paused,
                until_ms=task.paused_until_ms,
                reason=task.pause_reason,
                who=WHO,
                now_ms=now_ms,
            )


def find(connection: Connection, *, floor: Floor, now_ms: int) -> Found:
    """What there is, with the boot that the database could not be told of."""
    if floor.booted_ms is not None:
        events.note_boot(connection, floor.boot_id, floor.booted_ms)
    by_hand = byhand.take_up(connection, now_ms=now_ms)
    decided_ms = state.decided_until(connection) or 0
    return Found(
        by_hand=by_hand,
        tasks=tasks.load_all(connection),
        history=tasks.history(connection, until_ms=now_ms, changed_after_ms=decided_ms - 1),
        unfinished=ledger.unfinished(connection),
        decided_until_ms=decided_ms,
    )


def add_up(entries: Iterable[Entry]) -> Told:
    """What writes that no database has been told say of runs, in their order."""
    unfinished: dict[str, Run] = {}
    run_ids: set[str] = set()
    taken: set[tuple[str, int]] = set()
    watermarks: dict[str, int] = {}
    decided_ms = 0
    for entry in entries:
        write = entry.write
        rows: tuple[Run, ...] = ()
        if isinstance(write, Claim):
            rows = write.runs
            taken |= {(run.task_name, run.scheduled_ms) for run in rows}
            decided_ms = max(decided_ms, write.decided_until_ms or 0)
            for name, at_ms in (write.watermarks or {}).items():
                watermarks[name] = max(at_ms, watermarks.get(name, 0))
        elif isinstance(write, Order):
            rows = (write.assumed(),)
        elif isinstance(write, Take):
            rows = write.assumed()[0]
        for run in rows:
            run_ids.add(run.id)
            if run.has_ended:
                unfinished.pop(run.id, None)
            else:
                unfinished[run.id] = run
    return Told(
        unfinished=unfinished,
        run_ids=frozenset(run_ids),
        taken=frozenset(taken),
        watermarks=watermarks,
        decided_until_ms=decided_ms,
    )


class Copy:
    """Files beside the database: what is known of tasks, which runs and which alerts are not over.

    Each is written whole or not at all, and only when it would hold something else.
    """

    def __init__(self, folder: Path) -> None:
        self._tasks = folder / TASKS
        self._runs = folder / RUNS
        self._alerts = folder / ALERTS
        self._settings = folder / SETTINGS
        self._written: dict[Path, bytes] = {}

    def keep(self, known: Known) -> None:
        """Remember this in place of what was known before; raises OSError."""
        # After a power cut it has to be there, and whole.
        self._put(self._tasks, msgspec.msgpack.encode(known), is_flushed=True)

    def keep_runs(self, runs: Iterable[Run]) -> None:
        """Remember which runs are not over; after a power cut none of them lives. OSError."""
        self._put(self._runs, msgspec.msgpack.encode(tuple(runs)), is_flushed=False)

    def keep_alerts(self, found: Iterable[Alert]) -> None:
        """Remember which alerts are open, the worst of them where there are very many. OSError."""
        worst = tuple(worst_first(found)[:MOST_ALERTS])
        self._put(self._alerts, msgspec.msgpack.encode(worst), is_flushed=False)

    def read_alerts(self) -> tuple[Alert, ...]:
        """The alerts that were open."""
        return _read(self._alerts, tuple[Alert, ...]) or ()

    def keep_settings(self, settings: Settings) -> None:
        """Remember by which an agent has begun; raises OSError."""
        self._put(self._settings, msgspec.msgpack.encode(settings), is_flushed=True)

    def read_settings(self) -> Settings | None:
        """The settings by which an agent began last."""
        found = _read(self._settings, Settings)
        return found if isinstance(found, Settings) else None

    def read(self, database: str) -> Known | None:
        """What was known of this database; None where that is nothing, or cannot be read."""
        known = _read(self._tasks, Known)
        return known if isinstance(known, Known) and known.database == database else None

    def read_runs(self) -> tuple[Run, ...]:
        """The runs that were not over."""
        return _read(self._runs, tuple[Run, ...]) or ()

    def read_begun(self) -> tuple[Run, ...]:
        """Those of them that had begun: what waited then may have run since, and is over."""
        return tuple(run for run in self.read_runs() if run.status in ("running", "stopping"))

    def _put(self, path: Path, body: bytes, *, is_flushed: bool) -> None:
        mark = hashlib.sha256(body).digest()
        if self._written.get(path) == mark:
            return
        half = path.with_name(f".{path.name}.half")
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(sealed.seal_packed(body))
            file.flush()
            if is_flushed:
                os.fsync(descriptor)
        half.replace(path)
        self._written[path] = mark


def _read(path: Path, wanted: Any) -> Any:
    try:
        return readback.from_msgpack(path.read_bytes(), wanted)
    except FileNotFoundError:
        return None
    except (OSError, NotWhole) as error:
        log.warning(
            "a copy of what the database knew is of no use", file=str(path), cause=str(error)
        )
        return None
