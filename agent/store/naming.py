"""How is a thing kept that people give a name: made, changed, or just as it was, up to so many?"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy import Column, Connection, func, select

from agent.errors import WrongUse

Kept = Literal["added", "changed", "unchanged"]


def keep(
    connection: Connection, key: Column[str], values: Mapping[str, Any], *, most: int, full: str
) -> Kept:
    """Let the row of this name hold these values; one whose `definition` is the same stays.

    Raises WrongUse, saying `full`, when there are as many as may be.
    """
    table, stands = key.table, key == values[key.name]
    known = connection.scalar(select(table.c.definition).where(stands))
    # JSON knows lists only.
    if known is not None and known == _as_json(values["definition"]):
        return "unchanged"
    if known is not None:
        connection.execute(table.update().where(stands).values(**values))
        return "changed"
    if (connection.scalar(select(func.count()).select_from(table)) or 0) >= most:
        raise WrongUse(full)
    connection.execute(table.insert().values(**values))
    return "added"


def _as_json(definition: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(definition))
