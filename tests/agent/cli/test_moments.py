"""Moments as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.cli.moments import _read, read_moment
from agent.errors import WrongUse

NOW = datetime(2026, 11, 26, 9, 30, 15)  # noqa: DTZ001 - the wall clock before which somebody sits


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", NOW),
        ("today", datetime(2026, 11, 26)),  # noqa: DTZ001 - as above
        ("yesterday", datetime(2026, 11, 25)),  # noqa: DTZ001
        ("tomorrow 18:00", datetime(2026, 11, 27, 18)),  # noqa: DTZ001
        ("yesterday 8:05", datetime(2026, 11, 25, 8, 5)),  # noqa: DTZ001
        ("08:00", datetime(2026, 11, 26, 8)),  # noqa: DTZ001
        ("23:59:58", datetime(2026, 11, 26, 23, 59, 58)),  # noqa: DTZ001
        ("2026-11-24", datetime(2026, 11, 24)),  # noqa: DTZ001
        ("2026-11-24T08:00+13:00", datetime(2026, 11, 23, 19, tzinfo=UTC)),
    ],
)
def test_a_moment_is_meant_as_the_readers_clock_shows_it(text: str, meant: datetime) -> None:
    found = _read(text, NOW)

    assert found == meant
    assert (found.tzinfo is None) == (meant.tzinfo is None)


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        ("-1h", timedelta(hours=-1)),
        ("+30m", timedelta(minutes=30)),
        ("-2d", timedelta(days=-2)),
        ("+1.5h", timedelta(minutes=90)),
        ("-90s", timedelta(seconds=-90)),
    ],
)
def test_a_length_before_or_after_now_is_a_moment(text: str, apart: timedelta) -> None:
    assert _read(text, NOW) == NOW.astimezone(UTC) + apart


@pytest.mark.parametrize("text", ["", "soon", "-1", "+x", "25:00", "08:60", "today 8", "-1y", "1h"])
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(WrongUse, match=r"--from .*: is no moment; write one such as .*-1h.*08:00"):
        read_moment("--from", text)
