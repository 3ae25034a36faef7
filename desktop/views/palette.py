"""Find a task or a command by a few of its letters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.parts.fields import SearchField
from desktop.parts.labels import Words
from desktop.theme import Theme, rounded

WIDE_PX: Final = 560
ROW_PX: Final = 34
SHOWN: Final = 9
TOP_PX: Final = 52
_ENTRY: Final = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to go to or to do; `hint` is its key or its state."""

    text: str
    kind: str
    icon: str
    hint: str
    act: Callable[[], object]


def rank(asked: str, text: str) -> int | None:
    """How well `text` answers: higher is better, None when a letter is missing.

    Letters must come in order. Beginnings of words and letters that stand together count more.
    """
    whole, score, at = text.lower(), 0, -1
    letters = asked.lower().replace(" ", "")
    if letters and letters in whole.replace(" ", ""):
        score += 50
    for letter in letters:
        begins = [
            place
            for place in range(at + 1, len(whole))
            if whole[place] == letter and (place == 0 or not whole[place - 1].isalnum())
        ]
        found = at + 1 if whole[at + 1 : at + 2] == letter else -1
        if found < 0:
            found = begins[0] if begins else whole.find(letter, at + 1)
        if found < 0:
            return None
        score += 5 if found == at + 1 else 3 if found in begins else 0
        at = found
    return score * 100 - len(whole)


def matching(asked: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that answer, best first; all of them in their order when nothing is asked."""
    if not asked.strip():
        return list(entries)
    ranked = [(rank(asked, entry.text), entry) for entry in entries]
    found = [(score, entry) for score, entry in ranked if score is not None]
    return [entry for _, entry in sorted(found, key=lambda pair: -pair[0])]


class _Rows(QStyledItemDelegate):
    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: object) -> QSize:
        return QSize(0, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: object) -> None:
        entry = index.data(_ENTRY)  # type: ignore[attr-defined]
        theme, t, rect = self._theme, self._theme.tokens, QRect(option.rect)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if chosen:
            rounded(painter, QRectF(rect).adjusted(6, 1, -6, -1), 6, fill=t.sel)
        middle = Qt.AlignmentFlag.AlignVCenter
        if entry.icon:
            mark = QRect(rect.left() + 16, rect.center().y() - 8, 16, 16)
            theme.draw_icon(painter, mark, entry.icon, t.text2, 15)
        small = theme.font(12)
        tail = ", ".join(part for part in (entry.kind, entry.hint) if part)
        tail_px = QFontMetrics(small).horizontalAdvance(tail)
        font = theme.font(13, 500 if chosen else 400)
        room = rect.adjusted(42, 0, -tail_px - 32, 0)
        painter.setFont(font)
        painter.setPen(QColor(t.text))
        shown = QFontMetrics(font).elidedText(
            entry.text, Qt.TextElideMode.ElideMiddle, room.width()
        )
        painter.drawText(room, middle, shown)
        painter.setFont(small)
        painter.setPen(QColor(t.text3))
        painter.drawText(rect.adjusted(0, 0, -18, 0), middle | Qt.AlignmentFlag.AlignRight, tail)
        painter.restore()


class Palette(QDialog):
    """A field and what answers to it; Enter does the chosen one."""

    def __init__(
        self, theme: Theme, entries: Sequence[Entry], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.FramelessWindowHint | Qt.WindowType.Dialog)
        self._theme, self._entries = theme, list(entries)
        self.setWindowTitle(self.tr("Find a task or command"))
        self.setModal(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(WIDE_PX)
        self.field = SearchField(theme, self.tr("Find a task or command"))
        self.field.changed.connect(self._show)
        self.field.submitted.connect(self._do)
        self.field.left.connect(self.reject)
        self.field.edit.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("What was found"))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setItemDelegate(_Rows(theme, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFixedHeight(SHOWN * ROW_PX)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.itemClicked.connect(self._do)
        palette = QPalette(self.list.palette())
        palette.setColor(QPalette.ColorRole.Base, QColor(theme.tokens.raised))
        self.list.setPalette(palette)
        self._none = Words(theme, self.tr("Nothing answers to these letters."), ink="text3")
        self._none.setContentsMargins(18, 4, 18, 8)
        top = QVBoxLayout()
        top.setContentsMargins(12, 12, 12, 8)
        top.addWidget(self.field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 8)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self._none)
        layout.addWidget(self.list)
        self._show("")
        if parent is not None:
            corner = parent.mapToGlobal(parent.rect().topLeft())
            self.move(corner.x() + (parent.width() - WIDE_PX) // 2, corner.y() + TOP_PX)
        self.field.edit.setFocus()

    def texts(self) -> list[str]:
        """What is offered now, best first."""
        return [self.list.item(at).text() for at in range(self.list.count())]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The arrows move in the list while the letters go to the field."""
        arrows = (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)
        pressed = event.type() == QEvent.Type.KeyPress
        if pressed and isinstance(event, QKeyEvent) and event.key() in arrows:
            QApplication.sendEvent(self.list, event)
            return True
        return super().eventFilter(watched, event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t = self._theme.tokens
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(t.raised))
        rounded(painter, QRectF(self.rect()), 0, border=t.line2)

    def _show(self, asked: str) -> None:
        found = matching(asked, self._entries)
        self.list.clear()
        for entry in found:
            item = QListWidgetItem(entry.text)
            item.setData(_ENTRY, entry)
            said = ", ".join(part for part in (entry.text, entry.kind, entry.hint) if part)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, said)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self._none.setVisible(not found)
        self.list.setVisible(bool(found))

    def _do(self, *_: object) -> None:
        if self.list.count():
            entry: Entry = self.list.currentItem().data(_ENTRY)
            self.accept()
            entry.act()
