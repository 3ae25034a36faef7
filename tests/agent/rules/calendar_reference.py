"""What calendars close minute by minute: slow, plain, and without a line of the product."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE_S = 60
DAY = timedelta(days=1)
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
# No wall clock is a day and two hours off.
NEAR = 26 * 60

Window = tuple[datetime, datetime]


@dataclass(frozen=True)
class Minutes:
    """Each real minute of a span, as the wall clock of a zone shows it."""

    from_s: int
    readings: tuple[datetime, ...]

    def at_ms(self, number: int) -> int:
        """The instant of a minute, also of the one after the last."""
        return (self.from_s + number * MINUTE_S) * 1000

    def reads_inside(self, window: Window) -> list[int]:
        """The numbers of the minutes at which the clock shows a time of this window."""
        start, end = window
        about = int(start.replace(tzinfo=UTC).timestamp() - self.from_s) // MINUTE_S
        length = int((end - start).total_seconds()) // MINUTE_S
        numbers = range(
            max(0, about - NEAR), min(len(self.readings), max(0, about + length + NEAR))
        )
        return [number for number in numbers if start <= self.readings[number] < end]


@lru_cache(maxsize=64)
def minutes(zone_name: str, from_s: int, end_s: int) -> Minutes:
    """The minutes from the first to before the end."""
    zone = ZoneInfo(zone_name)
    return Minutes(
        from_s,
        tuple(
            datetime.fromtimestamp(at_s, UTC).astimezone(zone).replace(tzinfo=None)
            for at_s in range(from_s, end_s, MINUTE_S)
        ),
    )


@dataclass(frozen=True)
class Meant:
    """A weekly text, or one of dates, together with what its author meant by it."""

    text: str
    days: tuple[int, ...] = ()
    start_min: int = 0
    length_min: int = 0
    dates: Window | None = None

    def windows(self, table: Minutes) -> list[Window]:
        """Each on the wall clock, as far as the table goes."""
        if self.dates is not None:
            return [self.dates]
        first = min(table.readings).replace(hour=0, minute=0) - 8 * DAY
        found = []
        for number in range((max(table.readings) - first).days + 9):
            day = first + number * DAY
            if day.weekday() in self.days:
                start = day + timedelta(minutes=self.start_min)
                found.append((start, start + timedelta(minutes=self.length_min)))
        return found


def inside(texts: list[Meant], table: Minutes) -> list[bool]:
    """For each minute: it lies between the first and the last reading inside of some window."""
    marks = [False] * len(table.readings)
    for text in texts:
        for window in text.windows(table):
            if numbers := table.reads_inside(window):
                for number in range(numbers[0], numbers[-1] + 1):
                    marks[number] = True
    return marks


def stretches(closed: list[bool]) -> dict[int, tuple[int, int]]:
    """For each closed minute: where the closed stretch around it begins, and the end after it."""
    found: dict[int, tuple[int, int]] = {}
    start = 0
    for number in range(len(closed) + 1):
        if number < len(closed) and closed[number]:
            continue
        for inside_it in range(start, number):
            found[inside_it] = (start, number)
        start = number + 1
    return found
