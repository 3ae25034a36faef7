"""The list of alerts: two lines each, under the heads of their groups."""

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop import words
from desktop.models.alerts import AlertsModel, Group, name_of, said_of
from desktop.parts.rows import paint_ground
from desktop.states import alert_look, alert_state, severity_look
from desktop.tables import ROW
from desktop.theme import Theme
from desktop.views.alerts.story import state_words
from shared.protocol.rows import Alert

ROW_PX: Final = 54
GROUP_PX: Final = 28
_TOLD: Final = {
    "critical": "told at once",
    "high": "told within 15 m",
    "medium": "told within 1 h",
}


class AlertList(QListView):
    """Arrows walk, Ctrl and Shift choose several, Enter opens, Left and Right fold a group."""

    chosen = Signal(list)
    """The ids of those that are selected, the current one first."""
    opened = Signal(str)
    end_reached = Signal()

    def __init__(
        self, model: AlertsModel, theme: Theme, now: words.Clock, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self.now = theme, now
        self.times, self.zone = words.TASK_TIMES, "UTC"
        self.is_stale = False
        self._alerts = model
        self.setModel(model)
        self.setItemDelegate(_Lines(theme, self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Alerts"))
        self.verticalScrollBar().valueChanged.connect(self._watch_end)
        self.activated.connect(self._open)
        theme.changed.connect(self.viewport().update)

    def show_stale(self, stale: bool) -> None:
        """Grey while nothing is known."""
        self.is_stale = stale
        self.viewport().update()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self.times, self.zone = times, zone
        self.viewport().update()

    def is_under(self, alert: Alert) -> bool:
        """Whether it stands under what it came about by."""
        return self._alerts.is_under(alert)

    def chosen_ids(self) -> list[str]:
        """Those that are selected, the current one first."""
        current = self.currentIndex()
        indexes = sorted(self.selectedIndexes(), key=lambda at: (at != current, at.row()))
        return [row.id for row in (index.data(ROW) for index in indexes) if isinstance(row, Alert)]

    def choose(self, alert_id: str) -> bool:
        """Stand on that one alone; False where it is not in sight."""
        index = self._alerts.index_of(alert_id)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)
        return index.isValid()

    def choose_all(self, alert_ids: Iterable[str]) -> bool:
        """Choose all of these that are in sight; False where none is."""
        found = [self._alerts.index_of(alert_id) for alert_id in sorted(alert_ids)]
        indexes = [index for index in found if index.isValid()]
        selection = QItemSelection()
        for index in indexes:
            selection.select(index, index)
        choice = self.selectionModel()
        if indexes:
            choice.setCurrentIndex(indexes[0], QItemSelectionModel.SelectionFlag.NoUpdate)
            self.scrollTo(indexes[0])
        choice.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        return bool(indexes)

    def choose_first(self) -> None:
        """Stand on the first alert there is."""
        for at in range(self._alerts.rowCount()):
            row = self._alerts.index(at).data(ROW)
            if isinstance(row, Alert):
                self.choose(row.id)
                return

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        self.chosen.emit(self.chosen_ids())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        group = self.indexAt(event.position().toPoint()).data(ROW)
        if isinstance(group, Group):
            self._alerts.fold(group.severity, folded=not group.is_folded)
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, key = self.currentIndex().data(ROW), event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and row is not None:
            severity = row.severity if isinstance(row, Group) else row.sev
            self._alerts.fold(severity, folded=key == Qt.Key.Key_Left)
            head = self._alerts.index_of(f"group {severity}")
            if key == Qt.Key.Key_Left and head.isValid():
                self.setCurrentIndex(head)
            return
        super().keyPressEvent(event)

    def _open(self, index: QModelIndex) -> None:
        row = index.data(ROW)
        if isinstance(row, Alert):
            self.opened.emit(row.id)

    def _watch_end(self, value: int) -> None:
        if value >= self.verticalScrollBar().maximum():
            self.end_reached.emit()


class _Lines(QStyledItemDelegate):
    def __init__(self, theme: Theme, view: AlertList) -> None:
        super().__init__(view)
        self._theme, self._view = theme, view

    def sizeHint(
        self, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(280, GROUP_PX if isinstance(index.data(ROW), Group) else ROW_PX)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        row, rect = index.data(ROW), QRect(option.rect)
        painter.save()
        painter.setClipRect(rect)
        if isinstance(row, Group):
            self._paint_group(painter, rect, row)
        elif isinstance(row, Alert):
            is_over = bool(option.state & QStyle.StateFlag.State_MouseOver)
            paint_ground(painter, self._theme, option, is_first=True, is_hovered=is_over)
            self._paint_alert(painter, rect, row, is_grouped=_is_grouped(index.model()))
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(self._theme.tokens.focus))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
            painter.drawRect(rect.adjusted(1, 1, -2, -2))
        painter.restore()

    def _paint_group(self, painter: QPainter, rect: QRect, group: Group) -> None:
        theme, t = self._theme, self._theme.tokens
        look = severity_look(group.severity)
        family = t.family("idle" if self._view.is_stale else look.family)
        painter.fillRect(rect, QColor(t.sunken))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), QColor(t.line))
        caret = "caret-right" if group.is_folded else "caret-down"
        middle = rect.top() + (rect.height() - 16) // 2
        theme.draw_icon(painter, QRect(rect.left() + 12, middle, 16, 16), caret, t.text3, 12)
        theme.draw_icon(
            painter, QRect(rect.left() + 32, middle, 16, 16), look.icon, family.text, 14
        )
        x = rect.left() + 56
        x += self._say(painter, QRect(x, rect.top(), 200, rect.height()), look.said,
                       theme.font(12, 600), family.text)  # fmt: skip
        self._say(painter, QRect(x + 8, rect.top(), 60, rect.height()), words.count(group.count),
                  theme.font(12), t.text2)  # fmt: skip
        told = self._view.tr(_TOLD.get(group.severity, ""))
        room = rect.adjusted(x + 70, 0, -16, 0)
        self._say(painter, room, told, theme.font(12), t.text3, right=True)

    def _paint_alert(
        self, painter: QPainter, rect: QRect, alert: Alert, *, is_grouped: bool
    ) -> None:
        theme, t, view = self._theme, self._theme.tokens, self._view
        look, is_open = alert_look(alert), alert_state(alert) == "open"
        family = t.family("idle" if view.is_stale else look.family)
        left = rect.left() + (32 if is_grouped else 16)
        if view.is_under(alert):
            line = QColor(t.line2)
            painter.fillRect(QRect(left + 7, rect.top(), 1, rect.height() // 2), line)
            painter.fillRect(QRect(left + 7, rect.top() + rect.height() // 2, 12, 1), line)
            left += 24
        theme.draw_icon(painter, QRect(left, rect.top() + 8, 16, 16), look.icon, family.text, 14)
        if not is_grouped:
            worst = severity_look(alert.sev)
            ink = t.family("idle" if view.is_stale or not is_open else worst.family).text
            mark = QRect(left, rect.top() + 29, 16, 16)
            theme.draw_icon(painter, mark, worst.icon, ink, 13)
        upper = QRect(left + 24, rect.top() + 6, rect.right() - left - 40, 20)
        lower = upper.translated(0, 21)
        zone = words.zone_for(view.times, view.zone)
        at = words.clock(alert.last_ms, zone, view.now())
        wide = self._say(painter, upper, at, theme.font(12), t.text2, right=True)
        self._say(painter, upper.adjusted(0, 0, -wide - 10, 0), name_of(alert),
                  theme.font(13, 600 if is_open else 400), t.text if is_open else t.text2,
                  middle=True)  # fmt: skip
        state = state_words(alert, zone, view.now())
        ink = family.text if is_open else t.text3
        font = theme.font(12, 500 if is_open else 400)
        wide = self._say(painter, lower.adjusted(lower.width() // 3, 0, 0, 0), state, font, ink,
                         right=True)  # fmt: skip
        self._say(painter, lower.adjusted(0, 0, -wide - 12, 0), said_of(alert).split("\n")[0],
                  theme.font(12), t.text2)  # fmt: skip

    def _say(
        self,
        painter: QPainter,
        room: QRect,
        text: str,
        font: QFont,
        ink: str,
        *,
        right: bool = False,
        middle: bool = False,
    ) -> int:
        """Draw one line; how wide it is."""
        painter.setFont(font)
        painter.setPen(QColor(ink))
        mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        metrics = QFontMetrics(painter.font())
        shown = metrics.elidedText(text, mode, max(0, room.width()))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        painter.drawText(room, side | Qt.AlignmentFlag.AlignVCenter, shown)
        return metrics.horizontalAdvance(shown)


def _is_grouped(model: QAbstractItemModel) -> bool:
    return isinstance(model.index(0, 0).data(ROW), Group)
