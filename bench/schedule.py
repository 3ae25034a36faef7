"""How fast are due moments found, and what do thousands of tasks cost: `make bench`.

croniter and cronsim do the same work in the same run, so that ratios hold on any machine.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim

from agent.errors import AgentError
from agent.rules.schedule import Timing, moments_between, next_moment
from agent.tasktables import read_definition
from bench import thousands
from bench.measure import TIMES, Figure, machine, median_of_new_processes, table
from bench.texts import ZONES, realistic_texts

TEXTS = 500
ZONES_A_TEXT = 2
MOMENTS_A_MONTH = 3
YEARS = (2026, 2027, 2028, 2029)
"""A new one in each round, so that nobody is asked twice for the same moment."""
BACKLOG_YEARS = 10


def main() -> None:
    """Measure everything, which takes a minute or two, and print it as a table."""
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}")
    print(f"croniter {version('croniter')}, cronsim {version('cronsim')}\n")
    parts = (kept, cold, refused, leap_sunday, backlog, *thousands.PARTS)
    figures: list[Figure] = []
    for part in parts:
        print(f"measuring: {part.__doc__}", file=sys.stderr)
        figures += part()
    print(table(figures))


def kept() -> list[Figure]:
    """The next moment of a schedule that is kept, all through a year."""
    rounds = [_walk_a_year(year) for year in YEARS]
    # In the first round everybody fills caches.
    ours, theirs, cronsim = (median(values) for values in zip(*rounds[1:], strict=True))
    return [
        Figure("next moment, kept schedule", ours, "µs"),
        Figure("… croniter `get_next`, kept object", theirs, "µs"),
        Figure("… cronsim, kept object", cronsim, "µs"),
        Figure("… ours / croniter", ours / theirs, TIMES, 1.3),
        Figure("… ours / cronsim", ours / cronsim, TIMES),
    ]


def cold() -> list[Figure]:
    """A text never seen before: understood, and its first moment found."""
    ours, theirs, cronsim = median_of_new_processes(_parse_all)
    return [
        Figure("parse and first moment, new text", ours, "µs"),
        Figure("… croniter", theirs, "µs"),
        Figure("… cronsim", cronsim, "µs"),
        Figure("… ours / croniter", ours / theirs, TIMES),
    ]


def refused() -> list[Figure]:
    """The slowest refusal of bad input."""
    (slowest,) = median_of_new_processes(refuse_all)
    return [Figure(f"slowest refusal of {len(_bad_input())} bad inputs", slowest, "ms", 10)]


def leap_sunday() -> list[Figure]:
    """The 29th of February that is a Sunday, from a cold start."""
    (took,) = median_of_new_processes(_find_leap_sunday)
    return [Figure("29 February on a Sunday, cold", took, "ms", 50)]


def backlog() -> list[Figure]:
    """What a task of every minute missed in ten years."""
    took, peak = median_of_new_processes(_work_off)
    return [
        Figure(f"{BACKLOG_YEARS} years' backlog, each minute", took / 1000, "s", 1),
        Figure("… peak memory", peak, "MB", 1),
    ]


def _walk_a_year(year: int) -> tuple[float, float, float]:
    """Microseconds a moment: ours, croniter's, cronsim's; a few moments of each month."""
    spent = [0.0, 0.0, 0.0]
    for number, text in enumerate(realistic_texts(TEXTS)):
        for offset in range(ZONES_A_TEXT):
            zone = ZONES[(number + offset) % len(ZONES)]
            starts = [datetime(year, month, 1, tzinfo=ZoneInfo(zone)) for month in range(1, 13)]
            spent[0] += _walk_ours(Timing((text,), zone), starts)
            spent[1] += _walk_croniter(croniter(text, starts[0]), starts)
            spent[2] += _walk_cronsim(text, starts)
    moments = TEXTS * ZONES_A_TEXT * 12 * MOMENTS_A_MONTH
    return (spent[0] / moments * 1e6, spent[1] / moments * 1e6, spent[2] / moments * 1e6)


def _walk_ours(timing: Timing, starts: Sequence[datetime]) -> float:
    spent_s = 0.0
    for start in starts:
        at_ms: int | None = int(start.timestamp()) * 1000
        began_s = time.perf_counter()
        for _ in range(MOMENTS_A_MONTH):
            at_ms = next_moment(timing, at_ms or 0)
        spent_s += time.perf_counter() - began_s
    return spent_s


def _walk_croniter(walker: croniter, starts: Sequence[datetime]) -> float:
    spent_s = 0.0
    for start in starts:
        walker.set_current(start, force=True)
        began_s = time.perf_counter()
        for _ in range(MOMENTS_A_MONTH):
            walker.get_next(float)
        spent_s += time.perf_counter() - began_s
    return spent_s


def _walk_cronsim(text: str, starts: Sequence[datetime]) -> float:
    spent_s = 0.0
    for start in starts:
        walker = CronSim(text, start)
        began_s = time.perf_counter()
        for _ in range(MOMENTS_A_MONTH):
            next(walker)
        spent_s += time.perf_counter() - began_s
    return spent_s


def _parse_all() -> tuple[float, float, float]:
    start = datetime(YEARS[0], 1, 1, tzinfo=UTC)
    after_ms = int(start.timestamp()) * 1000
    starts = {zone: start.astimezone(ZoneInfo(zone)) for zone in ZONES}

    def ours(text: str, zone: str) -> object:
        return next_moment(Timing((text,), zone), after_ms)

    def by_croniter(text: str, zone: str) -> object:
        return croniter(text, starts[zone]).get_next(float)

    def by_cronsim(text: str, zone: str) -> object:
        return next(CronSim(text, starts[zone]))

    return (_each_us(ours), _each_us(by_croniter), _each_us(by_cronsim))


def _each_us(first: Callable[[str, str], object]) -> float:
    texts = realistic_texts(TEXTS)
    began_s = time.perf_counter()
    for number, text in enumerate(texts):
        first(text, ZONES[number % len(ZONES)])
    return (time.perf_counter() - began_s) / len(texts) * 1e6


def _bad_input() -> list[dict[str, object]]:
    good: dict[str, object] = {"task_name": "a", "command": "true", "schedule": "5 7 * * *"}
    schedules: list[object] = [
        "*" * 1_000_000,
        "1 " * 500_000,
        " " * 1_000_000,
        ",".join(["0"] * 200_000) + " * * * *",
        ["5 7 * * *"] * 200_000,
        "5 7 * * *\0",
        "5 7 * * \N{ALARM CLOCK}",
        "\N{ARABIC-INDIC DIGIT THREE} * * * *",
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 1-7 2 */8#5",
        "0 5-3 * * *",
        "*/0 * * * *",
        "9" * 250 + " * * * *",
        "1-" * 120,
        "@every 0s",
        "@at 2026-02-30T00:00",
        "",
    ]
    zones = ["Europe/Berlinn", "../../etc/passwd", "E" * 1_000_000, ""]
    return [
        *(good | {"schedule": schedule} for schedule in schedules),
        *(good | {"timezone": zone} for zone in zones),
        good | {"tags": ["a"] * 200_000},
        good | {"after": ["a"] * 200_000},
        good | {"command": "a" * 1_000_000},
    ]


def refuse_all() -> tuple[float]:
    """Milliseconds of the slowest refusal; raises AssertionError when something is accepted."""
    slowest_s = 0.0
    for table_ in _bad_input():
        began_s = time.perf_counter()
        try:
            read_definition(table_)
        except AgentError:
            slowest_s = max(slowest_s, time.perf_counter() - began_s)
        else:
            raise AssertionError(f"accepted: {str(table_)[:200]}")
    return (slowest_s * 1000,)


def _find_leap_sunday() -> tuple[float]:
    after_ms = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1000
    began_s = time.perf_counter()
    found_ms = next_moment(Timing(("0 0 29 2 */7",), "UTC"), after_ms)
    took_s = time.perf_counter() - began_s
    if found_ms != int(datetime(2032, 2, 29, tzinfo=UTC).timestamp()) * 1000:
        raise AssertionError(f"found {found_ms}")
    return (took_s * 1000,)


def _work_off() -> tuple[float, float]:
    until = datetime(2026, 1, 1, tzinfo=UTC)
    until_ms = int(until.timestamp()) * 1000
    after_ms = int(until.replace(year=until.year - BACKLOG_YEARS).timestamp()) * 1000
    began_s = time.perf_counter()
    moments_between(Timing(("* * * * *",), ZONES[1]), after_ms, until_ms)
    took_s = time.perf_counter() - began_s
    tracemalloc.start()
    moments_between(Timing(("* * * * *",), ZONES[2]), after_ms, until_ms)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (took_s * 1000, peak / 1e6)


if __name__ == "__main__":
    main()
