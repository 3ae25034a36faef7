"""Which tasks there are, how they were changed, by whom: definitions and their flags."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select

from agent.definitions import Definition
from agent.errors import BadDefinition, Conflict, TaskNotFound
from agent.rules.alerting import key_of_failure
from agent.rules.chains import find_circle
from agent.store import alerts, calendars, state
from agent.store.task_rows import (
    FIELDS,
    VERSION_COLUMNS,
    as_row,
    read_tasks,
    read_versions,
)
from agent.store.task_rows import TaskRow as TaskRow
from agent.store.task_rows import Version as Version
from schema.tables import task_versions, tasks

# A change of one of these is a change of the due moments.
TIMING: Final = (
    "schedule",
    "timezone",
    "dst_gap",
    "dst_fold",
    "valid_from",
    "valid_until",
    "every_nth",
    "spread_s",
)
_CHUNK = 500


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What applying definitions came to, as task names."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What was in force from a moment on, until the next span of the same task."""

    from_ms: int
    definition: Definition
    def_rev: int
    enabled: bool
    paused: bool
    pause_reason: str | None = None
    is_change: bool = True
    """Somebody changed the task; else a pause ran out by itself."""


_NEWEST_REV: Final = select(func.max(task_versions.c.def_rev)).where(
    task_versions.c.task_name == bindparam("wanted")
)


def load_all(connection: Connection) -> tuple[TaskRow, ...]:
    """Every task, by name; one that cannot be read has a fault."""
    return tuple(read_tasks(connection))


def watches(connection: Connection) -> frozenset[str]:
    """The names of the tasks that wait for pings."""
    return frozenset(
        connection.scalars(select(tasks.c.task_name).where(tasks.c.kind == "watch")).all()
    )


def load(connection: Connection, names: Iterable[str]) -> tuple[TaskRow, ...]:
    """The tasks of these names, by name; raises TaskNotFound for the first that is not there."""
    names = set(names)
    found = _find(connection, names)
    missing = names - found.keys()
    if missing:
        raise TaskNotFound(min(missing))
    return tuple(found.values())


def _find(connection: Connection, names: Iterable[str]) -> dict[str, TaskRow]:
    """Those of these tasks that are there, by name and in its order; no others are read."""
    wanted = sorted(set(names))
    found: dict[str, TaskRow] = {}
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        rows = read_tasks(connection, tasks.c.task_name.in_(chunk))
        found |= {task.task_name: task for task in rows}
    return found


def export(connection: Connection) -> tuple[Definition, ...]:
    """Every definition that can be read, by name: what `apply` takes."""
    return tuple(task.definition for task in load_all(connection) if task.fault is None)


def register(
    connection: Connection, definitions: Sequence[Definition], *, who: str, why: str, now_ms: int
) -> int:
    """Add the tasks whose names are new, leave the others alone; how many were new."""
    known = _find(connection, (definition.task_name for definition in definitions))
    new = [definition for definition in definitions if definition.task_name not in known]
    check_chains(connection, new)
    calendars.check_names(connection, new)
    for definition in new:
        _add(connection, definition, who=who, why=why, now_ms=now_ms)
    return len(new)


def apply(
    connection: Connection, definitions: Sequence[Definition], *, who: str, why: str, now_ms: int
) -> Applied:
    """Make these definitions the ones in force; tasks that are not named stay as they are.

    A changed timing, and a task enabled by it, has only due moments later than now. Raises
    BadDefinition where a task comes after itself or after one that is not there.
    """
    check_chains(connection, definitions)
    calendars.check_names(connection, definitions)
    known = _find(connection, (definition.task_name for definition in definitions))
    added: list[str] = []
    changed: list[str] = []
    unchanged: list[str] = []
    for definition in definitions:
        task = known.get(definition.task_name)
        if task is None:
            _add(connection, definition, who=who, why=why, now_ms=now_ms)
            added.append(definition.task_name)
        elif task.fault is None and task.definition == definition:
            unchanged.append(definition.task_name)
        else:
            old = task if task.fault is None else continued(connection, task)
            change(connection, old, defined_anew(old, definition, now_ms), who=who, why=why)
            changed.append(definition.task_name)
    return Applied(added=tuple(added), changed=tuple(changed), unchanged=tuple(unchanged))


