"""The timeline in a window: what it asks and when, what it shows, and how it is steered."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop import lanes, words
from desktop.theme import Theme
from desktop.views.rail import TASKS, TIMELINE
from desktop.views.timeline import page as pages
from desktop.views.timeline.lanes import Bar, bars
from desktop.views.timeline.scene import HEAD_PX, ROW_PX
from desktop.window import MainWindow
from shared.protocol.planning import (
    Coming,
    ScheduleForecast,
    ScheduleForecastReply,
    ScheduleNext,
    ScheduleNextReply,
)
from shared.protocol.requests import Request
from shared.protocol.rows import Row
from shared.protocol.timeline import (
    ClosedFor,
    Gap,
    HourCount,
    Span,
    TimelineHours,
    TimelineHoursReply,
    TimelineRuns,
    TimelineRunsReply,
)
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, run, running, task
from tests.desktop.windows_at_hand import AGENT, LIVE, LOST

HOUR_MS = 60 * MINUTE_MS
TASKS_SHOWN = [
    task("pay_out", "Payroll"),
    task("pay_tax", "Payroll", paused=True, paused_until_ms=NOW_MS + HOUR_MS, next_ms=None),
    task("sync", "Vend", avg_ms=5 * MINUTE_MS),
]


def span(number: int, minutes_ago: float, **more: Any) -> Span:
    begin_ms = NOW_MS - round(minutes_ago * MINUTE_MS)
    facts: dict[str, Any] = {
        "run_id": f"01KAR{number:021d}",
        "task_id": "sync",
        "state": "success",
        "due_ms": begin_ms,
        "start_ms": begin_ms,
        "end_ms": begin_ms + 30_000,
        **more,
    }
    return Span(**facts)


class Outside:
    """An agent that has recorded these runs, told page by page, the newest first."""

    def __init__(self, window: MainWindow, spans: list[Span]) -> None:
        self.spans = sorted(spans, key=lambda one: one.due_ms, reverse=True)
        self.hours: list[HourCount] = []
        self.gaps: tuple[Gap, ...] = ()
        self.closed: tuple[ClosedFor, ...] = ()
        self.obeying: tuple[tuple[str, ...], ...] = ()
        self.coming: list[Coming] = []
        self.asked: list[Request] = []
        self.refuses: dict[type[Request], str] = {}
        self.holds: list[Callable[[], None]] | None = None
        window.question_asked.connect(self._take)

    def of(self, kind: type[Request]) -> list[Any]:
        return [one for one in self.asked if isinstance(one, kind)]

    def _take(self, request: Request, answered: Callable[[Any], None], failed: Any) -> None:
        self.asked.append(request)
        for kind, text in self.refuses.items():
            if isinstance(request, kind):
                failed(text, "")
                return
        reply = self._reply(request)
        if reply is None:
            return
        if self.holds is not None:
            self.holds.append(lambda: answered(reply))
        else:
            answered(reply)

    def _reply(self, request: Request) -> Any:
        match request:
            case TimelineRuns():
                inside = [
                    one for one in self.spans if request.from_ms <= one.due_ms < request.to_ms
                ]
                begin = int(request.cursor or 0)
                shown = inside[begin : begin + request.limit]
                is_more = len(inside) > begin + request.limit
                return TimelineRunsReply(
                    spans=tuple(shown),
                    since_ms=shown[-1].due_ms + 1 if is_more else request.from_ms,
                    next=str(begin + request.limit) if is_more else None,
                )
            case TimelineHours():
                hours = [one for one in self.hours if bool(one.task_id) == request.by_task]
                inside_hours = [
                    one for one in hours if request.from_ms - HOUR_MS < one.at_ms < request.to_ms
                ]
                return TimelineHoursReply(
                    since_ms=request.from_ms - request.from_ms % HOUR_MS,
                    hours=tuple(inside_hours),
                    gaps=self.gaps,
                    closed=self.closed,
                    obeying=self.obeying,
                )
            case ScheduleNext():
                after_ms = request.from_ms or NOW_MS
                coming = [
                    one
                    for one in self.coming
                    if one.at_ms > after_ms and one.task_id in (request.ids or {one.task_id})
                ]
                shown_next = coming[: request.count]
                return ScheduleNextReply(rows=tuple(shown_next), more=len(coming) > len(shown_next))
            case ScheduleForecast():
                return ScheduleForecastReply(
                    from_ms=NOW_MS, until_ms=request.until_ms, starts=(1,) * 1440
                )
            case _:
                return None


@pytest.fixture
def agent_rows() -> Sequence[Row]:
    return (AGENT, *TASKS_SHOWN)


@pytest.fixture
def outside(window: MainWindow) -> Outside:
    made = Outside(
        window,
        [
            span(1, 60),
            span(2, 40, state="error"),
            span(3, 20),
            span(4, 38, task_id="pay_out", state="missed", start_ms=None, reason="agent_down"),
        ],
    )
    window.show_link(LIVE)
    return made


def known(window: MainWindow, task_id: str = "sync") -> list[str]:
    return [one.state for one in window._timeline.course(task_id).spans]


def press(window: MainWindow, *keys: Qt.Key) -> str:
    """Press keys on the lanes, and say what the page says of what is chosen then."""
    for key in keys:
        QTest.keyClick(window.timeline.canvas, key)
    return window.timeline.said.text().replace(words.NO_BREAK, " ")


def lane_top(window: MainWindow, key: str) -> int:
    keys = [lane.key for lane in window.timeline.canvas.scene.lanes]
    return HEAD_PX + keys.index(key) * ROW_PX


def test_nothing_is_asked_before_the_page_is_seen_and_nothing_once_it_is_left(
    window: MainWindow, outside: Outside
) -> None:
    before = outside.of(TimelineRuns) + outside.of(TimelineHours)
    QTest.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    seen = known(window)
    timers = [window.lanes._again.isActive()]

    window.show_screen(TASKS)
    timers.append(window.lanes._again.isActive())

    assert before == []
    assert window.rail.first is window.rail._items[TASKS]
    assert seen == ["success", "error", "success"]
    assert known(window, "pay_out") == ["missed"]
    assert timers == [True, False]


def test_runs_are_asked_page_by_page_and_only_what_is_not_known(
    window: MainWindow, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "PAGE", 7)
    outside.spans = [span(number, 2 * number + 1) for number in range(60)]
    window.show_screen(TIMELINE)
    first, last = window.timeline.view
    asked = len(outside.of(TimelineRuns))

    window.timeline.choose_range("1h")
    window.lanes._ask()
    narrower = len(outside.of(TimelineRuns))
    window.timeline.earlier.click()
    window.timeline.choose_range("6h")

    assert len(known(window)) == 60
    assert asked == 9, "sixty runs, seven a page"
    assert narrower == asked, "all of a part is known with the whole"
    assert all(one.limit == 7 for one in outside.of(TimelineRuns))
    assert window._timeline.missing(first, min(last, NOW_MS)) is None


def test_what_is_told_meanwhile_is_drawn_at_once(window: MainWindow, outside: Outside) -> None:
    window.show_screen(TIMELINE)
    begun = run(1, "sync", state="running", result=None, start_ms=NOW_MS - MINUTE_MS, end_ms=None)

    window.show_rows([begun])
    alive = known(window)
    ended = msgspec.structs.replace(begun, state="ended", result="timeout", end_ms=NOW_MS)
    window.show_rows([ended])

    assert alive[-1] == "running"
    assert known(window)[-1] == "timeout"


def test_a_running_bar_grows_to_the_now_line(window: MainWindow, outside: Outside) -> None:
    window.show_screen(TIMELINE)
    window.show_rows([running("sync", "Vend")])
    window.show_rows(
        [run(1, "sync", state="running", result=None, start_ms=NOW_MS - HOUR_MS, end_ms=None)]
    )
    scene = window.timeline.canvas.scene
    lane = next(one for one in scene.lanes if one.key == "sync")

    def alive() -> Bar:
        return next(bar for bar in scene.drawn_of(lane).bars if bar.state == "running")

    before = alive()
    now_x = scene.axis.x(scene.now())

    # Time goes on where the agent runs.
    window.show_link(replace(LIVE, offset_ms=20 * MINUTE_MS))
    window.timeline._want((scene.view[0], scene.view[1]))
    window.tick()
    after = alive()

    assert before.x + before.wide == pytest.approx(now_x, abs=0.5)
    assert after.x + after.wide == pytest.approx(scene.axis.x(scene.now()), abs=0.5)
    assert after.wide > before.wide + 10


def test_the_keyboard_leads_along_lanes_and_runs_and_says_each(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(TIMELINE)
    canvas = window.timeline.canvas

    said = [
        press(window),
        press(window, Qt.Key.Key_Down),
        press(window, Qt.Key.Key_Left),
        press(window, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down),
        press(window, Qt.Key.Key_Left),
        press(window, Qt.Key.Key_Home),
        press(window, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right),
    ]

    assert said[0] == "Payroll, 2 tasks, unfolded"
    assert said[1] == "pay_out, ok"
    assert said[2].startswith("pay_out, Missed, the agent was down, Due ")
    assert canvas.scene.key == "sync"
    assert said[3].startswith("sync, Error, ")
    assert said[4].startswith("sync, Success, ")
    assert "Took 30.0 s, usually 5 m 00 s" in said[5]
    assert said[6].startswith("sync, Success, ")
    assert canvas.accessibleDescription().replace(words.NO_BREAK, " ") == said[6]


def test_enter_and_a_double_click_open_the_run_or_the_task(
    window: MainWindow, outside: Outside
) -> None:
    opened: list[str] = []
    window.log_requested.connect(opened.append)
    window.show_screen(TIMELINE)
    canvas = window.timeline.canvas
    press(window, Qt.Key.Key_End)
    window.timeline.canvas.choose("sync")

    press(window, Qt.Key.Key_Left, Qt.Key.Key_Return)
    by_key = list(opened)
    failed = next(one for one in outside.spans if one.state == "error")
    place = QPoint(round(canvas.axis.x(failed.due_ms) + 2), lane_top(window, "sync") + 9)
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
    still_here = window.screen_name
    canvas.choose("pay_out")
    press(window, Qt.Key.Key_Return)

    assert by_key == [span(3, 0).run_id]
    assert opened[-1] == failed.run_id
    assert still_here == TIMELINE
    assert (window.screen_name, window.chosen.id) == (TASKS, "pay_out")


def test_what_the_pointer_is_over_is_said(window: MainWindow, outside: Outside) -> None:
    outside.gaps = (Gap(NOW_MS - 50 * MINUTE_MS, NOW_MS - 46 * MINUTE_MS, "outage"),)
    closed_ms = NOW_MS + 30 * MINUTE_MS
    outside.closed = (ClosedFor(closed_ms, closed_ms + 20 * MINUTE_MS, "stocktake", 0),)
    outside.obeying = (("pay_out",),)
    outside.coming = [Coming(task_id="sync", at_ms=NOW_MS + 20 * MINUTE_MS)]
    window.show_screen(TIMELINE)
    scene = window.timeline.canvas.scene
    axis = scene.axis
    pay, sync = lane_top(window, "pay_out") + 9, lane_top(window, "sync") + 9

    def said(at_ms: int, y: float) -> list[str]:
        return [one.replace(words.NO_BREAK, " ") for one in scene.lines_at(axis.x(at_ms), y)]

    assert said(NOW_MS - 40 * MINUTE_MS, sync)[:2] == ["sync", "Error"]
    assert said(NOW_MS - 38 * MINUTE_MS, pay)[1] == "Missed, the agent was down"
    assert said(NOW_MS - 48 * MINUTE_MS, 5)[0] == "the agent was down for 4 m 00 s"
    assert said(closed_ms + 10 * MINUTE_MS, pay)[0] == "stocktake: nothing starts"
    assert said(closed_ms + 10 * MINUTE_MS, sync) == []
    assert said(NOW_MS + 20 * MINUTE_MS, sync)[1] == "Planned"
    assert scene.lines_at(20, pay) == ["pay_out, ok", "Every 30 minutes"]


def test_runs_that_stand_together_are_counted(window: MainWindow, outside: Outside) -> None:
    outside.spans = [span(number, 10 + number / 20) for number in range(40)]
    window.show_screen(TIMELINE)
    scene = window.timeline.canvas.scene
    sync = lane_top(window, "sync") + 9

    lines = scene.lines_at(scene.axis.x(NOW_MS - 11 * MINUTE_MS), sync)

    assert lines[:2] == ["sync", "40 runs, success"]


def test_moments_to_come_that_stand_together_are_counted(
    window: MainWindow, outside: Outside
) -> None:
    outside.coming = [
        Coming(task_id="sync", at_ms=NOW_MS + number * MINUTE_MS) for number in range(1, 31)
    ]
    window.show_screen(TIMELINE)
    window.timeline.choose_range("24h")
    window.lanes._ask()
    scene = window.timeline.canvas.scene
    sync = lane_top(window, "sync") + 9

    lines = scene.lines_at(scene.axis.x(NOW_MS + 10 * MINUTE_MS), sync)

    assert lines[:2] == ["sync", "30 moments, planned"]


def turn(window: MainWindow, steps: int, keys: Qt.KeyboardModifier, x: float) -> None:
    viewport = window.timeline.canvas.viewport()
    at = QPointF(x, 100)
    event = QWheelEvent(
        at,
        viewport.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, event)


def test_the_wheel_zooms_at_the_pointer_and_pans(window: MainWindow, outside: Outside) -> None:
    window.show_screen(TIMELINE)
    page = window.timeline
    x = page.canvas.axis.left + 200.0
    under_ms, before = page.canvas.axis.ms(x), page.view

    turn(window, 2, Qt.KeyboardModifier.ControlModifier, x)
    zoomed = page.view
    turn(window, 1, Qt.KeyboardModifier.ShiftModifier, x)

    assert zoomed[1] - zoomed[0] == pytest.approx(0.64 * (before[1] - before[0]), rel=0.01)
    assert abs(page.canvas.axis.from_ms - page.view[0]) == 0
    share = (under_ms - before[0]) / (before[1] - before[0])
    assert (under_ms - zoomed[0]) / (zoomed[1] - zoomed[0]) == pytest.approx(share, abs=0.01)
    assert page.view[0] < zoomed[0]
    assert page.view[1] - page.view[0] == zoomed[1] - zoomed[0]
    assert not page.follows
    assert not page.now_button.isChecked()


def test_plus_minus_and_n_do_what_the_wheel_does(window: MainWindow, outside: Outside) -> None:
    window.show_screen(TIMELINE)
    page = window.timeline
    begun = page.view

    press(window, Qt.Key.Key_Plus)
    nearer = page.view
    page.later.click()
    page.later.click()
    away = page.follows
    press(window, Qt.Key.Key_N)
    press(window, Qt.Key.Key_Minus)

    assert nearer[1] - nearer[0] == pytest.approx(0.8 * (begun[1] - begun[0]), abs=2)
    assert not away
    assert page.follows
    assert page.view[1] - page.view[0] == pytest.approx(begun[1] - begun[0], abs=4)
    assert page.view[0] < NOW_MS < page.view[1]


def test_a_category_folds_to_one_lane_and_words_leave_lanes_out(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(TIMELINE)
    scene = window.timeline.canvas.scene

    press(window, Qt.Key.Key_Left)
    folded = [lane.name for lane in scene.lanes]
    press(window, Qt.Key.Key_Right)
    QTest.keyClick(window, Qt.Key.Key_Slash)
    QTest.keyClicks(window.timeline.field.edit, "vend")
    found = [lane.name for lane in scene.lanes]
    QTest.keyClicks(window.timeline.field.edit, " nothing")

    assert folded == ["Payroll", "Vend", "sync"]
    assert found == ["Vend", "sync"]
    assert window.timeline.empty.title.text() == "No lane matches"
    assert "all 3" in window.timeline.empty.text.text()


def test_a_week_is_drawn_as_counts_of_hours(window: MainWindow, outside: Outside) -> None:
    hour_ms = NOW_MS - NOW_MS % HOUR_MS - HOUR_MS
    outside.hours = [HourCount("sync", hour_ms, 12, 3), HourCount("", hour_ms, 12, 3)]
    window.show_screen(TIMELINE)
    runs = len(outside.of(TimelineRuns))

    window.timeline.choose_range("7d")
    window.lanes._ask()

    scene = window.timeline.canvas.scene
    lane = next(one for one in scene.lanes if one.key == "sync")
    assert [one.count.runs for one in scene.drawn_of(lane).hours] == [12]
    assert window.timeline.title.text().endswith("runs per hour")
    assert len(outside.of(TimelineRuns)) == runs
    window.timeline.canvas.choose("sync")
    assert "12 runs ended, 3 failed" in press(window, Qt.Key.Key_Left)


def test_too_many_runs_become_counts(
    window: MainWindow, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_RUNS", 100)
    outside.hours = [HourCount("", NOW_MS - NOW_MS % HOUR_MS, 101)]

    window.show_screen(TIMELINE)

    assert window.timeline.shows_counts
    assert outside.of(TimelineRuns) == []
    assert outside.of(TimelineHours)[-1].by_task


def test_silence_makes_it_grey_and_dated_and_the_hole_is_asked_for_afterwards(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(TIMELINE)
    window.show_link(LOST)
    lost = (window.timeline.canvas.scene.is_stale, "as of" in window.timeline.title.text())
    asked = len(outside.of(TimelineRuns))
    window.lanes._look_again()
    silent = len(outside.of(TimelineRuns))
    outside.spans.append(span(9, 5, state="lost"))

    window.show_link(LIVE)

    assert lost == (True, True)
    assert silent == asked
    assert known(window)[-1] == "lost"
    assert not window.timeline.canvas.scene.is_stale


def test_an_older_agent_is_told_of_and_what_comes_by_itself_is_still_drawn(
    window: MainWindow, outside: Outside
) -> None:
    old = "This agent is older than the desktop and cannot do this. Update the agent."
    outside.refuses = {TimelineRuns: old, TimelineHours: old}

    window.show_screen(TIMELINE)
    window.show_rows([run(1, "sync")])

    assert old in window.timeline.hint.text()
    assert window.timeline.hint.isVisible()
    assert known(window) == ["success"]


def test_a_refusal_is_over_once_the_agent_answers(window: MainWindow, outside: Outside) -> None:
    outside.refuses = {TimelineRuns: "The agent is busy. Try again in a moment."}
    window.show_screen(TIMELINE)
    refused = window.timeline.hint.text()

    outside.refuses = {}
    window.lanes._look_again()

    assert "busy" in refused
    assert window.timeline.hint.text() == ""
    assert len(known(window)) == 3


def test_a_frequent_task_does_not_hide_what_is_planned_of_others_and_that_is_told(
    window: MainWindow, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "PAGE", 32)
    each_minute = [
        Coming(task_id="sync", at_ms=NOW_MS + number * MINUTE_MS) for number in range(1, 60)
    ]
    seldom = [Coming(task_id="pay_out", at_ms=NOW_MS + 58 * MINUTE_MS)]
    outside.coming = [*each_minute, *seldom]

    window.show_screen(TIMELINE)

    assert "planned until" in window.timeline.title.text()
    assert window._timeline.planned["pay_out"] == seldom
    assert window._timeline.planned["sync"] == each_minute[:32]


def test_all_that_is_planned_is_asked_page_by_page_up_to_a_bound(
    window: MainWindow, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"task_{number}" for number in range(20)]
    window.show_rows([task(name, "Many") for name in names])
    monkeypatch.setattr(lanes, "PAGE", 50)
    outside.coming = [
        Coming(task_id=name, at_ms=NOW_MS + minute * MINUTE_MS)
        for minute in range(1, 9)
        for name in names
    ]

    window.show_screen(TIMELINE)
    whole = sum(map(len, window._timeline.planned.values()))
    titles = [window.timeline.title.text()]
    monkeypatch.setattr(lanes, "MOST_PLANNED", 60)
    window.lanes._look_again()
    titles.append(window.timeline.title.text())

    assert whole == 160
    assert sum(map(len, window._timeline.planned.values())) <= 100
    assert ["planned until" in said for said in titles] == [False, True]


def test_a_longer_stretch_asked_for_meanwhile_loses_no_page_of_what_is_planned(
    window: MainWindow, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"task_{number}" for number in range(20)]
    window.show_rows([task(name, "Many") for name in names])
    monkeypatch.setattr(lanes, "PAGE", 50)
    outside.coming = [
        Coming(task_id=name, at_ms=NOW_MS + minute * MINUTE_MS)
        for minute in (*range(1, 9), 300)
        for name in names
    ]
    held: list[Callable[[], None]] = []
    outside.holds = held
    window.show_screen(TIMELINE)
    while len(outside.of(ScheduleNext)) < 2:
        held.pop(0)()

    # The second page of the first stretch is on its way.
    window.timeline.choose_range("24h")
    window.lanes._ask()
    while held:
        held.pop(0)()

    assert sum(map(len, window._timeline.planned.values())) == 9 * len(names)


def test_days_in_which_nobody_looks_do_not_fill_the_memory(
    window: MainWindow, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MOST_KEPT", 100)
    # Number 1000 is the one of now, and there is one each minute.
    for number in range(800, 1000):
        window.show_rows([run(number, "sync")])
    kept = window._timeline.count

    window.show_screen(TIMELINE)

    assert kept <= 101
    assert known(window)[-1] == "success"
    assert window._timeline.missing(window.timeline.view[0], NOW_MS) is None


def test_another_agent_leaves_nothing_behind(window: MainWindow, outside: Outside) -> None:
    window.show_screen(TIMELINE)
    outside.holds = []
    window.timeline.choose_range("24h")
    window.lanes._ask()

    window.forget_rows()
    for answer in outside.holds:
        answer()

    assert window._timeline.count == 0
    assert window.timeline.canvas.scene.lanes == []
    assert window.timeline.empty.isVisibleTo(window.timeline)


def test_before_the_agent_is_heard_the_page_says_so(window: MainWindow) -> None:
    window.forget_rows()
    window.show_screen(TIMELINE)

    assert window.timeline.empty.title.text() == "Nothing is known yet"


@pytest.mark.parametrize("choice", ["light", "dark", "contrast"])
def test_every_shape_is_painted_in_every_appearance(
    window: MainWindow, outside: Outside, theme: Theme, choice: str
) -> None:
    states = ("success", "error", "timeout", "killed_memory", "lost", "aborted", "skipped",
              "missed", "queued", "running", "retry_wait", "a word of tomorrow")  # fmt: skip
    outside.spans = [
        span(number, 10 * number + 3, state=state) for number, state in enumerate(states)
    ]
    outside.gaps = (Gap(NOW_MS - 50 * MINUTE_MS, NOW_MS - 46 * MINUTE_MS, "outage"),)
    outside.closed = (ClosedFor(NOW_MS, NOW_MS + 20 * MINUTE_MS, "stocktake", 0),)
    outside.obeying = (("sync",),)
    outside.coming = [
        Coming(task_id="sync", at_ms=NOW_MS + 20 * MINUTE_MS),
        Coming(task_id="sync", at_ms=NOW_MS + 40 * MINUTE_MS, outcome="skipped", reason="paused"),
    ]
    window.show_rows([task("late", "Vend", next_ms=NOW_MS - 10 * MINUTE_MS)])
    window.show_screen(TIMELINE)
    theme.choose(choice)

    image = window.timeline.grab().toImage()

    canvas = window.timeline.canvas
    lane = next(one for one in canvas.scene.lanes if one.key == "sync")
    middle = lane_top(window, "sync") + ROW_PX // 2
    top = canvas.mapTo(window.timeline, QPoint(0, 0)).y()
    scale = image.devicePixelRatio()
    course = canvas.scene.drawn_of(lane).course
    assert len(bars(course, canvas.axis, canvas.scene.now())) == len(states)
    bad = next(bar for bar in canvas.scene.drawn_of(lane).bars if bar.state == "error")
    at = QPoint(round((bad.x + 2) * scale), round((top + middle) * scale))
    assert image.pixelColor(at).name() == theme.tokens.bad.fill.lower()
