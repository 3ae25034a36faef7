"""The way from screen to screen, and the appearance."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QActionGroup, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QMenu, QVBoxLayout, QWidget

from desktop.parts.buttons import Pressable, draw_badge, draw_focus, stop_once
from desktop.parts.labels import Ground
from desktop.theme import Theme, rounded

OVERVIEW: Final = "overview"
TASKS: Final = "tasks"
TIMELINE: Final = "timeline"
RUNS: Final = "runs"
ALERTS: Final = "alerts"
HEALTH: Final = "health"
AUDIT: Final = "audit"

WIDE_PX: Final = 72
ICONS_PX: Final = 52
ITEM_PX: Final = 56

_SCREENS: Final = (
    (OVERVIEW, "Overview", "squares-four"),
    (TASKS, "Tasks", "rows"),
    (TIMELINE, "Timeline", "chart-bar-horizontal"),
    (RUNS, "Runs", "clock-counter-clockwise"),
    (ALERTS, "Alerts", "bell"),
    (HEALTH, "Health", "heartbeat"),
    (AUDIT, "Audit", "shield-check"),
)
_APPEARANCES: Final = (
    ("system", "As the system"),
    ("light", "Light"),
    ("dark", "Dark"),
    ("contrast", "High contrast"),
)


class _Item(Pressable):
    def __init__(self, theme: Theme, word: str, icon: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._icon = theme, icon
        self._count, self._family = 0, "bad"
        self.setText(word)
        self.setToolTip(word)
        self.setFixedHeight(ITEM_PX)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def show_count(self, count: int, family: str) -> None:
        """A number in the corner, in that family's colour; none at zero."""
        self._count, self._family = count, family
        self.setAccessibleName(f"{self.text()} {count}" if count else self.text())
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(WIDE_PX, ITEM_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        is_on = self.isChecked()
        tile = QRectF(7, 2, self.width() - 14, self.height() - 4)
        if is_on:
            rounded(painter, tile, 8, fill=t.surface, border=t.line)
            bar = QRectF(-3, tile.top() + 8, 6, tile.height() - 16)
            rounded(painter, bar, 3, fill=t.focus)
        elif self.underMouse():
            rounded(painter, tile, 8, fill=t.hover)
        draw_focus(painter, self, self._theme, 8)
        wordless = self.width() < WIDE_PX
        icon = f"{self._icon}-fill" if is_on else self._icon
        mark = QRectF(tile.left(), tile.top() + (14 if wordless else 7), tile.width(), 22)
        self._theme.draw_icon(painter, mark, icon, t.focus if is_on else t.text2, 20)
        draw_badge(painter, self._theme, mark.center() + QPointF(2, -14), self._count, self._family)
        if wordless:
            return
        painter.setFont(self._theme.font(11, 600 if is_on else 400))
        painter.setPen(QColor(t.text if is_on else t.text2))
        word = QRectF(0, tile.top() + 30, self.width(), 16)
        painter.drawText(word, Qt.AlignmentFlag.AlignCenter, self.text())


class Rail(Ground):
    """Only screens that exist; settings at the foot."""

    chosen = Signal(str)
    appearance_chosen = Signal(str)
    compact_chosen = Signal(bool)
    connections_requested = Signal()
    keys_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "rail", lines="r", parent=parent)
        self._theme, self._is_compact = theme, False
        self.setFixedWidth(WIDE_PX)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 4)
        layout.setSpacing(0)
        self._group = QButtonGroup(self)
        self._items: dict[str, _Item] = {}
        for place, (key, word, icon) in enumerate(_SCREENS, start=1):
            item = _Item(theme, self.tr(word), icon, self)
            item.setCheckable(True)
            item.setToolTip(f"{self.tr(word)} (Ctrl+{place})")
            item.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            self._group.addButton(item)
            self._items[key] = item
            layout.addWidget(item)
        stop_once(self._group)
        layout.addStretch(1)
        self.settings = _Item(theme, self.tr("Settings"), "gear-six", self)
        self.settings.clicked.connect(self._open_settings)
        layout.addWidget(self.settings)

    @property
    def first(self) -> QWidget:
        """Where the keyboard enters: the screen we are on."""
        return self._group.checkedButton() or self.settings

    def choose(self, key: str) -> None:
        """Show that screen as the one we are on."""
        self._items[key].setChecked(True)

    def show_alerts(self, count: int, family: str) -> None:
        """How many alerts nobody cares for yet, in the colour of the worst."""
        self._items[ALERTS].show_count(count, family)

    def show_compact(self, compact: bool) -> None:
        """The rows are low, or not."""
        self._is_compact = compact

    def set_narrow(self, narrow: bool) -> None:
        """Icons only, on a small window."""
        self.setFixedWidth(ICONS_PX if narrow else WIDE_PX)

    def settings_menu(self) -> QMenu:
        """What can be set, as a menu."""
        menu = QMenu(self)
        menu.addSection(self.tr("Appearance"))
        group = QActionGroup(menu)
        for key, word in _APPEARANCES:
            action = menu.addAction(self.tr(word))
            action.setCheckable(True)
            action.setChecked(self._theme.choice == key)
            action.triggered.connect(lambda _=False, key=key: self.appearance_chosen.emit(key))
            group.addAction(action)
        menu.addSection(self.tr("Rows"))
        density = QActionGroup(menu)
        for compact, word in ((False, self.tr("Comfortable")), (True, self.tr("Compact"))):
            action = menu.addAction(word)
            action.setCheckable(True)
            action.setChecked(self._is_compact == compact)
            action.triggered.connect(lambda _=False, c=compact: self.compact_chosen.emit(c))
            density.addAction(action)
        menu.addSeparator()
        connections = menu.addAction(self.tr("Connections"))
        connections.triggered.connect(self.connections_requested)
        keys = menu.addAction(self.tr("All keys"))
        keys.triggered.connect(self.keys_requested)
        return menu

    def _open_settings(self) -> None:
        corner = self.settings.mapToGlobal(self.settings.rect().topRight())
        self.settings_menu().popup(corner)
