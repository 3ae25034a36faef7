"""Every request has a lowest role, and what is not in the table is no."""

import pytest

from shared.protocol.requests import COMMANDS, REQUESTS
from shared.protocol.roles import INVITE, MINIMUM, ROLES, may, needs

VIEWER_MAY = {
    "hello", "ping", "sync", "task.get", "schedule.preview", "run.get", "run.samples", "runs.page",
    "log.stat", "log.read", "log.search", "metrics.page", "stats.get", "health.get", "op.get",
    "schedule.next", "schedule.forecast", "schedule.whatif", "schedule.why", "pause.preview",
    "alerts.page", "alert.get", "alerts.rules", "deliveries.page",
    "timeline.runs", "timeline.hours",
}  # fmt: skip
OPERATOR_MAY = VIEWER_MAY | {
    "task.set", "task.skip", "task.ping", "run.start", "run.backfill", "run.abort", "run.retry",
    "alert.ack", "alert.snooze", "alert.resolve", "alert.reopen", "alert.note",
    "rule.try", "rule.set", "rule.remove", "quiet.try", "quiet.set", "quiet.remove",
    "way.test",
}  # fmt: skip
ADMIN_MAY = OPERATOR_MAY | {
    "audit.page", "key.list", "key.revoke", "invite.create", "agent.reload",
    "task.definition", "task.versions", "task.check", "task.put", "task.delete",
}  # fmt: skip


def test_every_request_has_an_entry_and_every_entry_a_request() -> None:
    assert set(MINIMUM) == set(REQUESTS)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", VIEWER_MAY),
        ("operator", OPERATOR_MAY),
        ("admin", ADMIN_MAY),
        ("invite", {"hello", "enroll"}),
    ],
)
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: str, allowed: set[str]) -> None:
    assert {name for name in REQUESTS if may(role, name)} == allowed


@pytest.mark.parametrize("role", ["", "root", "Admin", "viewer ", "None"])
def test_an_unknown_role_may_nothing(role: str) -> None:
    assert not any(may(role, name) for name in REQUESTS)


@pytest.mark.parametrize("request_type", ["", "task.move", "__class__", "hello ", "HELLO", "log"])
def test_an_unknown_request_is_denied_to_everyone(request_type: str) -> None:
    assert not any(may(role, request_type) for role in (*ROLES, INVITE))
    assert needs(request_type) is None


def test_no_viewer_may_change_anything() -> None:
    assert not any(may("viewer", name) for name in COMMANDS)


def test_commands_are_those_that_change_something() -> None:
    assert set(COMMANDS) == {
        "task.set", "task.skip", "task.ping", "run.start", "run.backfill", "run.abort", "run.retry",
        "key.revoke", "invite.create", "agent.reload", "task.put", "task.delete",
        "alert.ack", "alert.snooze", "alert.resolve", "alert.reopen", "alert.note",
        "rule.set", "rule.remove", "quiet.set", "quiet.remove", "way.test",
    }  # fmt: skip
