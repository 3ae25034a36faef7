"""How do tasks, runs and checks look to those who watch them?"""

from collections.abc import Iterable, Sequence
from typing import Final

from agent.definitions import Definition
from agent.due import next_due, when_in_words
from agent.ownchecks import PREFIX
from agent.rules.alerting import key_of_check
from agent.runs import ENDINGS, Run
from agent.store import checks
from agent.store.alert_rows import KNOWN, Alert
from agent.store.rollups import FAILURES, HOUR_MS
from agent.store.statistics import DAY_HOURS, TaskStats
from agent.store.tasks import TaskRow
from shared.protocol import rows as wire
from shared.protocol.requests import Frame, TaskSettings

_ENOUGH_FOR_USUAL: Final = 5
_REASON_CHARS: Final = 300
# What is snoozed is in somebody's hands like what is acknowledged.
_ALERT_STATES: Final = {"active": "open", "acknowledged": "acked", "snoozed": "acked"}
_NOTE_CHARS: Final = 80
_OF_OWN_CHECKS: Final = key_of_check(PREFIX)
# What a task shows when it has several live runs: the first of these that one of them is in.
_LIVELIEST: Final = {
    "stopping": "stopping",
    "running": "running",
    "starting": "queued",  # not proved alive yet, so not shown as running
    "queued": "queued",
    "retry_wait": "retry_wait",
}


def run_row(run: Run, *, is_watch: bool = False, with_words: bool = True) -> wire.Run:
    """A run as every client may see it: no output; `with_words` of its own only for its readers."""
    has_ended = run.status in ENDINGS
    return wire.Run(
        id=run.id,
        task_id=run.task_name,
        attempt=run.attempt,
        trigger=run.trigger,
        by=run.requested_by,
        state=wire.ENDED if has_ended else run.status,
        result=run.status if has_ended else None,
        reason=_short(run.reason),
        scheduled_ms=run.scheduled_ms,
        queued_ms=run.queued_ms,
        start_ms=run.started_ms,
        end_ms=run.ended_ms,
        dur_ms=run.duration_ms,
        late_ms=run.late_ms,
        retry_ms=run.retry_at_ms,
        exit=run.exit_status,
        signal=run.signal,
        pid=run.pid,
        cpu_ms=run.cpu_ms,
        peak_rss=run.peak_rss,
        read_bytes=run.read_bytes,
        written_bytes=run.written_bytes,
        warned_ms=run.warned_ms,
        error_class=run.error_class,
        progress=run.progress,
        progress_note=_short(run.progress_note) if with_words else None,
        metrics=tuple(sorted((run.metrics or {}).items())),
        out_bytes=run.output_bytes,
        missed_count=run.missed_count,
        missed_until_ms=run.missed_until_ms,
        note=_short(run.note),
        host=run.host,
        awaits_ping=is_watch and run.status == "queued",
    )


def frames_of(run: Run) -> tuple[Frame, ...]:
    """The calls of a run's stack trace, as they were recognised."""
    known = (run.frames or {}).get("frames", ())
    return tuple(Frame(one["file"], one["line"], one["function"]) for one in known)


