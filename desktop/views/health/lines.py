"""The lines that `smartcron-agent health` prints, to read and to copy."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.parts.buttons import Button
from desktop.parts.labels import Elided, Ground
from desktop.theme import Theme, put_palette

BAR_PX: Final = 44


class Lines(Ground):
    """Text that can be selected, with one button that takes all of it."""

    copied = Signal(int)
    """How many lines are in the clipboard now."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "log_paper", parent=parent)
        self._theme = theme
        self._told: tuple[str, ...] = ()
        self.note = Elided(theme, ink="text2")
        self.copy = Button(theme, self.tr("Copy the lines"), icon="copy")
        self.copy.clicked.connect(self._copy)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(self.tr("The lines of smartcron-agent health"))
        self.text.document().setDocumentMargin(14)
        bar = Ground(theme, "chrome", lines="b")
        bar.setFixedHeight(BAR_PX)
        head = QHBoxLayout(bar)
        head.setContentsMargins(16, 0, 16, 0)
        head.addWidget(self.note, 1)
        head.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(self.text, 1)
        theme.on_change(self._dress)
        self.show_lines(())

    def show_lines(self, lines: Sequence[str]) -> None:
        """These; a selection stays while they are the same."""
        if tuple(lines) == self._told and self._told:
            return
        self._told = tuple(lines)
        self.text.setPlainText("\n".join(self._told))
        self.copy.allow(bool(lines), self.tr("There is nothing to copy yet"))

    def show_note(self, text: str) -> None:
        """Where these lines come from, or why there are none."""
        self.note.setText(text)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(self._told) + "\n")
        self.copied.emit(len(self._told))

    def _dress(self) -> None:
        self.text.setFont(self._theme.font(12, fixed=True))
        palette = QPalette(self.text.palette())
        palette.setColor(QPalette.ColorRole.Base, QColor(self._theme.tokens.log_paper))
        palette.setColor(QPalette.ColorRole.Text, QColor(self._theme.tokens.text))
        put_palette(self.text, palette)
