"""Two hundred tasks are due at one moment: when does each of them start?"""

from pathlib import Path
from typing import Final

from tests.journeys.household import Household, until
from tests.pulse import Pulse, stretched

TASKS: Final = 200
ROUNDS: Final = 2
USUAL_MS, LATEST_MS = 1_000, 5_000


def whole_rounds(household: Household) -> list[list[int]]:
    """How late all were, the first one first, of each moment at which all of them ran."""
    rounds: dict[int, list[int]] = {}
    for run in household.runs(None, "success"):
        assert run.late_ms is not None
        rounds.setdefault(run.scheduled_ms, []).append(run.late_ms)
    return [sorted(late) for late in rounds.values() if len(late) == TASKS]


def has_rounds(household: Household) -> bool:
    # Most looks are at one task alone, so that they take nothing from what is measured.
    last = household.runs(f"t{TASKS - 1}", "success")
    return len(last) > ROUNDS and len(whole_rounds(household)) >= ROUNDS


def test_two_hundred_due_at_once_start_within_a_second_and_none_after_five(
    bare: Household, made: Path
) -> None:
    household = bare.copy(made, max_running=TASKS)
    household.apply(
        *(
            f'task_name = "t{number}"\nschedule = "@every 4s"\ncommand = "true"'
            for number in range(TASKS)
        )
    )
    before = stretched()
    with Pulse() as pulse:
        agent = household.serve()
        until(lambda: has_rounds(household), f"{ROUNDS} whole rounds")
        household.stop(agent)
    host = max(before, stretched())

    whole = whole_rounds(household)
    assert max(late[-1] for late in whole) < LATEST_MS * host + pulse.worst_ms
    # The promise is one of a host at rest: one of the rounds has to have met it so.
    assert min(late[TASKS * 99 // 100 - 1] for late in whole) < USUAL_MS * host
