"""Which conditions are worth an alert, how bad is each, and how soon must people know?"""

from collections.abc import Sequence
from typing import Final

import msgspec

from agent.runs import Run

MINUTE_MS: Final = 60_000
DELAYS_MS: Final = {"critical": 0, "high": 15 * MINUTE_MS, "medium": 60 * MINUTE_MS}
"""After so long at most the channels are told; what comes together until then is told together."""
SEVERITIES: Final = {1: "critical", 2: "high"}
"""Of an alert about a task, by its priority; the others are medium."""
MANY_FAILURES: Final = 3
"""So many failures in a row are high, whatever the priority."""
LATE_MS: Final = 30_000
BACKLOG: Final = 50
BACKLOG_MS: Final = 5 * MINUTE_MS
FLAP_MS: Final = 10 * MINUTE_MS
"""What is back within this time is the same trouble, not a new one."""
MOST_FLAPS: Final = 3
"""What came back so often is over only when it stays away for FLAP_MS."""
ENOUGH_RUNS: Final = 10
MUCH_SLOWER_MS: Final = 5_000
MANY_MISSED_KEY: Final = "tasks_missed"
BACKLOG_KEY: Final = "queue_backlog"
STOPPED_KEY: Final = "agent_stopped"
_RANK: Final = {"critical": 3, "high": 2, "medium": 1}
_LOOKS_TO_BELIEVE: Final = {"cpu": 18, "memory": 18}
_SHARES: Final = ("disk", "cpu", "memory")
_TOLD: Final = 20
_TITLE_CHARS: Final = 200


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong; two with the same `dedupe_key` are the same trouble."""

    dedupe_key: str
    kind: str
    severity: str
    title: str
    message: str
    task_name: str | None = None
    run_id: str | None = None


def worse(one: str, other: str) -> str:
    """The worse of two severities."""
    return max(one, other, key=lambda severity: _RANK.get(severity, 0))


def is_worse(severity: str, than: str) -> bool:
    """People must know of this even if they know of the other."""
    return _RANK.get(severity, 0) > _RANK.get(than, 0)


def of_priority(priority: int) -> str:
    """How bad it is when a task of this priority does not do its work."""
    return SEVERITIES.get(priority, "medium")


def key_of_failure(task_name: str) -> str:
    """The key of the alert that a task fails; its next success ends it."""
    return f"task_failed:{task_name}"


def failed(run: Run, *, priority: int, in_row: int) -> Trouble:
    """A task failed, and no attempt is to come; `in_row` times since it last succeeded."""
    kind, severity = "task_failed", of_priority(priority)
    words = {
        "timeout": "took longer than its time and was ended",
        "killed_memory": "was ended for the memory it used",
        "lost": "was lost: nobody saw how it ended",
    }.get(run.status, "failed")
    if run.status == "timeout":
        kind, severity = "task_timeout", "critical"
    elif run.status == "lost":
        kind, severity = "task_lost", worse(severity, "high")
    if in_row >= MANY_FAILURES:
        severity = worse(severity, "high")
        words += f", the {in_row}th failure in a row"
    cause = run.error_message or run.reason or ""
    if run.exit_status is not None:
        cause = f"exit status {run.exit_status}. {cause}"
    return Trouble(
        dedupe_key=key_of_failure(run.task_name),
        kind=kind,
        severity=severity,
        title=f"{run.task_name} {words}"[:_TITLE_CHARS],
        message=f"run {run.id}, attempt {run.attempt}: {cause}".strip()[:1_000],
        task_name=run.task_name,
        run_id=run.id,
    )


def missed(runs: Sequence[Run], priorities: dict[str, int]) -> tuple[Trouble, ...]:
    """Due moments passed without a run: an alert a task, or a single one when it is many tasks."""
    by_task: dict[str, list[Run]] = {}
    for run in runs:
        if run.status == "missed":
            by_task.setdefault(run.task_name, []).append(run)
    if len(by_task) > _TOLD:
        severities = {of_priority(priorities.get(name, 3)) for name in by_task}
        names = sorted(by_task)
        return (
            Trouble(
                dedupe_key=MANY_MISSED_KEY,
                kind=MANY_MISSED_KEY,
                severity=max(severities, key=lambda one: _RANK[one]),
                title=f"{len(by_task)} tasks missed due moments",
                message=f"{', '.join(names[:_TOLD])} and {len(names) - _TOLD} more",
            ),
        )
    return tuple(
        Trouble(
            dedupe_key=key_of_missed(name),
            kind="task_missed",
            severity=of_priority(priorities.get(name, 3)),
            title=f"{name} missed its due moment",
            message=f"not run: {found[-1].reason or 'its moment had passed'}; "
            "its next good run ends this alert",
            task_name=name,
            run_id=found[-1].id,
        )
        for name, found in by_task.items()
    )


def key_of_missed(task_name: str) -> str:
    """The key of the alert that a task missed due moments."""
    return f"task_missed:{task_name}"


def late(run: Run) -> Trouble | None:
    """A run started long after it was due; None when it did not, or was asked to."""
    if run.trigger != "schedule" or run.late_ms is None or run.late_ms <= LATE_MS:
        return None
    return Trouble(
        dedupe_key=key_of_late(run.task_name),
        kind="start_late",
        severity="medium",
        title=f"{run.task_name} started late",
        message=f"run {run.id} started {run.late_ms / 1000:.0f} s after it was due",
        task_name=run.task_name,
        run_id=run.id,
    )


def key_of_late(task_name: str) -> str:
    """The key of the alert that a task starts late; its next start in time ends it."""
    return f"start_late:{task_name}"


def slower(run: Run, durations_ms: Sequence[int]) -> Trouble | None:
    """A good run took far longer than the ones before it; None as long as they are few."""
    if run.status != "success" or run.duration_ms is None or len(durations_ms) < ENOUGH_RUNS:
        return None
    ordered = sorted(durations_ms)
    middle = ordered[len(ordered) // 2]
    spread = sorted(abs(one - middle) for one in ordered)[len(ordered) // 2]
    limit_ms = max(2 * middle, middle + 6 * spread, middle + MUCH_SLOWER_MS)
    if run.duration_ms <= limit_ms:
        return None
    return Trouble(
        dedupe_key=key_of_slower(run.task_name),
        kind="task_slower",
        severity="medium",
        title=f"{run.task_name} is slower than usual",
        message=f"run {run.id} took {run.duration_ms / 1000:.1f} s, usual are "
        f"{middle / 1000:.1f} s; a run within {limit_ms / 1000:.1f} s ends this alert",
        task_name=run.task_name,
        run_id=run.id,
    )


def key_of_slower(task_name: str) -> str:
    """The key of the alert that a task has become slower."""
    return f"task_slower:{task_name}"


def of_check(
    name: str, verdict: str, message: str, *, looks: int, severity: str = ""
) -> Trouble | None:
    """What a health check says, after so many looks that said the same; None: nothing (yet).

    An own check says itself how bad it is.
    """
    if severity and verdict != "ok":
        return _of_own_check(name, verdict, message, severity=severity)
    if verdict not in ("warn", "crit") or looks < _LOOKS_TO_BELIEVE.get(name, 1):
        return None
    what, _, where = name.partition(":")
    if what not in _SHARES and verdict != "crit":
        return None
    is_critical = what == "disk" and verdict == "crit"
    message = f"{where}: {message}" if where else message
    title = {
        "disk": "Less than 10 % of the disk is free" if is_critical else "The disk fills up",
        "cpu": "The processors are busy",
        "memory": "Memory runs short",
        "inodes": "Hardly any file can be made: the inodes run out",
        "disk_days": "The disk will soon be full",
    }.get(what, f"Health check {name} is critical")
    return Trouble(
        dedupe_key=key_of_check(name),
        kind="disk_low" if is_critical else "resources_high" if what in _SHARES else "check_bad",
        severity="critical" if is_critical else "high",
        title=title,
        message=message[:1_000],
    )


def _of_own_check(name: str, verdict: str, message: str, *, severity: str) -> Trouble:
    called = name.partition(":")[2] or name
    said = {"warn": "warns", "crit": "is critical"}.get(verdict, "could not be done")
    return Trouble(
        dedupe_key=key_of_check(name),
        kind="check_bad",
        severity=severity,
        title=f"Check {called} {said}"[:_TITLE_CHARS],
        message=message[:1_000],
    )


def stopped(message: str) -> Trouble:
    """The agent does not decide any more; whoever else looks at it says so."""
    return Trouble(
        dedupe_key=STOPPED_KEY,
        kind=STOPPED_KEY,
        severity="critical",
        title="The agent is dead or frozen",
        message=f"Master runner: {message}; nothing starts until it goes on",
    )


def key_of_check(name: str) -> str:
    """The key of what a health check says."""
    return f"health:{name}"


def backlog(waiting: int, oldest_wait_ms: int) -> Trouble | None:
    """Runs wait for a slot: many, or one for long."""
    if waiting < BACKLOG and oldest_wait_ms < BACKLOG_MS:
        return None
    return Trouble(
        dedupe_key=BACKLOG_KEY,
        kind=BACKLOG_KEY,
        severity="medium",
        title="Runs pile up",
        message=f"{waiting} runs wait, the first for {oldest_wait_ms / 1000:.0f} s; "
        "more slots (max_running) or fewer tasks at the same minute help",
    )
