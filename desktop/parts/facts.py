"""Facts as a table of label, value and a second word."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from desktop.parts.labels import Words
from desktop.theme import Theme

LABEL_PX = 84

Fact = tuple[str, str, str, str]
"""Label, value, second word, ink of the second word."""


class Facts(QWidget):
    """Rows that keep their labels, and whose values can be selected and copied."""

    def __init__(self, theme: Theme, *, label_px: int = LABEL_PX) -> None:
        super().__init__()
        self._theme, self._label_px = theme, label_px
        self._rows: list[tuple[Words, Words, Words]] = []
        self._lines: list[QHBoxLayout] = []
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
            for widget in row:
                widget.setVisible(shown)
            if not shown:
                continue
            label, value, second, ink = facts[at]
            for widget, text in zip(row, (label, value, second), strict=True):
                if widget.text() != text:
                    widget.setText(text)
            row[2].setVisible(bool(second))
            # A value that stands alone may take the whole line before it wraps.
            self._lines[at].setStretch(0, 0 if second else 1)
            self._lines[at].setStretch(2, 1 if second else 0)
            row[2].set_ink(ink or "text3", 500 if ink else 400)

    def texts(self) -> dict[str, str]:
        """What is shown, by label."""
        return {
            label.text(): f"{value.text()} {second.text()}".strip()
            for label, value, second in self._rows
            if not label.isHidden()
        }

    def _add_row(self) -> None:
        at = len(self._rows)
        label = Words(self._theme, ink="text2")
        label.setFixedWidth(self._label_px)
        value = Words(self._theme, weight=500, selectable=True, wrap=True)
        second = Words(self._theme, ink="text3", selectable=True)
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(value)
        line.addWidget(second)
        line.addStretch(1)
        top = Qt.AlignmentFlag.AlignTop
        self._grid.addWidget(label, at, 0, top)
        self._grid.addWidget(holder, at, 1)
        self._lines.append(line)
        self._rows.append((label, value, second))
