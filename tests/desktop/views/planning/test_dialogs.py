"""The dialogs about moments: what they ask, what they order, and how they say what is wrong."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop import words
from desktop.parts.clocks import Zone
from desktop.theme import Theme
from desktop.views.planning.backfill import BackfillDialog
from desktop.views.planning.load import LoadDialog
from desktop.views.planning.pausing import PauseDialog, otherwise_words
from desktop.views.planning.trying import TryDialog, moments_then
from desktop.views.planning.why import LOOKS, WhyDialog
from shared.protocol.planning import (
    Busy,
    Coming,
    Follower,
    Held,
    InFlight,
    PausedTask,
    PausePreview,
    PausePreviewReply,
    ScheduleForecastReply,
    ScheduleNext,
    ScheduleNextReply,
    ScheduleWhatIf,
    ScheduleWhatIfReply,
    ScheduleWhy,
    ScheduleWhyReply,
    Step,
    TaskDifference,
    Wait,
)
from shared.protocol.requests import (
    RunGet,
    RunsPageReply,
    SchedulePreview,
    SchedulePreviewReply,
    TaskSettings,
)
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, run

ZONE = Zone(words.UTC_TIMES, "UTC")


def now() -> int:
    return NOW_MS


class Heard:
    """What a dialog asked, newest last."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    def __call__(self, key: str, request: object) -> None:
        self.asked.append((key, request))

    @property
    def newest(self) -> object:
        return self.asked[-1][1]


def pausing(qtbot: QtBot, theme: Theme, *ids: str) -> tuple[PauseDialog, Heard]:
    dialog = PauseDialog(
        theme, ids or ("pay_a",), now, zone=ZONE, server="server", environment="production"
    )
    qtbot.addWidget(dialog)
    heard = Heard()
    dialog.asked.connect(heard)
    dialog.show()
    dialog.ask()
    return dialog, heard


def filling(qtbot: QtBot, theme: Theme, *chosen: int) -> tuple[BackfillDialog, Heard]:
    dialog = BackfillDialog(
        theme, "pay_a", now, zone=ZONE, server="s", environment="test", chosen=chosen
    )
    qtbot.addWidget(dialog)
    heard = Heard()
    dialog.asked.connect(heard)
    dialog.show()
    dialog.ask()
    return dialog, heard


# --- pause ---------------------------------------------------------------------------------------


def test_each_choice_asks_anew_what_would_fall_into_the_pause(qtbot: QtBot, theme: Theme) -> None:
    dialog, heard = pausing(qtbot, theme)
    spans = {"quarter": 15 * MINUTE_MS, "hour": 60 * MINUTE_MS}

    assert heard.newest == PausePreview(ids=("pay_a",), until_ms=NOW_MS + spans["hour"])
    dialog.choose("quarter")
    assert heard.newest == PausePreview(ids=("pay_a",), until_ms=NOW_MS + spans["quarter"])
    dialog.choose("endless")
    assert heard.newest == PausePreview(ids=("pay_a",), until_ms=None)
    assert dialog.act.text() == "Pause until resumed"


def test_arrows_choose_how_long(qtbot: QtBot, theme: Theme) -> None:
    dialog, heard = pausing(qtbot, theme)
    with qtbot.waitActive(dialog):
        dialog.activateWindow()
    chosen = QApplication.focusWidget()
    assert chosen is not None

    QTest.keyClick(chosen, Qt.Key.Key_Left)

    assert dialog.choice == "quarter"
    assert heard.newest == PausePreview(ids=("pay_a",), until_ms=NOW_MS + 15 * MINUTE_MS)


