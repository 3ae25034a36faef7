"""How is a row written that may be there already: kept or renewed, on either database?"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, null
from sqlalchemy.dialects import sqlite


class Upsert:
    """Inserts rows of a table; of one with the same key the named columns are renewed, if any."""

    def __init__(self, table: Table, *, key: tuple[str, ...], renews: tuple[str, ...] = ()) -> None:
        self._table = table
        self._key = key
        self._renews = renews
        self._made = lru_cache(maxsize=64)(self._make)

    def on(self, connection: Connection, lacking: frozenset[str] = frozenset()) -> Insert:
        """The statement in the words of this database, always the same object.

        For rows that all lack these columns, which are then not to be handed over.
        """
        return self._made(connection.dialect.name == "sqlite", lacking)

    def _make(self, is_sqlite: bool, lacking: frozenset[str]) -> Insert:
        return self._on_sqlite(lacking) if is_sqlite else self._on_server(lacking)

    def _on_sqlite(self, lacking: frozenset[str]) -> Insert:
        insert = sqlite.insert(self._table)
        if not self._renews:
            return insert.on_conflict_do_nothing()
        renewed = self._renewed(lacking, insert.excluded.__getitem__)
        return insert.on_conflict_do_update(index_elements=self._key, set_=renewed)

    def _on_server(self, lacking: frozenset[str]) -> Insert:
        from sqlalchemy.dialects import mysql  # a megabyte, which only those have who need it

        insert = mysql.insert(self._table)
        if self._renews:
            return insert.on_duplicate_key_update(
                self._renewed(lacking, insert.inserted.__getitem__)
            )
        # What stays as it is; IGNORE would let other faults pass as well.
        first = self._key[0]
        return insert.on_duplicate_key_update({first: self._table.c[first]})

    def _renewed(self, lacking: frozenset[str], inserted: Callable[[str], Any]) -> dict[str, Any]:
        # MySQL knows no column of the new row that was not handed over.
        return {name: null() if name in lacking else inserted(name) for name in self._renews}
