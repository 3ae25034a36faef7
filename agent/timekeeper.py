"""What happened to the host's clocks since they were last looked at."""

from collections.abc import Callable, Mapping

from agent.clock import Clock
from agent.rules.clocks import Happening, Reading, judge

ZONES_EVERY_MS = 3_600_000


class Timekeeper:
    """Keeps the last reading; whoever decides by the clocks asks here first."""

    def __init__(self, clock: Clock, *, zones: Callable[[], Mapping[str, object]]) -> None:
        """`zones` answers by name what changes about each zone in use when it is replaced."""
        self._clock = clock
        self._zones = zones
        self._reading = self._read()
        self._signature: Mapping[str, object] = zones()
        self._zones_read_ms = clock.monotonic_ms()
        self._happened: list[Happening] = []

    def look(self, *, asked_ms: int | None = None) -> None:
        """Read the clocks; `asked_ms` is how long the agent meant to sleep since the last look."""
        before, self._reading = self._reading, self._read()
        self._happened.extend(judge(before, self._reading, asked_ms=asked_ms))

    def take(self) -> tuple[Happening, ...]:
        """All that happened since it was last taken, oldest first."""
        happened, self._happened = self._happened, []
        return tuple(happened)

    def have_zones_changed(self, *, at_once: bool) -> bool:
        """Whether the zone files are others now; looked at once an hour unless at once."""
        now_ms = self._clock.monotonic_ms()
        if not at_once and now_ms - self._zones_read_ms < ZONES_EVERY_MS:
            return False
        self._zones_read_ms = now_ms
        before, self._signature = dict(self._signature), dict(self._zones())
        # A zone that no task had before is no change of any.
        return any(before.get(zone, file) != file for zone, file in self._signature.items())

    def _read(self) -> Reading:
        clock = self._clock
        return Reading(clock.now_ms(), clock.boottime_ms(), clock.monotonic_ms())
