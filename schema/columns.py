"""How instants, lists and small maps lie in a column."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Dialect, Float, Integer, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - neither database keeps a zone; rows hold UTC without one
_MILLISECOND = timedelta(milliseconds=1)
_MILLISECONDS = tuple(f".{number:03}" for number in range(1000))


def _counted_id() -> TypeEngine[int]:
    # SQLite counts only columns spelled exactly INTEGER.
    return BigInteger().with_variant(Integer(), "sqlite")


class Unreadable(ValueError):
    """A row holds what its column never held: a hand wrote it, or a page of the file is damaged.

    What stands there is not told: of a damaged page it may be a part of anything, of a secret too.
    """


CountedId = _counted_id()
"""A row number given by the database."""


# The steps before the sixth made these FLOAT and TEXT on MariaDB: seven digits and 64 KiB, which
# SQLite never knew.
Exact = Float(53)
"""A figure that comes back as it was: DOUBLE on MariaDB."""


def _long_text(dialect: Dialect) -> TypeEngine[Any]:
    if dialect.name not in ("mysql", "mariadb"):
        return dialect.type_descriptor(Text())
    from sqlalchemy.dialects import mysql  # a megabyte, which only those have who need it

    return dialect.type_descriptor(mysql.MEDIUMTEXT())


class LongText(TypeDecorator[str]):
    """A text of up to 16 MiB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return _long_text(dialect)


class Instant(TypeDecorator[int]):
    """Milliseconds since 1970 UTC, kept so that operators can read and compare it by hand.

    MySQL and MariaDB: DATETIME(3) in UTC. SQLite: text `2026-11-24 07:05:00.000`, which sorts.
    """

    impl = String(23)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name not in ("mysql", "mariadb"):
            return dialect.type_descriptor(String(23))
        from sqlalchemy.dialects import mysql

        return dialect.type_descriptor(mysql.DATETIME(fsp=3))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        return self.bind_processor(dialect)(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[int | None], Any]:
        # Without SQLAlchemy's own two calls around each value: a run has seven of them.
        return _as_text

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        if value is None:
            return None
        at = value if isinstance(value, datetime) else _moment(value)
        if at.tzinfo is not None:
            at = at.astimezone(UTC).replace(tzinfo=None)
        return (at - _EPOCH) // _MILLISECOND


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (ValueError, TypeError) as error:
        raise Unreadable("a text where a moment belongs") from error


def _as_text(value_ms: int | None) -> str | None:
    if value_ms is None:
        return None
    second, millisecond = divmod(value_ms, 1000)
    return _second(second) + _MILLISECONDS[millisecond]


# Rows are written in the order in which things happen, so most of their instants share a second.
@lru_cache(maxsize=256)
def _second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat(" ")


class TextList(TypeDecorator[tuple[str, ...]]):
    """Texts in order, kept as a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(list(value), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else _read_list(value)


class Schedules(TypeDecorator[tuple[str, ...]]):
    """One schedule as it is written, several as a JSON array: no cron text begins with `[`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        if value is None or len(value) == 1:
            return None if value is None else value[0]
        return json.dumps(list(value), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else _read_schedules(value)


class Command(TypeDecorator[str | tuple[str, ...]]):
    """A command line as it is written, an argument list as a JSON array of texts.

    A command line that is itself such an array cannot be told apart; no shell could run it.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return _long_text(dialect)

    def process_bind_param(
        self, value: str | tuple[str, ...] | None, dialect: Dialect
    ) -> str | None:
        if value is None or isinstance(value, str):
            return value
        return json.dumps(list(value), ensure_ascii=False)

    def process_result_value(
        self, value: str | None, dialect: Dialect
    ) -> str | tuple[str, ...] | None:
        if value is None:
            return None
        texts = _texts(value)
        return value if texts is None else texts


class Json(TypeDecorator[dict[str, Any]]):
    """A small map with text keys, kept as JSON text with sorted keys."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, Any] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Any] | None:
        if value is None:
            return None
        # Most maps are empty; thousands of tasks are read at once.
        return {} if value == "{}" else _map(value)


class LongJson(Json):
    """Such a map of up to 16 MiB."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return _long_text(dialect)


class WholeJson(LongJson):
    """A definition of its own; one that a hand has broken reads as an empty map, which none is."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Any] | None:
        try:
            return super().process_result_value(value, dialect)
        except ValueError:
            return {}


def _map(value: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable("a text where a map belongs") from error
    if not isinstance(found, dict):
        raise Unreadable("a text where a map belongs")
    return found


# Many tasks share few lists, so each is read, and lies in memory, once.
@lru_cache(maxsize=4096)
def _read_list(value: str) -> tuple[str, ...]:
    try:
        return tuple(json.loads(value))
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable("a text where a list belongs") from error


@lru_cache(maxsize=4096)
def _read_schedules(value: str) -> tuple[str, ...]:
    several = _texts(value)
    return (value,) if several is None else several


def _texts(value: str) -> tuple[str, ...] | None:
    """The texts of a JSON array; None when it is anything else."""
    if not value.startswith("["):
        return None
    try:
        parts = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    return tuple(parts)
