"""What is different between two versions of a task, field by field, as a diff?"""

import json
from collections.abc import Iterator

import msgspec

from agent.definitions import Definition

Value = object


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One field, or one name in a table such as `environment`; None where there was nothing."""

    field: str
    old: Value
    new: Value


def differences(old: Definition | None, new: Definition) -> list[Difference]:
    """Everything in which they differ; all that is said of one that is new."""
    before = _fields(old) if old is not None else _said_by_default(new)
    after = _fields(new)
    return [
        Difference(
            field=field, old=None if old is None else before.get(field), new=after.get(field)
        )
        for field in dict.fromkeys((*after, *before))
        if before.get(field) != after.get(field)
    ]


def as_diff(found: list[Difference]) -> Iterator[str]:
    """A line with - for what was, one with + for what is."""
    for one in found:
        if one.old is not None:
            yield f"- {one.field} = {_said(one.old)}"
        if one.new is not None:
            yield f"+ {one.field} = {_said(one.new)}"


def _fields(definition: Definition) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for name, value in msgspec.to_builtins(definition).items():
        if isinstance(value, dict):
            fields |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            fields[name] = _plain(name, value)
    return fields


def _said_by_default(new: Definition) -> dict[str, Value]:
    """What nobody has to write; the rest of a new task is new, but for its name."""
    nothing = _fields(Definition(task_name=new.task_name))
    return {name: value for name, value in nothing.items() if name not in ("schedule", "command")}


def _plain(name: str, value: Value) -> Value:
    """A single schedule as it is written."""
    is_one = name == "schedule" and isinstance(value, list | tuple) and len(value) == 1
    return value[0] if is_one else value  # type: ignore[index]  # it is a list there


def _said(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)
