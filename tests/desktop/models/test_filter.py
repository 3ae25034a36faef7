"""What a filter understands and lets through."""

import pytest
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from desktop.models.filter import Query, TaskFilter, matches, parse
from desktop.models.tasks import STATE, TaskModel
from desktop.tables import ROW
from tests.desktop.rows_at_hand import NOW_MS, failing, task


def test_words_and_conditions_are_told_apart() -> None:
    query = parse('vend state:failing,late cat:"vend sync" prio:1,2 tag:night -sales')

    assert query == Query(
        words=("vend",),
        excluded=("sales",),
        states=frozenset({"failing", "late"}),
        categories=("vend sync",),
        priorities=frozenset({1, 2}),
        tags=("night",),
    )


@pytest.mark.parametrize("text", ["", "  ", '"', "prio:x"])
def test_half_written_text_is_no_error(text: str) -> None:
    assert parse(text).priorities == frozenset()


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("inventory", True),
        ("INVENT sync", True),
        ("inventory sales", False),
        ("-inventory", False),
        ("state:failing", True),
        ("state:ok", False),
        ("cat:vend", True),
        ("cat:payroll", False),
        ("prio:1", False),
        ("prio:3", True),
        ("tag:night", True),
        ("tag:day", False),
    ],
)
def test_every_part_must_hold(text: str, passes: bool) -> None:
    row = failing("vend_sync_inventory", tags=("night",))

    assert matches(parse(text), row, "failing") is passes


@pytest.fixture
def tasks(qapp: QApplication) -> TaskModel:
    model = TaskModel(lambda: NOW_MS)
    model.show_rows([task("pay_a"), task("bank_a", "Banking"), failing("vend_a")])
    return model


@pytest.fixture
def filtered(tasks: TaskModel) -> TaskFilter:
    proxy = TaskFilter(ROW, STATE)
    proxy.setSourceModel(tasks)
    proxy.tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        proxy, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    return proxy


def test_groups_without_a_match_go_too(filtered: TaskFilter) -> None:
    filtered.set_query(parse("bank"))

    assert filtered.shown_tasks() == 1
    assert [filtered.index(row, 0).data() for row in range(filtered.rowCount())] == ["Banking"]


def test_a_task_that_starts_to_fail_comes_into_sight(
    tasks: TaskModel, filtered: TaskFilter
) -> None:
    filtered.set_states(frozenset({"failing"}))

    tasks.show_rows([failing("pay_a", "Payroll", rev=2)])

    assert filtered.shown_tasks() == 2


def test_no_condition_lets_everything_through_again(filtered: TaskFilter) -> None:
    filtered.set_query(parse("nothing_like_it"))
    filtered.set_query(parse(""))

    assert filtered.shown_tasks() == 3
