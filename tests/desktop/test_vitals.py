"""The health page in a window: what it asks and when, what it shows, and what it does not know."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop import words
from desktop.app import Application
from desktop.freshness import Link
from desktop.settings import Profile
from desktop.theme import Theme
from desktop.views.health.course import MOST_DRAWN
from desktop.views.health.page import CHARTS, CHECKS, TEXT
from desktop.views.rail import HEALTH, OVERVIEW, TASKS
from desktop.window import MainWindow
from shared.protocol.health import HealthGet
from shared.protocol.requests import MetricsPage
from shared.protocol.rows import Row
from tests.desktop.agent_at_hand import AgentAtHand
from tests.desktop.conftest import ends_in_time
from tests.desktop.health_at_hand import LINES, NEW, ROWS, Outside, check
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, task
from tests.desktop.windows_at_hand import AGENT, LIVE, LOST

OLD = "This agent is older than the desktop and cannot do this. Update the agent."


@pytest.fixture
def agent_rows() -> Sequence[Row]:
    return (AGENT, task("report"), *ROWS)


@pytest.fixture
def outside(window: MainWindow) -> Outside:
    made = Outside(window)
    window.show_link(LIVE)
    return made


def facts(window: MainWindow) -> dict[str, str]:
    found = window.health.panel.facts.texts()
    return {label: said.replace("\N{NO-BREAK SPACE}", " ") for label, said in found.items()}


def test_nothing_is_asked_before_the_page_is_seen_and_nothing_once_it_is_left(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    before = outside.of(HealthGet) + outside.of(MetricsPage)
    QTest.keyClick(window, Qt.Key.Key_6, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: bool(outside.of(MetricsPage)))
    timers = (window.vitals._details, window.vitals._readings)
    ran = [timer.isActive() for timer in timers]

    window.show_screen(TASKS)

    assert before == []
    assert window.rail.first is window.rail._items[TASKS]
    assert len(outside.of(HealthGet)) == 1
    assert ran == [True, True]
    assert [timer.isActive() for timer in timers] == [False, False]


def test_the_rail_leads_to_the_page_and_the_keyboard_stands_on_the_worst_check(
    window: MainWindow, outside: Outside
) -> None:
    items = window.rail._items
    items[HEALTH].click()

    assert window.screen_name == HEALTH
    assert window.focusWidget() is window.health.table
    chosen = window.health.table.chosen
    assert chosen is not None
    assert (chosen.id, window.health.panel.pill.text) == ("disk:/var/backups", "Critical")


def test_a_card_of_the_overview_leads_to_the_worst_check_of_its_kind(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(HEALTH)
    window.health.tabs.choose(CHARTS)
    window.show_screen(OVERVIEW)

    QTest.mouseClick(window.overview.health.disk, Qt.MouseButton.LeftButton)

    assert (window.screen_name, window.health.tab) == (HEALTH, CHECKS)
    assert window.health.panel.title.text() == "Disk space /var/backups"


def test_a_check_is_told_with_its_reading_limits_since_when_and_its_last_look(
    window: MainWindow, outside: Outside
) -> None:
    window.set_times("utc")
    window.show_screen(HEALTH)
    window.health.table.choose("memory")

    assert window.health.panel.title.text() == "Memory"
    assert window.health.panel.message.text() == "13.3 GB of 16.0 GB in use"
    assert facts(window) == {
        "Reading": "83.0 %",
        "Limits": "Warns from 80 %, critical from 95 %, once it lasts 3 m",
        "Since": "09:36 1 h 30 m",
        "Last look": "11:06:36 each 10 s",
    }


def test_a_late_look_is_told_above_and_beside_the_check(
    window: MainWindow, outside: Outside
) -> None:
    window.set_times("utc")
    window.show_screen(HEALTH)
    window.health.table.choose("check:queue")

    assert facts(window)["Last look"] == "late, 10:57 nobody looks"
    assert "1 looked at too late" in window.health.summary.text()
    window.show_screen(TASKS)


def test_the_worst_checks_come_first_and_of_what_is_fine_own_ones_last(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(HEALTH)

    rows = window.health.table.model()
    names = [rows.index(at, 1).data() for at in range(rows.rowCount())]
    assert names[:3] == ["Disk space /var/backups", "Memory", "Disk trend /var/backups"]
    assert names[3:6] == ["Check queue", "Check tls", "CPU"]
    assert names[-1] == "Check shop"
    assert window.health.summary.text() == (
        "1 critical, 3 to watch, 1 not known, 1 looked at too late"
    )


def test_the_chosen_check_is_drawn_and_another_one_once_the_keyboard_has_come_to_rest(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.show_screen(HEALTH)
    chart = window.health.panel.chart
    qtbot.waitUntil(lambda: len(chart.points) > 100)
    first = outside.of(MetricsPage)

    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        QTest.keyClick(window.health.table, key)
    qtbot.waitUntil(lambda: outside.of(MetricsPage)[-1].series == ("memory",))

    assert [(one.series, one.of) for one in first] == [
        (("disk:/var/backups",), "mean"),
        (("disk:/var/backups",), "highest"),
    ]
    assert len(outside.of(MetricsPage)) == 4
    assert chart.accessibleName().startswith("Memory: newest ")


def test_a_verdict_is_not_drawn_as_if_it_were_a_figure(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(HEALTH)
    window.health.table.choose("clock")

    assert window.health.panel.chart.accessibleName() == "It has no readings to draw"
    assert window.health.series == []
    assert facts(window).keys() == {"Since", "Last look"}


def test_all_charts_are_asked_for_in_few_questions_and_drawn_with_days_until_full(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.show_screen(HEALTH)
    window.health.tabs.choose(CHARTS)
    cards = window.health.gallery.cards
    qtbot.waitUntil(lambda: len(cards["check:queue:oldest"].chart.points) > 100)

    assert {"cpu", "memory", "swap", "disk", "inodes", "database", "database_size"} <= set(cards)
    assert "clock" not in cards
    asked = [one for one in outside.of(MetricsPage) if len(one.series) > 1]
    assert [len(one.series) for one in asked if one.of == "mean"] == [8, 7]
    full = cards["disk:/var/backups"].foot.text()
    assert full == "Full in 4.4 days, warns from 80\N{NO-BREAK SPACE}%, critical from " + (
        "90\N{NO-BREAK SPACE}%"
    )
    assert cards["disk"].foot.text().startswith("Does not fill, ")
    assert cards["check:queue:oldest"].title.text() == "Check queue, oldest"


def test_of_very_many_figures_the_first_are_drawn_and_the_rest_is_counted(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.show_screen(HEALTH)
    window.show_rows([check(f"check:{number:03}") for number in range(100)])
    window.health.tabs.choose(CHARTS)

    assert len(window.health.gallery.cards) == MOST_DRAWN
    assert window.health.gallery._rest.text() == "67 more figures are kept; these are the first 48."
    assert len(window.health.series) == MOST_DRAWN


def test_another_range_is_asked_for_at_once_and_an_answer_about_the_last_one_is_dropped(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.show_screen(HEALTH)
    chart = window.health.panel.chart
    qtbot.waitUntil(lambda: bool(chart.points))
    outside.is_silent = True
    window.health.ranges._keys["7d"].click()
    qtbot.waitUntil(lambda: len(outside.waiting) == 2)
    window.health.choose_range("30d")
    qtbot.waitUntil(lambda: len(outside.waiting) == 4)

    for answer in outside.waiting[:2]:
        answer()
    after_the_old_one = chart.points
    outside.waiting[2]()

    assert after_the_old_one == ()
    reach = chart.points[-1][0] - chart.points[0][0]
    assert reach > 28 * 24 * 60 * MINUTE_MS
    assert outside.of(MetricsPage)[-1].step_ms == 60 * MINUTE_MS


def test_of_a_fresh_agent_the_hour_is_shown_from_its_first_reading_on(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    outside.kept_since_ms = NOW_MS - 12 * MINUTE_MS
    window.show_screen(HEALTH)
    page = window.health

    qtbot.waitUntil(lambda: page.reach.key == "1h" and bool(page.panel.chart.points))

    first_ms = page.panel.chart.points[0][0]
    assert page.panel.chart.span[0] == first_ms
    since = words.clock(first_ms, words.zone_named(AGENT.tz), NOW_MS)
    assert page.panel.head.text().endswith(f"kept since {since}")
    assert page.ranges._keys["1h"].isChecked()


def test_a_range_that_was_asked_for_stays_though_most_of_it_is_empty(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    outside.kept_since_ms = NOW_MS - 12 * MINUTE_MS
    window.show_screen(HEALTH)
    page = window.health
    qtbot.waitUntil(lambda: page.reach.key == "1h" and bool(page.panel.chart.points))

    page.ranges._keys["24h"].click()
    qtbot.waitUntil(lambda: bool(page.panel.chart.points))

    assert page.reach.key == "24h"


def test_the_lines_of_the_command_are_there_to_be_copied(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(HEALTH)
    window.health.tabs.choose(TEXT)
    window.health.lines.copy.click()

    assert window.health.lines.text.toPlainText() == "\n".join(LINES)
    assert QGuiApplication.clipboard().text() == "\n".join(LINES) + "\n"
    assert window.health.ranges.isHidden()


def test_an_older_agent_is_told_of_in_words_and_its_rows_and_readings_are_shown(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    outside.refuses[HealthGet] = OLD
    window.show_screen(HEALTH)
    qtbot.waitUntil(lambda: bool(window.health.panel.chart.points))

    assert OLD in window.health.hint.text()
    assert window.health.hint.isVisible()
    assert window.health.table.model().rowCount() == len(ROWS)
    assert facts(window)["Reading"] == "92.0 %"
    assert "Limits" not in facts(window)
    assert not window.health.lines.copy.isEnabled()
    # It is not asked each time again.
    assert window.vitals._details.interval() == MINUTE_MS


def test_an_agent_that_never_heard_of_these_questions_is_told_of_in_the_same_words(
    qtbot: QtBot, tmp_path: Path, start_agent: Callable[[], AgentAtHand]
) -> None:
    agent = start_agent()
    agent.put(check("cpu", value=0.31))
    application = Application(Profile(tmp_path / "profile"), theme="light")
    qtbot.addWidget(application.window)
    try:
        application.start(link=agent.invite("viewer"))
        page = application.window.health
        qtbot.waitUntil(lambda: page.table.model().rowCount() == 1)

        application.window.show_screen(HEALTH)
        qtbot.waitUntil(lambda: page.hint.text().count(OLD) == 2)

        assert page.panel.title.text() == "CPU"
        assert page.hint.isVisible()
    finally:
        ends_in_time(application.stop)


def test_after_an_update_of_the_agent_the_hint_is_gone(
    window: MainWindow, outside: Outside
) -> None:
    outside.refuses[HealthGet] = OLD
    window.show_screen(HEALTH)
    outside.refuses.clear()

    window.show_link(LOST)
    window.show_link(LIVE)

    assert window.health.hint.isHidden()
    assert "Limits" in facts(window)


def test_a_refusal_of_readings_is_told_and_what_was_drawn_stays(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.show_screen(HEALTH)
    chart = window.health.panel.chart
    qtbot.waitUntil(lambda: bool(chart.points))
    outside.refuses[MetricsPage] = "The agent is busy. Try again in a moment."
    known = chart.points

    window.vitals._ask_readings()

    assert (
        window.health.hint.text()
        == "Readings are missing. The agent is busy. Try again in a moment."
    )
    assert chart.points == known


def test_while_the_agent_is_silent_all_is_grey_dated_and_nothing_is_asked(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.show_screen(HEALTH)
    qtbot.waitUntil(lambda: bool(window.health.panel.chart.points))
    count = len(outside.asked)

    window.show_link(LOST)
    window.vitals._ask_details()
    window.vitals._ask_readings()

    assert window.health.table.is_stale
    assert window.health.summary.text().endswith(", as of 00:06:40")
    assert "late" not in window.health.summary.text()
    assert window.health.panel.chart.points
    assert len(outside.asked) == count


def test_before_anything_was_heard_the_page_says_what_to_do(qtbot: QtBot, theme: Theme) -> None:
    window = MainWindow(theme, lambda: NOW_MS)
    qtbot.addWidget(window)
    window.show()
    window.show_screen(HEALTH)
    alone = window.health.empty.text.text()

    window.show_link(Link(state="connecting", name="auckland-app-01"))
    expecting = window.health.empty.text.text()
    window.show_link(LIVE)

    assert window.health.empty.isVisible()
    assert "Ctrl+O" in alone
    assert "as soon as its agent is heard" in expecting
    assert window.health.empty.title.text() == "No check was done yet"


def test_of_another_agent_nothing_of_the_last_one_is_shown(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.show_screen(HEALTH)
    outside.is_silent = True
    window.vitals.refresh()

    window.forget_rows()
    for answer in outside.waiting:
        answer()

    assert window.health.table.model().rowCount() == 0
    assert window.health.panel.chart.points == ()
    assert window.health.lines.text.toPlainText() == ""


def test_a_check_that_turns_is_another_row_at_once_and_the_choice_stays(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(HEALTH)
    window.health.table.choose("memory")

    window.show_rows([check("memory", "crit", 0.97), check("check:new")], [("check", "swap")])

    assert window.health.panel.pill.text == "Critical"
    chosen = window.health.table.chosen
    assert chosen is not None
    assert chosen.id == "memory"
    shown = [one.id for one in window.health.table._model.checks()]
    assert "swap" not in shown
    assert "check:new" in shown


def test_the_page_works_by_keyboard_from_tab_to_chart(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.show_screen(HEALTH)
    qtbot.waitUntil(lambda: bool(window.health.panel.chart.points))
    stops: list[Any] = []
    for _ in range(6):
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        stops.append(window.focusWidget())
    assert window.health.panel.chart in stops

    window.health.tabs.choose(CHARTS)
    window.rail.first.setFocus()
    window.actions_by_name["pane"].trigger()

    assert window.focusWidget() is window.health.gallery.cards["cpu"].chart
    assert window.health.tab == CHARTS
    window.health.tabs.choose(CHECKS)
    assert NEW.name in [one.name for one in window.health.table._model.checks()]


def test_at_every_size_the_page_fits_in_its_window(window: MainWindow, outside: Outside) -> None:
    window.show_screen(HEALTH)
    for size in ((960, 600), (1440, 900), (1920, 1200)):
        window.resize(*size)
        for tab in (CHECKS, CHARTS, TEXT):
            window.health.tabs.choose(tab)
            QCoreApplication.processEvents()

            assert (window.width(), window.height()) == size
            right = window.health.mapTo(window, window.health.rect().bottomRight())
            assert right.x() < window.width()
            assert right.y() < window.height()
            assert window.health.summary.width() > 200


def test_a_link_that_begins_again_asks_anew_while_the_page_is_seen(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(HEALTH)
    count = len(outside.of(HealthGet))

    window.show_link(replace(LIVE, round_trip_ms=9))
    same = len(outside.of(HealthGet))
    window.show_link(LOST)
    window.show_link(LIVE)

    assert same == count
    assert len(outside.of(HealthGet)) == count + 1
