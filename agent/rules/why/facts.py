"""What is known of a task at a moment, and what an explanation of it is made of."""

from typing import Final, Literal, TypeAlias

import msgspec

from agent.cron.moments import Tag
from agent.definitions import Definition
from agent.expected import Expected, Happened
from agent.rules.why.words import wall
from agent.runs import Run
from agent.windows import Closed

Verdict: TypeAlias = Literal[
    "ran",
    "failed",
    "runs",
    "waits",
    "skipped",
    "missed",
    "will_run",
    "will_not_run",
    "not_due",
    "undecided",
    "no_row",
]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a task at a moment; flags are those of then, or of now for a moment to come.

    `tag` is None when the moment is not due; `rows` are the attempts at it, `summed` a row that
    stands for it among others, `in_way` the run of the task that was alive.
    """

    task_name: str
    now_ms: int
    definition: Definition | None
    first_known_ms: int | None = None
    changed_ms: int | None = None
    changed_by: str = ""
    enabled: bool = True
    paused_until_ms: int | None = None
    pause_reason: str | None = None
    skip_until_ms: int | None = None
    decided_ms: int | None = None
    tag: Tag | None = None
    before_ms: int | None = None
    after_ms: int | None = None
    closed: Closed | None = None
    rows: tuple[Run, ...] = ()
    summed: Run | None = None
    in_way: Run | None = None
    events: tuple[Happened, ...] = ()
    expected: Expected | None = None


class Step(msgspec.Struct, frozen=True):
    """One thing that had to hold, whether it did, and a sentence."""

    code: str
    ok: bool
    say: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The way of a moment through all decisions, and what to do next when it did not run."""

    task_name: str
    at_ms: int
    verdict: Verdict
    code: str
    steps: tuple[Step, ...]
    say: str
    advice: str = ""
    before_ms: int | None = None
    after_ms: int | None = None
    run_id: str | None = None


# The step at which a reason stops a moment.
STOPS: Final = {
    "disabled": "enabled",
    "paused": "paused",
    "skip_next": "skip_next",
    "blackout": "blackout",
    "too_late": "on_time",
    "agent_down": "on_time",
    "clock_jump": "on_time",
    "suspended": "on_time",
    "row_lost": "on_time",
    "storage": "on_time",
    "catchup_limit": "on_time",
    "overlap": "overlap",
    "queue_full": "overlap",
    "no_ping": "started",
    "never_started": "started",
    "superseded": "started",
    "withdrawn": "started",
    "unconfirmed": "started",
}
ORDER: Final = ("enabled", "paused", "skip_next", "blackout", "on_time", "overlap")
_ADVICE: Final = {
    "disabled": "`smartcron-agent tasks enable {task}` puts it back on the schedule",
    "paused": "`smartcron-agent tasks resume {task}` ends a pause that still holds",
    "skip_next": "nothing is to be done: the moments after it run again",
    "blackout": "`smartcron-agent calendars list` shows the windows; in_blackout = 'delay' would "
    "start it when the window ends",
    "too_late": "a longer start_deadline_s lets it start later; missed = 'latest' or 'all' makes "
    "up for it",
    "agent_down": "keep the agent served (`smartcron-agent tick` from crontab starts it again); "
    "missed = 'all' with a longer start_deadline_s makes up for more",
    "clock_jump": "see to the host's clock (NTP); missed = 'all' makes up for what a jump leaves "
    "out",
    "suspended": "keep the host awake at that time, or choose another time",
    "row_lost": "its task's log may say whether it ran; `smartcron-agent tasks backfill {task}` "
    "runs it as of that moment",
    "storage": "free some space on the disk of the agent's home; `smartcron-agent tasks backfill "
    "{task}` runs the moment after all",
    "catchup_limit": "a higher catchup_limit makes up for more moments",
    "overlap": "make the run shorter or the schedule wider, or write overlap = 'queue' or 'allow'",
    "queue_full": "a higher overlap_limit lets more runs wait",
    "never_started": "`smartcron-agent runs show {run}` says why it could not be started",
    "no_ping": "see whether whatever starts the job still does; ping_grace_s is how long its ping "
    "may take",
    "superseded": "nothing is to be done: the next regular run took its place",
    "withdrawn": "nothing is to be done: somebody took it back",
    "unconfirmed": "`smartcron-agent tasks run {task}` orders it once more",
    "replaced": "overlap = 'queue' would let the older run come to its end",
    "error": "`smartcron-agent runs log {run}` shows what it wrote",
    "timeout": "`smartcron-agent runs log {run}` shows how far it came; timeout_seconds is the "
    "limit",
    "killed_memory": "memory_limit_mb is the limit; `smartcron-agent runs log {run}` shows what "
    "it wrote",
    "lost": "`smartcron-agent runs log {run}` shows what is left of it; see whether its work is "
    "done",
    "aborted": "`smartcron-agent tasks run {task}` runs it again",
    "not_due": "`smartcron-agent next {task}` shows when it is due",
    "undecided": "`smartcron-agent health` says whether an agent serves",
    "no_row": "`smartcron-agent ledger check` shows what else is missing; rows older than their "
    "retention are removed by cleanup",
}


def told(
    facts: Facts,
    at_ms: int,
    verdict: Verdict,
    code: str,
    steps: list[Step],
    run_id: str | None = None,
) -> Explanation:
    """The whole explanation, once its last step is known: the verdict, and what can be done."""
    zone = facts.definition.timezone if facts.definition is not None else "UTC"
    last = steps[-1]
    is_to_come = verdict == "not_due" and at_ms > facts.now_ms
    say = f"{'It is not due' if is_to_come else _VERDICTS[verdict]}: {last.say}"
    if verdict == "not_due":
        near = [
            f"{wall(there_ms, zone)} ({word})"
            for there_ms, word in ((facts.before_ms, "before"), (facts.after_ms, "after"))
            if there_ms is not None
        ]
        say += f"; its nearest due moments are {' and '.join(near)}" if near else ""
    advice = _ADVICE.get(code) or _ADVICE.get(verdict, "")
    return Explanation(
        task_name=facts.task_name,
        at_ms=at_ms,
        verdict=verdict,
        code=code,
        steps=tuple(steps),
        say=f"{say}.",
        advice=advice.format(task=facts.task_name, run=run_id or ""),
        before_ms=facts.before_ms,
        after_ms=facts.after_ms,
        run_id=run_id,
    )


def pause_words(facts: Facts, zone: str) -> str:
    """Until when a pause lasts, and why, as far as somebody said so."""
    until = "" if facts.paused_until_ms is None else f" until {wall(facts.paused_until_ms, zone)}"
    return f"{until} ({facts.pause_reason})" if facts.pause_reason else until


def window_words(facts: Facts, zone: str) -> str:
    """Which calendar keeps the task from starting, and until when."""
    closed = facts.closed
    if closed is None:
        return "a calendar kept it from starting"
    until = "" if closed.until_ms is None else f" until {wall(closed.until_ms, zone)}"
    return f"calendar {closed.name!r} keeps it from starting{until}"


_VERDICTS: Final[dict[Verdict, str]] = {
    "ran": "It ran",
    "failed": "It ran and failed",
    "runs": "It is running",
    "waits": "It waits",
    "skipped": "It did not run",
    "missed": "It was missed",
    "will_run": "It will run",
    "will_not_run": "It will not run",
    "not_due": "It was not due",
    "undecided": "It is not decided yet",
    "no_row": "Nobody knows",
}
