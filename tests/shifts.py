"""Which worker gets which tests, so that one can wait while the others compute?"""

from typing import Final

from xdist.scheduler.loadfile import LoadFileScheduling
from xdist.workermanage import WorkerController

# They wait for seconds to pass, for processes to end and for servers to come back.
WAITING: Final = ("tests/faults/", "tests/journeys/")
# One at a time on a host (a lock sees to it), so they are the work of one worker.
IN_TURN: Final = ("tests/agent/running/", "tests/faults/test_")
# Much work in few tests: begun late, it would be what all wait for in the end.
LONG: Final = ("tests/journeys/test_simulated_year.py", "tests/packaging/")


class Shifts(LoadFileScheduling):  # type: ignore[misc] # xdist ships no types
    """The first worker takes what waits, the others what computes; then each what is left."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(IN_TURN):
            return IN_TURN[0]
        return nodeid if nodeid.startswith(WAITING) else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        rank = _to_wait if node is self.nodes[0] else _to_compute
        self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
        super()._assign_work_unit(node)


def _to_wait(scope: str) -> int:
    if scope.startswith(LONG):
        return 2
    return 0 if scope.startswith(IN_TURN) else 1 if scope.startswith(WAITING) else 3


def _to_compute(scope: str) -> int:
    if scope.startswith(LONG):
        return 0
    return 2 if scope.startswith((*IN_TURN, *WAITING)) else 1