def test_the_preview_says_what_each_moment_would_have_done(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = pausing(qtbot, theme)

    dialog.show_answer(
        "preview",
        PausePreviewReply(
            from_ms=NOW_MS,
            seen_until_ms=NOW_MS + 60 * MINUTE_MS,
            until_ms=NOW_MS + 60 * MINUTE_MS,
            count=3,
            tasks=(
                PausedTask(
                    task_id="pay_a",
                    count=3,
                    next_ms=NOW_MS + 90 * MINUTE_MS,
                    held=(
                        Held(NOW_MS + MINUTE_MS, "paused", "runs"),
                        Held(NOW_MS + 2 * MINUTE_MS, "paused", "blackout"),
                    ),
                    in_flight=(InFlight("R", "goes_on", NOW_MS + MINUTE_MS),),
                ),
            ),
            followers=(Follower("mail", "pay_a", 2),),
        ),
    )

    said = [line.said for line in dialog.lines.lines()]
    assert dialog.headline.text() == "3 runs fall into this pause"
    assert "It ends by itself" in dialog.after.text()
    assert "Goes on" in said[0]
    assert "mail comes after pay_a: 2 of its runs will not come" in said[1]
    assert said[2].endswith("Skipped, would run")
    assert said[3].endswith("would not run anyway: a blackout was on")
    assert said[4].endswith("and 1 more")


def test_a_moment_that_has_passed_is_refused_at_its_field(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = pausing(qtbot, theme)
    dialog.choose("own")
    dialog.until.setText("2020-01-01 00:00")

    with qtbot.assertNotEmitted(dialog.pause_requested):
        QTest.keyClick(dialog.until, Qt.Key.Key_Return)

    assert not dialog.act.isEnabled()
    assert "has passed" in dialog.act.toolTip()
    assert dialog.focusWidget() is dialog.until


def test_enter_in_a_field_pauses_with_the_reason(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = pausing(qtbot, theme, "pay_a", "pay_b")
    dialog.reason.setText("  stock take ")

    with qtbot.waitSignal(dialog.pause_requested) as asked:
        QTest.keyClick(dialog.reason, Qt.Key.Key_Return)

    assert asked.args == [["pay_a", "pay_b"], NOW_MS + 60 * MINUTE_MS, "stock take"]
    assert not dialog.act.isEnabled()


def test_what_the_agent_refuses_is_said_where_it_belongs(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = pausing(qtbot, theme)
    dialog.choose("own")

    dialog.show_problem("", "until_ms = 1: needs a moment to come", "$.until_ms")
    at_field = [dialog._until_problem.text(), dialog.message.text()]
    dialog.show_problem("", "The agent is busy.", "")

    assert at_field == ["until_ms = 1: needs a moment to come", ""]
    assert dialog.message.text() == "The agent is busy."
    assert dialog.act.isEnabled()


def test_a_viewer_may_look_but_not_pause(qtbot: QtBot, theme: Theme) -> None:
    dialog, heard = pausing(qtbot, theme)

    dialog.allow(False, "Needs the operator role")

    assert heard.asked
    assert not dialog.act.isEnabled()
    assert dialog.act.toolTip() == "Needs the operator role"


def test_what_would_have_been_has_words_for_each_outcome() -> None:
    for outcome in ("runs", "delayed", "queued", "beside", "replaces", "replaced", "paused"):
        assert "anyway" not in otherwise_words(outcome)
    assert otherwise_words("overlap").startswith("would not run anyway")


# --- why -----------------------------------------------------------------------------------------


def asking_why(qtbot: QtBot, theme: Theme) -> tuple[WhyDialog, Heard]:
    dialog = WhyDialog(theme, "pay_a", NOW_MS, now, zone=ZONE)
    qtbot.addWidget(dialog)
    heard = Heard()
    dialog.asked.connect(heard)
    dialog.show()
    dialog.ask()
    return dialog, heard


SKIPPED = ScheduleWhyReply(
    at_ms=NOW_MS - MINUTE_MS,
    verdict="skipped",
    code="overlap",
    steps=(Step("paused", True, "it was not paused"), Step("overlap", False, "a run was alive")),
    say="it did not run: a run was alive",
    advice="make the run shorter",
    before_ms=NOW_MS - 2 * MINUTE_MS,
    run_id="R",
)


def test_why_tells_each_step_and_what_to_do(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = asking_why(qtbot, theme)

    dialog.show_answer("why", SKIPPED)

    assert dialog.verdict.text().endswith("It was skipped")
    assert dialog.reason.text() == "It did not run: a run was alive"
    assert dialog.advice.text() == "Next: Make the run shorter"
    assert dialog.steps.texts() == ["It was not paused", "A run was alive"]
    assert not dialog.log.isEnabled()
    assert dialog.again.isEnabled()


def test_the_neighbours_of_a_moment_are_one_key_away(qtbot: QtBot, theme: Theme) -> None:
    dialog, heard = asking_why(qtbot, theme)
    dialog.show_answer("why", SKIPPED)

    dialog.earlier.click()

    assert heard.newest == ScheduleWhy(id="pay_a", at_ms=NOW_MS - 2 * MINUTE_MS)
    assert not dialog.later.isEnabled()


def test_another_moment_can_be_written(qtbot: QtBot, theme: Theme) -> None:
    dialog, heard = asking_why(qtbot, theme)
    dialog.moment.setText("never")
    QTest.keyClick(dialog.moment, Qt.Key.Key_Return)
    refused = dialog.problem.text()
    dialog.moment.setText("2026-11-18 09:10")
    QTest.keyClick(dialog.moment, Qt.Key.Key_Return)

    assert refused.startswith("Write a time such as")
    assert dialog.problem.isHidden()
    assert heard.newest == ScheduleWhy(id="pay_a", at_ms=1_794_993_000_000)


def test_the_moment_in_sight_can_be_run_again(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = asking_why(qtbot, theme)
    dialog.show_answer("why", SKIPPED)

    with qtbot.waitSignal(dialog.again_requested) as asked:
        dialog.again.click()

    assert asked.args == ["pay_a", SKIPPED.at_ms]


# --- run as of -----------------------------------------------------------------------------------


def skipped(number: int, **more: object) -> RunsPageReply:
    row = run(number, "pay_a", result="skipped", reason="overlap", start_ms=None, **more)
    return RunsPageReply(rows=(row,))


def test_what_did_not_run_is_offered_and_what_was_chosen_before_is_ticked(
    qtbot: QtBot, theme: Theme
) -> None:
    past_ms = NOW_MS - 5 * MINUTE_MS
    dialog, _ = filling(qtbot, theme, past_ms)

    dialog.show_answer("missing", skipped(990))

    assert [line.key for line in dialog.lines.lines()] == [past_ms, NOW_MS - 10 * MINUTE_MS]
    assert dialog.lines.chosen() == [past_ms]
    assert dialog.act.text() == "Run 1 moment"


def test_space_ticks_a_moment_and_a_click_too(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = filling(qtbot, theme)
    dialog.show_answer("missing", skipped(990))
    dialog.lines.setFocus()

    QTest.keyClick(dialog.lines, Qt.Key.Key_Space)
    by_key = dialog.lines.chosen()
    at = dialog.lines.visualItemRect(dialog.lines.item(0)).center()
    QTest.mouseClick(dialog.lines.viewport(), Qt.MouseButton.LeftButton, pos=at)

    assert by_key == [NOW_MS - 10 * MINUTE_MS]
    assert dialog.lines.chosen() == []
    assert not dialog.act.isEnabled()
    assert dialog.act.toolTip() == "Choose a moment first"


def test_a_row_that_stands_for_many_moments_is_spread_out(qtbot: QtBot, theme: Theme) -> None:
    dialog, heard = filling(qtbot, theme)
    until_ms = NOW_MS - 8 * MINUTE_MS

    dialog.show_answer("missing", skipped(990, missed_count=3, missed_until_ms=until_ms))
    key, request = heard.asked[-1]
    rows = tuple(Coming(task_id="pay_a", at_ms=until_ms - n * MINUTE_MS) for n in (2, 1, 0))
    dialog.show_answer(key, ScheduleNextReply(rows=rows))

    assert isinstance(request, ScheduleNext)
    assert (request.from_ms, request.until_ms) == (NOW_MS - 10 * MINUTE_MS - 1, until_ms)
    assert [line.key for line in dialog.lines.lines()] == [row.at_ms for row in reversed(rows)]


def test_a_moment_to_come_cannot_be_named(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = filling(qtbot, theme)
    dialog.moment.setText("2099-01-01 00:00")

    QTest.keyClick(dialog.moment, Qt.Key.Key_Return)

    assert dialog.problem.text().startswith("This moment is still to come")
    assert dialog.lines.lines() == []


def test_the_chosen_moments_are_ordered_and_their_runs_watched(qtbot: QtBot, theme: Theme) -> None:
    first, second = NOW_MS - 9 * MINUTE_MS, NOW_MS - 3 * MINUTE_MS
    dialog, heard = filling(qtbot, theme, second, first)

    with qtbot.waitSignal(dialog.backfill_requested) as asked:
        dialog.act.click()
    dialog.watch(["A", "B"])
    begun = dialog.headline.text()
    live = run(991, "pay_a", id="A", state="running", result=None, scheduled_ms=first)
    dialog.show_runs([live, run(1, "other")])
    dialog.show_runs([run(991, "pay_a", id="A", scheduled_ms=first)], gone=["B"])

    assert asked.args == ["pay_a", [first, second], ""]
    assert begun == "0 of 2 ended"
    assert dialog.headline.text() == "1 of 2 ended, 1 with success"
    assert heard.newest == RunGet(run_id="B")


def test_a_refused_order_can_be_given_again(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = filling(qtbot, theme, NOW_MS - MINUTE_MS)
    dialog.act.click()
    waits = dialog.act.toolTip()

    dialog.show_problem("", "Not now: the task is disabled", "")

    assert waits == "Waiting for the agent"
    assert dialog.message.text() == "Not now: the task is disabled"
    assert dialog.act.isEnabled()


# --- what if -------------------------------------------------------------------------------------


def trying(qtbot: QtBot, theme: Theme, **more: object) -> tuple[TryDialog, Heard]:
    facts = {"task_name": "pay_a", "schedule": ("0 * * * *",), **more}
    dialog = TryDialog(theme, TaskSettings(**facts), now, zone=ZONE)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    heard = Heard()
    dialog.asked.connect(heard)
    dialog.show()
    dialog.ask()
    return dialog, heard


def answer_now(dialog: TryDialog, *minutes: int) -> None:
    rows = tuple(Coming(task_id="pay_a", at_ms=NOW_MS + n * MINUTE_MS) for n in minutes)
    dialog.show_answer("now", ScheduleNextReply(rows=rows))


def test_the_moments_stand_beside_each_other_with_what_is_new_and_what_falls_away(
    qtbot: QtBot, theme: Theme
) -> None:
    dialog, heard = trying(qtbot, theme)
    answer_now(dialog, 10, 20)
    dialog.schedules[0].setText("*/20 * * * *")
    qtbot.waitUntil(lambda: isinstance(heard.newest, ScheduleWhatIf) and len(heard.asked) > 3)
    times = (NOW_MS + 20 * MINUTE_MS, NOW_MS + 30 * MINUTE_MS)
    dialog.show_answer("preview:0", SchedulePreviewReply(times_ms=times, schedule_text="20 min"))

    previews = [one for _, one in heard.asked if isinstance(one, SchedulePreview)]
    assert previews[-1].schedule == "*/20 * * * *"
    assert [line.word for line in dialog.now_lines.lines()] == ["Falls away", ""]
    assert [line.word for line in dialog.then_lines.lines()] == ["", "New"]
    assert dialog.said.text() == "20 min"


def test_nothing_is_new_before_it_is_known_what_is(qtbot: QtBot, theme: Theme) -> None:
    dialog, _ = trying(qtbot, theme)

    times = (NOW_MS + 20 * MINUTE_MS,)
    dialog.show_answer("preview:0", SchedulePreviewReply(times_ms=times, schedule_text="20 min"))
    before = [line.word for line in dialog.then_lines.lines()]
    answer_now(dialog, 10)

    assert before == [""]
    assert [line.word for line in dialog.now_lines.lines()] == ["Falls away"]


def test_the_draft_keeps_every_other_policy_of_the_task(qtbot: QtBot, theme: Theme) -> None:
    _, heard = trying(qtbot, theme, overlap="queue", calendars=("holidays",), every_nth=2)

    request = heard.newest
    assert isinstance(request, ScheduleWhatIf)
    (draft,) = request.drafts
    assert (draft.overlap, draft.calendars, draft.every_nth) == ("queue", ("holidays",), 2)


def test_where_more_than_the_schedule_decides_the_difference_tells_the_moments(
    qtbot: QtBot, theme: Theme
) -> None:
    dialog, _ = trying(qtbot, theme, every_nth=2)
    at = [NOW_MS + n * MINUTE_MS for n in (10, 20, 30)]
    change = TaskDifference(
        task_id="pay_a", kind="changed", added=1, removed=1, added_ms=(at[2],), removed_ms=(at[0],)
    )

    # The answers may come in any order.
    dialog.show_answer("whatif", ScheduleWhatIfReply(tasks=(change,)))
    answer_now(dialog, 10, 20)

    assert [line.key for line in dialog.then_lines.lines()] == [at[1], at[2]]
    assert dialog.difference.text() == "Within 28 days: 1 more, 1 fewer."


def test_an_agent_too_busy_for_a_week_is_asked_about_a_day(qtbot: QtBot, theme: Theme) -> None:
    dialog, heard = trying(qtbot, theme)

    dialog.show_problem("whatif", "until: the span holds more than 200000 due moments", "")

    request = heard.newest
    assert isinstance(request, ScheduleWhatIf)
    assert request.until_ms == NOW_MS + words.DAY_MS
    assert dialog.message.isHidden()


def test_a_list_that_was_cut_promises_nothing_behind_its_end() -> None:
    change = TaskDifference(task_id="a", kind="changed", added=9, added_ms=(5, 15))

    assert moments_then((10, 20), change) == (5, 10, 15)
    assert moments_then((10, 20), None) == (10, 20)


def test_a_refused_schedule_is_said_under_its_field_and_a_zone_under_its_own(
    qtbot: QtBot, theme: Theme
) -> None:
    dialog, _ = trying(qtbot, theme)

    dialog.show_problem("preview:0", "schedule = '99': minute 99 is out of range", "$.schedule")
    dialog.show_problem("whatif", "schedule = '99': minute 99 is out of range", "$.drafts[0].x")
    at_schedule = dialog._problems["preview:0"].text()
    dialog.show_problem("preview:0", "timezone = 'X': there is no such time zone", "")

    assert at_schedule.endswith("out of range")
    assert dialog._zone_problem.text().endswith("no such time zone")
    assert dialog.message.isHidden()


# --- coming up -----------------------------------------------------------------------------------


def test_the_load_is_told_in_bars_and_words(qtbot: QtBot, theme: Theme) -> None:
    dialog = LoadDialog(theme, now, zone=ZONE)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.ask("6h")

    dialog.show_answer(
        "forecast",
        ScheduleForecastReply(
            from_ms=NOW_MS,
            until_ms=NOW_MS + 360 * MINUTE_MS,
            running=(9,) + (1,) * 360,
            starts=(2,) * 361,
            moments=722,
            slots=8,
            peak=9,
            full_steps=1,
            busiest=(Busy(NOW_MS, 9, 2),),
            waits=(Wait("pay_a", 1, 60_000),),
        ),
    )
    image = dialog.grab().toImage()

    assert dialog.headline.text() == (
        "722 runs begin, at most 9 at once where there are 8 slots; no slot is free for 1 minute."
    )
    assert dialog.bars.counts == (20,) * 36, "the odd minute at the end is no bar"
    assert [line.text for line in dialog.waits.lines()] == ["pay_a"]
    assert image.width() > 0


def test_every_verdict_has_a_look_of_its_own() -> None:
    assert len({(look.icon, look.family) for look in LOOKS.values()}) == len(LOOKS)
