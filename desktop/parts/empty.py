"""What stands where there is nothing: one icon, what is true, one next step."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.parts.labels import IconLabel, Words
from desktop.theme import Theme


class Empty(QWidget):
    """Centred in its room."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = IconLabel(theme, "tray", ink="text3", px=28)
        self.title = Words(theme, px=13, weight=600, wrap=True)
        self.text = Words(theme, px=12, ink="text2", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(8)
        layout.addStretch(2)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        for label in (self.title, self.text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(label)
        layout.addStretch(3)

    def show_why(self, icon: str, title: str, text: str, *, ink: str = "text3") -> None:
        """What is true, and what to do next."""
        self._icon.show_icon(icon, ink)
        self.title.setText(title)
        self.text.setText(text)
