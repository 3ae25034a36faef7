"""What all is wrong with a file of tasks, and in which line?"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from agent.definitions import Definition
from agent.drafting import read_draft
from agent.errors import BadDefinition, WrongUse
from agent.tomlplaces import Place, places

_AT_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")
# As the door words it where a key is nearly one that it knows.
_MEANT: Final = re.compile(r"did you mean '(\w+)'")
_KIND: Final = "task"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps a file from being taken; line 0 is the file as a whole."""

    line: int
    task_name: str | None
    field: str | None
    message: str

    def said(self, origin: str) -> str:
        """One sentence that begins with the place, as compilers say it."""
        place = f"{origin}:{self.line}" if self.line else origin
        task = f"{_KIND} {self.task_name}: " if self.task_name else ""
        return f"{place}: {task}{self.message}"


class Refused(WrongUse):
    """A file of tasks with all that is wrong with it."""

    def __init__(self, origin: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [fault.said(origin) for fault in self.faults]
        many = f"{origin} has {len(lines)} faults:\n  " if len(lines) > 1 else ""
        super().__init__(many + "\n  ".join(lines))


class TaskFile(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks of a file that are good by themselves, and what is wrong with the others."""

    origin: str
    definitions: tuple[Definition, ...]
    faults: tuple[Fault, ...]
    places: dict[str, Place]
    """Where each of its tasks begins, by name."""

    def refuse(self, more: Iterable[BadDefinition] = ()) -> None:
        """Raise Refused where something is wrong, with what is wrong among other tasks."""
        found = [
            *self.faults,
            # What comes after a task of this file that has a fault of its own waits for that one.
            *(self._placed(fault) for fault in more if not self._names(fault.value)),
        ]
        if found:
            raise Refused(self.origin, sorted(found, key=lambda fault: fault.line))

    def _names(self, value: object) -> bool:
        """This is a task of the file, which may be faulty itself and so not be known yet."""
        return isinstance(value, str) and value in self.places

    def _placed(self, fault: BadDefinition) -> Fault:
        name = fault.where.removeprefix(f"{_KIND} ") or None
        return _fault(fault, self.places.get(name or ""), name)


def read_task_file(text: str, origin: str) -> TaskFile:
    """All tasks of a file and all its faults; raises Refused for what holds no tasks at all."""
    tables = _tables(text, origin)
    found = places(text, _KIND)
    # An inline array of tables is TOML too, and has no headers to be found by.
    nowhere = Place(line=0, keys={})
    faults: list[Fault] = []
    tasks: dict[str, Definition] = {}
    where: dict[str, Place] = {}
    for number, table in enumerate(tables):
        place = found[number] if len(found) == len(tables) else nowhere
        name = str(table.get("task_name", f"number {number + 1}"))[:64]
        draft = read_draft(table)
        faults += [_fault(each, place, name) for each in _without_echoes(draft.faults)]
        if name in where:
            twice = BadDefinition("task_name", name, "is used twice in this file")
            faults.append(_fault(twice, place, name))
        where[name] = place
        if not draft.faults:
            tasks[name] = draft.definition
    return TaskFile(
        origin=origin, definitions=tuple(tasks.values()), faults=tuple(faults), places=where
    )


def _without_echoes(faults: Sequence[BadDefinition]) -> list[BadDefinition]:
    """Where the name of a field is misspelt, the field is not missing."""
    meant = {name for fault in faults for name in _MEANT.findall(fault.fix)}
    return [fault for fault in faults if fault.value is not None or fault.field not in meant]


def _tables(text: str, origin: str) -> list[dict[str, Any]]:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else 0
        raise Refused(origin, [_of_file(f"is not TOML: {error}", line)]) from error
    tables: list[dict[str, Any]] = document.pop(_KIND, [])
    faults = [
        _of_file(f"{stranger!r} is not known here; tasks are [[{_KIND}]] tables")
        for stranger in document
    ]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        faults.append(_of_file(f"write [[{_KIND}]] with two brackets before each task"))
    if faults:
        raise Refused(origin, faults)
    return tables


def _of_file(message: str, line: int = 0) -> Fault:
    return Fault(line=line, task_name=None, field=None, message=message)


def _fault(fault: BadDefinition, place: Place | None, name: str | None) -> Fault:
    line = 0 if place is None else place.keys.get(fault.field, place.line)
    plain = BadDefinition(fault.field, fault.value, fault.fix)
    return Fault(line=line, task_name=name, field=fault.field, message=str(plain))
