"""The alert centre: its tabs, its lists, the chosen alert, and whether mail goes."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from desktop import words
from desktop.models.alerts import NEWEST, AlertsModel
from desktop.models.deliveries import DeliveriesModel
from desktop.parts.labels import Elided, Ground, IconLabel
from desktop.parts.tabs import Tabs
from desktop.theme import Theme
from desktop.views.alerts.listing import AlertList
from desktop.views.alerts.lists import ActiveList, HistoryList
from desktop.views.alerts.messages import Messages
from desktop.views.alerts.panel import AlertPanel
from desktop.views.alerts.standing import RULES, TIMES, Standing, rule_line, time_line
from desktop.views.alerts.story import mail_words
from desktop.views.alerts.ways import Ways
from shared.protocol.alerting import DeliveriesReply, MailState, OwnRule, QuietTime

ACTIVE, HISTORY, RULES_TAB, QUIET, DELIVERY = range(5)
TABS_PX: Final = 44
LIST_PX: Final = 560
LEAST_PX: Final = 480
UNDELIVERABLE: Final = "mail_undeliverable"


class AlertCentre(Ground):
    """Draws its models; what the panel asks for is the matter of whoever made it."""

    tab_chosen = Signal(int)

    def __init__(
        self, model: AlertsModel, theme: Theme, now: words.Clock, parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, "window", parent=parent)
        self._now, self._model = now, model
        # As with the runs: no details panel stands beside this screen.
        self.setMinimumWidth(LEAST_PX)
        self._times, self._zone = words.TASK_TIMES, "UTC"
        self._mail: MailState | None = None
        self._is_stale = False
        # What was chosen in the list now shown; it stays in sight when it is over.
        self._seen: set[str] = set()
        # Those of them that are over; what comes back is chosen again.
        self._over: set[str] = set()
        self.history_model = AlertsModel(sort=NEWEST)
        self.deliveries_model = DeliveriesModel()
        self.tabs = Tabs(
            theme,
            (
                self.tr("Active"),
                self.tr("History"),
                self.tr("Rules"),
                self.tr("Quiet times"),
                self.tr("Delivery"),
            ),
            height=TABS_PX,
        )
        self.tabs.chosen.connect(self._choose)
        self._mail_icon = IconLabel(theme, "envelope-simple", ink="text3", px=15)
        self.mail_line = Elided(theme, ink="text2")
        self.mail_line.setAlignment(Qt.AlignmentFlag.AlignRight)
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(12, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(self.mail_line, 1)
        line.addWidget(self._mail_icon)
        self.tabs.add_right(holder, 20)
        self.active = ActiveList(model, theme, now)
        self.history = HistoryList(self.history_model, theme, now)
        self.panel = AlertPanel(theme, now)
        self.messages = Messages(self.deliveries_model, theme, now)
        self.ways, self.quiet_ways = Ways(theme, now, tests=True), Ways(theme, now)
        self._lists = QStackedWidget()
        for pane in (self.active, self.history):
            self._lists.addWidget(pane)
            pane.list.chosen.connect(lambda _, pane=pane: self._show_chosen(pane.list))
            pane.list.opened.connect(lambda _: self.panel.focus_first())
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setHandleWidth(1)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self._lists)
        self._split.addWidget(self.panel)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([LIST_PX, 800])
        self._pages = QStackedWidget()
        self._pages.addWidget(self._split)
        self.rules = Standing(
            theme,
            RULES,
            name=self.tr("Own rules of alerts"),
            make=self.tr("New rule"),
            switch=True,
            empty=(
                "sliders-horizontal",
                self.tr("Only the built-in rules hold"),
                self.tr("A rule of your own tells of what they leave out, and can be tested."),
            ),
        )
        self.quiet = Standing(
            theme,
            TIMES,
            name=self.tr("Quiet times"),
            make=self.tr("New quiet time"),
            empty=(
                "bell-slash",
                self.tr("Every alert is told"),
                self.tr("A quiet time keeps alerts of some tasks, or all, from being told."),
            ),
        )
        self.quiet.column.insertWidget(0, self.quiet_ways)
        self._delivery = QWidget()
        column = QVBoxLayout(self._delivery)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.ways)
        column.addWidget(self.messages, 1)
        for page in (self._delivery, self.rules, self.quiet):
            self._pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tabs)
        layout.addWidget(self._pages, 1)
        model.counted.connect(self._show_counts)
        model.counted.connect(lambda: self._renew(self.active.list))
        self.history_model.counted.connect(lambda: self._renew(self.history.list))
        self._show_counts()
        self._show_chosen(self.active.list)

    # What it is told ---------------------------------------------------------------------

    def show_stale(self, as_of: str) -> None:
        """What is shown is of that time; empty text means it is live."""
        for shown in (self.active.list, self.history.list, self.messages):
            shown.show_stale(bool(as_of))
        self.panel.show_stale(as_of)
        self._is_stale = bool(as_of)
        self._show_mail()

    def show_heard(self, was_heard: bool) -> None:
        """Whether the agent has said anything yet."""
        self.active.show_heard(was_heard)

    def allow_commands(self, allowed: bool, why_not: str = "") -> None:
        """Whether the agent can be commanded, and if not, why."""
        for part in (self.panel, self.rules, self.quiet):
            part.allow(allowed, why_not)

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self._times, self._zone = times, zone
        parts = (self.active.list, self.history.list, self.messages, self.panel)
        for part in (*parts, self.ways, self.quiet_ways):
            part.set_times(times, zone)
        self._show_mail()

    def show_mail(self, mail: MailState | None) -> None:
        """Whether mail goes, as the agent says."""
        self._mail = mail
        self.messages.show_mail(mail)
        self.panel.show_mail(mail is not None and mail.is_on)
        self._show_mail()

    def show_ways(self, told: DeliveriesReply | None) -> None:
        """Which channels are quiet, and who is told when nobody cares."""
        for ways in (self.ways, self.quiet_ways):
            ways.show_ways(told)
        # Its lines are made when the agent tells of them, and stand above the messages.
        QWidget.setTabOrder(self.ways.test_all, self.messages.table)

    def tick(self) -> None:
        """A second has passed."""
        if self.isVisible():
            for ways in (self.ways, self.quiet_ways):
                ways.tick()
            self.panel.tick()
            self.messages.tick()
            self.active.list.viewport().update()

    def forget(self) -> None:
        """Another agent: nothing of the last one may stay."""
        self.history_model.clear()
        self.deliveries_model.clear()
        self.show_standing((), ())
        self._forget_choice()
        self.panel.show_alerts(())
        self.show_mail(None)
        self.show_ways(None)

    # What the user does ------------------------------------------------------------------

    @property
    def tab(self) -> int:
        """The tab we are on."""
        pages = {RULES_TAB: self.rules, QUIET: self.quiet, DELIVERY: self._delivery}
        current = self._pages.currentWidget()
        return next((tab for tab, page in pages.items() if page is current), self._lists_at())

    def show_standing(self, rules: Sequence[OwnRule], quiet: Sequence[QuietTime]) -> None:
        """Own rules, and times in which nobody is told."""
        now_ms = self._now()
        self.rules.show_lines([rule_line(rule) for rule in rules])
        self.quiet.show_lines([time_line(one, self._times, self._zone, now_ms) for one in quiet])

    @property
    def list_shown(self) -> AlertList:
        """The list that is in sight, or was."""
        return self.history.list if self._lists_at() == HISTORY else self.active.list

    def open_alert(self, alert_id: str) -> bool:
        """Show that alert among the active ones; False where it is not one of them."""
        self.tabs.choose(ACTIVE)
        alert = self._model.alert(alert_id)
        if alert is None:
            return False
        if not self.active.list.choose(alert_id):
            # It may be hidden by a filter, or in a folded group.
            self.active.field.edit.clear()
            self._model.fold(alert.sev, folded=False)
            self.active.list.choose(alert_id)
        return True

    def enter(self) -> None:
        """Bring the keyboard to the list, on the worst alert where none is chosen."""
        tables = {RULES_TAB: self.rules.table, QUIET: self.quiet.table,
                  DELIVERY: self.messages.table}  # fmt: skip
        if self.tab in tables:
            tables[self.tab].setFocus()
            return
        if not self.list_shown.chosen_ids():
            self.list_shown.choose_first()
        self.list_shown.setFocus()

    def focus_filter(self) -> None:
        """Go to the filter field."""
        pane = self.history if self._lists_at() == HISTORY else self.active
        pane.field.edit.setFocus()

    def leave_layer(self) -> bool:
        """Esc: from the panel back to the list, then clear the filter; False: nothing to leave."""
        pane = self.history if self._lists_at() == HISTORY else self.active
        if self._pages.currentWidget() is not self._split:
            return False
        focus = self.window().focusWidget()
        if focus is not None and self.panel.isAncestorOf(focus):
            pane.list.setFocus()
            return True
        if pane.field.text():
            pane.field.edit.clear()
            return True
        return False

    # Inside ------------------------------------------------------------------------------

    def _lists_at(self) -> int:
        return self._lists.currentIndex()

    def _choose(self, place: int) -> None:
        pages = {RULES_TAB: self.rules, QUIET: self.quiet, DELIVERY: self._delivery}
        if place in pages:
            self._pages.setCurrentWidget(pages[place])
        else:
            self._pages.setCurrentWidget(self._split)
            self._lists.setCurrentIndex(place)
            self._forget_choice()
            self._show_chosen(self.list_shown)
        self.tab_chosen.emit(place)

    def _show_chosen(self, shown: AlertList) -> None:
        """What is selected is shown in full; what is over stays while nothing else is chosen."""
        if shown is not self.list_shown:
            return
        model = self._model if shown is self.active.list else self.history_model
        chosen = [model.alert(alert_id) for alert_id in shown.chosen_ids()]
        alerts = [alert for alert in chosen if alert is not None]
        over = {one for one in self._seen if model.alert(one) is None}
        back, self._over = self._over - over, over
        if back and not alerts and shown.choose_all(back):
            return
        if alerts or not over:
            self._seen, self._over = {alert.id for alert in alerts}, set()
            self.panel.show_alerts(alerts)
        elif self.panel.alert is None or self.panel.alert.id not in over:
            self.panel.show_alerts(())
        # Where nothing can be chosen the list, which says why, has all the room.
        self.panel.setVisible(model.rowCount() > 0 or bool(self.panel.ids))

    def _forget_choice(self) -> None:
        self._seen.clear()
        self._over.clear()

    def _renew(self, shown: AlertList) -> None:
        if shown is self.list_shown:
            self._show_chosen(shown)

    def _show_counts(self) -> None:
        count = len(self._model.alerts())
        word = self.tr("Active")
        self.tabs.say(ACTIVE, f"{word}  {words.count(count)}" if count else word)
        self._show_mail()

    def _show_mail(self) -> None:
        stuck = (one.title for one in self._model.alerts() if one.kind == UNDELIVERABLE)
        icon, ink, said = mail_words(
            self._mail,
            stuck=next(stuck, ""),
            zone=words.zone_for(self._times, self._zone),
            now_ms=self._now(),
        )
        ink = "idle.text" if self._is_stale else ink
        self._mail_icon.show_icon(icon, ink)
        self._mail_icon.setVisible(bool(said))
        self.mail_line.setText(said)
        self.mail_line.set_ink(ink if ink in ("bad.text", "warn.text") else "text2")
