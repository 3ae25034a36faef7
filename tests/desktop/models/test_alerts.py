"""Alerts stand under their severity, and what changes leaves the others where they are."""

import random

import pytest
from msgspec import structs
from PySide6.QtCore import QPersistentModelIndex
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from desktop.models.alerts import BY_TASK, NEWEST, SORTS, AlertsModel, Group, said_of
from desktop.tables import ROW
from shared.protocol.rows import Alert
from tests.desktop.alerts_at_hand import alert


@pytest.fixture
def model(qapp: QApplication) -> AlertsModel:
    return AlertsModel()


def shown(model: AlertsModel) -> list[str]:
    """The rows as they stand: severities, and the last two letters of ids."""
    rows = [model.index(at).data(ROW) for at in range(model.rowCount())]
    return [row.severity if isinstance(row, Group) else row.id[-2:] for row in rows]


def test_the_worst_group_comes_first_and_in_it_what_nobody_cares_for(model: AlertsModel) -> None:
    model.show_rows(
        [
            alert(1, sev="medium"),
            alert(2, sev="high", state="acked", acked_by="Anna"),
            alert(3, sev="critical"),
            alert(4, sev="high"),
        ]
    )

    assert shown(model) == ["critical", "03", "high", "04", "02", "medium", "01"]
    assert [one.id[-2:] for one in model.open_alerts()] == ["03", "04", "01"]


def test_a_folded_group_keeps_its_head_and_its_count(model: AlertsModel) -> None:
    model.show_rows([alert(1), alert(2), alert(3, sev="medium")])

    model.fold("high", folded=True)

    assert shown(model) == ["high", "medium", "03"]
    head = model.index(0).data(ROW)
    assert (head.count, head.is_folded) == (2, True)


def test_words_are_looked_for_in_all_that_is_said_of_an_alert(model: AlertsModel) -> None:
    model.show_rows([alert(1, "backup"), alert(2, "report", state="acked", acked_by="Anna")])

    model.ask("ANNA high report")

    assert shown(model) == ["high", "02"]
    assert len(model.alerts()) == 2


def test_the_newest_or_the_task_may_come_first(model: AlertsModel) -> None:
    model.show_rows([alert(1, "b"), alert(2, "a", sev="critical"), alert(3, "c")])

    model.set_sort(NEWEST)
    newest = shown(model)
    model.set_sort(BY_TASK)

    assert newest == ["03", "02", "01"]
    assert shown(model) == ["02", "01", "03"]


def test_the_alert_of_a_run_is_the_one_it_raised_else_that_of_its_task(model: AlertsModel) -> None:
    late = alert(1, "backup", sev="medium", kind="start_late", run_id="R1")
    failed = alert(2, "backup", sev="critical", run_id="R2")
    model.show_rows([late, failed, alert(3, "other")])

    assert model.of_run("R1", "backup") == late
    assert model.of_run("R9", "backup") == failed
    assert model.of_task("nothing") is None


def test_what_stands_below_the_name_does_not_say_it_again() -> None:
    assert said_of(alert(1, "backup")) == "Failed"
    assert said_of(alert(1, "backup", title="backup: too-quiet")) == "Too-quiet"
    disk = alert(2, "", title="The disk fills up", msg="82 % used")
    assert said_of(disk) == "82 % used"


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_and_goes_qt_is_told_of_each_change(model: AlertsModel, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - it picks rows
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    known: dict[str, Alert] = {}
    for _ in range(60):
        one = alert(chance.randrange(12), sev=chance.choice(["critical", "high", "medium", "odd"]))
        cause = chance.choice([None, *sorted(known)])
        cause = None if cause == one.id else cause
        one = structs.replace(one, state=chance.choice(["open", "acked"]), cause_id=cause)
        gone = chance.sample(sorted(known), min(len(known), chance.randrange(3)))
        kept = [
            (index, index.data(ROW).id)
            for index in map(QPersistentModelIndex, map(model.index, range(model.rowCount())))
        ]
        model.show_rows([one], gone)
        known = {key: row for key, row in known.items() if key not in gone} | {one.id: one}
        step = chance.randrange(6)
        if step == 0:
            model.set_sort(chance.choice(SORTS))
        elif step == 1:
            model.fold(one.sev, folded=chance.random() < 0.5)
        elif step == 2:
            model.ask(chance.choice(["", "open", "high"]))

        assert {row.id for row in model.alerts()} == set(known)
        for index, row_id in kept:
            assert not index.isValid() or index.data(ROW).id == row_id
    del tester


def test_what_came_of_another_stands_under_it_and_is_not_counted(model: AlertsModel) -> None:
    cause = alert(5, "", sev="critical", kind="database_away")
    model.show_rows([alert(1, cause_id=cause.id), alert(2, sev="medium"), cause])

    assert shown(model) == ["critical", "05", "01", "medium", "02"]
    assert [one.id[-2:] for one in model.open_alerts()] == ["05", "02"]
    assert model.is_under(alert(1, cause_id=cause.id))
    model.show_rows([], [cause.id])
    assert shown(model) == ["high", "01", "medium", "02"]


def test_what_is_muted_is_not_counted_as_waiting_for_somebody(model: AlertsModel) -> None:
    model.show_rows([alert(1, muted_until_ms=2**41), alert(2)])

    assert [one.id[-2:] for one in model.open_alerts()] == ["02"]
    assert shown(model) == ["high", "02", "01"]
