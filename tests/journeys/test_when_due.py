"""What becomes of due moments by their tasks' policies, with a real agent and real processes."""

import sqlite3

from agent.clock import moment
from tests.journeys.household import Household, until

EVERY_SECOND = 'schedule = "@every 1s"'
NEVER = 'schedule = "0 0 1 1 *"'


def task(name: str, command: str, *lines: str, schedule: str = NEVER) -> str:
    return "\n".join((f'task_name = "{name}"', f"command = '{command}'", schedule, *lines))


def test_a_chain_runs_in_its_order_and_each_run_knows_its_cause(household: Household) -> None:
    household.apply(
        task("fetch", "exit 0"),
        task("sort", "echo after $SMARTCRON_CAUSED_BY", schedule='after = ["fetch"]'),
        task("report", "true", "after_delay_s = 1", schedule='after = ["sort"]'),
        task("complain", "true", 'after_on = "failure"', schedule='after = ["fetch"]'),
    )
    household.serve()

    fetch_id = household.json("tasks", "run", "fetch")["run_id"]

    report = household.wait_for("report", "success")[0]
    (sort,) = household.runs("sort")
    assert (sort.trigger, sort.caused_by) == ("chain", fetch_id)
    assert sort.output_tail == f"after {fetch_id}\n"
    assert report.caused_by == sort.id
    assert report.started_ms is not None
    assert sort.ended_ms is not None
    assert report.started_ms >= sort.ended_ms + 1_000
    assert household.runs("complain") == []


def test_a_circle_of_tasks_is_refused_and_nothing_of_it_is_taken(household: Household) -> None:
    file = household.root / "circle.toml"
    file.write_text(
        "".join(
            f"[[task]]\n{task(name, 'true', schedule=f'after = [{before!r}]')}\n"
            for name, before in (("a", "b"), ("b", "a"))
        )
        .replace("'b'", '"b"')
        .replace("'a'", '"a"')
    )

    refused = household.run("tasks", "apply", str(file))

    assert refused.returncode == 2
    assert "would never end" in refused.stderr
    assert household.json("tasks", "list") == []


def test_a_task_that_starts_at_boot_runs_once_for_each_boot_that_comes_after_it(
    household: Household,
) -> None:
    household.apply(task("boot", "true", schedule='schedule = "@reboot"'))
    household.apply(task("later", "true", schedule=EVERY_SECOND))
    agent = household.serve()
    household.wait_for("later", "success")
    household.kill(agent)
    # The host has been up since long before the task came.
    assert household.runs("boot") == []

    with sqlite3.connect(household.home.database_file) as database:
        database.execute(
            'UPDATE smart_cron_events SET details = \'{"boot_id":"of an earlier boot"}\''
            " WHERE kind = 'boot'"
        )
    for _ in range(2):
        agent = household.serve()
        household.wait_for("boot", "success")
        household.kill(agent)

    assert len(household.runs("boot")) == 1
    household.serve()
    assert household.check()["missing"] == 0


def test_a_newer_run_takes_over_from_the_one_before(household: Household) -> None:
    household.apply(
        task("long", "sleep 8", 'overlap = "replace"', "kill_grace_s = 1", schedule=EVERY_SECOND)
    )
    household.serve()

    replaced = household.wait_for("long", "aborted", count=2)

    assert {run.reason for run in replaced} == {"replaced"}
    assert household.check()["doubled"] == 0


def test_the_next_moments_can_be_skipped_and_past_ones_run_after_all(
    household: Household,
) -> None:
    # Not each second: until the order is taken, moments that it names must not be over.
    every = 'schedule = "@every 4s"'
    household.apply(task("tick", "echo $SMARTCRON_SCHEDULED_FOR", schedule=every))
    household.serve()
    household.wait_for("tick", "success")

    household.cli("tasks", "skip", "tick", "--count", "2", "--reason", "moving house")
    # A run that lasts until the next moment skips that as well, and for another reason.
    skipped, *_ = until(
        lambda: (
            both if len(both := household.runs("tick", "skipped", reason="skip_next")) > 1 else []
        ),
        "two skipped moments",
    )
    household.cli("tasks", "disable", "tick")
    moment = household.json("runs", "show", skipped.id)["run"]["scheduled_ms"]
    answer = household.json("tasks", "backfill", "tick", "--at", iso(moment))
    (again,) = until(
        lambda: [run for run in household.runs("tick", "success") if run.attempt == 2],
        "the run as of a past moment",
    )

    assert "moving house" in (skipped.note or "")
    assert [again.id] == answer["run_ids"]
    assert (again.scheduled_ms, again.trigger) == (moment, "manual")
    assert (again.output_tail or "").startswith(iso(moment)[:19])
    assert household.check()["doubled"] == 0


def test_why_it_did_not_run_is_told_for_any_moment(household: Household) -> None:
    household.apply(task("tick", "true", schedule=EVERY_SECOND))
    household.serve()
    household.wait_for("tick", "success")
    household.cli("tasks", "pause", "tick", "--reason", "stock-take")
    # A run that lasts into the next second skips that as well, and for another reason.
    paused = until(lambda: household.runs("tick", "skipped", reason="paused"), "a paused moment")
    skipped = paused[0]

    told = household.json("why", "tick", iso(skipped.scheduled_ms))

    steps = {step["code"]: step["ok"] for step in told["steps"]}
    assert steps["scheduled"] is True
    assert steps["paused"] is False
    assert "paused" in told["say"]


def iso(at_ms: int) -> str:
    return moment(at_ms).isoformat(timespec="milliseconds")
