"""How far something has come: numbered steps, and checks with what each found."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.parts.labels import Card, IconLabel, Words
from desktop.theme import Theme, line, rounded

WAITING: Final = "waiting"
ACTIVE: Final = "active"
DONE: Final = "done"
FAILED: Final = "failed"

# A check's state: its icon, its colour, and how loud its finding is.
_CHECK_LOOKS: Final = {
    "": ("circle", "idle.text", "text3"),
    "working": ("hourglass-medium-fill", "run.text", "text2"),
    "ok": ("check-circle-fill", "ok.text", "text2"),
    "warn": ("warning-circle-fill", "warn.text", "warn.text"),
    "bad": ("x-square-fill", "bad.text", "bad.text"),
}
CHECK_PX: Final = 32
_TITLE_PX: Final = 200


class Steps(QWidget):
    """A few steps below each other; each is waiting, active, done or failed."""

    def __init__(
        self, theme: Theme, steps: tuple[tuple[str, str], ...], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(12)
        layout.setVerticalSpacing(0)
        layout.setColumnStretch(1, 1)
        self._marks: list[_StepMark] = []
        self._titles: list[Words] = []
        self._notes: list[Words] = []
        for number, (title, note) in enumerate(steps):
            is_last = number == len(steps) - 1
            mark = _StepMark(theme, number + 1, has_line=not is_last)
            self._marks.append(mark)
            self._titles.append(Words(theme, title, px=13, weight=500, wrap=True))
            self._notes.append(Words(theme, note, px=12, ink="text3", wrap=True))
            words = QVBoxLayout()
            words.setContentsMargins(0, 3, 0, 0 if is_last else 26)
            words.setSpacing(1)
            words.addWidget(self._titles[-1])
            words.addWidget(self._notes[-1])
            layout.addWidget(mark, number, 0)
            layout.addLayout(words, number, 1)

    def show_step(self, number: int, state: str, note: str) -> None:
        """The step (counted from 0) is waiting, active, done or failed; the note says more."""
        self._marks[number].show_state(state)
        self._titles[number].set_ink("text2" if state == WAITING else "text")
        self._notes[number].setText(note)
        self._notes[number].set_ink("bad.text" if state == FAILED else "text3")


class _StepMark(QWidget):
    def __init__(self, theme: Theme, number: int, *, has_line: bool) -> None:
        super().__init__()
        self._theme, self._number, self._has_line = theme, number, has_line
        self._state = WAITING
        self.setFixedWidth(24)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(24, 24)

    def show_state(self, state: str) -> None:
        self._state = state
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        if self._has_line:
            line(painter, QPointF(12, 28), QPointF(12, self.height() - 4), t.line2)
        ring = QRectF(0, 0, 24, 24)
        if self._state in (DONE, FAILED):
            family = t.ok if self._state == DONE else t.bad
            border = family.text if t.is_contrast else None
            rounded(painter, ring, 12, fill=family.tint, border=border)
            icon = "check-bold" if self._state == DONE else "x-bold"
            self._theme.draw_icon(painter, ring, icon, family.text, 12)
            return
        is_active = self._state == ACTIVE
        if is_active:
            rounded(painter, ring, 12, fill=t.accent.ground)
        else:
            rounded(painter, ring, 12, border=t.control)
        painter.setFont(self._theme.font(12, 600))
        painter.setPen(QColor(t.accent.ink if is_active else t.text3))
        painter.drawText(ring, Qt.AlignmentFlag.AlignCenter, str(self._number))


class Checks(Card):
    """Checks below each other, each with its shape, its name and what was found."""

    def __init__(
        self,
        theme: Theme,
        checks: tuple[tuple[str, str, str], ...],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        self._rows: dict[str, _Check] = {}
        for key, title, asks in checks:
            row = _Check(theme, title, asks, has_line=bool(self._rows))
            self._rows[key] = row
            layout.addWidget(row)

    def clear(self) -> None:
        """Nothing was checked."""
        for row in self._rows.values():
            row.reset()

    def show_check(self, key: str, state: str, finding: str) -> None:
        """What became of one check: "working", "ok", "warn" or "bad"."""
        self._rows[key].show_state(state, finding)

    def close_open(self, finding: str) -> None:
        """The checks without an outcome will have none."""
        for row in self._rows.values():
            if row.state in ("", "working"):
                row.show_state("", finding)

    def count(self, *states: str) -> int:
        """How many checks are in one of these states."""
        return sum(row.state in states for row in self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def failed_title(self) -> str:
        """The name of the check that failed, else nothing."""
        return next((row.title for row in self._rows.values() if row.state == "bad"), "")

    def finding(self, key: str) -> str:
        """What one check says."""
        return self._rows[key].finding

    def state(self, key: str) -> str:
        """What became of one check; empty when nothing did."""
        return self._rows[key].state


class _Check(QWidget):
    def __init__(self, theme: Theme, title: str, asks: str, *, has_line: bool) -> None:
        super().__init__()
        self._theme, self._has_line = theme, has_line
        self.title, self._asks = title, asks
        self.state = ""
        self._icon = IconLabel(theme, "circle", px=14)
        name = Words(theme, title, px=12, weight=500)
        name.setMinimumWidth(_TITLE_PX)
        name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._finding = Words(theme, asks, px=12, ink="text3", wrap=True, selectable=True)
        self._finding.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 5, 12, 5)
        layout.setSpacing(8)
        layout.addWidget(self._icon)
        layout.addWidget(name)
        layout.addWidget(self._finding, 1)
        self.setMinimumHeight(CHECK_PX)
        self.reset()

    @property
    def finding(self) -> str:
        return self._finding.text()

    def reset(self) -> None:
        self.show_state("", self._asks)

    def show_state(self, state: str, finding: str) -> None:
        self.state = state
        icon, ink, loudness = _CHECK_LOOKS[state]
        self._icon.show_icon(icon, ink)
        self._finding.setText(finding)
        self._finding.set_ink(loudness, 500 if state == "bad" else 400)
        self.setAccessibleName(f"{self.title}, {state or 'not checked'}, {finding}")

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._has_line:
            painter = QPainter(self)
            end = QPointF(self.width(), 0.5)
            line(painter, QPointF(0, 0.5), end, self._theme.tokens.line)
