"""The fields of a task, section by section, and what is wrong with each under it."""

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop.models.taskform import tr
from desktop.parts.areas import TextArea
from desktop.parts.buttons import Check, Segmented
from desktop.parts.dialogs import problem_words, show_words
from desktop.parts.forms import TextField
from desktop.parts.labels import Words
from desktop.parts.scrolling import scrolled
from desktop.taskfields import CHOICE, COMMAND, FIXED, FLAG, LARGE, ON, SECTIONS, Field, Section
from desktop.theme import Theme
from desktop.views.editing.when import When

_WIDE_FROM_CHARS: Final = 18
_WHOLE_ROW: Final = (
    "task_name",
    "description",
    "working_directory",
    "after",
    "calendars",
    "sandbox",
)


class Choice(Segmented):
    """A few choices by the names of the wire; another name than these leaves it as it is."""

    def __init__(self, theme: Theme, choices: Iterable[tuple[str, str]], *, name: str) -> None:
        self._of = [key for key, _ in choices]
        super().__init__(theme, [(key, tr(word)) for key, word in choices], name=name)


Widget = TextField | TextArea | Choice | Check


class Form(QStackedWidget):
    """One page a section; `written` whenever something stands there that did not."""

    written = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._fields: dict[str, Widget] = {}
        self._before: dict[str, str] = {}
        self._shown: dict[str, str] = {}
        self._is_filling = False
        self.problems: dict[str, Words] = {}
        self.said = Words(theme, weight=600, px=13, wrap=True)
        self.was = Words(theme, ink="text2", wrap=True)
        self.odd = Words(theme, ink="warn.text", weight=500, wrap=True)
        self.clocks = Words(theme, ink="text3", wrap=True)
        for section in SECTIONS:
            self.addWidget(self._page(section))

    # --- what it is told -------------------------------------------------------------------------

    def show_texts(self, texts: dict[str, str], *, names_it: bool) -> None:
        """That stands in the fields; the name is written only where the task is new."""
        self._is_filling = True
        self._before = dict(texts)
        for name, widget in self._fields.items():
            text = texts.get(name, "")
            if isinstance(widget, Check):
                widget.setChecked(text == ON)
            elif isinstance(widget, Choice):
                widget.choose(text)
            elif name == "schedule":
                self.when.show_text(text)
            elif widget.text() != text:
                widget.setText(text)
        self._shown = {
            name: widget.text()
            for name, widget in self._fields.items()
            if not isinstance(widget, Check | Choice)
        }
        self._fields["task_name"].setEnabled(names_it)
        self._is_filling = False

    def show_said(self, said: str) -> None:
        """The schedule as it is written, as a sentence of the agent."""
        show_words(self.said, said)

    def show_was(self, was: str) -> None:
        """The schedule as it is saved, where another one is written; empty: it is the same."""
        show_words(self.was, self.tr("was: {0}").format(was) if was else "")
        told = self.tr("As it is saved: {0}").format(was) if was else ""
        self.was.setAccessibleName(told)
        # Who does not see the line below hears it with what is written now.
        for one in (self.said, self.when.area, self.when.ways):
            one.setAccessibleDescription(told)

    @property
    def texts(self) -> dict[str, str]:
        """What stands in the fields."""
        return {name: self._text(name) for name in self._fields}

    @property
    def unread(self) -> dict[str, str]:
        """What is wrong with a field before it has a text at all."""
        return {"schedule": self.when.unread} if self.when.unread else {}

    def field(self, name: str) -> Widget:
        """The field of this name."""
        return self._fields[name]

    def enter(self) -> None:
        """Bring the keyboard to the first field of the page in sight."""
        for name in (field.name for field in SECTIONS[self.currentIndex()].fields):
            widget = self._fields[name]
            if widget.isEnabled():
                if name == "schedule":
                    self.when.enter()
                elif isinstance(widget, Choice):
                    widget.focus_chosen()
                else:
                    widget.setFocus()
                return

    def _text(self, name: str) -> str:
        widget = self._fields[name]
        if isinstance(widget, Check):
            return ON if widget.isChecked() else ""
        if isinstance(widget, Choice):
            # A word that a newer agent knows and this form does not stays as it is.
            before = self._before.get(name, "")
            return (
                before if before not in widget._of and widget.key == widget._of[0] else widget.key
            )
        # A field may not hold each sign as it is; where nobody wrote, nothing is other.
        text = widget.text()
        return self._before.get(name, text) if text == self._shown.get(name) else text

    # --- how it is built -------------------------------------------------------------------------

    def _page(self, section: Section) -> QWidget:
        page = QWidget()
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(10)
        row, column = 0, 0
        for field in section.fields:
            is_wide = self._takes_row(field)
            if is_wide and column:
                row, column = row + 1, 0
            made = self._labelled(field)
            grid.addLayout(made, row, column, 1, 2 if is_wide else 1)
            row, column = (row + 1, 0) if is_wide or column else (row, 1)
        for place in (0, 1):
            grid.setColumnStretch(place, 1)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(2, 2, 14, 8)
        layout.addLayout(grid)
        layout.addStretch(1)
        area = scrolled(page, tr(section.word))
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return area

    def _takes_row(self, field: Field) -> bool:
        words = sum(len(word) for _, word in field.choices)
        return field.kind in (*LARGE, FLAG) or field.name in _WHOLE_ROW or words > _WIDE_FROM_CHARS

    def _labelled(self, field: Field) -> QVBoxLayout:
        theme = self._theme
        made = self._make(field)
        self._fields[field.name] = made
        problem = self.problems[field.name] = problem_words(theme)
        column = QVBoxLayout()
        column.setSpacing(4)
        if field.name == "schedule":
            column.addWidget(self.when)
        else:
            if field.kind != FLAG:
                column.addWidget(Words(theme, tr(field.label), ink="text2", wrap=True))
            column.addWidget(made)
        column.addWidget(problem)
        if field.kind == CHOICE:
            column.setAlignment(made, Qt.AlignmentFlag.AlignLeft)
        if field.name == "schedule":
            for words in (self.said, self.was, self.odd, self.clocks):
                column.addWidget(words)
                words.hide()
        column.addStretch(1)
        return column

    def _make(self, field: Field) -> Widget:
        theme, name, hint = self._theme, tr(field.label), tr(field.hint)
        if field.kind == FLAG:
            check = Check(theme, name)
            check.toggled.connect(self._tell)
            return check
        if field.kind == CHOICE:
            choice = Choice(theme, field.choices, name=name)
            choice.chosen.connect(self._tell)
            return choice
        if field.name == "schedule":
            self.when = When(theme, name=name, hint=hint)
            self.when.written.connect(self._tell)
            self.when.area.changed.connect(self._tell)
            return self.when.area
        if field.kind in LARGE:
            area = TextArea(theme, name=name, hint=hint)
            area.changed.connect(self._tell)
            return area
        line = TextField(theme, name=name, hint=hint, fixed=field.kind in (FIXED, COMMAND))
        line.textChanged.connect(self._tell)
        if field.name == "timezone":
            line.textChanged.connect(self.when.show_zone)
        return line

    def _tell(self, *_: object) -> None:
        if not self._is_filling:
            self.written.emit()
