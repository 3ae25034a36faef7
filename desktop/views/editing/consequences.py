"""When would the task run as it is written, what would be saved, and what did others make of it?"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.models.taskform import changed_fields, sparse, tr
from desktop.models.tasktext import difference
from desktop.parts.areas import Comparison
from desktop.parts.dialogs import show_words
from desktop.parts.forms import TextField
from desktop.parts.labels import Elided, Words
from desktop.parts.lines import ROW_PX, Line, Lines
from desktop.parts.scrolling import scrolled
from desktop.theme import Theme
from desktop.views.editing.around import Around
from shared.protocol.defining import TaskCheckReply

SHOWN: Final = 10
ODD_SHOWN: Final = 3
LEAST_ROWS: Final = 4
LEAST_PX: Final = 120
_SCROLL_PX: Final = 12
_TAGS: Final = {
    "moved": ("Moved", "clock-clockwise"),
    "first_of_two": ("First of two", "clock-clockwise"),
    "second_of_two": ("Second of two", "clock-clockwise"),
}
_ODD: Final = {
    "moved": "{0}: its own time does not exist that day, as the clocks go forward",
    "first_of_two": "{0}: this time comes twice that day; it runs the first time",
    "second_of_two": "{0}: the second of two, as the clocks go back",
}


class Consequences(QWidget):
    """The right side of the editor: it shows, and takes the reason that is kept."""

    def __init__(self, theme: Theme, now: words.Clock, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self.moments = _Moments(theme, name=self.tr("Next moments"))
        self.moments.setMinimumHeight(LEAST_ROWS * ROW_PX)
        self.moments.setMaximumHeight(SHOWN * ROW_PX + 4)
        self.around = Around(theme, now)
        self.zone = Elided(theme, ink="text2")
        self.zone.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.notes = Words(theme, ink="warn.text", wrap=True)
        self.warnings = Words(theme, ink="warn.text", wrap=True, selectable=True)
        self.count = Words(theme, ink="text2")
        self.theirs_title = Words(theme, weight=600, px=13)
        self.theirs = Comparison(theme, name=self.tr("What they changed"))
        self.saved_title = Words(theme, self.tr("What will be saved"), weight=600, px=13)
        self.saved = Comparison(theme, name=self.tr("What will be saved"))
        self.why = TextField(theme, name=self.tr("Why"), hint=self.tr("Why (kept in the history)"))
        self.why.setMaxLength(300)
        # Where the window is low all of it scrolls, or nothing of it could be read.
        told = QWidget()
        layout = QVBoxLayout(told)
        layout.setContentsMargins(0, 0, _SCROLL_PX, 0)
        layout.setSpacing(6)
        when = QHBoxLayout()
        when.addWidget(Words(theme, self.tr("Next 10 moments"), weight=600, px=13))
        when.addWidget(self.zone, 1)
        layout.addLayout(when)
        layout.addWidget(self.moments, 3)
        layout.addWidget(self.notes)
        layout.addWidget(self.around)
        layout.addWidget(self.theirs_title)
        layout.addWidget(self.theirs, 2)
        head = QHBoxLayout()
        head.addWidget(self.saved_title)
        head.addStretch(1)
        head.addWidget(self.count)
        layout.addLayout(head)
        layout.addWidget(self.saved, 2)
        layout.addWidget(self.warnings)
        self._area = area = scrolled(told, self.tr("What comes of it"))
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        whole.addWidget(area, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(0, 0, _SCROLL_PX, 0)
        foot.addWidget(self.why)
        whole.addLayout(foot)
        self.forget_theirs()
        for compared in (self.theirs, self.saved):
            compared.setMinimumHeight(LEAST_PX)
        for one in (self.notes, self.warnings):
            one.hide()

    def show_check(self, reply: TaskCheckReply, zone: str) -> None:
        """What the agent says of what is written."""
        tz, now_ms = words.zone_for(words.TASK_TIMES, zone), self._now()
        self.zone.setText(self.tr("by the agent, {0}").format(zone))
        lines = []
        for at_ms, tag in zip(reply.times_ms, reply.tags, strict=False):
            word, icon = _TAGS.get(tag, ("", ""))
            utc = words.clock(at_ms, words.zone_for(words.UTC_TIMES, zone), now_ms)
            lines.append(
                Line(
                    key=at_ms,
                    time=words.clock(at_ms, tz, now_ms),
                    icon=icon,
                    word=self.tr(word) if word else "",
                    family="warn",
                    text=self.tr("{0} UTC").format(utc),
                    tip=words.full_times(at_ms, zone),
                )
            )
        self.moments.show_lines(lines)
        self.moments.show_hint(
            self.tr("What is written has no moment to come")
            if any(fault.field in ("schedule", "timezone") for fault in reply.faults)
            else self.tr("Nothing is due by itself")
        )
        show_words(self.notes, "\n".join(note[:1].upper() + note[1:] for note in reply.notes))
        show_words(
            self.warnings,
            "\n".join(self.tr("Its runs cannot start now: {0}").format(w) for w in reply.warnings),
        )

    def show_waiting(self) -> None:
        """The agent is asked for the first time."""
        self.moments.show_hint(self.tr("The agent is asked"))

    def show_saved(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """What would be another than it is now."""
        lines = difference(sparse(before), sparse(after))
        self.saved.show_lines(lines, self.tr("Nothing is changed yet"))
        many = len(changed_fields(before, after))
        self.count.setText(
            words.plural(many, self.tr("setting"), self.tr("settings")) if many else ""
        )

    def show_theirs(self, who: str, base: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
        """Somebody else was quicker: both changes stand one under the other."""
        self.theirs_title.setText(
            self.tr("What {0} changed").format(who or self.tr("somebody else"))
        )
        self.theirs.show_lines(
            difference(sparse(base), sparse(theirs)), self.tr("Only whether it is enabled")
        )
        self.saved_title.setText(self.tr("What you changed"))
        for one in (self.theirs_title, self.theirs):
            one.show()
        # What has to be looked at first must not stand below the edge; it gets its place later.
        QTimer.singleShot(0, self, self._bring_theirs_into_sight)

    def _bring_theirs_into_sight(self) -> None:
        self._area.verticalScrollBar().setValue(self.theirs_title.y())

    def forget_theirs(self) -> None:
        """There is one version to start from again."""
        self.saved_title.setText(self.tr("What will be saved"))
        for one in (self.theirs_title, self.theirs):
            one.hide()


class _Moments(Lines):
    """They give way before all of the side scrolls, and take what room there is."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.minimumHeight())


