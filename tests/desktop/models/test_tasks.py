"""The tree of tasks: what is told to Qt, and in how many words."""

import pytest
from PySide6.QtCore import QModelIndex
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from desktop.models.tasks import GROUP, STATE, TaskModel
from desktop.tables import ROW
from desktop.taskwords import Column
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, failing, running, task


class Clock:
    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model(qapp: QApplication, clock: Clock) -> TaskModel:
    made = TaskModel(clock)
    made.tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        made, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    return made


def names(model: TaskModel) -> list[list[str]]:
    tree = []
    for at in range(model.rowCount()):
        group = model.index(at, 0)
        rows = range(model.rowCount(group))
        tree.append([group.data(), *(model.index(row, 0, group).data(ROW).name for row in rows)])
    return tree


def test_tasks_stand_under_their_categories_the_troubled_first(model: TaskModel) -> None:
    model.show_rows([task("pay_b"), task("bank_a", "Banking"), failing("vend_a"), task("pay_a")])

    assert names(model) == [["Vend Sync", "vend_a"], ["Banking", "bank_a"],
                            ["Payroll", "pay_a", "pay_b"]]  # fmt: skip


def test_a_change_is_told_as_a_change_and_nothing_is_reset(model: TaskModel, qtbot: object) -> None:
    model.show_rows([task("a"), task("b"), task("c")])
    resets: list[object] = []
    model.modelReset.connect(lambda: resets.append(1))

    with qtbot.waitSignal(model.dataChanged):  # type: ignore[attr-defined]
        model.show_rows([running("b", rev=2)])

    assert resets == []
    assert model.state("b") == "running"
    assert model.index_of("b", Column.STATUS).data() == "Running"


def test_the_same_row_again_says_nothing(model: TaskModel, qtbot: object) -> None:
    model.show_rows([task("a")])

    with qtbot.assertNotEmitted(model.dataChanged):  # type: ignore[attr-defined]
        model.show_rows([task("a")])


def test_nothing_jumps_until_the_order_is_asked_for(model: TaskModel) -> None:
    model.show_rows([task("a"), task("b"), task("c")])

    model.show_rows([failing("c", "Payroll", rev=2)])
    before = names(model)
    model.sort_now()

    assert before == [["Payroll", "a", "b", "c"]]
    assert names(model) == [["Payroll", "c", "a", "b"]]


def test_a_run_that_starts_or_ends_does_not_move_its_row(model: TaskModel) -> None:
    model.show_rows([task("a"), task("b")])

    model.show_rows([running("b", rev=2)])
    model.sort_now()

    assert names(model) == [["Payroll", "a", "b"]]


def test_kept_places_follow_their_task_when_the_order_changes(model: TaskModel) -> None:
    from PySide6.QtCore import QPersistentModelIndex

    model.show_rows([task("a"), task("b"), task("x", "Banking")])
    kept = QPersistentModelIndex(model.index_of("b"))

    model.show_rows([failing("b", "Payroll", rev=2)])
    model.sort_now()

    assert kept.data(ROW).name == "b"
    assert kept.row() == 0


def test_gone_tasks_leave_and_an_empty_category_goes_with_them(model: TaskModel) -> None:
    model.show_rows([task("a"), task("b"), task("x", "Banking")])

    model.show_rows([], gone=["x", "a", "never_known"])

    assert names(model) == [["Payroll", "b"]]
    assert model.task("x") is None


def test_a_task_that_changes_its_category_moves_there(model: TaskModel) -> None:
    model.show_rows([task("a"), task("b")])

    model.show_rows([task("a", "Banking", rev=2)])

    assert sorted(names(model)) == [["Banking", "a"], ["Payroll", "b"]]


def test_without_groups_every_task_is_at_the_top(model: TaskModel) -> None:
    model.show_rows([task("b"), task("x", "Banking")])

    model.set_grouped(False)
    model.show_rows([task("c")], gone=["x"])

    assert [model.index(row, 0).data(ROW).name for row in range(model.rowCount())] == ["b", "c"]
    assert model.parent(model.index(0, 0)) == QModelIndex()


def test_time_alone_makes_a_task_late(model: TaskModel, clock: Clock, qtbot: object) -> None:
    model.show_rows([task("a", next_ms=NOW_MS + MINUTE_MS)])
    clock.ms += 2 * MINUTE_MS

    with qtbot.waitSignal(model.counts_changed):  # type: ignore[attr-defined]
        model.tick()

    assert model.index_of("a").data(STATE) == "late"


def test_before_the_agent_was_heard_every_state_is_unknown(model: TaskModel) -> None:
    model.show_rows([failing("a")])

    model.set_heard(False)

    assert model.counts() == {"unknown": 1}


def test_a_group_counts_its_states_the_worst_first(model: TaskModel) -> None:
    model.show_rows([task("a"), task("b"), failing("c", "Payroll")])

    facts = model.index(0, 0).data(GROUP)

    assert facts.total == 3
    assert facts.states == (("failing", 1), ("ok", 2))


def test_a_row_can_be_heard(model: TaskModel) -> None:
    from PySide6.QtCore import Qt

    model.show_rows([failing("vend_sync_inventory")])

    sentence = model.index_of("vend_sync_inventory").data(Qt.ItemDataRole.AccessibleTextRole)

    assert sentence.startswith("vend_sync_inventory, failing, last run ")
    assert "exit 255" in sentence
    assert "next run" in sentence


def test_ten_thousand_rows_come_and_change_in_few_signals(qapp: QApplication) -> None:
    model = TaskModel(lambda: NOW_MS)
    said: list[str] = []
    model.rowsInserted.connect(lambda: said.append("inserted"))
    model.dataChanged.connect(lambda: said.append("changed"))
    model.layoutChanged.connect(lambda: said.append("layout"))
    rows = [task(f"t{number:05}", f"Category {number % 20}") for number in range(10_000)]

    model.show_rows(rows)
    came = len(said)
    model.show_rows([failing(row.id, row.category, rev=2) for row in rows[::3]])

    assert came <= 3
    assert len(said) - came <= 20 * 9
    assert model.counts() == {"ok": 6666, "failing": 3334}
