"""Deaths right at the instants that matter: claim, start, first byte, exit, and its record."""

import os
import time
from collections.abc import Callable, Hashable
from typing import Final

import pytest

from agent.runs import ENDINGS
from tests.journeys.household import Household, end
from tests.journeys.test_agent_kill_loop import finish, hold_against, start_tasks, told

ROUNDS: Final = int(os.environ.get("SMARTCRON_KILLS", "26")) // 8
WITHIN_S: Final = 45


def claimed(household: Household) -> Hashable:
    """The newest row there is: a claim makes one."""
    return household.runs()[-1].id if household.runs() else None


def begun(household: Household) -> Hashable:
    return (household.root / "truth").stat().st_size


def said(household: Household) -> Hashable:
    """The runs that have said something."""
    sizes = {}
    for path in household.home.spool.glob("*.out"):
        try:
            sizes[path.name] = path.stat().st_size > 0
        except FileNotFoundError:
            continue
    return frozenset(name for name, is_any in sizes.items() if is_any)


def over(household: Household) -> Hashable:
    """What keepers wrote down of exits, before the agent can have recorded them."""
    told = []
    for path in household.home.runtime.glob("keeper-*.journal"):
        try:
            told.append((path.name, path.read_bytes().count(b'"exited"')))
        except FileNotFoundError:
            continue
    return frozenset(told)


def recorded(household: Household) -> Hashable:
    return sum(run.status in ENDINGS for run in household.runs())


INSTANTS: Final[dict[str, Callable[[Household], Hashable]]] = {
    "claim": claimed,
    "begin": begun,
    "first byte": said,
    "exit": over,
    "record": recorded,
}


def wait_for_change(household: Household, look: Callable[[Household], Hashable]) -> None:
    """Return at the instant at which it looks different; nothing is slept through."""
    before, until_s = look(household), time.monotonic() + WITHIN_S
    is_late = False
    while look(household) == before:
        assert not is_late, f"nothing happened to {look.__name__}"
        is_late = time.monotonic() > until_s


@pytest.mark.timeout(max(600, 100 * ROUNDS))
def test_an_agent_killed_right_at_an_instant_loses_and_doubles_nothing(
    household: Household,
) -> None:
    truth = start_tasks(household)
    for _ in range(ROUNDS):
        for look in INSTANTS.values():
            agent = household.serve()
            wait_for_change(household, look)
            household.kill(agent)
    finish(household, household.serve())

    hold_against(household, truth)


@pytest.mark.timeout(max(600, 100 * ROUNDS))
def test_runs_killed_right_at_an_instant_end_as_killed(household: Household) -> None:
    truth = start_tasks(household)
    agent = household.serve()
    killed: set[str] = set()
    for _ in range(ROUNDS):
        for look in (begun, said):
            wait_for_change(household, look)
            running = {run.id: run.pid for run in household.runs("takes_long", "running")}
            for run_id, pid in running.items():
                if pid is not None and pid in household.run_processes(run_id):
                    killed.add(run_id)
                    end([pid])
    finish(household, agent)

    # Who had said how it would end may have been at its end when it was killed.
    killed -= told(truth)[1].keys()
    rows = {run.id: run for run in household.runs("takes_long")}
    assert killed
    assert {(rows[run_id].status, rows[run_id].signal) for run_id in killed} == {("error", 9)}
    checked = household.check()
    assert (checked["missing"], checked["doubled"]) == (0, 0)
    assert household.run_processes() == []
    assert truth.read_text()