def task_row(
    task: TaskRow,
    *,
    now_ms: int,
    stats: TaskStats | None = None,
    live: Iterable[Run] = (),
    last: Run | None = None,
    next_ms: int | None = None,
    fault: str | None = None,
    with_words: bool = True,
) -> wire.Task:
    """A task as every client may see it: no command, no environment.

    `live` are its runs that have not ended, `last` the newest that has, `fault` says why it
    cannot be scheduled; `with_words` of its runs' own only for their readers.
    """
    definition = task.definition
    stats = stats or TaskStats()
    live = tuple(live)
    alive = [run for run in live if run.status in ("running", "stopping")]
    shown = alive[0] if alive else None
    retries = [run.retry_at_ms for run in live if run.status == "retry_wait" and run.retry_at_ms]
    note = shown.progress_note if shown and with_words else None
    is_paused = task.is_paused(now_ms)
    skips = next_ms is not None and (task.skip_until_ms or 0) >= next_ms
    low_ms, high_ms = _usual(stats.spark)
    return wire.Task(
        id=task.task_name,
        name=task.task_name,
        category=definition.category,
        priority=definition.priority,
        tags=definition.tags[:16],
        enabled=task.enabled,
        paused=is_paused,
        paused_until_ms=task.paused_until_ms if is_paused else None,
        pause_reason=_short(task.pause_reason) if is_paused else None,
        schedule="; ".join(definition.schedule),
        schedule_text=when_in_words(definition),
        tz=definition.timezone,
        state=_task_state(task, live, fault),
        invalid_reason=_short(fault),
        next_ms=next_ms if task.enabled else None,
        running=len(alive),
        run_id=shown.id if shown else None,
        run_start_ms=shown.started_ms if shown else None,
        last=_last_run(stats, last),
        fails=stats.fails_in_row,
        health=_health(stats),
        runs_24h=stats.runs_24h,
        fails_24h=stats.fails_24h,
        stops_24h=stats.stops_24h,
        skip_until_ms=task.skip_until_ms if skips else None,
        skip_reason=_short(task.skip_reason) if skips else None,
        resumes_ms=_resumes_ms(task, now_ms, next_ms, is_paused=is_paused, skips=skips),
        success_rate_24h=stats.success_rate_24h,
        hours_from_ms=now_ms - now_ms % HOUR_MS - (DAY_HOURS - 1) * HOUR_MS,
        # The pairs of good hours as they are: new ones would be a third of what a task takes.
        hours_24h=tuple((hour[0] - hour[1], hour[1]) if hour[1] else hour for hour in stats.hours),
        avg_ms=stats.avg_ms,
        p95_ms=stats.p95_ms,
        peak_ms=stats.peak_ms,
        usual_low_ms=low_ms,
        usual_high_ms=high_ms,
        spark=stats.spark,
        timeout_ms=definition.timeout_seconds * 1000,
        def_rev=task.def_rev,
        kind=definition.kind,
        progress=shown.progress if shown else None,
        progress_note=note[:_NOTE_CHARS] if note else None,
        retry_ms=min(retries, default=None),
    )


def check_row(
    check: checks.Check, *, since_ms: int | None = None, with_words: bool = True
) -> wire.Check:
    """A check; `since_ms` is when it came into this state, if that is known.

    `with_words` of an own one, which are the output of a command, only for their readers.
    """
    return wire.Check(
        id=check.check_name,
        name=check.check_name,
        kind=check.kind,
        state=check.status,
        since_ms=check.checked_ms if since_ms is None else since_ms,
        value=check.value,
        unit=check.unit,
        msg=check.message[:500] if with_words or not check.check_name.startswith(PREFIX) else "",
    )


def settings_row(definition: Definition, *, with_command: bool) -> TaskSettings:
    """A definition; what it executes only for those who may see it, and no values ever."""
    return TaskSettings(
        task_name=definition.task_name,
        schedule=definition.schedule,
        category=definition.category,
        description=definition.description,
        tags=definition.tags,
        timezone=definition.timezone,
        command=definition.command if with_command else None,
        shell=definition.shell,
        env_names=tuple(sorted(definition.environment)) if with_command else None,
        timeout_seconds=definition.timeout_seconds,
        kill_grace_s=definition.kill_grace_s,
        priority=definition.priority,
        max_retries=definition.max_retries,
        retry_base_s=definition.retry_base_s,
        retry_cap_s=definition.retry_cap_s,
        overlap=definition.overlap,
        missed=definition.missed,
        start_deadline_s=definition.start_deadline_s,
        dst_gap=definition.dst_gap,
        dst_fold=definition.dst_fold,
        memory_limit_mb=definition.memory_limit_mb,
        run_as=definition.run_as if with_command else None,
        working_directory=definition.working_directory if with_command else None,
        enabled=definition.enabled,
        overlap_limit=definition.overlap_limit,
        catchup_limit=definition.catchup_limit,
        valid_from=definition.valid_from,
        valid_until=definition.valid_until,
        every_nth=definition.every_nth,
        spread_s=definition.spread_s,
        calendars=definition.calendars,
        in_blackout=definition.in_blackout,
        after=definition.after,
        after_on=definition.after_on,
        after_delay_s=definition.after_delay_s,
        kind=definition.kind,
        warn_after_seconds=definition.warn_after_seconds,
        leftovers=definition.leftovers,
        ping_grace_s=definition.ping_grace_s,
        retry_factor=definition.retry_factor,
        retry_jitter=definition.retry_jitter,
        retry_on_timeout=definition.retry_on_timeout,
        exit_statuses=tuple(sorted(definition.exit_statuses.items())),
        disable_after_failures=definition.disable_after_failures,
        cpu_limit_s=definition.cpu_limit_s,
        process_limit=definition.process_limit,
        open_files_limit=definition.open_files_limit,
        file_size_limit_mb=definition.file_size_limit_mb,
        output_limit_mb=definition.output_limit_mb,
        nice=definition.nice,
        io_class=definition.io_class,
        cpus=definition.cpus,
        umask=definition.umask,
        no_new_privs=definition.no_new_privs,
        sandbox=definition.sandbox,
        run_as_group=definition.run_as_group if with_command else None,
        writable_paths=definition.writable_paths if with_command else (),
    )


