"""Can a row that was read from a damaged file be one that somebody wrote?

SQLite has no checksums: a page that was written over in part is read without a word, with whatever
lies there in the place of texts and moments. Such a row must not take the place of a good one.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, String, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

from agent.runs import ENDINGS, LIVE_STATES, TRIGGERS
from schema.columns import WholeJson
from schema.tables import executions, tasks

Check = Callable[[Any], None]
"""Says ValueError of a value that its column never held."""

_SQLITE: Final = sqlite.dialect()
_ID_LENGTH: Final = 26
_ID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
"""A ULID (github.com/ulid/spec): every text column of that length holds one."""
_WORDS: Final = {
    (executions.name, "status"): frozenset({*LIVE_STATES, *ENDINGS}),
    (executions.name, "trigger_type"): frozenset(TRIGGERS),
}


def check_of(table: Table, names: Sequence[str]) -> Check:
    """What says ValueError, naming the column, of a row (these columns of it) that nobody wrote."""
    checks = [(name, table.c[name].nullable, _check_of(table.c[name])) for name in names]

    def check(row: Sequence[Any]) -> None:
        for (name, may_miss, check_value), value in zip(checks, row, strict=True):
            if value is None and may_miss:
                continue
            try:
                check_value(value)
            except (ValueError, TypeError, OverflowError) as error:
                # Not the value itself: what lies there may be a part of anything, of a secret too.
                raise ValueError(f"{name} cannot be what stands there: {error}") from error

    return check


def _check_of(column: Column[Any]) -> Check:
    kind = column.type
    stored = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    allowed = _stored_as(stored)
    length = stored.length if isinstance(stored, String) else None
    # Other texts are what clients say of themselves, and no door looks at each sign of those.
    is_task = column.name == tasks.c.task_name.name
    words = _WORDS.get((column.table.name, column.name))
    # What people define is read leniently wherever it is read.
    read = None if isinstance(kind, WholeJson) else kind.result_processor(_SQLITE, None)

    def check(value: Any) -> None:
        if not isinstance(value, allowed):
            raise TypeError("another kind of value belongs here")
        if length == _ID_LENGTH and _ID.fullmatch(str(value)) is None:
            raise ValueError("it is no id")
        if is_task and "\0" in str(value):
            raise ValueError("no name has a NUL")
        if words is not None and value not in words:
            raise ValueError("it is no word that we use here")
        if read is not None:
            read(value)

    return check


def _stored_as(kind: TypeEngine[Any]) -> tuple[type, ...]:
    if isinstance(kind, Integer | Boolean | Float):
        return (int, float)
    return (bytes,) if isinstance(kind, LargeBinary) else (str,)
