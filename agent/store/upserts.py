"""How is a row written that may be there already: kept or renewed, on either database?"""

from functools import cached_property

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import sqlite


class Upsert:
    """Inserts rows of a table; of one with the same key the named columns are renewed, if any."""

    def __init__(self, table: Table, *, key: tuple[str, ...], renews: tuple[str, ...] = ()) -> None:
        self._table = table
        self._key = key
        self._renews = renews

    def on(self, connection: Connection) -> Insert:
        """The statement in the words of this database."""
        return self._on_sqlite if connection.dialect.name == "sqlite" else self._on_server

    @cached_property
    def _on_sqlite(self) -> Insert:
        insert = sqlite.insert(self._table)
        if not self._renews:
            return insert.on_conflict_do_nothing()
        renewed = {name: insert.excluded[name] for name in self._renews}
        return insert.on_conflict_do_update(index_elements=self._key, set_=renewed)

    @cached_property
    def _on_server(self) -> Insert:
        from sqlalchemy.dialects import mysql  # a megabyte, which only those have who need it

        insert = mysql.insert(self._table)
        if self._renews:
            return insert.on_duplicate_key_update(
                {name: insert.inserted[name] for name in self._renews}
            )
        # What stays as it is; IGNORE would let other faults pass as well.
        first = self._key[0]
        return insert.on_duplicate_key_update({first: self._table.c[first]})
