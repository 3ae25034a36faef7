"""A question, asked only where nothing can be undone."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.parts.buttons import DANGER, Button
from desktop.parts.labels import Ground, Words
from desktop.theme import Theme

WIDE_PX = 420


class Confirm(QDialog):
    """Names the act on both buttons; the way that changes nothing has the focus."""

    def __init__(
        self,
        theme: Theme,
        *,
        question: str,
        consequence: str,
        keep: str,
        act: str,
        icon: str = "stop-fill",
        environment: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(question)
        self.setModal(True)
        self.setFixedWidth(WIDE_PX)
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Window, QColor(theme.tokens.surface))
        self.setPalette(palette)
        stripe = Ground(theme, f"{_environment(environment)}.ground")
        stripe.setFixedHeight(4)
        self.keep = Button(theme, keep, height=32)
        self.keep.clicked.connect(self.reject)
        self.act = Button(theme, act, icon=icon, kind=DANGER, height=32)
        self.act.clicked.connect(self.accept)
        # Enter does what has the focus; that is "keep" until somebody leaves it on purpose.
        self.keep.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.keep)
        buttons.addWidget(self.act)
        inner = QVBoxLayout()
        inner.setContentsMargins(20, 16, 20, 18)
        inner.setSpacing(10)
        inner.addWidget(Words(theme, question, px=16, weight=600, wrap=True))
        inner.addWidget(Words(theme, consequence, px=13, ink="text2", wrap=True))
        inner.addSpacing(14)
        inner.addLayout(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(stripe)
        layout.addLayout(inner)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.keep.setFocus()


def _environment(name: str) -> str:
    known = ("production", "staging", "test", "demo")
    return name.lower() if name.lower() in known else "test"
