"""By which channels are people told, when is each quiet, what waits, and does it arrive?"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import Button
from desktop.parts.clocks import Zone
from desktop.parts.labels import Elided, Ground, IconLabel, Words
from desktop.states import severity_look
from desktop.theme import Theme
from shared.protocol.alerting import DeliveriesReply, Stage, Way, WayTestReply

_COLUMNS: Final = ("Channel", "Quiet hours", "Now", "Tells of")


class Trial(msgspec.Struct, frozen=True):
    """A message by hand: when it was sent, and what came of it once that is known."""

    at_ms: int
    reply: WayTestReply | None = None
    refusal: str = ""


class Ways(Ground):
    """A line a channel, then one for what is repeated and one for each step of escalation.

    With `tests` each channel can be tried; what came of it stands under its line.
    """

    tested = Signal(str)
    """The channel that is to be tried."""

    def __init__(
        self,
        theme: Theme,
        now: words.Clock,
        *,
        tests: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, "surface", lines="b", parent=parent)
        self._theme, self._now, self._has_tests = theme, now, tests
        self._zone = Zone(words.TASK_TIMES, "UTC")
        self._told: DeliveriesReply | None = None
        self._trials: dict[str, Trial] = {}
        self._may, self._why_not = False, ""
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(3, 1)
        for place, title in enumerate(_COLUMNS):
            head = Words(theme, self.tr(title), px=11, weight=500, ink="text3")
            self._grid.addWidget(head, 0, place)
        self.test_all = Button(theme, self.tr("Test all"), icon="paper-plane-tilt", height=26)
        self.test_all.setToolTip(self.tr("Send a message by every channel, and see who gets it"))
        self.test_all.clicked.connect(self._test_all)
        self._rows: list[_Row] = []
        self.after = Words(theme, ink="text2", wrap=True)
        foot = QHBoxLayout()
        foot.addWidget(self.after, 1)
        foot.addWidget(self.test_all, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 10)
        column.setSpacing(8)
        column.addLayout(self._grid)
        column.addLayout(foot)
        self.hide()

    # What it is told ---------------------------------------------------------------------

    def show_ways(self, told: DeliveriesReply | None) -> None:
        """As the agent says; None where nothing is known."""
        self._told = told
        self._refresh()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self._zone = Zone(times, zone)
        self._refresh()

    def allow(self, allowed: bool, why_not: str) -> None:
        """Whether a channel can be tried, and if not, why."""
        self._may, self._why_not = allowed, why_not
        self._refresh()

    def show_trial(self, name: str, trial: Trial) -> None:
        """A message by hand is on its way by this channel, or something came of it."""
        self._trials[name] = trial
        self._refresh()

    def forget_trials(self) -> None:
        """Another agent."""
        self._trials.clear()
        self._refresh()

    def tick(self) -> None:
        """A second has passed."""
        if self.isVisible():
            self._refresh()

    def texts(self) -> list[str]:
        """What is said, a line a channel, then what comes after."""
        lines = [
            f"{row.name.text()}: {row.hours.text()}; {row.now.text()}"
            for row in self._rows
            if not row.name.isHidden()
        ]
        return [*lines, *filter(None, self.after.text().split("\n"))]

    def trial_texts(self) -> list[str]:
        """What is said of the messages by hand, a line a channel that was tried."""
        return [row.came.text() for row in self._rows if not row.came.isHidden()]

    @property
    def test_buttons(self) -> list[Button]:
        """A button a channel, in their order."""
        return [row.test for row in self._rows if not row.test.isHidden()]

    # Inside ------------------------------------------------------------------------------

    def _test_all(self) -> None:
        for way in () if self._told is None else self._told.ways:
            if not self._is_on_its_way(way.name):
                self.tested.emit(way.name)

    def _is_on_its_way(self, name: str) -> bool:
        trial = self._trials.get(name)
        return trial is not None and trial.reply is None and not trial.refusal

    def _refresh(self) -> None:
        told = self._told
        ways: Sequence[Way] = () if told is None else told.ways
        self.setVisible(bool(ways))
        while len(self._rows) < len(ways):
            self._add_row()
        for at, row in enumerate(self._rows):
            is_there = at < len(ways)
            for widget in row:
                widget.setVisible(is_there)
            if is_there:
                self._show_row(row, ways[at])
        self.test_all.setVisible(self._has_tests and len(ways) > 1)
        self.test_all.allow(self._may, self._why_not)
        lines = [] if told is None else after_words(told)
        self.after.setText("\n".join(lines))

    def _show_row(self, row: "_Row", way: Way) -> None:
        now_ms = self._now()
        is_quiet = way.quiet_until_ms is not None and way.quiet_until_ms > now_ms
        name = way.name.capitalize()
        row.name.setText(name)
        row.hours.setText(", ".join(way.quiet) or _tr("none"))
        row.now.show_now(now_words(way, self._zone, now_ms), is_quiet=is_quiet)
        row.tells.setText(tells_words(way))
        row.test.setVisible(self._has_tests)
        row.test.setAccessibleName(_tr("Send a test by {0}").format(name))
        is_sent = self._is_on_its_way(way.name)
        waits = _tr("Waiting for what becomes of the last one")
        row.test.allow(self._may and not is_sent, waits if is_sent else self._why_not)
        trial = self._trials.get(way.name)
        row.came.setVisible(trial is not None)
        if trial is not None:
            row.came.show_came(*trial_words(trial, self._zone, now_ms))

    def _add_row(self) -> None:
        at, theme = 2 * len(self._rows) + 1, self._theme
        row = _Row(
            Words(theme, weight=500),
            Words(theme),
            _Now(theme),
            Elided(theme, ink="text2"),
            Button(theme, self.tr("Send a test"), icon="paper-plane-tilt", height=26),
            _Came(theme),
        )
        place = len(self._rows)
        row.test.clicked.connect(lambda: self._test(place))
        for column, widget in enumerate(row[:5]):
            self._grid.addWidget(widget, at, column)
        self._grid.addWidget(row.came, at + 1, 0, 1, 5)
        # A line that is made later still comes before what stands below it.
        QWidget.setTabOrder(self._rows[-1].test if self._rows else self, row.test)
        QWidget.setTabOrder(row.test, self.test_all)
        self._rows.append(row)

    def _test(self, place: int) -> None:
        if self._told is not None and place < len(self._told.ways):
            self.tested.emit(self._told.ways[place].name)


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


class _Came(QWidget):
    """What came of a message by hand, by its shape and in words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._mark = IconLabel(theme, "hourglass-medium-fill", px=13)
        self._said = Words(theme, wrap=True, selectable=True)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 6)
        line.setSpacing(6)
        line.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self._said, 1)

    def text(self) -> str:
        """What is said."""
        return self._said.text()

    def show_came(self, icon: str, family: str, said: str) -> None:
        """This came of it."""
        self._mark.show_icon(icon, f"{family}.text")
        if self._said.text() != said:
            self._said.setText(said)
        self._said.set_ink("text" if family == "ok" else f"{family}.text")


