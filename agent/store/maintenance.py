"""How the database is kept small and sound: upkeep, integrity, size."""

from typing import Final

from sqlalchemy import Connection, func, select, text

from schema.migrate import VERSIONS
from schema.tables import metadata

SCHEMA_VERSION: Final = VERSIONS[-1]
_VACUUM_PAGES: Final = 200
# So many entries of an index are looked at: enough to plan by, however many rows there are.
_ANALYSED: Final = 1_000


def free_pages(connection: Connection) -> int:
    """Give up to 200 free pages back to the file system; how many are left.

    InnoDB does it by itself, but for whole tables: see `optimize`.
    """
    if connection.dialect.name != "sqlite":
        return 0
    free = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
    # The driver takes one step a call, and a step frees one page.
    for _ in range(min(free, _VACUUM_PAGES)):
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    return max(free - _VACUUM_PAGES, 0)


def analyze(connection: Connection) -> None:
    """Renew what the planner knows about every table, from samples."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA analysis_limit = {_ANALYSED}")
        connection.exec_driver_sql("PRAGMA optimize = 0x10002")  # also tables never analysed
        return
    for name in sorted(metadata.tables):
        # Each replica does this for itself.
        connection.exec_driver_sql(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {name}").all()


def optimize(connection: Connection, table: str) -> None:
    """Write a table of a server anew without its gaps; others read and write meanwhile."""
    if connection.dialect.name != "sqlite":
        known = metadata.tables[table].name
        connection.exec_driver_sql(f"OPTIMIZE NO_WRITE_TO_BINLOG TABLE {known}").all()


def problems(connection: Connection) -> tuple[str, ...]:
    """What is wrong inside the file; nothing when it is sound. Reads all of it."""
    if connection.dialect.name != "sqlite":
        return ()
    said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return () if said == ["ok"] else tuple(said)


def size_bytes(connection: Connection) -> int:
    """How much room the data takes."""
    if connection.dialect.name == "sqlite":
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    return int(
        connection.scalar(
            text(
                "SELECT SUM(data_length + index_length) FROM information_schema.tables "
                "WHERE table_schema = DATABASE()"
            )
        )
        or 0
    )


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        name: connection.scalar(select(func.count()).select_from(table)) or 0
        for name, table in sorted(metadata.tables.items())
    }
