"""Do the runs go on while strangers take what they can at the doors?"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.journeys.household import Household, until
from tests.pulse import Pulse, stretched

LIMIT = 256
STRANGERS = 2_000
SECONDS = 10
EACH_SECOND = """task_name = "each"
schedule = "@every 1s"
missed = "all"
overlap = "allow"
shell = "always"
command = "echo hi; ulimit -Sn; exit 3\""""


class ShortOfDescriptors(Household):
    """Whose agent may hold few files open."""

    def command(self, *words: str) -> list[str]:
        usual = super().command(*words)
        if words != ("serve",):
            return usual
        return ["sh", "-c", f'ulimit -Sn {LIMIT - 10}; ulimit -Hn {LIMIT}; exec "$@"', "sh", *usual]


def crowd(port: int) -> "subprocess.Popen[bytes]":
    words = ("silent", port, STRANGERS, SECONDS)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.agent.wire.stranger", *map(str, words)],
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture
def household() -> Iterator[ShortOfDescriptors]:
    household = ShortOfDescriptors()
    try:
        yield household.prepare()
    finally:
        try:
            household.leave()
        finally:
            shutil.rmtree(household.root, ignore_errors=True)


def test_a_crowd_of_strangers_at_both_doors_costs_no_run_its_moment_or_its_output(
    household: ShortOfDescriptors,
) -> None:
    household.apply(EACH_SECOND)
    agent = household.serve()
    household.wait_for("each", "error", count=2)

    before = stretched()
    from_ms = time.time() * 1000
    with Pulse() as pulse:
        crowds = [crowd(port) for port in (household.control_port, household.events_port)]
        for one in crowds:
            one.wait(SECONDS * 10)
    until_ms = time.time() * 1000
    host = max(before, stretched())

    assert agent.poll() is None, household.said()[-2000:]
    with household.caller() as caller:
        household.order(caller, "each")
    until(lambda: household.runs("each", "error", trigger="manual"), "the run of a good client")
    household.cli("tasks", "disable", "each")
    until(lambda: not household.live(), "the end of all runs")
    rows = [run for run in household.runs("each") if from_ms < run.scheduled_ms < until_ms]
    assert len(rows) >= SECONDS - 1
    assert {(run.status, run.exit_status) for run in rows} == {("error", 3)}
    # What they may hold open themselves is as the agent was given it.
    assert {run.output_tail for run in rows} == {f"hi\n{LIMIT - 10}\n"}
    assert max(run.late_ms or 0 for run in rows) < 2_000 * host + pulse.worst_ms
    assert household.check()["exit_status"] == 0
    assert household.stop(agent) == 0


def test_a_file_where_pings_are_to_lie_ends_no_agent(
    household: ShortOfDescriptors,
) -> None:
    household.apply(EACH_SECOND)
    agent = household.serve()
    household.home.pings.rmdir()
    household.home.pings.write_text("no folder")

    until(lambda: "a part of the agent failed" in household.said(), "word of the refusal")
    assert household.stop(agent) == 0
    agent = household.serve()
    count = len(household.runs("each"))
    household.wait_for("each", "error", count=count + 3)
    household.home.pings.unlink()
    household.home.pings.mkdir(mode=0o700)

    assert household.stop(agent) == 0
