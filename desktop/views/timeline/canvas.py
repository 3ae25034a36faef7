"""The lanes themselves: one widget that paints what is in sight, and answers keys and pointer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from desktop import words
from desktop.models.timeline import Course, Timeline
from desktop.states import state_of, task_look
from desktop.theme import Theme, rounded
from desktop.views.timeline import telling
from desktop.views.timeline.lanes import (
    Axis,
    Bar,
    HourBar,
    Lane,
    Outline,
    bars,
    hour_bars,
    outlines,
    ticks,
)
from desktop.views.timeline.painting import Brushes, drawn
from desktop.views.timeline.telling import Item, identity, moment_of
from shared.protocol.rows import Task
from shared.protocol.timeline import Span

ROW_PX: Final = 20
COMPACT_PX: Final = 16
HEAD_PX: Final = 30
NAMES_PX: Final = 270
NARROW_NAMES_PX: Final = 190
NARROW_PX: Final = 760
NEAR_PX: Final = 3
ZOOM: Final = 0.8
"""So much of the range is left after one step of the wheel, or of the key."""


@dataclass(slots=True)
class _Drawn:
    """What stands in a lane, as it was placed last."""

    course: Course
    bars: list[Bar]
    hours: list[HourBar]
    outlines: list[Outline]


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
        self._timeline, self._theme, self._now = timeline, theme, now
        self.lanes: list[Lane] = []
        self._tasks: Mapping[str, Task] = {}
        self._zone: tzinfo | None = None
        self._stale = self._is_compact = False
        self.counts = False
        self.view = (0, words.HOUR_MS)
        self._drawn: dict[str, _Drawn] = {}
        self.lane = ""
        self._chosen: Item | None = None
        self._dragged: tuple[QPointF, tuple[int, int]] | None = None
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Timeline"))
        theme.changed.connect(self.viewport().update)

    # What it is told ---------------------------------------------------------------------

    def show_lanes(self, lanes: Sequence[Lane], tasks: Mapping[str, Task]) -> None:
        """These rows, and what is known of their tasks."""
        self._tasks = tasks
        self.lanes = list(lanes)
        keys = [lane.key for lane in self.lanes]
        if self.lane not in keys:
            self.lane, self._chosen = (keys[0] if keys else ""), None
        self._set_bar()
        self.renew()

    def show_view(self, view: tuple[int, int], *, counts: bool) -> None:
        """That stretch of time, as runs or as counts of hours."""
        if (view, counts) != (self.view, self.counts):
            self.view, self.counts = view, counts
            self.renew()

    def show_zone(self, zone: tzinfo | None) -> None:
        """On whose clock times are said."""
        self._zone = zone
        self.viewport().update()

    def show_stale(self, is_stale: bool) -> None:
        """What is shown is old, or not."""
        self._stale = is_stale
        self.viewport().update()

    def set_compact(self, is_compact: bool) -> None:
        """Lower rows, or comfortable ones."""
        self._is_compact = is_compact
        self._set_bar()
        self.viewport().update()

    def renew(self) -> None:
        """What is known is another: place everything anew when it is painted."""
        self._drawn.clear()
        self.viewport().update()

    def tick(self) -> None:
        """Time went by: what goes on grows, what was to come may have passed."""
        for key, one in list(self._drawn.items()):
            if one.course.first_live is not None or one.outlines:
                del self._drawn[key]
        self.viewport().update()

    # What it says ------------------------------------------------------------------------

    @property
    def axis(self) -> Axis:
        """The stretch that is shown, beside the names."""
        left = self.names_px
        return Axis(*self.view, left, max(1, self.viewport().width() - left))

    @property
    def names_px(self) -> int:
        """How wide the names are."""
        return NARROW_NAMES_PX if self.viewport().width() < NARROW_PX else NAMES_PX

    @property
    def row_px(self) -> int:
        """How high a lane is."""
        return COMPACT_PX if self._is_compact else ROW_PX

    @property
    def chosen(self) -> Item | None:
        """The run, hour or moment the keyboard stands on, as it is known now."""
        if self._chosen is None:
            return None
        wanted = identity(self._chosen)
        return next((one for one in self._items() if identity(one) == wanted), self._chosen)

    @property
    def chosen_task(self) -> Task | None:
        """The task of the lane the keyboard stands on."""
        return self._tasks.get(self.lane)

    def sentence(self) -> str:
        """What the keyboard stands on, in words."""
        lane = next((one for one in self.lanes if one.key == self.lane), None)
        if lane is None:
            return ""
        item = self.chosen
        if item is None:
            task = self._tasks.get(lane.key)
            state = state_of(task, self._now()) if task is not None else ""
            return telling.tell_lane(lane, task, state)
        return ", ".join(self._tell(item))

    def drawn_of(self, key: str) -> _Drawn:
        """What stands in the lane of that key."""
        if key not in self._drawn:
            lane = next(one for one in self.lanes if one.key == key)
            self._drawn[key] = self._place(lane)
        return self._drawn[key]

    def choose(self, lane: str, item: Item | None = None) -> None:
        """Bring the keyboard to a lane, and to something in it."""
        self.lane, self._chosen = lane, item
        self._bring_into_sight()
        self.setAccessibleDescription(self.sentence())
        if self.hasFocus():
            event = QAccessibleEvent(self, QAccessible.Event.DescriptionChanged)
            QAccessible.updateAccessibility(event)
        self.viewport().update()
        self.chosen_changed.emit()

    # Keys and pointer --------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, is_plain = event.key(), event.modifiers() in _PLAIN
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        page = max(1, (self.viewport().height() - HEAD_PX) // self.row_px - 1)
        steps |= {Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page}
        if not is_plain or not self.lanes:
            super().keyPressEvent(event)
        elif key in steps:
            self._step_lane(steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._step_item(-1 if key == Qt.Key.Key_Left else 1)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._to_end(-1 if key == Qt.Key.Key_Home else 1)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._zoom(1 / ZOOM if key == Qt.Key.Key_Minus else ZOOM, self._zoom_place())
        elif key == Qt.Key.Key_N:
            self.now_wanted.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # With Shift or Alt some systems turn the wheel aside.
        steps = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            x = min(max(event.position().x(), self.axis.left), self.axis.right)
            self._zoom(ZOOM**steps, self.axis.ms(x))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._pan(round(-steps * self.axis.span_ms / 8))
        elif event.angleDelta().x() and not event.angleDelta().y():
            self._pan(round(-steps * self.axis.span_ms / 8))
        else:
            super().wheelEvent(event)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = event.position()
        self._dragged = (at, self.view)
        lane = self._lane_at(at.y())
        if lane is None:
            return
        if lane.is_group and at.x() < self.names_px:
            self.choose(lane.key)
            self.group_pressed.emit(lane.name)
            return
        self.choose(lane.key, self._item_at(lane, at.x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._dragged is not None and event.buttons() & Qt.MouseButton.LeftButton:
            begun, (from_ms, to_ms) = self._dragged
            moved = at.x() - begun.x()
            if abs(moved) > NEAR_PX and begun.x() >= self.names_px:
                by_ms = round(-moved * self.axis.span_ms / self.axis.wide)
                self.view_wanted.emit((from_ms + by_ms, to_ms + by_ms))
            return
        lines = self.lines_at(at.toPoint())
        if lines:
            QToolTip.showText(event.globalPosition().toPoint(), "\n".join(lines), self)
        else:
            QToolTip.hideText()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._dragged = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        lane = self._lane_at(event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and lane is not None and not lane.is_group:
            self._open()

    def leaveEvent(self, _event: QEvent) -> None:
        QToolTip.hideText()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_bar()
        self.renew()

    def lines_at(self, at: QPoint) -> list[str]:
        """What is said of what stands at a place."""
        zone, now_ms = self._zone, self._now()
        lane = self._lane_at(at.y())
        if at.x() < self.names_px:
            return [] if lane is None else [self._lane_words(lane)]
        if at.y() < HEAD_PX:
            at_ms = self.axis.ms(at.x())
            near = NEAR_PX * self.axis.span_ms / self.axis.wide
            for gap in self._timeline.gaps:
                if gap.from_ms - near <= at_ms <= gap.to_ms + near:
                    return telling.tell_gap(gap, zone, now_ms)
            return []
        if lane is None:
            return []
        bar = self._bar_at(lane, at.x())
        if bar is not None and bar.count > 1:
            spans = self.drawn_of(lane.key).course.spans[bar.first : bar.last + 1]
            return telling.tell_several(spans, zone, now_ms)
        item = self._item_at(lane, at.x())
        if item is not None:
            return self._tell(item)
        at_ms = self.axis.ms(at.x())
        for closed in self._timeline.closed:
            if closed.from_ms <= at_ms < closed.to_ms and set(lane.task_ids) & set(closed.task_ids):
                return telling.tell_closed(closed, zone, now_ms)
        return []

    # Inside: where things are ------------------------------------------------------------

    def _place(self, lane: Lane) -> _Drawn:
        axis, now_ms = self.axis, self._now()
        if lane.is_group and not lane.is_folded:
            return _Drawn(Course(), [], [], [])
        if self.counts:
            hours = hour_bars(self._timeline.hours_of(lane.task_ids), axis)
            return _Drawn(Course(), [], hours, [])
        is_one = len(lane.task_ids) == 1
        course = (
            self._timeline.course(lane.task_ids[0])
            if is_one
            else self._timeline.together(lane.task_ids)
        )
        coming = [one for key in lane.task_ids for one in self._timeline.planned.get(key, ())]
        coming.sort(key=lambda one: one.at_ms)
        return _Drawn(course, bars(course, axis, now_ms), [], outlines(coming, axis, now_ms))

    def _items(self) -> list[Item]:
        """Everything the keyboard can stand on in its lane, in order."""
        lane = next((one for one in self.lanes if one.key == self.lane), None)
        if lane is None or (lane.is_group and not lane.is_folded):
            return []
        if self.counts:
            hours = self._timeline.hours_of(lane.task_ids)
            return [hours[at_ms] for at_ms in sorted(hours)]
        now_ms = self._now()
        coming = [one for key in lane.task_ids for one in self._timeline.planned.get(key, ())]
        coming = sorted((one for one in coming if one.at_ms > now_ms), key=moment_of)
        return [*self.drawn_of(lane.key).course.spans, *coming]

    def _lane_at(self, y: float) -> Lane | None:
        place = int((y - HEAD_PX + self.verticalScrollBar().value()) // self.row_px)
        return self.lanes[place] if y >= HEAD_PX and place < len(self.lanes) else None

    def _bar_at(self, lane: Lane, x: float) -> Bar | None:
        near = [
            bar
            for bar in self.drawn_of(lane.key).bars
            if bar.x - NEAR_PX <= x <= bar.x + bar.wide + NEAR_PX
        ]
        # What is loud lies over what is quiet.
        near.sort(key=lambda bar: (bar.state == "success", abs(bar.x + bar.wide / 2 - x)))
        return near[0] if near else None

    def _item_at(self, lane: Lane, x: float) -> Item | None:
        shown = self.drawn_of(lane.key)
        bar = self._bar_at(lane, x)
        if bar is not None:
            inside = shown.course.spans[bar.first : bar.last + 1]
            return min(inside, key=lambda span: abs(self.axis.x(moment_of(span)) - x))
        for hour in shown.hours:
            if hour.x <= x <= hour.x + hour.wide + 1:
                return hour.count
        for outline in shown.outlines:
            if outline.x - NEAR_PX <= x <= outline.x + outline.wide + NEAR_PX:
                return outline.first
        return None

    def _tell(self, item: Item) -> list[str]:
        lines = telling.tell(item, self._zone, self._now(), self._tasks.get(item.task_id))
        lane = next(one for one in self.lanes if one.key == self.lane)
        return [lane.name, *lines] if self.counts else lines

    def _lane_words(self, lane: Lane) -> str:
        task = self._tasks.get(lane.key)
        state = state_of(task, self._now()) if task is not None else ""
        said = telling.tell_lane(lane, task, state)
        return f"{said}\n{task.schedule_text}" if task is not None and task.schedule_text else said

    # Inside: moving ----------------------------------------------------------------------

    def _step_lane(self, step: int) -> None:
        keys = [lane.key for lane in self.lanes]
        place = keys.index(self.lane) if self.lane in keys else 0
        place = min(max(0, place + step), len(keys) - 1)
        before = self._chosen
        self.lane = keys[place]
        near = None
        if before is not None and (items := self._in_sight(self._items())):
            near = min(items, key=lambda one: abs(moment_of(one) - moment_of(before)))
        self.choose(keys[place], near)

    def _step_item(self, step: int) -> None:
        lane = next(one for one in self.lanes if one.key == self.lane)
        if lane.is_group and lane.is_folded == (step > 0):
            self.group_pressed.emit(lane.name)
            return
        items = self._items()
        if not items:
            return
        place = self._place_of(items, step)
        self.choose(self.lane, items[min(max(0, place), len(items) - 1)])

    def _place_of(self, items: Sequence[Item], step: int) -> int:
        """The next of what is chosen; else the newest in sight, or the first that is to come."""
        if self._chosen is not None:
            wanted = identity(self._chosen)
            known = [identity(one) for one in items]
            if wanted in known:
                return known.index(wanted) + step
        middle = min(max(self._now(), self.view[0]), self.view[1])
        before = sum(1 for one in items if moment_of(one) <= middle)
        return before - 1 if step < 0 else before

    def _to_end(self, step: int) -> None:
        items = self._in_sight(self._items())
        if items:
            self.choose(self.lane, items[0 if step < 0 else -1])

    def _in_sight(self, items: Sequence[Item]) -> list[Item]:
        return [one for one in items if self.view[0] <= moment_of(one) <= self.view[1]]

    def _bring_into_sight(self) -> None:
        place = next((at for at, one in enumerate(self.lanes) if one.key == self.lane), 0)
        bar, room = self.verticalScrollBar(), self.viewport().height() - HEAD_PX
        top = place * self.row_px
        if top < bar.value():
            bar.setValue(top)
        elif top + self.row_px > bar.value() + room:
            bar.setValue(top + self.row_px - room)
        item = self._chosen
        if item is not None and not self.view[0] <= moment_of(item) <= self.view[1]:
            half = self.axis.span_ms // 2
            self.view_wanted.emit((moment_of(item) - half, moment_of(item) + half))

    def _zoom_place(self) -> int:
        item = self._chosen
        at_ms = self._now() if item is None else moment_of(item)
        inside = self.view[0] <= at_ms <= self.view[1]
        return at_ms if inside else sum(self.view) // 2

    def _zoom(self, factor: float, around_ms: int) -> None:
        self.zoom_wanted.emit(factor, around_ms)

    def _pan(self, by_ms: int) -> None:
        self.view_wanted.emit((self.view[0] + by_ms, self.view[1] + by_ms))

    def _open(self) -> None:
        item, lane = self.chosen, next((one for one in self.lanes if one.key == self.lane), None)
        if lane is None:
            return
        if isinstance(item, Span) and item.start_ms is not None:
            self.run_opened.emit(item.run_id)
        elif item is not None and item.task_id in self._tasks:
            self.task_opened.emit(item.task_id)
        elif lane.is_group:
            self.group_pressed.emit(lane.name)
        else:
            self.task_opened.emit(lane.key)

    def _set_bar(self) -> None:
        bar, room = self.verticalScrollBar(), self.viewport().height() - HEAD_PX
        bar.setPageStep(max(1, room))
        bar.setSingleStep(self.row_px)
        bar.setRange(0, max(0, len(self.lanes) * self.row_px - room))

    # Painting ----------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        t, axis, row = self._theme.tokens, self.axis, self.row_px
        wide, high = self.viewport().width(), self.viewport().height()
        brushes = Brushes(painter, self._theme, stale=self._stale)
        painter.fillRect(0, 0, wide, high, QColor(t.surface))
        scrolled = self.verticalScrollBar().value()
        first = scrolled // row
        shown = [
            (lane, HEAD_PX + (first + place) * row - scrolled)
            for place, lane in enumerate(self.lanes[first : first + (high - HEAD_PX) // row + 2])
        ]
        bottom = min(high, HEAD_PX + len(self.lanes) * row - scrolled)
        for lane, top in shown:
            self._paint_ground(painter, lane, top)
        marks = ticks(axis, self._zone)
        for tick in marks:
            painter.fillRect(QRectF(axis.x(tick.at_ms), HEAD_PX, 1, high), QColor(t.grid))
        painter.save()
        painter.setClipRect(QRectF(axis.left, HEAD_PX, axis.wide, high - HEAD_PX))
        self._paint_gaps(brushes, bottom)
        for lane, top in shown:
            self._paint_closed(brushes, lane, top)
        for lane, top in shown:
            self._paint_lane(brushes, lane, top)
        now_x = axis.x(self._now())
        if axis.left <= now_x <= axis.right:
            brushes.now_line(now_x, HEAD_PX, high)
        painter.restore()
        painter.fillRect(0, HEAD_PX, self.names_px, high, QColor(t.surface))
        for lane, top in shown:
            self._paint_name(brushes, lane, top)
        painter.fillRect(self.names_px - 1, 0, 1, high, QColor(t.line))
        self._paint_head(brushes, [(axis.x(tick.at_ms), tick.said, tick.is_day) for tick in marks])

    def _paint_ground(self, painter: QPainter, lane: Lane, top: float) -> None:
        t = self._theme.tokens
        box = QRectF(0, top, self.viewport().width(), self.row_px)
        if lane.key == self.lane:
            painter.fillRect(box, QColor(t.sel))
        elif lane.is_group:
            painter.fillRect(box, QColor(t.sunken))
        painter.fillRect(QRectF(0, box.bottom() - 1, box.width(), 1), QColor(t.grid))

    def _paint_gaps(self, brushes: Brushes, bottom: float) -> None:
        for gap in self._timeline.gaps:
            left, right = drawn(self.axis, gap.from_ms, gap.to_ms)
            if right >= left:
                box = QRectF(left, HEAD_PX, max(2.0, right - left), bottom - HEAD_PX)
                brushes.painter.fillRect(box, QColor(brushes.tint("warn")))

    def _paint_closed(self, brushes: Brushes, lane: Lane, top: float) -> None:
        if lane.is_group and not lane.is_folded:
            return
        for closed in self._timeline.closed:
            left, right = drawn(self.axis, closed.from_ms, closed.to_ms)
            if right - left < 1 or not set(lane.task_ids) & set(closed.task_ids):
                continue
            brushes.hatch(QRectF(left, top, right - left, self.row_px - 1))

    def _paint_lane(self, brushes: Brushes, lane: Lane, top: float) -> None:
        shown, axis, now_ms = self.drawn_of(lane.key), self.axis, self._now()
        middle = top + self.row_px / 2 - 0.5
        brushes.hours(shown.hours, top + self.row_px - 3, self.row_px - 5)
        brushes.outlines(shown.outlines, middle)
        usual = {}
        for bar in shown.bars:
            span = shown.course.spans[bar.last]
            task = self._tasks.get(span.task_id)
            if span.end_ms is None and span.start_ms is not None and task and task.avg_ms:
                usual[bar.last] = axis.x(span.start_ms + task.avg_ms)
        brushes.bars(shown.bars, middle, usual)
        task = self._tasks.get(lane.key)
        if task is not None:
            self._paint_standing(brushes, task, middle, now_ms)
        if lane.key == self.lane and self._chosen is not None:
            self._paint_chosen(brushes, middle)

    def _paint_standing(self, brushes: Brushes, task: Task, middle: float, now_ms: int) -> None:
        """What keeps a task from running now, in words beside the now line."""
        axis, t, theme = self.axis, brushes.tokens, self._theme
        state = state_of(task, now_ms)
        if state == "late" and not self.counts:
            x = axis.x(task.next_ms or now_ms)
            brushes.pill(x, middle, telling.late_words(task, now_ms), task_look(state).icon, "warn")
        elif state == "paused":
            x = min(max(axis.x(now_ms), axis.left), axis.right) + 6
            mark = QRectF(x, middle - 8, 16, 16)
            theme.draw_icon(brushes.painter, mark, task_look(state).icon, t.text3, 12)
            font = theme.font(11)
            brushes.painter.setFont(font)
            brushes.painter.setPen(QColor(t.text2))
            room = QRectF(x + 20, middle - 9, max(0.0, axis.right - x - 24), 18)
            said = telling.paused_words(task, self._zone, now_ms)
            text = QFontMetrics(font).elidedText(
                said, Qt.TextElideMode.ElideRight, int(room.width())
            )
            brushes.painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_chosen(self, brushes: Brushes, middle: float) -> None:
        item = self.chosen
        if item is None:
            return
        x = self.axis.x(moment_of(item))
        wide, high = 6.0, self.row_px - 3
        if isinstance(item, Span) and item.end_ms is not None and item.start_ms is not None:
            wide = max(wide, self.axis.x(item.end_ms) - x + 2)
        if self.counts:
            wide = max(wide, self.axis.wide * words.HOUR_MS / self.axis.span_ms)
        box = QRectF(x - 2, middle - high / 2, wide + 2, high)
        width = 2.0 if self.hasFocus() else 1.0
        rounded(brushes.painter, box, 3, border=brushes.tokens.focus, width=width)

    def _paint_name(self, brushes: Brushes, lane: Lane, top: float) -> None:
        painter, t, theme = brushes.painter, brushes.tokens, self._theme
        is_chosen = lane.key == self.lane
        box = QRectF(0, top, self.names_px - 1, self.row_px - 1)
        ground = t.sel if is_chosen else t.sunken if lane.is_group else t.surface
        painter.fillRect(box, QColor(ground))
        painter.fillRect(QRectF(0, box.bottom(), box.width(), 1), QColor(t.grid))
        if is_chosen:
            painter.fillRect(QRectF(0, top, 3, box.height()), QColor(t.focus))
        mark = QRectF(14, top + (box.height() - 16) / 2, 16, 16)
        ink, weight, icon, colour = t.text, 400, "", t.text3
        if lane.is_group:
            icon, weight = "caret-right" if lane.is_folded else "caret-down", 600
        else:
            task = self._tasks[lane.key]
            state = state_of(task, self._now())
            look = task_look(state)
            icon, colour = look.icon, brushes.ink(look.family)
            if state in ("failing", "late", "invalid"):
                weight = 600
            elif state in ("paused", "disabled"):
                ink = t.text3
        theme.draw_icon(painter, mark, icon, colour, 12)
        font = theme.font(12, weight)
        painter.setFont(font)
        metrics = QFontMetrics(font)
        left = 22 if lane.is_group else 22
        room = box.adjusted(left + 12, 0, -8, 0)
        count = f"  {len(lane.task_ids)}" if lane.is_group else ""
        reserved = metrics.horizontalAdvance(count)
        said = metrics.elidedText(
            lane.name, Qt.TextElideMode.ElideMiddle, int(room.width()) - reserved
        )
        painter.setPen(QColor(ink))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, said)
        if count:
            painter.setFont(theme.font(11))
            painter.setPen(QColor(t.text3))
            room.adjust(metrics.horizontalAdvance(said), 0, 0, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, count)
        if is_chosen and self.hasFocus() and self._chosen is None:
            rounded(painter, box.adjusted(4, 0, -2, 0), 4, border=t.focus, width=2)

    def _paint_head(self, brushes: Brushes, marks: list[tuple[float, str, bool]]) -> None:
        painter, t, theme, axis = brushes.painter, brushes.tokens, self._theme, self.axis
        wide = self.viewport().width()
        painter.fillRect(0, 0, wide, HEAD_PX - 1, QColor(t.chrome))
        painter.fillRect(0, HEAD_PX - 1, wide, 1, QColor(t.line))
        painter.fillRect(self.names_px - 1, 0, 1, HEAD_PX, QColor(t.line))
        painter.setFont(theme.font(11))
        painter.setPen(QColor(t.text3))
        names = QRectF(14, 0, self.names_px - 20, HEAD_PX)
        painter.drawText(names, Qt.AlignmentFlag.AlignVCenter, self._count_words())
        now_x = axis.x(self._now())
        now_said = words.moment(self._now(), self._zone).strftime("%H:%M:%S")
        font = theme.font(11, 600)
        now_wide = QFontMetrics(font).horizontalAdvance(now_said) + 14
        now_box = QRectF(
            min(max(now_x - now_wide / 2, axis.left), axis.right - now_wide), 5, now_wide, 20
        )
        is_now = axis.left <= now_x <= axis.right
        taken = [now_box] if is_now else []
        painter.save()
        painter.setClipRect(QRectF(axis.left, 0, axis.wide, HEAD_PX))
        taken += self._paint_gap_pills(brushes, taken)
        for x, said, is_day in marks:
            tick_font = theme.font(11, 600 if is_day else 400)
            painter.setFont(tick_font)
            painter.setPen(QColor(t.text if is_day else t.text3))
            box = QRectF(x + 4, 0, QFontMetrics(tick_font).horizontalAdvance(said) + 2, HEAD_PX)
            painter.fillRect(QRectF(x, HEAD_PX - 6, 1, 5), QColor(t.line2))
            if not any(box.intersects(one) for one in taken):
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, said)
        painter.restore()
        if is_now:
            rounded(painter, now_box, 4, fill=t.accent.ground)
            painter.setFont(font)
            painter.setPen(QColor(t.accent.ink))
            painter.drawText(now_box, Qt.AlignmentFlag.AlignCenter, now_said)

    def _paint_gap_pills(self, brushes: Brushes, taken: list[QRectF]) -> list[QRectF]:
        """How long the agent did not work, over its column; the newest where two would touch."""
        painted: list[QRectF] = []
        for gap in self._timeline.gaps:
            left, right = drawn(self.axis, gap.from_ms, gap.to_ms)
            if right < left:
                continue
            said = self.tr("down {0}").format(words.rough_span(gap.to_ms - gap.from_ms))
            font = self._theme.font(11, 500)
            wide = QFontMetrics(font).horizontalAdvance(said) + 14
            box = QRectF((left + right - wide) / 2, 6, wide, 18)
            if any(box.intersects(one) for one in (*taken, *painted)):
                continue
            rounded(brushes.painter, box, 4, fill=brushes.tint("warn"), border=brushes.fill("warn"))
            brushes.painter.setFont(font)
            brushes.painter.setPen(QColor(brushes.ink("warn")))
            brushes.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, said)
            painted.append(box)
        return painted

    def _count_words(self) -> str:
        many = sum(not lane.is_group for lane in self.lanes)
        folded = sum(lane.is_folded for lane in self.lanes)
        said = words.plural(many, self.tr("lane"), self.tr("lanes"))
        if folded:
            more = words.plural(folded, self.tr("category folded"), self.tr("categories folded"))
            said = f"{said}, {more}"
        return said


_PLAIN: Final = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.KeypadModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
