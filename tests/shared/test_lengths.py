"""How long is what somebody writes as 90, 90s, 10m, 2h or 1d?"""

import pytest

from shared.lengths import in_unit_of, in_units, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("2h", 7_200),
        ("1d", 86_400),
        ("1.5h", 5_400),
        (" 2 h ", 7_200),
        ("0", 0),
        ("", None),
        ("2w", None),
        ("m", None),
        ("-5m", None),
        ("1h30m", None),
        ("1e3", None),
        ("٣m", None),
        ("9" * 40, None),
    ],
)
def test_a_length_is_read_as_seconds(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("field", "value", "held"),
    [
        ("timeout_seconds", "10m", 600),
        ("every_s", "90", 90),
        ("after_minutes", "2h", 120),
        ("after_minutes", "45", 45),
        ("after_minutes", "90s", 1.5),
        ("log_keep_days", "48h", 2),
        ("timeout_seconds", 600, 600),
        ("timeout_seconds", "soon", "soon"),
        ("title", "10m", "10m"),
        ("metric_minute_days", "30d", 30),
    ],
)
def test_a_field_holds_it_in_its_own_unit(field: str, value: object, held: object) -> None:
    assert in_unit_of(field, value) == held


def test_lengths_are_found_in_tables_within_tables() -> None:
    found = in_units(
        {
            "name": "10m",
            "repeat_minutes": {"critical": "30m", "high": 240},
            "retention": {"success_days": "90d", "tasks": {"sync": {"failure_days": "1d"}}},
            "escalation": [{"after_minutes": "1h", "recipients": ["10m"]}],
        }
    )

    assert found == {
        "name": "10m",
        "repeat_minutes": {"critical": 30, "high": 240},
        "retention": {"success_days": 90, "tasks": {"sync": {"failure_days": 1}}},
        "escalation": [{"after_minutes": 60, "recipients": ["10m"]}],
    }
