"""What a task is to be: written in a form or as text, judged by the agent, compared, saved."""

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop import words
from desktop.models.taskform import section_of, tr
from desktop.parts.areas import TextArea
from desktop.parts.buttons import Button
from desktop.parts.dialogs import problem_words, show_words
from desktop.parts.labels import Ground, Words
from desktop.parts.writing import CHECK, WritingDialog
from desktop.taskfields import SECTIONS
from desktop.theme import Theme
from desktop.views.editing import around
from desktop.views.editing.consequences import Consequences, clock_lines, odd_lines
from desktop.views.editing.earlier import Earlier
from desktop.views.editing.form import Form
from desktop.views.editing.sections import SectionList
from desktop.views.editing.written import TEXT, Written
from shared.protocol.defining import (
    BASED_ON,
    TaskCheck,
    TaskCheckReply,
    TaskDefinition,
    TaskDefinitionReply,
    TaskVersions,
    TaskVersionsReply,
)
from shared.protocol.planning import ScheduleForecastReply, ScheduleNextReply

WIDE_PX: Final = 1160
HIGH_PX: Final = 768
RIGHT_PX: Final = (280, 420)
_EARLIER: Final = "earlier"
_SAVED: Final = "saved"
_NEWEST: Final = "newest"
_PATH: Final = "$.definition."
_PAGES: Final = ("form", TEXT, _EARLIER)
_MARGIN_PX: Final = 48


