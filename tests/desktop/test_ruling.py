"""Own rules and quiet times in a window: made, changed, tried, switched off, taken away."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from desktop import words
from desktop.views.alerts.hushing import ALL, QuietDialog
from desktop.views.alerts.page import DELIVERY, QUIET, RULES_TAB
from desktop.views.alerts.ruling import RuleDialog
from desktop.views.rail import ALERTS, OVERVIEW
from desktop.window import MainWindow
from shared.protocol.alerting import (
    AlertsRules,
    AlertsRulesReply,
    DeliveriesPage,
    DeliveriesReply,
    Fired,
    MailState,
    OwnRule,
    QuietRemove,
    QuietReply,
    QuietSet,
    QuietTime,
    QuietTry,
    QuietTryReply,
    RuleDraft,
    RuleRemove,
    RuleReply,
    RuleSet,
    RuleTry,
    RuleTryReply,
    Stage,
    Way,
)
from shared.protocol.rows import Row
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS
from tests.desktop.windows_at_hand import AGENT, LIVE, Orders

HOUR_MS = 60 * MINUTE_MS
REFUSAL = "The agent did not accept this: "
RULE = OwnRule(
    name="too-quiet",
    sev="high",
    given=(("task", "shop-*"), ("longer_than_s", "600"), ("status", "error, timeout")),
    at_ms=NOW_MS,
    by="Anna",
    title="{task} is slow",
    rev=3,
)
TIME = QuietTime(
    id="01KAS0000000000000000000Q1",
    from_ms=NOW_MS - 1,
    to_ms=NOW_MS + HOUR_MS,
    task_id="shop-*",
    reason="new disk",
    by="Anna",
    rev=7,
)


class Outside(Orders):
    """Answers what the window asks as an agent would, and remembers what it orders."""

    def __init__(self, window: MainWindow) -> None:
        self.rules: tuple[OwnRule, ...] = (RULE,)
        self.quiet: tuple[QuietTime, ...] = (TIME,)
        self.tried: list[RuleTryReply] = []
        self.refusal: tuple[str, str] | None = None
        self.asked: list[Any] = []
        super().__init__(window)
        window.question_asked.connect(self._answer)

    def _answer(
        self, request: object, answered: Callable[[Any], None], failed: Callable[[str, str], None]
    ) -> None:
        self.asked.append(request)
        if isinstance(request, RuleTry | QuietTry) and self.refusal is not None:
            failed(REFUSAL + self.refusal[0], self.refusal[1])
        elif isinstance(request, AlertsRules):
            answered(AlertsRulesReply(rules=self.rules, quiet=self.quiet))
        elif isinstance(request, RuleTry):
            answered(self.tried.pop(0) if request.days and self.tried else RuleTryReply())
        elif isinstance(request, QuietTry):
            past = Fired(at_ms=NOW_MS - HOUR_MS, task_id="shop-a", msg="shop-a failed")
            answered(QuietTryReply(tasks=2, of=9, alerts=1, fired=1, records=(past,)))
        elif isinstance(request, DeliveriesPage):
            answered(DeliveriesReply(mail=MailState(is_on=True)))

    @property
    def order(self) -> Any:
        """The newest order."""
        return self.orders[-1][0]


@pytest.fixture
def agent_rows() -> Sequence[Row]:
    return (AGENT,)


@pytest.fixture
def outside(window: MainWindow) -> Outside:
    made = Outside(window)
    window.show_link(LIVE)
    window.show_screen(ALERTS)
    return made


def on_rules(window: MainWindow) -> None:
    window.centre.tabs.choose(RULES_TAB)
    window.centre.rules.choose(RULE.name)


def on_quiet(window: MainWindow) -> None:
    window.centre.tabs.choose(QUIET)
    window.centre.quiet.choose(TIME.id)


def ruling(window: MainWindow) -> RuleDialog:
    dialog = window.ruling.dialog
    assert isinstance(dialog, RuleDialog)
    return dialog


def hushing(window: MainWindow) -> QuietDialog:
    dialog = window.ruling.dialog
    assert isinstance(dialog, QuietDialog)
    return dialog


def write(dialog: RuleDialog, **texts: str) -> None:
    """Write into fields, and let the agent look at it."""
    for name, text in texts.items():
        dialog._fields[name].setText(text)
    dialog.ask()


def test_a_rule_is_written_checked_and_made_and_can_be_taken_back(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)
    window.centre.rules.make.click()
    dialog = ruling(window)
    assert dialog.act.toolTip() == "Give the rule a name first"

    dialog.choose("silence")
    write(dialog, id="stale", task="sync", no_success_for_s="2h")
    dialog.act.click()

    draft = RuleDraft(given=(("task", "sync"), ("no_success_for_s", "7200")))
    assert outside.order == RuleSet(
        op=outside.order.op, expires_ms=0, id="stale", rule=draft, base_rev=0
    )
    made = OwnRule(name="stale", sev="medium", given=draft.given, at_ms=NOW_MS, rev=1)
    (back,) = outside.take(RuleReply(rule=made))
    assert (type(back), back.id, back.base_rev) == (RuleRemove, "stale", 1)
    assert window.ruling.dialog is None


def test_a_rule_that_is_opened_says_what_it_is_and_is_saved_upon_what_was_seen(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)
    window.centre.rules.edit.click()
    dialog = ruling(window)

    texts = {name: field.text() for name, field in dialog._fields.items() if field.text()}
    assert texts["longer_than_s"] == "10m"
    assert (texts["status"], texts["task"]) == ("error, timeout", "shop-*")
    assert not dialog.name.isEnabled()
    assert set(dialog.draft.given) == set(RULE.given)
    write(dialog, longer_than_s="20m")
    dialog.act.click()

    assert (outside.order.id, outside.order.base_rev) == ("too-quiet", 3)
    assert ("longer_than_s", "1200") in outside.order.rule.given
    assert outside.order.rule.title == "{task} is slow"
    (back,) = outside.take(RuleReply(rule=msgspec.structs.replace(RULE, rev=4)))
    assert (type(back), back.base_rev) == (RuleSet, 4)
    assert set(back.rule.given) == set(RULE.given)


def test_what_the_agent_refuses_stands_at_its_field_and_is_not_saved(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)
    window.centre.rules.make.click()
    dialog = ruling(window)
    outside.refusal = ("of_last = 2: must be more", "$.rule.given.of_last")

    write(dialog, id="shaky", failures="3", of_last="2")

    assert dialog._problems["of_last"].text() == "of_last = 2: must be more"
    assert dialog._problems["failures"].isHidden()
    assert not dialog.act.isEnabled()
    assert not dialog.trial.start.isEnabled()
    outside.refusal = None
    write(dialog, of_last="10")
    assert dialog._problems["of_last"].isHidden()
    assert dialog.act.isEnabled()


def test_what_the_agent_could_not_look_at_yet_is_saved_all_the_same(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)
    window.centre.rules.make.click()
    dialog = ruling(window)
    outside.refusal = ("too many requests", "")

    write(dialog, id="shaky", failures="3", of_last="4")

    assert dialog.message.text() == REFUSAL + "too many requests"
    assert dialog.act.isEnabled()
    outside.refusal = None
    write(dialog, of_last="10")
    assert dialog.message.isHidden()
    assert dialog.act.isEnabled()


def test_a_window_that_the_agent_could_not_look_at_yet_is_saved_all_the_same(
    window: MainWindow, outside: Outside
) -> None:
    on_quiet(window)
    window.centre.quiet.edit.click()
    dialog = hushing(window)
    outside.refusal = ("too many requests", "")

    dialog.reason.setText("bigger disk")
    dialog.ask()

    assert dialog.message.text() == REFUSAL + "too many requests"
    assert dialog.act.isEnabled()
    outside.refusal = None
    dialog.ask()
    assert dialog.message.isHidden()


def test_a_refusal_about_a_field_that_is_not_in_sight_stands_at_the_first_that_is(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)
    window.centre.rules.make.click()
    dialog = ruling(window)
    outside.refusal = ("status = None: give a condition", "$.rule.given.status")

    write(dialog, failures="", of_last="")

    assert dialog._problems["failures"].text() == "status = None: give a condition"


def test_a_test_goes_on_until_it_is_told_and_lists_what_would_have_fired(
    window: MainWindow, outside: Outside
) -> None:
    fired = Fired(at_ms=NOW_MS - HOUR_MS, task_id="shop-a", msg="it took 11 m", run_id="R")
    outside.tried = [
        RuleTryReply(place="p1", share=0.4),
        RuleTryReply(
            doubts=("holds for everything: it names every ending",),
            looked_at=12,
            fired=3,
            alerts=1,
            records=(fired,),
        ),
    ]
    on_rules(window)
    window.centre.rules.edit.click()
    dialog = ruling(window)
    dialog.ask()

    dialog.trial.start.click()

    places = [one.place for one in outside.asked if isinstance(one, RuleTry) and one.days]
    assert places == [None, "p1"]
    said = dialog.trial.headline.text()
    assert said.startswith("3 times in the last 7 days, in 1 alert; 12 records looked at")
    assert dialog.trial.doubts.text() == "Holds for everything: it names every ending"
    assert [line.text for line in dialog.trial.lines.lines()] == ["shop-a: it took 11 m"]


def test_a_test_that_is_called_off_asks_no_more(window: MainWindow, outside: Outside) -> None:
    waiting: list[Callable[[Any], None]] = []
    on_rules(window)
    window.centre.rules.edit.click()
    dialog = ruling(window)
    dialog.ask()
    window.question_asked.disconnect()
    window.question_asked.connect(lambda _request, answered, _failed: waiting.append(answered))

    dialog.trial.start.click()
    assert dialog.trial.start.text() == "Call off"
    assert not dialog.trial.progress.isHidden()
    dialog.trial.start.click()
    waiting[0](RuleTryReply(place="p1", share=0.4))

    assert len(waiting) == 1
    assert dialog.trial.headline.text() == "Called off"
    assert dialog.trial.progress.isHidden()


def test_who_is_too_late_is_told_what_changed_and_may_begin_again_with_that(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)
    window.centre.rules.edit.click()
    dialog = ruling(window)
    theirs = msgspec.structs.replace(
        RULE, rev=4, sev="critical", by="Otto", given=(("longer_than_s", "60"),)
    )
    outside.rules = (theirs,)

    window.show_rows([standing_now("other")])

    said = dialog.message.text()
    assert said.startswith("Otto changed this rule meanwhile: ")
    assert "severity is critical, was high" in said
    assert "Took longer than is 1m, was 10m" in said
    assert dialog.act.toolTip() == "Look at what the other changed first"
    dialog.theirs.click()
    dialog.ask()
    dialog.act.click()
    assert (outside.order.base_rev, outside.order.rule.sev) == (4, "critical")


def test_a_refused_order_says_why_and_keeps_what_was_written(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)
    window.centre.rules.edit.click()
    dialog = ruling(window)
    write(dialog, longer_than_s="5m")
    dialog.act.click()

    outside.refuse("Not now: Otto was quicker")

    assert window.ruling.dialog is dialog
    assert dialog.message.text() == "Not now: Otto was quicker"
    assert dialog._fields["longer_than_s"].text() == "5m"


def test_a_rule_that_was_removed_meanwhile_is_made_anew(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)
    window.centre.rules.edit.click()
    dialog = ruling(window)
    outside.rules = ()

    window.show_rows([standing_now("other")])
    assert "removed this rule meanwhile" in dialog.message.text()
    dialog.ask()
    dialog.act.click()

    assert (outside.order.id, outside.order.base_rev) == ("too-quiet", 0)


def test_the_first_line_is_chosen_so_that_no_key_but_tab_is_needed_to_change_it(
    window: MainWindow, outside: Outside
) -> None:
    window.centre.tabs.choose(RULES_TAB)
    first = window.centre.rules.chosen()
    window.centre.rules.remove.click()
    outside.take(RuleReply())

    window.centre.tabs.choose(QUIET)

    assert first == RULE.name
    assert type(outside.order) is RuleRemove
    assert window.centre.quiet.chosen() == TIME.id
    assert window.centre.quiet.edit.isEnabled()


def test_the_palette_leads_to_rules_quiet_times_and_messages(
    window: MainWindow, outside: Outside
) -> None:
    seen = []
    for name in ("rules", "quiet", "messages"):
        window.show_screen(OVERVIEW)
        window.actions_by_name[name].trigger()
        seen.append((window.centre.isVisible(), window.centre.tab))

    assert seen == [(True, RULES_TAB), (True, QUIET), (True, DELIVERY)]


def test_a_rule_is_switched_off_and_deleted_and_each_can_be_taken_back(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)

    window.centre.rules.switch.click()
    off = outside.order
    (on,) = outside.take(RuleReply(rule=msgspec.structs.replace(RULE, enabled=False, rev=4)))
    window.centre.rules.remove.click()
    gone = outside.order
    (again,) = outside.take(RuleReply())

    assert (off.rule.enabled, off.base_rev) == (False, 3)
    assert (on.rule.enabled, on.base_rev) == (True, 4)
    assert (type(gone), gone.id, gone.base_rev) == (RuleRemove, "too-quiet", 3)
    assert (type(again), again.base_rev, again.rule.given) == (RuleSet, 0, RULE.given)


def test_a_quiet_time_is_made_for_some_tasks_or_for_all(
    window: MainWindow, outside: Outside
) -> None:
    on_quiet(window)
    window.centre.quiet.make.click()
    dialog = hushing(window)
    assert dialog.act.toolTip() == "Name tasks or a category, or choose all alerts"

    dialog.task.setText("shop-*")
    dialog.end.setText("nonsense")
    dialog.ask()
    assert dialog._problems["to_ms"].text().startswith("Write a moment as ")
    dialog.end.setText("23:59")
    dialog.ask()
    assert dialog.said.text() == (
        "Means 2 of 9 tasks now, and 1 alert that is open; "
        "it would have muted 1 alert in the last 7 days"
    )
    assert [line.text for line in dialog.lines.lines()] == ["shop-a failed"]
    assert dialog.act.toolTip().startswith("Say why first")
    dialog.choose(ALL)
    dialog.reason.setText("new server")
    dialog.ask()
    dialog.act.click()

    order = outside.order
    assert isinstance(order, QuietSet)
    assert (order.id, order.task_id, order.category) == (None, None, None)
    assert (order.reason, order.base_rev) == ("new server", 0)
    assert order.from_ms <= NOW_MS < order.to_ms
    (back,) = outside.take(QuietReply(quiet=TIME))
    assert (type(back), back.id, back.base_rev) == (QuietRemove, TIME.id, 7)


def test_who_makes_a_quiet_time_is_told_that_more_happened_than_was_looked_at(
    window: MainWindow, outside: Outside
) -> None:
    on_quiet(window)
    window.centre.quiet.edit.click()
    dialog = hushing(window)

    dialog.show_answer("check", QuietTryReply(tasks=2, of=9, fired=100, is_cut=True))

    assert "it would have muted at least 100 alerts" in dialog.said.text()


def test_a_quiet_time_is_changed_to_the_millisecond_and_taken_away(
    window: MainWindow, outside: Outside
) -> None:
    on_quiet(window)
    window.centre.quiet.edit.click()
    dialog = hushing(window)
    dialog.reason.setText("a bigger disk")
    dialog.ask()
    dialog.act.click()
    changed = outside.order
    (back,) = outside.take(QuietReply(quiet=msgspec.structs.replace(TIME, rev=8)))
    window.centre.quiet.remove.click()
    (again,) = outside.take(QuietReply())

    assert (changed.id, changed.base_rev, changed.reason) == (TIME.id, 7, "a bigger disk")
    assert (changed.from_ms, changed.to_ms, changed.task_id) == (
        TIME.from_ms,
        TIME.to_ms,
        "shop-*",
    )
    assert (back.reason, back.base_rev) == ("new disk", 8)
    assert (again.id, again.reason, again.base_rev) == (None, "new disk", 0)


def test_a_window_that_another_changed_or_took_away_is_told(
    window: MainWindow, outside: Outside
) -> None:
    on_quiet(window)
    window.centre.quiet.edit.click()
    dialog = hushing(window)
    outside.refusal = ("to_ms: must be later than now", "$.to_ms")
    dialog.ask()
    outside.quiet = (msgspec.structs.replace(TIME, rev=8, by="Otto", reason="no disk"),)
    window.show_rows([standing_now("one")])

    assert dialog._problems["to_ms"].text() == "must be later than now"
    assert "Otto changed this window meanwhile" in dialog.message.text()
    assert "no disk" in dialog.message.text()
    assert not dialog.act.isEnabled()
    outside.quiet = ()
    window.show_rows([standing_now("two")])
    assert "took this window away" in dialog.message.text()


def test_a_viewer_sees_all_and_is_told_why_nothing_can_be_changed(
    window: MainWindow, outside: Outside
) -> None:
    window.show_link(replace(LIVE, role="viewer"))
    on_rules(window)
    on_quiet(window)

    for standing in (window.centre.rules, window.centre.quiet):
        for button in (standing.make, standing.edit, standing.remove):
            assert not button.isEnabled()
            assert button.toolTip() == "Needs the operator role"
        assert standing.why.text() == "Needs the operator role"
        assert standing.model.rowCount() == 1
    window.ruling.open_rule(None)
    window.ruling.remove_quiet(TIME.id)
    assert window.ruling.dialog is None
    assert outside.orders == []


def test_what_another_desktop_changes_is_shown_at_once(
    window: MainWindow, outside: Outside
) -> None:
    on_rules(window)
    outside.rules = (RULE, msgspec.structs.replace(RULE, name="other", rev=1))

    window.show_rows([standing_now("other")])

    model = window.centre.rules.model
    assert [model.index(row, 0).data() for row in range(2)] == ["too-quiet", "other"]
    assert window.centre.rules.chosen() == "too-quiet"


def test_each_channel_says_when_it_is_quiet_what_waits_and_who_is_told_later(
    window: MainWindow, outside: Outside
) -> None:
    told = DeliveriesReply(
        mail=MailState(is_on=True),
        ways=(
            Way(
                name="mail",
                sevs=("critical", "high"),
                to=("ops@example.org",),
                quiet=("22:00-06:00",),
                quiet_until_ms=NOW_MS + HOUR_MS,
                waiting=1,
                held=2,
            ),
            Way(name="pager", sevs=("critical",), to=("pager",)),
        ),
        stages=(Stage(after_minutes=30, sevs=("critical",), to=("head@example.org",)),),
        repeats=(("critical", 20),),
    )
    window.centre.show_ways(told)

    for tab, ways in ((QUIET, window.centre.quiet_ways), (DELIVERY, window.centre.ways)):
        window.centre.tabs.choose(tab)
        window.centre.show_ways(told)
        said = [text.replace(words.NO_BREAK, " ") for text in ways.texts()]
        mail, pager, repeats, stage = said
        assert mail.startswith("Mail: 22:00-06:00; Quiet until ")
        assert mail.endswith("1 h 00 m more, 2 alerts wait, 1 message waits")
        assert pager == "Pager: none; Tells at once"
        assert repeats == "Told again until somebody acknowledges: critical every 20 m"
        assert stage.startswith("Escalation 1: after 30 m without an acknowledgement (critical)")
        assert ways.isVisible()


def standing_now(word: str) -> Any:
    """The agent's row, with rules and quiet times that are others now."""
    return msgspec.structs.replace(AGENT, standing=word, rev=2)
