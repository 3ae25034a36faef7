"""How does a task stand, and when does it run next, if it does?"""

from datetime import UTC, datetime

import msgspec
import pytest

from agent.cli import say, standing
from agent.definitions import Definition
from agent.store.tasks import TaskRow

NOW_MS = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000
HOURLY = TaskRow(
    definition=Definition(task_name="x", schedule=("0 * * * *",), command="true"),
    def_rev=1,
    paused=False,
    paused_until_ms=None,
    pause_reason=None,
    watermark_ms=NOW_MS,
    avg_duration_ms=None,
    created_ms=NOW_MS,
    updated_ms=NOW_MS,
)


def defined(**fields: object) -> TaskRow:
    return msgspec.structs.replace(
        HOURLY, definition=msgspec.structs.replace(HOURLY.definition, **fields)
    )


def stood(**fields: object) -> TaskRow:
    return msgspec.structs.replace(HOURLY, **fields)


@pytest.mark.parametrize(
    ("row", "next_ms", "words"),
    [
        (HOURLY, NOW_MS + HOUR_MS, say.moment(NOW_MS + HOUR_MS)),
        (defined(enabled=False), None, "disabled"),
        (stood(paused=True), None, "paused"),
        (
            stood(paused=True, paused_until_ms=NOW_MS + 2 * HOUR_MS),
            NOW_MS + 2 * HOUR_MS,
            f"paused until {say.moment(NOW_MS + 2 * HOUR_MS)}",
        ),
        (
            stood(paused=True, paused_until_ms=NOW_MS - 1),
            NOW_MS + HOUR_MS,
            say.moment(NOW_MS + HOUR_MS),
        ),
        (
            stood(skip_until_ms=NOW_MS + HOUR_MS),
            NOW_MS + 2 * HOUR_MS,
            say.moment(NOW_MS + 2 * HOUR_MS),
        ),
        (
            stood(watermark_ms=NOW_MS + 2 * HOUR_MS),  # the clock was set back
            NOW_MS + 3 * HOUR_MS,
            say.moment(NOW_MS + 3 * HOUR_MS),
        ),
        (defined(schedule=("@at 2026-01-01T00:00",)), None, "over"),
        (defined(valid_until="2026-01-01T00:00"), None, "over"),
        (defined(schedule=("@reboot",)), None, "-"),
        (defined(schedule=()), None, "-"),
        (defined(schedule=(), after=("y",)), None, "-"),
        (stood(fault="cannot be read"), None, "invalid"),
    ],
)
def test_next_is_a_moment_that_comes_or_the_word_why_there_is_none(
    row: TaskRow, next_ms: int | None, words: str
) -> None:
    assert standing.next_run(row, NOW_MS) == next_ms
    assert standing.next_in_words(row, NOW_MS) == words
