"""Which version a database has, and how it reaches ours."""

from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from schema.server import said_to_server
from schema.tables import VERSION_TABLE, metadata

VERSIONS: Final = (
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009",
)  # fmt: skip
"""Every schema version in order; the last is what this program works with."""

_versions = Table(
    VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True, nullable=False)
)


class UnknownVersion(Exception):
    """The database has a version this program has never heard of: a newer program made it."""

    def __init__(self, found: str) -> None:
        self.found = found
        self.known = VERSIONS[-1]
        super().__init__(f"schema version {found}, known up to {self.known}")


class ForeignTables(Exception):
    """There are tables, but they are not ours."""


def current(connection: Connection) -> str | None:
    """The version of this database, None when it is empty; raises ForeignTables."""
    names = set(inspect(connection).get_table_names())
    if VERSION_TABLE in names:
        # None here too while the tables are being made: MariaDB commits each of them by itself.
        return connection.scalar(select(_versions.c.version_num))
    # A shared server may hold tables of other programs; an SQLite file is ours alone.
    foreign = names if connection.dialect.name == "sqlite" else names & metadata.tables.keys()
    if foreign:
        raise ForeignTables(", ".join(sorted(foreign)[:3]))
    return None


def bring_up(connection: Connection, *, migrate: bool) -> str | None:
    """Make an empty database ours, or lift an older one; returns the version found.

    Raises UnknownVersion for a newer one and ForeignTables for somebody else's. Without
    `migrate` nothing is changed.
    """
    found = current(connection)
    if found is not None and found not in VERSIONS:
        raise UnknownVersion(found)
    if migrate and found is None:
        _create(connection)
    elif migrate and found != VERSIONS[-1]:
        climb(connection)
    return found


def climb(connection: Connection, to: str = "head") -> None:
    """Take the numbered steps one by one."""
    # Alembic costs a tenth of a second to import and is needed only now.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _create(connection: Connection) -> None:
    """All tables at once: what every step together would make (a test compares)."""
    # Ours from the first moment on: what was cut off here is gone on with, and not foreign.
    _versions.create(connection, checkfirst=True)
    is_server = connection.dialect.name != "sqlite"
    (said_to_server(metadata) if is_server else metadata).create_all(connection)
    connection.execute(_versions.insert().values(version_num=VERSIONS[-1]))
