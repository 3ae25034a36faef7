"""Which conditions are worth an alert, how bad is each, and how soon must people know?"""

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Final

from agent.runs import Run
from agent.troubles import MESSAGE_CHARS, MINUTE_MS, TITLE_CHARS, of_priority, worse
from agent.troubles import Trouble as Trouble

MANY_FAILURES: Final = 3
"""So many failures in a row are high, whatever the priority."""
LATE_MS: Final = 30_000
BACKLOG: Final = 50
BACKLOG_MS: Final = 5 * MINUTE_MS
FLAP_MS: Final = 10 * MINUTE_MS
"""What is back within this time is the same trouble, not a new one."""
MOST_FLAPS: Final = 3
"""What came back so often is over only when it stays away for FLAP_MS."""
STORM: Final = 30
STORM_TASKS: Final = 3
STORM_MS: Final = 5 * MINUTE_MS
STORM_KEY: Final = "retry_storm"
ENOUGH_GAPS: Final = 5
GOOD_RUNS: Final = 20
"""So many good runs say how long a task usually goes without one."""
NOBODY_CHOSE: Final = frozenset({"overlap", "queue_full", "replaced"})
"""Why a moment passes unused though nobody wanted that."""
MANY_MISSED_KEY: Final = "tasks_missed"
BACKLOG_KEY: Final = "queue_backlog"
STOPPED_KEY: Final = "agent_stopped"
_SHARES: Final = ("disk", "cpu", "memory")
CLOCK_JUMP: Final = "clock_jump"
_TOLD: Final = 20


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
        words += f", {in_row} times in a row"
    cause = run.error_message or run.reason or ""
    if run.exit_status is not None:
        cause = f"exit status {run.exit_status}. {cause}"
    return Trouble(
        dedupe_key=key_of_failure(run.task_name),
        kind=kind,
        severity=severity,
        title=f"{run.task_name} {words}"[:TITLE_CHARS],
        message=f"run {run.id}, attempt {run.attempt}: {cause}".strip()[:MESSAGE_CHARS],
        task_name=run.task_name,
        run_id=run.id,
    )


def missed(runs: Sequence[Run], priorities: dict[str, int]) -> tuple[Trouble, ...]:
    """Due moments passed without a run: an alert a task, or a single one when it is many tasks.

    Those past which the clock was set are one alert of two tasks on, and have time to be made up
    for: nobody is woken for a clock that was put right.
    """
    by_task: dict[str, list[Run]] = {}
    for run in runs:
        if run.status == "missed":
            by_task.setdefault(run.task_name, []).append(run)
    if len(by_task) > _TOLD:
        return (_many_missed(sorted(by_task), priorities),)
    jumped = [
        name
        for name, found in sorted(by_task.items())
        if all(run.reason == CLOCK_JUMP for run in found)
    ]
    if len(jumped) < 2:
        jumped = []
    alone = tuple(
        _missed(name, found[-1], of_priority(priorities.get(name, 3)))
        for name, found in by_task.items()
        if name not in jumped
    )
    return alone if not jumped else (*alone, _many_missed(jumped, priorities, is_jump=True))


def _many_missed(
    names: Sequence[str], priorities: dict[str, int], *, is_jump: bool = False
) -> Trouble:
    severity = reduce(worse, (of_priority(priorities.get(name, 3)) for name in names))
    if is_jump and severity == "critical":
        severity = "high"
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    why = "the clock was set past them: " if is_jump else ""
    return Trouble(
        dedupe_key=MANY_MISSED_KEY,
        kind=MANY_MISSED_KEY,
        severity=severity,
        title=f"{len(names)} tasks missed due moments",
        message=f"{why}{', '.join(names[:_TOLD])}{more}",
    )


def _missed(name: str, run: Run, severity: str) -> Trouble:
    return Trouble(
        dedupe_key=key_of_missed(name),
        kind="task_missed",
        severity=severity,
        title=f"{name} missed its due moment",
        message=f"not run: {run.reason or 'its moment had passed'}; "
        "its next good run ends this alert",
        task_name=name,
        run_id=run.id,
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


def retry_storm(retries: int, tasks: int) -> Trouble | None:
    """Many runs of many tasks are tried again within STORM_MS: something they share is broken."""
    if retries < STORM or tasks < STORM_TASKS:
        return None
    return Trouble(
        dedupe_key=STORM_KEY,
        kind=STORM_KEY,
        severity="high",
        title="Many runs are tried again",
        message=f"{retries} retries of {tasks} tasks within {STORM_MS // MINUTE_MS} min: they may "
        "fail for something that they share; `smartcron-agent runs list --trigger retry` shows "
        "them",
    )


def not_run(task_name: str, ends_ms: Sequence[int], *, now_ms: int, reason: str) -> Trouble | None:
    """A task whose moments pass unused did not succeed for far longer than ever between two.

    `ends_ms` are when its last good runs ended, newest first; of few nobody knows what is usual.
    """
    gaps = [later - earlier for later, earlier in pairwise(ends_ms)]
    if len(gaps) < ENOUGH_GAPS:
        return None
    silent_ms = now_ms - ends_ms[0]
    expected_ms = max(3 * max(gaps) // 2, max(gaps) + 10 * MINUTE_MS)
    if silent_ms <= expected_ms:
        return None
    return Trouble(
        dedupe_key=key_of_not_run(task_name),
        kind="task_not_run",
        severity="medium",
        title=f"{task_name} has not run for longer than expected",
        message=f"its last good run ended {silent_ms // MINUTE_MS} min ago, "
        f"{max(gaps) // MINUTE_MS} min was the longest of the last {len(gaps)} times; its moments "
        f"pass unused ({reason}), its next good run ends this alert",
        task_name=task_name,
    )


def key_of_not_run(task_name: str) -> str:
    """The key of the alert that a task does not come to run."""
    return f"task_not_run:{task_name}"


def of_check(name: str, verdict: str, message: str, *, severity: str = "") -> Trouble | None:
    """What a health check says; None: nothing. An own check says itself how bad it is."""
    if severity and verdict != "ok":
        return _of_own_check(name, verdict, message, severity=severity)
    if verdict not in ("warn", "crit"):
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
        "loop": "The scheduler wakes late",
        "logs": "The log folder takes no files",
        "database": "The database answers slowly",
        "reads": "Readers of the database wait",
        "writes": "Writes to the database wait",
        "replication": "The copy of the database is behind",
    }.get(what, f"Health check {name} is critical")
    return Trouble(
        dedupe_key=key_of_check(name),
        kind="disk_low" if is_critical else "resources_high" if what in _SHARES else "check_bad",
        severity="critical" if is_critical else "high",
        title=title,
        message=message[:MESSAGE_CHARS],
    )


def _of_own_check(name: str, verdict: str, message: str, *, severity: str) -> Trouble:
    called = name.partition(":")[2] or name
    said = {"warn": "warns", "crit": "is critical"}.get(verdict, "could not be done")
    return Trouble(
        dedupe_key=key_of_check(name),
        kind="check_bad",
        severity=severity,
        title=f"Check {called} {said}"[:TITLE_CHARS],
        message=message[:MESSAGE_CHARS],
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
