"""The cards of the overview: figures and lists."""

from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.parts import marks
from desktop.parts.buttons import Button, CardButton, Pressable, draw_focus
from desktop.parts.charts import Progress
from desktop.parts.labels import Card, Elided, IconLabel, Words, draw_words
from desktop.states import Look, task_look
from desktop.theme import Theme

STAT_PX: Final = 92
HEAD_PX: Final = 36


class StatCard(CardButton):
    """One figure with its last hours; a click opens what is behind it."""

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._values: tuple[float, ...] = ()
        self._title = title
        self._stale = False
        self.setFixedHeight(STAT_PX)
        self.setMinimumWidth(130)
        self.title = Elided(theme, title, ink="text2")
        self.figure = Words(theme, px=24, weight=600)
        self.unit = Words(theme, px=12, ink="text2")
        self.note_icon = IconLabel(theme, "check", ink="ok.text", px=12)
        self.note = Elided(theme, ink="text2")
        line = QHBoxLayout()
        line.setSpacing(5)
        line.addWidget(self.figure)
        line.addWidget(self.unit, 0, Qt.AlignmentFlag.AlignBottom)
        line.addStretch(1)
        self.unit.setContentsMargins(0, 0, 0, 4)
        foot = QHBoxLayout()
        foot.setSpacing(5)
        foot.addWidget(self.note_icon)
        foot.addWidget(self.note, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 9)
        layout.setSpacing(2)
        layout.addWidget(self.title)
        layout.addLayout(line)
        layout.addLayout(foot)

    def show_figure(
        self,
        figure: str,
        unit: str,
        note: str,
        *,
        family: str = "ok",
        icon: str = "check",
        values: tuple[float, ...] = (),
        stale: bool = False,
    ) -> None:
        """This figure, what it means, and its course."""
        self.figure.setText(figure)
        self.figure.set_ink("text2" if stale else "text")
        self.unit.setText(unit)
        self.note.setText(note)
        shown = "idle" if stale else family
        self.note.set_ink(f"{shown}.text" if family in ("bad", "warn") else "text2")
        self.note_icon.show_icon(icon, f"{shown}.text")
        self._values, self._stale = values, stale
        self.setAccessibleName(f"{self._title} {figure} {unit}, {note}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        right = self.width() - 16
        left = max(self.figure.width() + self.unit.width() + 40, right - 96)
        if len(self._values) < 2 or right - left < 40:
            return
        box = QRectF(left, 34, right - left, 26)
        t = self._theme.tokens
        marks.draw_spark(QPainter(self), box, self._values, t, is_stale=self._stale)


class ListCard(Card):
    """A titled card with rows under each other."""

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._theme = theme
        self.title = Words(theme, title, px=13, weight=600)
        self.second = Words(theme, ink="text3")
        bar = QWidget()
        bar.setFixedHeight(HEAD_PX)
        head = QHBoxLayout(bar)
        head.setContentsMargins(16, 4, 16, 2)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.second)
        self._head = head
        self.empty = Words(theme, ink="text3", px=12, wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setContentsMargins(16, 10, 16, 16)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 0, 1, 6)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addLayout(self._rows)
        layout.addWidget(self.empty)
        layout.addStretch(1)
        self.foot = Elided(theme, ink="text3")
        self.foot.setContentsMargins(16, 6, 16, 4)
        self.foot.hide()
        layout.addWidget(self.foot)

    def add_to_head(self, widget: QWidget) -> None:
        """Something at the right of the title."""
        self._head.addWidget(widget)

    def add_row(self, row: QWidget) -> None:
        """One more row."""
        self._rows.addWidget(row)


