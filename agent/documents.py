"""What do the tables of one kind in an owner's TOML file say, each under a name of its own?"""

import tomllib
from collections.abc import Callable, Mapping
from typing import TypeVar

from agent.errors import BadDefinition, WrongUse

T = TypeVar("T")


def read_tables(
    text: str,
    origin: str,
    *,
    kind: str,
    name_field: str,
    read: Callable[[Mapping[str, object]], T],
    name_of: Callable[[T], str],
) -> list[T]:
    """What `read` makes of each `[[kind]]` table; `origin` names the file in refusals.

    Raises WrongUse, or BadDefinition with the table that is wrong.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise WrongUse(f"{origin} is not TOML: {error}") from error
    tables = document.pop(kind, [])
    if document:
        stranger = next(iter(document))
        raise WrongUse(f"{origin}: {stranger!r} is not known here; {kind}s are [[{kind}]] tables")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise WrongUse(f"{origin}: write [[{kind}]] with two brackets before each {kind}")
    found: dict[str, T] = {}
    for number, table in enumerate(tables, start=1):
        where = f"{origin}: {kind} {table.get(name_field, f'number {number}')!s:.64}"
        try:
            one = read(table)
        except BadDefinition as error:
            raise BadDefinition(error.field, error.value, error.fix, where=where) from error
        name = name_of(one)
        if name in found:
            raise BadDefinition(name_field, name, "is used twice in this file", where=where)
        found[name] = one
    return list(found.values())
