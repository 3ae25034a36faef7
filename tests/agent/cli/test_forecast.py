"""Does the picture of a load fit a terminal, and is the busiest hour the darkest?"""

from agent.cli.forecast import heat
from agent.expected import Expected
from agent.rules.forecast import forecast
from tests.agent.store.makings import HOUR_MS, NOW_MS

DAY_MS = 24 * HOUR_MS


def test_a_row_a_day_within_80_columns_the_busiest_hour_darkest() -> None:
    from_ms = NOW_MS - NOW_MS % HOUR_MS
    runs = [
        Expected(
            task_name="t",
            at_ms=from_ms + hour * HOUR_MS,
            starts_ms=from_ms + hour * HOUR_MS,
            ends_ms=from_ms + hour * HOUR_MS + 1000,
        )
        for hour in (1, 1, 1, 1, 30)
    ]

    lines = heat(forecast(runs, from_ms=from_ms, until_ms=from_ms + 3 * DAY_MS, slots=2))

    assert max(len(line) for line in lines) <= 80
    assert len(lines) in (4, 5)
    assert lines[0].split() == ["00", "03", "06", "09", "12", "15", "18", "21"]
    assert "".join(lines).count("██") == 1
    assert "".join(lines).count("░░") == 1