class EditDialog(WritingDialog):
    """Emits what is to be saved; the agent says whether it can be, here and when it is saved."""

    saved = Signal(dict, int, str, str)
    """The definition, the version and the digest it is based on (0 for a new task), and why."""
    leave_asked = Signal()
    """Somebody wants to leave, and something was changed."""

    def __init__(
        self,
        theme: Theme,
        base: TaskDefinitionReply | None,
        now: words.Clock,
        *,
        environment: str,
        first: Mapping[str, Any] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Without a `base` a new task is made, which begins as `first`."""
        super().__init__(theme, environment=environment, wide=WIDE_PX, parent=parent)
        self._now = now
        self._work = Written(base, first)
        self._wrong: set[str] = set()
        if parent is not None:
            room = parent.size()
            self.resize(
                min(WIDE_PX, room.width() - _MARGIN_PX), min(HIGH_PX, room.height() - _MARGIN_PX)
            )
        self._build()
        self._problems = self.form.problems | {TEXT: self.text_problem}
        self.mine = Button(theme, self.tr("Put mine on theirs"), height=32)
        self.mine.setAutoDefault(False)
        self.mine.clicked.connect(self._put_on_top)
        self.mine.hide()
        self.foot.insertWidget(1, self.mine)
        self.theirs.setText(self.tr("Start anew from theirs"))
        self.act.show()
        self.act.setToolTip(self.tr("Ctrl+Enter; Ctrl+PageDown leads to the next section"))
        self.act.clicked.connect(self.save)
        self.act.setAutoDefault(False)
        self.act.setDefault(False)
        for keys, do in (
            ("Ctrl+Return", self.save),
            ("Ctrl+PgDown", lambda: self.sections.step(1)),
            ("Ctrl+PgUp", lambda: self.sections.step(-1)),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(do)
        self._show_base()
        self._fill()
        self.right.show_waiting()
        self._show_state()
        self.choose("general" if base is None else "schedule")

    # --- how it is built -------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self._theme
        items = [(one.key, tr(one.word), one.icon) for one in SECTIONS]
        items.append((TEXT, self.tr("As text"), "code"))
        if self._work.base is not None:
            items.append((_EARLIER, self.tr("Earlier versions"), "clock-counter-clockwise"))
        self.sections = SectionList(theme, items)
        self.sections.chosen.connect(self._show_section)
        self.form = Form(theme)
        self.form.written.connect(self._form_written)
        self.text = TextArea(theme, name=self.tr("The task as TOML"), grows=False)
        self.text.changed.connect(self._text_written)
        self.text_problem = problem_words(theme)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(2, 2, 14, 2)
        column.setSpacing(6)
        said = self.tr("All of the task as TOML. What has its default is left out.")
        column.addWidget(Words(theme, said, ink="text2", wrap=True))
        column.addWidget(self.text, 1)
        column.addWidget(self.text_problem)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.form)
        self._pages.addWidget(page)
        self.earlier = Earlier(theme, self._now)
        self.earlier.asked.connect(self._ask_earlier)
        self.earlier.chosen.connect(self._write_in)
        self._pages.addWidget(self.earlier)
        self.right = Consequences(theme, self._now)
        self.right.around.asked.connect(self.asked)
        self.right.setMinimumWidth(RIGHT_PX[0])
        self.right.setMaximumWidth(RIGHT_PX[1])
        line = Ground(theme, "line")
        line.setFixedWidth(1)
        across = QHBoxLayout()
        across.setSpacing(14)
        across.addWidget(self.sections)
        across.addWidget(self._pages, 5)
        across.addWidget(line)
        across.addWidget(self.right, 4)
        self.body.addLayout(across, 1)

    # --- what it is told -------------------------------------------------------------------------

    @property
    def base(self) -> TaskDefinitionReply | None:
        """The task as it was when it was opened, or as it was taken over; None for a new one."""
        return self._work.base

    @property
    def newest(self) -> TaskDefinitionReply | None:
        """What was told of it last: another than the base once somebody was quicker."""
        return self._work.newest

    @property
    def table(self) -> dict[str, Any]:
        """The definition as it is written."""
        return dict(self._work.table)

    @property
    def is_changed(self) -> bool:
        """Something is written here that would be lost."""
        return self._work.is_changed

    def show_answer(self, key: str, reply: object) -> None:
        if key == _NEWEST and isinstance(reply, TaskDefinitionReply):
            self._show_newer(reply)
        elif isinstance(reply, TaskVersionsReply):
            self.earlier.show_page(reply)
        elif isinstance(reply, ScheduleForecastReply | ScheduleNextReply):
            self.right.around.show_answer(reply)
        elif key == _SAVED and isinstance(reply, TaskCheckReply):
            self._work.was_called(reply.schedule_text)
            self.form.show_was(self._work.was)
        elif isinstance(reply, TaskCheckReply):
            self._show_check(reply)

    def show_problem(self, key: str, text: str, path: str) -> None:
        """A check, a question after versions, or the order was refused."""
        if key == _EARLIER:
            self.earlier.show_problem(text)
            return
        if key in around.KEYS:
            self.right.around.show_problem(text)
            return
        if key == _SAVED:
            # The text of the schedule stands there instead, and the next check asks again.
            return
        if path == BASED_ON:
            self._is_sent = False
            if self._work.base is None:
                super().show_problem(key, text, f"{_PATH}task_name")
                self.choose("general")
                return
            self.say(text)
            self.look_again()
            self._show_act()
            return
        if key == _NEWEST:
            self._work.is_removed()
            self.say(self.tr("This task was removed meanwhile; saving makes it anew."))
            self._show_base()
            return
        super().show_problem(key, text, path)
        if path and (section := section_of(self._place_of(path))):
            self.choose(section)

    def _show_check(self, reply: TaskCheckReply) -> None:
        self._work.is_called(reply.schedule_text)
        if self._work.unread:
            return
        self._was_checked()
        self._is_good = not reply.faults
        self._wrong = set()
        strangers = []
        for fault in reply.faults:
            place = self._field_of(fault.field)
            if self._work.is_to_come(place):
                continue
            self._wrong.add(place or TEXT)
            said = f"{fault.value}: {fault.msg}" if fault.value else fault.msg
            if place:
                show_words(self._problems[place], said)
            else:
                strangers.append(f"{fault.field}: {said}")
        if self.sections.key == TEXT:
            strangers = [f"{fault.field} = {fault.value}: {fault.msg}" for fault in reply.faults]
        show_words(self.text_problem, "\n".join(strangers))
        zone = self._work.zone
        self.right.show_check(reply, zone)
        task, version, _ = self._work.saved
        self.right.around.show_times(reply.times_ms, zone, task, version)
        self.form.show_said(reply.schedule_text)
        show_words(self.form.odd, "\n".join(odd_lines(reply, zone, self._now())))
        show_words(self.form.clocks, "\n".join(clock_lines(reply, zone, self._now())))
        self._show_state()

    def _show_newer(self, newer: TaskDefinitionReply) -> None:
        """Somebody was quicker; if something is written here, one of two ways is to be chosen."""
        if not self._work.is_news(newer):
            return
        who = newer.changed_by or self.tr("Somebody")
        if not self.is_changed:
            self._take_theirs()
            said = self.tr("{0} changed this task meanwhile; this is version {1}, as it is now.")
            self.say(said.format(who, newer.def_rev))
            return
        said = self.tr("{0} changed this task meanwhile; it is version {1} now. Nothing is saved.")
        self.say(said.format(who, newer.def_rev))
        self.right.show_theirs(newer.changed_by, self._work.start, newer.definition)
        self.theirs.show()
        self.mine.show()
        self._show_act()

    def allow(self, allowed: bool, why_not: str) -> None:
        came_back = allowed and not self._may
        super().allow(allowed, why_not)
        if came_back:
            self.right.around.again()

    # --- what it asks and orders -----------------------------------------------------------------

    def ask(self) -> None:
        """Can it be so, and when would it run?"""
        work = self._work
        if not work.unread and work.table:
            is_saved_unknown = work.is_asked()
            self.asked.emit(CHECK, TaskCheck(definition=work.table))
            if is_saved_unknown:
                self.asked.emit(_SAVED, TaskCheck(definition=work.start))

    def look_again(self) -> None:
        """Somebody may have changed the task: what is it now?"""
        if self.base is not None and not self._is_sent:
            self.asked.emit(_NEWEST, TaskDefinition(id=self.base.id))

    def _ask_earlier(self, before: int) -> None:
        if self.base is not None:
            self.asked.emit(_EARLIER, TaskVersions(id=self.base.id, before=before))

    def save(self) -> None:
        """Have it saved as it is written."""
        if not self.act.isEnabled():
            return
        self._is_on_its_way()
        _, version, digest = self._work.saved
        self.saved.emit(self.table, version, digest, self.right.why.text().strip())

    def reject(self) -> None:
        """Leave it, after a question where something would be lost."""
        if self.is_changed:
            self.leave_asked.emit()
        else:
            super().reject()

    def choose(self, key: str) -> None:
        """Bring that section in sight, and the keyboard to it."""
        self.sections.choose(key)
        if self.sections.key == TEXT:
            self.text.setFocus()
        elif self.sections.key == _EARLIER:
            self.earlier.lines.setFocus()
        else:
            self.form.enter()

    # --- inside ----------------------------------------------------------------------------------

    def _show_section(self, key: str) -> None:
        if key != TEXT and TEXT in self._work.unread:
            # What cannot be read cannot be shown in fields.
            self.sections.choose(TEXT)
            return
        if key == TEXT and self._pages.currentIndex() != _PAGES.index(TEXT):
            if self._work.unread:
                self.sections.choose(section_of(next(iter(self._work.unread))))
                return
            self._show_as_text()
            self._pages.setCurrentIndex(_PAGES.index(TEXT))
            self.ask()
        elif key != TEXT:
            if self._pages.currentIndex() == _PAGES.index(TEXT):
                self._fill()
                self.ask()
            if key == _EARLIER:
                self._pages.setCurrentIndex(_PAGES.index(_EARLIER))
                self.earlier.look()
                return
            self._pages.setCurrentIndex(0)
            self.form.setCurrentIndex([one.key for one in SECTIONS].index(key))

    def _show_as_text(self) -> None:
        self.text.blockSignals(True)
        self.text.setText(self._work.to_text())
        self.text.blockSignals(False)

    def _fill(self) -> None:
        """The form says what the task is."""
        self.form.show_texts(self._work.to_fields(), names_it=self.base is None)

    def _form_written(self) -> None:
        self._work.read_fields(self.form.texts, self.form.unread)
        self._written()

    def _text_written(self) -> None:
        self._work.read_text(self.text.text())
        self._written()

    def _written(self) -> None:
        super()._written()
        for name, said in self._work.unread.items():
            show_words(self._problems[name], said)
        if self._work.unread:
            self._later.stop()
        self._show_state()

    def _show_state(self) -> None:
        """Where something is other or wrong, and what would be saved."""
        work = self._work
        wrong = {section_of(one) or TEXT for one in (*self._wrong, *work.unread)}
        self.sections.mark(work.changed_sections, wrong)
        self.right.show_saved({} if work.base is None else work.start, work.table)
        self.form.show_was(work.was)
        self._show_act()

    def _show_base(self) -> None:
        base = self.base
        name = str(self._work.start.get("task_name") or "")
        title = self.tr("New task") if base is None else self.tr("Edit {0}").format(name)
        self.setWindowTitle(title)
        self.title.setText(title)
        said = self.tr("It runs from the moment it is made.")
        if base is not None:
            counts = self.tr(
                "It counts from now on; nothing that was due before is run or dropped."
            )
            at = words.clock(base.changed_ms, None, self._now())
            by = base.changed_by or self.tr("somebody")
            version = self.tr("Version {0}, changed by {1}, {2}.").format(base.def_rev, by, at)
            said = f"{version} {counts}"
            self.earlier.show_base(base.def_rev, self._work.start)
        show_words(self.second, said)
        self.leave.setText(self.tr("Cancel"))
        self.act.setText(
            self.tr("Make the task")
            if base is None
            else self.tr("Save version {0}").format(base.def_rev + 1)
        )
        self.act.updateGeometry()
        if base is not None and base.fault:
            self.say(base.fault)

    def _begin_from_theirs(self, *, with_mine: bool) -> None:
        if not self._work.begin_from_theirs(with_mine=with_mine):
            return
        self.mine.hide()
        self.theirs.hide()
        self.right.forget_theirs()
        self.say("")
        self._show_base()
        self._fill()
        self._show_as_text()
        self._written()
        self.choose(self.sections.key)

    def _write_in(self, table: Mapping[str, Any]) -> None:
        """As it was before, to be looked at and saved; what is written here gives way to it."""
        self._work.write(table)
        self._fill()
        self._show_as_text()
        self._written()
        self.right.why.setFocus()

    def _show_theirs(self) -> None:
        self._begin_from_theirs(with_mine=False)

    def _put_on_top(self) -> None:
        self._begin_from_theirs(with_mine=True)

    def _field_of(self, name: str) -> str:
        found = name.partition(".")[0]
        return found if found in self.form.problems else ""

    def _place_of(self, path: str) -> str:
        if not path.startswith(_PATH):
            return ""
        return self._field_of(path.removeprefix(_PATH)) or TEXT

    def _reason_in(self, text: str) -> str:
        # The sentence names what was refused behind the first colon.
        return text.partition(": ")[2] or text

    def _what_is_missing(self) -> str:
        return self._work.missing
