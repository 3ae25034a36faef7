"""The overview: the last hour is there from the start, and lists lead on."""

from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.models.alerts import AlertsModel
from desktop.models.checks import ChecksModel
from desktop.models.runs import RunsModel
from desktop.models.tasks import TaskModel
from desktop.states import check_look
from desktop.theme import Theme
from desktop.views.overview.cards import STAT_PX
from desktop.views.overview.page import Overview
from desktop.views.overview.reading import HIGHEST_PX
from shared.protocol.events import Metric
from shared.protocol.rows import Check
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, failing, run, running


class Bench:
    """An overview with its models."""

    def __init__(self, qtbot: QtBot, theme: Theme) -> None:
        self.tasks = TaskModel(lambda: NOW_MS)
        self.checks = ChecksModel()
        self.runs = RunsModel(lambda: NOW_MS)
        self.page = Overview(
            self.tasks, self.checks, self.runs, AlertsModel(), theme, lambda: NOW_MS
        )
        qtbot.addWidget(self.page)
        self.page.resize(1360, 820)
        self.page.show()
        qtbot.waitExposed(self.page)


@pytest.fixture
def bench(qtbot: QtBot, theme: Theme) -> Bench:
    return Bench(qtbot, theme)


def cpu_points(bench: Bench) -> list[tuple[int, float]]:
    curve = bench.page.health.cpu.curve
    assert curve is not None
    return list(curve.points)


def test_the_last_hour_comes_before_the_samples_that_come_by_themselves(bench: Bench) -> None:
    bench.page.show_metric(Metric(now_ms=NOW_MS, cpu=0.5))

    bench.page.show_metrics_history(
        {"cpu": [(NOW_MS - 30 * MINUTE_MS, 0.2), (NOW_MS, 0.9), (NOW_MS + 1, 0.9)]}
    )

    assert cpu_points(bench) == [(NOW_MS - 30 * MINUTE_MS, 0.2), (NOW_MS, 0.5)]
    assert bench.page.health.cpu.note.text() == "last 30 minutes"


def test_what_is_older_than_an_hour_leaves_the_curve(bench: Bench) -> None:
    bench.page.show_metrics_history({"cpu": [(NOW_MS - 59 * MINUTE_MS, 0.2), (NOW_MS, 0.3)]})

    bench.page.show_metric(Metric(now_ms=NOW_MS + 5 * MINUTE_MS, cpu=0.4))

    assert [value for _, value in cpu_points(bench)] == [0.3, 0.4]


def test_a_series_nobody_knows_is_left_out(bench: Bench) -> None:
    bench.page.show_metrics_history({"humidity": [(NOW_MS, 0.3)]})

    assert cpu_points(bench) == []


def test_one_task_is_not_called_tasks(bench: Bench) -> None:
    bench.tasks.show_rows([failing("vend_a")])

    assert bench.page.needs.second.text() == "1 task"


@pytest.mark.parametrize("wide", [790, 1360])
def test_no_card_of_the_server_cuts_its_title(bench: Bench, qtbot: QtBot, wide: int) -> None:
    kinds = ("cpu", "memory", "disk", "database")
    bench.checks.show_rows(
        [Check(id=kind, name=kind, kind=kind, state="crit", since_ms=1) for kind in kinds]
    )

    bench.page.resize(wide, 820)

    health = bench.page.health
    titles = [
        card.title
        for card in (health.cpu, health.memory, health.disk, health.database, health.heart)
    ]
    qtbot.waitUntil(lambda: all(each.width() >= each.sizeHint().width() for each in titles))
    assert bench.page.width() == wide
    said = check_look("crit").said
    for card in (health.cpu, health.memory, health.disk, health.database):
        assert card.accessibleName().startswith(f"{card.title.text()} {said}, "), "also unseen"


CARDS = ("cpu", "memory", "disk", "database", "heart")


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_a_card_of_the_server_opens_by_key_as_by_the_left_button(
    bench: Bench, qtbot: QtBot, name: str, key: Qt.Key
) -> None:
    card = getattr(bench.page.health, name)

    with qtbot.waitSignal(bench.page.health.opened):
        QTest.keyClick(card, key)
    with qtbot.waitSignal(bench.page.health.opened):
        QTest.mouseClick(card, Qt.MouseButton.LeftButton)


def test_the_cards_of_the_server_are_equally_high_and_take_the_room_that_is_left(
    bench: Bench,
) -> None:
    cards = [getattr(bench.page.health, name) for name in CARDS]
    bench.page.resize(1360, 640)
    low = {card.height() for card in cards}

    bench.page.resize(1360, 1_100)
    high = {card.height() for card in cards}

    assert len(low) == len(high) == 1
    assert HIGHEST_PX >= high.pop() > low.pop()
    assert bench.page.success.height() == bench.page.failing.height() == STAT_PX


