"""Which runs wait for a moment of their own, and who takes them when it comes?"""

from collections.abc import Callable, Iterator

from agent.clock import Clock, Timer
from agent.runs import Run


class Hours:
    """Runs with a timer each; one whose hour has come is handed on once, and forgotten."""

    def __init__(self, clock: Clock, come: Callable[[Run], None]) -> None:
        self._clock = clock
        self._come = come
        self._runs: dict[str, Run] = {}
        self._timers: dict[str, Timer] = {}
        self._of_task: dict[str, dict[str, None]] = {}  # ids in the order they came

    def put(self, run: Run, wait_ms: int) -> None:
        """Hand this run on after a while; asked again, only the newer while counts."""
        self.remove(run.id)
        self._runs[run.id] = run
        self._of_task.setdefault(run.task_name, {})[run.id] = None
        self._timers[run.id] = self._clock.call_later(wait_ms, lambda: self.hasten(run.id))

    def remove(self, run_id: str) -> Run | None:
        """Let a run wait no more; None when it does not."""
        run = self._runs.pop(run_id, None)
        if run is not None:
            self._timers.pop(run_id).cancel()
            ids = self._of_task[run.task_name]
            del ids[run_id]
            if not ids:
                del self._of_task[run.task_name]
        return run

    def hasten(self, run_id: str) -> None:
        """Its hour has come, or need not be waited for."""
        run = self.remove(run_id)
        if run is not None:
            self._come(run)

    def of(self, task_name: str) -> tuple[Run, ...]:
        """The runs of a task that wait, those that came first first."""
        return tuple(self._runs[run_id] for run_id in self._of_task.get(task_name, ()))

    def __iter__(self) -> Iterator[Run]:
        return iter(tuple(self._runs.values()))

    def close(self) -> None:
        """Hand nothing on any more."""
        for timer in self._timers.values():
            timer.cancel()