def _task_state(task: TaskRow, live: Sequence[Run], fault: str | None) -> str:
    statuses = {run.status for run in live}
    for status, state in _LIVELIEST.items():
        if status in statuses:
            return state
    if fault is not None:
        return "invalid"
    return "idle" if task.enabled else "off"


def _resumes_ms(
    task: TaskRow, now_ms: int, next_ms: int | None, *, is_paused: bool, skips: bool
) -> int | None:
    """The first due moment after a pause and what is skipped; None where neither has an end."""
    if next_ms is None or not (is_paused or skips):
        return None
    if is_paused and task.paused_until_ms is None:
        return None
    until_ms = max(
        (task.paused_until_ms or 0) - 1 if is_paused else 0,
        task.skip_until_ms or 0 if skips else 0,
    )
    return next_due(task.definition, max(until_ms, next_ms - 1))


def _health(stats: TaskStats) -> str:
    if stats.last is None:
        return "unknown"
    if stats.fails_in_row:
        return "bad"
    # The last run may have failed and be tried again.
    return "warn" if stats.fails_24h or stats.last.status in FAILURES else "ok"


def _last_run(stats: TaskStats, last: Run | None) -> wire.LastRun | None:
    if last is not None and last.ended_ms is not None:
        return wire.LastRun(
            run_id=last.id,
            result=last.status,
            scheduled_ms=last.scheduled_ms,
            end_ms=last.ended_ms,
            reason=_short(last.reason),
            start_ms=last.started_ms,
            dur_ms=last.duration_ms,
            exit=last.exit_status,
            signal=last.signal,
            attempt=last.attempt,
        )
    counted = stats.last
    if counted is None or counted.ended_ms is None:
        return None
    return wire.LastRun(
        run_id=counted.run_id,
        result=counted.status,
        scheduled_ms=counted.started_ms or counted.ended_ms,
        end_ms=counted.ended_ms,
        start_ms=counted.started_ms,
        dur_ms=counted.duration_ms,
        exit=counted.exit_status,
    )


def _usual(durations_ms: Sequence[int]) -> tuple[int | None, int | None]:
    """Between which durations nine of ten of the last runs lay, too long ones left out."""
    if len(durations_ms) < _ENOUGH_FOR_USUAL:
        return None, None
    ordered = sorted(durations_ms)
    return ordered[0], ordered[max(0, -(-len(ordered) * 9 // 10) - 1)]


def alert_row(alert: Alert, *, with_words: bool = True) -> wire.Alert:
    """An alert as every client may see it.

    `with_words` of a run, or of an own check, only for their readers.
    """
    is_output = alert.run_id is not None or alert.dedupe_key.startswith(_OF_OWN_CHECKS)
    kind, name = ("task", alert.task_name) if alert.task_name else ("agent", "")
    return wire.Alert(
        id=alert.id,
        sev=alert.severity,
        state=_ALERT_STATES.get(alert.status, alert.status),
        kind=alert.kind,
        subject=wire.Subject(kind, name),
        title=alert.title,
        msg=alert.message if with_words or not is_output else "",
        opened_ms=alert.opened_ms,
        last_ms=alert.last_seen_ms,
        count=alert.occurrences,
        acked_by=alert.acknowledged_by,
        acked_ms=alert.acknowledged_ms,
        resolved_ms=alert.resolved_ms,
        run_id=alert.run_id,
        snoozed_until_ms=alert.snoozed_until_ms,
        flaps=alert.flaps,
        tell_ms=alert.tell_ms,
        told="open" if alert.told in KNOWN else alert.told,
        notes=alert.notes,
        muted_until_ms=alert.muted_until_ms,
        cause_id=alert.cause_id,
    )


def _short(text: str | None) -> str | None:
    return None if text is None else text[:_REASON_CHARS]
