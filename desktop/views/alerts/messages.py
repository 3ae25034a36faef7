"""The tab of messages: which were written to people, and what became of each."""

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHeaderView, QStackedWidget, QWidget

from desktop import words
from desktop.models.deliveries import Column, DeliveriesModel
from desktop.parts.empty import Empty
from desktop.parts.rows import Cell, RowTable
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
        self.table.show_stale(stale)

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


class _Table(RowTable):
    def __init__(self, model: DeliveriesModel, theme: Theme, now: words.Clock) -> None:
        super().__init__(model, theme, self.tr("Messages"), row_px=ROW_PX)
        self.now = now
        self.times, self.zone = words.TASK_TIMES, "UTC"
        model.wording = self.say
        self.set_widths(_WIDTHS)
        for column in (Column.SUBJECT, Column.RESULT):
            self.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)

    def say(self, one: Delivery, column: int) -> str:
        """A cell in words."""
        zone, now_ms = words.zone_for(self.times, self.zone), self.now()
        said: dict[int, str] = {
            Column.TIME: words.clock(one.sent_ms or one.created_ms, zone, now_ms, seconds=True),
            Column.CHANNEL: one.channel.capitalize(),
            Column.SEVERITY: severity_look(one.sev).said,
            Column.SUBJECT: one.subject,
            Column.TO: ", ".join(one.recipients),
            Column.TRIES: words.count(one.tries),
            Column.RESULT: delivery_words(one, now_ms),
        }
        return said[column]

    def cell(self, row: Delivery, column: int) -> Cell:
        """How a cell of that row is drawn."""
        t = self._theme.tokens
        if column not in (Column.RESULT, Column.SEVERITY):
            return Cell(t.text if column in (Column.SUBJECT, Column.TO) else t.text2)
        look = delivery_look(row) if column == Column.RESULT else severity_look(row.sev)
        ink = t.family("idle" if self.is_stale else look.family).text
        is_news = column == Column.RESULT and row.state != "sent"
        return Cell(ink if is_news else t.text, icon=look.icon, icon_ink=ink)
