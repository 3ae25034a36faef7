"""How busy it is around the next moment stands beside it, and never in the way."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QToolTip
from pytestqt.qtbot import QtBot

from desktop.theme import Theme
from desktop.views.editing import around
from desktop.views.editing.dialog import EditDialog
from desktop.window import MainWindow
from shared.protocol.defining import (
    TaskCheck,
    TaskCheckReply,
    TaskDefinition,
    TaskDefinitionReply,
)
from shared.protocol.planning import (
    Coming,
    ScheduleForecast,
    ScheduleForecastReply,
    ScheduleNext,
    ScheduleNextReply,
)
from shared.protocol.rows import Row
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, task
from tests.desktop.windows_at_hand import AGENT, LIVE

HOUR_MS, DAY_MS = 60 * MINUTE_MS, 24 * 60 * MINUTE_MS
DAILY_MS = tuple(NOW_MS - NOW_MS % HOUR_MS + 5 * HOUR_MS + at * DAY_MS for at in range(10))
LATER_MS = tuple(at_ms + HOUR_MS for at_ms in DAILY_MS)
BASE = TaskDefinitionReply(
    id="sync",
    def_rev=7,
    digest="ab" * 32,
    definition={"task_name": "sync", "schedule": ["0 3 * * *"], "command": "sync.sh"},
)
TEN_OTHERS = {DAILY_MS[0]: 11, LATER_MS[0]: 2}


class Opened:
    """An editor, and what it asked."""

    def __init__(self, qtbot: QtBot, theme: Theme, base: TaskDefinitionReply | None) -> None:
        self.editor = EditDialog(theme, base, lambda: NOW_MS, environment="production")
        self.around = self.editor.right.around
        self.asked: list[tuple[str, Any]] = []
        self.editor.asked.connect(lambda *question: self.asked.append(question))
        qtbot.addWidget(self.editor)
        self.editor.show()
        qtbot.waitExposed(self.editor)

    def judged(self, *times_ms: int) -> None:
        """What is written is due at these moments."""
        self.asked.clear()
        self.editor.show_answer("check", TaskCheckReply(times_ms=times_ms))

    def wanted(self, key: str) -> Any:
        (found,) = [request for asked, request in self.asked if asked == key]
        return found

    def answer(self, starts: dict[int, int], *saved_ms: int, running: int = 0) -> None:
        """So busy it is, with the task as it is saved due at these."""
        self.answer_load(starts, running=running)
        if self.editor.base is not None:
            rows = tuple(Coming(task_id="sync", at_ms=at, start_ms=at) for at in saved_ms)
            self.editor.show_answer(around.OWN, ScheduleNextReply(rows=rows))

    def answer_load(self, starts: dict[int, int], *, running: int = 0) -> None:
        request = self.wanted(around.LOAD)
        from_ms = request.from_ms - request.from_ms % MINUTE_MS
        counts = [0] * ((request.until_ms - from_ms) // MINUTE_MS + 1)
        for at_ms, number in starts.items():
            counts[(at_ms - from_ms) // MINUTE_MS] += number
        load = ScheduleForecastReply(
            from_ms=from_ms,
            until_ms=request.until_ms,
            starts=tuple(counts),
            running=tuple(running if number else 0 for number in counts),
            slots=8,
        )
        self.editor.show_answer(around.LOAD, load)


@pytest.fixture
def opened(qtbot: QtBot, theme: Theme) -> Opened:
    return Opened(qtbot, theme, BASE)


def test_it_is_asked_for_once_told_in_a_sentence_and_drawn(opened: Opened) -> None:
    seen = opened.around

    opened.judged(*DAILY_MS)
    load, own = opened.wanted(around.LOAD), opened.wanted(around.OWN)
    hint = seen.said.text()
    opened.answer(TEN_OTHERS, DAILY_MS[0])
    told = seen.said.text()
    opened.judged(*DAILY_MS)

    assert isinstance(load, ScheduleForecast)
    assert isinstance(own, ScheduleNext)
    assert (own.ids, own.from_ms, own.until_ms) == (("sync",), load.from_ms, load.until_ms)
    assert load.from_ms is not None
    assert load.from_ms < DAILY_MS[0] < load.until_ms
    assert hint == "The agent is asked"
    assert "has 11 runs due" in told
    assert "the quietest hour near is" in told
    assert seen.strip.isVisible()
    assert seen.strip.accessibleDescription() == told
    assert not [key for key, _ in opened.asked if key in around.KEYS]  # known already


def test_another_time_that_is_written_moves_the_task_from_bar_to_bar(opened: Opened) -> None:
    opened.judged(*DAILY_MS)
    opened.answer(TEN_OTHERS, DAILY_MS[0])
    before = {one.at_ms: (one.own, one.gone) for one in opened.around.strip.bars if one.total}

    opened.judged(*LATER_MS)
    after = {one.at_ms: (one.own, one.gone) for one in opened.around.strip.bars if one.total}

    first_ms, second_ms = DAILY_MS[0], LATER_MS[0]
    assert before == {first_ms: (1, 0), second_ms: (0, 0)}
    assert after == {first_ms: (0, 1), second_ms: (1, 0)}
    assert "has 3 runs due" in opened.around.said.text()
    assert not [key for key, _ in opened.asked if key in around.KEYS]  # the hours are the same


def test_the_keyboard_reads_each_hour_out(opened: Opened) -> None:
    opened.judged(*DAILY_MS)
    opened.answer(TEN_OTHERS, DAILY_MS[0], running=12)
    strip = opened.around.strip
    name = strip.accessibleName()
    strip.setFocus()
    here = strip.accessibleName()

    QTest.keyClick(strip, Qt.Key.Key_Right)
    right, tip = strip.at_cursor, QToolTip.text()
    QTest.keyClick(strip, Qt.Key.Key_End)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    last = strip.at_cursor
    QTest.keyClick(strip, Qt.Key.Key_Home)
    first = strip.at_cursor
    strip.clearFocus()

    assert name == "How busy it is around then"
    assert here.startswith(f"{name}: ")
    assert "11 runs due, 1 of this task, at times more at once than the 8 slots" in here
    assert "2 runs due" in right
    assert tip == right
    assert "no run due" in first
    assert "no run due" in last
    assert first != last
    assert strip.accessibleName() == name


def test_what_cannot_be_told_is_said_plainly_and_asked_again_when_it_can(opened: Opened) -> None:
    seen = opened.around
    opened.judged(*DAILY_MS)

    opened.editor.show_problem(around.LOAD, "The agent is silent.", "")
    opened.editor.show_problem(around.OWN, "The agent is silent.", "")
    told, had_bars = seen.said.text(), seen.strip.isVisible()
    elsewhere = opened.editor.message.isVisible()
    opened.asked.clear()
    opened.editor.allow(True, "")  # each sign of life tells so
    asked_for_nothing = not opened.asked
    opened.editor.allow(False, "The agent is silent.")
    opened.editor.allow(True, "")
    opened.answer(TEN_OTHERS, DAILY_MS[0])
    opened.judged(*DAILY_MS)

    assert asked_for_nothing
    assert not opened.asked, "it is known now"
    assert told == "Not known: The agent is silent."
    assert not had_bars
    assert not elsewhere
    assert seen.strip.isVisible()
    assert "has 11 runs due" in seen.said.text()


def test_an_answer_to_half_of_the_question_draws_nothing(opened: Opened) -> None:
    opened.judged(*DAILY_MS)
    opened.editor.show_problem(around.OWN, "The agent does not know that.", "")
    opened.answer_load(TEN_OTHERS)

    assert opened.around.said.text() == "Not known: The agent does not know that."
    assert not opened.around.strip.isVisible()


def test_what_is_saved_too_often_to_be_told_apart_is_no_count(opened: Opened) -> None:
    opened.judged(*DAILY_MS)
    opened.editor.show_answer(around.OWN, ScheduleNextReply(more=True))
    opened.answer_load(TEN_OTHERS)
    opened.judged(*DAILY_MS)

    assert "too often to be told apart" in opened.around.said.text()
    assert not opened.asked, "it would be the same again"
    assert not opened.around.strip.isVisible()


def test_what_is_due_at_no_moment_or_at_each_minute_is_not_asked_for(opened: Opened) -> None:
    opened.judged()
    no_moment = (opened.around.isVisible(), list(opened.asked))
    opened.judged(*(NOW_MS + at * MINUTE_MS for at in range(1, 11)))
    each_minute = opened.around.said.text()

    assert no_moment == (False, [])
    assert each_minute == "Its next moments follow so closely that no minute is without one."
    assert not [key for key, _ in opened.asked if key in around.KEYS]


def test_a_new_task_adds_to_what_is_there(qtbot: QtBot, theme: Theme) -> None:
    opened = Opened(qtbot, theme, None)

    opened.judged(*DAILY_MS)
    opened.answer(TEN_OTHERS)

    assert [key for key, _ in opened.asked if key in around.KEYS] == [around.LOAD]
    assert "has 12 runs due" in opened.around.said.text()


# --- in the window -------------------------------------------------------------------------------


@pytest.fixture
def agent_rows() -> Sequence[Row]:
    return (AGENT, task("sync"))


def test_an_answer_that_comes_after_the_editor_is_closed_is_dropped(
    window: MainWindow, qtbot: QtBot
) -> None:
    late: list[Callable[[], None]] = []

    def answer(request: object, answered: Callable[[Any], None], failed: Any) -> None:
        if isinstance(request, TaskDefinition):
            answered(BASE)
        elif isinstance(request, TaskCheck):
            answered(TaskCheckReply(times_ms=DAILY_MS))
        elif isinstance(request, ScheduleForecast):
            late.append(lambda: answered(ScheduleForecastReply(from_ms=0, until_ms=1)))
        elif isinstance(request, ScheduleNext):
            late.append(lambda: failed("The agent is silent.", ""))

    window.question_asked.connect(answer)
    window.show_link(replace(LIVE, role="admin", capabilities=("edit",)))
    window.open_task("sync")
    window.actions_by_name["edit"].trigger()
    first = window.editing.dialog
    assert isinstance(first, EditDialog)
    asked = len(late)

    gone: list[bool] = []
    first.destroyed.connect(lambda: gone.append(True))
    first.done(QDialog.DialogCode.Rejected)
    qtbot.waitUntil(lambda: bool(gone))
    for each in late:
        each()
    window.actions_by_name["edit"].trigger()
    second = window.editing.dialog
    assert isinstance(second, EditDialog)
    for each in late[:asked]:
        each()

    assert asked == 2
    assert second.right.around.said.text() == "The agent is asked"


def test_a_newer_version_of_the_task_is_reckoned_anew(opened: Opened) -> None:
    opened.judged(*DAILY_MS)
    opened.answer(TEN_OTHERS, DAILY_MS[0])

    newer = msgspec.structs.replace(BASE, def_rev=8, digest="cd" * 32)
    opened.editor.show_answer("newest", newer)
    opened.judged(*DAILY_MS)

    assert isinstance(opened.wanted(around.LOAD), ScheduleForecast)
