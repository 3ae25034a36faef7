"""Who may ask what: one table, and everything else is no."""

from typing import Final

VIEWER: Final = "viewer"
OPERATOR: Final = "operator"
ADMIN: Final = "admin"
INVITE: Final = "invite"
ROLES: Final = (VIEWER, OPERATOR, ADMIN)

# request type -> the lowest role that may send it
MINIMUM: Final[dict[str, str]] = {
    "hello": VIEWER,
    "ping": VIEWER,
    "sync": VIEWER,
    "task.get": VIEWER,
    "schedule.preview": VIEWER,
    "schedule.next": VIEWER,
    "schedule.forecast": VIEWER,
    "schedule.whatif": VIEWER,
    "schedule.why": VIEWER,
    "pause.preview": VIEWER,
    "task.definition": ADMIN,
    "task.versions": ADMIN,
    "task.check": ADMIN,
    "task.put": ADMIN,
    "task.delete": ADMIN,
    "task.set": OPERATOR,
    "task.skip": OPERATOR,
    "run.start": OPERATOR,
    "run.backfill": OPERATOR,
    "run.abort": OPERATOR,
    "run.retry": OPERATOR,
    "task.ping": OPERATOR,
    "run.get": VIEWER,
    "run.samples": VIEWER,
    "runs.page": VIEWER,
    "timeline.runs": VIEWER,
    "timeline.hours": VIEWER,
    "log.stat": VIEWER,
    "log.read": VIEWER,
    "log.search": VIEWER,
    "metrics.page": VIEWER,
    "stats.get": VIEWER,
    "health.get": VIEWER,
    "alerts.page": VIEWER,
    "alert.get": VIEWER,
    "alert.ack": OPERATOR,
    "alert.snooze": OPERATOR,
    "alert.resolve": OPERATOR,
    "alert.reopen": OPERATOR,
    "alert.note": OPERATOR,
    "alerts.rules": VIEWER,
    "rule.try": OPERATOR,
    "rule.set": OPERATOR,
    "rule.remove": OPERATOR,
    "quiet.try": OPERATOR,
    "quiet.set": OPERATOR,
    "quiet.remove": OPERATOR,
    "deliveries.page": VIEWER,
    "way.test": OPERATOR,
    "op.get": VIEWER,
    "audit.page": ADMIN,
    "key.list": ADMIN,
    "key.revoke": ADMIN,
    "invite.create": ADMIN,
    "agent.reload": ADMIN,
    "enroll": INVITE,
}
# An invite is not below the viewer but beside the ladder: it opens these two doors and no other.
INVITE_MAY: Final = frozenset({"hello", "enroll"})


def may(role: str, request_type: str) -> bool:
    """May this role send this type? Unknown roles and unknown types may not."""
    if role == INVITE:
        return request_type in INVITE_MAY
    needed = MINIMUM.get(request_type)
    if role not in ROLES or needed not in ROLES:
        return False
    return ROLES.index(role) >= ROLES.index(needed)


def needs(request_type: str) -> str | None:
    """The lowest role that may send this type; None for a type nobody knows."""
    return MINIMUM.get(request_type)
