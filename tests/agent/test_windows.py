"""What a calendar is, and what cannot be one."""

import pytest

from agent.errors import BadDefinition, WrongUse
from agent.windows import BY_HAND, Calendar, load_calendars

GOOD = 'name = "quiet"\nweekly = "22:00-06:00"\n'


def load(*tables: str) -> list[Calendar]:
    text = "\n".join(f"[[calendar]]\n{table}" for table in tables)
    return load_calendars(text, "calendars.toml", zone="Europe/Berlin")


def test_a_file_holds_calendars_of_every_kind() -> None:
    found = load(
        GOOD,
        'name = "office"\nkind = "allow"\nweekly = ["MON-FRI 08:00-18:00"]\ntimezone = "UTC"',
        'name = "works"\nkind = "maintenance"\ndates = ["2026-12-24"]\ndescription = "disks"',
    )

    assert found == [
        Calendar(name="quiet", weekly=("22:00-06:00",), timezone="Europe/Berlin"),
        Calendar(name="office", kind="allow", weekly=("MON-FRI 08:00-18:00",)),
        Calendar(
            name="works",
            kind="maintenance",
            dates=("2026-12-24",),
            description="disks",
            timezone="Europe/Berlin",
        ),
    ]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('weekly = "SAT"', ("name", "missing")),
        ('name = "A b"\nweekly = "SAT"', ("name", "A b", "a-z")),
        (f'name = "{BY_HAND}"\nweekly = "SAT"', (BY_HAND, "calendars close")),
        ('name = "x"', ("weekly", "missing")),
        ('name = "x"\nweekly = []', ("weekly", "missing")),
        ('name = "x"\nweekly = 5', ("weekly", "5", "a list of texts")),
        ('name = "x"\nweekly = "FRY 10:00-11:00"', ("weekly", "FRY")),
        ('name = "x"\ndates = "2026-12-26..2026-12-24"', ("dates", "backwards")),
        ('name = "x"\nweekly = "SAT"\nkind = "closed"', ("kind", "closed", "maintenance")),
        ('name = "x"\nweekly = "SAT"\nkind = 1', ("kind", "1", "text")),
        ('name = "x"\nweekly = "SAT"\ntimezone = "Mars/X"', ("timezone", "Mars/X")),
        ('name = "x"\nweekly = "SAT"\nweeky = "SUN"', ("weeky", "did you mean 'weekly'")),
        ('name = "x"\nspans = [[1, 2]]', ("spans", "not known")),
        ('name = "x"\nweekly = "SAT"\ndescription = "a\\nb"', ("description", "one line")),
        ('name = "x"\nweekly = ["SAT"' + ', "SUN"' * 64 + "]", ("weekly", "65", "at most 64")),
        (GOOD, ("quiet", "twice")),
    ],
)
def test_a_bad_calendar_is_refused_by_field_value_and_way_out(
    table: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(BadDefinition) as refused:
        load(GOOD, table)

    said = str(refused.value)
    assert said.startswith("calendars.toml: calendar ")
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[calendar", "not TOML"),
        ("", "holds no calendar"),
        ("[calendar]\nname = 'x'", "two brackets"),
        ("[[task]]\nname = 'x'", "'task' is not known"),
    ],
)
def test_a_file_that_holds_no_calendars_is_refused(text: str, words: str) -> None:
    with pytest.raises(WrongUse, match=r"calendars\.toml") as refused:
        load_calendars(text, "calendars.toml", zone="UTC")

    assert words in str(refused.value)
