"""What is wrong with a task that somebody writes: all of it at once, by the one door there is."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.tasktables import read_definition

# What stands in for a field that is wrong or missing, so that the others can be judged; any other
# is left to its default.
_STAND_INS: Final[dict[str, Any]] = {
    "task_name": "unnamed",
    "command": "true",
    "schedule": [],
    # The highest: it must not be less than another field.
    "retry_cap_s": 7 * 86_400,
}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What was read: the task with stand-ins for what is wrong, and everything that is."""

    definition: Definition
    faults: tuple[BadDefinition, ...] = ()

    @property
    def wrong(self) -> frozenset[str]:
        """The names of the fields that cannot be accepted."""
        return frozenset(fault.field for fault in self.faults)


def read_draft(table: Mapping[str, object]) -> Draft:
    """The task that these plain values make, and of each field that is wrong its fault."""
    tried = dict(table)
    faults: dict[str, BadDefinition] = {}
    while True:
        try:
            return Draft(definition=read_definition(tried), faults=tuple(faults.values()))
        except BadDefinition as error:
            if error.field in faults:
                # The stand-in does no better: nothing more can be told before this is put right.
                return Draft(definition=_NOTHING, faults=tuple(faults.values()))
            faults[error.field] = error
            for key in _meant(error.field, tried):
                del tried[key]
            if error.field in _STAND_INS and not _is_watch_with(error.field, table):
                tried[error.field] = _STAND_INS[error.field]


def _meant(field: str, table: Mapping[str, object]) -> list[str]:
    """The keys that a fault is about: an unknown one is cut, one within a table is dotted."""
    cut = [key for key in table if key[:64] == field]
    return cut or [key for key in (field.partition(".")[0],) if key in table]


def _is_watch_with(field: str, table: Mapping[str, object]) -> bool:
    """A watch that says what to run must not."""
    return field == "command" and table.get("kind") == "watch"


_NOTHING: Final = Definition(task_name="unnamed", command="true")
