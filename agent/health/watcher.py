"""Keeps looking at the host and the agent, and tells what it found."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import psutil

from agent.clock import Clock
from agent.errors import AgentError
from agent.health import databases, disks, probes
from agent.health.disks import Disks, Mount, Room
from agent.health.probes import Reading
from agent.log import log_of
from agent.recorder import Recorder
from agent.rules.clocks import Happening
from agent.rules.downsampling import Keeping
from agent.rules.thresholds import Standing, judge, settle, with_limit
from agent.settings import Home
from agent.store import maintenance, state
from agent.store.checks import Check, Kept, Terms
from agent.store.database import READERS, Database
from agent.store.replication import replication
from agent.tolerances import Health
from shared.protocol.events import Disk, Metric

log = log_of(__name__)

# A share of the processors needs some time to be one.
FIRST_LOOK_MS = 1_000
LOOK_MS = 10_000
LATE_AFTER_S = 45
"""Some looks were missed: each may take a while, as a disk has its time to answer."""
MOST_SAMPLES = 120
RECORD_EVERY = 6
"""Every so many looks the readings are kept: one row a minute."""
SUM_UP_EVERY = 30
"""Every so many looks, those that keep among them, what was kept is summed up."""
TIME_EVERY = 3
"""Every so many looks it is measured how fast the database answers; while it does not, each."""
THINK_EVERY = 30
"""Every so many looks the database is asked for its size and its replication."""
TREND_EVERY = 90
"""Every so many looks the course of the disks is read."""


Rooms = tuple[tuple[Mount, Room], ...]


class Watcher:
    """Takes the readings; a verdict that turned is shown at once, a reading each look."""

    def __init__(
        self,
        *,
        clock: Clock,
        home: Home,
        database: Database,
        recorder: Recorder,
        lag_ms: Callable[[], int],
        running: Callable[[], int],
        show: Callable[[tuple[Check, ...]], None],
        clock_state: Callable[[], Happening | None],
        kept: Callable[[], int] = lambda: 0,
        keeping: Keeping | None = None,
        chosen: Health | None = None,
    ) -> None:
        self._clock = clock
        self._home = home
        self._database = database
        self._recorder = recorder
        self._lag_ms = lag_ms
        self._running = running
        self._show = show
        self._clock_state = clock_state
        self._kept = kept
        self._chosen = chosen or Health()
        self._disks = Disks(home.root, self._chosen)
        self._rooms: Rooms = ()
        self._answer: Reading | None = None
        self._days: dict[str, float | None] = {}
        self._of_database: list[Reading] = []
        self._standings: dict[str, Standing] = {}
        self._latest: dict[str, Reading] = {}
        self._keeping = keeping
        # Written once a minute with what the probes found: a write every 5 s would cost more.
        self._samples: deque[tuple[int, dict[str, float]]] = deque(maxlen=MOST_SAMPLES)
        self._process = psutil.Process()
        self._cpu, self._sampled_cpu = probes.Cpu(), probes.Cpu()

    async def run(self) -> None:
        """Look every few seconds, for ever."""
        await self._clock.sleep_ms(FIRST_LOOK_MS)
        looks = 0
        while True:
            await self._think(looks)
            await self._look(
                keep=looks % RECORD_EVERY == 0,
                sum_up=looks % SUM_UP_EVERY == 0,
                time_database=looks % TIME_EVERY == 0,
            )
            looks += 1
            await self._clock.rest_ms(LOOK_MS)

    def sample(self) -> Metric:
        """One sample for the wire, from the latest readings."""
        used = {name: reading.value for name, reading in self._latest.items()}
        load1 = psutil.getloadavg()[0]
        database_ms = used.get("database")
        metric = Metric(
            now_ms=self._clock.now_ms(),
            cpu=self._sampled_cpu.share(),
            mem_rss=self._process.memory_info().rss,
            mem_share=psutil.virtual_memory().percent / 100,
            load1=load1,
            disk=tuple(
                Disk(mount=mount.place, used_share=room.share)
                for mount, room in self._rooms
                if room.share is not None
            ),
            database_ms=None if database_ms is None else round(database_ms),
            running=self._running(),
        )
        self._samples.append((metric.now_ms, _values(metric)))
        return metric

    async def _think(self, looks: int) -> None:
        """Ask what changes slowly, and costs more to know."""
        try:
            if looks % THINK_EVERY == 0:
                size = await self._database.read(maintenance.size_bytes)
                copied = await self._database.read(replication)
                self._of_database = [databases.size(size)]
                if copied is not None:
                    self._of_database.append(databases.replication(copied))
            if looks % TREND_EVERY == 0:
                for mount in await asyncio.to_thread(self._disks.mounts):
                    self._days[mount.place] = await self._days_left(mount)
        except AgentError as error:
            log.warning("the database was not asked after its state", cause=str(error))

    async def _days_left(self, mount: Mount) -> float | None:
        course = disks.course(mount, now_ms=self._clock.now_ms(), keeping=self._keeping)
        return disks.days_left(await self._database.read(course))

    async def _look(self, *, keep: bool, sum_up: bool, time_database: bool) -> None:
        readings = [self._cpu.look()]
        # Which file systems there are is asked when the readings are kept.
        mounts = () if keep else [mount for mount, _ in self._rooms]
        of_host, self._rooms = await asyncio.to_thread(self._look_at_host, mounts)
        readings += of_host
        readings += disks.readings(self._rooms, self._days)
        if time_database or self._answer is None or self._answer.value is None:
            self._answer = await self._time_database()
        readings.append(self._answer)
        readings.append(databases.reads(self._database.reads, READERS))
        readings += self._of_database
        readings.append(probes.writing(*self._database.waiting, self._kept()))
        readings.append(probes.loop_lag(self._lag_ms()))
        now_ms = self._clock.now_ms()
        readings.append(probes.clock(self._clock_state(), now_ms))
        checks = [self._judged(reading, now_ms) for reading in readings]
        self._show(tuple(checks))
        if not keep:
            return
        values = {reading.id: reading.value for reading in readings if reading.value is not None}
        values["running"] = float(self._running())
        values["agent_rss"] = float(self._process.memory_info().rss)
        earlier = tuple(self._samples)
        self._samples.clear()
        try:
            await self._recorder.measured(
                values, checks, earlier=earlier, keeping=self._keeping if sum_up else None
            )
        except AgentError as error:
            log.error("readings not kept", cause=str(error))

    def _look_at_host(self, mounts: Sequence[Mount]) -> tuple[list[Reading], Rooms]:
        return probes.host_readings(self._home), self._disks.look(mounts)

    def _judged(self, reading: Reading, now_ms: int) -> Check:
        before = self._standings.get(reading.id, Standing())
        limit = with_limit(reading.threshold, self._chosen.limit(reading.id))
        said = reading.state or judge(reading.value, limit, before=before.state)
        standing = settle(before, said, at_ms=self._clock.monotonic_ms(), for_s=limit.for_s)
        if standing.state != before.state:
            log.warning(
                "a health check turned", check=reading.id, was=before.state, now=standing.state
            )
        self._standings[reading.id] = standing
        self._latest[reading.id] = reading
        return Check(
            check_name=reading.id,
            kind=reading.kind,
            status=standing.state,
            checked_ms=now_ms,
            message=reading.message,
            value=reading.value,
            unit=reading.unit,
            terms=Terms(
                name=reading.name,
                warn=limit.warn,
                crit=limit.crit,
                falls=limit.falls,
                for_s=limit.for_s,
                every_s=LOOK_MS // 1000,
                late_s=LATE_AFTER_S,
                kept=(Kept(name=reading.id, unit=reading.unit),),
            ),
        )

    async def _time_database(self) -> Reading:
        started = time.monotonic()
        try:
            await self._database.read(partial(state.get, name=state.DECIDED_UNTIL))
        except AgentError as error:
            return probes.database(None, fault=str(error))
        return probes.database((time.monotonic() - started) * 1000)


def _values(metric: Metric) -> dict[str, float]:
    """What is kept of a sample, by the names that the probes' readings have."""
    found = {
        "cpu": metric.cpu,
        "memory": metric.mem_share,
        "load1": metric.load1,
        "agent_rss": metric.mem_rss,
        "running": metric.running,
    }
    return {name: float(value) for name, value in found.items() if value is not None}
