"""One alert in full, and what can be done about it, or about several."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop import words
from desktop.parts.buttons import PRIMARY, Button
from desktop.parts.clocks import Zone
from desktop.parts.empty import Empty
from desktop.parts.facts import Facts
from desktop.parts.labels import Ground, Pill, Words
from desktop.parts.passage import Passage
from desktop.states import Look, alert_state, severity_look
from desktop.theme import Theme
from desktop.views.alerts.cards import (
    ComingCard,
    EventsCard,
    NotesCard,
    ReceiptsCard,
    TitledCard,
)
from desktop.views.alerts.snoozing import MORNING_HOUR, SnoozeDialog
from desktop.views.alerts.story import (
    coming_of,
    events_of,
    facts_of,
    pill_words,
    why_nothing_comes,
)
from shared.protocol.alerting import AlertDetail
from shared.protocol.rows import Alert

LEAST_PX: Final = 420
SIDE_BY_SIDE_PX: Final = 700


class AlertPanel(QScrollArea):
    """It asks by signals; it changes only by what it is shown."""

    acked = Signal(list)
    snoozed = Signal(list, object, str)
    resolved = Signal(list)
    reopened = Signal(list)
    noted = Signal(list, str)
    run_opened = Signal(str)
    task_opened = Signal(str)
    run_requested = Signal(str)
    cause_opened = Signal(str)

    def __init__(self, theme: Theme, now: words.Clock, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._now = theme, now
        self._alerts: list[Alert] = []
        self._detail: AlertDetail | None = None
        self._times, self._zone = words.TASK_TIMES, "UTC"
        self._stale_since = ""
        self._may, self._why_not = False, ""
        self._is_mail_on = False
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(LEAST_PX)
        self.setAccessibleName(self.tr("The chosen alert"))
        page = Ground(theme, "window")
        self._layout = QVBoxLayout(page)
        self._layout.setContentsMargins(22, 16, 22, 16)
        self._layout.setSpacing(14)
        self._build_head()
        self.events = EventsCard(theme)
        self.facts_card = TitledCard(theme, self.tr("The alert"))
        self.facts = Facts(theme)
        self.facts_card.body.addWidget(self.facts)
        self.facts_card.body.addStretch(1)
        self.receipts = ReceiptsCard(theme)
        self.coming = ComingCard(theme)
        self.notes = NotesCard(theme)
        self.notes.added.connect(lambda note: self.noted.emit(self.ids, note))
        self._pair = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._pair.setSpacing(14)
        self._pair.addWidget(self.events, 1)
        self._pair.addWidget(self.facts_card, 1)
        self._layout.addLayout(self._pair)
        self._layout.addWidget(self.receipts)
        self._layout.addWidget(self.coming)
        self._layout.addWidget(self.notes)
        self._build_empty()
        self._layout.addStretch(1)
        self.setWidget(page)
        self._refresh()

    def _build_head(self) -> None:
        theme = self._theme
        self.pill = Pill(theme)
        self.number = Words(theme, ink="text3", selectable=True)
        self.title = Passage(theme, px=20, weight=600)
        self.cause = Passage(theme, px=13, ink="text2")
        self.ack = Button(theme, self.tr("Acknowledge"), icon="checks", kind=PRIMARY)
        self.ack.setToolTip(self.tr("You care for it; nothing more is told of it (A)"))
        self.ack.clicked.connect(lambda: self.acked.emit(self.ids))
        self.snooze = Button(theme, self.tr("Snooze until"), icon="moon")
        self.snooze.setToolTip(self.tr("Nothing is told of it until then (S)"))
        self.snooze.setMenu(self._snooze_menu())
        self.resolve = Button(theme, self.tr("Resolve"), icon="circle-wavy-check")
        self.resolve.setToolTip(self.tr("Say that it is over; it comes again if it is not"))
        self.resolve.clicked.connect(lambda: self.resolved.emit(self.ids))
        self.reopen = Button(theme, self.tr("Open again"), icon="arrow-counter-clockwise")
        self.reopen.setToolTip(self.tr("Take back what was done about it"))
        self.reopen.clicked.connect(lambda: self.reopened.emit(self.ids))
        self.open_cause = Button(theme, self.tr("Open its cause"), icon="tree-structure")
        self.open_cause.setToolTip(self.tr("Nobody is told of this one while its cause is open"))
        self.open_cause.clicked.connect(self._open_cause)
        self.log = Button(theme, self.tr("Open the run"), icon="file-text")
        self.log.clicked.connect(self._open_run)
        self.task = Button(theme, self.tr("Go to the task"), icon="rows")
        self.task.clicked.connect(self._open_task)
        self.run = Button(theme, self.tr("Run now"), icon="play-fill")
        self.run.clicked.connect(self._run_task)
        first = QHBoxLayout()
        first.addWidget(self.pill)
        first.addStretch(1)
        first.addWidget(self.number)
        self._buttons = QHBoxLayout()
        self._more = QHBoxLayout()
        for line in (self._buttons, self._more):
            line.setSpacing(8)
        for button in (self.ack, self.snooze, self.resolve, self.reopen):
            self._buttons.addWidget(button)
        for button in (self.open_cause, self.log, self.task, self.run):
            self._more.addWidget(button)
        both = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        both.setSpacing(8)
        both.addLayout(self._buttons)
        both.addLayout(self._more)
        both.addStretch(1)
        for line in (self._buttons, self._more):
            both.setAlignment(line, Qt.AlignmentFlag.AlignLeft)
        self._both = both
        head = QVBoxLayout()
        head.setSpacing(6)
        head.addLayout(first)
        head.addWidget(self.title)
        head.addWidget(self.cause)
        head.addSpacing(4)
        head.addLayout(both)
        self._head = QWidget()
        head.setContentsMargins(0, 0, 0, 0)
        self._head.setLayout(head)
        self._layout.addWidget(self._head)

    def _build_empty(self) -> None:
        self._empty = Empty(self._theme)
        self._empty.setMinimumHeight(300)
        self._empty.show_why(
            "bell",
            self.tr("No alert is chosen"),
            self.tr("Choose one to see what happened and who was told."),
        )
        self._layout.addWidget(self._empty)

    # What it is shown --------------------------------------------------------------------

    @property
    def ids(self) -> list[str]:
        """The alerts that the buttons are about."""
        return [alert.id for alert in self._alerts]

    @property
    def alert(self) -> Alert | None:
        """The one that is shown in full; None where it is none or several."""
        return self._alerts[0] if len(self._alerts) == 1 else None

    def show_alerts(self, alerts: Sequence[Alert]) -> None:
        """These; one is shown in full, of several only what can be done about all."""
        before = self.ids
        self._alerts = list(alerts)
        if self.ids != before:
            self._detail = None
            self.notes.field.clear()
            self.verticalScrollBar().setValue(0)
        self._refresh()

    def show_detail(self, detail: AlertDetail) -> None:
        """More about the one that is shown; it may be newer than the list."""
        if self.ids != [detail.row.id]:
            return
        self._detail = detail
        if detail.row.state == "resolved" or self._alerts[0].state == "resolved":
            self._alerts = [detail.row]
        self._refresh()

    def show_mail(self, is_on: bool) -> None:
        """Whether anybody is told by mail."""
        self._is_mail_on = is_on
        self._refresh()

    def show_stale(self, as_of: str) -> None:
        """What is shown is of that time; empty text means it is live."""
        self._stale_since = as_of
        self._refresh()

    def allow(self, allowed: bool, why_not: str) -> None:
        """Whether the agent can be commanded, and if not, why."""
        self._may, self._why_not = allowed, why_not
        self._refresh()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self._times, self._zone = times, zone
        self._refresh()

    def tick(self) -> None:
        """A second has passed."""
        if self.isVisible() and self._alerts:
            self._refresh()

    # What the user does ------------------------------------------------------------------

    def focus_first(self) -> None:
        """Bring the keyboard to the act that is most likely meant."""
        wanted = (self.ack, self.reopen, self.log, self.notes.field)
        next((one for one in wanted if one.isEnabled() and not one.isHidden()), self).setFocus()

    def focus_note(self) -> None:
        """Bring the keyboard to the field for a note."""
        self.notes.field.setFocus()
        self.ensureWidgetVisible(self.notes)

    def open_snooze(self) -> None:
        """Show until when it can be snoozed."""
        if self.snooze.isEnabled() and not self.snooze.isHidden():
            menu = self.snooze.menu()
            menu.setActiveAction(menu.actions()[0])
            menu.popup(self.snooze.mapToGlobal(self.snooze.rect().bottomLeft()))

    def choose_moment(self) -> SnoozeDialog:
        """Ask for a moment of one's own."""
        what = self._alerts[0].title if self.alert else self._several()
        dialog = SnoozeDialog(
            self._theme, what, self._now, zone=self._zone_here(), parent=self.window()
        )
        ids = self.ids
        dialog.snoozed.connect(lambda until_ms, note: self.snoozed.emit(ids, until_ms, note))
        dialog.finished.connect(lambda _: dialog.deleteLater())
        dialog.open()
        return dialog

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.viewport().width() >= SIDE_BY_SIDE_PX
        direction = QBoxLayout.Direction
        self._pair.setDirection(direction.LeftToRight if wide else direction.TopToBottom)
        self._both.setDirection(direction.LeftToRight if wide else direction.TopToBottom)

    # Inside ------------------------------------------------------------------------------

    def _snooze_menu(self) -> QMenu:
        menu = QMenu(self)
        for text, length_ms in (
            (self.tr("For 1 hour"), words.HOUR_MS),
            (self.tr("For 4 hours"), 4 * words.HOUR_MS),
        ):
            menu.addAction(text).triggered.connect(
                lambda _=False, ms=length_ms: self._snooze(self._now() + ms)
            )
        morning = menu.addAction(self.tr("Until tomorrow 08:00"))
        morning.triggered.connect(
            lambda: self._snooze(self._zone_here().tomorrow(MORNING_HOUR, self._now()))
        )
        menu.addSeparator()
        menu.addAction(self.tr("Choose a moment")).triggered.connect(
            lambda: QTimer.singleShot(0, self, self.choose_moment)
        )
        return menu

    def _snooze(self, until_ms: int) -> None:
        self.snoozed.emit(self.ids, until_ms, "")

    def _open_cause(self) -> None:
        if self.alert is not None and self.alert.cause_id:
            self.cause_opened.emit(self.alert.cause_id)

    def _open_run(self) -> None:
        if self.alert is not None and self.alert.run_id:
            self.run_opened.emit(self.alert.run_id)

    def _open_task(self) -> None:
        if self._task_id():
            self.task_opened.emit(self._task_id())

    def _run_task(self) -> None:
        if self._task_id():
            self.run_requested.emit(self._task_id())

    def _task_id(self) -> str:
        alert = self.alert
        return alert.subject.id if alert is not None and alert.subject.kind == "task" else ""

    def _zone_here(self) -> Zone:
        return Zone(self._times, self._zone)

    def _several(self) -> str:
        return words.plural(len(self._alerts), self.tr("alert"), self.tr("alerts"))

    def _refresh(self) -> None:
        alert, is_any = self.alert, bool(self._alerts)
        self._head.setVisible(is_any)
        self._empty.setVisible(not is_any)
        for card in (self.events, self.facts_card, self.receipts):
            card.setVisible(alert is not None)
        self.coming.setVisible(alert is not None and self._detail is not None)
        self.notes.setVisible(is_any)
        if not is_any:
            return
        zone, now_ms = words.zone_for(self._times, self._zone), self._now()
        if alert is None:
            self._show_several()
        else:
            self._show_one(alert, zone, now_ms)
        self._set_buttons()
        notes = self._detail.notes if self._detail is not None else ()
        self.notes.show_notes(notes, zone, now_ms)
        self.notes.allow(self._may, self._why_not)

    def _show_several(self) -> None:
        open_ones = sum(alert_state(alert) == "open" for alert in self._alerts)
        look = Look("stack", "", "idle")
        self.pill.show_look(look, self.tr("{0} of them open").format(open_ones))
        self.number.setText("")
        self.title.setText(self.tr("{0} chosen").format(self._several()))
        self.cause.setText("\n".join(alert.title for alert in self._alerts[:12]))

    def _show_one(self, alert: Alert, zone: tzinfo | None, now_ms: int) -> None:
        is_stale = bool(self._stale_since)
        look = severity_look(alert.sev)
        if alert.state != "open":
            look = Look(look.icon, look.word, "ok" if alert.state == "resolved" else "idle")
        self.pill.show_look(look, pill_words(alert, zone, now_ms), stale=is_stale)
        self.number.setText(self.tr("Alert {0}").format(alert.id[-6:]))
        self.number.setToolTip(alert.id)
        self.title.setText(alert.title)
        self.cause.setText(alert.msg)
        self.cause.setVisible(bool(alert.msg))
        self.facts.show_facts(facts_of(alert, zone, now_ms, is_mail_on=self._is_mail_on))
        detail = self._detail or AlertDetail(row=alert)
        self.events.show_events(events_of(detail, zone, now_ms), zone, now_ms, is_stale=is_stale)
        none = self.tr("Nothing was sent about it yet.")
        if not self._is_mail_on:
            none = self.tr("No mail or chat is set up, so only desktops show it.")
        elif self._detail is None:
            none = self.tr("The receipts come from the agent.")
        self.receipts.show_receipts(
            detail.deliveries, zone, now_ms, is_stale=is_stale, why_none=none
        )
        self.coming.show_events(coming_of(detail), zone, now_ms, is_stale=is_stale)
        self.coming.show_none(why_nothing_comes(detail, is_mail_on=self._is_mail_on))

    def _set_buttons(self) -> None:
        may, why = self._may, self._why_not
        states = {alert.state for alert in self._alerts}
        is_held = states <= {"acked"}
        is_over = states <= {"resolved"}
        self.ack.setVisible("open" in states or not (is_held or is_over))
        self.snooze.setVisible(not is_over)
        self.resolve.setVisible(not is_over)
        self.reopen.setVisible("open" not in states)
        for button in (self.ack, self.snooze, self.resolve, self.reopen):
            button.allow(may, why)
        alert, task_id = self.alert, self._task_id()
        self.open_cause.setVisible(alert is not None and alert.cause_id is not None)
        self.log.setVisible(alert is not None and bool(alert.run_id))
        for button in (self.task, self.run):
            button.setVisible(bool(task_id))
        self.run.allow(may, why)
