"""Which channels are quiet, until when, what waits by each, and who is told when nobody cares?"""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.clocks import Zone
from desktop.parts.labels import Elided, Ground, IconLabel, Words
from desktop.states import severity_look
from desktop.theme import Theme
from shared.protocol.alerting import DeliveriesReply, Stage, Way

_COLUMNS: Final = ("Channel", "Quiet hours", "Now", "Tells of")


class Ways(Ground):
    """A line a channel, then one for what is repeated and one for each step of escalation."""

    def __init__(self, theme: Theme, now: words.Clock, parent: QWidget | None = None) -> None:
        super().__init__(theme, "surface", lines="b", parent=parent)
        self._theme, self._now = theme, now
        self._zone = Zone(words.TASK_TIMES, "UTC")
        self._told: DeliveriesReply | None = None
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(3, 1)
        for place, title in enumerate(_COLUMNS):
            head = Words(theme, self.tr(title), px=11, weight=500, ink="text3")
            self._grid.addWidget(head, 0, place)
        self._rows: list[_Row] = []
        self.after = Words(theme, ink="text2", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 10)
        column.setSpacing(8)
        column.addLayout(self._grid)
        column.addWidget(self.after)
        self.hide()

    def show_ways(self, told: DeliveriesReply | None) -> None:
        """As the agent says; None where nothing is known."""
        self._told = told
        self._refresh()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self._zone = Zone(times, zone)
        self._refresh()

    def tick(self) -> None:
        """A second has passed."""
        if self.isVisible():
            self._refresh()

    def texts(self) -> list[str]:
        """What is said, a line a channel, then what comes after."""
        lines = [
            f"{name.text()}: {hours.text()}; {now.text()}"
            for name, hours, now, _ in self._rows
            if not name.isHidden()
        ]
        return [*lines, *filter(None, self.after.text().split("\n"))]

    def _refresh(self) -> None:
        told = self._told
        ways: Sequence[Way] = () if told is None else told.ways
        self.setVisible(bool(ways))
        while len(self._rows) < len(ways):
            self._add_row()
        for at, row in enumerate(self._rows):
            for widget in row:
                widget.setVisible(at < len(ways))
            if at < len(ways):
                self._show_row(row, ways[at])
        lines = [] if told is None else after_words(told)
        self.after.setText("\n".join(lines))
        self.after.setVisible(bool(lines))

    def _show_row(self, row: "_Row", way: Way) -> None:
        name, hours, now, tells = row
        now_ms = self._now()
        is_quiet = way.quiet_until_ms is not None and way.quiet_until_ms > now_ms
        name.setText(way.name.capitalize())
        hours.setText(", ".join(way.quiet) or _tr("none"))
        now.show_now(now_words(way, self._zone, now_ms), is_quiet=is_quiet)
        tells.setText(tells_words(way))

    def _add_row(self) -> None:
        at, theme = len(self._rows) + 1, self._theme
        row = (Words(theme, weight=500), Words(theme), _Now(theme), Elided(theme, ink="text2"))
        for place, widget in enumerate(row):
            self._grid.addWidget(widget, at, place)
        self._rows.append(row)


class _Now(QWidget):
    """Whether it is quiet, by its shape and in words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._mark, self._said = IconLabel(theme, "bell", px=13), Words(theme)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(self._mark)
        line.addWidget(self._said)

    def text(self) -> str:
        """What is said."""
        return self._said.text()

    def show_now(self, said: str, *, is_quiet: bool) -> None:
        """It is so now."""
        icon, ink = ("moon-fill", "warn.text") if is_quiet else ("bell", "text3")
        self._mark.show_icon(icon, ink)
        self._said.setText(said)
        self._said.set_ink("text" if is_quiet else "text2")


_Row = tuple[Words, Words, _Now, Elided]


def now_words(way: Way, zone: Zone, now_ms: int) -> str:
    """How it is now: "Quiet until 06:00 (in 3 h 05 m), 2 alerts wait"."""
    waits = []
    if way.held:
        waits.append(words.plural(way.held, _tr("alert waits"), _tr("alerts wait")))
    if way.waiting:
        waits.append(words.plural(way.waiting, _tr("message waits"), _tr("messages wait")))
    if way.quiet_until_ms is None or way.quiet_until_ms <= now_ms:
        return ", ".join([_tr("Tells at once"), *waits])
    until = zone.clock(way.quiet_until_ms, now_ms)
    left = words.rough_span(way.quiet_until_ms - now_ms)
    said = _tr("Quiet until {0}, {1} more").format(until, left)
    return ", ".join([said, *(waits or [_tr("nothing waits")])])


def tells_words(way: Way) -> str:
    """Of what it tells whom: "critical, high to ops@example.org; critical also when quiet"."""
    severities = ", ".join(severity_look(one).said.lower() for one in way.sevs)
    said = _tr("{0} to {1}").format(severities, ", ".join(way.to))
    if way.quiet and "critical" in way.sevs and not way.quiet_critical:
        said = _tr("{0}; critical also in quiet hours").format(said)
    return said


def after_words(told: DeliveriesReply) -> list[str]:
    """What comes while nobody cares: what is told again, and who is told after how long."""
    lines = []
    if told.repeats:
        each = ", ".join(
            _tr("{0} every {1}").format(
                severity_look(severity).said.lower(), words.rough_span(minutes * words.MINUTE_MS)
            )
            for severity, minutes in told.repeats
        )
        lines.append(_tr("Told again until somebody acknowledges: {0}").format(each))
    lines += [_stage_words(number, stage) for number, stage in enumerate(told.stages, 1)]
    return lines


def _stage_words(number: int, stage: Stage) -> str:
    severities = ", ".join(severity_look(one).said.lower() for one in stage.sevs)
    after = words.rough_span(stage.after_minutes * words.MINUTE_MS)
    return _tr("Escalation {0}: after {1} without an acknowledgement ({2}), {3}").format(
        number, after, severities, ", ".join(stage.to)
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("alerts", text)
