"""How the timeline is painted: grounds, lanes, names and the axis over them."""

from typing import Final

from PySide6.QtCore import QCoreApplication, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter

from desktop import words
from desktop.states import state_of, task_look
from desktop.theme import Theme, rounded
from desktop.views.timeline import telling
from desktop.views.timeline.lanes import Lane, Tick, ticks
from desktop.views.timeline.painting import Brushes, drawn
from desktop.views.timeline.scene import HEAD_PX, Scene
from desktop.views.timeline.telling import moment_of
from shared.protocol.timeline import ClosedFor, Span

NAME_X: Final = 34
MARK_X: Final = 14


def _tr(text: str) -> str:
    return QCoreApplication.translate("timeline", text)


class Picture:
    """Paints a scene as it is."""

    def __init__(self, scene: Scene, theme: Theme) -> None:
        self._scene, self._theme = scene, theme
        self._has_focus = False

    def paint(self, painter: QPainter, *, has_focus: bool) -> None:
        """All of it that is in sight."""
        self._has_focus = has_focus
        scene, t, axis = self._scene, self._theme.tokens, self._scene.axis
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        brushes = Brushes(painter, self._theme, stale=scene.is_stale)
        painter.fillRect(0, 0, scene.wide, scene.high, QColor(t.surface))
        shown = scene.in_sight()
        for lane, top in shown:
            self._ground(painter, lane, top)
        marks = ticks(axis, scene.zone)
        for tick in marks:
            painter.fillRect(QRectF(axis.x(tick.at_ms), HEAD_PX, 1, scene.high), QColor(t.grid))
        painter.save()
        painter.setClipRect(QRectF(axis.left, HEAD_PX, axis.wide, scene.high - HEAD_PX))
        bottom = min(scene.high, HEAD_PX + len(scene.lanes) * scene.row_px - scene.scrolled)
        self._gaps(brushes, bottom)
        for closed in scene.timeline.closed:
            self._closed(brushes, closed, shown)
        for lane, top in shown:
            self._lane(brushes, lane, top)
        now_x = axis.x(scene.now())
        if axis.left <= now_x <= axis.right:
            brushes.now_line(now_x, HEAD_PX, scene.high)
        for lane, top in shown:
            self._standing(brushes, lane, top)
        painter.restore()
        for lane, top in shown:
            self._name(brushes, lane, top)
        painter.fillRect(scene.names_px - 1, 0, 1, scene.high, QColor(t.line))
        self._head(brushes, marks)

    # Under the bars ----------------------------------------------------------------------

    def _ground(self, painter: QPainter, lane: Lane, top: float) -> None:
        t, scene = self._theme.tokens, self._scene
        box = QRectF(0, top, scene.wide, scene.row_px)
        if lane.key == scene.key:
            painter.fillRect(box, QColor(t.sel))
        elif lane.is_group:
            painter.fillRect(box, QColor(t.sunken))
        painter.fillRect(QRectF(0, box.bottom() - 1, box.width(), 1), QColor(t.grid))

    def _gaps(self, brushes: Brushes, bottom: float) -> None:
        for gap in self._scene.timeline.gaps:
            left, right = drawn(self._scene.axis, gap.from_ms, gap.to_ms)
            if right >= left:
                box = QRectF(left, HEAD_PX, max(2.0, right - left), bottom - HEAD_PX)
                brushes.painter.fillRect(box, QColor(brushes.tint("warn")))

    def _closed(self, brushes: Brushes, closed: ClosedFor, shown: list[tuple[Lane, int]]) -> None:
        """A hatch over each lane that obeys, and the name above the first of them."""
        scene, obedient = self._scene, self._scene.timeline.obedient(closed)
        left, right = drawn(scene.axis, closed.from_ms, closed.to_ms)
        tops = [
            top
            for lane, top in shown
            if not obedient.isdisjoint(lane.task_ids) and (lane.is_folded or not lane.is_group)
        ]
        if right - left < 1 or not tops:
            return
        for top in tops:
            brushes.hatch(QRectF(left, top, right - left, scene.row_px - 1))
        room = QRectF(left, max(HEAD_PX, tops[0] - scene.row_px), right - left, scene.row_px - 1)
        brushes.caption(room, closed.name)

    # The bars ----------------------------------------------------------------------------

    def _lane(self, brushes: Brushes, lane: Lane, top: float) -> None:
        scene = self._scene
        shown, axis = scene.drawn_of(lane), scene.axis
        middle = top + scene.row_px / 2 - 0.5
        brushes.hours(shown.hours, top + scene.row_px - 2, scene.row_px - 4)
        brushes.outlines(shown.outlines, middle)
        usual = {}
        for bar in shown.bars:
            span = shown.course.spans[bar.last]
            task = scene.tasks.get(span.task_id)
            if span.end_ms is None and span.start_ms is not None and task and task.avg_ms:
                usual[bar.last] = axis.x(span.start_ms + task.avg_ms)
        brushes.bars(shown.bars, middle, usual)
        if lane.key == scene.key and scene.item is not None:
            self._chosen(brushes, middle)

    def _standing(self, brushes: Brushes, lane: Lane, top: float) -> None:
        """What keeps a task from running now, in words beside the now line."""
        task, now_ms = self._scene.tasks.get(lane.key), self._scene.now()
        if task is None:
            return
        middle = top + self._scene.row_px / 2 - 0.5
        axis, zone, state = self._scene.axis, self._scene.zone, state_of(task, now_ms)
        if state == "late" and not self._scene.counts:
            due_x = axis.x(task.next_ms or now_ms)
            said = telling.late_words(task, now_ms)
            brushes.pill(due_x, middle, said, task_look(state).icon, "warn")
        elif state == "paused":
            x = min(max(axis.x(now_ms), axis.left), axis.right) + 6
            said = telling.paused_words(task, zone, now_ms)
            brushes.note(x, middle, axis.right - x - 4, said, task_look(state).icon)

    def _chosen(self, brushes: Brushes, middle: float) -> None:
        item, axis = self._scene.chosen, self._scene.axis
        if item is None:
            return
        x, wide, high = axis.x(moment_of(item)), 4.0, self._scene.row_px - 3
        if isinstance(item, Span) and item.end_ms is not None and item.start_ms is not None:
            wide = max(wide, axis.x(item.end_ms) - x)
        if self._scene.counts:
            wide = max(wide, axis.wide * words.HOUR_MS / axis.span_ms)
        box = QRectF(x - 3, middle - high / 2, wide + 6, high)
        width = 2.0 if self._has_focus else 1.0
        rounded(brushes.painter, box, 3, border=brushes.tokens.focus, width=width)

    # The names ---------------------------------------------------------------------------

    def _name(self, brushes: Brushes, lane: Lane, top: float) -> None:
        painter, t, theme, scene = brushes.painter, brushes.tokens, self._theme, self._scene
        is_chosen = lane.key == scene.key
        box = QRectF(0, top, scene.names_px - 1, scene.row_px - 1)
        ground = t.sel if is_chosen else t.sunken if lane.is_group else t.surface
        painter.fillRect(box, QColor(ground))
        painter.fillRect(QRectF(0, box.bottom(), box.width(), 1), QColor(t.grid))
        if is_chosen:
            painter.fillRect(QRectF(0, top, 3, box.height()), QColor(t.focus))
        icon, colour, ink, weight = self._name_look(brushes, lane)
        mark = QRectF(MARK_X, top + (box.height() - 16) / 2, 16, 16)
        theme.draw_icon(painter, mark, icon, colour, 12)
        font = theme.font(12, weight)
        metrics = QFontMetrics(font)
        count = str(len(lane.task_ids)) if lane.is_group else ""
        room = box.adjusted(NAME_X, 0, -8, 0)
        reserved = metrics.horizontalAdvance(count) + 8 if count else 0
        elide = Qt.TextElideMode.ElideMiddle
        said = metrics.elidedText(lane.name, elide, int(room.width()) - reserved)
        painter.setFont(font)
        painter.setPen(QColor(ink))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, said)
        if count:
            painter.setFont(theme.font(11))
            painter.setPen(QColor(t.text3))
            room.adjust(metrics.horizontalAdvance(said) + 8, 0, 0, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, count)
        if is_chosen and self._has_focus and scene.item is None:
            rounded(painter, box.adjusted(4, 0, -2, 0), 4, border=t.focus, width=2)

    def _name_look(self, brushes: Brushes, lane: Lane) -> tuple[str, str, str, int]:
        """Its icon with its colour, and the ink and weight of its name."""
        t, task = brushes.tokens, self._scene.tasks.get(lane.key)
        if task is None:
            return ("caret-right" if lane.is_folded else "caret-down"), t.text3, t.text, 600
        state = state_of(task, self._scene.now())
        look = task_look(state)
        is_loud = state in ("failing", "late", "invalid")
        ink = t.text3 if state in ("paused", "disabled") else t.text
        return look.icon, brushes.ink(look.family), ink, 600 if is_loud else 400

    # The axis ----------------------------------------------------------------------------

    def _head(self, brushes: Brushes, marks: list[Tick]) -> None:
        painter, t, theme, scene = brushes.painter, brushes.tokens, self._theme, self._scene
        axis, now_ms = scene.axis, scene.now()
        painter.fillRect(0, 0, scene.wide, HEAD_PX - 1, QColor(t.chrome))
        painter.fillRect(0, HEAD_PX - 1, scene.wide, 1, QColor(t.line))
        painter.fillRect(scene.names_px - 1, 0, 1, HEAD_PX, QColor(t.line))
        painter.setFont(theme.font(11))
        painter.setPen(QColor(t.text3))
        names = QRectF(MARK_X, 0, scene.names_px - 20, HEAD_PX)
        painter.drawText(names, Qt.AlignmentFlag.AlignVCenter, count_words(scene.lanes))
        now_x = axis.x(now_ms)
        now_said = words.moment(now_ms, scene.zone).strftime("%H:%M:%S")
        now_box = self._badge(now_x, now_said, 600)
        is_now = axis.left <= now_x <= axis.right
        painter.save()
        painter.setClipRect(QRectF(axis.left, 0, axis.wide, HEAD_PX))
        taken = [now_box] if is_now else []
        taken += self._gap_badges(brushes, taken)
        for tick in marks:
            self._tick(brushes, tick, taken)
        painter.restore()
        if is_now:
            rounded(painter, now_box, 4, fill=t.accent.ground)
            painter.setFont(theme.font(11, 600))
            painter.setPen(QColor(t.accent.ink))
            painter.drawText(now_box, Qt.AlignmentFlag.AlignCenter, now_said)

    def _tick(self, brushes: Brushes, tick: Tick, taken: list[QRectF]) -> None:
        painter, t, x = brushes.painter, brushes.tokens, self._scene.axis.x(tick.at_ms)
        font = self._theme.font(11, 600 if tick.is_day else 400)
        wide = QFontMetrics(font).horizontalAdvance(tick.said) + 2
        box = QRectF(x + 4, 0, wide, HEAD_PX)
        painter.fillRect(QRectF(x, HEAD_PX - 6, 1, 5), QColor(t.line2))
        if any(box.adjusted(-4, 0, 4, 0).intersects(one) for one in taken):
            return
        painter.setFont(font)
        painter.setPen(QColor(t.text if tick.is_day else t.text3))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, tick.said)

    def _gap_badges(self, brushes: Brushes, taken: list[QRectF]) -> list[QRectF]:
        """How long the agent did not work, over its column; the newest where two would touch."""
        found: list[QRectF] = []
        for gap in self._scene.timeline.gaps:
            left, right = drawn(self._scene.axis, gap.from_ms, gap.to_ms)
            if right < left:
                continue
            said = _tr("down {0}").format(words.rough_span(gap.to_ms - gap.from_ms))
            box = self._badge((left + right) / 2, said, 500)
            if any(box.intersects(one) for one in (*taken, *found)):
                continue
            rounded(brushes.painter, box, 4, fill=brushes.tint("warn"), border=brushes.fill("warn"))
            brushes.painter.setFont(self._theme.font(11, 500))
            brushes.painter.setPen(QColor(brushes.ink("warn")))
            brushes.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, said)
            found.append(box)
        return found

    def _badge(self, x: float, said: str, weight: int) -> QRectF:
        """A box around words in the axis, as far as it goes with its middle there."""
        axis = self._scene.axis
        wide = QFontMetrics(self._theme.font(11, weight)).horizontalAdvance(said) + 14
        left = min(max(x - wide / 2, axis.left + 2), axis.right - wide - 2)
        return QRectF(left, 5, wide, 20)


def count_words(lanes: list[Lane]) -> str:
    """How many lanes there are, and how many categories are folded."""
    many = sum(not lane.is_group for lane in lanes)
    folded = sum(lane.is_folded for lane in lanes)
    said = words.plural(many, _tr("lane"), _tr("lanes"))
    if not folded:
        return said
    more = words.plural(folded, _tr("category folded"), _tr("categories folded"))
    return f"{said}, {more}"
