"""The bar at the foot: link, slots, clocks."""

from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop import freshness, words
from desktop.freshness import Link
from desktop.parts.labels import Elided, Ground, IconLabel, Words
from desktop.states import NO_LINK, link_look
from desktop.theme import Theme
from shared.protocol.events import Summary

OFFSET_WORTH_A_WORD_MS = 2_000


class StatusBar(Ground):
    """What is always true to know."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "chrome", lines="t", parent=parent)
        self._theme = theme
        self.setFixedHeight(24)
        self._link_icon = IconLabel(theme, "link", ink="ok.text", px=14)
        self.link = Words(theme, px=12, weight=500)
        self._lock_icon = IconLabel(theme, "lock-simple", ink="text2", px=14)
        self.secured = Words(theme, ink="text2")
        self.load = Words(theme, ink="text2")
        self.truth = Elided(theme, ink="text2")
        self._clock_icon = IconLabel(theme, "clock", ink="text2", px=14)
        self.agent_clock = Words(theme, weight=500)
        self.zone = Words(theme, ink="text2")
        self.here = Words(theme, ink="text2")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 1, 12, 0)
        layout.setSpacing(6)
        self._bars: list[QWidget] = []
        self._load: tuple[str, ...] = ()
        self._backlog: tuple[str, ...] = ()
        self._zone, self._is_narrow = ("", ""), False
        for widgets in (
            (self._link_icon, self.link),
            (self._lock_icon, self.secured),
            (self.load,),
            (self.truth,),
        ):
            if layout.count():
                layout.addWidget(self._separator())
            for widget in widgets:
                layout.addWidget(widget, 1 if widget is self.truth else 0)
        for widgets in ((self._clock_icon, self.agent_clock), (self.zone,), (self.here,)):
            if widgets[0] is not self._clock_icon:
                layout.addWidget(self._separator())
            for widget in widgets:
                layout.addWidget(widget)

    def show_link(self, link: Link, *, here_ms: int, zone: str) -> None:
        """The link and the clocks as they are now."""
        look = link_look(link.state)
        if not link.has_agent:
            look = NO_LINK
        self._link_icon.show_icon(look.icon, f"{look.family}.text")
        self.link.setText(look.said if link.has_agent else self.tr("No agent"))
        self.link.set_ink("text" if link.is_live else f"{look.family}.text")
        # While the agent is silent the room belongs to what is known of the link.
        self.load.setVisible(link.is_live)
        self._bars[1].setVisible(link.is_live)
        for widget in (self._lock_icon, self.secured, self._bars[0]):
            widget.setVisible(link.has_agent)
        for widget in (self._clock_icon, self.agent_clock, self.zone, self._bars[3]):
            widget.setVisible(link.has_agent)
        self._bars[4].setVisible(link.has_agent and not self._is_narrow)
        self.truth.setText(self._truth(link, here_ms))
        self._show_security(link)
        now_ms = link.agent_now_ms(here_ms)
        there = words.zone_named(zone)
        clock = words.moment(now_ms, there).strftime("%H:%M:%S")
        self.agent_clock.setText(self._agent_clock(link, clock))
        self.agent_clock.set_ink("text" if link.is_live else "text2")
        self._show_offset(link)
        self._zone = (zone, words.zone_words(zone, now_ms))
        self._say_zone()
        here = words.moment(here_ms, None)
        self.here.setText(
            self.tr("Here {0} {1}").format(here.strftime("%H:%M:%S"), here.tzname() or "")
        )

    def show_load(self, *, tasks: int, running: int, slots: int, queued: int) -> None:
        """How much is going on."""
        waiting = self.tr("none queued") if queued == 0 else self.tr("{0} queued").format(queued)
        busy = (
            self.tr("{0} of {1} slots in use").format(running, slots)
            if slots
            else self.tr("{0} running").format(running)
        )
        self._load = (words.plural(tasks, self.tr("task"), self.tr("tasks")), busy, waiting)
        self._say_load()

    def show_backlog(self, summary: Summary) -> None:
        """What is made up for after an absence, as the last heartbeat told it."""
        behind = summary.catching_up + summary.backlog
        self._backlog = (self.tr("catching up {0}").format(words.count(behind)),) if behind else ()
        waited = words.span(summary.oldest_wait_ms)
        self.load.setToolTip(
            self.tr("Made up for after an absence; the first run in the queue waits {0}").format(
                waited
            )
            if behind
            else ""
        )
        self._say_load()

    def _say_load(self) -> None:
        self.load.setText(", ".join((*self._load, *self._backlog)))

    def set_narrow(self, narrow: bool) -> None:
        """Leave the longer words out on a small window."""
        self._is_narrow = narrow
        self.here.setVisible(not narrow)
        self._bars[-1].setVisible(not narrow)
        self._say_zone()

    def _say_zone(self) -> None:
        """Where there is little room, how far it is from UTC says more than the place."""
        zone, said = self._zone
        self.zone.setToolTip(said)
        self.zone.setText(said.removeprefix(zone).strip() or said if self._is_narrow else said)

    def _truth(self, link: Link, here_ms: int) -> str:
        if link.is_live:
            return self.tr("Everything shown is live")
        if not link.has_agent:
            return self.tr("Nothing is looked at yet")
        age_ms = link.age_ms(here_ms)
        if age_ms is None:
            return self.tr("The agent was not heard yet")
        said = self.tr("Last heartbeat {0} ago").format(words.span(age_ms))
        if link.retry_here_ms is not None and link.state == freshness.LOST:
            wait = words.span(max(0, link.retry_here_ms - here_ms))
            said += self.tr(", trying again in {0} (attempt {1})").format(wait, link.tries)
        return said

    def _show_security(self, link: Link) -> None:
        said = self.tr("Encrypted") if link.is_encrypted else self.tr("Not encrypted")
        if link.round_trip_ms is not None and link.is_live:
            said += f", {words.count(link.round_trip_ms)}{words.NO_BREAK}ms"
        self.secured.setText(said)

    def _agent_clock(self, link: Link, clock: str) -> str:
        if not link.was_heard:
            return self.tr("Agent clock unknown")
        if not link.is_live:
            return self.tr("Agent clock unknown, last {0}").format(clock)
        return self.tr("Agent clock {0}").format(clock)

    def _show_offset(self, link: Link) -> None:
        differs = link.is_live and abs(link.offset_ms) > OFFSET_WORTH_A_WORD_MS
        if differs:
            apart = words.span(abs(link.offset_ms))
            side = self.tr("ahead") if link.offset_ms > 0 else self.tr("behind")
            self.agent_clock.setText(f"{self.agent_clock.text()} ({apart} {side})")
            self.agent_clock.set_ink("warn.text")

    def _separator(self) -> QWidget:
        bar = Ground(self._theme, "line2")
        bar.setFixedSize(1, 14)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(8, 0, 8, 0)
        row.addWidget(bar)
        self._bars.append(holder)
        return holder
