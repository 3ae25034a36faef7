"""What outlives an agent: its runs, which end when their time has come."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from agent.running.terms import Ended, NotStarted, Order, Standing, Started
from agent.runs import Run
from tests.agent.fake_clock import FakeClock
from tests.journeys.year.dice import dice
from tests.journeys.year.stage import Fate

LENGTHS_MS: Final = (300, 4_000, 20_000, 50_000, 90_000, 200_000, 400_000, 1_500_000)
# Most runs end well, some fail, some fail in a way that no other attempt mends.
EXIT_STATUSES: Final = (0, 0, 0, 0, 1, 1, 2, 127)
CAUSES: Final = (*[""] * 15, "timeout", "killed_memory")


class Living(msgspec.Struct):
    """A process that is not real: whose, since when, until when by the monotonic clock."""

    run: Run
    started_ms: int
    began_ms: int
    ends_ms: int
    exit_status: int | None
    cause: str


class Host:
    """Keepers and processes in one, seen by the agent as it sees the real ones."""

    def __init__(
        self, seed: int, clock: FakeClock, fate: Callable[[], Fate], find: Callable[[str], Run]
    ) -> None:
        """`find` reads the row of a run."""
        self._seed = seed
        self._clock = clock
        self._fate = fate
        self._find = find
        self.judge: Callable[[Run], None] = lambda _run: None
        self.living: dict[str, Living] = {}
        self.ended: dict[str, Ended] = {}  # nobody has written them down yet
        self.over_ms: dict[str, int] = {}  # when each run was gone, by the monotonic clock
        self.ordered: list[str] = []

    async def start(self, order: Order) -> Started:
        await self._fate().at("start")
        run = self._find(order.run_id)
        self.judge(run)
        # A run has the same length and end in each year in which it starts, whatever else does.
        throw = dice(self._seed, "run", run.task_name, run.scheduled_ms, run.attempt)
        now_ms, began_ms = self._clock.now_ms(), self._clock.monotonic_ms()
        self.ordered.append(run.id)
        if throw.random() < 0.02:
            self._note_end(Living(run, now_ms, began_ms, began_ms, None, "never_started"))
            await self._fate().at("started")
            raise NotStarted("the command is not there")
        cause = throw.choice(CAUSES)
        self.living[run.id] = Living(
            run,
            now_ms,
            began_ms,
            began_ms + throw.choice(LENGTHS_MS) + throw.randrange(1_000),
            None if cause else throw.choice(EXIT_STATUSES),
            cause,
        )
        await self._fate().at("started")
        return Started(run.id, 4711, now_ms)

    async def stop(self, run_id: str, *, grace_ms: int) -> bool:
        living = self.living.get(run_id)
        if living is None:
            return False
        takes_ms = dice(self._seed, "stop", living.run.task_name, living.run.scheduled_ms).choice(
            (5, 900, grace_ms)
        )
        living.cause, living.exit_status = "aborted", None
        living.ends_ms = min(living.ends_ms, self._clock.monotonic_ms() + takes_ms)
        return True

    async def forget(self, run_ids: Iterable[str]) -> None:
        await self._fate().at("forget")
        for run_id in run_ids:
            self.ended.pop(run_id, None)

    def next_end_ms(self) -> int | None:
        """When the first of the living ends, by the monotonic clock."""
        return min((living.ends_ms for living in self.living.values()), default=None)

    def pass_time(self) -> list[Ended]:
        """The runs that are over by now, remembered until somebody has written them down."""
        mono_ms = self._clock.monotonic_ms()
        over = sorted(
            (one for one in self.living.values() if one.ends_ms <= mono_ms),
            key=lambda one: (one.ends_ms, one.run.id),
        )
        for one in over:
            del self.living[one.run.id]
            self._note_end(one)
        return [self.ended[one.run.id] for one in over]

    def standing(self) -> list[Standing]:
        """What a new agent learns from the keepers of those before it."""
        living = [Started(run_id, 4711, one.started_ms) for run_id, one in self.living.items()]
        return [*living, *self.ended.values()]

    def _note_end(self, one: Living) -> None:
        since_ms = self._clock.monotonic_ms() - one.ends_ms
        has_run = one.cause != "never_started"
        self.over_ms[one.run.id] = one.ends_ms
        self.ended[one.run.id] = Ended(
            run_id=one.run.id,
            pid=4711 if has_run else None,
            started_ms=one.started_ms if has_run else None,
            ended_ms=self._clock.now_ms() - since_ms,
            duration_ms=one.ends_ms - one.began_ms if has_run else None,
            exit_status=one.exit_status,
            signal=None,
            cause=one.cause,
            cpu_ms=1,
            peak_rss=1,
            leftovers=0,
        )
