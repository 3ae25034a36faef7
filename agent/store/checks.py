"""What the health checks found, and when."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, func, select

from schema.tables import health_checks


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that is kept of a check as a metric: its name there, what it says, its unit."""

    name: str
    label: str = ""
    unit: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """By what a check is judged, how often it is done, and when a look is overdue."""

    name: str = ""
    warn: float | None = None
    crit: float | None = None
    falls: bool = False
    for_s: int = 0
    every_s: int = 0
    late_s: int = 0
    kept: tuple[Kept, ...] = ()


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found at one moment; status is `ok`, `warn`, `crit` or `unknown`.

    An own check has a severity while it is not fine; that is for the alert, and not kept. No more
    are its terms, which are for those who watch.
    """

    check_name: str
    kind: str
    status: str
    checked_ms: int
    message: str
    value: float | None = None
    unit: str | None = None
    severity: str = ""
    terms: Terms = Terms()


_COLUMNS = (
    health_checks.c.check_name,
    health_checks.c.kind,
    health_checks.c.status,
    health_checks.c.checked_at,
    health_checks.c.message,
    health_checks.c.value,
    health_checks.c.unit,
)


def record(connection: Connection, checks: Sequence[Check]) -> None:
    """Keep what was found."""
    if not checks:
        return
    connection.execute(
        health_checks.insert(),
        [
            {
                "check_name": check.check_name,
                "kind": check.kind,
                "status": check.status,
                "checked_at": check.checked_ms,
                "message": check.message,
                "value": check.value,
                "unit": check.unit,
            }
            for check in checks
        ],
    )


def latest(connection: Connection) -> tuple[Check, ...]:
    """The newest finding of each check, by name."""
    newest = select(func.max(health_checks.c.id)).group_by(health_checks.c.check_name)
    rows = connection.execute(
        select(*_COLUMNS).where(health_checks.c.id.in_(newest)).order_by(health_checks.c.check_name)
    )
    return tuple(_as_check(*row) for row in rows)


def of(connection: Connection, check_name: str, *, limit: int = 100) -> tuple[Check, ...]:
    """The newest findings of one check, newest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(health_checks.c.check_name == check_name)
        .order_by(health_checks.c.id.desc())
        .limit(limit)
    )
    return tuple(_as_check(*row) for row in rows)


def _as_check(
    check_name: str,
    kind: str,
    status: str,
    checked_ms: int,
    message: str,
    value: float | None,
    unit: str | None,
) -> Check:
    return Check(
        check_name=check_name,
        kind=kind,
        status=status,
        checked_ms=checked_ms,
        message=message,
        value=value,
        unit=unit,
    )
