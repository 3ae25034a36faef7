"""A chart of one series: its limits, its holes, and the value under the cursor."""

from math import isnan

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.theme import Theme
from desktop.views.health.axis import value_range
from desktop.views.health.chart import ReadingChart
from desktop.views.health.course import Course, Points
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS

SPAN = (NOW_MS - 60 * MINUTE_MS, NOW_MS)
CPU = Course(
    name="cpu",
    title="CPU",
    unit="share",
    check_id="cpu",
    group="",
    every_ms=MINUTE_MS,
    warn=0.8,
    crit=0.95,
)
POINTS: Points = tuple(
    (NOW_MS - minute * MINUTE_MS, minute / 100) for minute in (50, 49, 48, 20, 19, 18, 17)
)


@pytest.fixture
def chart(qtbot: QtBot, theme: Theme) -> ReadingChart:
    made = ReadingChart(theme, height=160)
    made.resize(600, 160)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def show(chart: ReadingChart, points: Points | None = POINTS, course: Course = CPU) -> None:
    chart.show_course(
        course, points, span=SPAN, step_ms=MINUTE_MS, times="utc", zone="UTC", stale=False
    )


def lines(chart: ReadingChart) -> list[str]:
    """What the limits say."""
    return [
        line.label.toPlainText().replace("\N{NO-BREAK SPACE}", " ") for line, _ in chart._limits
    ]


def test_limits_are_lines_with_their_words_and_holes_are_holes(chart: ReadingChart) -> None:
    show(chart)

    assert lines(chart) == ["warns 80 %", "critical 95 %"]
    drawn = chart._curve.getData()[1]
    assert [isnan(value) for value in drawn] == [False] * 3 + [True] + [False] * 4
    low, high = chart._plot.getPlotItem().vb.viewRange()[0]
    assert (low, high) == pytest.approx((SPAN[0] / 1000, SPAN[1] / 1000))


def test_a_limit_far_above_all_that_was_measured_does_not_flatten_the_curve(
    chart: ReadingChart,
) -> None:
    size = Course(name="database_size", title="Size", unit="bytes", check_id="", group="",
                  every_ms=1, warn=50e9, crit=200e9)  # fmt: skip

    show(chart, ((NOW_MS, 2e9), (NOW_MS + 1, 3e9)), size)

    assert lines(chart) == []
    assert value_range([2e9, 3e9], size) == (0.0, 3e9)
    assert value_range([2e9, 40e9], size) == (0.0, 50e9)


def test_arrows_lead_from_point_to_point_and_tell_each(chart: ReadingChart, qtbot: QtBot) -> None:
    show(chart)
    told: list[str] = []
    chart.pointed.connect(told.append)
    chart.setFocus()

    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_End):
        QTest.keyClick(chart, key)
    said = chart.accessibleDescription()
    QTest.keyClick(chart, Qt.Key.Key_Escape)

    values = [words.rpartition(": ")[2].replace("\N{NO-BREAK SPACE}", " ") for words in told]
    assert values == ["17.0 %", "18.0 %", "50.0 %", "17.0 %", ""]
    assert said == told[3]
    assert chart.accessibleDescription() == ""


def test_of_a_mean_the_worst_reading_is_told_as_well(chart: ReadingChart) -> None:
    peaks = tuple((at_ms, 2 * value) for at_ms, value in POINTS)
    chart.show_course(
        CPU, POINTS, worst=peaks, span=SPAN, step_ms=MINUTE_MS, times="utc", zone="UTC", stale=False
    )

    chart.point_at(len(POINTS) - 1)

    said = chart.at_cursor.replace("\N{NO-BREAK SPACE}", " ")
    assert said.endswith(": 17.0 %, highest 34.0 %")
    assert max(chart._peaks.getData()[1][:3]) == 1.0


def test_the_pointer_tells_the_nearest_point(chart: ReadingChart) -> None:
    show(chart)

    QTest.mouseMove(chart, QPoint(300, 60))
    QTest.mouseMove(chart, QPoint(chart.width() - 12, 60))

    assert chart.at_cursor.endswith("17.0\N{NO-BREAK SPACE}%")


def test_whoever_hears_it_is_told_the_newest_the_lowest_and_the_highest(
    chart: ReadingChart,
) -> None:
    show(chart)

    said = chart.accessibleName().replace("\N{NO-BREAK SPACE}", " ")
    assert said == "CPU: newest 17.0 %, lowest 17.0 %, highest 50.0 %"


def test_without_points_it_says_whether_they_are_on_their_way(chart: ReadingChart) -> None:
    show(chart, None)
    before = chart.accessibleName()
    show(chart, ())

    assert before == "On its way"
    assert chart.accessibleName() == "Nothing was kept in this time"


@pytest.mark.parametrize("choice", ["dark", "contrast"])
def test_its_colours_follow_the_theme(chart: ReadingChart, theme: Theme, choice: str) -> None:
    show(chart)

    theme.choose(choice)

    t = theme.tokens
    assert chart._plot.backgroundBrush().color().name() == t.surface.lower()
    assert chart._curve.opts["pen"].color().name() == t.series.lower()
    assert chart._limits[0][0].pen.color().name() == t.warn.fill.lower()
