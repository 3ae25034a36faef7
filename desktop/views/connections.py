"""Which agents are known here, how does each stand, and which one is looked at?"""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop import words
from desktop.freshness import Link
from desktop.parts.buttons import DANGER, PRIMARY, Button
from desktop.parts.forms import TextField
from desktop.parts.labels import Words, token_colour
from desktop.parts.rows import paint_ground
from desktop.settings import Connection
from desktop.states import link_look
from desktop.theme import Theme, rounded

WIDE_PX: Final = 620
ROW_PX: Final = 52
LEAST_ROWS: Final = 2
MOST_ROWS: Final = 7
STATE_PX: Final = 190
_CONNECTION: Final = Qt.ItemDataRole.UserRole
_LINK: Final = Qt.ItemDataRole.UserRole + 1


class Connections(QDialog):
    """A list; Enter goes to an agent, F2 names it anew, Delete forgets it."""

    chosen = Signal(str)
    """An agent's id: go there."""
    renamed = Signal(str, str)
    """An agent's id, and how it is to be called."""
    forget_requested = Signal(str)
    another_requested = Signal()

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle(self.tr("Connections"))
        self.setModal(True)
        self.setMinimumWidth(WIDE_PX)
        self.list = _List(self)
        self.list.setItemDelegate(_Rows(theme, self.list))
        self.list.itemActivated.connect(lambda _item: self._go())
        self.list.currentItemChanged.connect(self._choice_changed)
        self.list.rename_wanted.connect(self.begin_renaming)
        self.list.forget_wanted.connect(self._forget)
        self.name = TextField(theme, name=self.tr("Name"))
        self.name.setMaxLength(120)
        self.name.textChanged.connect(lambda _text: self._show_choice())
        self.name.returnPressed.connect(self._rename)
        self.save = Button(theme, self.tr("Save the name"), height=32)
        self.save.clicked.connect(self._rename)
        self.another = Button(theme, self.tr("Connect to another agent"), icon="link", height=32)
        self.another.clicked.connect(self.another_requested)
        self.rename = Button(theme, self.tr("Rename"), height=32)
        self.rename.setToolTip(self.tr("Another name on this desktop (F2)"))
        self.rename.clicked.connect(self.begin_renaming)
        self.forget = Button(theme, self.tr("Forget"), kind=DANGER, height=32)
        self.forget.setToolTip(self.tr("Take it off this list (Delete)"))
        self.forget.clicked.connect(self._forget)
        self.leave = Button(theme, self.tr("Close"), height=32)
        self.leave.clicked.connect(self.reject)
        self.go = Button(theme, self.tr("Switch to it"), kind=PRIMARY, height=32)
        self.go.clicked.connect(self._go)
        for button in (self.save, self.another, self.rename, self.forget, self.leave, self.go):
            button.setAutoDefault(False)
        self._lay_out()
        self._show_renaming(False)
        theme.on_change(self._dress)
        self.list.setFocus()

    def show_connections(
        self, connections: Sequence[Connection], *, current_id: str, link: Link
    ) -> None:
        """All that are kept, by name; `link` is how it stands with the one that is looked at."""
        one = self._one
        stays = current_id if one is None else one.id
        self.list.clear()
        for kept in sorted(connections, key=lambda one: one.name.lower()):
            item = QListWidgetItem(kept.name)
            item.setData(_CONNECTION, kept)
            item.setData(_LINK, link if kept.id == current_id else None)
            state = state_of(item.data(_LINK))
            said = f"{kept.name}, {kept.environment}, {where(kept)}, {state}"
            item.setData(Qt.ItemDataRole.AccessibleTextRole, said)
            item.setToolTip(said)
            self.list.addItem(item)
            if kept.id == stays:
                self.list.setCurrentItem(item)
        if self._one is None:
            self.list.setCurrentRow(0)
        rows = min(max(self.list.count(), LEAST_ROWS), MOST_ROWS)
        self.list.setFixedHeight(rows * ROW_PX)
        self._show_choice()

    def show_link(self, link: Link) -> None:
        """How it stands now with the one that is looked at."""
        for at in range(self.list.count()):
            item = self.list.item(at)
            if item.data(_LINK) is not None:
                item.setData(_LINK, link)

    def texts(self) -> list[str]:
        """What each line says, in words."""
        return [
            self.list.item(at).data(Qt.ItemDataRole.AccessibleTextRole)
            for at in range(self.list.count())
        ]

    def begin_renaming(self) -> None:
        """Open the field for another name of the chosen one."""
        one = self._one
        if one is not None:
            self.name.setText(one.name)
            self._show_renaming(True)
            self.name.setFocus()
            self.name.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves the field first, then the list."""
        if event.key() == Qt.Key.Key_Escape and self.name.isVisible():
            self._show_renaming(False)
            self.list.setFocus()
        else:
            super().keyPressEvent(event)

    @property
    def _one(self) -> Connection | None:
        item: QListWidgetItem | None = self.list.currentItem()
        found: Connection | None = None if item is None else item.data(_CONNECTION)
        return found

    def _choice_changed(self) -> None:
        # What is written in the field is about another one.
        self._show_renaming(False)
        self._show_choice()

    def _show_choice(self) -> None:
        one = self._one
        is_current = one is not None and self.list.currentItem().data(_LINK) is not None
        self.go.allow(one is not None and not is_current, self.tr("It is looked at already"))
        self.rename.allow(one is not None)
        self.forget.allow(one is not None)
        is_new = one is not None and self.name.text().strip() not in ("", one.name)
        self.save.allow(is_new, self.tr("Give it another name first"))

    def _show_renaming(self, shown: bool) -> None:
        self.name.setVisible(shown)
        self.save.setVisible(shown)

    def _go(self) -> None:
        one = self._one
        if one is not None and self.go.isEnabled():
            self.accept()
            self.chosen.emit(one.id)

    def _rename(self) -> None:
        one = self._one
        if one is not None and self.save.isEnabled():
            self._show_renaming(False)
            self.list.setFocus()
            self.renamed.emit(one.id, self.name.text().strip())

    def _forget(self) -> None:
        one = self._one
        if one is not None:
            self.forget_requested.emit(one.id)

    def _lay_out(self) -> None:
        second = self.tr("One agent is looked at at a time; the others are left alone meanwhile.")
        naming = QHBoxLayout()
        naming.setSpacing(8)
        naming.addWidget(self.name, 1)
        naming.addWidget(self.save)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        for button in (self.another, self.rename, self.forget):
            foot.addWidget(button)
        foot.addStretch(1)
        foot.addWidget(self.leave)
        foot.addWidget(self.go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 18)
        layout.setSpacing(12)
        layout.addWidget(Words(self._theme, self.tr("Connections"), px=16, weight=600))
        layout.addWidget(Words(self._theme, second, ink="text2", wrap=True))
        layout.addWidget(self.list)
        layout.addLayout(naming)
        layout.addSpacing(4)
        layout.addLayout(foot)

    def _dress(self) -> None:
        t = self._theme.tokens
        for widget, role, colour in (
            (self, QPalette.ColorRole.Window, t.surface),
            (self.list, QPalette.ColorRole.Base, t.surface),
        ):
            palette = QPalette(widget.palette())
            palette.setColor(role, QColor(colour))
            widget.setPalette(palette)


class _List(QListWidget):
    """Lines to choose one of; two keys mean what two buttons beside it do."""

    rename_wanted = Signal()
    forget_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Connections"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F2:
            self.rename_wanted.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.forget_wanted.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # Not every platform's style activates by Return.
            self.itemActivated.emit(self.currentItem())
        else:
            super().keyPressEvent(event)


class _Rows(QStyledItemDelegate):
    """Environment, name and address; at the right how it stands."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: object) -> QSize:
        return QSize(0, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: object) -> None:
        one: Connection = index.data(_CONNECTION)  # type: ignore[attr-defined]
        link: Link | None = index.data(_LINK)  # type: ignore[attr-defined]
        theme, t = self._theme, self._theme.tokens
        painter.save()
        room = paint_ground(painter, theme, option, is_first=True)
        bar = QRectF(room.left(), room.top() + 10, 4, room.height() - 21)
        rounded(painter, bar, 2, fill=t.environment(one.environment).ground)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        column = QRect(room.left() + 14, room.top() + 7, room.width() - STATE_PX - 22, 20)
        second = f"{one.environment.capitalize()}, {where(one)}"
        for font, ink, text in (
            (theme.font(13, 600), t.text, one.name),
            (theme.font(12), t.text2, second),
        ):
            painter.setFont(font)
            painter.setPen(QColor(ink))
            shown = QFontMetrics(font).elidedText(
                text, Qt.TextElideMode.ElideMiddle, column.width()
            )
            painter.drawText(column, left, shown)
            column.translate(0, 18)
        look = link_look(link.state if link is not None else "")
        ink = token_colour(theme, f"{look.family}.text")
        state = QRect(room.right() - STATE_PX, room.top(), STATE_PX, room.height())
        theme.draw_icon(painter, QRect(state.left(), state.center().y() - 8, 16, 16),
                        look.icon, ink, 14)  # fmt: skip
        painter.setFont(theme.font(12, 500))
        painter.setPen(QColor(t.text if look.family == "ok" else ink))
        painter.drawText(state.adjusted(22, 0, 0, 0), left, state_of(link))
        painter.restore()


def where(connection: Connection) -> str:
    """Host and port, as a link writes them."""
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    return f"{host}:{connection.control_port}"


def state_of(link: Link | None) -> str:
    """How it stands with an agent; None is one that is not looked at."""
    said = link_look(link.state if link is not None else "").said
    if link is not None and link.round_trip_ms is not None and link.is_live:
        return f"{said}, {words.count(link.round_trip_ms)}{words.NO_BREAK}ms"
    return said
