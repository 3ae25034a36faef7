"""How is a task's definition written as text, and what differs between two of them?"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import tomlkit
from PySide6.QtCore import QCoreApplication

from desktop.taskfields import LARGEST

SAME, GONE, NEW = " ", "-", "+"
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_AROUND: Final = 1


class DiffLine(msgspec.Struct, frozen=True):
    """One line of a comparison: as it was, gone, or new."""

    sign: str
    text: str


def written(table: Mapping[str, Any]) -> str:
    """The definition as TOML, a field a line; it reads back the same."""
    return "".join(f"{line}\n" for line in _lines(table))


def read(text: str) -> dict[str, Any]:
    """The definition that the text says; raises ValueError with the place that is no TOML.

    One whole `[[task]]` of a file of tasks will do as well.
    """
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(_tr("This is not TOML: {0}").format(error)) from error
    tables = found.get("task")
    if isinstance(tables, list) and len(found) == 1:
        if len(tables) != 1 or not isinstance(tables[0], dict):
            raise ValueError(_tr("One task at a time is edited here; this is another number"))
        found = tables[0]
    _expect_plain(found)
    if isinstance(found.get("schedule"), str):
        found["schedule"] = [found["schedule"]]
    return found


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[DiffLine]:
    """The lines that differ, with one around each; none where nothing does."""
    old, new = list(_lines(before)), list(_lines(after))
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    shown: list[DiffLine] = []
    for group in matcher.get_grouped_opcodes(_AROUND):
        for tag, a_from, a_to, b_from, b_to in group:
            if tag == "equal":
                shown += [DiffLine(SAME, line) for line in old[a_from:a_to]]
                continue
            shown += [DiffLine(GONE, line) for line in old[a_from:a_to]]
            shown += [DiffLine(NEW, line) for line in new[b_from:b_to]]
    return shown


def as_text(lines: Sequence[DiffLine]) -> str:
    """The comparison as it can be copied."""
    return "\n".join(f"{line.sign} {line.text}" for line in lines)


def _lines(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            # A variable a line: then it is seen which one is another.
            for key, one in value.items():
                yield f"{_key(name)}.{_key(key)} = {_item(one)}"
        else:
            yield f"{_key(name)} = {_item(value)}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _item(name)


def _item(value: Any) -> str:
    return str(tomlkit.item(value).as_string())


def _expect_plain(value: Any) -> None:
    """Dates and numbers of more than 64 bits are in no field, and cannot be sent."""
    if isinstance(value, dict):
        for one in value.values():
            _expect_plain(one)
    elif isinstance(value, list):
        for one in value:
            _expect_plain(one)
    elif not isinstance(value, str | int | float):
        raise ValueError(  # noqa: TRY004 - it is the text that is wrong
            _tr("Write {0} in quotes").format(value)
        )
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError(_tr("{0} is no number of a task").format(value))


def _tr(text: str) -> str:
    return QCoreApplication.translate("tasktext", text)
