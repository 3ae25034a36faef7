"""How one row of the task grid is painted, cell by cell."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from PySide6.QtCore import QCoreApplication, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter

from desktop import words
from desktop.models.tasks import GroupFacts
from desktop.parts import marks
from desktop.states import ending_look, ending_words, runs_next_ms, task_look
from desktop.taskwords import Column
from desktop.theme import Theme, rounded
from desktop.tokens import Family
from shared.protocol.rows import Task

PAD: Final = 8
FIRST_PAD: Final = 14
FIGURE_RIGHT: Final = 72
ICON: Final = 14

# What fits into less says nothing.
_TOLD_MIN_PX: Final = 32

_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_GOOD: Final = ("success",)
_QUIET: Final = ("skipped", "aborted")

CATEGORY_ICONS: Final = {
    "vend sync": "arrows-clockwise",
    "flagged products": "flag",
    "consignments": "package",
    "payroll": "money",
    "banking": "bank",
    "staff accounts": "users",
    "system maintenance": "wrench",
    "monitoring": "heartbeat",
    "smart cron internal": "gear-six",
}
OTHER_CATEGORY: Final = "folder-simple"


def _tr(text: str) -> str:
    return QCoreApplication.translate("cells", text)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for every row of one painting."""

    now_ms: int
    times: str
    is_stale: bool
    is_compact: bool
    cron_text: bool
    pending: frozenset[str] = frozenset()


@lru_cache(maxsize=20_000)
def shared_prefix(name: str, category: str) -> str:
    """The part of a task's name that its category says already: "bank_" under Banking."""
    parts = name.split("_")
    said = category.lower().split()
    taken = 0
    while taken < min(len(said), len(parts) - 1) and said[taken].startswith(parts[taken]):
        taken += 1
    return "".join(f"{part}_" for part in parts[:taken])


def _waits_to_retry(task: Task, state: str) -> bool:
    return task.retry_ms is not None and state in ("retrying", "failing")


