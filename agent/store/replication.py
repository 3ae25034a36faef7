"""Does this database copy another one, and how far is it behind?"""

from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


class Replication(msgspec.Struct, frozen=True, kw_only=True):
    """How far a copy is behind; `fault` says why it does not follow at all."""

    lag_s: float | None = None
    fault: str = ""


def replication(connection: Connection) -> Replication | None:
    """None where nothing is replicated, or where we may not know."""
    if connection.dialect.name == "sqlite":
        return None
    try:
        row = connection.exec_driver_sql("SHOW REPLICA STATUS").mappings().first()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return None  # the privilege for it is rarely given, and older servers know another word
    return None if row is None else of_row({str(name): value for name, value in row.items()})


def of_row(row: dict[str, Any]) -> Replication:
    """What MariaDB and MySQL say, each in words of its own."""
    said = {
        name.lower().replace("slave", "replica").replace("master", "source"): value
        for name, value in row.items()
    }
    stopped = [
        part
        for part in ("replica_io_running", "replica_sql_running")
        if str(said.get(part, "Yes")).lower() == "no"
    ]
    if stopped:
        cause = str(said.get("last_sql_error") or said.get("last_io_error") or "it was stopped")
        return Replication(fault=f"the replica does not follow: {cause[:300]}")
    lag = said.get("seconds_behind_source")
    return Replication(lag_s=None if lag is None else float(lag))
