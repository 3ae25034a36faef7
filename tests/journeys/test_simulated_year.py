"""A year of the 29 tasks with agents that die, clocks that jump and people who hold things back.

Scheduler, queue, runner, recorder and database are the real ones; the clock is moved by hand and
processes are only pretended. The year is lived in some dozens of awake hours between absences of
up to months, so every way of missing moments is met. Each start is judged as it happens; each of
more than half a million due moments is held against its row in the end.
"""

import random
from pathlib import Path

import pytest

from tests.journeys.year.audit import audit, digest
from tests.journeys.year.life import Year
from tests.journeys.year.stage import without_threads

FRESH_SEED = random.SystemRandom().randrange(10**6)


async def lived(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch, *, days: int) -> Year:
    """A year, or a part of it, that is over."""
    year = Year(folder, seed)
    with without_threads(monkeypatch, lambda: year.fate, seed):
        await year.pass_by(days)
    return year


# How many starts a year has is a matter of luck: some are slept through but for a few hours.
@pytest.mark.parametrize(("seed", "fewest"), [(7, 500), (FRESH_SEED, 200)], ids=["known", "fresh"])
async def test_each_due_moment_of_a_year_has_one_row(
    tmp_path: Path, seed: int, fewest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    year = await lived(tmp_path, seed, monkeypatch, days=365)

    assert audit(year) > 500_000
    assert year.judge.checked > fewest
    year.shop.database.close()


async def test_a_seed_brings_back_the_same_year(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_folder, second_folder = (tmp_path_factory.mktemp("year") for _ in range(2))
    first = await lived(first_folder, 7, monkeypatch, days=30)
    second = await lived(second_folder, 7, monkeypatch, days=30)

    assert first.judge.checked > 50
    assert digest(first) == digest(second)
    first.shop.database.close()
    second.shop.database.close()
