"""How do tasks come out of TOML or a request, and become TOML again?"""

import difflib
import typing
from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Literal

import msgspec

from agent.definitions import FIELDS, Definition, default_of
from agent.documents import read_tables
from agent.errors import BadDefinition
from agent.taskcheck import check
from shared.lengths import FORMS, in_unit_of, is_length


def load_definitions(text: str, origin: str) -> list[Definition]:
    """The checked tasks of a TOML file; `origin` names it in refusals; raises WrongUse."""
    return read_tables(
        text,
        origin,
        kind="task",
        name_field="task_name",
        read=read_definition,
        name_of=lambda definition: definition.task_name,
    )


def read_definition(table: Mapping[str, object]) -> Definition:
    """One checked task from plain values, as TOML or a request holds them; raises BadDefinition."""
    for key in table:
        if key not in FIELDS:
            near = difflib.get_close_matches(str(key), FIELDS, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(FIELDS)}"
            raise BadDefinition(str(key)[:64], table[key], f"this key is not known; {fix}")
    for name, field in FIELDS.items():
        if field.required and name not in table:
            raise BadDefinition(name, None, "is missing; every task needs it")
    if "command" not in table and table.get("kind") != "watch":
        raise BadDefinition("command", None, "is missing; every task that runs needs it")
    if "schedule" not in table and not table.get("after"):
        raise BadDefinition(
            "schedule",
            None,
            "is missing; a task needs it or after = [...]; "
            "one that runs only by hand says schedule = []",
        )
    values: dict[str, object] = {}
    for name, value in table.items():
        plain = (value,) if name == "schedule" and isinstance(value, str) else value
        plain = in_unit_of(name, plain)
        try:
            values[name] = msgspec.convert(plain, FIELDS[name].type)
        except msgspec.ValidationError as error:
            # Values of variables may be secrets, so only their names are shown.
            shown = list(value) if isinstance(value, dict) else value
            shape = _shape(FIELDS[name].type)
            if is_length(name):
                shape = f"{shape} of seconds, or a length such as {FORMS}"
            raise BadDefinition(name, shown, f"must be {shape}") from error
    definition = Definition(**values)  # type: ignore[arg-type]  # each was converted to its type
    check(definition)
    return definition


def to_toml(definitions: Iterable[Definition]) -> str:
    """The tasks as TOML that reads back the same; what is left to its default is left out."""
    import tomlkit  # only here: an agent reads such files, and writes none

    document = tomlkit.document()
    tables = tomlkit.aot()
    for definition in definitions:
        table = tomlkit.table()
        for name, field in FIELDS.items():
            value = getattr(definition, name)
            is_by_hand = name == "schedule" and not definition.after
            if not (field.required or is_by_hand) and value == default_of(name):
                continue
            if name == "schedule" and len(value) == 1:
                value = value[0]
            table.add(name, list(value) if isinstance(value, tuple) else value)
        tables.append(table)
    document.add("task", tables)
    return tomlkit.dumps(document)


def _shape(kind: object) -> str:
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " or ".join(repr(part) for part in parts)
    if origin is tuple:
        each = _shape(parts[0])
        return "a list of texts" if each == "text" else f"a list of {each}"
    if origin is dict:
        return "a table of names and texts"
    if parts:
        return " or ".join(_shape(part) for part in parts if part is not NoneType)
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]  # type: ignore[index]
