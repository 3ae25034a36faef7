"""How does each test get a MariaDB database with tables, when they take a second to make?"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pymysql

from tests.mariadb import Server


class Made:
    """Databases in which `make` has made its tables; one is lent again once it is as it was."""

    def __init__(self, server: Server, make: Callable[[str], None]) -> None:
        self._server = server
        self._make = make
        self._idle: list[str] = []
        self._model = self._new()
        with closing(server.connect(database=self._model)) as connection:
            self._shape = _shape(connection)
            self._filled = frozenset(_with_rows(connection, self._shape))

    def _new(self) -> str:
        name = self._server.new_database()
        self._make(self._server.url(name))
        return name

    @contextmanager
    def lent(self) -> Iterator[str]:
        """A database with tables that hold what they held when they were made; its URL."""
        name = self._idle.pop() if self._idle else self._new()
        try:
            yield self._server.url(name)
        finally:
            self._server.thaw()
            with closing(self._server.connect(database=name)) as connection:
                if self._is_as_made(connection):
                    self._idle.append(name)
                else:
                    self._server.say(f"DROP DATABASE {name}")

    def _is_as_made(self, connection: "pymysql.Connection[Any]") -> bool:
        """Take out what a test has put in; False where it has changed the tables themselves."""
        found = _shape(connection)
        if found.keys() != self._shape.keys() or _has_triggers(connection):
            return False
        # What was put in and taken out again has counted an id on, and that is told in the shape.
        counted = {table for table, shape in found.items() if shape != self._shape[table]}
        with connection.cursor() as cursor:
            for table in counted.union(_with_rows(connection, found), self._filled):
                cursor.execute(f"TRUNCATE TABLE `{table}`")
                if table in self._filled:
                    model = f"{self._model}.`{table}`"
                    cursor.execute(f"INSERT INTO `{table}` SELECT * FROM {model}")  # noqa: S608
        return not counted or _shape(connection) == self._shape


def _shape(connection: "pymysql.Connection[Any]") -> dict[str, str]:
    """The statement that would make each of the tables."""
    shape = {}
    with connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        for (name,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE `{name}`")
            shape[name] = cursor.fetchall()[0][1]
    return shape


def _has_triggers(connection: "pymysql.Connection[Any]") -> bool:
    with connection.cursor() as cursor:
        return bool(cursor.execute("SHOW TRIGGERS"))


def _with_rows(connection: "pymysql.Connection[Any]", tables: Iterable[str]) -> list[str]:
    asked = (f"(SELECT '{table}' FROM `{table}` LIMIT 1)" for table in tables)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return [row[0] for row in cursor.fetchall()]
