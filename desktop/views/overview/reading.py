"""One reading of the server on the overview: its state, its figure, its course."""

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from desktop.parts.buttons import CardButton
from desktop.parts.charts import TimeCurve
from desktop.parts.labels import Elided, IconLabel, Words
from desktop.states import check_look
from desktop.theme import Theme

SIDE_PX: Final = 16
GAP_PX: Final = 5
HIGHEST_PX: Final = 380
"""A curve of an hour says no more on more; the lists above have the rest."""


class HealthCard(CardButton):
    """One reading of the server: its state, its figure, its course; a click tells more of it."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        *,
        share: bool = False,
        curve: bool = True,
        least_top: float = 1.0,
    ) -> None:
        super().__init__(theme)
        self.setMinimumWidth(150)
        self.title = Words(theme, title, px=13, weight=600)
        self._icon = IconLabel(theme, "question-bold", ink="idle.text", px=14)
        self._word = Words(theme, weight=500, ink="idle.text")
        self.figure = Words(theme, px=24, weight=600)
        self.unit = Elided(theme, ink="text2")
        self.note = Elided(theme, ink="text2")
        head = QHBoxLayout()
        head.setSpacing(GAP_PX)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self._icon)
        head.addWidget(self._word)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.figure)
        line.addWidget(self.unit, 1, Qt.AlignmentFlag.AlignBottom)
        self.unit.setContentsMargins(0, 0, 0, 4)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        self.curve: TimeCurve | None = None
        if curve:
            self.curve = TimeCurve(
                theme,
                height=84,
                share=share,
                axes=share,
                least_top=least_top,
                why_empty=self.tr("Waiting for samples"),
            )
            self.body.addWidget(self.curve, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SIDE_PX, 12, SIDE_PX, 12)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addLayout(line)
        layout.addLayout(self.body, 1)
        layout.addWidget(self.note)

    def show_state(self, state: str, *, stale: bool) -> None:
        """What the probe found: ok, warn, crit or unknown."""
        look = check_look(state or "unknown")
        family = "idle" if stale else look.family
        self._icon.show_icon(look.icon, f"{family}.text")
        self._icon.setToolTip(look.said)
        self._word.setText(look.said)
        self._word.set_ink(f"{family}.text")
        self._fit_head()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_head()

    def _fit_head(self) -> None:
        """The title is never cut: where there is no room for both, the state's sign is enough."""
        words_px = self.title.sizeHint().width() + self._word.sizeHint().width()
        taken_px = words_px + self._icon.width() + 3 * GAP_PX + 2 * SIDE_PX
        self._word.setVisible(taken_px <= self.width())

    def show_reading(self, figure: str, unit: str, note: str, *, stale: bool) -> None:
        """The figure and what it means."""
        self.figure.setText(figure)
        self.figure.set_ink("text2" if stale else "text")
        self.unit.setText(unit)
        self.note.setText(note)
        said = f"{self.title.text()} {self._word.text()}"
        self.setAccessibleName(f"{said}, {figure} {unit}, {note}")
