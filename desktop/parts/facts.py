"""Facts as a table of label, value and a second word."""

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from desktop.parts.labels import Words
from desktop.parts.passage import Passage
from desktop.theme import Theme

LABEL_PX = 84

Fact = tuple[str, str, str, str]
"""Label, value, second word, ink of the second word."""


class _Row(NamedTuple):
    label: Words
    value: Words
    second: Words
    alone: Passage


class Facts(QWidget):
    """Rows that keep their labels, and whose values can be selected and copied."""

    def __init__(self, theme: Theme, *, label_px: int = LABEL_PX) -> None:
        super().__init__()
        self._theme, self._label_px = theme, label_px
        self._rows: list[_Row] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(6)
        self._grid.setHorizontalSpacing(0)
        self._grid.setColumnStretch(1, 1)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """These facts; widgets are kept, so that a selection survives a tick."""
        while len(self._rows) < len(facts):
            self._add_row()
        for at, row in enumerate(self._rows):
            shown = at < len(facts)
            for part in row:
                part.setVisible(shown)
            if not shown:
                continue
            label, value, second, ink = facts[at]
            for words, text in zip(row[:3], (label, value, second), strict=True):
                if words.text() != text:
                    words.setText(text)
            row.alone.setText(value)
            # A value that stands alone takes the whole line, and wraps wherever it must.
            row.value.setVisible(bool(second))
            row.second.setVisible(bool(second))
            row.alone.setVisible(not second)
            row.second.set_ink(ink or "text3", 500 if ink else 400)

    def texts(self) -> dict[str, str]:
        """What is shown, by label."""
        return {
            row.label.text(): f"{row.value.text()} {row.second.text()}".strip()
            for row in self._rows
            if not row.label.isHidden()
        }

    def _add_row(self) -> None:
        at = len(self._rows)
        label = Words(self._theme, ink="text2")
        label.setFixedWidth(self._label_px)
        value = Words(self._theme, weight=500, selectable=True, wrap=True)
        second = Words(self._theme, ink="text3", selectable=True)
        alone = Passage(self._theme, weight=500)
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(value)
        line.addWidget(second, 1)
        line.addWidget(alone, 1)
        top = Qt.AlignmentFlag.AlignTop
        self._grid.addWidget(label, at, 0, top)
        self._grid.addWidget(holder, at, 1)
        self._rows.append(_Row(label, value, second, alone))
