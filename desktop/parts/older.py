"""The foot of a list that goes on in the past: how far it reaches, and a button for more."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QTableView

from desktop.parts.buttons import Button
from desktop.parts.labels import Ground, Words
from desktop.theme import Theme


class Older(Ground):
    """Whoever scrolls to the end asks for more, as the button does."""

    wanted = Signal()

    def __init__(self, theme: Theme, table: QTableView) -> None:
        super().__init__(theme, "chrome", lines="t")
        self.reach = Words(theme, ink="text3")
        self.button = Button(theme, self.tr("Show older"), icon="caret-double-down")
        self.button.clicked.connect(self.wanted)
        self._bar = table.verticalScrollBar()
        self._bar.valueChanged.connect(self._watch_end)
        line = QHBoxLayout(self)
        line.setContentsMargins(16, 6, 14, 6)
        line.addWidget(self.reach, 1)
        line.addWidget(self.button)

    def _watch_end(self, value: int) -> None:
        if value and value >= self._bar.maximum() and self.button.isEnabled():
            self.button.click()