def remove(
    connection: Connection, names: Iterable[str], *, who: str, why: str, now_ms: int
) -> tuple[str, ...]:
    """Forget these tasks; their history and their rows in the ledger stay.

    Raises TaskNotFound, and Conflict while another task comes after one of them; then none is
    removed.
    """
    gone = load(connection, names)
    check_removal(connection, [task.task_name for task in gone])
    for task in gone:
        definition = msgspec.structs.replace(task.definition, enabled=False)
        last = msgspec.structs.replace(task, definition=definition, updated_ms=now_ms)
        from_ms = max(now_ms, task.watermark_ms)
        remember(connection, last, who=who, why=why, from_ms=from_ms)
        connection.execute(tasks.delete().where(tasks.c.task_name == task.task_name))
        alerts.resolve_of_task(connection, task.task_name, now_ms=now_ms)
    return tuple(task.task_name for task in gone)


def check_removal(connection: Connection, names: Iterable[str]) -> None:
    """Raise Conflict while another task, which stays, comes after one of these."""
    leaving = set(names)
    for task_name, after in _all_after(connection).items():
        if task_name not in leaving and (before := leaving & set(after)):
            raise Conflict(
                f"{task_name} comes after {min(before)}; "
                f"take {min(before)!r} out of its `after` first, or remove both"
            )


def check_chains(connection: Connection, definitions: Sequence[Definition]) -> None:
    """Refuse tasks that would come after themselves, or after one that is not there."""
    for fault in chain_faults(connection, definitions):
        raise fault


def chain_faults(
    connection: Connection, definitions: Sequence[Definition]
) -> Iterator[BadDefinition]:
    """Every task that would come after one that is not there, else one that comes after itself."""
    if not any(definition.after for definition in definitions):
        return
    after = _all_after(connection) | {
        definition.task_name: definition.after for definition in definitions
    }
    is_known = True
    for definition in definitions:
        for before in definition.after:
            if before not in after:
                is_known = False
                yield BadDefinition(
                    "after",
                    before,
                    "there is no such task; `smartcron-agent tasks list` shows them all",
                    where=f"task {definition.task_name}",
                )
    if is_known and (circle := find_circle(after)):
        yield BadDefinition(
            "after",
            list(circle[:-1]),
            f"would never end: {' -> '.join(circle)}; take one of them out",
        )


def _all_after(connection: Connection) -> dict[str, tuple[str, ...]]:
    return {task.task_name: task.definition.after for task in load_all(connection)}


def set_flags(
    connection: Connection,
    names: Iterable[str],
    *,
    enabled: bool | None = None,
    paused: bool | None = None,
    until_ms: int | None = None,
    skip_until_ms: int | None = None,
    reason: str | None = None,
    who: str,
    now_ms: int,
) -> tuple[TaskRow, ...]:
    """Enable, disable, pause (until a moment), resume or skip; the tasks that are different now.

    Due moments up to `skip_until_ms` are not run; 0 takes that back. A task enabled or resumed
    by it has only due moments later than now. Raises TaskNotFound, and Conflict for a task that
    cannot be read; then none is changed.
    """
    changed: list[TaskRow] = []
    for task in load(connection, names):
        if task.fault is not None:
            raise Conflict(
                f"{task.task_name} cannot be changed in part: {task.fault}; "
                "apply its whole definition anew, or correct the row and reload"
            )
        new = _flagged(task, enabled, paused, until_ms, reason, now_ms)
        if skip_until_ms is not None:
            said = f"by {who}: {reason}" if reason else f"by {who}"
            new = msgspec.structs.replace(
                new,
                skip_until_ms=skip_until_ms or None,
                skip_reason=said if skip_until_ms else None,
                updated_ms=now_ms,
            )
        if new != task:
            change(connection, task, new, who=who, why=reason or "")
            changed.append(new)
    return tuple(changed)


def move_watermarks_back(connection: Connection, now_ms: int) -> int:
    """Let everything later than now be decided again, for a clock that was put right.

    Watermarks and the decided moment that are later become now, and so do the moments of
    changes, for the changes are made. How many tasks had decided beyond now.
    """
    moved = connection.execute(
        tasks.update().where(tasks.c.watermark > now_ms).values(watermark=now_ms)
    )
    connection.execute(
        task_versions.update().where(task_versions.c.changed_at > now_ms).values(changed_at=now_ms)
    )
    if (state.decided_until(connection) or 0) > now_ms:
        state.set_decided_until(connection, now_ms, now_ms=now_ms)
    return moved.rowcount


