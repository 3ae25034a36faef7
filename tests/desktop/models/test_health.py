"""How every check of the host, of the agent and of the owner stands, as a table for Qt."""

import pytest
from PySide6.QtCore import Qt

from desktop.models.health import Column, HealthModel, is_late, limit_words, limits_in_short
from desktop.tables import ROW
from shared.protocol.health import CheckDetail, KeptSeries
from shared.protocol.rows import Check
from tests.desktop.rows_at_hand import NOW_MS

CPU = Check(
    id="cpu", name="cpu", kind="cpu", state="ok", since_ms=NOW_MS, value=0.31, unit="share", msg="x"
)
SHOP = CheckDetail(
    id="check:shop",
    name="Check shop",
    kind="http",
    state="warn",
    since_ms=NOW_MS - 3_600_000,
    value=2_140.0,
    unit="ms",
    msg="status 200 after 2140 ms",
    checked_ms=NOW_MS - 20_000,
    late_ms=NOW_MS + 100_000,
    every_ms=60_000,
    warn=2_000.0,
)


def row(check_id: str, state: str = "ok") -> Check:
    return Check(id=check_id, name=check_id, kind=check_id, state=state, since_ms=NOW_MS)


@pytest.fixture
def model() -> HealthModel:
    return HealthModel(lambda: NOW_MS)


def texts(model: HealthModel, at: int = 0) -> list[str]:
    return [model.index(at, column).data() for column in Column]


def test_host_and_agent_come_first_and_own_checks_last(model: HealthModel) -> None:
    names = ("check:b", "logs", "disk:/srv", "new", "inodes", "check:a", "cpu", "disk", "loop")

    model.show_rows([row(name) for name in names])

    shown = [one.id for one in model.checks()]
    assert shown[:4] == ["cpu", "disk", "inodes", "disk:/srv"]
    assert shown[4:] == ["loop", "logs", "new", "check:a", "check:b"]


def test_the_worst_comes_first_and_among_its_like_each_keeps_its_place(model: HealthModel) -> None:
    states = {"cpu": "ok", "memory": "warn", "disk": "unknown", "loop": "crit", "check:a": "crit"}
    model.show_rows([row(name, state) for name, state in states.items()])
    assert [one.id for one in model.checks()] == ["loop", "check:a", "memory", "disk", "cpu"]

    model.show_rows([row("cpu", "warn"), row("loop")])

    assert [one.id for one in model.checks()] == ["check:a", "cpu", "memory", "disk", "loop"]


def test_a_row_is_told_with_all_that_the_agent_says_of_it(model: HealthModel) -> None:
    model.set_times("utc", "UTC")
    model.show_details([SHOP])

    assert texts(model) == [
        "Watch",
        "Check shop",
        "2\N{NARROW NO-BREAK SPACE}140\N{NO-BREAK SPACE}ms",
        "2\N{NO-BREAK SPACE}s",
        "10:06",
        "11:06:20",
        "status 200 after 2140 ms",
    ]


def test_a_newer_row_keeps_the_limits_that_were_told_before(model: HealthModel) -> None:
    told = CheckDetail(id="cpu", name="CPU", kind="cpu", state="ok", warn=0.8, crit=0.95)
    model.show_details([told])

    model.show_rows([CPU])

    (one,) = model.checks()
    assert (one.name, one.value, one.warn, one.since_ms) == ("CPU", 0.31, 0.8, NOW_MS)


def test_an_agent_that_tells_rows_alone_has_names_readings_and_something_to_draw(
    model: HealthModel,
) -> None:
    model.show_rows([CPU, row("disk_days:/srv"), row("check:shop")])

    cpu, days, shop = model.checks()
    assert [cpu.name, days.name, shop.name] == ["CPU", "Disk trend /srv", "Check shop"]
    assert cpu.series == (KeptSeries(name="cpu", unit="share"),)
    assert days.series == ()
    assert texts(model)[Column.LIMITS : Column.SINCE] == [""]
    assert texts(model)[Column.LOOKED] == ""


def test_what_is_gone_goes_with_all_that_was_told_of_it(model: HealthModel) -> None:
    model.show_rows([row("check:shop")])
    model.show_details([SHOP])

    model.show_rows([], ["check:shop"])

    assert model.checks() == []


def test_a_look_is_not_late_because_nobody_has_asked_for_long() -> None:
    now = [NOW_MS]
    model = HealthModel(lambda: now[0])
    model.show_details([SHOP])

    now[0] = NOW_MS + 3_600_000
    unasked = model.counts()["late"]
    model.show_details([SHOP])

    assert unasked == 0
    assert model.counts()["late"] == 1


def test_a_look_that_is_overdue_is_told_to_be_late(model: HealthModel) -> None:
    late = CheckDetail(
        id="disk", name="Disk", kind="disk", state="ok", checked_ms=NOW_MS - 9, late_ms=NOW_MS - 1
    )
    model.show_details([late, SHOP])

    assert is_late(late, NOW_MS)
    assert not is_late(SHOP, NOW_MS)
    assert texts(model, 1)[Column.LOOKED].startswith("late, ")
    assert model.counts() == {"ok": 1, "warn": 1, "crit": 0, "unknown": 0, "late": 1}


def test_one_that_was_never_looked_at_says_so(model: HealthModel) -> None:
    new = CheckDetail(id="check:a", name="Check a", kind="tcp", state="unknown", every_ms=60_000)
    model.show_details([new])

    assert texts(model)[Column.LOOKED] == "not yet"


def test_a_word_that_a_newer_agent_invents_is_not_known(model: HealthModel) -> None:
    model.show_rows([row("cpu", "purple")])

    assert texts(model)[Column.STATE] == "Unknown"
    assert model.counts()["unknown"] == 1


@pytest.mark.parametrize(
    ("fields", "full", "short"),
    [
        (
            {"unit": "share", "warn": 0.8, "crit": 0.95, "for_s": 180},
            "warns from 80 %, critical from 95 %, once it lasts 3 m",
            "80, 95 %",
        ),
        (
            {"unit": "days", "warn": 7.0, "crit": 2.0, "falls": True},
            "warns below 7 days, critical below 2 days",
            "below 7, 2 days",
        ),
        ({"unit": "bytes", "warn": 50e9, "crit": 2e11}, "warns from 50 GB, critical from 200 GB",
         "50, 200 GB"),
        ({"unit": "ms", "warn": 250.0, "crit": 2_000.0}, "warns from 250 ms, critical from 2 s",
         "250 ms, 2 s"),
        ({"unit": "fault", "warn": 1.0, "crit": 1.0}, "", ""),
        ({"unit": "C", "crit": 70.0}, "critical from 70 C", "70 C"),
        ({"unit": ""}, "", ""),
    ],
)  # fmt: skip
def test_limits_are_said_in_their_unit(fields: dict[str, object], full: str, short: str) -> None:
    one = CheckDetail(id="x", name="x", kind="x", state="ok", **fields)  # type: ignore[arg-type] # of a table

    assert limit_words(one).replace("\N{NO-BREAK SPACE}", " ") == full
    assert limits_in_short(one).replace("\N{NO-BREAK SPACE}", " ") == short


def test_whoever_hears_the_table_hears_the_whole_row(model: HealthModel) -> None:
    model.show_details([SHOP])

    said = model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)

    assert said.startswith("Check shop, watch, 2")
    for word in ("warns from 2", "status 200 after 2140 ms", "since ", "looked at "):
        assert word in said
    assert model.index(0, 0).data(ROW) == SHOP