def odd_lines(reply: TaskCheckReply, zone: str, now_ms: int) -> Sequence[str]:
    """Which moments a coming change of clocks touches, and what becomes of each."""
    tz = words.zone_for(words.TASK_TIMES, zone)
    said = [
        tr(_ODD[tag]).format(words.clock(at_ms, tz, now_ms))
        for at_ms, tag in zip(reply.odd_ms, reply.odd_tags, strict=False)
        if tag in _ODD
    ]
    more = len(said) - ODD_SHOWN
    if more > 1:
        # A task of each quarter of an hour would fill the form with them.
        said[ODD_SHOWN:] = [tr("and {0} more of its moments").format(words.count(more))]
    return said


def clock_lines(reply: TaskCheckReply, zone: str, now_ms: int) -> Sequence[str]:
    """The coming changes of clocks: when, by how much, and the first moment after each."""
    tz = words.zone_for(words.TASK_TIMES, zone)
    said = []
    for change in reply.changes:
        at = words.clock(change.at_ms, tz, now_ms)
        minutes = abs(change.after_s - change.before_s) // 60
        is_forward = change.after_s > change.before_s
        text = (
            tr("{0}: clocks go forward by {1} min")
            if is_forward
            else tr("{0}: clocks go back by {1} min")
        )
        next_run = "" if change.next_ms is None else words.clock(change.next_ms, tz, now_ms)
        then = tr(", next run {0}").format(next_run) if next_run else ""
        said.append(text.format(at, minutes) + then)
    return said