def versions(
    connection: Connection, task_name: str, *, before_ms: int | None = None, limit: int = 100
) -> tuple[Version, ...]:
    """The changes of a task (of those earlier than a moment), newest first; raises TaskNotFound."""
    query = (
        select(*VERSION_COLUMNS)
        .where(task_versions.c.task_name == task_name)
        .order_by(task_versions.c.id.desc())
        .limit(limit)
    )
    if before_ms is not None:
        query = query.where(task_versions.c.changed_at < before_ms)
    found = tuple(read_versions(connection, query))
    if not found:
        raise TaskNotFound(task_name)
    return found


def definition_of(connection: Connection, task_name: str, def_rev: int) -> Definition | None:
    """What a task was in this version of its definition, if that is still known."""
    query = (
        select(*VERSION_COLUMNS)
        .where(task_versions.c.task_name == task_name, task_versions.c.def_rev == def_rev)
        .limit(1)
    )
    return next((version.definition for version in read_versions(connection, query)), None)


def history(
    connection: Connection,
    until_ms: int,
    *,
    changed_after_ms: int | None = None,
    names: Collection[str] | None = None,
) -> dict[str, tuple[Span, ...]]:
    """What was in force when, per task and in order: what the ledger check reckons from.

    With `changed_after_ms` only of tasks that were changed later (or removed), from what was in
    force then: what an agent that comes back has to know, however long the tasks' histories are.
    With `names` only of these.
    """
    wanted = select(*VERSION_COLUMNS).where(task_versions.c.changed_at <= until_ms)
    few = names if names is not None and len(names) <= _CHUNK else None
    if few is not None:
        wanted = wanted.where(task_versions.c.task_name.in_(few))
    if changed_after_ms is not None:
        wanted = wanted.where(_is_in_force_after(changed_after_ms, few))
    wanted = wanted.order_by(task_versions.c.task_name, task_versions.c.id)
    spans: dict[str, list[Span]] = {}
    pause_ends: dict[str, int | None] = {}
    for version in read_versions(connection, wanted):
        name, from_ms, ends_ms = version.task_name, version.changed_ms, version.paused_until_ms
        known = spans.setdefault(name, [])
        _end_pause(known, pause_ends.get(name), from_ms)
        known.append(
            Span(
                from_ms=from_ms,
                definition=version.definition,
                def_rev=version.def_rev,
                enabled=version.enabled,
                pause_reason=version.pause_reason,
                paused=version.paused and (ends_ms is None or from_ms < ends_ms),
            )
        )
        pause_ends[name] = ends_ms
    for name, known in spans.items():
        _end_pause(known, pause_ends[name], until_ms)
    return {name: tuple(known) for name, known in spans.items() if names is None or name in names}


def _is_in_force_after(at_ms: int, names: Collection[str] | None) -> ColumnElement[bool]:
    later, earlier = task_versions.alias(), task_versions.alias()
    changed = select(later.c.task_name).where(later.c.changed_at > at_ms)
    if names is not None:
        changed = changed.where(later.c.task_name.in_(names))
    in_force = (
        select(func.max(earlier.c.id))
        .where(earlier.c.task_name == task_versions.c.task_name, earlier.c.changed_at <= at_ms)
        .scalar_subquery()
    )
    return and_(
        task_versions.c.task_name.in_(changed),
        or_(task_versions.c.changed_at > at_ms, task_versions.c.id == in_force),
    )


def _end_pause(spans: list[Span], pause_ends_ms: int | None, before_ms: int) -> None:
    """Let a pause that ran out by itself before the next change end in a span of its own."""
    if pause_ends_ms is not None and spans[-1].paused and pause_ends_ms < before_ms:
        spans.append(
            msgspec.structs.replace(spans[-1], from_ms=pause_ends_ms, paused=False, is_change=False)
        )


def continued(connection: Connection, task: TaskRow) -> TaskRow:
    """A task that cannot be read, with what is known elsewhere of where it stood."""
    newest = connection.scalar(_NEWEST_REV, {"wanted": task.task_name}) or 0
    return msgspec.structs.replace(
        task,
        def_rev=max(task.def_rev, newest),
        watermark_ms=task.watermark_ms or state.decided_until(connection) or 0,
    )


