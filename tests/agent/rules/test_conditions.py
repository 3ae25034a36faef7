"""Does an own rule hold: for a run, for the last ones of a task, for a span, for a series?"""

from typing import Any

import msgspec
import pytest

from agent.alertrules import AlertRule, read_rule
from agent.rules.conditions import Recent, concerns, is_about, judge, of_readings, silent
from agent.runs import Run
from tests.agent.store.makings import HOUR_MS, NOW_MS, a_run, ended

MINUTE_MS = 60_000


def a_rule(**fields: Any) -> AlertRule:
    return read_rule({"name": "mine", **fields})


def a_bad_run(**fields: Any) -> Run:
    run = ended(a_run(status="running"), "error", 60_000, exit_status=3)
    values = {"output_bytes": 12, "output_tail": "disk full\n", "attempt": 2, "host": "web1"}
    return msgspec.structs.replace(run, **(values | fields))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"status": ["error", "lost"]}, True),
        ({"status": ["success"]}, False),
        ({"exit_status": [3, 4]}, True),
        ({"exit_status": [0]}, False),
        ({"attempt_from": 2}, True),
        ({"attempt_from": 3}, False),
        ({"longer_than_s": 59.9}, True),
        ({"longer_than_s": 60}, False),
        ({"shorter_than_s": 60.1}, True),
        ({"shorter_than_s": 60}, False),
        ({"output_has": "disk (full|low)"}, True),
        ({"output_has": "memory"}, False),
        ({"output_lacks": "done"}, True),
        ({"output_lacks": "full"}, False),
        ({"output_bytes_below": 13}, True),
        ({"output_bytes_below": 12}, False),
        ({"output_bytes_above": 11}, True),
        ({"output_bytes_above": 12}, False),
        ({"status": "error", "exit_status": 3, "output_has": "full"}, True),
        ({"status": "error", "exit_status": 4, "output_has": "full"}, False),
    ],
)
def test_a_rule_about_a_run_holds_when_all_of_it_does(
    condition: dict[str, Any], holds: bool
) -> None:
    trouble = judge(a_rule(**condition), a_bad_run(), Recent())

    assert (trouble is not None) == holds


def test_what_a_rule_found_names_the_task_the_run_and_why() -> None:
    run = a_bad_run()
    rule = a_rule(exit_status=3, severity="critical", title="{task} is odd")

    trouble = judge(rule, run, Recent())

    assert trouble is not None
    assert (trouble.dedupe_key, trouble.kind) == ("rule:mine:backup", "own_rule")
    assert (trouble.severity, trouble.title) == ("critical", "backup is odd")
    assert trouble.message == f"rule mine: run {run.id}: exit status 3"
    assert (trouble.task_name, trouble.run_id) == ("backup", run.id)


@pytest.mark.parametrize("status", ["skipped", "missed"])
def test_what_never_ran_is_only_what_a_rule_names(status: str) -> None:
    run = a_run(status=status)

    assert not is_about(a_rule(output_lacks="done"), run)
    assert is_about(a_rule(status=status), run)


def test_a_run_of_another_host_or_that_goes_on_is_none_of_its_business() -> None:
    assert is_about(a_rule(status="error", host="web1"), a_bad_run())
    assert not is_about(a_rule(status="error", host="web2"), a_bad_run())
    assert not is_about(a_rule(status="error"), a_run(status="running"))


@pytest.mark.parametrize(
    ("about", "holds"),
    [
        ({}, True),
        ({"task": "back*"}, True),
        ({"task": "shop-*"}, False),
        ({"category": "General"}, True),
        ({"category": "Shop"}, False),
        ({"tag": "night"}, True),
        ({"tag": "day"}, False),
        ({"task": "backup", "category": "General", "tag": "night"}, True),
    ],
)
def test_a_rule_concerns_the_tasks_that_it_names(about: dict[str, str], holds: bool) -> None:
    rule = a_rule(status="error", **about)

    found = concerns(rule, task_name="backup", category="General", tags=("night", "big"))
    assert found == holds


@pytest.mark.parametrize(
    ("were_good", "holds"),
    [
        ([False, False, False], True),
        ([False, True, False, True, False, True], True),
        ([True, True, True, False, False, False], False),
        ([False, False], False),
        ([], False),
    ],
)
def test_some_failures_of_the_last_moments(were_good: list[bool], holds: bool) -> None:
    rule = a_rule(failures=3, of_last=5)

    assert (judge(rule, a_bad_run(), Recent(were_good=tuple(were_good))) is not None) == holds


@pytest.mark.parametrize(
    ("runs", "failures", "holds"),
    [(10, 6, True), (10, 5, False), (4, 4, False), (5, 5, True), (0, 0, False)],
)
def test_a_rate_below_the_limit_counts_from_enough_runs_on(
    runs: int, failures: int, holds: bool
) -> None:
    rule = a_rule(success_rate_below=0.5, within_s=3600)

    assert (judge(rule, a_bad_run(), Recent(runs=runs, failures=failures)) is not None) == holds


@pytest.mark.parametrize(("age_ms", "holds"), [(HOUR_MS, False), (HOUR_MS + 1, True)])
def test_silence_that_is_too_long(age_ms: int, holds: bool) -> None:
    rule = a_rule(no_success_for_s=3600)

    found = silent(rule, "backup", since_ms=NOW_MS - age_ms, now_ms=NOW_MS)
    assert (found is not None) == holds


def every_minute(*values: float) -> list[tuple[int, float]]:
    first_ms = NOW_MS - (len(values) - 1) * MINUTE_MS
    return [(first_ms + number * MINUTE_MS, value) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("readings", "holds"),
    [
        (every_minute(95, 95, 95), True),
        (every_minute(50, 95, 95), False),
        (every_minute(95, 95, 95, 50), False),
        (every_minute(95, 95, 50, 95), False),
        ([(NOW_MS - 200_000, 95.0), (NOW_MS, 95.0)], False),
        ([(NOW_MS - 300_000, 95.0), (NOW_MS - 300_000 + 1, 95.0)], False),
        ([], False),
    ],
)
def test_a_series_above_its_limit_for_so_long_without_a_gap(
    readings: list[tuple[int, float]], holds: bool
) -> None:
    rule = a_rule(metric="cpu", above=90, for_s=120)

    assert (of_readings(rule, readings, task_name=None, now_ms=NOW_MS) is not None) == holds


def test_a_series_below_its_limit_at_once() -> None:
    rule = a_rule(metric="running", below=1)

    found = of_readings(rule, every_minute(0), task_name=None, now_ms=NOW_MS)

    assert found is not None
    assert (found.dedupe_key, found.title, found.task_name) == ("rule:mine:", "running: mine", None)
