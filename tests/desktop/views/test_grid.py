"""The task grid: it shows rows, and says what the user wants of them."""

from collections import Counter
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.models.filter import TaskFilter, parse
from desktop.models.tasks import STATE, TaskModel
from desktop.tables import ROW
from desktop.taskwords import Column
from desktop.theme import Theme
from desktop.views.grid.cells import Scene, shared_prefix
from desktop.views.grid.view import TaskGrid
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, failing, running, task


class Bench:
    """A grid on a screen, with its models."""

    def __init__(self, qtbot: QtBot, theme: Theme) -> None:
        self.tasks = TaskModel(lambda: NOW_MS)
        self.filter = TaskFilter(ROW, STATE)
        self.filter.setSourceModel(self.tasks)
        self.grid = TaskGrid(self.tasks, self.filter, theme, lambda: NOW_MS)
        qtbot.addWidget(self.grid)
        self.grid.resize(1020, 500)
        self.tasks.show_rows([failing("vend_sync_inventory"), task("pay_a"), running("pay_b")])
        self.grid.show()
        qtbot.waitExposed(self.grid)

    def point(self, task_id: str, column: int = Column.TASK) -> QPoint:
        index = self.filter.mapFromSource(self.tasks.index_of(task_id, column))
        return self.grid.visualRect(index).center()


@pytest.fixture
def bench(qtbot: QtBot, theme: Theme) -> Bench:
    return Bench(qtbot, theme)


def test_every_group_is_open_and_every_task_in_sight(bench: Bench) -> None:
    for task_id in ("vend_sync_inventory", "pay_a", "pay_b"):
        assert bench.grid.viewport().rect().contains(bench.point(task_id))


def test_enter_opens_the_task_the_keyboard_stands_on(bench: Bench, qtbot: QtBot) -> None:
    bench.grid.select_task("pay_a")

    with qtbot.waitSignal(bench.grid.task_opened) as asked:
        QTest.keyClick(bench.grid, Qt.Key.Key_Return)

    assert asked.args == ["pay_a"]


def test_a_click_selects_and_tells(bench: Bench, qtbot: QtBot) -> None:
    bench.grid.select_task("pay_a")

    with qtbot.waitSignal(bench.grid.task_selected) as told:
        QTest.mouseClick(bench.grid.viewport(), Qt.MouseButton.LeftButton, pos=bench.point("pay_b"))

    assert told.args == ["pay_b"]
    assert [row.id for row in bench.grid.chosen_tasks()] == ["pay_b"]


def test_left_and_right_fold_and_unfold_a_group(bench: Bench, qtbot: QtBot) -> None:
    group = bench.filter.index(0, 0)
    bench.grid.setCurrentIndex(group)

    QTest.keyClick(bench.grid, Qt.Key.Key_Left)
    folded = bench.grid.isExpanded(group)
    QTest.keyClick(bench.grid, Qt.Key.Key_Right)

    assert not folded
    assert bench.grid.isExpanded(group)


def test_a_group_that_a_filter_brings_back_is_open_again(bench: Bench) -> None:
    bench.filter.set_query(parse("inventory"))
    bench.filter.set_query(parse(""))

    groups = [bench.filter.index(row, 0) for row in range(bench.filter.rowCount())]
    assert [bench.grid.isExpanded(group) for group in groups] == [True, True]


def test_the_run_button_under_the_pointer_names_the_task_and_paints_nothing(
    bench: Bench, qtbot: QtBot
) -> None:
    boxes = bench.grid._action_rects(bench.filter.mapFromSource(bench.tasks.index_of("pay_a")))

    with qtbot.waitSignal(bench.grid.run_requested) as asked:
        QTest.mouseClick(
            bench.grid.viewport(), Qt.MouseButton.LeftButton, pos=boxes["run"].center()
        )

    assert asked.args == ["pay_a"]
    assert bench.tasks.state("pay_a") == "ok"


