"""What the rules say minute by minute: slow, plain, and without a line of the product."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE_S = 60
THREE_HOURS = timedelta(hours=3)
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
MONTHS = ("jan", "FEB", "Mar", "apr", "May", "JUN", "Jul", "aug", "SEP", "Oct", "nov", "DEC")
WEEKDAYS = ("sun", "MON", "Tue", "wed", "THU", "Fri", "sat")


@dataclass(frozen=True)
class Text:
    """A cron text together with what its author meant by it."""

    words: tuple[str, ...]
    meant: tuple[frozenset[int], ...]
    has_last: bool = False  # the last day of the month
    nth: tuple[int, int] | None = None  # a weekday and its number in the month, 0 for the last

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def is_fixed(self) -> bool:
        return not self.words[0].startswith("*") and not self.words[1].startswith("*")

    def matches(self, local: datetime) -> bool:
        minutes, hours, dates, months, weekdays = self.meant
        if local.minute not in minutes or local.hour not in hours or local.month not in months:
            return False
        is_last = (local + timedelta(days=1)).month != local.month
        by_date = local.day in dates or (self.has_last and is_last)
        weekday = local.isoweekday() % 7
        by_weekday = weekday in weekdays or self._is_nth(local, weekday)
        if self.words[2].startswith("*") or self.words[4].startswith("*"):
            return by_date and by_weekday
        return by_date or by_weekday

    def _is_nth(self, local: datetime, weekday: int) -> bool:
        if self.nth is None or weekday != self.nth[0]:
            return False
        if self.nth[1] == 0:
            return (local + timedelta(days=7)).month != local.month
        return (local.day - 1) // 7 + 1 == self.nth[1]


@dataclass(frozen=True)
class Minute:
    """One real minute as the wall clock shows it; `skipped` are those left out just before."""

    at_s: int
    local: datetime
    is_repeated: bool
    skipped: tuple[datetime, ...]


def minutes(zone_name: str, from_s: int, end_s: int) -> list[Minute]:
    """Each real minute from the first to before the end."""
    zone = ZoneInfo(zone_name)
    found = []
    for at_s in range(from_s, end_s, MINUTE_S):
        aware = datetime.fromtimestamp(at_s, UTC).astimezone(zone)
        before = datetime.fromtimestamp(at_s - MINUTE_S, UTC).astimezone(zone)
        local = aware.replace(tzinfo=None)
        jump = local - before.replace(tzinfo=None) - timedelta(minutes=1)
        skipped: list[datetime] = []
        if timedelta(0) < jump < THREE_HOURS:
            count = int(jump.total_seconds()) // MINUTE_S
            skipped = [local - timedelta(minutes=back) for back in range(count, 0, -1)]
        found.append(Minute(at_s, local, _is_repeated(aware, zone), tuple(skipped)))
    return found


def _is_repeated(aware: datetime, zone: ZoneInfo) -> bool:
    if aware.fold == 0:
        return False
    first = aware.replace(fold=0).astimezone(UTC)
    return aware.astimezone(UTC) - first < THREE_HOURS and zone is not None


def due(text: Text, table: list[Minute], *, gap: str, fold: str) -> Iterator[int]:
    """Which of these minutes are due."""
    for minute in table:
        is_moved = (
            text.is_fixed
            and gap == "after"
            and any(text.matches(skipped) for skipped in minute.skipped)
        )
        is_again = text.is_fixed and fold == "first" and minute.is_repeated
        if is_moved or (text.matches(minute.local) and not is_again):
            yield minute.at_s


def random_dialect(dice: random.Random, task_name: str) -> Text:
    """A cron text with L, FRI#2, FRI#L or H in it, which other programs do not read alike."""
    text = random_text(dice)
    words, meant = list(text.words), list(text.meant)
    has_last, nth = False, None
    if dice.random() < 0.5:
        has_last = True
        days = dice.choice(((), (15,)))
        words[2] = ",".join([*map(str, days), "L"])
        meant[2] = frozenset(days)
    if dice.random() < 0.5 and (has_last or words[2] == "*" or not words[2].startswith("*")):
        nth = dice.randrange(7), dice.choice((0, 1, 2, 3, 4))
        words[4] = f"{_random_name(dice, 4, nth[0])}#{nth[1] or 'L'}"
        meant[4] = frozenset()
    if dice.random() < 0.5:
        digest = hashlib.sha256(f"minute:{task_name}".encode()).digest()
        words[0] = "H"
        meant[0] = frozenset({int.from_bytes(digest[:8], "big") % 60})
    return Text(tuple(words), tuple(meant), has_last, nth)


def random_text(dice: random.Random) -> Text:
    """A cron text in one of its many ways of writing."""
    chances = (0.35, 0.35, 0.6, 0.75, 0.6)
    made = [_random_field(dice, place, star=chance) for place, chance in enumerate(chances)]
    if max(made[2][1]) <= 28 or min(made[2][1]) <= 28:
        return Text(tuple(word for word, _ in made), tuple(meant for _, meant in made))
    return random_text(dice)


def _random_field(dice: random.Random, place: int, *, star: float) -> tuple[str, frozenset[int]]:
    lowest, highest = FIELDS[place]
    if dice.random() < star:
        return _random_star(dice, lowest, highest)
    items = [
        _random_item(dice, place, lowest, highest) for _ in range(dice.choice((1, 1, 1, 2, 3)))
    ]
    return ",".join(word for word, _ in items), frozenset().union(*(meant for _, meant in items))


def _random_star(dice: random.Random, lowest: int, highest: int) -> tuple[str, frozenset[int]]:
    if dice.random() < 0.6:
        return "*", frozenset(range(lowest, highest + 1))
    step = dice.randint(1, highest - lowest)
    return f"*/{step}", frozenset(range(lowest, highest + 1, step))


def _random_item(
    dice: random.Random, place: int, lowest: int, highest: int
) -> tuple[str, frozenset[int]]:
    first = dice.randint(lowest, highest)
    # Changes of the clocks happen in the small hours: meet them often.
    if place == 1 and dice.random() < 0.6:
        first = dice.randint(0, 3)
    last = dice.randint(first, highest)
    kind = dice.choice(("one", "one", "range", "step", "same"))
    if kind == "one":
        return _random_name(dice, place, first), frozenset({first})
    if kind == "same":
        return f"{first}-{first}", frozenset({first})
    if kind == "range":
        begin, end = _random_name(dice, place, first), _random_name(dice, place, last)
        return f"{begin}-{end}", frozenset(range(first, last + 1))
    step = dice.randint(1, max(1, highest - lowest))
    return f"{first}-{last}/{step}", frozenset(range(first, last + 1, step))


def _random_name(dice: random.Random, place: int, value: int) -> str:
    if place == 3 and dice.random() < 0.4:
        return MONTHS[value - 1]
    if place == 4 and dice.random() < 0.4:
        return WEEKDAYS[value]
    if place == 4 and value == 0 and dice.random() < 0.3:
        return "0"
    return f"{value:02}" if dice.random() < 0.2 else str(value)
