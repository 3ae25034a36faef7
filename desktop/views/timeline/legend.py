"""What the shapes of the timeline mean."""

from typing import Final

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop.theme import Theme, rounded
from desktop.views.timeline.telling import look_of

STATES: Final = ("success", "error", "timeout", "running", "missed", "skipped")
PLANNED: Final = "Planned"
HIGH_PX: Final = 24
MARK_PX: Final = 20
GAP_PX: Final = 14


class Legend(QWidget):
    """Each shape with its word."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._planned = QCoreApplication.translate("timeline", PLANNED)
        words = [*(look_of(state).said for state in STATES), self._planned]
        self.setAccessibleName(", ".join(words))
        theme.on_change(self._dress)

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self._theme.font(11))
        said = [*(look_of(state).said for state in STATES), self._planned]
        wide = sum(MARK_PX + metrics.horizontalAdvance(one) + 2 + GAP_PX for one in said)
        return QSize(wide - GAP_PX, HIGH_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, t, theme = QPainter(self), self._theme.tokens, self._theme
        x = 0.0
        for state in STATES:
            look = look_of(state)
            mark = QRectF(x, 0, 16, HIGH_PX)
            theme.draw_icon(painter, mark, look.icon, t.family(look.family).text, 12)
            x = self._word(painter, x + MARK_PX, look.said)
        rounded(painter, QRectF(x + 2, 8, 12, 8), 2, border=t.control)
        self._word(painter, x + MARK_PX, self._planned)

    def _word(self, painter: QPainter, x: float, said: str) -> float:
        painter.setFont(self._theme.font(11))
        painter.setPen(QColor(self._theme.tokens.text2))
        wide = QFontMetrics(painter.font()).horizontalAdvance(said) + 2
        painter.drawText(QRectF(x, 0, wide, HIGH_PX), Qt.AlignmentFlag.AlignVCenter, said)
        return x + wide + GAP_PX

    def _dress(self) -> None:
        self.setFixedSize(self.sizeHint())
        self.update()