def test_no_action_is_asked_while_commands_are_off(bench: Bench, qtbot: QtBot) -> None:
    bench.grid.allow_commands(False, "Off while the agent is silent")
    boxes = bench.grid._action_rects(bench.filter.mapFromSource(bench.tasks.index_of("pay_a")))

    with qtbot.assertNotEmitted(bench.grid.run_requested):
        QTest.mouseClick(
            bench.grid.viewport(), Qt.MouseButton.LeftButton, pos=boxes["run"].center()
        )

    assert bench.grid._action_tip("run") == "Off while the agent is silent"


def test_the_chosen_task_stays_in_sight_when_the_log_takes_its_room(
    bench: Bench, qtbot: QtBot
) -> None:
    bench.tasks.show_rows([task(f"pay_{number:02}") for number in range(30)])
    bench.grid.select_task("pay_20")
    chosen = bench.grid.currentIndex()

    bench.grid.resize(1020, 200)

    room = bench.grid.viewport().rect()
    qtbot.waitUntil(lambda: room.contains(bench.grid.visualRect(chosen).center()))


def test_a_chosen_task_out_of_sight_is_not_sought_by_a_resize(bench: Bench, qtbot: QtBot) -> None:
    bench.tasks.show_rows([task(f"pay_{number:02}") for number in range(30)])
    bench.grid.select_task("pay_29")
    bench.grid.verticalScrollBar().setValue(0)

    bench.grid.resize(1020, 300)
    qtbot.waitUntil(lambda: bench.grid.height() == 300)

    assert bench.grid.verticalScrollBar().value() == 0


def test_alt_down_goes_to_the_next_trouble(bench: Bench) -> None:
    bench.tasks.show_rows([failing("pay_z", "Payroll")])
    bench.grid.select_task("vend_sync_inventory")

    bench.grid.go_to_trouble(1)

    current = bench.grid.current_task()
    assert current is not None
    assert current.id == "pay_z"


def scene(**more: object) -> Scene:
    facts = {
        "now_ms": NOW_MS,
        "times": "task",
        "is_stale": False,
        "is_compact": False,
        "cron_text": False,
        **more,
    }
    return Scene(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "stale", "said"),
    [
        ("retrying", False, "retry in 43 s"),
        ("failing", False, "retry in 43 s"),
        ("retrying", True, "unknown"),
        ("paused", False, "paused"),
        ("running", False, "25 m 00 s"),
    ],
)
def test_a_retry_that_waits_is_counted_down_to(
    bench: Bench, state: str, stale: bool, said: str
) -> None:
    row = task("a", next_ms=NOW_MS + 25 * MINUTE_MS, retry_ms=NOW_MS + 43_000)

    shown = bench.grid._cells._countdown(row, state, scene(is_stale=stale))

    assert shown.replace("\N{NO-BREAK SPACE}", " ") == said


def test_a_row_tells_and_paints_how_far_its_run_says_it_is(bench: Bench) -> None:
    def bar() -> int:
        image = QImage(bench.grid.size(), QImage.Format.Format_RGB32)
        bench.grid.render(image)
        fill = bench.grid._theme.tokens.run.fill.lower()
        cell = bench.grid.visualRect(
            bench.filter.mapFromSource(bench.tasks.index_of("pay_b", Column.DURATION))
        )
        y = cell.center().y() + bench.grid.viewport().y() + 1
        return sum(image.pixelColor(x, y).name() == fill for x in range(image.width()))

    bench.tasks.show_rows([running("pay_b", rev=2, progress=20, progress_note="reading prices")])
    little = bar()
    bench.tasks.show_rows([running("pay_b", rev=3, progress=80, progress_note="reading prices")])

    index = bench.tasks.index_of("pay_b", Column.DURATION)
    tip, sentence = (
        str(index.data(role)).replace("\N{NO-BREAK SPACE}", " ")
        for role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
    )
    assert tip == "80 % reading prices"
    assert "running, 80 % reading prices" in sentence
    assert bar() > 2 * little > 0


