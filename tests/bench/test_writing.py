"""Is it real rows in a real database whose writing is measured?"""

import asyncio
from pathlib import Path

import pytest

from agent.store import ledger
from agent.store.database import Database
from bench import writing


@pytest.mark.parametrize(("together", "groups"), [(1, 5), (4, 2)])
def test_every_run_has_ended_in_the_database(tmp_path: Path, together: int, groups: int) -> None:
    url = f"sqlite:///{tmp_path / 'few.sqlite3'}"

    spent = asyncio.run(writing.write(url, together * groups, together, with_start=True))

    database = Database.open(url)
    runs = database.read_now(ledger.page).runs
    database.close()
    assert len(runs) == together * (groups + writing.SETTLED)
    assert {run.status for run in runs} == {"success"}
    assert spent.cpu_us > 0


def test_ends_that_come_at_once_are_measured_and_so_is_the_bare_driver(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'few.sqlite3'}"

    assert asyncio.run(writing.end_all(url, 1)) > 0
    assert writing.bare(url, 1) > 0
