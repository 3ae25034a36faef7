"""Zone data replaced while the agent runs: noticed, and reckoned with from then on."""

import shutil
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import _lru_cache_wrapper
from importlib import import_module
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path
from pkgutil import iter_modules

import pytest

from agent import cron, due
from agent.cron.zones import load_zone
from agent.definitions import Definition
from agent.due import due_between, each_due, next_due, next_dues
from agent.errors import BadDefinition
from agent.rules import schedule
from agent.zonedata import signature
from tests.agent.store.makings import a_task

# Caches of what is the same whatever a zone's clocks do.
ZONE_FREE = {
    "agent.cron.days._block",
    "agent.cron.days._walker",
    "agent.cron.grammar._parse",
    "agent.cron.words._describe",
    "agent.cron.words.in_words",
    "agent.cron.counting._schedules_of_year",
    "agent.rules.schedule.Timing",
    "agent.rules.schedule._parse_all",
}
MOON = "Moon/Base"
START_MS = 1_795_500_000_000
DAY_MS = 86_400_000


def put(folder: Path, like: str) -> None:
    """Give the moon the clocks of a place on earth, as an upgrade does: a new file, renamed."""
    (folder / "Moon").mkdir(exist_ok=True)
    continent, city = like.split("/")
    with as_file(files("tzdata").joinpath("zoneinfo", continent, city)) as data:
        shutil.copy(data, folder / "Moon" / "new")
    (folder / "Moon" / "new").replace(folder / MOON)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The only folder with zone data, apart from the package."""
    put(tmp_path, "Asia/Kathmandu")
    zoneinfo.reset_tzpath([tmp_path])
    schedule.forget()
    yield tmp_path
    zoneinfo.reset_tzpath()
    schedule.forget()


def daily() -> Definition:
    return a_task(schedule=("0 7 * * *",), timezone=MOON)


def next_ms(after_ms: int) -> int:
    found = next_due(daily(), after_ms)
    assert found is not None
    return found


def hour_in(at_ms: int, offset: timedelta) -> int:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(timezone(offset)).hour


def test_data_that_stays_has_the_same_signature(folder: Path) -> None:
    before = signature([MOON, "UTC"])
    next_ms(START_MS)

    assert signature(["UTC", MOON, MOON]) == before
    assert [look[0] for look in before] == [MOON, "UTC"]


def test_a_replaced_file_has_another_signature(folder: Path) -> None:
    before = signature([MOON, "Europe/Berlin"])
    put(folder, "Asia/Tokyo")
    after = signature([MOON, "Europe/Berlin"])

    assert before[0] == after[0]  # Berlin comes from the package
    assert before[1] != after[1]


def test_a_file_that_comes_before_the_one_in_use_has_another_signature(folder: Path) -> None:
    before = signature(["Europe/Berlin"])
    (folder / "Europe").mkdir()
    (folder / MOON).rename(folder / "Europe" / "Berlin")

    assert signature(["Europe/Berlin"]) != before


@pytest.mark.parametrize("zone", ["No/Where", "x\0y", "", "../../etc", "x" * 5000])
def test_what_is_no_zone_does_not_hinder_the_others(folder: Path, zone: str) -> None:
    found = signature([zone, MOON])

    assert found[[look[0] for look in found].index(MOON)][1] == str(folder / MOON)


def test_next_moments_follow_the_new_data_and_none_comes_twice(folder: Path) -> None:
    moments = [next_ms(START_MS)]
    moments.append(next_ms(moments[-1]))
    put(folder, "Asia/Tokyo")
    kept = next_ms(moments[-1])
    schedule.forget()
    moments.append(next_ms(moments[-1]))
    moments.append(next_ms(moments[-1]))

    kathmandu, tokyo = timedelta(hours=5, minutes=45), timedelta(hours=9)
    assert hour_in(kept, kathmandu) == 7  # without being told nobody reads the file again
    assert [hour_in(at_ms, kathmandu) for at_ms in moments[:2]] == [7, 7]
    assert [hour_in(at_ms, tokyo) for at_ms in moments[2:]] == [7, 7]
    assert all(earlier < later for earlier, later in pairwise(moments))


def test_clocks_that_went_west_make_no_moment_due_again_that_was_decided(folder: Path) -> None:
    put(folder, "Asia/Tokyo")
    schedule.forget()
    decided = list(each_due(daily(), START_MS, START_MS + 3 * DAY_MS))
    put(folder, "Asia/Kathmandu")
    schedule.forget()

    again = due_between(daily(), decided[-1], decided[-1] + 3 * DAY_MS).newest

    assert len(again) == 3
    assert not {*decided} & {*again}


def test_a_zone_that_is_gone_is_refused_once_it_was_forgotten(folder: Path) -> None:
    assert load_zone(MOON).key == MOON
    (folder / MOON).unlink()
    schedule.forget()

    with pytest.raises(BadDefinition, match="no such time zone"):
        load_zone(MOON)


def test_nothing_that_depends_on_a_zone_is_kept_over_a_change_of_data(folder: Path) -> None:
    next_ms(START_MS)
    next_dues(daily(), START_MS, 3)
    due_between(daily(), START_MS, START_MS + 4_000 * DAY_MS)
    names = [f"agent.cron.{module.name}" for module in iter_modules(cron.__path__)]
    caches = {
        f"{value.__module__}.{value.__name__}": value
        for name in (*names, schedule.__name__, due.__name__)
        for value in vars(import_module(name)).values()
        if isinstance(value, _lru_cache_wrapper)
    }

    schedule.forget()

    still = {name for name, cache in caches.items() if cache.cache_info().currsize}
    assert "agent.cron.zones.load_zone" in caches
    assert still <= ZONE_FREE
