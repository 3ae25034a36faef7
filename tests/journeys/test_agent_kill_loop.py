"""The central proof: whatever dies and whenever, each due moment has one row that tells the truth.

Tasks write down themselves when they begin, how they will end and how much they say; at the end
the ledger is held against these notes.
"""

import os
import random
import re
import subprocess
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from agent.runs import Run
from tests.journeys.household import Household, end, until

KILLS = int(os.environ.get("SMARTCRON_KILLS", "26"))
ROUNDS_OF_BOTH = max(3, KILLS // 8)
TIMEOUT_S = max(600, 20 * KILLS)
LINE = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"  # 64 bytes with its end
ENDINGS_OF_DUE = {"success", "error", "skipped", "missed"}

BORDER = re.compile(r"^=== \S+ run (\S+) (?:(attempt \d+ begins)|ends: [^\n]*) ===\n", re.MULTILINE)

# How each task ends: the shell text that ends it, lines it says, seconds it takes.
TASKS = {
    "ends_well": ("exit 0", 20, 0.1),
    "ends_with_3": ("exit 3", 100, 0.7),
    "ends_with_77": ("exit 77", 400, 1.6),
    "takes_long": ("exit 0", 60, 3.0),
    "is_killed": ("kill -9 $$", 40, 0.4),
    "is_tried_again": ("exit 9", 10, 0.2),
}


def seeded() -> random.Random:
    """Chance that can be had again: a failed test shows the seed it had."""
    seed = int(os.environ.get("SMARTCRON_SEED", time.time_ns() % 10**6))
    print(f"SMARTCRON_SEED={seed}")  # noqa: T201 - shown by pytest when the test fails
    return random.Random(seed)  # noqa: S311 - moments to kill at, not secrets


def script(truth: Path, ending: str, lines: int, length_s: float) -> str:
    """Note the beginning, say the lines over time, note the end, end."""
    pauses = 5
    return (
        f'echo "$SMARTCRON_RUN_ID begin" >> {truth}; '
        f"for part in {' '.join(map(str, range(pauses)))}; do "
        f"i=0; while [ $i -lt {lines // pauses} ]; do echo {LINE}; i=$((i+1)); done; "
        f"sleep {length_s / pauses}; done; "
        f'echo "$SMARTCRON_RUN_ID {ending.replace("$$", "")}" >> {truth}; {ending}'
    )


def told(truth: Path) -> tuple[Counter[str], dict[str, str]]:
    """What the tasks wrote down: how often each run began, and how it was about to end."""
    begun: Counter[str] = Counter()
    endings: dict[str, str] = {}
    for line in truth.read_text().splitlines():
        run_id, _, word = line.partition(" ")
        if word == "begin":
            begun[run_id] += 1
        else:
            endings[run_id] = word.strip()
    return begun, endings


def as_told(run: Run) -> str:
    """A row's ending in the words of the tasks."""
    return f"exit {run.exit_status}" if run.signal is None else f"kill -{run.signal}"


def has_another_keeper(household: Household, agent: subprocess.Popen[bytes], old: int) -> bool:
    return household.own_keeper(agent) not in (0, old)


def has_begun(truth: Path, before: int) -> bool:
    return b" begin" in truth.read_bytes()[before:]


def are_over(household: Household, run_ids: set[str]) -> bool:
    return run_ids.isdisjoint(run.id for run in household.live() if run.status != "retry_wait")


def start_tasks(household: Household) -> Path:
    truth = household.root / "truth"
    truth.touch()
    tables = []
    for name, (ending, lines, length_s) in TASKS.items():
        tables.append(
            f'task_name = "{name}"\nschedule = "@every 1s"\nshell = "always"\n'
            f"command = '''{script(truth, ending, lines, length_s)}'''\n"
            + ("max_retries = 2\nretry_base_s = 1\n" if name == "is_tried_again" else "")
        )
    household.apply(*tables)
    return truth


def finish(household: Household, agent: subprocess.Popen[bytes]) -> None:
    """Let the last agent bring everything to its end."""
    household.cli("tasks", "disable", *TASKS)
    until(lambda: not household.live(), "the end of every run")
    assert household.stop(agent) == 0


def strays(household: Household, rows: dict[str, Run]) -> list[str]:
    """What stands in the logs and is pointed to by no row, and what stands before and behind it."""
    found = []
    for log in household.home.task_logs.glob("*.log*"):
        text = log.read_text()
        borders = [*BORDER.finditer(text)]
        for number, border in enumerate(borders):
            run = rows.get(border[1])
            if border[2] and (run is None or run.log_offset != border.end()):
                near = [text[b.start() : b.end() - 1] for b in borders[max(0, number - 2) :][:6]]
                found.append(f"{log.name}: {near}, row {run}")
    return found


def hold_against(household: Household, truth: Path, *, may_be_lost: int = 0) -> None:
    begun, endings = told(truth)
    rows = {run.id: run for run in household.runs()}
    ran = {run_id: run for run_id, run in rows.items() if run.started_ms is not None}
    lost = [run for run in rows.values() if run.status == "lost"]
    whole = {run_id: run for run_id, run in ran.items() if run.status != "lost"}

    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked
    assert [run_id for run_id, times in begun.items() if times > 1] == [], "started twice"
    assert set(begun) <= set(rows), "ran without a row"
    assert len(lost) <= may_be_lost, [(run.id, run.reason) for run in lost]
    assert {run_id for run_id in begun if run_id not in ran} == set(), "ran, but its row denies it"
    assert {run_id for run_id in whole if run_id not in begun} == set(), "a row of none"
    wrong = {
        run_id: (run.task_name, as_told(run), endings.get(run_id))
        for run_id, run in whole.items()
        if as_told(run) != endings.get(run_id)
    }
    assert wrong == {}, "wrong endings"
    misjudged = [
        run.id for run in whole.values() if (run.status == "success") != (run.exit_status == 0)
    ]
    assert misjudged == []
    short = {
        run.id: (run.task_name, run.output_bytes, run.log_bytes)
        for run in whole.values()
        if not run.output_bytes == run.log_bytes == 64 * TASKS[run.task_name][1]
    }
    assert short == {}, "output was lost or doubled"
    brief = {
        run.id: (run.task_name, run.duration_ms)
        for run in whole.values()
        if not TASKS[run.task_name][2] * 900 <= (run.duration_ms or 0) <= 30_000
    }
    assert brief == {}, "durations that cannot be"
    # What a lost run wrote until nobody saw it any more is kept as well, beside the others.
    names = {run.log_file for run in rows.values() if run.log_file}
    kept = "".join((household.home.task_logs / name).read_text() for name in names)
    assert strays(household, rows) == [], "kept where no row points to"
    assert kept.count(LINE) == sum((run.log_bytes or 0) // 64 for run in rows.values())
    assert {run.status for run in rows.values()} <= ENDINGS_OF_DUE | ({"lost"} if lost else set())
    until(household.has_cleared_away, "a spool without what was recorded")


@pytest.mark.timeout(TIMEOUT_S)
def test_an_agent_killed_again_and_again_loses_and_doubles_nothing(household: Household) -> None:
    chance = seeded()
    truth = start_tasks(household)

    for _ in range(KILLS):
        # Many moments lie before it serves: while it takes over what the one before left.
        agent = household.serve(until_ready=chance.random() < 0.7)
        time.sleep(chance.uniform(0.0, 1.3))  # the moment itself is what is tried here
        household.kill(agent)
    finish(household, household.serve())

    hold_against(household, truth)
    assert len(household.runs()) > len(TASKS) * 10, "too little happened to prove anything"


@pytest.mark.timeout(TIMEOUT_S)
def test_agent_and_keeper_killed_in_turn_lose_and_double_nothing(household: Household) -> None:
    chance = seeded()
    truth = start_tasks(household)

    agent = household.serve()
    for _ in range(KILLS // 3):
        time.sleep(chance.uniform(0.0, 0.8))
        # Its own keeper only: one left by a dead agent has nobody who could inherit from it.
        own = household.own_keeper(agent)
        end([own])
        inherited = {run.id for run in household.live()}
        until(partial(has_another_keeper, household, agent, own), "another keeper")
        # Who saw the keeper die must see the end of its runs: else both died over one run.
        until(partial(are_over, household, inherited), "the end of the inherited runs")
        time.sleep(chance.uniform(0.0, 0.8))
        household.kill(agent)
        agent = household.serve()
    finish(household, agent)

    hold_against(household, truth)
    assert len(household.runs()) > len(TASKS) * 10, "too little happened to prove anything"


@pytest.mark.timeout(TIMEOUT_S)
def test_when_both_are_killed_at_once_only_what_nobody_saw_is_lost(household: Household) -> None:
    chance = seeded()
    truth = start_tasks(household)
    may_be_lost, outlived = 0, 0

    for _ in range(ROUNDS_OF_BOTH):
        agent = household.serve()
        until(partial(has_begun, truth, truth.stat().st_size), "a run that begins")
        time.sleep(chance.uniform(0.0, 1.5))  # the moment itself is what is tried here
        keeper = household.own_keeper(agent)
        may_be_lost += len(household.live()) + len(TASKS)
        first, second = chance.sample((partial(household.kill, agent), partial(end, [keeper])), 2)
        first()
        second()
        outlived += len(household.run_processes())
    finish(household, household.serve())

    assert outlived, "no run outlived both"
    hold_against(household, truth, may_be_lost=may_be_lost)
    lost = household.runs(None, "lost")
    assert lost, "nobody saw these ends, so nobody may know them"
    assert {run.exit_status for run in lost} == {None}
