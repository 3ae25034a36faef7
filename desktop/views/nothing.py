"""What stands where no task can be shown, and the next step."""

from collections.abc import Sequence
from difflib import get_close_matches

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import PRIMARY, Button
from desktop.parts.labels import Ground, IconLabel, Words
from desktop.theme import Theme


class Nothing(Ground):
    """Never heard, no task, or none that the filter lets through."""

    cleared = Signal()
    search_wanted = Signal(str)
    """Other words for the filter, which some tasks match."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "surface", parent=parent)
        self._icon = IconLabel(theme, "magnifying-glass", ink="text2", px=28)
        self.title = Words(theme, px=13, weight=600)
        self.text = Words(theme, px=12, ink="text2", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text.setMinimumWidth(380)
        self.clear = Button(theme, self.tr("Clear the filter"))
        self.clear.clicked.connect(self.cleared)
        self._near = ""
        self.near = Button(theme, kind=PRIMARY)
        self.near.clicked.connect(lambda: self.search_wanted.emit(self._near))
        ways = QWidget()
        beside = QHBoxLayout(ways)
        beside.setContentsMargins(0, 4, 0, 0)
        beside.setSpacing(8)
        for button in (self.near, self.clear):
            beside.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addStretch(2)
        for widget in (self._icon, self.title, self.text, ways):
            line = QHBoxLayout()
            line.addStretch(1)
            line.addWidget(widget)
            line.addStretch(1)
            layout.addLayout(line)
        layout.addStretch(3)

    def show_why(
        self, *, heard: bool, known: Sequence[str], asked: str, said: Sequence[str]
    ) -> None:
        """Why there is nothing, in the order in which it would be noticed.

        `asked` is the filter as it is written, `said` its plain words.
        """
        near, number = self._nearest(known, said)
        self._near = " ".join(
            near if word.lower() == said[0].lower() else word for word in asked.split() if near
        )
        self.near.setVisible(bool(near))
        self.near.setText(self.tr("Search for {0}").format(self._near))
        self.near.updateGeometry()
        self.clear.setVisible(bool(known))
        if known:
            self._icon.show_icon("magnifying-glass", "text2")
            self.title.setText(
                self.tr("No task matches {0}").format(asked)
                if asked
                else self.tr("No task matches the filter")
            )
            self.text.setText(self._hint(known, near, number))
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
                self.tr(
                    "On the server, “smartcron-agent tasks apply FILE” adds the tasks of a file; "
                    "“import crontab” shows what a crontab would be."
                )
            )

    def _nearest(self, known: Sequence[str], said: Sequence[str]) -> tuple[str, int]:
        """A part of a name that was probably meant, and how many tasks have it."""
        if len(said) != 1:
            return "", 0
        parts = sorted({part for name in known for part in name.lower().split("_")})
        (word,) = said
        near = [one for one in get_close_matches(word.lower(), parts, n=2) if one != word.lower()]
        if not near:
            return "", 0
        return near[0], sum(1 for name in known if near[0] in name.lower())

    def _hint(self, known: Sequence[str], near: str, number: int) -> str:
        if near:
            found = words.plural(number, self.tr("task matches"), self.tr("tasks match"))
            return self.tr("Did you mean {0}?").format(near) + f" {found}."
        said = words.plural(len(known), self.tr("task is known"), self.tr("tasks are known"))
        return f"{said}."