@pytest.mark.parametrize(
    ("left_ms", "state", "stale", "said"),
    [
        (25 * MINUTE_MS, "ok", False, "25 m 00 s"),
        (29_000, "ok", False, "29 s"),
        (115 * MINUTE_MS, "ok", False, "1 h 55 m"),
        (-271_000, "late", False, "4 m 31 s late"),
        (25 * MINUTE_MS, "ok", True, "unknown"),
        (25 * MINUTE_MS, "paused", False, "paused"),
    ],
)
def test_the_countdown_says_how_long_until(
    bench: Bench, left_ms: int, state: str, stale: bool, said: str
) -> None:
    row = task("a", next_ms=NOW_MS + left_ms)

    shown = bench.grid._cells._countdown(row, state, scene(is_stale=stale))

    assert shown.replace("\N{NO-BREAK SPACE}", " ") == said


@pytest.mark.parametrize(
    ("name", "category", "prefix"),
    [
        ("vend_sync_inventory", "Vend Sync", "vend_sync_"),
        ("bank_fetch_transactions", "Banking", "bank_"),
        ("smart_cron_master_runner", "Smart Cron Internal", "smart_cron_"),
        ("monitoring", "Monitoring", ""),
        ("backup", "System", ""),
    ],
)
def test_what_the_category_says_already_is_dimmed(name: str, category: str, prefix: str) -> None:
    assert shared_prefix(name, category) == prefix


def colours(grid: TaskGrid) -> set[str]:
    # An image of its own, because a screen of sixteen bits has other colours.
    image = QImage(grid.size(), QImage.Format.Format_RGB32)
    grid.render(image)
    return {
        image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())
    }


def test_the_veil_takes_every_colour_of_trouble_away(bench: Bench, theme: Theme) -> None:
    bad = theme.tokens.bad.fill.lower()
    spark = task("vend_sync_inventory", "Vend Sync", rev=2, fails=3,
                 hours_24h=((0, 2),) * 24, success_rate_24h=0.0)  # fmt: skip
    bench.tasks.show_rows([spark])
    live = colours(bench.grid)

    bench.grid.show_stale("12:04:31")

    assert bad in live
    assert bad not in colours(bench.grid)


def test_a_narrow_grid_gives_up_the_24_h_column_first(bench: Bench, qtbot: QtBot) -> None:
    wide = bench.grid.header().isSectionHidden(Column.HOURS)
    bench.grid.resize(900, 500)
    qtbot.waitUntil(lambda: bench.grid.header().isSectionHidden(Column.HOURS))

    assert not wide
    assert not bench.grid.header().isSectionHidden(Column.NEXT)


class Asked(TaskModel):
    """Counts what is asked of each row, by role."""

    def __init__(self) -> None:
        super().__init__(lambda: NOW_MS)
        self.asked: Counter[int] = Counter()

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        self.asked[int(role)] += 1
        return super().data(index, role)


def test_of_ten_thousand_rows_only_those_in_sight_are_drawn(qtbot: QtBot, theme: Theme) -> None:
    model = Asked()
    proxy = TaskFilter(ROW, STATE)
    proxy.setSourceModel(model)
    grid = TaskGrid(model, proxy, theme, lambda: NOW_MS)
    qtbot.addWidget(grid)
    rows = [task(f"t{number:05}", f"Category {number % 20}") for number in range(10_000)]

    model.show_rows(rows)
    grid.resize(1020, 600)
    grid.show()
    grid.grab()

    to_draw = {role: times for role, times in model.asked.items() if role not in (ROW, STATE)}
    assert 0 < sum(to_draw.values()) < 200
    # Sorting and filtering look at each row once.
    assert max(model.asked[ROW], model.asked[STATE]) < 11_000


def test_a_paused_row_can_be_drawn_under_the_pointer(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.tasks.show_rows([task("pay_a", rev=2, paused=True)])
    QTest.mouseMove(bench.grid.viewport(), bench.point("pay_a"))
    bench.grid._pointer = bench.point("pay_a")

    bench.grid.grab()

    assert "Error" not in capfd.readouterr().err


def test_a_width_made_by_hand_outlives_a_new_size(bench: Bench) -> None:
    bench.grid.header().resizeSection(Column.LAST, 180)

    bench.grid.resize(1100, 480)

    assert bench.grid.header().sectionSize(Column.LAST) == 180
    assert bench.grid.save_columns() == {"last": 180}
