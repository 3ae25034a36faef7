"""The lanes themselves: one widget that paints what is in sight, and answers keys and pointer."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from desktop import words
from desktop.models.timeline import Timeline
from desktop.theme import Theme
from desktop.views.timeline.lanes import Axis, Lane
from desktop.views.timeline.picture import Picture
from desktop.views.timeline.scene import HEAD_PX, NEAR_PX, Scene
from desktop.views.timeline.telling import Item, identity, moment_of
from shared.protocol.rows import Task
from shared.protocol.timeline import Span

ZOOM: Final = 0.8
"""So much of the stretch is left after one step of the wheel, or of the key."""
PAN: Final = 1 / 8
"""So much of it one step of the wheel moves."""
_PLAIN: Final = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.KeypadModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
_ZOOMS: Final = {Qt.Key.Key_Plus: ZOOM, Qt.Key.Key_Equal: ZOOM, Qt.Key.Key_Minus: 1 / ZOOM}
_OPENING: Final = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class Canvas(QAbstractScrollArea):
    """Shows the stretch it is told; which one it should show instead, it says."""

    view_wanted = Signal(object)
    """Another stretch: from and to."""
    zoom_wanted = Signal(float, object)
    """The part of the stretch that is to be left, and the moment that keeps its place."""
    now_wanted = Signal()
    group_pressed = Signal(str)
    run_opened = Signal(str)
    task_opened = Signal(str)
    chosen_changed = Signal()

    def __init__(
        self, timeline: Timeline, theme: Theme, now: words.Clock, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.scene = Scene(timeline, now)
        self._picture = Picture(self.scene, theme)
        self._beside_ms: int | None = None
        """Where the keyboard stood last: lanes without a run there are passed over."""
        self._dragged: tuple[QPointF, tuple[int, int]] | None = None
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Timeline"))
        theme.changed.connect(self.viewport().update)
        self.verticalScrollBar().valueChanged.connect(self._scroll)

    # What it is told ---------------------------------------------------------------------

    def show_lanes(self, lanes: Sequence[Lane], tasks: Mapping[str, Task]) -> None:
        """These rows, and what is known of their tasks."""
        self.scene.show_lanes(lanes, tasks)
        self._set_bar()
        self.viewport().update()

    def show_view(self, view: tuple[int, int], *, counts: bool) -> None:
        """That stretch of time, as runs or as counts of hours."""
        if self.scene.show_view(view, counts=counts):
            self.viewport().update()

    def show_zone(self, zone: tzinfo | None) -> None:
        """On whose clock times are said."""
        self.scene.zone = zone
        self.viewport().update()

    def show_stale(self, is_stale: bool) -> None:
        """What is shown is old, or not."""
        self.scene.is_stale = is_stale
        self.viewport().update()

    def set_compact(self, is_compact: bool) -> None:
        """Lower rows, or comfortable ones."""
        self.scene.is_compact = is_compact
        self._set_bar()
        self.viewport().update()

    def renew(self, task_ids: frozenset[str] | None = None) -> None:
        """What is known of all tasks, or of these, is another."""
        self.scene.renew(task_ids)
        self.viewport().update()

    def tick(self) -> None:
        """Time went by."""
        self.scene.tick()
        self.viewport().update()

    @property
    def axis(self) -> Axis:
        """The stretch that is shown, beside the names."""
        return self.scene.axis

    def choose(self, key: str, item: Item | None = None) -> None:
        """Bring the keyboard to a lane, and to something in it."""
        self.scene.key, self.scene.item = key, item
        if item is not None:
            self._beside_ms = moment_of(item)
        self._bring_into_sight()
        self.setAccessibleDescription(self.scene.sentence())
        if self.hasFocus():
            event = QAccessibleEvent(self, QAccessible.Event.DescriptionChanged)
            QAccessible.updateAccessibility(event)
        self.viewport().update()
        self.chosen_changed.emit()

    # Keys --------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        lane = self.scene.lane
        if lane is None or event.modifiers() not in _PLAIN:
            super().keyPressEvent(event)
            return
        page = max(1, (self.viewport().height() - HEAD_PX) // self.scene.row_px - 1)
        key = Qt.Key(event.key())
        rows = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        rows |= {Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page}
        if key in rows:
            self._step_lane(rows[key])
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._step_item(lane, -1 if key == Qt.Key.Key_Left else 1)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            if items := self.scene.items_in_sight():
                self.choose(lane.key, items[0 if key == Qt.Key.Key_Home else -1])
        elif key in _ZOOMS:
            self.zoom_wanted.emit(_ZOOMS[key], self._zoom_place())
        elif key == Qt.Key.Key_N:
            self.now_wanted.emit()
        elif key in _OPENING:
            self._open(lane)
        else:
            super().keyPressEvent(event)

    def _step_lane(self, step: int) -> None:
        keys, beside_ms = [lane.key for lane in self.scene.lanes], self._beside_ms
        place = min(max(0, keys.index(self.scene.key) + step), len(keys) - 1)
        self.scene.key = keys[place]
        near = None
        if beside_ms is not None and (items := self.scene.items_in_sight()):
            near = min(items, key=lambda one: abs(moment_of(one) - beside_ms))
        self.choose(keys[place], near)

    def _step_item(self, lane: Lane, step: int) -> None:
        is_open = not lane.is_folded
        if lane.is_group and self.scene.item is None and is_open == (step < 0):
            self.group_pressed.emit(lane.name)
            return
        items = self.scene.items()
        if items:
            place = min(max(0, self._next_place(items, step)), len(items) - 1)
            self.choose(lane.key, items[place])

    def _next_place(self, items: Sequence[Item], step: int) -> int:
        """Beside what is chosen; else the newest that has begun, or the first after it."""
        if self.scene.item is not None:
            wanted, known = identity(self.scene.item), [identity(one) for one in items]
            if wanted in known:
                return known.index(wanted) + step
        first, last = self.scene.view
        middle = min(max(self.scene.now(), first), last)
        begun = sum(1 for one in items if moment_of(one) <= middle)
        return begun - 1 if step < 0 else begun

    def _zoom_place(self) -> int:
        """What is chosen keeps its place, else now, else the middle."""
        first, last = self.scene.view
        item = self.scene.item
        at_ms = self.scene.now() if item is None else moment_of(item)
        return at_ms if first <= at_ms <= last else (first + last) // 2

    def _open(self, lane: Lane) -> None:
        item = self.scene.chosen
        if isinstance(item, Span) and item.start_ms is not None:
            self.run_opened.emit(item.run_id)
        elif item is not None and item.task_id in self.scene.tasks:
            self.task_opened.emit(item.task_id)
        elif lane.is_group:
            self.group_pressed.emit(lane.name)
        else:
            self.task_opened.emit(lane.key)

    # Pointer -----------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        axis, turned = self.axis, event.angleDelta()
        # With Shift or Alt some systems turn the wheel aside.
        steps = (turned.y() or turned.x()) / 120
        is_aside = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier) or not turned.y()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            x = min(max(event.position().x(), axis.left), axis.right)
            self.zoom_wanted.emit(ZOOM**steps, axis.ms(x))
        elif is_aside:
            by_ms = round(-steps * axis.span_ms * PAN)
            self.view_wanted.emit((axis.from_ms + by_ms, axis.to_ms + by_ms))
        else:
            super().wheelEvent(event)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at, lane = event.position(), self.scene.lane_at(event.position().y())
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._dragged, self._beside_ms = (at, self.scene.view), None
        if lane is None:
            return
        if at.x() >= self.scene.names_px:
            self.choose(lane.key, self.scene.item_at(lane, at.x()))
            return
        self.choose(lane.key)
        if lane.is_group:
            self.group_pressed.emit(lane.name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._dragged is not None and event.buttons() & Qt.MouseButton.LeftButton:
            begun, (from_ms, to_ms) = self._dragged
            moved = at.x() - begun.x()
            if abs(moved) > NEAR_PX and begun.x() >= self.scene.names_px:
                by_ms = round(-moved * self.axis.span_ms / self.axis.wide)
                self.view_wanted.emit((from_ms + by_ms, to_ms + by_ms))
            return
        lines = self.scene.lines_at(at.x(), at.y())
        if lines:
            QToolTip.showText(event.globalPosition().toPoint(), "\n".join(lines), self)
        else:
            QToolTip.hideText()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._dragged = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        lane = self.scene.lane_at(event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and lane is not None:
            is_name = lane.is_group and event.position().x() < self.scene.names_px
            if not is_name:
                self._open(lane)

    def leaveEvent(self, _event: QEvent) -> None:
        QToolTip.hideText()

    # Inside ------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scene.wide, self.scene.high = self.viewport().width(), self.viewport().height()
        self._set_bar()
        self.renew()

    def paintEvent(self, _event: QPaintEvent) -> None:
        self._picture.paint(QPainter(self.viewport()), has_focus=self.hasFocus())

    def _scroll(self, value: int) -> None:
        self.scene.scrolled = value
        self.viewport().update()

    def _set_bar(self) -> None:
        bar, room = self.verticalScrollBar(), max(1, self.viewport().height() - HEAD_PX)
        bar.setPageStep(room)
        bar.setSingleStep(self.scene.row_px)
        bar.setRange(0, max(0, len(self.scene.lanes) * self.scene.row_px - room))

    def _bring_into_sight(self) -> None:
        bar, room, row = self.verticalScrollBar(), self.scene.high - HEAD_PX, self.scene.row_px
        keys = [lane.key for lane in self.scene.lanes]
        top = row * keys.index(self.scene.key) if self.scene.key in keys else 0
        bar.setValue(min(max(bar.value(), top + row - room), top))
        item, (first, last) = self.scene.item, self.scene.view
        if item is not None and not first <= moment_of(item) <= last:
            half = (last - first) // 2
            self.view_wanted.emit((moment_of(item) - half, moment_of(item) + half))
