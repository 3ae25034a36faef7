"""How old is what is shown, what do the clocks say, and how busy is the agent?"""

from typing import Final

from PySide6.QtCore import QObject, QTimer

from desktop import words
from desktop.freshness import Watch
from desktop.models.tasks import TaskModel
from desktop.views.banner import Banner
from desktop.views.header import Header
from desktop.views.overview.page import Overview
from desktop.views.status import StatusBar
from desktop.views.toolbar import Toolbar
from shared.protocol.rows import Agent

AGE_MS: Final = 200


class Gauges(QObject):
    """Keeps the header, the banner, the counters and the bar at the foot with the link."""

    def __init__(
        self,
        tasks: TaskModel,
        watch: Watch,
        *,
        header: Header,
        banner: Banner,
        toolbar: Toolbar,
        status: StatusBar,
        overview: Overview,
    ) -> None:
        super().__init__(header)
        self._tasks, self._watch = tasks, watch
        self._header, self._banner = header, banner
        self._toolbar, self._status, self._overview = toolbar, status, overview
        self.agent: Agent | None = None
        self._ager = QTimer(self, interval=AGE_MS)
        self._ager.timeout.connect(self._show_age)
        self._ager.start()

    @property
    def zone(self) -> str:
        """The agent's own zone."""
        return self.agent.tz if self.agent is not None else "UTC"

    @property
    def as_of(self) -> str:
        """The time of the state shown, while it may be old; empty while it is live."""
        link = self._watch.link
        if link.is_live or link.beat_ms is None:
            return ""
        return words.clock(link.beat_ms, words.zone_named(self.zone), link.beat_ms, seconds=True)

    def show_clocks(self) -> None:
        """A second has passed, or the link changed."""
        link, here_ms, zone = self._watch.link, self._watch.here(), self.zone
        self._header.show_link(link, here_ms)
        self._banner.show_link(link, here_ms=here_ms, zone=zone)
        self._status.show_link(link, here_ms=here_ms, zone=zone)
        self._overview.show_link(link, stale=bool(self.as_of))

    def show_counts(self) -> None:
        """How many tasks there are in each state, and how many slots are taken."""
        counts = self._tasks.counts()
        self._toolbar.show_counts(counts, stale=bool(self.as_of))
        tasks = self._tasks.tasks()
        slots = self.agent.max_running if self.agent is not None else 0
        running, queued = sum(task.running for task in tasks), counts["queued"]
        self._status.show_load(tasks=len(tasks), running=running, slots=slots, queued=queued)
        self._overview.show_load(slots=slots, queued=queued)

    def _show_age(self) -> None:
        self._header.show_link(self._watch.link, self._watch.here())
