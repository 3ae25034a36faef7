"""A run that lasts is warned of once and looked at while it goes on, whoever serves meanwhile."""

import os

from tests.journeys.household import Household, until
from tests.pulse import Pulse

TASK = """task_name = "long"
schedule = "0 0 1 1 *"
shell = "always"
command = "read word < {pipe}"
timeout_seconds = 200
warn_after_seconds = 1
"""


def test_a_long_run_is_warned_of_and_sampled_also_by_a_second_agent(household: Household) -> None:
    pipe = household.root / "pipe"
    os.mkfifo(pipe)
    household.apply(TASK.format(pipe=pipe))
    first = household.serve()
    with Pulse() as pulse:
        run_id = household.json("tasks", "run", "long")["run_id"]
        (warned,) = until(
            lambda: [run for run in household.runs("long") if run.warned_ms], "a warned row"
        )
        opened = until(lambda: household.alerts("long"), "the alert")

        household.kill(first)
        household.serve()
        until(lambda: household.json("runs", "show", run_id)["samples"], "a sample")
    pipe.write_text("end\n")
    (ended,) = household.wait_for("long", "success")
    until(lambda: not household.alerts("long"), "the alert's end")
    shown = household.json("runs", "show", run_id)

    assert [alert["kind"] for alert in opened] == ["run_slow"]
    assert warned.started_ms is not None
    assert warned.warned_ms is not None
    assert 1_000 <= warned.warned_ms - warned.started_ms < 10_000 + pulse.worst_ms
    assert ended.warned_ms == warned.warned_ms
    sample = shown["samples"][0]
    assert sample["processes"] == 1
    assert sample["rss_bytes"] > 0
    assert 10_000 <= sample["sampled_ms"] - warned.started_ms < 40_000 + pulse.worst_ms