class _Row(NamedTuple):
    name: Words
    hours: Words
    now: _Now
    tells: Elided
    test: Button
    came: _Came


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


def trial_words(trial: Trial, zone: Zone, now_ms: int) -> tuple[str, str, str]:
    """Shape, family and words of what came of a message by hand: who has it, who not, and why."""
    at, reply = zone.clock(trial.at_ms, now_ms), trial.reply
    if trial.refusal:
        return "prohibit-bold", "bad", f"{at}: {trial.refusal}"
    if reply is None:
        waited = words.span(max(0, now_ms - trial.at_ms))
        return "hourglass-medium-fill", "run", _tr("A test is on its way, {0}").format(waited)
    missed = {one.to for one in reply.missed}
    taken = ", ".join(one for one in reply.to if one not in missed)
    causes: dict[str, list[str]] = {}
    for one in reply.missed:
        causes.setdefault(one.why, []).append(one.to)
    not_taken = "; ".join(f"{', '.join(who)}: {why}" for why, who in causes.items())
    if not missed:
        icon, family, said = "check-circle-fill", "ok", _tr("{0}: the test was taken for {1}")
        said = said.format(at, taken)
        said += f" ({reply.answer})" if reply.answer else ""
    elif taken:
        icon, family = "warning-fill", "warn"
        said = _tr("{0}: the test was taken for {1}, and not for {2}").format(at, taken, not_taken)
    else:
        icon, family = "x-square-fill", "bad"
        said = _tr("{0}: nobody got the test. {1}").format(at, not_taken)
    if reply.fault:
        fault = _tr("It went in the usual words, a template of yours is broken: {0}")
        said = f"{said}. {fault.format(reply.fault)}"
        family = "warn" if family == "ok" else family
    return icon, family, said


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
