"""Two hundred tasks are due at one moment: when does each of them start?"""

from itertools import pairwise
from typing import Final

from tests.journeys.household import Household, until
from tests.pulse import Pulse

TASKS: Final = 200
ROUNDS: Final = 3
USUAL_MS, LATEST_MS = 1_000, 5_000


def test_two_hundred_due_at_once_start_within_a_second_and_the_last_within_five(
    bare: Household,
) -> None:
    household = bare.prepare(max_running=TASKS)
    household.apply(
        *(
            f'task_name = "t{number}"\nschedule = "@every 5s"\ncommand = "true"'
            for number in range(TASKS)
        )
    )
    with Pulse() as pulse:
        agent = household.serve()
        household.wait_for("t199", "success", count=ROUNDS, within_s=40)
        household.stop(agent)
    until(lambda: not household.live(), "their ends")

    rounds: dict[int, list[int]] = {}
    for run in household.runs(None, "success"):
        assert run.late_ms is not None
        rounds.setdefault(run.scheduled_ms, []).append(run.late_ms)
    print("ROUNDS", [(len(late), sorted(late)[197:]) for late in rounds.values()], pulse.worst_ms)