class Entry(Pressable):
    """One task in a list: state, name, a second line, something at the right."""

    log_requested = Signal(str)
    run_requested = Signal(str)

    def __init__(self, theme: Theme, *, actions: bool = False, progress: bool = False) -> None:
        super().__init__()
        self._theme = theme
        self.task_id = ""
        self._look: Look = task_look("unknown")
        self._title = self._second = self._right = self._right_second = ""
        self._ink = "text2"
        self._stale = False
        self._bar: Progress | None = None
        self.setFixedHeight(44)
        self.setMinimumWidth(260)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 12, 0)
        layout.setSpacing(6)
        layout.addStretch(1)
        self.log = Button(theme, icon="file-text")
        self.log.setToolTip(self.tr("Newest log"))
        self.log.setAccessibleName(self.tr("Newest log"))
        self.log.clicked.connect(lambda: self.log_requested.emit(self.task_id))
        self.run = Button(theme, icon="play-fill")
        self.run.setToolTip(self.tr("Run now"))
        self.run.setAccessibleName(self.tr("Run now"))
        self.run.clicked.connect(lambda: self.run_requested.emit(self.task_id))
        for button in (self.log, self.run):
            button.setVisible(actions)
            layout.addWidget(button)
        self._has_actions = actions
        if progress:
            self._bar = Progress(theme, self)
        theme.changed.connect(self.update)

    def show_entry(
        self,
        task_id: str,
        look: Look,
        title: str,
        second: str,
        *,
        right: str = "",
        right_second: str = "",
        ink: str = "text2",
        stale: bool = False,
    ) -> None:
        """This task, in these words."""
        self.task_id, self._look, self._title, self._second = task_id, look, title, second
        self._right, self._right_second, self._ink, self._stale = right, right_second, ink, stale
        self.setAccessibleName(", ".join(x for x in (look.said, title, second, right) if x))
        self.setToolTip("\n".join(x for x in (title, second) if x))
        self.update()

    def show_progress(self, elapsed_ms: int, usual_ms: int | None, told: int | None = None) -> None:
        """How far its run is."""
        if self._bar is not None:
            self._bar.show_progress(elapsed_ms, usual_ms, told=told, stale=self._stale)

    def resizeEvent(self, event: object) -> None:
        if self._bar is not None:
            self._bar.setGeometry(*self._bar_place(), 14)

    def sizeHint(self) -> QSize:
        return QSize(300, 44)

    def _bar_place(self) -> tuple[int, int, int]:
        wide = max(60, min(170, self.width() // 4))
        return self.width() - 110 - wide, 6, wide

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, t, painter = self._theme, self._theme.tokens, QPainter(self)
        family = t.family("idle" if self._stale else self._look.family)
        if self.underMouse():
            painter.fillRect(self.rect(), QColor(t.hover))
        painter.fillRect(0, 0, self.width(), 1, QColor(t.line))
        x = 16
        if self._has_actions:
            painter.fillRect(0, 1, 3, self.height() - 1, QColor(family.fill))
            theme.draw_icon(painter, QRectF(x - 1, 14, 16, 16), self._look.icon, family.text, 14)
            painter.setFont(theme.font(12, 500))
            painter.setPen(QColor(family.text))
            painter.drawText(
                QRectF(x + 20, 0, 70, 44), Qt.AlignmentFlag.AlignVCenter, self._look.said
            )
            x += 88
        else:
            theme.draw_icon(painter, QRectF(x - 1, 6, 16, 16), self._look.icon, family.text, 14)
            x += 22
        end = self._draw_right(painter)
        if self._bar is not None:
            end = self._bar_place()[0] - 12
        first, second = QRectF(x, 4, end - x, 19), QRectF(x, 22, end - x, 17)
        # Names give way in their middle: they differ at their end.
        draw_words(painter, first, self._title, theme.font(13, 500), t.text, middle=True)
        draw_words(painter, second, self._second, theme.font(12), t.text2)
        draw_focus(painter, self, theme, 4)

    def _draw_right(self, painter: QPainter) -> float:
        theme, t = self._theme, self._theme.tokens
        end = self.width() - (84 if self._has_actions else 16)
        if not self._right:
            return end
        name, _, part = self._ink.partition(".")
        ink = getattr(t.family("idle" if self._stale else name), part) if part else getattr(t, name)
        font = theme.font(12, 500 if self._right_second else 400)
        wide = QFontMetrics(font).horizontalAdvance(self._right)
        painter.setFont(font)
        painter.setPen(QColor(ink))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        high = 22 if self._right_second else 44
        painter.drawText(QRectF(0, 2 if high == 22 else 0, end, high), right, self._right)
        if self._right_second:
            painter.setFont(theme.font(12))
            painter.setPen(QColor(t.text2))
            painter.drawText(QRectF(0, 22, end, 17), right, self._right_second)
        return end - wide - 10


class NextRow(Pressable):
    """A coming run: when, which task, how long until."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.task_id = self._at = self._left = ""
        self.setFixedHeight(28)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_next(self, task_id: str, at: str, left: str) -> None:
        """That task, at that time, so far ahead."""
        self.task_id, self._at, self._left = task_id, at, left
        self.setAccessibleName(f"{at} {task_id} {left}")
        self.setToolTip(task_id)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 28)

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, t, painter = self._theme, self._theme.tokens, QPainter(self)
        if self.underMouse():
            painter.fillRect(self.rect(), QColor(t.hover))
        painter.fillRect(0, 0, self.width(), 1, QColor(t.line))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(12, 500))
        painter.setPen(QColor(t.text))
        painter.drawText(QRectF(16, 0, 76, 28), middle, self._at)
        left_wide = QFontMetrics(theme.font(12)).horizontalAdvance(self._left)
        room = QRectF(92, 0, self.width() - 92 - left_wide - 28, 28)
        painter.setFont(theme.font(12))
        shown = QFontMetrics(theme.font(12)).elidedText(
            self.task_id, Qt.TextElideMode.ElideMiddle, int(room.width())
        )
        painter.drawText(room, middle, shown)
        painter.setPen(QColor(t.text2))
        end = QRectF(0, 0, self.width() - 16, 28)
        painter.drawText(end, middle | Qt.AlignmentFlag.AlignRight, self._left)
        draw_focus(painter, self, theme, 4)


class RecentRow(Pressable):
    """A run that was: how it ended, when, which task, how long; a click opens its log."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.run_id = self._at = self._name = self._took = ""
        self._look: Look = task_look("unknown")
        self._stale = False
        self.setFixedHeight(28)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_run(
        self, run_id: str, look: Look, at: str, name: str, took: str, *, stale: bool
    ) -> None:
        """That run, in these words."""
        self.run_id, self._look, self._at, self._name, self._took = run_id, look, at, name, took
        self._stale = stale
        self.setAccessibleName(", ".join(x for x in (look.said, name, at, took) if x))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 28)

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, t, painter = self._theme, self._theme.tokens, QPainter(self)
        family = t.family("idle" if self._stale else self._look.family)
        if self.underMouse():
            painter.fillRect(self.rect(), QColor(t.hover))
        painter.fillRect(0, 0, self.width(), 1, QColor(t.line))
        middle = Qt.AlignmentFlag.AlignVCenter
        theme.draw_icon(painter, QRectF(15, 6, 16, 16), self._look.icon, family.text, 14)
        font = theme.font(12)
        metrics = QFontMetrics(font)
        painter.setFont(font)
        painter.setPen(QColor(t.text2))
        at_px = max(40, metrics.horizontalAdvance(self._at))
        painter.drawText(QRectF(38, 0, at_px, 28), middle, self._at)
        left = 38 + at_px + 12
        took_px = metrics.horizontalAdvance(self._took)
        room = QRectF(left, 0, self.width() - left - took_px - 28, 28)
        said = metrics.elidedText(self._name, Qt.TextElideMode.ElideMiddle, int(room.width()))
        painter.setPen(QColor(t.text))
        painter.drawText(room, middle, said)
        painter.setPen(QColor(t.text2))
        end = QRectF(0, 0, self.width() - 16, 28)
        painter.drawText(end, middle | Qt.AlignmentFlag.AlignRight, self._took)
        draw_focus(painter, self, theme, 4)