def defined_anew(task: TaskRow, definition: Definition, now_ms: int) -> TaskRow:
    """The task by another definition; what is timed anew has only due moments later than now."""
    old = task.definition
    is_retimed = any(getattr(old, field) != getattr(definition, field) for field in TIMING)
    is_enabled = definition.enabled and not old.enabled
    return msgspec.structs.replace(
        task,
        definition=definition,
        fault=None,
        def_rev=task.def_rev + 1,
        # What was to be skipped were moments of another timing.
        skip_until_ms=None if is_retimed else task.skip_until_ms,
        skip_reason=None if is_retimed else task.skip_reason,
        watermark_ms=max(task.watermark_ms, now_ms)
        if is_retimed or is_enabled
        else task.watermark_ms,
        updated_ms=now_ms,
    )


def _flagged(
    task: TaskRow,
    enabled: bool | None,
    paused: bool | None,
    until_ms: int | None,
    reason: str | None,
    now_ms: int,
) -> TaskRow:
    """The task with these flags; itself when nothing is different."""
    new = task
    if enabled is not None:
        definition = msgspec.structs.replace(task.definition, enabled=enabled)
        new = msgspec.structs.replace(new, definition=definition)
    if paused is not None:
        new = msgspec.structs.replace(
            new,
            paused=paused,
            paused_until_ms=until_ms if paused else None,
            pause_reason=reason if paused else None,
        )
    if new == task:
        return task
    begins = (new.enabled and not task.enabled) or (task.paused and not new.paused)
    return msgspec.structs.replace(
        new,
        watermark_ms=max(task.watermark_ms, now_ms) if begins else task.watermark_ms,
        updated_ms=now_ms,
    )


_SET = (
    tasks.update()
    .where(tasks.c.task_name == bindparam("which"))
    .values(
        {field: bindparam(f"new_{field}") for field in FIELDS if field != "task_name"}
        | {
            name: bindparam(f"new_{name}")
            for name in (
                "def_rev",
                "paused",
                "paused_until",
                "pause_reason",
                "skip_until",
                "skip_reason",
                "watermark",
                "updated_at",
            )
        }
    )
)


def _add(
    connection: Connection, definition: Definition, *, who: str, why: str, now_ms: int
) -> None:
    task = TaskRow(
        definition=definition,
        # One that was removed and comes back goes on counting: its old runs name old versions.
        def_rev=1 + (connection.scalar(_NEWEST_REV, {"wanted": definition.task_name}) or 0),
        paused=False,
        paused_until_ms=None,
        pause_reason=None,
        watermark_ms=now_ms,
        avg_duration_ms=None,
        created_ms=now_ms,
        updated_ms=now_ms,
    )
    connection.execute(tasks.insert(), {**as_row(task), "created_at": now_ms})
    remember(connection, task, who=who, why=why)


def alert_of_disabled(task_name: str) -> str:
    """The key of the alert that a task was disabled because it kept failing."""
    return f"task_disabled:{task_name}"


def ended_by_enabling(task_name: str) -> tuple[str, ...]:
    """The keys of the alerts that are over when somebody enables a task again."""
    return alert_of_disabled(task_name), key_of_failure(task_name)


def change(connection: Connection, old: TaskRow, new: TaskRow, *, who: str, why: str) -> None:
    """Let a task be as it is now, and remember who made it so."""
    if new.enabled and not old.enabled:
        # Whoever enables it again gives it another chance.
        connection.execute(
            tasks.update().where(tasks.c.task_name == old.task_name).values(failures_in_row=0)
        )
        for key in ended_by_enabling(old.task_name):
            alerts.resolve(connection, key, now_ms=new.updated_ms)
    write_row(connection, new)
    # Up to its watermark a task is decided by what it was, also where the clock was set back since.
    from_ms = max(new.updated_ms, old.watermark_ms)
    remember(connection, new, who=who, why=why, from_ms=from_ms)


def write_row(connection: Connection, task: TaskRow) -> None:
    """Let the row of a task say this, and remember nothing."""
    values = {f"new_{name}": value for name, value in as_row(task).items() if name != "task_name"}
    connection.execute(_SET, {"which": task.task_name, **values})


def remember(
    connection: Connection, task: TaskRow, *, who: str, why: str, from_ms: int | None = None
) -> None:
    """Keep what a task is from now, or from a later moment, on: a version of it."""
    connection.execute(
        task_versions.insert(),
        {
            "task_name": task.task_name,
            "def_rev": task.def_rev,
            "changed_at": task.updated_ms if from_ms is None else from_ms,
            "changed_by": who,
            "why": why,
            "definition": msgspec.to_builtins(task.definition),
            "enabled": task.enabled,
            "paused": task.paused,
            "paused_until": task.paused_until_ms,
            "pause_reason": task.pause_reason,
        },
    )
