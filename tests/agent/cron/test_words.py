"""How schedules are said in words."""

import random
from typing import Any

import pytest

from agent.cron.words import in_words
from agent.due import when_in_words
from tests.agent.rules import reference
from tests.agent.store.makings import a_task

SAID = (
    ("* * * * *", "Every minute"),
    ("*/30 * * * *", "Every 30 minutes"),
    ("*/5 * * * *", "Every 5 minutes"),
    ("0 * * * *", "Hourly"),
    ("@hourly", "Hourly"),
    ("15 * * * *", "Hourly at :15"),
    ("0 */6 * * *", "Every 6 hours"),
    ("30 */4 * * *", "Every 4 hours at :30"),
    ("0 8-18 * * *", "Hourly 08-18"),
    ("5 7 * * *", "Daily 07:05"),
    ("@midnight", "Daily 00:00"),
    ("0 9,17 * * *", "Daily 09:00, 17:00"),
    ("0 6 * * 1", "Mon 06:00"),
    ("0 0 * * 0", "Sun 00:00"),
    ("0 0 * * 7", "Sun 00:00"),
    ("0 9 * * 1-5", "Mon-Fri 09:00"),
    ("0 9 * * MON,thu", "Mon, Thu 09:00"),
    ("*/15 * * * 1-5", "Every 15 minutes, Mon-Fri"),
    ("0 0 1 * *", "Monthly on day 1 00:00"),
    ("@every 90s", "Every 90 seconds"),
    ("@every 120s", "Every 2 minutes"),
    ("@every 1d", "Every day"),
    ("@at 2026-12-24T18:00", "Once 2026-12-24 18:00"),
    ("0 0 13 * */2", "0 0 13 * */2"),
    ("not a schedule", "not a schedule"),
)


@pytest.mark.parametrize(("text", "words"), SAID)
def test_a_schedule_is_said_in_a_few_words(text: str, words: str) -> None:
    assert in_words((text,)) == words


def test_a_step_that_does_not_divide_the_hour_is_not_called_even() -> None:
    assert in_words(("*/45 * * * *",)) != "Every 45 minutes"


def test_several_schedules_are_said_one_after_another() -> None:
    assert in_words(("5 7 * * *", "0 6 * * 1")) == "Daily 07:05; Mon 06:00"


def test_every_accepted_text_has_words() -> None:
    dice = random.Random(1)  # noqa: S311 - dice for tests
    for _ in range(300):
        assert in_words((reference.random_text(dice).text,))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 9 * * FRI#2", "At 09:00, on the second Friday of the month"),
        ("0 9 * * FRI#L", "At 09:00, on the last Friday of the month"),
        ("0 9 * * 0#L", "At 09:00, on the last Sunday of the month"),
        ("0 3 L * *", "At 03:00, on the last day of the month"),
        ("@reboot", "At boot"),
    ],
)
def test_days_counted_in_their_month_are_said_as_such(text: str, said: str) -> None:
    assert in_words((text,)) == said


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"schedule": ("0 9 * * 1",), "every_nth": 2}, "Every 2nd of: Mon 09:00"),
        (
            {"schedule": ("0 9 * * 1",), "valid_from": "2026-12-01", "valid_until": "2027-01-01"},
            "Mon 09:00 from 2026-12-01 until 2027-01-01",
        ),
        ({"schedule": ()}, "Only by hand"),
        ({"schedule": (), "after": ("fetch",)}, "After fetch succeeded"),
        (
            {"schedule": (), "after": ("a", "b"), "after_on": "any", "after_delay_s": 60},
            "After a or b ended, 60 s later",
        ),
        (
            {"schedule": ("@daily",), "after": ("fetch",), "after_on": "failure"},
            "Daily 00:00; after fetch failed",
        ),
    ],
)
def test_all_that_decides_when_a_task_runs_is_said(task: dict[str, Any], said: str) -> None:
    assert when_in_words(a_task("backup", **task)) == said
