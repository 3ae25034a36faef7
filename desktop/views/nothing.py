"""What stands where no task can be shown, and the next step."""

from collections.abc import Sequence
from difflib import get_close_matches

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import Button
from desktop.parts.labels import Ground, IconLabel, Words
from desktop.theme import Theme


class Nothing(Ground):
    """Never heard, no task, or none that the filter lets through."""

    cleared = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "surface", parent=parent)
        self._icon = IconLabel(theme, "magnifying-glass", ink="text2", px=28)
        self.title = Words(theme, px=13, weight=600)
        self.text = Words(theme, px=12, ink="text2", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text.setMinimumWidth(380)
        self.clear = Button(theme, self.tr("Clear the filter"))
        self.clear.clicked.connect(self.cleared)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addStretch(2)
        for widget in (self._icon, self.title, self.text, self.clear):
            line = QHBoxLayout()
            line.addStretch(1)
            line.addWidget(widget)
            line.addStretch(1)
            layout.addLayout(line)
        layout.addStretch(3)

    def show_why(self, *, heard: bool, known: Sequence[str], asked: Sequence[str]) -> None:
        """Why there is nothing, in the order in which it would be noticed."""
        self.clear.setVisible(bool(known))
        if known:
            self._icon.show_icon("magnifying-glass", "text2")
            wanted = " ".join(asked)
            self.title.setText(
                self.tr("No task matches {0}").format(wanted)
                if wanted
                else self.tr("No task matches the filter")
            )
            self.text.setText(self._hint(known, asked))
        elif not heard:
            self._icon.show_icon("question", "text2")
            self.title.setText(self.tr("The agent was not heard yet"))
            self.text.setText(
                self.tr("Its tasks appear here with its first answer. Nothing is known until then.")
            )
        else:
            self._icon.show_icon("tray", "text2")
            self.title.setText(self.tr("No task is registered"))
            self.text.setText(
                self.tr("On the server, “smartcron-agent tasks register” adds the catalogue.")
            )

    def _hint(self, known: Sequence[str], asked: Sequence[str]) -> str:
        parts = sorted({part for name in known for part in name.lower().split("_")})
        for word in asked:
            near = get_close_matches(word, parts, n=1)
            if near and near[0] != word:
                number = sum(1 for name in known if near[0] in name.lower())
                said = self.tr("Did you mean {0}?").format(near[0])
                found = words.plural(number, self.tr("task matches"), self.tr("tasks match"))
                return f"{said} {found}."
        said = words.plural(len(known), self.tr("task is known"), self.tr("tasks are known"))
        return f"{said}."
