"""Joins the network thread to the window: what came is shown, what is wanted is asked."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import msgspec
from PySide6.QtCore import QByteArray, QObject, QTimer

from desktop import freshness
from desktop.bridge import Bridge
from desktop.connections import Connections
from desktop.freshness import Link
from desktop.network.mailbox import LinkNews, LogChunk, Mailbox
from desktop.network.station import Place
from desktop.network.thread import Network
from desktop.remote import Notice, Refused, Remote
from desktop.settings import Connection, Profile, SettingsError, WindowState
from desktop.theme import Theme
from desktop.window import MainWindow
from shared.protocol import link as links
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.requests import (
    MetricsPage,
    MetricsPageReply,
    RunDetail,
    RunFilter,
    RunsPageReply,
    TaskDetail,
)
from shared.protocol.rows import Key, Row, Task

log = logging.getLogger(__name__)

RECENT: Final = 50
OF_A_TASK: Final = 20
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
SERIES: Final = ("cpu", "memory", "database", "loop")
# The words of the link's own state machine, as the screen says them.
LINK_WORDS: Final = {
    links.CONNECTING: freshness.NEVER,
    links.LIVE: freshness.LIVE,
    links.LATE: freshness.LATE,
    links.LOST: freshness.LOST,
    links.REFUSED: freshness.REFUSED,
    links.OFFLINE: freshness.OFFLINE,
}


class Application(QObject):
    """Everything of one running desktop; `start` shows it, `stop` leaves nothing behind."""

    def __init__(self, profile: Profile, *, theme: str = "") -> None:
        super().__init__()
        settings = profile.load()
        mailbox = Mailbox()
        self._bridge = Bridge(mailbox, self)
        self._network = Network(mailbox, self._bridge.announce)
        self._rows: dict[str, Task] = {}
        self._remote = Remote(self._network, self._bridge, self._rows.get, self)
        self._theme = Theme(theme or settings.theme, self)
        self.window = MainWindow(self._theme, here_ms)
        # As long as anything of the window may still be drawn, or made, its theme is there.
        self._theme.setParent(self.window)
        self.connections = Connections(
            profile, self._network, self._bridge, self._theme, self.window
        )
        self.link = Link()
        self._connection: Connection | None = None
        self._log = 0
        self._join_window()
        self._join_bridge()

    # --- life ----------------------------------------------------------------------------------

    def start(self, *, link: str = "", screen: str = "") -> None:
        """Show the window, connect where we were last, or ask where to."""
        self._network.start()
        self._restore_window()
        if screen:
            self.window.show_screen(screen)
        self.window.show()
        self._show_agents()
        connection = self.connections.settings.preferred()
        if link:
            self.connections.enrol(link)
        elif connection is not None:
            self._use(connection)
        else:
            # The window is up first, so that the dialog has something to stand before.
            QTimer.singleShot(0, self.connections.open)

    def stop(self) -> bool:
        """Remember how the window stood, close every link; False when the thread hangs."""
        try:
            self._save_window()
        except SettingsError as error:
            log.warning("the window's place is not remembered: %s", error)
        return self._network.stop()

    # --- from the window to the agent ------------------------------------------------------------

    def _join_window(self) -> None:
        window, remote = self.window, self._remote
        window.run_requested.connect(remote.run_now)
        window.stop_requested.connect(self._stop_run)
        window.try_again_requested.connect(remote.try_again)
        window.pause_requested.connect(self._pause)
        window.backfill_requested.connect(self._backfill)
        window.question_asked.connect(remote.ask)
        window.alerts_ordered.connect(remote.act_on_alerts)
        window.standing_ordered.connect(remote.order)
        window.resume_requested.connect(lambda ids: _each(ids, remote.resume))
        window.skip_requested.connect(remote.skip)
        window.enable_requested.connect(lambda ids: _each(ids, remote.enable))
        window.disable_requested.connect(lambda ids: _each(ids, remote.disable))
        window.undo_requested.connect(remote.undo)
        window.detail_requested.connect(self._get_detail)
        window.history_requested.connect(self._get_history)
        window.run_detail_requested.connect(self._get_run)
        window.log_requested.connect(self._follow_log)
        window.log_closed.connect(self._leave_log)
        window.refresh_requested.connect(remote.refresh)
        window.retry_requested.connect(remote.try_now)
        window.connections_requested.connect(self.connections.open)
        window.agent_requested.connect(self.connections.go_to)
        window.metrics_requested.connect(self._get_metrics)
        window.theme_chosen.connect(self._remember_theme)
        window.compact_chosen.connect(self._remember_density)
        connections = self.connections
        connections.wanted.connect(self._go_to)
        connections.changed.connect(self._show_agents)
        connections.refused.connect(lambda text: window.show_notice(text, "bad"))
        remote.said.connect(self._say)
        remote.command_sent.connect(lambda task_id: window.show_pending(task_id, True))
        remote.command_done.connect(lambda task_id: window.show_pending(task_id, False))

    def _stop_run(self, run_id: str) -> None:
        task_id = next((task.id for task in self._rows.values() if task.run_id == run_id), "")
        self._remote.stop(run_id, task_id)

    def _pause(
        self,
        task_ids: Sequence[str],
        until_ms: int | None,
        reason: str | None,
        done: Callable[[], None],
        failed: Refused,
    ) -> None:
        self._remote.pause(task_ids, until_ms, reason, then=done, failed=failed)

    def _backfill(
        self,
        task_id: str,
        moments_ms: Sequence[int],
        reason: str | None,
        done: Callable[[Sequence[str]], None],
        failed: Refused,
    ) -> None:
        self._remote.backfill(task_id, moments_ms, reason, then=done, failed=failed)

    def _get_detail(self, task_id: str) -> None:
        self._remote.get_task(task_id, self._show_detail, _unsaid)

    def _show_detail(self, detail: TaskDetail) -> None:
        self.window.show_detail(detail)

    def _get_history(self, task_id: str) -> None:
        def show(page: RunsPageReply) -> None:
            self.window.show_history(task_id, page.rows)

        chosen = RunFilter(task_id=task_id) if task_id else RunFilter()
        limit = OF_A_TASK if task_id else RECENT
        self._remote.runs_page(show, _unsaid, chosen=chosen, limit=limit)

    def _get_run(self, run_id: str) -> None:
        def show(detail: RunDetail) -> None:
            self.window.show_run_detail(detail)

        self._remote.get_run(run_id, show)

    def _get_metrics(self) -> None:
        """The server's last hour, so that the curves do not begin with this window."""

        def show(page: MetricsPageReply) -> None:
            series: dict[str, list[tuple[int, float]]] = {name: [] for name in SERIES}
            for at_ms, values in zip(page.times_ms, page.values, strict=True):
                for name, value in zip(SERIES, values, strict=True):
                    if value is not None:
                        series[name].append((at_ms, value))
            self.window.show_metrics_history(series)

        now_ms = self.window.now()
        request = MetricsPage(
            series=SERIES, from_ms=now_ms - HOUR_MS, to_ms=now_ms, step_ms=MINUTE_MS
        )
        self._remote.get_metrics(request, show, _unsaid)

    def _follow_log(self, run_id: str) -> None:
        self._leave_log()
        self._log = self._remote.follow_log(run_id, self._show_output)

    def _leave_log(self, _run_id: str = "") -> None:
        if self._log:
            self._remote.cancel(self._log)
            self._log = 0

    def _show_output(self, chunk: LogChunk) -> None:
        if chunk.text or chunk.skipped:
            self.window.append_log(chunk.run_id, chunk.text, chunk.skipped)
        if chunk.is_ended or chunk.code:
            self._log = 0
            self.window.end_log(chunk.run_id)

    # --- from the agent to the window ------------------------------------------------------------

    def _join_bridge(self) -> None:
        bridge = self._bridge
        bridge.rows_came.connect(self._show_rows)
        bridge.link_changed.connect(self._show_link)
        bridge.beat_came.connect(self._show_beat)
        bridge.metric_came.connect(self._show_metric)

    def _is_ours(self, agent_id: str) -> bool:
        return self._connection is not None and self._connection.id == agent_id

    def _show_rows(self, agent_id: str, changes: dict[Key, Row | None]) -> None:
        if not self._is_ours(agent_id):
            return
        gone = [key for key, row in changes.items() if row is None]
        rows = [row for row in changes.values() if row is not None]
        for kind, row_id in gone:
            if kind == "task":
                self._rows.pop(row_id, None)
        self._rows.update((row.id, row) for row in rows if isinstance(row, Task))
        self.window.show_rows(rows, gone)

    def _show_link(self, agent_id: str, news: LinkNews) -> None:
        if self._is_ours(agent_id) and self._connection is not None:
            self._tell_link(link_for(news, self._connection))

    def _show_beat(self, agent_id: str, beat: Heartbeat) -> None:
        if self._is_ours(agent_id):
            self.window.show_heartbeat(beat)

    def _show_metric(self, agent_id: str, metric: Metric) -> None:
        if self._is_ours(agent_id):
            self.window.show_metric(metric)

    def _say(self, notice: Notice) -> None:
        self.window.show_notice(notice.text, notice.kind, notice.can_undo)

    # --- connections -----------------------------------------------------------------------------

    def _go_to(self, connection: Connection | None) -> None:
        """Look at that agent, or at none where none is left."""
        if connection is not None:
            self._use(connection)
            return
        self._leave()
        self.connections.use("")
        self._remote.use("")
        self._tell_link(Link())

    def _show_agents(self) -> None:
        """Others are known now, or the one that is looked at is called otherwise."""
        kept = self.connections.settings.connections
        now = self.connections.find(self._connection.id) if self._connection else None
        if now is not None and self._connection is not None and now != self._connection:
            self._connection = now
            self._tell_link(replace(self.link, name=now.name))
        here = self._connection.id if self._connection is not None else ""
        self.window.show_agents(
            {one.id: (one.name, one.environment) for one in kept if one.id != here}
        )

    def _tell_link(self, link: Link) -> None:
        self.link = link
        self.connections.show_link(link)
        self.window.show_link(link)

    def _leave(self) -> None:
        """Whatever agent was looked at is left, and nothing of it stays."""
        if self._connection is not None:
            self._network.close(self._connection.id)
        self._leave_log()
        self._connection = None
        self._rows.clear()
        self.window.forget_rows()

    def _use(self, connection: Connection) -> None:
        try:
            key = self.connections.own_key()
        except SettingsError as error:
            self.connections.refused.emit(str(error))
            return
        self._leave()
        self._connection = connection
        self.connections.use(connection.id)
        self.window.set_compact(connection.density == "compact")
        self._remote.use(connection.id, only_looks=connection.asking == "only_look")
        self._show_link(connection.id, LinkNews(state=links.CONNECTING))
        place = Place(
            agent_id=connection.id,
            name=connection.name,
            host=connection.host,
            agent_key=connection.agent_key,
            control_port=connection.control_port,
            events_port=connection.events_port,
        )
        self._network.open(place, key)

    # --- what is remembered ----------------------------------------------------------------------

    def _remember_theme(self, choice: str) -> None:
        self.connections.change(lambda kept: msgspec.structs.replace(kept, theme=choice))

    def _remember_density(self, is_compact: bool) -> None:
        if self._connection is None:
            return
        density = "compact" if is_compact else "comfortable"
        looked_at = msgspec.structs.replace(self._connection, density=density)
        self._connection = looked_at
        self.connections.change(lambda kept: kept.with_connection(looked_at))

    def _restore_window(self) -> None:
        state = self.connections.settings.window
        if state.geometry:
            self.window.restoreGeometry(QByteArray.fromBase64(state.geometry.encode()))
        if state.layout:
            self.window.restore_state(state.layout)
        if self.window.has_screen(state.view):
            self.window.show_screen(state.view)

    def _save_window(self) -> None:
        geometry = bytes(self.window.saveGeometry().toBase64().data()).decode()
        state = WindowState(
            geometry=geometry, layout=self.window.save_state(), view=self.window.screen_name
        )
        self.connections.remember(msgspec.structs.replace(self.connections.latest(), window=state))


def link_for(news: LinkNews, connection: Connection) -> Link:
    """How things stand with the agent, as the panels want to know it."""
    return Link(
        state=LINK_WORDS.get(news.state, freshness.NEVER),
        name=connection.name,
        environment=connection.environment,
        role=news.role,
        capabilities=news.capabilities,
        label=news.label,
        beat_ms=news.beat_ms,
        beat_here_ms=news.beat_here_ms,
        offset_ms=news.offset_ms,
        round_trip_ms=news.round_trip_ms,
        retry_here_ms=news.retry_here_ms,
        tries=news.tries,
        problem=news.sentence,
    )


def here_ms() -> int:
    """This machine's clock in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def _each(task_ids: Sequence[str], act: Callable[[str], None]) -> None:
    for task_id in task_ids:
        act(task_id)


def _unsaid(_text: str) -> None:
    """Background questions: the link's own state says already that nothing is answered."""
