"""Which dialog about moments opens, and that a late answer finds nobody."""

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.freshness import Link
from desktop.planner import Planner, moment_in_question
from desktop.theme import Theme
from desktop.views.planning.backfill import BackfillDialog
from desktop.views.planning.pausing import PauseDialog
from desktop.views.planning.why import WhyDialog
from shared.protocol.planning import PausePreview, PausePreviewReply, ScheduleWhyReply
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, last_run, task

Told = Callable[..., None]


class Desk:
    """A planner over an empty window, with what it asked and ordered."""

    def __init__(self, qtbot: QtBot, theme: Theme) -> None:
        self.over = QWidget()
        qtbot.addWidget(self.over)
        self.over.resize(960, 600)
        self.over.show()
        self.planner = Planner(theme, lambda: NOW_MS, self.over)
        self.planner.show_link(Link(name="s", environment="test"), may=True, why_not="")
        self.asked: list[tuple[object, Told, Told]] = []
        self.ordered: list[tuple[object, ...]] = []
        self.refused: list[str] = []
        self.planner.asked.connect(lambda *told: self.asked.append(told))
        self.planner.pause_requested.connect(lambda *told: self.ordered.append(told))
        self.planner.backfill_requested.connect(lambda *told: self.ordered.append(told))
        self.planner.refused.connect(self.refused.append)


@pytest.fixture
def desk(qtbot: QtBot, theme: Theme) -> Desk:
    return Desk(qtbot, theme)


def preview(count: int) -> PausePreviewReply:
    return PausePreviewReply(from_ms=NOW_MS, seen_until_ms=NOW_MS, until_ms=NOW_MS, count=count)


def pausing(desk: Desk) -> PauseDialog:
    dialog = desk.planner.dialog
    assert isinstance(dialog, PauseDialog)
    return dialog


def test_only_the_answer_to_the_newest_question_is_shown(desk: Desk) -> None:
    desk.planner.open_pause([task("pay_a")])
    dialog = pausing(desk)
    dialog.choose("endless")
    (_, older, older_failed), (newest, answered, _) = desk.asked

    answered(preview(2))
    older(preview(9))
    older_failed("busy", "")

    assert newest == PausePreview(ids=("pay_a",))
    assert dialog.headline.text() == "2 runs fall into this pause"
    assert dialog.message.text() == ""


def test_an_answer_to_a_closed_dialog_finds_nobody(desk: Desk) -> None:
    desk.planner.open_pause([task("pay_a")])
    (_, answered, failed) = desk.asked[0]
    pausing(desk).reject()

    answered(preview(2))
    failed("busy", "")

    assert desk.planner.dialog is None
    assert desk.refused == []


def test_a_pause_that_was_taken_closes_its_dialog(desk: Desk) -> None:
    desk.planner.open_pause([task("pay_a")])
    pausing(desk).act.click()
    ids, until_ms, reason, done, _ = desk.ordered[0]

    done()  # type: ignore[operator]

    assert (ids, until_ms, reason) == (["pay_a"], NOW_MS + 60 * MINUTE_MS, None)
    assert desk.planner.dialog is None


def test_a_refusal_after_the_dialog_was_left_is_said_all_the_same(desk: Desk) -> None:
    desk.planner.open_pause([task("pay_a")])
    dialog = pausing(desk)
    dialog.act.click()
    dialog.reject()

    desk.ordered[0][-1]("Needs the operator role.", "")  # type: ignore[operator]

    assert desk.refused == ["Needs the operator role."]


def test_from_why_the_way_leads_to_running_that_moment_again(desk: Desk) -> None:
    desk.planner.open_why(task("pay_a"), NOW_MS - MINUTE_MS)
    desk.asked[-1][1](ScheduleWhyReply(at_ms=NOW_MS - MINUTE_MS, verdict="missed", code="x"))
    dialog = desk.planner.dialog
    assert isinstance(dialog, WhyDialog)

    dialog.again.click()

    following = desk.planner.dialog
    assert isinstance(following, BackfillDialog)
    assert following.lines.chosen() == [NOW_MS - MINUTE_MS]


def test_who_may_not_order_gets_no_dialog_that_orders_runs(desk: Desk) -> None:
    desk.planner.show_link(Link(), may=False, why_not="Needs the operator role")

    desk.planner.open_backfill(task("pay_a"))

    assert desk.planner.dialog is None
    assert desk.refused == ["Needs the operator role"]


def test_another_agent_closes_what_was_asked_of_the_last(desk: Desk) -> None:
    desk.planner.open_load()

    desk.planner.forget()

    assert desk.planner.dialog is None


def test_why_begins_where_something_went_wrong() -> None:
    wrong = last_run("missed", scheduled_ms=7)

    assert moment_in_question(task("a", last=wrong), NOW_MS) == 7
    assert moment_in_question(task("a"), NOW_MS) == NOW_MS + 25 * MINUTE_MS
    assert moment_in_question(task("a", next_ms=None), NOW_MS) == NOW_MS - 5 * MINUTE_MS
    assert moment_in_question(task("a", next_ms=None, last=None), NOW_MS) == NOW_MS
