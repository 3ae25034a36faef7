"""A task is edited in a window: judged while it is written, compared, saved, and never lost."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.models.taskform import sparse
from desktop.views.confirm import Confirm
from desktop.views.editing.dialog import EditDialog
from desktop.views.editing.form import Choice
from desktop.window import MainWindow
from shared.protocol.defining import (
    BASED_ON,
    Fault,
    TaskCheck,
    TaskCheckReply,
    TaskDefinition,
    TaskDefinitionReply,
    TaskDelete,
    TaskDeleteReply,
    TaskPut,
    TaskPutReply,
    TaskVersion,
    TaskVersions,
    TaskVersionsReply,
)
from shared.protocol.rows import Row
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, task
from tests.desktop.windows_at_hand import AGENT, LIVE, Orders

ADMIN = replace(LIVE, role="admin", capabilities=("edit",))
DIGEST, OTHER = "ab" * 32, "cd" * 32
TABLE: dict[str, Any] = {
    "task_name": "sync",
    "schedule": ["0 2 * * *"],
    "command": "sync.sh",
    "timezone": "Pacific/Auckland",
    "timeout_seconds": 600,
    "environment": {"TOKEN": "secret:vend"},
}
SYNC = TaskDefinitionReply(
    id="sync", def_rev=7, digest=DIGEST, definition=TABLE, changed_by="Anna", changed_ms=NOW_MS
)


class Outside(Orders):
    """Answers what the window asks as an agent would, and remembers what it orders."""

    def __init__(self, window: MainWindow) -> None:
        self.stored: TaskDefinitionReply | None = SYNC
        self.faults: tuple[Fault, ...] = ()
        self.kept: Sequence[TaskVersion | None] = ()
        """Newest first; None stands for one that the agent cannot read."""
        self.asked: list[Any] = []
        super().__init__(window)
        window.question_asked.connect(self._answer)

    def _answer(
        self, request: object, answered: Callable[[Any], None], failed: Callable[[str, str], None]
    ) -> None:
        self.asked.append(request)
        if isinstance(request, TaskDefinition):
            if self.stored is None:
                failed("The agent does not know this any more.", "")
            else:
                answered(self.stored)
        elif isinstance(request, TaskVersions):
            first = request.before
            page = self.kept[first : first + 2]
            answered(
                TaskVersionsReply(
                    versions=tuple(one for one in page if one is not None),
                    unread=tuple(first + n for n, one in enumerate(page) if one is None),
                    next=first + 2 if self.kept[first + 2 :] else 0,
                )
            )
        elif isinstance(request, TaskCheck):
            answered(
                TaskCheckReply(
                    faults=self.faults,
                    schedule_text="Daily 02:00",
                    times_ms=(NOW_MS + MINUTE_MS,),
                    tags=("normal",),
                )
            )

    @property
    def put(self) -> TaskPut:
        order = self.orders[-1][0]
        assert isinstance(order, TaskPut)
        return order


@pytest.fixture
def agent_rows() -> Sequence[Row]:
    return (AGENT, task("sync"), task("other"))


@pytest.fixture
def window(window: MainWindow) -> MainWindow:
    window.show_link(ADMIN)
    window.open_task("sync")
    return window


@pytest.fixture
def outside(window: MainWindow) -> Outside:
    return Outside(window)


def dialog(window: MainWindow) -> EditDialog:
    found = window.editing.dialog
    assert isinstance(found, EditDialog)
    return found


def edit(window: MainWindow) -> EditDialog:
    window.actions_by_name["edit"].trigger()
    return dialog(window)


def write(qtbot: QtBot, editor: EditDialog, name: str, text: str) -> None:
    """Write into a field, and wait until the agent has judged it."""
    field = editor.form.field(name)
    assert not isinstance(field, Choice)
    with qtbot.waitSignal(editor.asked):
        field.setText(text)


def question(editor: EditDialog) -> Confirm:
    (asked,) = editor.findChildren(Confirm)
    return asked


def test_what_is_written_is_judged_compared_and_saved_on_what_was_seen(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    assert "Version 7, changed by Anna" in editor.second.text()
    assert not editor.act.isEnabled()

    write(qtbot, editor, "timeout_seconds", "20m")
    editor.right.why.setText("it hangs")

    assert "- timeout_seconds = 600" in editor.right.saved.copied()
    assert "+ timeout_seconds = 1200" in editor.right.saved.copied()
    assert editor.right.count.text() == "1 setting"
    assert editor.act.text() == "Save version 8"
    editor.act.click()
    put = outside.put
    assert put.definition == {**TABLE, "timeout_seconds": 1200}
    assert (put.id, put.based_on, put.digest, put.why) == ("sync", 7, DIGEST, "it hangs")
    (back,) = outside.take(TaskPutReply(id="sync", def_rev=8, before=DIGEST, after=OTHER))
    assert window.editing.dialog is None
    assert (back.definition, back.based_on, back.digest) == (TABLE, 8, OTHER)


def test_every_fault_is_told_at_its_field_and_nothing_can_be_saved(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    outside.faults = (
        Fault(field="nice", msg="must be from -20 to 19", value="99"),
        Fault(field="exit_statuses.3", msg="must be 'success'", value="'odd'"),
        Fault(field="colour", msg="this key is not known"),
    )

    write(qtbot, editor, "nice", "99")

    assert editor.form.problems["nice"].text() == "99: must be from -20 to 19"
    assert "must be 'success'" in editor.form.problems["exit_statuses"].text()
    assert "colour" in editor.text_problem.text()
    assert not editor.act.isEnabled()
    outside.faults = ()
    write(qtbot, editor, "nice", "9")
    assert editor.form.problems["nice"].isHidden()
    assert editor.act.isEnabled()


def test_the_moments_are_those_that_the_agent_has_computed(
    window: MainWindow, outside: Outside
) -> None:
    editor = edit(window)

    assert [line.key for line in editor.right.moments.lines()] == [NOW_MS + MINUTE_MS]
    assert editor.form.said.text() == "Daily 02:00"
    assert "Pacific/Auckland" in editor.right.zone.text()


def test_text_and_form_are_the_same_task(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    write(qtbot, editor, "timeout_seconds", "20m")

    editor.choose("text")
    assert "timeout_seconds = 1200" in editor.text.text()
    assert 'environment.TOKEN = "secret:vend"' in editor.text.text()
    with qtbot.waitSignal(editor.asked):
        editor.text.setText(editor.text.text().replace("1200", "90") + "nice = 5\n")
    editor.choose("limits")

    timeout, nice = editor.form.field("timeout_seconds"), editor.form.field("nice")
    assert not isinstance(timeout, Choice)
    assert not isinstance(nice, Choice)
    assert (timeout.text(), nice.text()) == ("90s", "5")
    assert editor.table == sparse({**TABLE, "timeout_seconds": 90, "nice": 5})


def test_text_that_cannot_be_read_keeps_its_place(window: MainWindow, outside: Outside) -> None:
    editor = edit(window)
    editor.choose("text")

    editor.text.setText("task_name = ")
    editor.choose("general")

    assert editor.sections.key == "text"
    assert "not TOML" in editor.text_problem.text()
    assert not editor.act.isEnabled()
    editor.text.setText('task_name = "another"\nschedule = []\ncommand = "x"\n')
    assert "keeps its name" in editor.text_problem.text()


def test_who_was_quicker_is_shown_and_mine_goes_on_top(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    write(qtbot, editor, "timeout_seconds", "20m")
    editor.act.click()
    outside.stored = msgspec.structs.replace(
        SYNC, def_rev=8, digest=OTHER, changed_by="Ben", definition={**TABLE, "nice": 3}
    )

    outside.refuse("Not now: sync was changed by Ben meanwhile", BASED_ON)

    assert "Ben changed this task meanwhile; it is version 8 now" in editor.message.text()
    assert "+ nice = 3" in editor.right.theirs.copied()
    assert "+ timeout_seconds = 1200" in editor.right.saved.copied()
    assert not editor.act.isEnabled()
    with qtbot.waitSignal(editor.asked):
        editor.mine.click()
    assert "nice" not in "".join(
        line for line in editor.right.saved.copied().splitlines() if line[0] in "+-"
    )
    editor.act.click()
    assert outside.put.definition == sparse({**TABLE, "nice": 3, "timeout_seconds": 1200})
    assert (outside.put.based_on, outside.put.digest) == (8, OTHER)


def test_one_can_begin_anew_from_what_the_other_made(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    write(qtbot, editor, "timeout_seconds", "20m")
    outside.stored = msgspec.structs.replace(
        SYNC, def_rev=8, digest=OTHER, definition={**TABLE, "nice": 3}
    )

    # The row that comes tells it, before anybody has tried to save.
    window.show_rows([msgspec.structs.replace(task("sync"), def_rev=8)])
    with qtbot.waitSignal(editor.asked):
        editor.theirs.click()

    assert editor.table == sparse({**TABLE, "nice": 3})
    assert not editor.is_changed
    assert editor.right.theirs.isHidden()


def test_where_nothing_is_written_what_the_other_made_is_shown_at_once(
    window: MainWindow, outside: Outside
) -> None:
    editor = edit(window)
    outside.stored = msgspec.structs.replace(
        SYNC, def_rev=8, digest=OTHER, changed_by="Ben", definition={**TABLE, "nice": 3}
    )

    window.show_rows([msgspec.structs.replace(task("sync"), def_rev=8)])

    assert editor.table == sparse({**TABLE, "nice": 3})
    assert not editor.is_changed
    assert (
        editor.message.text() == "Ben changed this task meanwhile; this is version 8, as it is now."
    )
    assert editor.theirs.isHidden()
    assert editor.mine.isHidden()


def test_what_was_told_is_not_asked_for_with_each_row_and_the_keyboard_stays_in_the_form(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    write(qtbot, editor, "timeout_seconds", "20m")
    outside.stored = msgspec.structs.replace(
        SYNC, def_rev=8, digest=OTHER, definition={**TABLE, "nice": 3}
    )
    theirs = msgspec.structs.replace(task("sync"), def_rev=8)
    window.show_rows([theirs])
    asked = len(outside.asked)

    window.show_rows([msgspec.structs.replace(theirs, state="running")])
    window.show_rows([theirs])
    told = len(outside.asked)
    editor.mine.setFocus()
    editor.mine.click()

    assert told == asked
    assert editor.form.isAncestorOf(editor.focusWidget())


def test_what_was_removed_meanwhile_is_made_anew_only_knowingly(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    write(qtbot, editor, "timeout_seconds", "20m")
    outside.stored = None

    window.show_rows([], [("task", "sync")])

    assert "removed meanwhile" in editor.message.text()
    assert editor.act.text() == "Make the task"
    editor.act.click()
    assert (outside.put.based_on, outside.put.digest) == (0, "")


def test_esc_asks_before_anything_is_lost(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    write(qtbot, editor, "timeout_seconds", "20m")

    QTest.keyClick(editor, Qt.Key.Key_Escape)
    question(editor).keep.click()
    is_open = window.editing.dialog is editor
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    question(editor).act.click()

    assert is_open
    assert window.editing.dialog is None
    assert outside.orders == []


def test_esc_leaves_what_was_not_touched(window: MainWindow, outside: Outside) -> None:
    editor = edit(window)

    QTest.keyClick(editor, Qt.Key.Key_Escape)

    assert window.editing.dialog is None


def test_a_new_task_begins_in_the_agents_zone_and_can_be_taken_back(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.actions_by_name["new"].trigger()
    editor = dialog(window)
    assert "name first" in editor.act.toolTip()

    write(qtbot, editor, "task_name", "night")
    write(qtbot, editor, "command", "true")
    editor.act.click()

    assert outside.put.definition == {
        "task_name": "night",
        "schedule": ["0 2 * * *"],
        "timezone": "Pacific/Auckland",
        "command": "true",
    }
    assert (outside.put.id, outside.put.based_on) == ("night", 0)
    (back,) = outside.take(TaskPutReply(id="night", def_rev=1, after=OTHER))
    assert isinstance(back, TaskDelete)
    assert (back.id, back.based_on, back.digest) == ("night", 1, OTHER)


def test_a_name_that_is_taken_is_told_at_the_name(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.actions_by_name["duplicate"].trigger()
    editor = dialog(window)
    assert editor.table["task_name"] == "sync_copy"
    assert not editor.table["enabled"]
    qtbot.waitUntil(editor.act.isEnabled)

    editor.act.click()
    outside.refuse("Not now: there is a task sync_copy already", BASED_ON)

    assert "already" in editor.form.problems["task_name"].text()
    assert editor.sections.key == "general"


def test_a_task_is_deleted_only_after_a_question_and_comes_back(
    window: MainWindow, outside: Outside
) -> None:
    window.actions_by_name["delete"].trigger()
    (asked,) = window.findChildren(Confirm)
    assert outside.orders == []

    asked.act.click()

    order = outside.orders[-1][0]
    assert isinstance(order, TaskDelete)
    assert (order.id, order.based_on, order.digest) == ("sync", 7, DIGEST)
    (back,) = outside.take(TaskDeleteReply(before=DIGEST))
    assert isinstance(back, TaskPut)
    assert (back.definition, back.based_on) == (TABLE, 0)


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (replace(ADMIN, role="operator"), "Needs the admin role"),
        (replace(ADMIN, capabilities=()), "remote_edit = true"),
        (replace(ADMIN, state="lost"), "silent"),
    ],
)
def test_who_may_not_edit_is_told_why(window: MainWindow, link: Any, why: str) -> None:
    window.show_link(link)

    for name in ("edit", "new", "duplicate", "delete"):
        assert not window.actions_by_name[name].isEnabled()
        assert why in window.actions_by_name[name].toolTip()
    assert not window.toolbar.new.isEnabled()


def test_an_editor_that_is_open_says_when_nothing_can_be_saved(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    write(qtbot, editor, "timeout_seconds", "20m")

    window.show_link(replace(ADMIN, state="lost"))
    when_lost = editor.act.isEnabled()
    window.show_link(ADMIN)

    assert (when_lost, editor.act.isEnabled()) == (False, True)


def test_another_agent_closes_the_editor_without_a_question(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    editor = edit(window)
    write(qtbot, editor, "timeout_seconds", "20m")

    window.forget_rows()

    assert window.editing.dialog is None


def test_the_keyboard_alone_goes_through_the_sections_and_saves(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.grid.setFocus()
    QTest.keyClick(window.grid, Qt.Key.Key_E)
    editor = dialog(window)
    first = editor.form.when.simple.every
    qtbot.waitUntil(lambda: first.isAncestorOf(QApplication.focusWidget() or window))

    # From what is asked of a simple schedule to the ways, to the next of them, and into its field.
    for key in (Qt.Key.Key_Backtab, Qt.Key.Key_Right, Qt.Key.Key_Tab):
        focus = QApplication.focusWidget()
        assert focus is not None
        QTest.keyClick(focus, key)
    with qtbot.waitSignal(editor.asked):
        QTest.keyClick(editor.form.field("schedule"), Qt.Key.Key_Return)
        QTest.keyClicks(editor.form.field("schedule"), "@daily")
    QTest.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    assert outside.put.definition["schedule"] == ["0 2 * * *", "@daily"]


def test_a_sign_that_a_field_would_show_otherwise_is_saved_as_it_was(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    odd = {"command": "echo a\N{NO-BREAK SPACE}b", "environment": {"A": "x\N{LINE SEPARATOR}y"}}
    outside.stored = msgspec.structs.replace(SYNC, definition={**TABLE, **odd})
    editor = edit(window)

    write(qtbot, editor, "nice", "5")
    untouched = editor.table
    write(qtbot, editor, "command", editor.form.texts["command"] + "c")

    assert untouched == sparse({**TABLE, **odd, "nice": 5})
    assert editor.table["command"] == "echo a\N{NO-BREAK SPACE}bc"


def version(rev: int, **fields: object) -> TaskVersion:
    return TaskVersion(
        def_rev=rev,
        changed_ms=NOW_MS - (8 - rev) * MINUTE_MS,
        definition={**TABLE, **fields},
        changed_by="Ben",
        why="less load",
    )


def test_what_the_task_was_before_is_looked_at_written_into_the_form_and_saved(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    outside.stored = msgspec.structs.replace(SYNC, definition={**TABLE, "enabled": False})
    outside.kept = [version(7), version(6, nice=6), version(5, nice=5, enabled=True)]
    editor = edit(window)

    editor.choose("earlier")
    newest = editor.earlier.use.isEnabled()
    editor.earlier.more.click()
    QTest.keyClick(editor.earlier.lines, Qt.Key.Key_End)
    change = editor.earlier.change.copied()
    with qtbot.waitSignal(editor.asked):
        editor.earlier.use.click()

    assert [line.text for line in editor.earlier.lines.lines()] == [
        f"version {rev}, Ben: less load" for rev in (7, 6, 5)
    ]
    assert not newest, "that is what it is now"
    assert editor.earlier.why.text() == "Ben: less load"
    assert "+ nice = 5" in change
    assert "enabled" not in "".join(line for line in change.splitlines() if line[0] in "+-")
    assert editor.form.texts["nice"] == "5"
    assert "+ nice = 5" in editor.right.saved.copied()
    assert editor.focusWidget() is editor.right.why
    editor.act.click()
    assert outside.put.definition == sparse({**TABLE, "enabled": False, "nice": 5})
    assert (outside.put.based_on, outside.put.digest) == (7, DIGEST)


def test_versions_that_cannot_be_read_are_counted_and_older_ones_reached(
    window: MainWindow, outside: Outside
) -> None:
    outside.kept = [None, None, version(5), None, version(3)]
    editor = edit(window)

    editor.choose("earlier")
    seen = []
    for _ in range(3):
        lines = [line.key for line in editor.earlier.lines.lines()]
        is_more = not editor.earlier.more.isHidden()
        seen.append((lines, editor.earlier.unread.text(), is_more))
        editor.earlier.more.click()

    assert seen == [
        ([], "2 versions cannot be read", True),
        ([5], "3 versions cannot be read", True),
        ([5, 3], "3 versions cannot be read", False),
    ]
    outside.kept = [version(3)]
    editor.earlier.show_base(8, {})
    editor.earlier.look()
    assert editor.earlier.unread.isHidden()


def test_a_new_task_has_no_earlier_versions_and_none_kept_is_said(
    window: MainWindow, outside: Outside
) -> None:
    editor = edit(window)
    editor.choose("earlier")
    assert editor.earlier.lines.lines() == []
    assert not editor.earlier.use.isEnabled()
    assert editor.earlier.more.isHidden()
    asked = [one for one in outside.asked if isinstance(one, TaskVersions)]
    assert [one.id for one in asked] == ["sync"]
    editor.reject()

    window.actions_by_name["new"].trigger()
    keys = dialog(window).sections
    for _ in range(20):
        keys.step(1)
        assert keys.key != "earlier"


def test_moments_that_a_change_of_clocks_touches_do_not_fill_the_form(
    window: MainWindow, outside: Outside
) -> None:
    editor = edit(window)

    def told(many: int) -> list[str]:
        times = tuple(NOW_MS + at * MINUTE_MS for at in range(many))
        reply = TaskCheckReply(odd_ms=times, odd_tags=("moved",) * many)
        editor.show_answer("check", reply)
        return editor.form.odd.text().splitlines()

    assert len(told(4)) == 4
    assert len(told(5)) == 4
    assert told(5)[-1] == "and 2 more of its moments"


@pytest.mark.parametrize("high", [552, 768])
def test_in_a_low_window_the_consequences_scroll_and_nothing_is_squeezed(
    window: MainWindow, outside: Outside, high: int
) -> None:
    window.resize(960, high + 48)
    editor = edit(window)
    right = editor.right
    editor.resize(912, high)

    times = tuple(NOW_MS + at * 86_400_000 for at in range(1, 11))
    notes = ("a note that takes more than a line of this side, " * 3,)
    reply = TaskCheckReply(times_ms=times, tags=("normal",) * 10, notes=notes)
    editor.show_answer("check", reply)
    QApplication.processEvents()

    seen = [right.moments, right.notes, right.around, right.saved_title, right.saved]
    places = [one.geometry() for one in seen]
    assert all(one.bottom() < other.top() for one, other in pairwise(places))
    assert right.around.said.geometry().top() > right.around.strip.geometry().bottom()
    assert all(one.width() <= right.width() for one in places)
    assert right.why.isVisible()


def test_what_another_changed_is_in_sight_also_in_a_low_window(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    window.resize(960, 600)
    editor = edit(window)
    write(qtbot, editor, "timeout_seconds", "20m")
    times = tuple(NOW_MS + at * 86_400_000 for at in range(1, 11))
    editor.show_answer("check", TaskCheckReply(times_ms=times, tags=("normal",) * 10))

    newer = msgspec.structs.replace(
        SYNC, def_rev=8, digest=OTHER, changed_by="Ben", definition={**TABLE, "nice": 3}
    )
    editor.show_answer("newest", newer)

    def is_in_sight(compared: QWidget) -> bool:
        return compared.visibleRegion().boundingRect() == compared.rect()

    qtbot.waitUntil(lambda: is_in_sight(editor.right.theirs) and is_in_sight(editor.right.saved))
