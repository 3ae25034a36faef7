"""The card of the overview with the alerts that are open, the worst first."""

from datetime import tzinfo
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy

from desktop import words
from desktop.models.alerts import AlertsModel, name_of, said_of
from desktop.parts.buttons import LinkButton, Pressable, draw_focus
from desktop.parts.labels import draw_words
from desktop.states import Look, alert_look, alert_state, severity_look, task_look
from desktop.theme import Theme
from desktop.views.overview.cards import ListCard

ROW_PX: Final = 44


class AlertsCard(ListCard):
    """A click on an alert opens it, the link all of them."""

    alert_opened = Signal(str)
    all_requested = Signal()

    def __init__(self, model: AlertsModel, theme: Theme) -> None:
        super().__init__(theme, "")
        self.title.setText(self.tr("Active alerts"))
        self._model = model
        self.shown: list[AlertRow] = []
        self.all = LinkButton(theme, self.tr("Show all"))
        self.all.clicked.connect(self.all_requested)
        self.add_to_head(self.all)

    def refresh(self, zone: tzinfo | None, now_ms: int, *, most: int, stale: bool) -> None:
        """Draw them anew; `zone` is the clock that times are said on."""
        alerts = self._model.alerts()
        self.second.setText(self._counts())
        self.all.setVisible(bool(alerts))
        self.empty.setVisible(not alerts)
        self.empty.setText(self.tr("Nothing is wrong."))
        shown = alerts[:most]
        while len(self.shown) < len(shown):
            row = AlertRow(self._theme)
            row.clicked.connect(lambda _=False, row=row: self.alert_opened.emit(row.alert_id))
            self.shown.append(row)
            self.add_row(row)
        for at, row in enumerate(self.shown):
            row.setVisible(at < len(shown))
            if at < len(shown):
                alert = shown[at]
                row.show_alert(
                    alert.id,
                    severity_look(alert.sev),
                    name_of(alert),
                    said_of(alert).split("\n")[0],
                    words.clock(alert.last_ms, zone, now_ms),
                    alert_look(alert).said,
                    is_open=alert_state(alert) == "open",
                    stale=stale,
                )

    def _counts(self) -> str:
        alerts = self._model.alerts()
        open_ones = len(self._model.open_alerts())
        said = []
        if open_ones:
            said.append(self.tr("{0} open").format(words.count(open_ones)))
        if held := len(alerts) - open_ones:
            said.append(self.tr("{0} in hand").format(words.count(held)))
        return ", ".join(said)


class AlertRow(Pressable):
    """One alert: how bad, what, since when, in whose hands."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.alert_id = self._name = self._said = self._at = self._state = ""
        self._look: Look = task_look("unknown")
        self._is_open = self._stale = False
        self.setFixedHeight(ROW_PX)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_alert(
        self,
        alert_id: str,
        look: Look,
        name: str,
        said: str,
        at: str,
        state: str,
        *,
        is_open: bool,
        stale: bool,
    ) -> None:
        """That alert, in these words."""
        self.alert_id, self._look, self._name, self._said = alert_id, look, name, said
        self._at, self._state, self._is_open, self._stale = at, state, is_open, stale
        self.setAccessibleName(", ".join(x for x in (look.said, state, name, said, at) if x))
        self.setToolTip("\n".join(x for x in (name, said) if x))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, ROW_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, t, painter = self._theme, self._theme.tokens, QPainter(self)
        is_grey = self._stale or not self._is_open
        family = t.family("idle" if is_grey else self._look.family)
        if self.underMouse():
            painter.fillRect(self.rect(), QColor(t.hover))
        painter.fillRect(0, 0, self.width(), 1, QColor(t.line))
        theme.draw_icon(painter, QRectF(15, 6, 16, 16), self._look.icon, family.text, 14)
        state = self._look.said if self._is_open else self._state
        left, upper, lower = 38, 4, 22
        end = self._right(painter, state, upper, 500, family.text)
        weight, ink = (600, t.text) if self._is_open else (400, t.text2)
        name_font = theme.font(13, weight)
        name_box = QRectF(left, upper, end - left, 19)
        draw_words(painter, name_box, self._name, name_font, ink, middle=True)
        end = self._right(painter, self._at, lower, 400, t.text3)
        said_box = QRectF(left, lower, end - left, 17)
        draw_words(painter, said_box, self._said, theme.font(12), t.text2)
        draw_focus(painter, self, theme, 4)

    def _right(self, painter: QPainter, text: str, top: int, weight: int, ink: str) -> float:
        """Words at the right end; where the room left of them ends."""
        font = self._theme.font(12, weight)
        painter.setFont(font)
        painter.setPen(QColor(ink))
        side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, top, self.width() - 16, 18), side, text)
        return self.width() - 26 - QFontMetrics(font).horizontalAdvance(text)