def test_words_on_a_card_are_drawn_in_their_own_ink(bench: Bench) -> None:
    bench.checks.show_rows([Check(id="cpu", name="cpu", kind="cpu", state="crit", since_ms=1)])
    card = bench.page.health.cpu

    for label in (card._word, card.unit, bench.page.active.unit):
        assert label.foregroundRole() == QPalette.ColorRole.WindowText
    drawn = card._word.grab().toImage()
    colours = [drawn.pixelColor(x, drawn.height() // 2) for x in range(drawn.width())]
    assert any(one.red() > one.blue() + 100 for one in colours), "what is critical is not black"


@pytest.mark.parametrize("button", [Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton])
def test_no_other_button_of_the_mouse_opens_a_card(
    bench: Bench, qtbot: QtBot, button: Qt.MouseButton
) -> None:
    with qtbot.assertNotEmitted(bench.page.health.opened):
        QTest.mouseClick(bench.page.health.cpu, button)
    with qtbot.assertNotEmitted(bench.page.success.clicked):
        QTest.mouseClick(bench.page.success, button)


def test_the_keyboard_walks_over_every_card_and_a_ring_says_where_it_is(bench: Bench) -> None:
    page = bench.page
    page.activateWindow()
    assert QTest.qWaitForWindowActive(page)
    cards = [getattr(page.health, name) for name in CARDS]

    cards[0].setFocus(Qt.FocusReason.TabFocusReason)
    before = cards[1].grab().toImage()
    for left, entered in pairwise(cards):
        QTest.keyClick(left, Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is entered
    cards[1].setFocus(Qt.FocusReason.TabFocusReason)

    assert cards[1].grab().toImage() != before


def test_a_recent_run_opens_its_log(bench: Bench, qtbot: QtBot) -> None:
    bench.runs.show_rows([run(1), run(2)])

    with qtbot.waitSignal(bench.page.log_requested) as asked:
        bench.page._recent[0].click()
    with qtbot.waitSignal(bench.page.log_requested):
        QTest.keyClick(bench.page._recent[0], Qt.Key.Key_Return)

    assert asked.args == [run(2).id]


def test_lists_take_no_more_rows_than_leave_room_for_the_charts(bench: Bench) -> None:
    bench.runs.show_rows([run(number) for number in range(40)])
    tall = sum(row.isVisible() for row in bench.page._recent)

    bench.page.resize(1360, 620)
    low = sum(row.isVisible() for row in bench.page._recent)

    # Two lines of ten are those of the card of alerts above.
    assert tall == 8
    assert low == 4


def test_free_slots_are_told_in_the_right_number(bench: Bench) -> None:
    bench.page.show_load(slots=2, queued=0)
    bench.tasks.show_rows([running("pay_b")])

    assert bench.page.now_card.foot.text() == "Nothing waits, 1 slot is free"


def test_the_card_of_alerts_keeps_the_ink_of_the_theme_when_it_moves_to_another_column(
    bench: Bench, theme: Theme, qtbot: QtBot
) -> None:
    theme.choose("dark")
    title = bench.page.alerts_card.title

    for wide in (900, 1360):
        bench.page.resize(wide, 820)
        qtbot.waitUntil(title.isVisible)

        ink = title.palette().color(QPalette.ColorRole.WindowText)
        assert ink == QColor(theme.tokens.text), wide


def test_what_a_row_may_have_to_cut_is_whole_in_its_tip(bench: Bench) -> None:
    name = "flagged_products_generate_ai_insights_of_every_outlet_in_the_whole_country"
    bench.tasks.show_rows([failing(name)])
    bench.runs.show_rows([run(1, name, result="error", exit=3)])

    page = bench.page
    assert page._needy[0].toolTip().splitlines() == [name, "exit 255, 3 in a row"]
    assert page._coming[0].toolTip() == name
    assert page._recent[0].toolTip().splitlines() == [name, "exit 3"]


def test_the_keyboard_goes_as_one_reads_also_over_rows_that_came_later(bench: Bench) -> None:
    bench.tasks.show_rows([failing("vend_a"), running("pay_b")])
    bench.runs.show_rows([run(1, "vend_a")])
    page = bench.page
    page.allow_commands(True)
    page.activateWindow()
    assert QTest.qWaitForWindowActive(page)
    page.success.setFocus()

    walked: list[QWidget] = [page.success]
    while page.health.heart not in walked and len(walked) < 60:
        QTest.keyClick(walked[-1], Qt.Key.Key_Tab)
        entered = QApplication.focusWidget()
        assert entered is not None
        walked.append(entered)

    expected: list[QWidget] = [
        page.failing,
        page._needy[0],
        page._needy[0].log,
        page._needy[0].run,
        page._running[0],
        page.load,
        page._coming[0],
        page._recent[0],
        page.health.cpu,
        page.health.heart,
    ]
    places = [walked.index(one) for one in expected]
    assert places == sorted(places)
