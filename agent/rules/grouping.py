"""Which trouble comes of which, so that nobody need be told of it by itself?"""

from typing import Final

BEFORE_MS: Final = 60_000
"""What was found so shortly before its cause came of it all the same."""
AFTER_MS: Final = 60_000
"""So long after its cause has ended a trouble may still come of it, and gets to end as well."""
NAMED: Final = 20
"""So many of what a trouble caused are named where people are told of it."""
_OF_TASKS: Final = frozenset(
    {
        "task_failed",
        "task_timeout",
        "task_lost",
        "task_missed",
        "tasks_missed",
        "task_slower",
        "task_not_run",
        "run_slow",
        "start_late",
        "no_ping",
        "queue_backlog",
        "retry_storm",
        "own_rule",
    }
)
_OF_FULL_DISK: Final = frozenset(
    {"task_failed", "task_timeout", "task_missed", "tasks_missed", "retry_storm", "own_rule"}
)
_OF_STOPPED: Final = frozenset(
    {
        "task_missed",
        "tasks_missed",
        "task_lost",
        "task_not_run",
        "start_late",
        "no_ping",
        "queue_backlog",
        "own_rule",
    }
)
# The key of each of these is its kind: there is one of it.
_BY_CAUSE: Final = {
    "agent_stopped": (_OF_STOPPED, frozenset[str]()),
    "database_away": (_OF_TASKS, frozenset({"health:database", "health:writing"})),
    "disk_full": (_OF_FULL_DISK, frozenset({"health:disk", "health:writing"})),
}
CAUSES: Final = tuple(sorted(_BY_CAUSE))


def may_cause(kind: str) -> tuple[frozenset[str], frozenset[str]]:
    """Which kinds, and which single troubles by their key, this kind may bring about."""
    return _BY_CAUSE.get(kind, (frozenset(), frozenset()))


def causes_of(kind: str, dedupe_key: str) -> tuple[str, ...]:
    """The kinds of trouble that may have brought this one about."""
    return tuple(
        cause for cause, (kinds, keys) in _BY_CAUSE.items() if kind in kinds or dedupe_key in keys
    )


def with_effects(message: str, titles: tuple[str, ...], count: int) -> str:
    """What people are told of a cause: itself, and what came of it."""
    if not count:
        return message
    more = f" and {count - len(titles)} more" if count > len(titles) else ""
    return f"{message}\nThis caused {count} more: {'; '.join(titles)}{more}."