class CellPainter:
    """Paints rows with a theme; knows no view."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._cells: dict[int, Callable[[QPainter, QRect, Task, str, Scene], None]] = {
            Column.STATUS: self._status,
            Column.TASK: self._task,
            Column.SCHEDULE: self._schedule,
            Column.LAST: self._last,
            Column.DURATION: self._duration,
            Column.HOURS: self._hours,
            Column.NEXT: self._next,
        }

    def paint(
        self, painter: QPainter, rect: QRect, column: int, task: Task, state: str, scene: Scene
    ) -> None:
        """One cell of a task's row."""
        painter.save()
        painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
        self._cells[column](painter, rect, task, state, scene)
        painter.restore()

    def paint_group(
        self,
        painter: QPainter,
        rect: QRect,
        facts: GroupFacts,
        scene: Scene,
        *,
        shown: int,
        is_open: bool,
    ) -> None:
        """A category: caret, icon, name, count, and at the right counts by state.

        `shown` is how many of its tasks the filter lets through.
        """
        theme, t = self._theme, self._theme.tokens
        middle = rect.center().y()
        caret = QRect(rect.left() + 12, middle - 8, 16, 16)
        theme.draw_icon(painter, caret, "caret-down" if is_open else "caret-right", t.text3, 12)
        icon = CATEGORY_ICONS.get(facts.name.lower(), OTHER_CATEGORY)
        theme.draw_icon(painter, QRect(rect.left() + 32, middle - 8, 16, 16), icon, t.text2, 15)
        font = theme.font(13, 600)
        x = rect.left() + 54
        width = QFontMetrics(font).horizontalAdvance(facts.name)
        self._text(
            painter, QRect(x, rect.top(), width + 4, rect.height()), facts.name, font, t.text
        )
        self._text(
            painter,
            QRect(x + width + 8, rect.top(), 80, rect.height()),
            words.count(facts.total)
            if shown == facts.total
            else _tr("{0} of {1}").format(words.count(shown), words.count(facts.total)),
            theme.font(12),
            t.text3,
        )
        right = rect.right() - 16
        figures = theme.font(12, 500)
        for state, number in reversed(facts.states):
            said = words.count(number)
            wide = QFontMetrics(figures).horizontalAdvance(said)
            family = self._family(task_look(state).family, scene)
            self._text(
                painter,
                QRect(right - wide, rect.top(), wide, rect.height()),
                said,
                figures,
                family.text,
                _RIGHT,
            )
            mark = QRect(right - wide - 22, middle - 8, 16, 16)
            theme.draw_icon(painter, mark, task_look(state).icon, family.text, ICON)
            right -= wide + 22 + 16

    def _family(self, name: str, scene: Scene) -> Family:
        """The colours of a meaning; what is stale has none but grey."""
        return self._theme.tokens.family("idle" if scene.is_stale else name)

    def _text(
        self,
        painter: QPainter,
        rect: QRect,
        text: str,
        font: QFont,
        colour: str,
        align: Qt.AlignmentFlag = _LEFT,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        painter.setFont(font)
        painter.setPen(QColor(colour))
        metrics = QFontMetrics(font)
        if metrics.horizontalAdvance(text) > rect.width():
            text = metrics.elidedText(text, elide, rect.width())
        painter.drawText(rect, align | Qt.TextFlag.TextSingleLine, text)

    def _status(self, painter: QPainter, rect: QRect, task: Task, state: str, scene: Scene) -> None:
        look = task_look(state)
        colour = self._family(look.family, scene).text
        mark = QRect(rect.left() + FIRST_PAD - 1, rect.center().y() - 8, 16, 16)
        icon = "hourglass-medium-fill" if task.id in scene.pending else look.icon
        self._theme.draw_icon(painter, mark, icon, colour, ICON)
        self._text(
            painter,
            rect.adjusted(FIRST_PAD + 20, 0, 0, 0),
            look.said,
            self._theme.font(12, 500),
            colour,
        )

    def _task(self, painter: QPainter, rect: QRect, task: Task, state: str, scene: Scene) -> None:
        theme, t = self._theme, self._theme.tokens
        needy = state in ("failing", "late", "invalid")
        font = theme.font(13, 500 if needy else 400)
        plain = theme.font(13)
        prefix = shared_prefix(task.name, task.category)
        room = rect.adjusted(PAD, 0, -2, 0)
        badge = f"P{task.priority}" if task.priority == 1 else ""
        if badge:
            room.setWidth(room.width() - 34)
        wide = QFontMetrics(plain).horizontalAdvance(prefix)
        rest = task.name[len(prefix) :]
        rest_wide = QFontMetrics(font).horizontalAdvance(rest)
        text = t.text2 if scene.is_stale and not needy else t.text
        if wide + rest_wide > room.width():
            self._text(painter, room, task.name, font, text, elide=Qt.TextElideMode.ElideMiddle)
            end = room.right()
        else:
            self._text(painter, room, prefix, plain, t.text3)
            self._text(painter, room.adjusted(wide, 0, 2, 0), rest, font, text)
            end = room.left() + wide + rest_wide
        if badge:
            small = theme.font(11, 500)
            box = QRectF(end + 8, rect.center().y() - 8, 24, 18)
            rounded(painter, box, 4, border=t.line2)
            painter.setFont(small)
            painter.setPen(QColor(t.text2))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, badge)
            end += 32
        place = QRect(end + 12, rect.top(), rect.right() - end - 14, rect.height())
        if task.progress is not None and place.width() >= _TOLD_MIN_PX:
            # In what room the name leaves.
            said = words.progress(task.progress, task.progress_note)
            small = theme.font(12)
            if QFontMetrics(small).horizontalAdvance(said) > place.width():
                # A figure that is whole says more than the beginning of both.
                said = words.progress(task.progress, None)
            colour = self._family("run", scene).text
            self._text(painter, place, said, small, colour)

    def _schedule(
        self, painter: QPainter, rect: QRect, task: Task, state: str, scene: Scene
    ) -> None:
        said = task.schedule if scene.cron_text else task.schedule_text or task.schedule
        self._text(
            painter,
            rect.adjusted(PAD, 0, -4, 0),
            said,
            self._theme.font(12),
            self._theme.tokens.text2,
        )

    def _last(self, painter: QPainter, rect: QRect, task: Task, state: str, scene: Scene) -> None:
        theme, t, last = self._theme, self._theme.tokens, task.last
        room = rect.adjusted(PAD, 0, -4, 0)
        if last is None:
            self._text(painter, room, _tr("never"), theme.font(12), t.text3)
            return
        at = words.clock(
            last.start_ms or last.scheduled_ms,
            words.zone_for(scene.times, task.tz),
            scene.now_ms,
        )
        font = theme.font(12)
        self._text(painter, room, at, font, t.text2)
        if last.result in _GOOD:
            return
        look = ending_look(last.result)
        colour = self._family(look.family, scene).text
        x = room.left() + QFontMetrics(font).horizontalAdvance(at) + 8
        theme.draw_icon(painter, QRect(x, rect.center().y() - 8, 16, 16), look.icon, colour, ICON)
        said = ending_words(last.result, exit_status=last.exit, signal=last.signal, reason=None)
        weight = 400 if last.result in _QUIET else 500
        self._text(
            painter,
            QRect(x + 20, rect.top(), room.right() - x - 20, rect.height()),
            said,
            theme.font(12, weight),
            colour,
        )

    def _duration(
        self, painter: QPainter, rect: QRect, task: Task, state: str, scene: Scene
    ) -> None:
        theme, t, last = self._theme, self._theme.tokens, task.last
        figure = QRect(rect.left(), rect.top(), FIGURE_RIGHT, rect.height())
        chart = QRectF(
            rect.left() + FIGURE_RIGHT + 8,
            rect.center().y() - 8,
            max(24, rect.width() - FIGURE_RIGHT - 20),
            17,
        )
        if task.run_start_ms is not None and task.state in ("running", "stopping"):
            family = self._family("run", scene)
            elapsed_ms = max(0, scene.now_ms - task.run_start_ms)
            self._text(
                painter, figure, words.span(elapsed_ms), theme.font(12, 500), family.text, _RIGHT
            )
            share, usual = marks.run_progress(elapsed_ms, task.avg_ms, task.progress)
            bar = QRectF(chart.left(), rect.center().y() - 2, chart.width(), 6)
            marks.draw_progress(painter, bar, share, t, colour=family.fill, usual_share=usual)
            return
        is_bad = state == "failing" and last is not None
        if last is not None and last.dur_ms is not None:
            colour = self._family("bad", scene).text if is_bad else t.text
            self._text(
                painter,
                figure,
                words.duration(last.dur_ms),
                theme.font(12, 500 if is_bad else 400),
                colour,
                _RIGHT,
            )
        marks.draw_spark(
            painter,
            chart,
            task.spark,
            t,
            low=task.usual_low_ms,
            high=task.usual_high_ms,
            is_bad=is_bad,
            is_stale=scene.is_stale,
        )

    def _hours(self, painter: QPainter, rect: QRect, task: Task, state: str, scene: Scene) -> None:
        theme, t = self._theme, self._theme.tokens
        room = rect.adjusted(PAD, 0, -4, 0)
        if task.runs_24h == 0:
            said = _tr("{0} stopped").format(task.stops_24h) if task.stops_24h else _tr("no run")
            self._text(painter, room, said, theme.font(12), t.text3)
            return
        font = theme.font(12)
        figure = QFontMetrics(font).horizontalAdvance("100")
        wide = max(48, room.width() - figure - 4)
        pitch = max(2, wide // marks.HOURS)
        chart = QRectF(room.left(), rect.center().y() - 8, pitch * marks.HOURS, 17)
        marks.draw_hours(painter, chart, task.hours_24h, t, is_stale=scene.is_stale)
        share = task.success_rate_24h
        if share is None:
            return
        is_full = share >= 1
        said = "100" if is_full else str(min(99, round(100 * share)))
        colour = t.text3 if is_full or scene.is_stale else t.text2
        if task.fails_24h and state == "failing":
            colour, font = self._family("bad", scene).text, theme.font(12, 500)
        self._text(painter, room, said, font, colour, _RIGHT)

    def _next(self, painter: QPainter, rect: QRect, task: Task, state: str, scene: Scene) -> None:
        theme, t = self._theme, self._theme.tokens
        room = rect.adjusted(PAD, 0, -16, 0)
        font = theme.font(12)
        late = state == "late"
        warn = self._family("warn", scene).text
        # A retry comes before the next due moment, and its countdown needs the room.
        next_ms = runs_next_ms(task)
        if next_ms is not None and not _waits_to_retry(task, state):
            at = words.clock(next_ms, words.zone_for(scene.times, task.tz), scene.now_ms)
            off = state in ("paused", "disabled")
            colour = warn if late else t.text3 if off else t.text
            self._text(painter, room, at, theme.font(12, 500 if late else 400), colour)
            room.adjust(QFontMetrics(font).horizontalAdvance(at) + 4, 0, 0, 0)
        self._text(
            painter,
            room,
            self._countdown(task, state, scene),
            theme.font(12, 500 if late else 400),
            warn if late else t.text3 if scene.is_stale else t.text2,
            _RIGHT,
        )

    def _countdown(self, task: Task, state: str, scene: Scene) -> str:
        if state in ("paused", "disabled", "invalid"):
            return task_look(state).said.lower()
        if scene.is_stale:
            return _tr("unknown")
        if task.retry_ms is not None and _waits_to_retry(task, state):
            left = words.span(max(0, task.retry_ms - scene.now_ms + 999))
            return _tr("retry in {0}").format(left)
        if task.next_ms is None:
            return ""
        if task.skip_until_ms is not None:
            zone = words.zone_for(scene.times, task.tz)
            return _tr("skips {0}").format(words.clock(task.next_ms, zone, scene.now_ms))
        left_ms = task.next_ms - scene.now_ms
        if state == "late":
            return _tr("{0} late").format(words.span(-left_ms))
        # A moment that is due now shows 0 s until its run comes or it counts as late.
        return words.span(left_ms + 999)
