"""All keys on one page."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.parts.buttons import Button
from desktop.parts.labels import Words
from desktop.theme import Theme

Section = tuple[str, Sequence[tuple[str, str]]]


class Shortcuts(QDialog):
    """Two columns of acts and their keys."""

    def __init__(
        self, theme: Theme, sections: Sequence[Section], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("All keys"))
        self.setModal(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Window, QColor(theme.tokens.surface))
        self.setPalette(palette)
        columns = QHBoxLayout()
        columns.setSpacing(40)
        total = sum(len(acts) + 2 for _, acts in sections)
        column, filled = self._column(columns), 0
        for title, acts in sections:
            if filled > 0 and filled + len(acts) / 2 > total / 2:
                column.addStretch(1)
                column, filled = self._column(columns), -total
            column.addWidget(Words(theme, title, px=13, weight=600))
            column.addLayout(_table(theme, acts))
            column.addSpacing(14)
            filled += len(acts) + 2
        column.addStretch(1)
        close = Button(theme, self.tr("Close"), height=32)
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(14)
        layout.addWidget(Words(theme, self.tr("All keys"), px=16, weight=600))
        layout.addLayout(columns)
        layout.addLayout(foot)
        close.setFocus()

    def _column(self, columns: QHBoxLayout) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(6)
        columns.addLayout(column, 1)
        return column


def _table(theme: Theme, acts: Sequence[tuple[str, str]]) -> QGridLayout:
    table = QGridLayout()
    table.setHorizontalSpacing(28)
    table.setVerticalSpacing(4)
    table.setColumnStretch(0, 1)
    for at, (text, keys) in enumerate(acts):
        table.addWidget(Words(theme, text, px=12, ink="text2"), at, 0)
        right = Qt.AlignmentFlag.AlignRight
        table.addWidget(Words(theme, keys, px=12, weight=500), at, 1, right)
    return table
