"""Which exit statuses does a line of a task's own table name, and what does it call them?"""

import re
from collections.abc import Mapping
from typing import Final

from agent.errors import BadDefinition

MEANINGS: Final = ("success", "fatal", "recoverable")
HIGHEST: Final = 255
_FIELD: Final = "exit_statuses"
_MOST_LINES: Final = 64
_KEY: Final = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?", re.ASCII)


def own_meaning(table: Mapping[str, str], exit_status: int) -> str | None:
    """What the task's own table calls this exit status; None when it says nothing of it."""
    for key, meaning in table.items():
        if exit_status in _span(key):
            return meaning
    return None


def check_table(table: Mapping[str, str]) -> None:
    """Raise BadDefinition for the first line that cannot be accepted."""
    if len(table) > _MOST_LINES:
        raise BadDefinition(
            _FIELD, len(table), f"at most {_MOST_LINES} lines are kept; write ranges such as 64-78"
        )
    named: dict[int, str] = {}
    for key, meaning in table.items():
        if meaning not in MEANINGS:
            raise BadDefinition(
                f"{_FIELD}.{key[:64]}", meaning[:64], f"must be {' or '.join(map(repr, MEANINGS))}"
            )
        for exit_status in _span(key):
            if exit_status in named:
                raise BadDefinition(
                    _FIELD,
                    key,
                    f"names {exit_status} as {named[exit_status]!r} does; name it in one of them",
                )
            named[exit_status] = key


def _span(key: str) -> range:
    found = _KEY.fullmatch(key)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not first <= last <= HIGHEST:
        raise BadDefinition(
            _FIELD,
            key[:64],
            f'write a number from 0 to {HIGHEST} or a range such as "64-78"',
        )
    return range(first, last + 1)
