"""Which checks has the owner added?"""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select

from agent.errors import BadDefinition, CheckNotFound
from agent.log import log_of
from agent.ownchecks import OwnCheck, check
from agent.store import naming
from schema.tables import own_checks

MOST_CHECKS: Final = 200

log = log_of(__name__)


def put(connection: Connection, own: OwnCheck, *, who: str, now_ms: int) -> bool:
    """Make this the check of its name; False when it was that already."""
    check(own)
    values = {
        "check_name": own.name,
        "definition": msgspec.to_builtins(own),
        "updated_at": now_ms,
        "updated_by": who,
    }
    full = f"check {own.name!r}: {MOST_CHECKS} are kept at most; remove one first"
    kept = naming.keep(connection, own_checks.c.check_name, values, most=MOST_CHECKS, full=full)
    return kept != "unchanged"


def get(connection: Connection, name: str) -> OwnCheck:
    """The check of this name; raises CheckNotFound."""
    row = connection.execute(
        select(own_checks.c.check_name, own_checks.c.definition).where(
            own_checks.c.check_name == name
        )
    ).first()
    if row is None:
        raise CheckNotFound(name)
    return _as_check(row)


def load_all(connection: Connection) -> tuple[OwnCheck, ...]:
    """Every check that can be read, by name; one that cannot is left out and logged."""
    found = []
    for row in connection.execute(
        select(own_checks.c.check_name, own_checks.c.definition).order_by(own_checks.c.check_name)
    ):
        try:
            own = _as_check(row)
            check(own)
        except (msgspec.ValidationError, BadDefinition) as error:
            log.error("check left out", check=row.check_name, error=str(error))
            continue
        found.append(own)
    return tuple(found)


def remove(connection: Connection, name: str) -> None:
    """Forget a check; raises CheckNotFound."""
    done = connection.execute(own_checks.delete().where(own_checks.c.check_name == name))
    if not done.rowcount:
        raise CheckNotFound(name)


def _as_check(row: Row[*tuple[Any, ...]]) -> OwnCheck:
    return msgspec.convert(row._mapping["definition"], OwnCheck)
