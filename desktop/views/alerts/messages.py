"""The tab of messages: which were written to people, and what became of each."""

from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QHeaderView,
    QStackedWidget,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop import words
from desktop.models.deliveries import ROW, Column, DeliveriesModel
from desktop.parts.empty import Empty
from desktop.parts.rows import as_rows, paint_ground
from desktop.states import severity_look
from desktop.theme import Theme
from desktop.views.alerts.story import delivery_look, delivery_words
from shared.protocol.alerting import Delivery, MailState

ROW_PX: Final = 32
_WIDTHS: Final = {
    Column.TIME: 112,
    Column.CHANNEL: 76,
    Column.SEVERITY: 92,
    Column.TO: 170,
    Column.TRIES: 54,
}


class Messages(QStackedWidget):
    """A table, or why it is empty."""

    end_reached = Signal()

    def __init__(
        self, model: DeliveriesModel, theme: Theme, now: words.Clock, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self.table = _Table(model, theme, now)
        self.table.verticalScrollBar().valueChanged.connect(self._watch_end)
        self._empty = Empty(theme)
        self.addWidget(self.table)
        self.addWidget(self._empty)
        for signal in (model.modelReset, model.dataChanged):
            signal.connect(self._show)
        self._mail: MailState | None = None
        self._show()

    def show_mail(self, mail: MailState | None) -> None:
        """Whether anybody is told by mail at all."""
        self._mail = mail
        self._show()

    def show_stale(self, stale: bool) -> None:
        """Grey while nothing is known."""
        self.table.is_stale = stale
        self.table.viewport().update()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self.table.times, self.table.zone = times, zone
        self.table.viewport().update()

    def tick(self) -> None:
        """A second has passed."""
        if self.isVisible():
            self.table.viewport().update()

    def _show(self, *_: object) -> None:
        has_any = self._model.rowCount() > 0
        self.setCurrentWidget(self.table if has_any else self._empty)
        if self._mail is not None and not self._mail.is_on:
            text = self.tr(
                "Write a [mail] table into the settings of the agent, then try it on the server "
                "with “smartcron-agent alerts test --channel mail”."
            )
            self._empty.show_why("envelope-simple", self.tr("No mail or chat is set up"), text)
        else:
            text = self.tr("What is written to people about alerts stands here with its receipt.")
            self._empty.show_why("envelope-simple", self.tr("No message was written yet"), text)

    def _watch_end(self, value: int) -> None:
        if value >= self.table.verticalScrollBar().maximum():
            self.end_reached.emit()


class _Table(QTableView):
    def __init__(self, model: DeliveriesModel, theme: Theme, now: words.Clock) -> None:
        super().__init__()
        self._theme, self.now = theme, now
        self.times, self.zone, self.is_stale = words.TASK_TIMES, "UTC", False
        model.say = self.say
        self.setModel(model)
        self.setItemDelegate(_Cells(theme, self))
        as_rows(self, self.tr("Messages"), row_px=ROW_PX)
        header = self.horizontalHeader()
        for column, wide in _WIDTHS.items():
            self.setColumnWidth(column, wide)
        for column in (Column.SUBJECT, Column.RESULT):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        theme.on_change(self._dress)

    def say(self, one: Delivery, column: Column) -> str:
        """A cell in words."""
        zone, now_ms = words.zone_for(self.times, self.zone), self.now()
        said = {
            Column.TIME: words.clock(one.sent_ms or one.created_ms, zone, now_ms, seconds=True),
            Column.CHANNEL: one.channel.capitalize(),
            Column.SEVERITY: severity_look(one.sev).said,
            Column.SUBJECT: one.subject,
            Column.TO: ", ".join(one.recipients),
            Column.TRIES: words.count(one.tries),
            Column.RESULT: delivery_words(one, now_ms),
        }
        return said[column]

    def _dress(self) -> None:
        self.horizontalHeader().setFont(self._theme.font(11, 500))
        self.viewport().update()


class _Cells(QStyledItemDelegate):
    def __init__(self, theme: Theme, table: _Table) -> None:
        super().__init__(table)
        self._theme, self._table = theme, table

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        one = index.data(ROW)
        if not isinstance(one, Delivery):
            return
        theme, t, column = self._theme, self._theme.tokens, Column(index.column())
        painter.save()
        room = paint_ground(painter, theme, option, is_first=column == Column.TIME)
        ink = t.text if column in (Column.SUBJECT, Column.TO) else t.text2
        look = None
        if column == Column.RESULT:
            look = delivery_look(one)
        elif column == Column.SEVERITY:
            look = severity_look(one.sev)
        if look is not None:
            family = t.family("idle" if self._table.is_stale else look.family)
            middle = QRect(room.left(), room.center().y() - 8, 16, 16)
            theme.draw_icon(painter, middle, look.icon, family.text, 14)
            room.adjust(21, 0, 0, 0)
            is_news = column == Column.RESULT and one.state != "sent"
            ink = family.text if is_news else t.text
        painter.setFont(theme.font(12))
        painter.setPen(QColor(ink))
        said = self._table.say(one, column)
        shown = QFontMetrics(painter.font()).elidedText(
            said, Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()
