"""Which alerts are shown, what is asked of them, and what does somebody order about them?"""

import secrets
from collections.abc import Iterable, Sequence
from typing import Final, TypedDict

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from desktop import words
from desktop.freshness import Link
from desktop.models.alerts import AlertsModel
from desktop.states import alert_state, severity_look
from desktop.views.alerts.page import ACTIVE, DELIVERY, HISTORY, QUIET, RULES_TAB, AlertCentre
from shared.protocol.alerting import (
    AlertAck,
    AlertDetail,
    AlertFilter,
    AlertGet,
    AlertNote,
    AlertReopen,
    AlertResolve,
    AlertSnooze,
    AlertsPage,
    AlertsPageReply,
    DeliveriesPage,
    DeliveriesReply,
)
from shared.protocol.messages import Request
from shared.protocol.rows import Alert

QUIET_MS: Final = 120
MAIL_MS: Final = 30_000
PAGE: Final = 100
MOST_AT_ONCE: Final = 200
MOST_TOLD: Final = 2
_LOUD: Final = ("critical", "high")

Back = AlertReopen | AlertAck | AlertSnooze


class Alarms(QObject):
    """Asks for what the centre shows, and passes on what is ordered there."""

    asked = Signal(object, object, object)
    """A request, who takes its reply, and who takes the sentence and the path of a refusal."""
    ordered = Signal(object, str, object)
    """A command, what is said when it is done, and the commands that take it back."""
    noticed = Signal(str, str)
    """A new alert in a sentence, and its id; no id where it is several."""
    counted = Signal(int, str)
    """How many nobody cares for yet, and the severity of the worst of them."""
    chosen_changed = Signal()
    refused = Signal(str)
    standing_wanted = Signal()
    """Own rules or quiet times are in sight, and to be asked for."""

    def __init__(
        self, centre: AlertCentre, model: AlertsModel, now: words.Clock, over: QWidget
    ) -> None:
        super().__init__(over)
        self._centre, self._model, self._now = centre, model, now
        self._link = Link()
        self._may, self._why_not = False, ""
        self._is_shown = False
        self._since_ms: int | None = None
        self._told: set[str] = set()
        self._next: str | None = None
        self._asked_for: AlertFilter | None = None
        self._older: str | None = None
        # A detail is asked for once the keyboard has come to rest on an alert.
        self._soon = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._soon.timeout.connect(self._ask_detail)
        self._mail = QTimer(self, interval=MAIL_MS)
        self._mail.timeout.connect(self._ask_mail)
        self._mail.start()
        panel = centre.panel
        panel.acked.connect(self.acknowledge)
        panel.snoozed.connect(self.snooze)
        panel.resolved.connect(self.resolve)
        panel.reopened.connect(self.reopen)
        panel.noted.connect(self.note)
        for pane in (centre.active, centre.history):
            pane.list.chosen.connect(self._note_choice)
        centre.tab_chosen.connect(self._enter_tab)
        centre.history.wanted.connect(self._ask_history)
        centre.history.more_wanted.connect(self._ask_more)
        centre.messages.end_reached.connect(self._ask_older)
        model.counted.connect(self._count)

    # What the window tells ---------------------------------------------------------------

    def show_link(self, link: Link, *, may: bool, why_not: str) -> None:
        """The link changed, and with it whether an order can be given."""
        had, self._link = self._link, link
        self._may, self._why_not = may, why_not
        self._centre.allow_commands(may, why_not)
        self._centre.show_heard(link.was_heard)
        if link.is_live and not had.is_live:
            if self._since_ms is None:
                self._since_ms = self._now()
            self.refresh()

    def show_rows(self, rows: Sequence[Alert], gone: Sequence[str]) -> None:
        """Alerts came, changed, or are over."""
        if not rows and not gone:
            return
        was_empty = not self._model.alerts()
        self._model.show_rows(rows, gone)
        is_ours = self._is_shown and self._centre.tab == ACTIVE
        if was_empty and is_ours and self._centre.panel.alert is None:
            self._centre.active.list.choose_first()
        self._tell_new(rows)
        changed = {*gone, *(row.id for row in rows)}
        if changed & set(self._centre.panel.ids):
            self._soon.start()
        if self._is_shown:
            self._ask_mail()

    def forget(self) -> None:
        """Another agent."""
        self._model.clear()
        self._centre.forget()
        self._told.clear()
        self._since_ms = self._next = self._older = None

    def show_screen(self, is_ours: bool) -> None:
        """The centre is in sight now, or not."""
        had, self._is_shown = self._is_shown, is_ours
        if is_ours and not had:
            self.refresh()

    def refresh(self) -> None:
        """Ask for everything that is in sight anew."""
        self._ask_mail()
        if self._centre.tab == HISTORY and self._is_shown:
            self._centre.history.ask()
        elif self._centre.tab in (RULES_TAB, QUIET):
            self.standing_wanted.emit()
        self._soon.start()

    # What is ordered ---------------------------------------------------------------------

    @property
    def ids(self) -> list[str]:
        """The alerts that are chosen, while they are in sight."""
        return self._centre.panel.ids if self._centre.tab in (ACTIVE, HISTORY) else []

    def acknowledge(self, ids: Sequence[str] = ()) -> None:
        """Somebody cares for these, or for those that are chosen."""
        rows = self._rows(ids)
        back = [*_reopened(rows), *_snoozed(rows)]
        self._order(AlertAck(**_op(rows)), rows, self.tr("acknowledged"), back)

    def snooze(self, ids: Sequence[str], until_ms: int, note: str = "") -> None:
        """Nothing is told of these until then."""
        rows = self._rows(ids)
        held = [row for row in rows if row.state == "acked" and row.snoozed_until_ms is None]
        back = [*_reopened(rows), *_snoozed(rows)]
        if held:
            back.append(AlertAck(**_op(held)))
        request = AlertSnooze(**_op(rows), until_ms=until_ms, note=note)
        self._order(request, rows, self.tr("snoozed"), back)

    def resolve(self, ids: Sequence[str] = ()) -> None:
        """These are over."""
        rows = self._rows(ids)
        back = [AlertReopen(**_op(rows))] if rows else []
        self._order(AlertResolve(**_op(rows)), rows, self.tr("resolved"), back)

    def reopen(self, ids: Sequence[str] = ()) -> None:
        """What was done about these is taken back."""
        rows = self._rows(ids)
        self._order(AlertReopen(**_op(rows)), rows, self.tr("open again"), [])

    def note(self, ids: Sequence[str], text: str) -> None:
        """Somebody says something of these."""
        rows = self._rows(ids)
        one_line = " ".join(text.split())
        self._order(AlertNote(**_op(rows), note=one_line), rows, self.tr("noted"), [])

    def _order(
        self, request: Request, rows: Sequence[Alert], done: str, back: Sequence[Back]
    ) -> None:
        if not rows:
            return
        if not self._may:
            self.refused.emit(self._why_not)
            return
        what = rows[0].title
        said = self.tr("{0}: {1}.").format(what, done)
        if len(rows) > 1:
            said = self.tr("{0} alerts are {1}.").format(len(rows), done)
        self.ordered.emit(request, said, tuple(back))

    def _rows(self, ids: Sequence[str]) -> list[Alert]:
        wanted = list(ids or self.ids)[:MOST_AT_ONCE]
        shown = self._centre.panel.alert
        found = []
        for alert_id in wanted:
            row = self._model.alert(alert_id) or self._centre.history_model.alert(alert_id)
            if row is None and shown is not None and shown.id == alert_id:
                row = shown
            if row is not None:
                found.append(row)
        return found

    def _note_choice(self, _ids: Sequence[str]) -> None:
        self._soon.start()
        self.chosen_changed.emit()

    # What is asked -----------------------------------------------------------------------

    def _ask_detail(self) -> None:
        ids = self._centre.panel.ids
        if len(ids) != 1 or not self._link.is_live:
            return

        def show(detail: AlertDetail) -> None:
            self._centre.panel.show_detail(detail)
            if self._centre.history_model.alert(detail.row.id) is not None:
                self._centre.history_model.show_rows([detail.row])

        self.asked.emit(AlertGet(id=ids[0]), show, _unsaid)

    def _enter_tab(self, place: int) -> None:
        if place == HISTORY:
            self._centre.history.ask()
        elif place == DELIVERY:
            self._ask_mail()
        elif place in (RULES_TAB, QUIET):
            self.standing_wanted.emit()
            self._ask_mail()
        if place in (ACTIVE, HISTORY):
            self._centre.enter()
        self._soon.start()
        self.chosen_changed.emit()

    def _ask_history(self, wanted: AlertFilter) -> None:
        self._asked_for, self._next = wanted, None

        def show(page: AlertsPageReply) -> None:
            if self._asked_for is wanted:
                keep = {row.id for row in page.rows}
                model = self._centre.history_model
                gone = [row.id for row in model.alerts() if row.id not in keep]
                self._take_page(page, gone)

        self._ask_page(AlertsPage(filter=wanted, limit=PAGE), show)

    def _ask_more(self) -> None:
        wanted, cursor = self._asked_for, self._next
        if wanted is None or cursor is None:
            return
        self._next = None

        def show(page: AlertsPageReply) -> None:
            if self._asked_for is wanted:
                self._take_page(page, ())

        self._ask_page(AlertsPage(filter=wanted, cursor=cursor, limit=PAGE), show)

    def _ask_page(self, request: AlertsPage, show: object) -> None:
        if not self._link.is_live:
            self._centre.history.show_problem(self._why_not)
            return

        def failed(text: str, _path: str) -> None:
            self._centre.history.show_problem(text)

        self.asked.emit(request, show, failed)

    def _take_page(self, page: AlertsPageReply, gone: Iterable[str]) -> None:
        self._next = page.next
        self._centre.history_model.show_rows(page.rows, gone)
        self._centre.history.show_answered(is_more=page.next is not None)

    def _ask_mail(self) -> None:
        if not self._link.is_live:
            return
        is_listed = self._is_shown and self._centre.tab == DELIVERY

        def show(reply: DeliveriesReply) -> None:
            self._centre.show_mail(reply.mail)
            self._centre.show_ways(reply)
            if is_listed:
                self._centre.deliveries_model.show_rows(reply.rows)
                self._older = self._older or reply.next

        self.asked.emit(DeliveriesPage(limit=PAGE if is_listed else 1), show, _unsaid)

    def _ask_older(self) -> None:
        cursor, self._older = self._older, None
        if cursor is None:
            return

        def show(reply: DeliveriesReply) -> None:
            self._older = reply.next
            self._centre.deliveries_model.show_rows(reply.rows)

        self.asked.emit(DeliveriesPage(cursor=cursor, limit=PAGE), show, _unsaid)

    # What is new -------------------------------------------------------------------------

    def _tell_new(self, rows: Sequence[Alert]) -> None:
        """Say in a word what began since this desktop looks, if it is loud enough."""
        since_ms = self._since_ms
        if since_ms is None:
            return
        new = [
            row
            for row in rows
            if alert_state(row) == "open"
            and row.sev in _LOUD
            and row.opened_ms > since_ms
            and row.id not in self._told
        ]
        self._told.update(row.id for row in new)
        if len(new) > MOST_TOLD:
            self.noticed.emit(self.tr("{0} new alerts.").format(len(new)), "")
            return
        for row in new:
            said = f"{severity_look(row.sev).said}: {row.title}"
            self.noticed.emit(said, row.id)

    def _count(self) -> None:
        found = self._model.open_alerts()
        self.counted.emit(len(found), found[0].sev if found else "")


def _op(rows: Sequence[Alert]) -> "_About":
    return {
        "op": secrets.token_hex(16),
        "expires_ms": 0,
        "ids": tuple(row.id for row in rows),
    }


class _About(TypedDict):
    """What every command about alerts begins with."""

    op: str
    expires_ms: int
    ids: tuple[str, ...]


def _reopened(rows: Sequence[Alert]) -> list[Back]:
    """What opens those again that are open now."""
    were_open = [row for row in rows if row.state == "open"]
    return [AlertReopen(**_op(were_open))] if were_open else []


def _snoozed(rows: Sequence[Alert]) -> list[Back]:
    """What snoozes those again that are snoozed now, each until its moment."""
    return [
        AlertSnooze(**_op([row]), until_ms=row.snoozed_until_ms)
        for row in rows
        if row.snoozed_until_ms is not None
    ]


def _unsaid(_text: str, _path: str) -> None:
    """The link's own state says already that nothing is answered."""
