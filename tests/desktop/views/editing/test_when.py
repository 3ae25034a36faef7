"""A schedule is chosen in four ways, and its text alone says what it is."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.models.scheduleways import INTERVAL, ONCE, SIMPLE, TEXT
from desktop.parts.buttons import Segmented
from desktop.theme import Theme
from desktop.views.editing.dialog import EditDialog
from desktop.views.editing.when import When
from shared.protocol.defining import Fault, TaskCheck, TaskCheckReply, TaskDefinitionReply
from tests.desktop.rows_at_hand import NOW_MS

WAYS = (SIMPLE, TEXT, INTERVAL, ONCE)
ODD = "*/15 8-18 * * MON-FRI"

Opened = Callable[..., EditDialog]


@pytest.fixture
def opened(qtbot: QtBot, theme: Theme) -> Opened:
    """An editor of a task with these schedules."""

    def opening(*schedule: str, wide: int = 1160) -> EditDialog:
        table: dict[str, Any] = {
            "task_name": "sync",
            "schedule": list(schedule),
            "command": "sync.sh",
            "timezone": "Pacific/Auckland",
        }
        base = TaskDefinitionReply(id="sync", def_rev=7, digest="ab" * 32, definition=table)
        editor = EditDialog(theme, base, lambda: NOW_MS, environment="production")
        editor.resize(wide, 700)
        qtbot.addWidget(editor)
        editor.show()
        qtbot.waitExposed(editor)
        return editor

    return opening


def press(choices: Segmented, word: str) -> None:
    """Click on the one of that word."""
    next(one for one in choices.findChildren(QAbstractButton) if one.text() == word).click()


def write(qtbot: QtBot, editor: EditDialog, do: Callable[[], object]) -> list[str]:
    """Do that, and see with which schedules the agent is asked then."""
    with qtbot.waitSignal(editor.asked) as asked:
        do()
    request = asked.args[1]
    assert isinstance(request, TaskCheck)
    schedule: list[str] = request.definition["schedule"]
    return schedule


def pane_of(when: When) -> QWidget:
    """The one in sight."""
    (seen,) = [one for one in (when.simple, when.interval, when.once, when.area) if one.isVisible()]
    return seen


@pytest.mark.parametrize(
    ("schedule", "way"),
    [
        (["30 2 * * *"], SIMPLE),
        ([ODD], TEXT),
        (["30 2 * * *", "@daily"], TEXT),
        ([], TEXT),
        (["@every 90s"], INTERVAL),
        (["@at 2026-12-01T06:00"], ONCE),
    ],
)
def test_a_task_opens_in_the_way_that_can_show_its_schedule(
    opened: Opened, schedule: list[str], way: str
) -> None:
    when = opened(*schedule).form.when

    panes = {SIMPLE: when.simple, TEXT: when.area, INTERVAL: when.interval, ONCE: when.once}
    assert when.ways.key == way
    assert pane_of(when) is panes[way]


@pytest.mark.parametrize(
    "schedule",
    [[ODD], ["30 2 * * *", "@daily"], ["@daily"], ["5  7 * * 1-5"], ["@every 090s"], ["x"], []],
)
def test_looking_at_every_way_changes_nothing(opened: Opened, schedule: list[str]) -> None:
    editor = opened(*schedule)
    when = editor.form.when

    for word in ("Simple", "Cron text", "Interval", "Once", "Cron text", "Once", "Simple"):
        press(when.ways, word)

    assert editor.table["schedule"] == schedule
    assert not editor.is_changed


def test_a_way_that_cannot_show_the_text_says_so_and_keeps_it_until_something_is_chosen(
    opened: Opened, qtbot: QtBot
) -> None:
    editor = opened(ODD, "@every 90s")
    when = editor.form.when

    press(when.ways, "Simple")
    said = (when.stays.text(), when.kept.text(), when.stays.isVisible())
    asked = write(qtbot, editor, when.use.click)

    assert said == (
        "What is written stays until you choose something here:",
        f"{ODD}\n@every 90s",
        True,
    )
    assert asked == ["0 6 * * *"]
    assert not when.stays.isVisible()
    assert not when.kept.isVisible()
    assert not when.use.isVisible()
    assert when.told.text() == "Written as 0 6 * * *"
    assert when.simple.every.isAncestorOf(editor.focusWidget())


def test_a_moment_has_nothing_to_use_before_it_is_written(opened: Opened, qtbot: QtBot) -> None:
    editor = opened(ODD)
    when = editor.form.when
    press(when.ways, "Once")
    could_use = when.use.isVisible()

    when.once.date.setText("2026-12-01")
    asked = write(qtbot, editor, lambda: when.once.time.setText("6:00"))

    assert not could_use
    assert asked == ["@at 2026-12-01T06:00"]


def test_each_choice_of_simple_asks_only_for_what_belongs_to_it(
    opened: Opened, qtbot: QtBot
) -> None:
    editor = opened("30 2 * * *")
    simple = editor.form.when.simple

    def seen() -> set[str]:
        controls = (simple.minute, simple.time, simple.on, simple.last, simple.weekdays[0])
        return {one.accessibleName() or one.text() for one in controls if one.isVisible()}

    assert (write(qtbot, editor, lambda: press(simple.every, "Hour")), seen()) == (
        ["30 * * * *"],
        {"Minute of the hour"},
    )
    assert (write(qtbot, editor, lambda: press(simple.every, "Working day")), seen()) == (
        ["30 2 * * MON-FRI"],
        {"Time of day"},
    )
    assert (write(qtbot, editor, lambda: press(simple.every, "Week")), seen()) == (
        ["30 2 * * MON"],
        {"Time of day", "Monday"},
    )
    assert (write(qtbot, editor, lambda: press(simple.every, "Month")), seen()) == (
        ["30 2 1 * *"],
        {"Time of day", "Day of the month", "The last day"},
    )
    assert write(qtbot, editor, simple.last.click) == ["30 2 L * *"]
    assert write(qtbot, editor, lambda: simple.time.setText("7:05")) == ["5 7 L * *"]


def test_weekdays_stay_together_whatever_else_they_could_be_called(
    opened: Opened, qtbot: QtBot
) -> None:
    editor = opened("30 2 * * MON,TUE,WED,THU")
    simple = editor.form.when.simple

    asked = write(qtbot, editor, simple.weekdays[4].click)

    assert asked == ["30 2 * * MON,TUE,WED,THU,FRI"]
    assert simple.every.key == "week"


def test_a_day_that_short_months_lack_is_told(opened: Opened) -> None:
    simple = opened("30 2 31 * *").form.when.simple

    said = simple.note.text()
    simple.on.setText("28")

    assert said == "Months without a day 31 are left out."
    assert not simple.note.isVisible()


@pytest.mark.parametrize(
    ("schedule", "spoil", "said"),
    [
        ("30 2 * * *", lambda when: when.simple.time.setText("2:5"), "Write the time as 06:30"),
        ("5 * * * *", lambda when: when.simple.minute.setText("60"), "from 0 to 59"),
        ("0 2 9 * *", lambda when: when.simple.on.setText("32"), "from 1 to 31"),
        ("0 2 * * MON", lambda when: when.simple.weekdays[0].click(), "at least one day"),
        ("@every 5d", lambda when: when.interval.number.setText("367"), "from 1 to 366"),
        ("@at 2026-12-01T06:00", lambda when: when.once.date.setText("2026-02-30"), "the date as"),
    ],
)
def test_what_is_half_written_is_told_under_the_field_and_cannot_be_saved(
    opened: Opened, schedule: str, spoil: Callable[[When], object], said: str
) -> None:
    editor = opened(schedule)
    when = editor.form.when
    editor.show_answer("check", TaskCheckReply())

    spoil(when)
    problem = editor.form.problems["schedule"]
    told, could_save = (problem.isVisible(), problem.text()), editor.act.isEnabled()
    kept = editor.table["schedule"]
    press(when.ways, "Cron text")

    assert told[0]
    assert said in told[1]
    assert not could_save
    assert kept == [schedule]
    assert when.area.text() == schedule
    assert not editor.is_changed


def test_putting_right_what_was_half_written_asks_the_agent_again(
    opened: Opened, qtbot: QtBot
) -> None:
    editor = opened("30 2 * * *")
    time = editor.form.when.simple.time
    time.setText("02:")

    asked = write(qtbot, editor, lambda: time.setText("02:30"))
    editor.show_answer("check", TaskCheckReply())

    assert asked == ["30 2 * * *"]
    assert not editor.form.problems["schedule"].isVisible()


def test_what_somebody_else_made_of_it_takes_the_place_of_what_is_half_written(
    opened: Opened, qtbot: QtBot
) -> None:
    editor = opened("30 2 * * *")
    time = editor.form.when.simple.time
    time.setText("02:")
    assert editor.base is not None
    nicer = {**editor.base.definition, "nice": 3}

    editor.show_answer(
        "newest",
        msgspec.structs.replace(editor.base, def_rev=8, digest="cd" * 32, definition=nicer),
    )
    asked = write(qtbot, editor, editor.theirs.click)

    assert asked == ["30 2 * * *"]
    assert time.text() == "02:30"
    assert editor.form.unread == {}


def test_what_the_agent_says_of_a_choice_stands_where_it_stands_for_text(
    opened: Opened, qtbot: QtBot
) -> None:
    editor = opened("@every 5m")
    write(qtbot, editor, lambda: editor.form.when.interval.number.setText("9"))

    fault = Fault(field="schedule", msg="is too often here", value="@every 9m")
    editor.show_answer("check", TaskCheckReply(faults=(fault,)))

    assert editor.form.problems["schedule"].text() == "@every 9m: is too often here"


def test_what_was_written_as_text_is_shown_by_the_way_that_is_taken_then(
    opened: Opened, qtbot: QtBot
) -> None:
    editor = opened(ODD)
    when = editor.form.when

    write(qtbot, editor, lambda: when.area.setText("@every 2h"))
    stayed = when.ways.key
    press(when.ways, "Interval")

    assert stayed == TEXT
    assert (when.interval.number.text(), when.interval.unit.key) == ("2", "h")


def test_another_text_for_the_whole_task_is_shown_in_the_way_that_fits_it(opened: Opened) -> None:
    editor = opened("30 2 * * *")
    when = editor.form.when

    editor.choose("text")
    editor.text.setText(editor.text.text().replace("30 2 * * *", ODD))
    editor.choose("schedule")
    odd = when.ways.key
    editor.choose("text")
    editor.text.setText(editor.text.text().replace(ODD, "@at 2026-12-01T06:00"))
    editor.choose("schedule")

    assert (odd, when.ways.key) == (TEXT, ONCE)
    assert when.once.date.text() == "2026-12-01"


def test_the_moment_is_on_the_clocks_of_the_task(opened: Opened) -> None:
    editor = opened("@at 2026-12-01T06:00")
    zone = editor.form.when.once.zone
    before = zone.text()

    field = editor.form.field("timezone")
    field.setText("Asia/Tokyo")  # type: ignore[union-attr]

    assert "Pacific/Auckland" in before
    assert "Asia/Tokyo" in zone.text()


def test_the_keyboard_alone_goes_through_a_way_and_from_one_to_the_next(
    opened: Opened, qtbot: QtBot
) -> None:
    editor = opened("30 2 * * MON")
    when = editor.form.when

    def focus() -> QWidget:
        found = editor.focusWidget()
        assert found is not None
        return found

    def tab(times: int = 1) -> QWidget:
        for _ in range(times):
            QTest.keyClick(focus(), Qt.Key.Key_Tab)
        return focus()

    # Arrows lead from one choice to the next only in the window that is active.
    qtbot.waitUntil(lambda: focus().hasFocus())
    assert focus().text() == "Week"  # type: ignore[attr-defined]
    days = [tab().accessibleName() for _ in when.simple.weekdays]
    QTest.keyClick(focus(), Qt.Key.Key_Space)
    time = tab()
    QTest.keyClick(time, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(time, "19:45")
    assert (days[0], days[-1]) == ("Monday", "Sunday")
    assert when.area.text() == "45 19 * * MON,SUN"
    assert tab() is editor.form.field("timezone")

    when.enter()
    QTest.keyClick(focus(), Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert when.ways.isAncestorOf(focus())
    QTest.keyClick(focus(), Qt.Key.Key_Right)
    QTest.keyClick(focus(), Qt.Key.Key_Right)
    assert when.ways.key == INTERVAL
    assert tab() is when.interval.number
    QTest.keyClick(tab(), Qt.Key.Key_Right)
    assert when.area.text() == "@every 15h"
    assert tab() is editor.form.field("timezone")


@pytest.mark.parametrize("way", ["Simple", "Cron text", "Interval", "Once"])
def test_nothing_is_clipped_in_a_small_window(opened: Opened, way: str) -> None:
    editor = opened(ODD, wide=912)
    when = editor.form.when
    press(when.ways, way)

    for every in ("Hour", "Working day", "Week", "Month"):
        if way == "Simple":
            press(when.simple.every, every)
        editor.layout().activate()  # type: ignore[union-attr]
        assert when.minimumSizeHint().width() <= when.width()


def said_by(editor: EditDialog, text: str) -> None:
    """What the agent calls the schedule that it was asked about last."""
    editor.ask()
    editor.show_answer("check", TaskCheckReply(schedule_text=text))


def test_the_schedule_as_it_is_saved_stands_beside_another_one_until_that_is_put_back(
    opened: Opened,
) -> None:
    editor = opened("30 2 * * *")
    form = editor.form
    said_by(editor, "Daily 02:30")
    at_first = form.was.isVisible()

    form.when.simple.time.setText("7:05")
    said_by(editor, "Daily 07:05")
    told = (form.said.text(), form.was.text(), form.was.isVisible())
    heard = (form.said.accessibleDescription(), form.was.accessibleName())
    form.when.simple.time.setText("2:30")

    assert not at_first
    assert told == ("Daily 07:05", "was: Daily 02:30", True)
    assert heard == ("As it is saved: Daily 02:30",) * 2
    assert form.when.area.accessibleDescription() == ""
    assert not form.was.isVisible()


def test_the_time_zone_as_it_is_saved_is_told_where_that_is_another_one(opened: Opened) -> None:
    editor = opened("30 2 * * *")
    said_by(editor, "Daily 02:30")

    editor.form.field("timezone").setText("Asia/Tokyo")  # type: ignore[union-attr]
    said_by(editor, "Daily 02:30")

    assert editor.form.was.text() == "was: Daily 02:30, in Pacific/Auckland"


def test_what_the_saved_schedule_is_called_is_asked_where_nothing_told_it(
    opened: Opened,
) -> None:
    editor = opened("30 2 * * *")
    asked: list[tuple[str, Any]] = []
    editor.asked.connect(lambda *question: asked.append(question))
    # Written before the agent has said anything of what was saved.
    editor.form.when.simple.time.setText("7:05")
    editor.ask()
    at_first = editor.form.was.text()
    editor.show_problem("saved", "The agent is silent.", "")
    refused = (editor.form.was.text(), editor.message.isVisible())
    editor.ask()

    editor.show_answer("saved", TaskCheckReply(schedule_text="Daily 02:30"))

    assert at_first == refused[0] == "was: 30 2 * * *"
    assert not refused[1]
    wanted = [request.definition["schedule"] for key, request in asked if key == "saved"]
    assert wanted == [["30 2 * * *"]] * 2
    assert editor.form.was.text() == "was: Daily 02:30"


def test_a_new_task_was_nothing_before(qtbot: QtBot, theme: Theme) -> None:
    editor = EditDialog(theme, None, lambda: NOW_MS, environment="production")
    qtbot.addWidget(editor)

    editor.form.when.simple.time.setText("7:05")
    said_by(editor, "Daily 07:05")

    assert editor.form.was.text() == ""
