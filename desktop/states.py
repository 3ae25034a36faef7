"""In which state a task is, and the shape, word and colour of each state."""

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication

from shared.protocol.rows import Alert, Run, Task

# A moment this much past without its run is late; less is only the way over the wire.
LATE_AFTER_MS: Final = 5_000


def _tr(text: str) -> str:
    return QCoreApplication.translate("states", text)


@dataclass(frozen=True, slots=True)
class Look:
    """How one state is told: shape first, then the word, then the colour family."""

    icon: str
    word: str
    family: str

    @property
    def said(self) -> str:
        """The word in the reader's language."""
        return _tr(self.word)


# The worst first: this is the order in which one task's claims on its state are weighed.
TASK_LOOKS: Final[dict[str, Look]] = {
    "invalid": Look("file-x-fill", "Invalid", "bad"),
    "failing": Look("warning-fill", "Failing", "bad"),
    "late": Look("clock-afternoon-fill", "Late", "warn"),
    "stopping": Look("stop-circle-fill", "Stopping", "run"),
    "running": Look("circle-half-fill", "Running", "run"),
    "retrying": Look("arrow-clockwise-bold", "Retrying", "run"),
    "queued": Look("hourglass-medium-fill", "Queued", "run"),
    "awaiting": Look("broadcast-fill", "Awaits ping", "idle"),
    "never": Look("circle-bold", "Never ran", "idle"),
    "stopped": Look("stop-fill", "Stopped", "idle"),
    "ok": Look("check-bold", "OK", "ok"),
    "paused": Look("pause-fill", "Paused", "idle"),
    "disabled": Look("prohibit-bold", "Disabled", "idle"),
    "unknown": Look("question-bold", "Unknown", "idle"),
}
SEVERITY: Final = {state: place for place, state in enumerate(TASK_LOOKS)}

ENDING_LOOKS: Final[dict[str, Look]] = {
    "success": Look("check-circle-fill", "Success", "ok"),
    "error": Look("x-square-fill", "Error", "bad"),
    "timeout": Look("timer-fill", "Timeout", "bad"),
    "killed_memory": Look("cpu-fill", "Out of memory", "bad"),
    "aborted": Look("stop-fill", "Aborted", "idle"),
    "skipped": Look("skip-forward-fill", "Skipped", "idle"),
    "missed": Look("circle-dashed-bold", "Missed", "warn"),
    "lost": Look("ghost-fill", "Lost", "bad"),
}
LIVE_LOOKS: Final[dict[str, Look]] = {
    "queued": TASK_LOOKS["queued"],
    "starting": Look("circle-half-fill", "Starting", "run"),
    "running": TASK_LOOKS["running"],
    "stopping": TASK_LOOKS["stopping"],
    "retry_wait": Look("arrow-clockwise-bold", "Waits to retry", "run"),
}
CHECK_LOOKS: Final[dict[str, Look]] = {
    "ok": Look("check-bold", "OK", "ok"),
    "warn": Look("eye-fill", "Watch", "warn"),
    "crit": Look("warning-fill", "Critical", "bad"),
    "unknown": TASK_LOOKS["unknown"],
}
SEVERITY_LOOKS: Final[dict[str, Look]] = {
    "critical": Look("warning-octagon-fill", "Critical", "bad"),
    "high": Look("caret-double-up-bold", "High", "bad"),
    "medium": Look("caret-up-bold", "Medium", "warn"),
    "info": Look("info-fill", "Info", "idle"),
}
# A report is mailed like an alert, and is as bad as nothing.
_REPORT: Final = Look("file-text", "Report", "idle")
ALERT_LOOKS: Final[dict[str, Look]] = {
    "open": Look("bell-ringing-fill", "Open", "bad"),
    "acked": Look("checks-bold", "Acknowledged", "idle"),
    "snoozed": Look("moon-fill", "Snoozed", "idle"),
    "muted": Look("bell-slash", "Muted", "idle"),
    "caused": Look("eye-fill", "Of a known cause", "idle"),
    "resolved": Look("circle-wavy-check-fill", "Resolved", "ok"),
    "unknown": TASK_LOOKS["unknown"],
}
# By the words of `freshness`.
LINK_LOOKS: Final[dict[str, Look]] = {
    "connecting": Look("question", "Connecting", "idle"),
    "live": Look("link", "Connected", "ok"),
    "late": Look("link", "Waiting for a beat", "warn"),
    "lost": Look("link-break", "Not connected", "bad"),
    "refused": Look("lock", "Refused", "bad"),
    "offline": Look("link-break", "Closed", "idle"),
}
NO_LINK: Final = Look("link-break", "Not looked at", "idle")
MESSAGE_LOOKS: Final[dict[str, Look]] = {
    "sent": Look("check-circle-fill", "Accepted", "ok"),
    "waiting": Look("hourglass-medium-fill", "On its way", "idle"),
    "retried": Look("arrow-clockwise-bold", "Tried again", "warn"),
    "failed": Look("x-square-fill", "Given up", "bad"),
}

