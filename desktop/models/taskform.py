"""How is each field of a task's definition written by people, and read from what they write?"""

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import tomlkit
from PySide6.QtCore import QCoreApplication

from desktop.taskfields import (
    CHOICE,
    COMMAND,
    FIELDS,
    FLAG,
    LARGEST,
    LENGTH,
    LINES,
    LIST,
    NUMBER,
    ON,
    PAIRS,
    SECTIONS,
    Field,
)
from shared.lengths import UNITS_S, seconds_of
from shared.protocol.tasks import TaskSettings

Table = Mapping[str, Any]
"""A definition as it goes over the wire: plain values by the names of its fields."""

_DEFAULTS: Final[dict[str, Any]] = {
    field.name: list(field.default) if isinstance(field.default, tuple) else field.default
    for field in msgspec.structs.fields(TaskSettings)
    if field.default is not msgspec.NODEFAULT
} | {"schedule": [], "command": [], "environment": {}, "exit_statuses": {}}
_ALWAYS: Final = ("task_name", "schedule", "command")
_PLAIN_VALUE: Final = re.compile(r'(?!")[^\x00-\x1f]*')


def new_table() -> dict[str, Any]:
    """What a new task begins with."""
    return {"task_name": "", "schedule": ["0 2 * * *"], "command": ""}


def sparse(table: Table) -> dict[str, Any]:
    """The same definition without what is left to its default, in the order of the form."""
    known = {**dict.fromkeys(FIELDS), **table}
    kept: dict[str, Any] = {}
    for name in known:
        value = table.get(name)
        if value is None or (name == "command" and not value and is_watch(table)):
            continue
        if name == "schedule" and value == [] and table.get("after"):
            continue
        if name in _ALWAYS or value != _DEFAULTS.get(name):
            kept[name] = value
    return kept


class Timing(msgspec.Struct, frozen=True):
    """The schedules of a task, and on whose clocks they are meant."""

    schedule: tuple[str, ...]
    zone: str


def timing_of(table: Table) -> Timing:
    """When a task is due, as far as it stands in its schedule."""
    schedule = table.get("schedule") or ()
    lines = schedule if isinstance(schedule, list | tuple) else (schedule,)
    return Timing(tuple(map(str, lines)), str(table.get("timezone") or "UTC"))


def is_watch(table: Table) -> bool:
    """It runs nothing: it waits for pings."""
    return bool(table.get("kind") == "watch")


def texts_of(table: Table) -> dict[str, str]:
    """What stands in each field of the form."""
    return {
        name: _text(field, table.get(name, _DEFAULTS.get(name))) for name, field in FIELDS.items()
    }


def table_of(texts: Mapping[str, str], base: Table) -> tuple[dict[str, Any], dict[str, str]]:
    """The definition that these texts make, and what of them cannot be read, by field.

    What is written as `base` is written has the very value of that, and what the form does not
    know stays as it is.
    """
    before = texts_of(base)
    made = {name: value for name, value in base.items() if name not in FIELDS}
    wrong: dict[str, str] = {}
    for name, field in FIELDS.items():
        text = texts.get(name, before[name])
        if text == before[name]:
            if name in base:
                made[name] = base[name]
            continue
        try:
            value = _value(field, text)
        except ValueError as error:
            wrong[name] = str(error)
            continue
        if value is not None:
            made[name] = value
    return sparse(made), wrong


def changed_fields(before: Table, after: Table) -> set[str]:
    """The names of the fields in which two definitions differ."""
    old, new = sparse(before), sparse(after)
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def on_top(base: Table, mine: Table, theirs: Table) -> dict[str, Any]:
    """Theirs, but for the fields that I have changed since the base."""
    merged = dict(sparse(theirs))
    ours = sparse(mine)
    for name in changed_fields(base, mine):
        merged.pop(name, None)
        if name in ours:
            merged[name] = ours[name]
    return sparse(merged)


def section_of(name: str) -> str:
    """The section in which the field of this name stands; empty where none has it."""
    return next(
        (one.key for one in SECTIONS if any(field.name == name for field in one.fields)), ""
    )


# --- one field ----------------------------------------------------------------------------------


def _text(field: Field, value: Any) -> str:
    if value is None:
        return ""
    match field.kind:
        case "flag":
            return ON if value else ""
        case "choice":
            return str(value).lower() if isinstance(value, bool) else str(value)
        case "length":
            return _length_words(value)
        case "list":
            return ", ".join(map(str, value))
        case "lines":
            return "\n".join(map(str, value)) if isinstance(value, list) else str(value)
        case "pairs":
            return "\n".join(f"{name}={_quoted(one)}" for name, one in dict(value).items())
        case "command":
            if value == []:
                return ""
            return value if isinstance(value, str) else tomlkit.item(value).as_string()
        case _:
            return str(value)


def _value(field: Field, text: str) -> Any:
    """What the agent is told; raises ValueError where not even that can be said."""
    return _READ.get(field.kind, _words)(text)


def _number(text: str) -> Any:
    text = text.strip()
    for read in (int, float):
        try:
            value = read(text)
        except ValueError:
            continue
        return value if isinstance(value, float) or abs(value) <= LARGEST else text
    # The agent says what it must be.
    return text or None


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, sign, value = line.partition("=")
        name = name.strip()
        if not sign or not name:
            raise ValueError(tr("Write NAME=value: {0}").format(line.strip()[:60]))
        if name in found:
            raise ValueError(tr("{0} stands there twice").format(name))
        found[name] = _unquoted(name, value)
    return found


def _quoted(value: str) -> str:
    """As it is, unless it has lines or begins as a quoted one."""
    if _PLAIN_VALUE.fullmatch(value):
        return value
    return tomlkit.string(value).as_string()


def _unquoted(name: str, value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(tomllib.loads(f"value = {value}")["value"])
    except tomllib.TOMLDecodeError as error:
        said = tr("{0}: what begins with a quote has to end with one").format(name)
        raise ValueError(said) from error


def _command(text: str) -> Any:
    text = text.strip()
    if text.startswith("["):
        try:
            read = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
        if all(isinstance(word, str) for word in read):
            return read
    return text


def _words(text: str) -> str | None:
    return text.strip() or None


def _key(text: str) -> Any:
    """What a choice is called over the wire."""
    if text.isdecimal():
        return int(text)
    return {"true": True, "false": False}.get(text, text or None)


def _length(text: str) -> Any:
    seconds = seconds_of(text)
    if seconds is None:
        return _words(text)
    return int(seconds) if seconds.is_integer() else seconds


def _length_words(value: Any) -> str:
    """Whole days, hours or minutes are said so: 600 is 10m."""
    if not isinstance(value, int) or isinstance(value, bool):
        return str(value)
    for unit in ("d", "h", "m"):
        if value and value % UNITS_S[unit] == 0:
            return f"{value // UNITS_S[unit]}{unit}"
    return f"{value}s"


_READ: Final[dict[str, Callable[[str], Any]]] = {
    FLAG: lambda text: text == ON,
    CHOICE: _key,
    NUMBER: _number,
    LENGTH: _length,
    LIST: lambda text: [part for part in re.split(r"[,\s]+", text) if part],
    LINES: lambda text: [line.strip() for line in text.splitlines() if line.strip()],
    PAIRS: _pairs,
    COMMAND: _command,
}


def tr(text: str) -> str:
    """Words of the form in the language of the window."""
    return QCoreApplication.translate("taskform", text)
