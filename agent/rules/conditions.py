"""Does an own rule hold: for a run, for the last ones of a task, for a span, for a series?"""

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from agent.alertrules import OF_TASKS, TASK_PLACE, AlertRule
from agent.easing import eased
from agent.runs import Run
from agent.troubles import MESSAGE_CHARS, TITLE_CHARS, Trouble

KIND: Final = "own_rule"
_NEVER_RAN: Final = ("skipped", "missed")
STEP_MS: Final = 1_000
GAP_MS: Final = 150_000
"""A series in which nothing was read for so long says nothing of the time between."""


class Recent(msgspec.Struct, frozen=True, kw_only=True):
    """How a task has been doing: its last moments, newest first, and a span's runs and failures."""

    were_good: tuple[bool, ...] = ()
    runs: int = 0
    failures: int = 0


def key_of(rule_name: str, subject: str) -> str:
    """The key of the alert that a rule holds for a task, or for the host ("")."""
    return f"{prefix_of(rule_name)}{subject}"


def prefix_of(rule_name: str) -> str:
    """How the keys of all alerts of a rule begin."""
    return f"rule:{rule_name}:"


def concerns(rule: AlertRule, *, task_name: str, category: str, tags: Collection[str]) -> bool:
    """The rule is about this task."""
    if rule.is_of_host:
        return False
    return (
        fnmatchcase(task_name, rule.task)
        and rule.category in (None, category)
        and (rule.tag is None or rule.tag in tags)
    )


def is_about(rule: AlertRule, run: Run) -> bool:
    """Of a task that it concerns, this run is one that the rule says something of."""
    if not run.has_ended or rule.host not in (None, run.host):
        return False
    return run.status in rule.status or (run.status not in _NEVER_RAN and run.ended_ms is not None)


def judge(rule: AlertRule, run: Run, recent: Recent) -> Trouble | None:
    """What the rule says now that this run has ended; None: nothing."""
    said = _of_run(rule, run) if rule.shape == "run" else judge_several(rule, recent)
    if said is None:
        return None
    return _trouble(rule, run.task_name, f"run {run.id}: {said}", run_id=run.id)


def judge_several(rule: AlertRule, recent: Recent) -> str | None:
    """What a rule about several runs says of them, in words; None: nothing."""
    if rule.shape == "failures":
        return _of_last(rule, recent.were_good)
    return _of_span(rule, recent.runs, recent.failures) if rule.shape == "rate" else None


def is_beyond(rule: AlertRule, value: float) -> bool:
    """A reading that the rule is about."""
    if rule.above is not None:
        return value > rule.above
    return rule.below is not None and value < rule.below


def silent(rule: AlertRule, task_name: str, *, since_ms: int, now_ms: int) -> Trouble | None:
    """What a rule about silence says of a task that last succeeded, or was changed, then."""
    if rule.no_success_for_s is None or now_ms - since_ms <= rule.no_success_for_s * 1000:
        return None
    hours = (now_ms - since_ms) / 3_600_000
    return _trouble(
        rule,
        task_name,
        f"no run succeeded for {hours:.1f} h (no_success_for_s = {rule.no_success_for_s}); "
        "its next success ends this alert",
    )


def of_readings(
    rule: AlertRule, readings: Sequence[tuple[int, float]], *, task_name: str | None, now_ms: int
) -> Trouble | None:
    """What a rule about a series says; readings in order, from before the span that counts."""
    limit = rule.above if rule.above is not None else rule.below
    if limit is None or not readings or now_ms - readings[-1][0] > GAP_MS:
        return None
    since_ms: int | None = None
    before_ms: int | None = None
    for at_ms, value in readings:
        if before_ms is not None and at_ms - before_ms > GAP_MS:
            since_ms = None
        since_ms = (since_ms or at_ms) if is_beyond(rule, value) else None
        before_ms = at_ms
    last_ms, value = readings[-1]
    # A series comes in steps of up to a thousandth of its length, each as of its beginning.
    if since_ms is None or last_ms - since_ms < rule.for_s * 999 - STEP_MS:
        return None
    how = "above" if rule.above is not None else "below"
    return _trouble(
        rule,
        task_name,
        f"{rule.metric} is {value:g}, {how} {limit:g} for {(last_ms - since_ms) / 1000:.0f} s",
    )


def _of_run(rule: AlertRule, run: Run) -> str | None:
    """What holds of the run, in words; None when something does not."""
    took_s = None if run.duration_ms is None else run.duration_ms / 1000
    tail = run.output_tail or ""
    asked: list[tuple[object, bool, str]] = [
        (rule.status, run.status in rule.status, f"it ended as {run.status}"),
        (rule.exit_status, run.exit_status in rule.exit_status, f"exit status {run.exit_status}"),
        (
            rule.attempt_from,
            rule.attempt_from is not None and run.attempt >= rule.attempt_from,
            f"it was attempt {run.attempt}",
        ),
        (
            rule.longer_than_s,
            None not in (took_s, rule.longer_than_s) and (took_s or 0) > (rule.longer_than_s or 0),
            f"it took {took_s} s, longer than {rule.longer_than_s} s",
        ),
        (
            rule.shorter_than_s,
            took_s is not None and took_s < (rule.shorter_than_s or 0),
            f"it took {took_s} s, less than {rule.shorter_than_s} s",
        ),
        (
            rule.output_has,
            rule.output_has is not None and re.search(eased(rule.output_has), tail) is not None,
            f"the end of its output has {rule.output_has!r}",
        ),
        (
            rule.output_lacks,
            rule.output_lacks is not None and re.search(eased(rule.output_lacks), tail) is None,
            f"the end of its output lacks {rule.output_lacks!r}",
        ),
        (
            rule.output_bytes_below,
            run.output_bytes < (rule.output_bytes_below or 0),
            f"it wrote {run.output_bytes} bytes, less than {rule.output_bytes_below}",
        ),
        (
            rule.output_bytes_above,
            run.output_bytes > (rule.output_bytes_above or 0),
            f"it wrote {run.output_bytes} bytes, more than {rule.output_bytes_above}",
        ),
    ]
    given = [(holds, words) for wanted, holds, words in asked if wanted not in (None, ())]
    if not given or not all(holds for holds, _ in given):
        return None
    return ", ".join(words for _, words in given)


def _of_last(rule: AlertRule, were_good: Sequence[bool]) -> str | None:
    last = were_good[: rule.of_last]
    bad = sum(not was_good for was_good in last)
    if rule.failures is None or bad < rule.failures:
        return None
    return f"{bad} of the last {len(last)} failed (failures = {rule.failures})"


def _of_span(rule: AlertRule, runs: int, failures: int) -> str | None:
    if rule.success_rate_below is None or runs < max(1, rule.runs_from):
        return None
    rate = 1 - failures / runs
    if rate >= rule.success_rate_below:
        return None
    return (
        f"{rate:.0%} of {runs} runs succeeded within {rule.within_s} s "
        f"(success_rate_below = {rule.success_rate_below:g})"
    )


def _trouble(
    rule: AlertRule, task_name: str | None, said: str, *, run_id: str | None = None
) -> Trouble:
    title = rule.title.replace(TASK_PLACE, task_name or "the host") or (
        f"{task_name or (rule.metric or '').removeprefix(OF_TASKS)}: {rule.name}"
    )
    return Trouble(
        dedupe_key=key_of(rule.name, task_name or ""),
        kind=KIND,
        severity=rule.severity,
        title=title[:TITLE_CHARS],
        message=f"rule {rule.name}: {said}"[:MESSAGE_CHARS],
        task_name=task_name,
        run_id=run_id,
    )