_REASONS: Final[dict[str, str]] = {
    "overlap": "the run before had not ended",
    "paused": "the task was paused",
    "disabled": "the task was switched off",
    "blackout": "a blackout was on",
    "too_late": "too late to start",
    "agent_down": "the agent was down",
    "row_lost": "its row was lost with the database",
    "clock_jump": "the clock jumped",
    "queue_full": "too many were waiting",
    "replaced": "a newer run took over",
    "never_started": "could not be started",
    "no_ping": "no ping came in time",
    "superseded": "the next regular run took over",
    "suspended": "the server was asleep",
    "catchup_limit": "more were missed than are made up for",
    "by_request": "on request",
    "skip_next": "somebody let it pass",
    "unconfirmed": "the database failed while it was ordered",
    "database_away": "the database was away",
    "cpu_limit": "its processor time was used up",
    "file_size_limit": "a file grew beyond its limit",
    "no_trace": "no trace of it was found",
    "reboot": "the server was started anew",
    "storage": "the disk was full",
    "withdrawn": "somebody took it back",
}
_TRIGGERS: Final[dict[str, str]] = {
    "schedule": "Schedule",
    "manual": "By hand",
    "retry": "Retry",
    "catchup": "Catch-up",
    "chain": "Chain",
    "ping": "Ping",
}


def state_of(task: Task, now_ms: int | None) -> str:
    """The one state of a task: the worst that is true; a run in progress speaks before the past."""
    if task.state == "invalid":
        return "invalid"
    if task.state in ("running", "stopping"):
        return task.state
    if not task.enabled or task.state == "off":
        return "disabled"
    if task.paused:
        return "paused"
    if task.fails > 0:
        return "failing"
    if is_late(task, now_ms):
        return "late"
    if task.state == "retry_wait":
        return "retrying"
    if task.state == "queued":
        return "awaiting" if is_watch(task) else "queued"
    return _past_of(task) if task.state == "idle" else "unknown"


def _past_of(task: Task) -> str:
    """What the last run says of a task of which nothing else is true."""
    if task.last is None:
        return "never"
    # Somebody stopped it: whether it would have come to good is not known.
    return "stopped" if task.last.result == "aborted" else "ok"


def runs_next_ms(task: Task) -> int | None:
    """The next moment that really runs: after a pause, and after what is to be left out."""
    if task.paused or task.skip_until_ms is not None:
        return task.resumes_ms
    return task.next_ms


def is_watch(task: Task) -> bool:
    """It runs nothing of its own, so it cannot be run."""
    return task.kind == "watch"


def is_late(task: Task, now_ms: int | None) -> bool:
    """Its moment has passed and no run came."""
    if now_ms is None or task.next_ms is None or not task.enabled or task.paused:
        return False
    return task.state in ("idle", "queued") and now_ms - task.next_ms > LATE_AFTER_MS


def task_look(state: str) -> Look:
    """How a task's state is told; a state nobody knows is said to be unknown."""
    return TASK_LOOKS.get(state, TASK_LOOKS["unknown"])


def ending_look(result: str | None) -> Look:
    """How a run's ending is told."""
    return ENDING_LOOKS.get(result or "", TASK_LOOKS["unknown"])


def run_look(run: Run) -> Look:
    """How a run is told, ended or not."""
    if run.state == "ended":
        return ending_look(run.result)
    if run.awaits_ping:
        return TASK_LOOKS["awaiting"]
    return LIVE_LOOKS.get(run.state, TASK_LOOKS["unknown"])


def alert_state(alert: Alert) -> str:
    """The one state of an alert; what is snoozed is acknowledged until a moment.

    Nobody is told of an open one that is muted, or that came about by another.
    """
    if alert.state == "acked" and alert.snoozed_until_ms is not None:
        return "snoozed"
    if alert.state == "open" and alert.muted_until_ms is not None:
        return "muted"
    if alert.state == "open" and alert.cause_id is not None and alert.told != "open":
        return "caused"
    return alert.state if alert.state in ALERT_LOOKS else "unknown"


def link_look(state: str) -> Look:
    """How the link to an agent is told; no state is that of an agent nobody looks at."""
    return LINK_LOOKS.get(state, NO_LINK)


def alert_look(alert: Alert) -> Look:
    """How an alert is told; an open one in the colour of its severity."""
    state = alert_state(alert)
    look = ALERT_LOOKS[state]
    if state == "open":
        return Look(look.icon, look.word, severity_look(alert.sev).family)
    return look


def severity_look(severity: str) -> Look:
    """How bad an alert is, told; of a message also that it is a report."""
    if severity == "report":
        return _REPORT
    return SEVERITY_LOOKS.get(severity, TASK_LOOKS["unknown"])


def check_look(state: str) -> Look:
    """How a probe's finding is told."""
    return CHECK_LOOKS.get(state, TASK_LOOKS["unknown"])


def reason_words(reason: str | None) -> str:
    """A reason code as words; one that is not in the list is shown as it came."""
    if not reason:
        return ""
    return _tr(_REASONS[reason]) if reason in _REASONS else reason


def trigger_words(trigger: str) -> str:
    """What ordered a run, as words."""
    return _tr(_TRIGGERS[trigger]) if trigger in _TRIGGERS else trigger


def ending_words(
    result: str, *, exit_status: int | None, signal: int | None, reason: str | None
) -> str:
    """An ending in a few words: "exit 255", "timeout", "skipped, the task was paused"."""
    if result == "error" and exit_status is not None:
        return _tr("exit {0}").format(exit_status)
    if result == "error" and signal is not None:
        return _tr("signal {0}").format(signal)
    if result in ("error", "missed") and reason:
        return reason_words(reason)
    return ending_look(result).said.lower()
