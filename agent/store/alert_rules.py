"""Which own rules of alerts are there, and what were they before?"""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, select

from agent.alertrules import AlertRule, check_rule
from agent.errors import BadDefinition, Conflict, WrongUse
from agent.log import log_of
from agent.rules.conditions import prefix_of
from agent.store import alerts, naming
from agent.store.naming import Kept
from schema.tables import alert_rule_versions, alert_rules

MOST: Final = 200

log = log_of(__name__)


class RuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as it stands, and who made it so."""

    rule: AlertRule
    rev: int
    updated_ms: int
    updated_by: str


class RuleVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a rule; without a rule it was removed."""

    rev: int
    changed_ms: int
    changed_by: str
    rule: AlertRule | None


def put(
    connection: Connection, rule: AlertRule, *, who: str, now_ms: int, base_rev: int | None = None
) -> Kept:
    """Make this rule the one of its name.

    With a `base_rev` (0: there was none) only if it is still as it was then; else Conflict.
    """
    check_rule(rule)
    _expect(connection, rule.name, base_rev)
    known = find(connection, rule.name)
    if known is not None and known.rule == rule:
        return "unchanged"
    rev = _last_rev(connection, rule.name) + 1
    values = {
        "rule_name": rule.name,
        "severity": rule.severity,
        "enabled": rule.enabled,
        "definition": msgspec.to_builtins(rule),
        "rev": rev,
        "updated_at": now_ms,
        "updated_by": who,
    }
    full = (
        f"rule {rule.name!r}: {MOST} rules are kept at most; remove one, "
        "or let one name more tasks (task='shop-*')"
    )
    kept = naming.keep(connection, alert_rules.c.rule_name, values, most=MOST, full=full)
    _remember(connection, rule.name, rev, rule, who=who, now_ms=now_ms)
    if kept == "changed":
        # What the old one found says nothing of the new one.
        alerts.resolve_of_rule(connection, prefix_of(rule.name), now_ms=now_ms)
    return kept


def make(
    connection: Connection, rule: AlertRule, *, who: str, now_ms: int, base_rev: int
) -> RuleRow:
    """Put it, and the row as it is by that and by nobody else."""
    put(connection, rule, who=who, now_ms=now_ms, base_rev=base_rev)
    return get(connection, rule.name)


def set_enabled(
    connection: Connection, name: str, *, enabled: bool, who: str, now_ms: int
) -> RuleRow:
    """Let a rule hold or rest; raises WrongUse when there is none of this name."""
    known = get(connection, name)
    rule = msgspec.structs.replace(known.rule, enabled=enabled)
    put(connection, rule, who=who, now_ms=now_ms)
    return get(connection, name)


def remove(
    connection: Connection, name: str, *, who: str, now_ms: int, base_rev: int | None = None
) -> None:
    """Forget a rule, and end what it found; raises WrongUse when there is none of this name.

    With a `base_rev` only if it is still as it was then; else Conflict.
    """
    _expect(connection, name, base_rev)
    done = connection.execute(alert_rules.delete().where(alert_rules.c.rule_name == name))
    if not done.rowcount:
        raise _not_found(name)
    rev = _last_rev(connection, name) + 1
    _remember(connection, name, rev, None, who=who, now_ms=now_ms)
    alerts.resolve_of_rule(connection, prefix_of(name), now_ms=now_ms)


def find(connection: Connection, name: str) -> RuleRow | None:
    """The rule of this name; None when there is none that can be read."""
    row = connection.execute(select(alert_rules).where(alert_rules.c.rule_name == name)).first()
    return None if row is None else _as_rule(row)


def get(connection: Connection, name: str) -> RuleRow:
    """The rule of this name; raises WrongUse."""
    found = find(connection, name)
    if found is None:
        raise _not_found(name)
    return found


def load_all(connection: Connection) -> tuple[RuleRow, ...]:
    """Every rule that can be read, by name; one that cannot is left out and logged."""
    rows = connection.execute(select(alert_rules).order_by(alert_rules.c.rule_name))
    return tuple(rule for rule in map(_as_rule, rows) if rule is not None)


def versions(connection: Connection, name: str) -> tuple[RuleVersion, ...]:
    """What a rule was, newest first; also of one that is removed."""
    column = alert_rule_versions.c
    rows = connection.execute(
        select(column.rev, column.changed_at, column.changed_by, column.definition)
        .where(column.rule_name == name)
        .order_by(column.id.desc())
        .limit(MOST)
    )
    return tuple(
        RuleVersion(rev=rev, changed_ms=at_ms, changed_by=who, rule=_read(definition))
        for rev, at_ms, who, definition in rows
    )


def _expect(connection: Connection, name: str, base_rev: int | None) -> None:
    """Nobody has been quicker than whoever knows the rule as it was at this revision."""
    if base_rev is None:
        return
    of_name = select(alert_rules.c.rev).where(alert_rules.c.rule_name == name)
    # Whoever comes in the same moment waits, and is told afterwards.
    held = connection.scalar(of_name.with_for_update()) or 0
    if held == base_rev:
        return
    known = versions(connection, name)
    by = known[0].changed_by if known else "somebody"
    if not held:
        raise Conflict(f"{by} removed the rule {name!r} meanwhile; save it under another name")
    if not base_rev:
        raise Conflict(f"there is a rule {name!r} already, by {by}; choose another name")
    was = next((one.rule for one in known if one.rev == base_rev), None)
    now = next((one.rule for one in known if one.rev == held), None)
    raise Conflict(
        f"{by} changed the rule {name!r} meanwhile: {_differences(was, now)}; look at it anew"
    )


def _differences(was: AlertRule | None, now: AlertRule | None) -> str:
    if was is None or now is None:
        return "it is another one now"
    found = [
        f"{field} is {getattr(now, field)!r}, was {getattr(was, field)!r}"
        for field in AlertRule.__struct_fields__
        if getattr(was, field) != getattr(now, field)
    ]
    return ", ".join(found) or "it is again as it was"


def _last_rev(connection: Connection, name: str) -> int:
    column = alert_rule_versions.c
    return connection.scalar(select(func.max(column.rev)).where(column.rule_name == name)) or 0


def _remember(
    connection: Connection, name: str, rev: int, rule: AlertRule | None, *, who: str, now_ms: int
) -> None:
    connection.execute(
        alert_rule_versions.insert(),
        {
            "rule_name": name,
            "rev": rev,
            "changed_at": now_ms,
            "changed_by": who,
            "definition": None if rule is None else msgspec.to_builtins(rule),
        },
    )


def _not_found(name: str) -> WrongUse:
    return WrongUse(
        f"there is no rule {name[:100]!r}; `smartcron-agent alerts rules list` shows them all"
    )


def _as_rule(row: Row[*tuple[Any, ...]]) -> RuleRow | None:
    rule = _read(row.definition)
    if rule is None:
        log.error("a rule cannot be read and is left out", rule=row.rule_name)
        return None
    return RuleRow(rule=rule, rev=row.rev, updated_ms=row.updated_at, updated_by=row.updated_by)


def _read(definition: object) -> AlertRule | None:
    if definition is None:
        return None
    try:
        rule = msgspec.convert(definition, AlertRule)
        check_rule(rule)
    except (msgspec.ValidationError, BadDefinition):
        return None  # a hand in the table
    return rule
