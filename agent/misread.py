"""What should have stood where a file does not fit its type, in words for whoever wrote it?"""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import inspect

from shared.lengths import FORMS, is_length

_PLACE: Final = re.compile(r" - at `\$\.?(.*)`$")
_STEP: Final = re.compile(r"[^.\[\]]+|\[(?:\d+|\.\.\.)\]")
_NAMED: Final = re.compile(r"field `([^`]*)`")
_CHARS: Final = 60
# Which tables or keys a path of msgspec does not name.
_ANY: Final = "[...]"
_NOT_KNOWN: Final = object()
_KINDS: Final[Mapping[type[inspect.Type], str]] = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.VarTupleType: "a list",
    inspect.ListType: "a list",
    inspect.DictType: "a table",
    inspect.StructType: "a table",
}


def in_words(error: msgspec.ValidationError, document: object, kind: type) -> str:
    """The field, its value where it is a plain one, and what may stand there."""
    text = str(error)
    place = _PLACE.search(text)
    path = "" if place is None else place[1]
    wanted, value = _reach(inspect.type_info(kind), document, _STEP.findall(path))
    named = _NAMED.search(text)
    if named is not None and isinstance(wanted, inspect.StructType):
        field = f"{path}.{named[1]}" if path else named[1]
        if "missing" in text:
            return f"{field}: is missing"
        return f"{field[:_CHARS]}: is not known here; {_instead(named[1], wanted)}"
    must = _must_be(wanted)
    if isinstance(wanted, inspect.IntType | inspect.FloatType) and is_length(path):
        must += f", or a length such as {FORMS}"
    if not must or not path:
        return text
    return f"{path} = {value!r}: {must}" if _is_plain(value) else f"{path}: {must}"


def _reach(wanted: inspect.Type, value: Any, steps: Sequence[str]) -> tuple[inspect.Type, Any]:
    """What is wanted at the end of this way, and what stands there."""
    for step in steps:
        wanted = _one_of(wanted)
        if isinstance(wanted, inspect.StructType):
            wanted = next(field.type for field in wanted.fields if field.encode_name == step)
            value = value[step] if isinstance(value, Mapping) else _NOT_KNOWN
        elif isinstance(wanted, inspect.DictType):
            wanted = wanted.value_type
            value = value.get(step, _NOT_KNOWN) if isinstance(value, Mapping) else _NOT_KNOWN
        elif isinstance(wanted, inspect.VarTupleType | inspect.ListType):
            wanted = wanted.item_type
            value = _NOT_KNOWN if step == _ANY or value is _NOT_KNOWN else value[int(step[1:-1])]
        else:
            break
    return _one_of(wanted), value


def _one_of(wanted: inspect.Type) -> inspect.Type:
    """What may be left out is wanted as what it is otherwise."""
    if not isinstance(wanted, inspect.UnionType):
        return wanted
    kinds = [one for one in wanted.types if not isinstance(one, inspect.NoneType)]
    return kinds[0] if len(kinds) == 1 else wanted


def _instead(name: str, wanted: inspect.StructType) -> str:
    known = [field.encode_name for field in wanted.fields]
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _must_be(wanted: inspect.Type) -> str:
    if isinstance(wanted, inspect.LiteralType):
        return f"must be one of {', '.join(map(repr, wanted.values))}"
    word = _KINDS.get(type(wanted), "")
    return f"must be {word}" if word else ""


def _is_plain(value: object) -> bool:
    """Only what is short and no list or table is said again: those may hold what is secret."""
    return isinstance(value, bool | int | float | str) and len(str(value)) <= _CHARS
