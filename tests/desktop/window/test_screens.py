"""The window around its screens: filters, sizes, times, notices, what is asked as one is shown."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.freshness import Link
from desktop.theme import Theme
from desktop.views.rail import RUNS
from desktop.views.toasts import Toast
from desktop.window import MainWindow
from shared.protocol.events import Disk, Heartbeat, Metric
from shared.protocol.rows import Check
from tests.desktop.rows_at_hand import NOW_MS
from tests.desktop.windows_at_hand import AGENT, LIVE, LOST


def test_a_counter_filters_the_grid(window: MainWindow, qtbot: QtBot) -> None:
    QTest.mouseClick(window.toolbar.counters["failing"], Qt.MouseButton.LeftButton)

    assert window._filter.shown_tasks() == 1
    assert window.toolbar.counters["failing"].number == 1


def test_a_filter_without_a_match_offers_the_nearest_and_a_way_out(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.toolbar.write("vned")
    said = window.nothing.text.text()
    hidden = not window.grid.isVisible()
    window.nothing.clear.click()

    assert said == "Did you mean vend? 1 task matches."
    assert hidden
    assert window.grid.isVisible()


def test_a_filter_without_a_match_names_all_of_itself_and_is_mended_by_one_press(
    window: MainWindow,
) -> None:
    window.toolbar.write("vned state:failing")
    title = window.nothing.title.text()

    QTest.keyClick(window.nothing.near, Qt.Key.Key_Return)

    assert title == "No task matches vned state:failing"
    assert window.toolbar.field.text() == "vend state:failing"
    assert window.grid.isVisible()


@pytest.mark.parametrize("count", [1, 12, 250])
def test_the_number_at_the_bell_has_room(window: MainWindow, theme: Theme, count: int) -> None:
    window.header.show_alerts(count, "bad")

    said = str(count) if count < 100 else "99+"
    needed = 18 + max(16, QFontMetrics(theme.font(10, 600)).horizontalAdvance(said) + 9)
    assert window.header.bell.width() >= needed


def test_without_a_connection_the_switcher_has_room_for_all_that_it_says(
    window: MainWindow, theme: Theme
) -> None:
    window.show_link(Link())
    switcher = window.header.switcher

    name = QFontMetrics(theme.font(13, 600)).horizontalAdvance("No agent")

    assert switcher.sizeHint().width() >= 8 + name + 24


def test_a_long_name_of_a_connection_is_elided_and_told_whole_in_the_tip(
    window: MainWindow, qtbot: QtBot
) -> None:
    name = "the night shift's server in the cellar of the building in Queen Street, Auckland"
    window.show_link(replace(LIVE, name="auckland"))
    short = window.header.switcher.toolTip()
    window.show_link(replace(LIVE, name=name))
    window.resize(960, 600)

    switcher = window.header.switcher
    assert short == "Connections (Ctrl+O)"
    assert switcher.toolTip() == f"{name}\n{short}"
    assert "…" in switcher.name_text
    qtbot.waitUntil(lambda: switcher.width() >= switcher.sizeHint().width())
    assert window.width() == 960


def test_the_menu_of_settings_marks_what_is_chosen(window: MainWindow) -> None:
    def chosen() -> list[str]:
        return [one.text() for one in window.rail.settings_menu().actions() if one.isChecked()]

    before = chosen()
    window.set_compact(True)

    assert before == ["Light", "Comfortable"]
    assert chosen() == ["Light", "Compact"]


def test_the_zone_of_the_agent_is_told_with_its_row(qtbot: QtBot, theme: Theme) -> None:
    window = MainWindow(theme, lambda: NOW_MS)
    qtbot.addWidget(window)
    window.show_link(LIVE)

    window.show_rows([AGENT])

    assert window.status.zone.text().startswith(AGENT.tz)


def test_toasts_stand_above_each_other(window: MainWindow) -> None:
    window.show_notice("one")
    window.show_notice("two")

    one, two = window.findChildren(Toast)
    assert one.height() >= 40
    assert one.geometry().bottom() < two.geometry().top()
    assert window.toasts.height() >= two.geometry().bottom()


def test_at_most_three_toasts_stand_at_once(window: MainWindow) -> None:
    for number in range(5):
        window.show_notice(f"notice {number}")

    assert window.toasts.texts() == ["notice 2", "notice 3", "notice 4"]


def test_the_overview_tells_figures_trouble_and_health(window: MainWindow, qtbot: QtBot) -> None:
    window.show_screen("overview")
    window.show_metric(Metric(now_ms=NOW_MS - 5000, cpu=0.3, mem_share=0.5))
    window.show_metric(Metric(now_ms=NOW_MS, cpu=0.31, mem_share=0.61, database_ms=2,
                              disk=(Disk(mount="/", used_share=0.46),)))  # fmt: skip
    window.show_heartbeat(Heartbeat(epoch="a" * 16, n=1, now_ms=NOW_MS, up_ms=1, every_ms=2000))
    window.show_rows([Check(id="disk", name="Disk", kind="disk", state="warn", since_ms=1)])
    window.tick()
    page = window.overview

    assert page.failing.figure.text() == "1"
    assert page.active.figure.text() == "3"
    assert page.health.cpu.figure.text() == "31"
    assert page.health.disk.figure.text() == "46"
    assert [entry.task_id for entry in page._needy if entry.isVisible()] == ["vend_a"]
    with qtbot.waitSignal(page.task_opened) as asked:
        page._needy[0].click()
    assert asked.args == ["vend_a"]
    assert window.screen_name == "tasks"


def test_times_follow_the_switch_everywhere(window: MainWindow) -> None:
    index = window._tasks.index_of("pay_a", 6)
    there = index.data()

    window.set_times("utc")

    assert window._tasks.index_of("pay_a", 6).data() != there


def test_the_appearance_can_be_changed_while_it_runs(
    window: MainWindow, theme: Theme, qtbot: QtBot
) -> None:
    light = window.grab().toImage().pixelColor(300, 60).lightness()

    with qtbot.waitSignal(window.theme_chosen):
        window.rail.appearance_chosen.emit("dark")

    assert window.grab().toImage().pixelColor(300, 60).lightness() < light


@pytest.mark.parametrize("size", [(960, 600), (1280, 800), (1440, 900), (1920, 1200)])
@pytest.mark.parametrize("screen", ["overview", "tasks", "runs"])
def test_every_screen_fits_every_size(
    window: MainWindow, qtbot: QtBot, size: tuple[int, int], screen: str
) -> None:
    window.show_screen(screen)
    window.resize(*size)
    qtbot.waitUntil(lambda: window.width() == size[0])

    whole = window.centralWidget()
    assert whole is not None
    qtbot.waitUntil(lambda: whole.minimumSizeHint().width() <= size[0])
    assert window.height() == size[1]
    if screen == "tasks":
        qtbot.waitUntil(lambda: not window.grid.horizontalScrollBar().isVisible())


def test_the_title_names_the_server_and_its_environment(window: MainWindow) -> None:
    assert window.windowTitle().startswith("auckland-app-01 (production)")


def test_the_plotting_library_waits_until_a_curve_is_in_sight(qtbot: QtBot, theme: Theme) -> None:
    from desktop.parts.charts import TimeCurve

    curve = TimeCurve(theme, height=80)
    qtbot.addWidget(curve)
    curve.show_points([(NOW_MS, 1.0), (NOW_MS + 1000, 2.0)])
    before = curve._plot
    curve.show()

    assert before is None
    assert curve._plot is not None


def test_the_last_hour_is_asked_for_once_when_the_overview_is_shown(
    window: MainWindow, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(window.metrics_requested):
        window.show_screen("overview")
    with qtbot.assertNotEmitted(window.metrics_requested):
        window.show_screen("tasks")
        window.show_screen("overview")

    window.show_link(LOST)
    with qtbot.waitSignal(window.metrics_requested):
        window.show_link(LIVE)


def test_escape_takes_one_layer_after_the_other(window: MainWindow) -> None:
    window.toolbar.choose_state("failing")
    window._following.begin("run-1")
    window.grid.setFocus()

    QTest.keyClick(window, Qt.Key.Key_Escape)
    after_one = (window._filter.shown_tasks(), window.log.isVisible())
    QTest.keyClick(window, Qt.Key.Key_Escape)

    assert after_one == (3, True)
    assert not window.log.isVisible()


def test_of_choices_side_by_side_the_keyboard_stops_at_the_chosen_one(window: MainWindow) -> None:
    window.show_screen(RUNS)
    window.header.times.choose("utc")
    window.details.tabs.choose(2)

    for group in (window.rail._group, window.header.times._group, window.details.tabs._group):
        stops = [one for one in group.buttons() if one.focusPolicy() & Qt.FocusPolicy.TabFocus]
        assert stops == [group.checkedButton()]
