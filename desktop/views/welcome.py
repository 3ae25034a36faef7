"""What stands where no agent is looked at yet, and the one next step."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.parts.buttons import PRIMARY, Button
from desktop.parts.labels import Ground, IconLabel, Words
from desktop.theme import Theme

WIDE_PX = 440


class Welcome(Ground):
    """In the place of every page: there is nothing to be right or wrong about."""

    connect_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "window", parent=parent)
        self.title = Words(theme, self.tr("No agent yet"), px=20, weight=600)
        text = self.tr(
            "An agent runs the tasks on a server; this program watches and steers it. "
            "Whoever runs the server gives you a link that leads to it."
        )
        self.text = Words(theme, text, px=13, ink="text2", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text.setMinimumWidth(WIDE_PX)
        self.connect_now = Button(theme, self.tr("Connect"), icon="link", kind=PRIMARY, height=32)
        self.connect_now.clicked.connect(self.connect_requested)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        layout.addStretch(2)
        icon = IconLabel(theme, "link-break", ink="text2", px=28)
        for widget in (icon, self.title, self.text, self.connect_now):
            line = QHBoxLayout()
            line.addStretch(1)
            line.addWidget(widget)
            line.addStretch(1)
            layout.addLayout(line)
        layout.addStretch(3)
