"""A list of moments: when, what becomes of each, and a few words more; some can be chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
)
from PySide6.QtWidgets import (
    QFrame,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop import words
from desktop.theme import Theme, put_palette, rounded

ROW_PX: Final = 30
BOX_PX: Final = 26
_LINE: Final = Qt.ItemDataRole.UserRole
_GAP_PX: Final = 14


@dataclass(frozen=True, slots=True)
class Line:
    """One row: `key` names it, `icon` and `word` say what becomes of it in that family's colour."""

    key: object
    time: str
    icon: str = ""
    word: str = ""
    family: str = "idle"
    text: str = ""
    tip: str = ""
    middle: bool = False
    """Where the text is too long it gives way in its middle, so that its end stays."""

    @property
    def said(self) -> str:
        """The row as it is read out."""
        return ", ".join(part for part in (self.time, self.word, self.text) if part)


class _Rows(QStyledItemDelegate):
    def __init__(self, theme: Theme, owner: "Lines") -> None:
        super().__init__(owner)
        self._theme, self._owner = theme, owner

    def sizeHint(self, option: QStyleOptionViewItem, index: object) -> QSize:
        return QSize(0, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: object) -> None:
        one = index.data(_LINE)  # type: ignore[attr-defined]
        theme, t, rect = self._theme, self._theme.tokens, QRect(option.rect)
        here = bool(option.state & QStyle.StateFlag.State_Selected) and self._owner.hasFocus()
        painter.save()
        if here:
            painter.fillRect(rect, QColor(t.sel))
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), QColor(t.focus))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), QColor(t.line))
        middle, x = Qt.AlignmentFlag.AlignVCenter, rect.left() + 12
        if self._owner.is_checkable:
            state = index.data(Qt.ItemDataRole.CheckStateRole)  # type: ignore[attr-defined]
            box = QRectF(x, rect.center().y() - 6.5, 14, 14)
            if Qt.CheckState(state) == Qt.CheckState.Checked:
                rounded(painter, box, 3, fill=t.accent.ground)
                theme.draw_icon(painter, box, "check-bold", t.accent.ink, 10)
            else:
                rounded(painter, box, 3, fill=t.raised, border=t.control)
            x += BOX_PX
        times_px, words_px = self._owner.column_widths()
        painter.setFont(theme.font(12, 500))
        painter.setPen(QColor(t.text))
        painter.drawText(QRect(x, rect.top(), times_px, rect.height()), middle, one.time)
        x += times_px + _GAP_PX
        family = t.family(one.family)
        if words_px:
            mark = QRect(x, rect.center().y() - 7, 16, 16)
            if one.icon:
                theme.draw_icon(painter, mark, one.icon, family.text, 14)
            painter.setFont(theme.font(12, 500))
            painter.setPen(QColor(family.text))
            painter.drawText(QRect(x + 21, rect.top(), words_px, rect.height()), middle, one.word)
            x += 21 + words_px + _GAP_PX
        font = theme.font(12)
        room = QRect(x, rect.top(), rect.right() - x - 12, rect.height())
        painter.setFont(font)
        painter.setPen(QColor(t.text2))
        end = Qt.TextElideMode.ElideRight
        mode = Qt.TextElideMode.ElideMiddle if one.middle else end
        shown = QFontMetrics(font).elidedText(one.text, mode, room.width())
        # A sign that something was left out tells nothing by itself; the tip has all of it.
        if shown != words.ELLIPSIS:
            painter.drawText(room, middle, shown)
        painter.restore()


class Lines(QListWidget):
    """Rows below each other; Space chooses one where they can be chosen."""

    chosen_changed = Signal()

    def __init__(
        self, theme: Theme, *, name: str, checkable: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self.is_checkable = theme, checkable
        self._hint = ""
        self._widths = (0, 0)
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setItemDelegate(_Rows(theme, self))
        self.setUniformItemSizes(True)
        self.setTabKeyNavigation(False)
        self.setViewportMargins(1, 1, 1, 1)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setMinimumHeight(3 * ROW_PX + 2)
        self.itemChanged.connect(lambda _: self.chosen_changed.emit())
        theme.on_change(self._dress)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """These rows; those that were chosen and are there still stay so."""
        chosen, kept = set(self.chosen()), self.currentRow()
        bar = self.verticalScrollBar().value()
        self.blockSignals(True)
        self.clear()
        for one in lines:
            item = QListWidgetItem(one.said)
            item.setData(_LINE, one)
            item.setToolTip(one.tip or one.text)
            if self.is_checkable:
                # The row toggles as a whole; Qt's own box would take the click a second time.
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsUserCheckable)
                on = one.key in chosen
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.addItem(item)
        if lines:
            self.setCurrentRow(min(max(0, kept), len(lines) - 1))
        self.blockSignals(False)
        self.verticalScrollBar().setValue(bar)
        self._measure()
        self.chosen_changed.emit()
        self.viewport().update()

    def show_hint(self, hint: str) -> None:
        """What is said in the place of rows while there are none."""
        self._hint = hint
        self.viewport().update()

    def lines(self) -> list[Line]:
        """The rows in sight or scrolled away."""
        return [self.item(row).data(_LINE) for row in range(self.count())]

    def choose(self, keys: Sequence[object], *, chosen: bool = True) -> None:
        """Choose these rows, or leave them."""
        wanted = set(keys)
        state = Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked
        self.blockSignals(True)
        for row in range(self.count()):
            if self.item(row).data(_LINE).key in wanted:
                self.item(row).setCheckState(state)
        self.blockSignals(False)
        self.chosen_changed.emit()
        self.viewport().update()

    def chosen(self) -> list[object]:
        """The keys of the rows that are chosen, in their order."""
        if not self.is_checkable:
            return []
        return [
            self.item(row).data(_LINE).key
            for row in range(self.count())
            if self.item(row).checkState() == Qt.CheckState.Checked
        ]

    def stop_choosing(self) -> None:
        """From now on the rows only tell."""
        self.is_checkable = False
        self.viewport().update()

    def column_widths(self) -> tuple[int, int]:
        """How wide times and words are, so that they stand in columns."""
        return self._widths

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        item = self.itemAt(event.position().toPoint())
        if self.is_checkable and item is not None:
            is_on = item.checkState() == Qt.CheckState.Checked
            item.setCheckState(Qt.CheckState.Unchecked if is_on else Qt.CheckState.Checked)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        if event.key() == Qt.Key.Key_Space and self.is_checkable and item is not None:
            is_on = item.checkState() == Qt.CheckState.Checked
            item.setCheckState(Qt.CheckState.Unchecked if is_on else Qt.CheckState.Checked)
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()  # the dialog's own button
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        t, painter = self._theme.tokens, QPainter(self.viewport())
        box = QRectF(self.viewport().rect())
        border, width = (t.focus, 2) if self.hasFocus() else (t.line, 1)
        rounded(painter, box, 6, border=border, width=width)
        if self.count() == 0 and self._hint:
            painter.setFont(self._theme.font(12))
            painter.setPen(QColor(t.text3))
            room = self.viewport().rect().adjusted(24, 8, -24, -8)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(room, flags, self._hint)

    def _measure(self) -> None:
        metrics = QFontMetrics(self._theme.font(12, 500))
        lines = self.lines()
        self._widths = (
            max((metrics.horizontalAdvance(one.time) for one in lines), default=0) + 2,
            max((metrics.horizontalAdvance(one.word) for one in lines if one.word), default=-2) + 2,
        )

    def _dress(self) -> None:
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Base, QColor(self._theme.tokens.surface))
        put_palette(self, palette)
        self._measure()
        self.viewport().update()
