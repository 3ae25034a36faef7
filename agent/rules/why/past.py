"""What was decided on a moment that has its row, or should have one."""

from agent.definitions import Definition
from agent.rules.why.facts import (
    ORDER,
    STOPS,
    Explanation,
    Facts,
    Step,
    Verdict,
    pause_words,
    told,
    window_words,
)
from agent.rules.why.words import length, utc, wall
from agent.runs import LIVE_STATES, Run


def of_rows(
    facts: Facts, definition: Definition, at_ms: int, rows: tuple[Run, ...], steps: list[Step]
) -> Explanation:
    """What became of a moment that has rows: the first decision, and its last attempt."""
    first, last = rows[0], rows[-1]
    # One that the full disk kept from its start may have been tried again.
    did_not_run = first.status in ("skipped", "missed") and last is first
    reason = first.reason if did_not_run else None
    stop = STOPS.get(reason or "", "on_time") if reason else None
    zone = definition.timezone
    for code in ORDER:
        if code == stop:
            steps.append(Step(code, ok=False, say=_stopped(facts, definition, first)))
            verdict: Verdict = "missed" if first.status == "missed" else "skipped"
            return told(facts, at_ms, verdict, reason or first.status, steps, first.id)
        say = _passed(code, definition, first, zone)
        if say:
            steps.append(Step(code, ok=True, say=say))
    claimed = f"its row {first.id} was written {wall(first.queued_ms, zone)}"
    steps.append(Step("claimed", ok=True, say=claimed))
    if last.started_ms is None and definition.kind == "watch":
        return _only_pinged(facts, definition, at_ms, last, steps)
    if last.started_ms is None:
        return _never_began(facts, at_ms, last, steps)
    late = "" if not last.late_ms else f", {length(last.late_ms)} late"
    tries = f", attempt {last.attempt}" if last.attempt > 1 else ""
    steps.append(
        Step("started", ok=True, say=f"it started {wall(last.started_ms, zone)}{late}{tries}")
    )
    if last.status in LIVE_STATES:
        return told(facts, at_ms, "runs", last.status, steps, last.id)
    say = _ended(last)
    steps.append(Step("ended", ok=last.status == "success", say=say))
    verdict = "ran" if last.status == "success" else "failed"
    code = "replaced" if last.reason == "replaced" else last.status
    return told(facts, at_ms, verdict, code, steps, last.id)


def _only_pinged(
    facts: Facts, definition: Definition, at_ms: int, run: Run, steps: list[Step]
) -> Explanation:
    """Of a watch that never said when it began: it said how it ended, or nothing."""
    if run.status in LIVE_STATES:
        say = f"it waits for a ping, ping_grace_s = {definition.ping_grace_s}"
        steps.append(Step("started", ok=False, say=say))
        return told(facts, at_ms, "waits", run.status, steps, run.id)
    if run.reason == "no_ping":
        say = f"no ping came within ping_grace_s = {definition.ping_grace_s}"
        steps.append(Step("started", ok=False, say=say))
        return told(facts, at_ms, "missed", "no_ping", steps, run.id)
    if run.status not in ("success", "error"):
        return _never_began(facts, at_ms, run, steps)
    when = wall(run.ended_ms or at_ms, definition.timezone)
    is_good = run.status == "success"
    say = f"a ping said {when} that it {'ended well' if is_good else 'failed'}"
    steps.append(Step("ended", ok=is_good, say=say))
    return told(facts, at_ms, "ran" if is_good else "failed", run.status, steps, run.id)


def _never_began(facts: Facts, at_ms: int, run: Run, steps: list[Step]) -> Explanation:
    if run.status in LIVE_STATES:
        words = {
            "retry_wait": f"attempt {run.attempt} waits until {utc(run.retry_at_ms)}",
            "starting": "it is being started",
        }
        say = words.get(run.status, "it waits for a free slot")
        steps.append(Step("started", ok=False, say=say))
        return told(facts, at_ms, "waits", run.status, steps, run.id)
    more = f": {run.note or run.error_message}" if run.note or run.error_message else ""
    say = f"it never began ({run.reason or run.status}){more}"
    steps.append(Step("started", ok=False, say=say))
    verdicts: dict[str, Verdict] = {"skipped": "skipped", "missed": "missed"}
    verdict = verdicts.get(run.status, "failed")
    return told(facts, at_ms, verdict, run.reason or run.status, steps, run.id)


