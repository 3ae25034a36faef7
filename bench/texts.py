"""Which schedules do people write: the texts and zones that the benchmarks measure with."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

ZONES: Final = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Auckland",
    "Australia/Lord_Howe",
)

_STEPS: Final = ("*/2", "*/5", "*/10", "*/15", "*/20", "*/30")
_SPANS: Final = ("8-18", "9-17", "6-22", "0-5", "*/2", "*/3", "*/4", "*/6", "22-23", "7,12,18")
_WEEKDAYS: Final = ("1-5", "MON", "FRI", "SUN", "6,0", "MON,WED,FRI", "TUE,THU", "SAT")
_DATES: Final = ("1", "15", "1,15", "L", "28", "*/5", "10-20")
_MONTHS: Final = ("*", "1,4,7,10", "*/2", "MAR", "6-8", "DEC")


def realistic_texts(count: int) -> list[str]:
    """The first so many of some 800 different texts, the same in every run."""
    return sorted(islice(dict.fromkeys(_mixed()), count))


def _mixed() -> Iterator[str]:
    """A bit of every kind in turn, so that a few texts are as mixed as many."""
    kinds = [_within_hours(), _daily(), _weekly(), _monthly(), _within_hours(), _yearly()]
    while kinds:
        for kind in list(kinds):
            text = next(kind, None)
            if text is None:
                kinds.remove(kind)
            else:
                yield text


def _within_hours() -> Iterator[str]:
    yield "* * * * *"
    for number in range(60):
        yield f"{number} * * * *"
        yield f"{number} {_SPANS[number % len(_SPANS)]} * * *"
    for step in _STEPS:
        yield f"{step} * * * *"
        for span in _SPANS:
            yield f"{step} {span} * * 1-5"


def _daily() -> Iterator[str]:
    for number in range(180):
        yield f"{number * 7 % 60} {number % 24} * * *"


def _weekly() -> Iterator[str]:
    for number in range(180):
        yield f"{number * 11 % 60} {number * 5 % 24} * * {_WEEKDAYS[number % len(_WEEKDAYS)]}"


def _monthly() -> Iterator[str]:
    for number in range(140):
        yield f"{number * 13 % 60} {number * 3 % 24} {_DATES[number % len(_DATES)]} * *"


def _yearly() -> Iterator[str]:
    for number in range(140):
        date, month = _DATES[number % len(_DATES)], _MONTHS[number % len(_MONTHS)]
        yield f"{number * 17 % 60} {number * 7 % 24} {date} {month} *"
        if number % 7 == 0:
            yield f"{number % 60} 3 * {month} FRI#{number % 4 + 1}"
