"""The alert centre in a window: what a user asks reaches the outside, what comes is shown."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from desktop.tables import ROW
from desktop.views.alerts.page import DELIVERY, HISTORY, QUIET, RULES_TAB
from desktop.views.palette import Palette
from desktop.views.rail import ALERTS, TASKS
from desktop.window import MainWindow
from shared.protocol.alerting import (
    AlertAck,
    AlertDetail,
    AlertGet,
    AlertNote,
    AlertReopen,
    AlertResolve,
    AlertSnooze,
    AlertsPage,
    AlertsPageReply,
    AlertsRules,
    AlertsRulesReply,
    Coming,
    DeliveriesPage,
    DeliveriesReply,
    Delivery,
    MailState,
    OwnRule,
    QuietTime,
    Remarked,
)
from shared.protocol.rows import Alert, Row
from tests.desktop.alerts_at_hand import alert
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, failing, run, task
from tests.desktop.windows_at_hand import AGENT, LIVE, LOST

HOUR_MS = 60 * MINUTE_MS
SENT = Delivery(
    id="01KAS0000000000000000000D1",
    channel="mail",
    sev="high",
    state="sent",
    recipients=("night@example.org",),
    subject="backup failed",
    created_ms=NOW_MS,
    due_ms=NOW_MS,
    tries=2,
    sent_ms=NOW_MS,
    answer="250 taken",
)

RULE = OwnRule(
    name="too-quiet",
    sev="high",
    given=(("task", "shop-*"), ("output_bytes_below", "10")),
    at_ms=NOW_MS,
    by="Anna",
)
TIME = QuietTime(id="01KAS0000000000000000000Q1", from_ms=1, to_ms=NOW_MS + 1, reason="new disk")


class Outside:
    """Answers what the window asks, and remembers what it orders."""

    def __init__(self, window: MainWindow) -> None:
        self.details: dict[str, AlertDetail] = {}
        self.past: list[Alert] = []
        self.mail = MailState(is_on=True, recipients=("night@example.org",), sent_ms=NOW_MS)
        self.asked: list[Any] = []
        self.orders: list[Any] = []
        self.backs: list[tuple[Any, ...]] = []
        window.question_asked.connect(self._answer)
        window.alerts_ordered.connect(self._take)

    def _answer(self, request: object, answered: Callable[[Any], None], _failed: object) -> None:
        self.asked.append(request)
        if isinstance(request, AlertGet) and request.id in self.details:
            answered(self.details[request.id])
        elif isinstance(request, AlertsPage):
            answered(AlertsPageReply(rows=tuple(self.past)))
        elif isinstance(request, AlertsRules):
            answered(AlertsRulesReply(rules=(RULE,), quiet=(TIME,)))
        elif isinstance(request, DeliveriesPage):
            answered(DeliveriesReply(rows=(SENT,), mail=self.mail))

    def _take(self, request: object, _said: str, back: tuple[Any, ...]) -> None:
        self.orders.append(request)
        self.backs.append(back)


@pytest.fixture
def agent_rows() -> Sequence[Row]:
    return (AGENT, failing("backup"), task("report"))


@pytest.fixture
def outside(window: MainWindow) -> Outside:
    made = Outside(window)
    window.show_link(LIVE)
    return made


def show(window: MainWindow, *alerts: Alert) -> None:
    window.show_rows(alerts)
    window.show_screen(ALERTS)
    # Keys go to the window in front alone.
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)


def press(window: MainWindow, key: Qt.Key) -> None:
    QTest.keyClick(window.centre.active.list, key)


@pytest.mark.usefixtures("outside")
def test_what_nobody_cares_for_is_counted_on_every_screen(window: MainWindow) -> None:
    window.show_rows([alert(1), alert(2, "report"), alert(3, "", state="acked", acked_by="Anna")])

    assert window.header.bell.isVisible()
    assert window.header.bell.accessibleName() == "2 alerts are open"
    window.show_rows([], [("alert", alert(1).id), ("alert", alert(2).id)])

    assert not window.header.bell.isVisible()


def test_a_key_acknowledges_what_is_chosen_and_tells_how_to_take_it_back(
    window: MainWindow, outside: Outside
) -> None:
    show(window, alert(1), alert(2, "report", sev="critical"))

    press(window, Qt.Key.Key_A)

    (order,), (back,) = outside.orders, outside.backs
    assert isinstance(order, AlertAck)
    assert order.ids == (alert(2).id,)
    assert [(type(one), one.ids) for one in back] == [(AlertReopen, order.ids)]


def test_several_are_acknowledged_at_once(window: MainWindow, outside: Outside) -> None:
    until_ms = NOW_MS + HOUR_MS
    snoozed = alert(3, "", state="acked", snoozed_until_ms=until_ms)
    show(window, alert(1), alert(2, "report"), snoozed)

    window.centre.active.list.selectAll()
    press(window, Qt.Key.Key_A)

    (order,), (back,) = outside.orders, outside.backs
    assert set(order.ids) == {alert(1).id, alert(2).id, alert(3).id}
    reopened, again = back
    assert set(reopened.ids) == {alert(1).id, alert(2).id}
    assert (type(again), again.ids, again.until_ms) == (AlertSnooze, (snoozed.id,), until_ms)
    assert window.centre.panel.title.text() == "3 alerts chosen"


def test_an_alert_is_snoozed_by_the_menu_or_until_a_moment_of_ones_own(
    window: MainWindow, outside: Outside
) -> None:
    show(window, alert(1))

    press(window, Qt.Key.Key_S)
    menu = window.centre.panel.snooze.menu()
    assert menu.isVisible()
    menu.actions()[1].trigger()
    menu.close()
    dialog = window.centre.panel.choose_moment()
    dialog.until.setText("nonsense")
    assert not dialog.act.isEnabled()
    dialog.until.setText("2040-01-01 06:00")
    assert dialog.act.toolTip() == "Choose a moment within a year"
    dialog.until.setText("23:59")
    dialog.note.setText("night")
    dialog.act.click()

    by_menu, by_hand = outside.orders
    assert by_menu.until_ms == NOW_MS + 4 * HOUR_MS
    assert NOW_MS < by_hand.until_ms <= NOW_MS + 24 * HOUR_MS
    assert by_hand.note == "night"


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("others", [(), (alert(9, "report"),)])
def test_an_alert_that_was_ended_and_comes_back_is_chosen_again(
    window: MainWindow, others: tuple[Alert, ...]
) -> None:
    row = alert(1, sev="critical")
    show(window, row, *others)

    window.show_rows([], [("alert", row.id)])
    assert window.centre.panel.ids == [row.id]
    window.show_rows([row])

    assert window.centre.panel.ids == [row.id]
    assert window.centre.active.list.chosen_ids() == [row.id]
    assert window.centre.active.list.currentIndex().data(ROW) == row


@pytest.mark.usefixtures("outside")
def test_several_that_were_ended_at_once_and_come_back_are_chosen_again(
    window: MainWindow,
) -> None:
    rows = [alert(1), alert(2, "report")]
    show(window, *rows, alert(3, "other"))
    window.centre.active.list.choose_all([row.id for row in rows])

    window.show_rows([], [("alert", row.id) for row in rows])
    window.show_rows(rows)

    assert set(window.centre.panel.ids) == {row.id for row in rows}


@pytest.mark.usefixtures("outside")
def test_what_comes_back_takes_no_choice_away_that_was_made_meanwhile(window: MainWindow) -> None:
    rows = [alert(1), alert(2, "report")]
    show(window, *rows)
    window.centre.active.list.choose(rows[0].id)

    window.show_rows([], [("alert", rows[0].id)])
    window.centre.active.list.choose(rows[1].id)
    window.show_rows([rows[0]])

    assert window.centre.panel.ids == [rows[1].id]


@pytest.mark.usefixtures("outside")
def test_where_no_alert_is_the_list_that_says_so_has_all_the_room(
    window: MainWindow, qtbot: QtBot
) -> None:
    show(window)
    qtbot.waitUntil(lambda: window.centre.active.width() > window.width() - 100)

    window.show_rows([alert(1)])

    qtbot.waitUntil(lambda: window.centre.active.width() < window.width() - 400)
    assert window.centre.panel.isVisible()
    assert window.centre.panel.alert == alert(1)


@pytest.mark.usefixtures("outside")
def test_a_name_longer_than_a_line_makes_no_card_wider_than_the_panel(window: MainWindow) -> None:
    window.resize(960, 600)
    name = "flagged_products_generate_ai_insights_of_every_outlet_in_the_country_" * 2
    show(window, alert(1, name, title=f"{name} failed", msg=name))

    panel = window.centre.panel

    inside = panel.widget()
    assert inside is not None
    assert inside.width() <= panel.viewport().width()
    assert panel.horizontalScrollBar().maximum() == 0


def test_a_note_is_written_by_key_and_line(window: MainWindow, outside: Outside) -> None:
    show(window, alert(1))

    press(window, Qt.Key.Key_N)
    field = window.centre.panel.notes.field
    assert field.hasFocus()
    QTest.keyClicks(field, "as A or S")
    QTest.keyClick(field, Qt.Key.Key_Return)

    (order,) = outside.orders
    assert isinstance(order, AlertNote)
    assert order.note == "as A or S"
    assert field.text() == ""


def test_the_chosen_alert_is_told_in_full(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    row = alert(1, count=3, flaps=1)
    outside.details[row.id] = AlertDetail(
        row=row,
        notes=(Remarked(at_ms=NOW_MS, by="Anna", what="noted", note="disk is ordered"),),
        deliveries=(SENT,),
        runs=(run(1, "backup", result="error", exit=3), run(2, "backup")),
    )
    show(window, row)

    panel = window.centre.panel
    qtbot.waitUntil(lambda: panel.notes.texts() == ["Anna wrote: disk is ordered"])

    assert panel.title.text() == "backup failed"
    assert panel.receipts.texts() == ["Accepted: 250 taken"]
    assert panel.receipts.second.text() == "1 of 1 arrived"
    assert any("exit 3" in text for text in panel.events.texts())
    facts = panel.facts.texts()
    assert (facts["Seen"].split()[0], facts["Came back"]) == ("3", "1 time")


@pytest.mark.parametrize(
    ("more", "coming", "says"),
    [
        (
            {},
            (
                Coming(at_ms=NOW_MS + HOUR_MS, what="told", to=("ops@example.org",)),
                Coming(at_ms=NOW_MS + 2 * HOUR_MS, what="escalated", to=("pager",), stage=2),
            ),
            [
                "Told to ops@example.org",
                "Escalation 2, if nobody acknowledges: pager",
            ],
        ),
        ({"state": "acked", "acked_by": "Anna"}, (), ["until it is over or gets worse"]),
        ({"muted_until_ms": NOW_MS + HOUR_MS}, (), ["before the quiet time ends"]),
    ],
)
def test_an_alert_says_who_is_told_next_or_why_nobody_is(
    window: MainWindow,
    outside: Outside,
    qtbot: QtBot,
    more: dict[str, Any],
    coming: tuple[Coming, ...],
    says: list[str],
) -> None:
    row = alert(1, **more)
    told = Remarked(at_ms=NOW_MS, by="Smart Cron", what="escalated 1", note="head@example.org")
    outside.details[row.id] = AlertDetail(row=row, notes=(told,), coming=coming)
    show(window, row)

    panel = window.centre.panel
    qtbot.waitUntil(lambda: not panel.coming.isHidden())

    assert panel.notes.texts() == [
        "Escalation 1 was told, as nobody acknowledged: head@example.org"
    ]
    found = panel.coming.texts() or [panel.coming.none.text()]
    assert all(part in text for part, text in zip(says, found, strict=True))


def test_what_is_over_stays_in_sight_and_can_be_opened_again(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    row = alert(1)
    show(window, row, alert(2, "report", sev="medium"))
    panel = window.centre.panel
    panel.resolve.click()
    over = structs.replace(row, state="resolved", resolved_ms=NOW_MS)
    outside.details[row.id] = AlertDetail(row=over)

    window.show_rows([], [("alert", row.id)])
    qtbot.waitUntil(lambda: panel.alert is not None and panel.alert.state == "resolved")
    panel.reopen.click()

    resolve, reopen = outside.orders
    assert (type(resolve), resolve.ids) == (AlertResolve, (row.id,))
    assert (type(reopen), reopen.ids) == (AlertReopen, (row.id,))


def test_enter_leads_to_acknowledge_and_esc_back_to_the_list(
    window: MainWindow, outside: Outside
) -> None:
    show(window, alert(1))

    press(window, Qt.Key.Key_Return)
    assert window.centre.panel.ack.hasFocus()
    QTest.keyClick(window.centre.panel.ack, Qt.Key.Key_Escape)

    assert window.centre.active.list.hasFocus()
    assert outside.orders == []


def test_a_viewer_looks_and_is_told_why_no_more(window: MainWindow, outside: Outside) -> None:
    window.show_link(replace(LIVE, role="viewer"))
    show(window, alert(1))
    press(window, Qt.Key.Key_A)

    panel = window.centre.panel
    for button in (panel.ack, panel.snooze, panel.resolve, panel.run, panel.notes.add):
        assert not button.isEnabled()
        assert button.toolTip() == "Needs the operator role"
    assert outside.orders == []
    assert panel.log.isEnabled()


@pytest.mark.usefixtures("outside")
def test_nothing_is_ordered_of_a_silent_agent_and_what_is_shown_is_grey(
    window: MainWindow,
) -> None:
    show(window, alert(1))
    window.show_link(LOST)

    assert not window.centre.panel.ack.isEnabled()
    assert window.centre.active.list.is_stale
    assert not window.actions_by_name["ack"].isEnabled()


@pytest.mark.parametrize(
    ("mail", "alerts", "says"),
    [
        (MailState(is_on=True, sent_ms=NOW_MS), [], "Messages go"),
        (MailState(), [], "No mail, no chat"),
        (MailState(is_on=True, problem="refused"), [], "Messages do not go: refused"),
        (
            MailState(is_on=True, sent_ms=NOW_MS),
            [alert(7, "", kind="mail_undeliverable", title="Alerts do not arrive by mail")],
            "Alerts do not arrive by mail",
        ),
    ],
)
def test_a_line_says_whether_mail_goes(
    window: MainWindow, outside: Outside, mail: MailState, alerts: list[Alert], says: str
) -> None:
    outside.mail = mail

    show(window, *alerts)

    assert window.centre.mail_line.text().startswith(says)


def test_the_history_is_asked_with_what_is_chosen(window: MainWindow, outside: Outside) -> None:
    outside.past = [alert(4, state="resolved", resolved_ms=NOW_MS), alert(5)]
    show(window)

    window.centre.tabs.choose(HISTORY)
    history = window.centre.history
    history.severity.menu().actions()[1].trigger()
    history.span.menu().actions()[3].trigger()

    asked = [one.filter for one in outside.asked if isinstance(one, AlertsPage)]
    assert (asked[-1].sevs, asked[-1].from_ms) == (("critical",), None)
    assert window.centre.history_model.rowCount() == 2


def test_messages_stand_in_a_tab_of_their_own(window: MainWindow, outside: Outside) -> None:
    show(window)

    window.centre.tabs.choose(DELIVERY)

    assert window.centre.deliveries_model.rowCount() == 1
    assert outside.mail.is_on


def test_own_rules_and_quiet_times_stand_in_tabs(window: MainWindow, outside: Outside) -> None:
    show(window, alert(1))
    assert window.actions_by_name["ack"].isEnabled()

    window.centre.tabs.choose(RULES_TAB)
    window.centre.tabs.choose(QUIET)

    assert not window.actions_by_name["ack"].isEnabled()
    rules, quiet = window.centre.rules.model, window.centre.quiet.model
    assert [rules.index(0, at).data() for at in range(3)] == ["too-quiet", "High", "On"]
    assert rules.index(0, 3).data() == "tasks shop-*, bytes of output below 10"
    assert [quiet.index(0, at).data() for at in (2, 3)] == ["On", "all alerts"]
    assert any(isinstance(one, AlertsRules) for one in outside.asked)


@pytest.mark.usefixtures("outside")
def test_a_new_alert_is_told_at_once_and_leads_to_itself(window: MainWindow) -> None:
    window.show_screen(TASKS)
    window.show_rows([alert(1)])
    window.show_rows([alert(2, "report", sev="critical", opened_ms=NOW_MS + 1)])

    assert window.toasts.texts() == ["Critical: report failed"]
    (button,) = window.toasts.findChildren(QPushButton)
    button.click()

    assert window.screen_name == ALERTS
    assert window.centre.panel.ids == [alert(2).id]


@pytest.mark.usefixtures("outside")
def test_overview_task_run_and_palette_lead_to_an_alert(window: MainWindow) -> None:
    window.show_rows([alert(1, run_id=run(1, "backup").id), run(1, "backup", result="error")])
    found: list[list[str]] = []

    def note() -> None:
        found.append(window.centre.panel.ids)
        window.centre.active.list.clearSelection()
        window.show_screen(TASKS)

    window.overview.refresh()
    window.overview.alerts_card.shown[0].click()
    note()
    window.open_task("backup")
    window.details.alert.click()
    note()
    window.executions.table.selectRow(0)
    window.executions.alert.click()
    note()
    window.open_palette()
    (palette,) = window.findChildren(Palette)
    palette.field.edit.setText("backup failed")
    palette.field.submitted.emit()
    note()

    assert found == [[alert(1).id]] * 4


@pytest.mark.usefixtures("outside")
def test_the_worst_alert_is_chosen_also_where_alerts_come_after_the_screen(
    window: MainWindow,
) -> None:
    window.show_screen(ALERTS)
    assert window.centre.panel.ids == []

    window.show_rows([alert(1), alert(2, "report", sev="critical")])

    assert window.centre.panel.ids == [alert(2).id]


@pytest.mark.usefixtures("outside")
def test_a_task_without_an_alert_leads_nowhere(window: MainWindow) -> None:
    window.show_rows([alert(1)])

    window.open_task("report")

    assert not window.details.alert.isVisible()


def test_a_message_that_is_cut_is_whole_in_its_tip_and_heard_as_a_whole(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(ALERTS)
    window.centre.tabs.choose(DELIVERY)
    model = window.centre.messages.table.model()

    texts = {
        column: model.index(0, column).data(Qt.ItemDataRole.ToolTipRole) for column in (3, 4, 6)
    }
    heard = model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)

    assert texts == {3: "backup failed", 4: "night@example.org", 6: "Accepted: 250 taken"}
    assert all(text in heard for text in texts.values())


@pytest.mark.usefixtures("outside")
def test_an_alert_is_whole_in_its_tip(window: MainWindow) -> None:
    show(window, alert(1))

    tip = window.centre.active.list.currentIndex().data(Qt.ItemDataRole.ToolTipRole)

    assert tip == "backup failed\nexit status 3"
