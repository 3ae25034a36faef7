"""Joins the network thread to the window: what came is shown, what is wanted is asked."""

import getpass
import logging
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from PySide6.QtCore import QByteArray, QObject, QTimer

from desktop import freshness
from desktop.bridge import Bridge
from desktop.freshness import Link
from desktop.keystore import ClientKey, KeyStore
from desktop.network.mailbox import LinkNews, LogChunk, Mailbox, TestResult, TestStep
from desktop.network.sockets import new_key
from desktop.network.station import Place
from desktop.network.thread import Handle, Network
from desktop.remote import Notice, Refused, Remote
from desktop.settings import Connection, Environment, Profile, Settings, SettingsError, WindowState
from desktop.theme import Theme
from desktop.views.connect import ConnectDialog
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
# An agent that names none of these is treated with the most care.
ENVIRONMENTS: Final[dict[str, Environment]] = {
    "production": "production",
    "staging": "staging",
    "test": "test",
    "demo": "demo",
}
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
        self._profile = profile
        self._settings = profile.load()
        self._keys = KeyStore(profile)
        self._key = self._keys.load()
        mailbox = Mailbox()
        self._bridge = Bridge(mailbox, self)
        self._network = Network(mailbox, self._bridge.announce)
        self._rows: dict[str, Task] = {}
        self._remote = Remote(self._network, self._bridge, self._rows.get, self)
        self._theme = Theme(theme or self._settings.theme, self)
        self.window = MainWindow(self._theme, here_ms)
        # As long as anything of the window may still be drawn, or made, its theme is there.
        self._theme.setParent(self.window)
        self.link = Link()
        self._connection: Connection | None = None
        self._log = 0
        self._dialog: ConnectDialog | None = None
        self._trial: Handle | None = None
        self._result: TestResult | None = None
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
        connection = self._settings.preferred()
        if link:
            self._enrol(link)
        elif connection is not None:
            self._use(connection)
        else:
            # The window is up first, so that the dialog has something to stand before.
            QTimer.singleShot(0, self.open_connections)

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
        window.skip_requested.connect(lambda ids: _each(ids, remote.skip))
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
        window.connections_requested.connect(self.open_connections)
        window.metrics_requested.connect(self._get_metrics)
        window.theme_chosen.connect(self._remember_theme)
        window.compact_chosen.connect(self._remember_density)
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
        bridge.test_stepped.connect(self._show_step)
        bridge.test_ended.connect(self._show_result)

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
            self.link = link_for(news, self._connection)
            self.window.show_link(self.link)

    def _show_beat(self, agent_id: str, beat: Heartbeat) -> None:
        if self._is_ours(agent_id):
            self.window.show_heartbeat(beat)

    def _show_metric(self, agent_id: str, metric: Metric) -> None:
        if self._is_ours(agent_id):
            self.window.show_metric(metric)

    def _say(self, notice: Notice) -> None:
        self.window.show_notice(notice.text, notice.kind, notice.can_undo)

    # --- connections -----------------------------------------------------------------------------

    def open_connections(self) -> None:
        """Ask for an invite, test it, and go there."""
        if self._dialog is not None:
            self._dialog.raise_()
            return
        dialog = self._dialog = ConnectDialog(
            self._theme, label=_label(), warning=self._keys.warning(), parent=self.window
        )
        dialog.test_requested.connect(self._test)
        dialog.test_cancelled.connect(self._cancel_test)
        dialog.save_requested.connect(self._save)
        dialog.finished.connect(self._dialog_closed)
        dialog.open()

    def _dialog_closed(self) -> None:
        self._cancel_test()
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _test(self, link: str, label: str) -> None:
        self._cancel_test()
        self._result = None
        if self._dialog is None:
            return
        self._dialog.begin_test()
        try:
            key = self._own_key()
        except SettingsError as error:
            self._dialog.show_result(False, str(error), "", "", "", 0)
            return
        # Only now is it certain where the key lies.
        self._dialog.set_warning(self._keys.warning())
        self._trial = self._network.test(link, key, label=label)

    def _cancel_test(self) -> None:
        if self._trial is not None:
            self._network.cancel(self._trial.id)
            self._trial = None

    def _enrol(self, link: str) -> None:
        """Use a link given on the command line without a click; a failure opens the dialog."""
        try:
            key = self._own_key()
        except SettingsError as error:
            self.window.show_notice(str(error), "bad")
            return
        self._trial = self._network.test(link, key, label=_label())

    def _show_step(self, step: TestStep) -> None:
        if self._dialog is not None and self._trial and step.handle == self._trial.id:
            self._dialog.show_step(step.check, step.state, step.finding)

    def _show_result(self, result: TestResult) -> None:
        if self._trial is None or result.handle != self._trial.id:
            return
        self._trial = None
        self._result = result
        if self._dialog is not None:
            self._dialog.show_result(
                result.is_good,
                result.sentence,
                result.agent_name,
                result.environment,
                result.role,
                result.took_ms,
            )
        elif result.is_good:
            self._save(result.agent_name, result.environment)
        else:
            self.window.show_notice(result.sentence, "bad")
            self.open_connections()

    def _save(self, name: str, environment: str) -> None:
        """Keep a connection whose test went well, and go there."""
        result = self._result
        if result is None or not result.is_good:
            return
        connection = connection_for(result, name=name, environment=environment)
        try:
            self._remember(self._profile.load().with_connection(connection))
        except SettingsError as error:
            if self._dialog is None:
                self.window.show_notice(str(error), "bad")
            else:
                self._dialog.say(str(error))
            return
        if self._dialog is not None:
            self._dialog.accept()
        self._use(connection)

    def _use(self, connection: Connection) -> None:
        if self._connection is not None:
            self._network.close(self._connection.id)
        self._leave_log()
        self._connection = connection
        self._rows.clear()
        self.window.forget_rows()
        self.window.set_compact(connection.density == "compact")
        self._remote.use(connection.id)
        self._show_link(connection.id, LinkNews(state=links.CONNECTING))
        place = Place(
            agent_id=connection.id,
            name=connection.name,
            host=connection.host,
            agent_key=connection.agent_key,
            control_port=connection.control_port,
            events_port=connection.events_port,
        )
        self._network.open(place, self._own_key())

    # --- what is remembered ----------------------------------------------------------------------

    def _own_key(self) -> ClientKey:
        """The key of this profile, made when it is first needed."""
        if self._key is None:
            key = new_key()
            self._keys.save(key)
            self._key = key
            self._settings = self._profile.load()
        return self._key

    def _remember(self, settings: Settings) -> None:
        self._settings = settings
        self._profile.save(settings)

    def _remember_theme(self, choice: str) -> None:
        self._remember(msgspec.structs.replace(self._profile.load(), theme=choice))

    def _remember_density(self, is_compact: bool) -> None:
        if self._connection is None:
            return
        density = "compact" if is_compact else "comfortable"
        self._connection = msgspec.structs.replace(self._connection, density=density)
        self._remember(self._profile.load().with_connection(self._connection))

    def _restore_window(self) -> None:
        state = self._settings.window
        if state.geometry:
            self.window.restoreGeometry(QByteArray.fromBase64(state.geometry.encode()))
        if state.layout:
            self.window.restore_state(state.layout)
        if state.view:
            self.window.show_screen(state.view)

    def _save_window(self) -> None:
        geometry = bytes(self.window.saveGeometry().toBase64().data()).decode()
        state = WindowState(
            geometry=geometry, layout=self.window.save_state(), view=self.window.screen_name
        )
        self._remember(msgspec.structs.replace(self._profile.load(), window=state))


def connection_for(result: TestResult, *, name: str, environment: str) -> Connection:
    """The connection to keep after a test that went well."""
    return Connection(
        id=result.agent_id,
        name=name or result.agent_name or result.host,
        host=result.host,
        agent_key=result.agent_key,
        control_port=result.control_port,
        environment=ENVIRONMENTS.get(environment, "production"),
    )


def link_for(news: LinkNews, connection: Connection) -> Link:
    """How things stand with the agent, as the panels want to know it."""
    return Link(
        state=LINK_WORDS.get(news.state, freshness.NEVER),
        name=connection.name,
        environment=connection.environment,
        role=news.role,
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


def _label() -> str:
    """Who sits here, as the agent's list of keys will call it."""
    return f"{getpass.getuser()} on {socket.gethostname()}"[:120]


def _each(task_ids: Sequence[str], act: Callable[[str], None]) -> None:
    for task_id in task_ids:
        act(task_id)


def _unsaid(_text: str) -> None:
    """Background questions: the link's own state says already that nothing is answered."""
