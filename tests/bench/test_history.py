"""Is it pages of a real database that are measured, and are its rows as varied as questions are?"""

from functools import partial
from pathlib import Path

from sqlalchemy import func, inspect, select

from agent.store import ledger, spans
from agent.store.database import Database
from bench.history import questions
from bench.millions import fill, fill_figures, rows
from schema.tables import executions
from tests.agent.store.makings import NOW_MS

COUNT = 5_000


def test_every_question_finds_runs_and_every_index_is_there_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'few.sqlite3'}"
    fill(url, COUNT, NOW_MS, tmp_path)
    fill_figures(url, COUNT, NOW_MS)
    database = Database.open(url)

    found = {
        name: database.read_now(partial(ledger.page, wanted=wanted, limit=10)).runs
        for name, wanted in questions(NOW_MS - NOW_MS % 1000 + 2 * 86_400_000).items()
    }
    count = database.read_now(
        lambda connection: connection.scalar(select(func.count()).select_from(executions))
    )
    indexes = database.read_now(
        lambda connection: {
            each["name"] for each in inspect(connection).get_indexes(executions.name)
        }
    )
    figures = database.read_now(
        partial(spans.figures, from_ms=NOW_MS - 3_600_000, to_ms=NOW_MS, now_ms=NOW_MS)
    )
    database.close()

    assert count == COUNT
    assert indexes == {index.name for index in executions.indexes}
    assert {name for name, runs in found.items() if not runs} <= {
        "lost, ordered by hand, of a host",
        "failures of a task, of a day",
    }
    assert figures.runs > 0


def test_the_rows_are_the_same_each_time_in_the_order_of_their_ids() -> None:
    made = list(rows(200, NOW_MS))

    assert made == list(rows(200, NOW_MS))
    assert [row[0] for row in made] == sorted({row[0] for row in made})
