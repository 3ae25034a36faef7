"""How is one statement done for many rows, or about many, without preparing it for each anew?"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, CursorResult, Dialect, Insert, Select, bindparam
from sqlalchemy.sql.compiler import Compiled, SQLCompiler
from sqlalchemy.sql.dml import Update, UpdateBase

from agent.store.upserts import Upsert

Row = tuple[Any, ...]

_MANY: Final = 16
"""Of so many rows it pays to look which values all of them lack; most of a run's are."""


class Prepared:
    """A statement of SQLAlchemy, compiled once for each database and not once for each row.

    SQLAlchemy takes longer to prepare a row for the database than SQLite to write it. Here rows
    are tuples in the order of `names`: the columns of an insert, the parameters of an update.
    They are kept as the types of the columns say, None as nothing.
    """

    def __init__(self, names: Iterable[str], statement: UpdateBase | Upsert) -> None:
        self._names: Final = tuple(names)
        self._statement: Final = statement

    def execute(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Do it for each of these rows, in order; how many rows the database says it changed."""
        if not rows:
            return 0
        ready = _ready(self._on(connection), self._names, connection.dialect)
        columns: list[Sequence[Any]] = list(zip(*map(ready.pick, rows), strict=True))
        empty = frozenset(
            place
            for place, values in enumerate(columns)
            if values[0] is None and values.count(None) == len(values)
        )
        for place, as_kept in ready.kept_otherwise:
            if place not in empty:
                columns[place] = _as_kept(columns[place], as_kept)
        text = ready.text
        if empty and len(rows) >= _MANY:
            text = self._without(connection, ready, empty)
            columns = [values for place, values in enumerate(columns) if place not in empty]
        return connection.exec_driver_sql(text, list(zip(*columns, strict=True))).rowcount

    def _without(self, connection: Connection, ready: "_Ready", empty: frozenset[int]) -> str:
        """The statement with nothing in these places, which then need not be handed over."""
        lacking = frozenset(ready.wanted[place] for place in empty)
        statement = self._on(connection, lacking)
        if isinstance(statement, Insert):
            # A column that is not named is empty. PyMySQL writes rows together only where all
            # values are handed over.
            left = tuple(name for name in self._names if name not in lacking)
            return _ready(statement, left, connection.dialect).text
        return _told_empty(ready.text, ready.mark, empty)

    def _on(self, connection: Connection, lacking: frozenset[str] = frozenset()) -> UpdateBase:
        statement = self._statement
        return statement.on(connection, lacking) if isinstance(statement, Upsert) else statement


class Among:
    """A statement about the rows in which a column has one of many values, compiled as above.

    `names` are its other parameters.
    """

    def __init__(
        self, column: Column[str], statement: Update | Select[Any], *, names: Iterable[str] = ()
    ) -> None:
        self._names: Final = tuple(names)
        self._statement: Final = statement
        self._column: Final = column

    def execute(
        self, connection: Connection, values: Sequence[str], *others: Any
    ) -> CursorResult[*tuple[Any, ...]]:
        """What the database answers, asked for rows with these values; there must be one."""
        # A text for each number of values would be many texts; one asked for twice changes nothing.
        size = 1 << (len(values) - 1).bit_length()
        ready = _ready_among(self._statement, self._column, self._names, size, connection.dialect)
        asked = list(ready.pick((*others, *values, *([values[-1]] * (size - len(values))))))
        for place, as_kept in ready.kept_otherwise:
            asked[place] = as_kept(asked[place])
        return connection.exec_driver_sql(ready.text, tuple(asked))


class _Ready(NamedTuple):
    """A statement in the words of one database, and what makes its values of a row."""

    text: str
    mark: str
    wanted: tuple[str, ...]
    pick: Callable[[Row], Row]
    kept_otherwise: tuple[tuple[int, Callable[[Any], Any]], ...]


@lru_cache(maxsize=64)
def _ready(statement: UpdateBase, names: tuple[str, ...], dialect: Dialect) -> _Ready:
    keys = names if isinstance(statement, Insert) else None
    return _made_ready(statement.compile(dialect=dialect, column_keys=keys), names, dialect)


@lru_cache(maxsize=64)
def _ready_among(
    statement: Update | Select[Any],
    column: Column[str],
    names: tuple[str, ...],
    size: int,
    dialect: Dialect,
) -> _Ready:
    among = [f"among_{number}" for number in range(size)]
    whole = statement.where(column.in_([bindparam(name, type_=column.type) for name in among]))
    return _made_ready(whole.compile(dialect=dialect), (*names, *among), dialect)


def _made_ready(compiled: Compiled, names: tuple[str, ...], dialect: Dialect) -> _Ready:
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what compiles every statement
    wanted = compiled.positiontup or ()
    place_of = {name: place for place, name in enumerate(names)}
    kinds = [compiled.binds[name].type.dialect_impl(dialect) for name in wanted]
    processors = [kind.bind_processor(dialect) for kind in kinds]
    return _Ready(
        compiled.string,
        "?" if dialect.paramstyle == "qmark" else "%s",
        tuple(wanted),
        _picking([place_of[name] for name in wanted]),
        tuple((place, each) for place, each in enumerate(processors) if each is not None),
    )


def _as_kept(values: Sequence[Any], as_kept: Callable[[Any], Any]) -> Sequence[Any]:
    first = values[0]
    # Runs that are due together were due at the same moment. Other things that are equal need
    # not be the same: 1 and 1.0 are not in JSON.
    if isinstance(first, int) and values.count(first) == len(values):
        return (as_kept(first),) * len(values)
    return [None if value is None else as_kept(value) for value in values]


@lru_cache(maxsize=64)
def _told_empty(text: str, mark: str, places: frozenset[int]) -> str:
    first, *others = text.split(mark)
    marks = ("NULL" if place in places else mark for place in range(len(others)))
    return first + "".join(f"{told}{part}" for told, part in zip(marks, others, strict=True))


def _picking(places: Sequence[int]) -> Callable[[Row], Row]:
    if len(places) == 1:
        return lambda row: (row[places[0]],)
    return itemgetter(*places)
