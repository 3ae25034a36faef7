"""How does a task lie in its row, and what if somebody wrote nonsense there?"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select, type_coerce
from sqlalchemy.types import NullType

from agent.definitions import Definition
from agent.log import log_of
from schema.tables import task_versions, tasks

log = log_of(__name__)

T = TypeVar("T")

FIELDS: Final = Definition.__struct_fields__
# What types and conversions raise where a row holds anything else than we wrote.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    msgspec.MsgspecError,
)


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """One task as it stands: its definition and what is known beside it."""

    definition: Definition
    def_rev: int
    paused: bool
    paused_until_ms: int | None
    pause_reason: str | None
    skip_until_ms: int | None = None
    skip_reason: str | None = None
    watermark_ms: int
    avg_duration_ms: int | None
    created_ms: int
    updated_ms: int
    fault: str | None = None
    """What of its row cannot be read, where somebody wrote into it; defaults stand in for that."""

    @property
    def task_name(self) -> str:
        return self.definition.task_name

    @property
    def enabled(self) -> bool:
        """It is to run when it is due; what cannot be read is not."""
        return self.definition.enabled and self.fault is None

    def is_paused(self, now_ms: int) -> bool:
        """Paused, and the pause has not run out."""
        return self.paused and (self.paused_until_ms is None or now_ms < self.paused_until_ms)


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a task: what it was from then on, who did it, why."""

    id: int
    task_name: str
    def_rev: int
    changed_ms: int
    changed_by: str
    why: str
    definition: Definition
    enabled: bool
    paused: bool
    paused_until_ms: int | None
    pause_reason: str | None


_COLUMNS: Final = (
    *[tasks.c[field] for field in FIELDS],
    tasks.c.def_rev,
    tasks.c.paused,
    tasks.c.paused_until,
    tasks.c.pause_reason,
    tasks.c.skip_until,
    tasks.c.skip_reason,
    tasks.c.watermark,
    tasks.c.avg_duration_ms,
    tasks.c.created_at,
    tasks.c.updated_at,
)
VERSION_COLUMNS: Final = (
    task_versions.c.id,
    task_versions.c.task_name,
    task_versions.c.def_rev,
    task_versions.c.changed_at,
    task_versions.c.changed_by,
    task_versions.c.why,
    task_versions.c.definition,
    task_versions.c.enabled,
    task_versions.c.paused,
    task_versions.c.paused_until,
    task_versions.c.pause_reason,
)


_BESIDE: Final = {
    "def_rev": "def_rev",
    "paused": "paused",
    "paused_until": "paused_until_ms",
    "pause_reason": "pause_reason",
    "skip_until": "skip_until_ms",
    "skip_reason": "skip_reason",
    "watermark": "watermark_ms",
    "avg_duration_ms": "avg_duration_ms",
    "created_at": "created_ms",
    "updated_at": "updated_ms",
}
_NAMES: Final = tuple(_BESIDE.values())
_TYPES: Final = {
    field.name: field.type
    for struct in (TaskRow, Definition)
    for field in msgspec.structs.fields(struct)
}
# What stands in where there is no default; nothing of such a task is ever run.
_STAND_INS: Final[dict[str, Any]] = {
    "command": ("/bin/false",),
    "def_rev": 0,
    "paused": False,
    "watermark_ms": 0,
    "created_ms": 0,
    "updated_ms": 0,
}
# Their values may be secret.
_NOT_SHOWN: Final = frozenset({"environment", "command"})


def read_tasks(connection: Connection, *where: ColumnElement[bool]) -> Iterator[TaskRow]:
    """The tasks for which this holds, by name; one that cannot be read comes with its fault."""
    query = select(*_COLUMNS).where(*where).order_by(tasks.c.task_name)
    yield from _read(connection, query, _as_task, _as_task_with_fault)


def read_versions(connection: Connection, query: Select[Any]) -> Iterator[Version]:
    """The versions among these rows; what cannot be read is left out, and the log says so."""
    for version in _read(connection, query, _as_version, _as_no_version):
        if version is not None:
            yield version


def _read(
    connection: Connection,
    query: Select[Any],
    read: Callable[[Sequence[Any]], T],
    read_bad: Callable[[dict[str, Any]], T],
) -> list[T]:
    """Each row as a value; one bad row costs a second query, and only itself."""
    try:
        return [read(row) for row in connection.execute(query)]
    except _UNREADABLE:
        log.warning("some rows are not as we wrote them; reading each for itself")
    columns = list(query.selected_columns)
    as_it_lies = query.with_only_columns(
        *[type_coerce(column, NullType()).label(column.name) for column in columns]
    )
    meanings = [
        column.type.dialect_impl(connection.dialect).result_processor(connection.dialect, None)
        or _itself
        for column in columns
    ]
    found = []
    for raw in connection.execute(as_it_lies):
        try:
            found.append(read([mean(value) for mean, value in zip(meanings, raw, strict=True)]))
        except _UNREADABLE:
            values = {
                column.name: partial(mean, value)
                for column, mean, value in zip(columns, meanings, raw, strict=True)
            }
            found.append(read_bad(values))
    return found


def _itself(value: Any) -> Any:
    return value


def _as_task(row: Sequence[Any]) -> TaskRow:
    # In the order of _COLUMNS: to look each value up by its name takes twice as long.
    values = dict(zip(_NAMES, row[len(FIELDS) :], strict=True))
    values["definition"] = dict(zip(FIELDS, row, strict=False))
    return msgspec.convert(values, TaskRow)


def _as_task_with_fault(values: dict[str, Callable[[], Any]]) -> TaskRow:
    """What can be read of a row in which somebody wrote nonsense, and what cannot."""
    known: dict[str, Any] = {}
    faults = []
    for column, value in values.items():
        name = _BESIDE.get(column, column)
        try:
            known[name] = msgspec.convert(value(), _TYPES[name])
        except _UNREADABLE as error:
            faults.append(f"{column}: {error}" if column not in _NOT_SHOWN else column)
    definition = {name: known[name] for name in FIELDS if name in known}
    beside: dict[str, Any] = {name: known.get(name, _STAND_INS.get(name)) for name in _NAMES}
    return TaskRow(
        definition=Definition(**({"command": _STAND_INS["command"]} | definition)),
        **beside,
        fault=f"its row in the database cannot be read ({'; '.join(faults)})",
    )


def _as_version(row: Sequence[Any]) -> Version:
    values = dict(zip(Version.__struct_fields__, row, strict=True))
    return msgspec.convert(values, Version)


def _as_no_version(values: dict[str, Callable[[], Any]]) -> None:
    # Ids and names were never text of an operator's, so they can be told.
    log.error(
        "a version of a task cannot be read and is left out",
        task=values["task_name"](),
        version=values["id"](),
    )


def as_row(task: TaskRow) -> dict[str, Any]:
    """The columns of a task as it stands."""
    return {field: getattr(task.definition, field) for field in FIELDS} | {
        "def_rev": task.def_rev,
        "paused": task.paused,
        "paused_until": task.paused_until_ms,
        "pause_reason": task.pause_reason,
        "skip_until": task.skip_until_ms,
        "skip_reason": task.skip_reason,
        "watermark": task.watermark_ms,
        "updated_at": task.updated_ms,
    }