def _passed(code: str, definition: Definition, run: Run, zone: str) -> str:
    match code:
        case "enabled":
            return "the task was on the schedule"
        case "paused":
            return "it was not paused"
        case "skip_next":
            return ""
        case "blackout":
            names = ", ".join(definition.calendars)
            return f"its calendars ({names}) let it start" if names else ""
        case "on_time":
            if run.trigger == "catchup" and definition.kind == "watch":
                return "the agent looked at it later, when a ping could still count for it"
            if run.trigger == "catchup":
                return f"it was made up for {wall(run.queued_ms, zone)} (missed = " + (
                    f"{definition.missed!r})"
                )
            return "the agent met it in time" if run.trigger == "schedule" else ""
        case _ if definition.kind == "watch":
            return ""
        case _:
            return f"overlap = {definition.overlap!r} let it run"


def _stopped(facts: Facts, definition: Definition, row: Run) -> str:
    zone = definition.timezone
    note = f" ({row.note})" if row.note else ""
    if facts.summed is row:
        note = (
            f"; one row stands for {row.missed_count} moments from "
            f"{wall(row.scheduled_ms, zone)} until "
            f"{wall(row.missed_until_ms or row.scheduled_ms, zone)}{note}"
        )
    match row.reason:
        case "disabled":
            return f"the task was switched off{note}"
        case "paused":
            return f"the task was paused{pause_words(facts, zone)}{note}"
        case "skip_next":
            return f"somebody had this moment left out{note}"
        case "blackout":
            return f"{window_words(facts, zone)}; in_blackout = {definition.in_blackout!r}{note}"
        case "overlap" | "queue_full":
            return f"{_in_way(facts, definition)}{note}"
        case "catchup_limit":
            return (
                f"catchup_limit = {definition.catchup_limit} newer moments were made up for{note}"
            )
        case "too_late":
            return (
                f"it was found {length(row.queued_ms - row.scheduled_ms)} late; start_deadline_s "
                f"= {definition.start_deadline_s}, missed = {definition.missed!r}{note}"
            )
        case _:
            known = {
                "agent_down": "no agent served then",
                "clock_jump": "the host's clock was set past it",
                "suspended": "the host slept then",
                "row_lost": "what was recorded of it is gone",
                "storage": "the disk had no room for what a start needs",
            }
            told = known.get(row.reason or "", f"it did not run ({row.reason})")
            return f"{told}{_befell(facts, zone)}{note}"


def _in_way(facts: Facts, definition: Definition) -> str:
    zone = definition.timezone
    policy = f"overlap = {definition.overlap!r}"
    if definition.overlap_limit is not None:
        policy += f" with overlap_limit = {definition.overlap_limit}"
    run = facts.in_way
    if run is None:
        return f"a run of the task was alive; {policy}"
    ended = f", which ended {wall(run.ended_ms, zone)}," if run.ended_ms is not None else ""
    return f"run {run.id} of {wall(run.scheduled_ms, zone)}{ended} was alive; {policy}"


def _befell(facts: Facts, zone: str) -> str:
    told = [
        f"{event.message or event.kind} ({wall(event.at_ms, zone)})" for event in facts.events[:3]
    ]
    return f"; known of that time: {'; '.join(told)}" if told else ""


def _ended(run: Run) -> str:
    took = f" after {length(run.duration_ms)}" if run.duration_ms is not None else ""
    match run.status:
        case "success":
            return f"it ended well{took}"
        case "error" if run.signal is not None:
            return f"it was killed by signal {run.signal}{took}"
        case "error":
            return f"it ended with exit status {run.exit_status}{took}"
        case "timeout":
            return f"it was ended at its time limit{took}"
        case "killed_memory":
            return f"it was ended at its memory limit{took}"
        case "aborted" if run.reason == "replaced":
            return f"the next run replaced it{took}"
        case "aborted":
            said = run.note if run.reason == "by_request" else run.reason
            return f"somebody stopped it{took}" + (f": {said}" if said else "")
        case _:
            return f"nobody knows how it ended{took}"


def without_row(facts: Facts, at_ms: int, steps: list[Step]) -> Explanation:
    """Why a moment that was due has no row, or that one is missing."""
    if not facts.enabled:
        by = f" by {facts.changed_by}" if facts.changed_by else ""
        since = f" since {utc(facts.changed_ms)}{by}" if facts.changed_ms is not None else ""
        say = f"the task was switched off{since}; such moments have no rows"
        steps.append(Step("enabled", ok=False, say=say))
        return told(facts, at_ms, "skipped", "disabled", steps)
    if facts.decided_ms is None or at_ms > facts.decided_ms:
        said = (
            "no agent has decided anything yet"
            if facts.decided_ms is None
            else f"moments are decided up to {utc(facts.decided_ms)} so far"
        )
        steps.append(Step("claimed", ok=False, say=said))
        return told(facts, at_ms, "undecided", "undecided", steps)
    steps.append(Step("claimed", ok=False, say="it has no row, and should have one"))
    return told(facts, at_ms, "no_row", "no_row", steps)
