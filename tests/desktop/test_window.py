"""The window: what a user asks reaches the outside, and what is old never pretends."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from msgspec import structs
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from desktop import words
from desktop.freshness import Link
from desktop.models.runs import Column as RunColumn
from desktop.models.tasks import Column
from desktop.theme import Theme
from desktop.views.confirm import Confirm
from desktop.views.palette import Palette
from desktop.views.planning.pausing import PauseDialog
from desktop.views.rail import ALERTS, HEALTH, OVERVIEW, RUNS, TASKS
from desktop.views.toasts import Toast
from desktop.window import MainWindow
from shared.protocol.events import Disk, Heartbeat, Metric
from shared.protocol.requests import Failure, Point, TaskDetail, TaskSettings
from shared.protocol.rows import Agent, Check, Task
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, failing, run, running, task

LIVE = Link(
    state="live",
    name="auckland-app-01",
    environment="production",
    role="operator",
    label="Night desk",
    beat_ms=NOW_MS,
    beat_here_ms=NOW_MS,
    round_trip_ms=3,
)
LOST = Link(
    state="lost",
    name="auckland-app-01",
    environment="production",
    role="operator",
    beat_ms=NOW_MS,
    beat_here_ms=NOW_MS - 40_000,
    retry_here_ms=NOW_MS + 6_000,
    tries=4,
)
AGENT = Agent(id="a", name="auckland-app-01", host="h", os="linux", version="0.1",
              tz="Pacific/Auckland", started_ms=1, max_running=8)  # fmt: skip


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme("light")
    yield made
    # A closed window is really gone only when Qt comes round to it.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def window(qtbot: QtBot, theme: Theme) -> MainWindow:
    made = MainWindow(theme, lambda: NOW_MS)
    qtbot.addWidget(made)
    made.show_link(LIVE)
    made.show_rows([AGENT, failing("vend_a"), task("pay_a"), running("pay_b")])
    made.show()
    qtbot.waitExposed(made)
    return made


def choose(window: MainWindow, task_id: str) -> None:
    window.grid.select_task(task_id)
    window.grid.setFocus()


def detail(row: Task) -> TaskDetail:
    return TaskDetail(
        row=row,
        def_rev=7,
        definition=TaskSettings(task_name=row.id, schedule=("*/30 * * * *",), command="php x.php"),
        series=tuple(
            Point(NOW_MS - n * MINUTE_MS, 40_000 + n, "success" if n % 5 else "error")
            for n in range(30, 0, -1)
        ),
        last_failure=Failure(run_id="01KAS000000000000000000001", result="error", exit=255,
                             end_ms=NOW_MS, message="429 Too Many Requests",
                             stack_trace="#0 lib/VendClient.php(212)"),
    )  # fmt: skip


def test_ctrl_r_orders_a_run_of_the_chosen_task(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_a")

    with qtbot.waitSignal(window.run_requested) as asked:
        window.actions_by_name["run"].trigger()

    assert asked.args == ["pay_a"]


def test_the_run_button_names_the_task(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_a")

    with qtbot.waitSignal(window.run_requested) as asked:
        QTest.mouseClick(window.details.run, Qt.MouseButton.LeftButton)

    assert asked.args == ["pay_a"]


def test_a_watch_cannot_be_run_as_it_runs_nothing(window: MainWindow) -> None:
    window.show_rows([task("dump", kind="watch")])
    choose(window, "dump")

    assert not window.details.run.isEnabled()
    assert window.details.run.toolTip() == "It runs nothing: it waits for pings"
    assert not window.actions_by_name["run"].isEnabled()


def test_a_running_task_cannot_be_run_again_but_stopped(window: MainWindow) -> None:
    choose(window, "pay_b")

    assert not window.details.run.isEnabled()
    assert window.details.run.toolTip() == "It is running already"
    assert window.details.stop.isEnabled()


def test_stop_asks_first_and_keeping_it_is_the_default(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_b")

    window.details.stop.click()
    dialog = window.findChild(Confirm)

    assert isinstance(dialog, Confirm)
    assert dialog.windowTitle() == "Stop pay_b on auckland-app-01?"
    assert dialog.keep.isDefault()
    with qtbot.assertNotEmitted(window.stop_requested):
        dialog.keep.click()


def test_stop_is_ordered_once_it_was_confirmed(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_b")
    window.details.stop.click()
    dialog = window.findChild(Confirm)
    assert isinstance(dialog, Confirm)

    with qtbot.waitSignal(window.stop_requested) as asked:
        dialog.act.click()

    assert asked.args == ["01KAS000000000000000000777"]


def test_pause_for_an_hour_says_until_when_by_the_agents_clock(
    window: MainWindow, qtbot: QtBot
) -> None:
    choose(window, "pay_a")
    window.details.pause.click()
    dialog = window.planner.dialog
    assert isinstance(dialog, PauseDialog)

    with qtbot.waitSignal(window.pause_requested) as asked:
        dialog.act.click()

    assert asked.args is not None
    assert asked.args[:3] == [["pay_a"], NOW_MS + 60 * MINUTE_MS, None]


def test_a_paused_task_offers_to_resume(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_a")
    window.show_rows([task("pay_a", rev=2, paused=True)])

    with qtbot.waitSignal(window.resume_requested) as asked:
        window.details.resume.click()

    assert asked.args == [["pay_a"]]
    assert not window.details.pause.isVisible()


def test_the_next_run_can_be_skipped_only_where_one_is_due(
    window: MainWindow, qtbot: QtBot
) -> None:
    choose(window, "pay_a")
    act = window.actions_by_name["skip"]

    window.show_rows([task("pay_a", rev=2, next_ms=NOW_MS + MINUTE_MS)])
    with qtbot.waitSignal(window.skip_requested) as asked:
        act.trigger()
    window.show_rows([task("pay_a", rev=3, enabled=False)])

    assert asked.args == [["pay_a"]]
    assert not act.isEnabled()


def test_several_chosen_tasks_are_disabled_together(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_a")
    window.grid.selectAll()

    with qtbot.waitSignal(window.disable_requested) as asked:
        window.actions_by_name["switch"].trigger()

    assert sorted(asked.args[0]) == ["pay_a", "pay_b", "vend_a"]


def test_a_viewer_is_told_why_commands_are_off(window: MainWindow) -> None:
    choose(window, "pay_a")

    window.show_link(Link(state="live", role="viewer", beat_ms=NOW_MS, beat_here_ms=NOW_MS))

    assert not window.details.run.isEnabled()
    assert window.details.run.toolTip() == "Needs the operator role"


@pytest.mark.parametrize("state", ["late", "lost"])
def test_while_the_agent_is_silent_every_command_is_off(
    window: MainWindow, qtbot: QtBot, state: str
) -> None:
    choose(window, "pay_a")
    window.show_link(Link(state=state, role="operator", beat_ms=NOW_MS, beat_here_ms=NOW_MS))

    with qtbot.assertNotEmitted(window.run_requested):
        window.actions_by_name["run"].trigger()
        window._orders.run("pay_a")

    assert window.grid.is_stale
    assert window.details.run.toolTip() == "Off while the agent is silent"
    assert window.banner.isVisible() is (state == "lost")


def test_a_lost_link_says_since_when_and_when_it_tries_again(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.show_link(LOST)

    said = f"{window.banner.title.text()} {window.banner.text.text()} {window.banner.wait.text()}"
    assert "silent for 40" in said
    assert "state as of" in said
    assert "Trying again in 6" in said
    with qtbot.waitSignal(window.retry_requested):
        window.banner.again.click()


def test_nothing_counts_on_while_the_agent_is_silent(window: MainWindow) -> None:
    window.show_link(LOST)

    assert window.now() == LOST.beat_ms


def test_silence_alone_makes_no_task_late(qtbot: QtBot, theme: Theme) -> None:
    here = [NOW_MS]
    window = MainWindow(theme, lambda: here[0])
    qtbot.addWidget(window)
    window.show_link(LIVE)
    window.show_rows([AGENT, task("pay_a", next_ms=NOW_MS + 1_000)])
    here[0] += 30_000
    window.tick()
    while_live = window._tasks.state("pay_a")

    window.show_link(LOST)
    window.tick()

    assert while_live == "late"
    assert window._tasks.state("pay_a") == "ok"
    assert window._tasks.headerData(0, Qt.Orientation.Horizontal).startswith("At ")


def test_the_veil_lifts_when_the_agent_is_back(window: MainWindow) -> None:
    choose(window, "pay_a")
    window.show_link(LOST)

    window.show_link(LIVE)

    assert not window.grid.is_stale
    assert window.details.run.isEnabled()
    assert window.banner.title.text() == "Live again."


def test_a_database_that_is_away_is_said_while_everything_goes_on(window: MainWindow) -> None:
    choose(window, "pay_a")

    window.show_rows(
        [structs.replace(AGENT, database_away_since_ms=NOW_MS - 5_000, kept_writes=12)]
    )
    window.tick()

    assert window.banner.isVisible()
    assert window.banner.title.text().startswith("Database unreachable since")
    assert "kept in the local journal" in window.banner.text.text()
    assert window.banner.wait.text() == "12 writes kept"
    assert not window.grid.is_stale
    assert window.details.run.isEnabled()


def test_a_database_that_is_back_is_said_for_a_moment(window: MainWindow) -> None:
    window.show_rows([structs.replace(AGENT, database_away_since_ms=NOW_MS)])
    window.tick()

    window.show_rows([AGENT])
    window.tick()

    assert window.banner.title.text() == "The database is back."


def test_a_silent_agent_says_more_than_its_database(window: MainWindow) -> None:
    window.show_rows([structs.replace(AGENT, database_away_since_ms=NOW_MS)])

    window.show_link(LOST)

    assert "silent for" in window.banner.title.text()


def test_of_another_agent_nothing_is_said(window: MainWindow) -> None:
    window.show_rows([structs.replace(AGENT, database_away_since_ms=NOW_MS)])
    window.tick()

    window.forget_rows()
    window.tick()

    assert not window.banner.isVisible()


def test_a_refused_key_is_said_on_the_whole_page(window: MainWindow, qtbot: QtBot) -> None:
    window.show_link(Link(state="refused", name="auckland-app-01"))

    assert window.refusal.isVisible()
    assert not window.grid.isVisible()
    assert "invite" in window.refusal.text.text()


@pytest.mark.parametrize("screen", [OVERVIEW, TASKS, RUNS, ALERTS, HEALTH])
def test_without_an_agent_no_page_says_that_all_is_well(
    qtbot: QtBot, theme: Theme, screen: str
) -> None:
    window = MainWindow(theme, lambda: NOW_MS)
    qtbot.addWidget(window)
    window.show()

    window.show_screen(screen)

    for page in (window.overview, window.nothing, window.executions, window.centre, window.health):
        assert not page.isVisible()
    assert window.welcome.title.text() == "No agent yet"
    with qtbot.waitSignal(window.connections_requested):
        window.welcome.connect_now.click()
    said = {one.text() for one in window.status.findChildren(QLabel) if one.isVisible()}
    assert "No agent" in said
    assert not said & {"Connecting", "Encrypted"}
    assert window.header.switcher.accessibleName() == "No agent"


def test_before_the_first_beat_nothing_is_claimed(qtbot: QtBot, theme: Theme) -> None:
    window = MainWindow(theme, lambda: NOW_MS)
    qtbot.addWidget(window)
    window.show()

    window.show_link(Link(name="shop"))
    assert not window.welcome.isVisible()
    assert window.nothing.title.text() == "The agent was not heard yet"
    assert window.status.agent_clock.text() == "Agent clock unknown"
    assert window.header.switcher.age_text == "not heard yet"


def test_a_counter_filters_the_grid(window: MainWindow, qtbot: QtBot) -> None:
    QTest.mouseClick(window.toolbar.counters["failing"], Qt.MouseButton.LeftButton)

    assert window._filter.shown_tasks() == 1
    assert window.toolbar.counters["failing"].number == 1


def test_a_filter_without_a_match_offers_the_nearest_and_a_way_out(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.toolbar.write("vned")
    said = window.nothing.text.text()
    hidden = not window.grid.isVisible()
    window.nothing.clear.click()

    assert said == "Did you mean vend? 1 task matches."
    assert hidden
    assert window.grid.isVisible()


def test_a_filter_without_a_match_names_all_of_itself_and_is_mended_by_one_press(
    window: MainWindow,
) -> None:
    window.toolbar.write("vned state:failing")
    title = window.nothing.title.text()

    QTest.keyClick(window.nothing.near, Qt.Key.Key_Return)

    assert title == "No task matches vned state:failing"
    assert window.toolbar.field.text() == "vend state:failing"
    assert window.grid.isVisible()


def test_the_overview_is_veiled_as_soon_as_the_agent_is_silent(window: MainWindow) -> None:
    window.show_screen(OVERVIEW)
    overview = window.overview
    counted_down = overview._coming[0].accessibleName()

    window.show_link(LOST)

    assert overview.health.heart.figure.text() == "silent"
    assert "unknown" not in counted_down
    assert "unknown" in overview._coming[0].accessibleName()
    window.show_link(LIVE)
    assert "unknown" not in overview._coming[0].accessibleName()


@pytest.mark.parametrize("count", [1, 12, 250])
def test_the_number_at_the_bell_has_room(window: MainWindow, theme: Theme, count: int) -> None:
    window.header.show_alerts(count, "bad")

    said = str(count) if count < 100 else "99+"
    needed = 18 + max(16, QFontMetrics(theme.font(10, 600)).horizontalAdvance(said) + 9)
    assert window.header.bell.width() >= needed


def test_without_a_connection_the_switcher_has_room_for_all_that_it_says(
    window: MainWindow, theme: Theme
) -> None:
    window.show_link(Link())
    switcher = window.header.switcher

    name = QFontMetrics(theme.font(13, 600)).horizontalAdvance("No agent")

    assert switcher.sizeHint().width() >= 8 + name + 24


def test_a_long_name_of_a_connection_is_elided_and_told_whole_in_the_tip(
    window: MainWindow, qtbot: QtBot
) -> None:
    name = "the night shift's server in the cellar of the building in Queen Street, Auckland"
    window.show_link(replace(LIVE, name="auckland"))
    short = window.header.switcher.toolTip()
    window.show_link(replace(LIVE, name=name))
    window.resize(960, 600)

    switcher = window.header.switcher
    assert short == "Connections (Ctrl+O)"
    assert switcher.toolTip() == f"{name}\n{short}"
    assert "…" in switcher.name_text
    qtbot.waitUntil(lambda: switcher.width() >= switcher.sizeHint().width())
    assert window.width() == 960


def test_the_menu_of_settings_marks_what_is_chosen(window: MainWindow) -> None:
    def chosen() -> list[str]:
        return [one.text() for one in window.rail.settings_menu().actions() if one.isChecked()]

    before = chosen()
    window.set_compact(True)

    assert before == ["Light", "Comfortable"]
    assert chosen() == ["Light", "Compact"]


def test_the_zone_of_the_agent_is_told_with_its_row(qtbot: QtBot, theme: Theme) -> None:
    window = MainWindow(theme, lambda: NOW_MS)
    qtbot.addWidget(window)
    window.show_link(LIVE)

    window.show_rows([AGENT])

    assert window.status.zone.text().startswith(AGENT.tz)


def test_a_narrow_list_of_runs_shows_why_one_failed_before_what_it_used(
    window: MainWindow,
) -> None:
    window.show_rows([run(1, "vend_a", result="error", exit=3)])
    window.show_screen(RUNS)
    table = window.executions.table
    for wide, shown in ((960, False), (1_440, True)):
        window.resize(wide, 700)
        QTest.qWait(0)

        assert table.isColumnHidden(RunColumn.CPU) is not shown
        assert table.horizontalScrollBar().maximum() == 0
        assert table.columnWidth(RunColumn.REASON) >= 100


def test_choosing_a_task_asks_for_its_details_once_it_rests(
    window: MainWindow, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(window.detail_requested) as asked:
        choose(window, "pay_a")

    assert asked.args == ["pay_a"]


def test_details_show_settings_bars_and_the_error(window: MainWindow, qtbot: QtBot) -> None:
    row = failing("vend_a")
    choose(window, "vend_a")

    window.show_detail(detail(row))

    assert window.details.settings.texts()["Command"] == "php x.php"
    window.details.summary.copy.click()
    assert QApplication.clipboard().text() == "429 Too Many Requests\n#0 lib/VendClient.php(212)"
    assert window.details.pill.text == "Failing, 3 in a row"


def test_details_of_another_task_are_not_shown(window: MainWindow) -> None:
    choose(window, "pay_a")

    window.show_detail(detail(failing("vend_a")))

    assert window.details.settings.texts() == {}


def test_of_a_task_of_the_same_name_elsewhere_the_old_error_is_not_shown(
    window: MainWindow,
) -> None:
    row = failing("vend_a")
    choose(window, "vend_a")
    window.show_detail(detail(row))
    before = window.details.summary.error_text()

    window.forget_rows()
    window.show_rows([AGENT, row])

    assert before
    assert window.details.task_id == "vend_a"
    assert window.details.summary.error_text() == ""
    assert not window.details.summary.open_run.isVisible()


def test_the_newest_log_is_asked_for_and_shown(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_b")

    with qtbot.waitSignal(window.log_requested) as asked:
        window.actions_by_name["log"].trigger()
    run_id = asked.args[0]
    window.append_log(run_id, b"hello\n")
    window.append_log("another-run", b"not mine\n")
    window.end_log(run_id)

    assert run_id == "01KAS000000000000000000777"
    qtbot.waitUntil(lambda: window.log.text.toPlainText() == "hello\n")


def test_closing_the_log_says_that_nobody_looks(window: MainWindow, qtbot: QtBot) -> None:
    window._following.open("run-1")

    with qtbot.waitSignal(window.log_closed) as told:
        window.log.closed.emit()

    assert told.args == ["run-1"]


def test_a_notice_that_can_be_undone_offers_it(window: MainWindow, qtbot: QtBot) -> None:
    window.show_notice("pay_a is paused.", "done", True)
    toast = window.findChild(Toast)

    assert isinstance(toast, Toast)
    assert toast.act is not None
    with qtbot.waitSignal(window.undo_requested):
        toast.act.click()


def test_toasts_stand_above_each_other(window: MainWindow) -> None:
    window.show_notice("one")
    window.show_notice("two")

    one, two = window.findChildren(Toast)
    assert one.height() >= 40
    assert one.geometry().bottom() < two.geometry().top()
    assert window.toasts.height() >= two.geometry().bottom()


def test_at_most_three_toasts_stand_at_once(window: MainWindow) -> None:
    for number in range(5):
        window.show_notice(f"notice {number}")

    assert window.toasts.texts() == ["notice 2", "notice 3", "notice 4"]


def test_what_was_said_of_the_last_agent_goes_with_it(window: MainWindow) -> None:
    window.show_notice("vend_a is paused.", can_undo=True)
    window.show_notice("vend_a is ordered to run.")

    window.forget_rows()

    assert window.toasts.texts() == []
    assert not window.toasts.isVisible()
    window.show_notice("pay_a is paused.")
    assert window.toasts.texts() == ["pay_a is paused."]
    assert window.toasts.isVisible()


def test_the_overview_tells_figures_trouble_and_health(window: MainWindow, qtbot: QtBot) -> None:
    window.show_screen("overview")
    window.show_metric(Metric(now_ms=NOW_MS - 5000, cpu=0.3, mem_share=0.5))
    window.show_metric(Metric(now_ms=NOW_MS, cpu=0.31, mem_share=0.61, database_ms=2,
                              disk=(Disk(mount="/", used_share=0.46),)))  # fmt: skip
    window.show_heartbeat(Heartbeat(epoch="a" * 16, n=1, now_ms=NOW_MS, up_ms=1, every_ms=2000))
    window.show_rows([Check(id="disk", name="Disk", kind="disk", state="warn", since_ms=1)])
    window.tick()
    page = window.overview

    assert page.failing.figure.text() == "1"
    assert page.active.figure.text() == "3"
    assert page.health.cpu.figure.text() == "31"
    assert page.health.disk.figure.text() == "46"
    assert [entry.task_id for entry in page._needy if entry.isVisible()] == ["vend_a"]
    with qtbot.waitSignal(page.task_opened) as asked:
        page._needy[0].click()
    assert asked.args == ["vend_a"]
    assert window.screen_name == "tasks"


def test_recent_executions_show_the_last_fifty_and_filter(window: MainWindow, qtbot: QtBot) -> None:
    window.show_screen("runs")
    window.show_history("", [run(n, result="error" if n % 10 == 0 else "success", exit=1)
                             for n in range(80)])  # fmt: skip

    window.executions.which.chosen.emit("trouble")

    assert window.executions.count.text() == "the last 8"


def test_only_a_run_that_failed_or_waits_is_tried_again(window: MainWindow, qtbot: QtBot) -> None:
    window.show_screen("runs")
    rows = [
        run(1, result="error", exit=1),
        run(2),
        run(3, state="retry_wait", result=None, dur_ms=None, end_ms=None),
    ]
    window.show_history("", rows)
    page, may = window.executions, []
    for row in range(3):
        page.table.selectRow(row)
        may.append(page.retry.isEnabled())

    with qtbot.waitSignal(window.try_again_requested) as asked:
        page.table.selectRow(0)
        page.retry.click()

    assert may == [True, False, True]
    assert asked.args == [rows[2].id]


def test_what_can_be_done_about_a_chosen_run_follows_the_run(window: MainWindow) -> None:
    going = run(1, "pay_b", state="running", result=None, end_ms=None, dur_ms=None)
    window.show_rows([going])
    window.show_screen(RUNS)
    page = window.executions
    page.table.setCurrentIndex(page.table.model().index(0, 0))
    could_stop = page.stop.isEnabled()

    window.show_rows([run(1, "pay_b", result="error", rev=2)])
    ended = (page.stop.isEnabled(), page.retry.isEnabled())
    window.forget_rows()

    assert could_stop
    assert ended == (False, True)
    assert not page.retry.isEnabled()
    assert not page.open_log.isEnabled()


def test_escape_in_the_empty_field_of_the_runs_leads_to_the_runs(window: MainWindow) -> None:
    window.show_history("", [run(1)])
    window.show_screen(RUNS)
    window.executions.focus_filter()

    QTest.keyClick(window.executions.field.edit, Qt.Key.Key_Escape)

    assert window.executions.table.hasFocus()


def test_another_agent_starts_from_nothing(window: MainWindow) -> None:
    window.show_history("", [run(1)])
    window.show_pending("pay_a", True)

    window.forget_rows()

    assert window._tasks.tasks() == []
    assert window._runs.rowCount() == 0
    assert window.details.task_id == ""
    assert window.grid._pending == set()


def test_times_follow_the_switch_everywhere(window: MainWindow) -> None:
    index = window._tasks.index_of("pay_a", 6)
    there = index.data()

    window.set_times("utc")

    assert window._tasks.index_of("pay_a", 6).data() != there


def test_the_appearance_can_be_changed_while_it_runs(
    window: MainWindow, theme: Theme, qtbot: QtBot
) -> None:
    light = window.grab().toImage().pixelColor(300, 60).lightness()

    with qtbot.waitSignal(window.theme_chosen):
        window.rail.appearance_chosen.emit("dark")

    assert window.grab().toImage().pixelColor(300, 60).lightness() < light


@pytest.mark.parametrize("size", [(960, 600), (1280, 800), (1440, 900), (1920, 1200)])
@pytest.mark.parametrize("screen", ["overview", "tasks", "runs"])
def test_every_screen_fits_every_size(
    window: MainWindow, qtbot: QtBot, size: tuple[int, int], screen: str
) -> None:
    window.show_screen(screen)
    window.resize(*size)
    qtbot.waitUntil(lambda: window.width() == size[0])

    whole = window.centralWidget()
    assert whole is not None
    qtbot.waitUntil(lambda: whole.minimumSizeHint().width() <= size[0])
    assert window.height() == size[1]
    if screen == "tasks":
        qtbot.waitUntil(lambda: not window.grid.horizontalScrollBar().isVisible())


def test_the_title_names_the_server_and_its_environment(window: MainWindow) -> None:
    assert window.windowTitle().startswith("auckland-app-01 (production)")


def test_the_plotting_library_waits_until_a_curve_is_in_sight(qtbot: QtBot, theme: Theme) -> None:
    from desktop.parts.charts import TimeCurve

    curve = TimeCurve(theme, height=80)
    qtbot.addWidget(curve)
    curve.show_points([(NOW_MS, 1.0), (NOW_MS + 1000, 2.0)])
    before = curve._plot
    curve.show()

    assert before is None
    assert curve._plot is not None


def test_an_act_can_be_taken_back_once_only(window: MainWindow) -> None:
    window.show_notice("pay_a is paused.", "done", True)
    window.actions_by_name["undo"].trigger()

    toast = window.findChild(Toast)
    assert isinstance(toast, Toast)
    assert toast.act is not None
    assert not toast.act.isVisible()


def test_the_last_hour_is_asked_for_once_when_the_overview_is_shown(
    window: MainWindow, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(window.metrics_requested):
        window.show_screen("overview")
    with qtbot.assertNotEmitted(window.metrics_requested):
        window.show_screen("tasks")
        window.show_screen("overview")

    window.show_link(LOST)
    with qtbot.waitSignal(window.metrics_requested):
        window.show_link(LIVE)


def test_the_palette_goes_to_a_task(window: MainWindow) -> None:
    window.show_screen("overview")
    window.actions_by_name["palette"].trigger()
    palette = window.findChild(Palette)
    assert isinstance(palette, Palette)

    palette.field.edit.setText("payb")
    palette.field.edit.returnPressed.emit()

    assert window.screen_name == "tasks"
    assert window.details.task_id == "pay_b"


def test_escape_takes_one_layer_after_the_other(window: MainWindow) -> None:
    window.toolbar.choose_state("failing")
    window.begin_log("run-1")
    window.grid.setFocus()

    QTest.keyClick(window, Qt.Key.Key_Escape)
    after_one = (window._filter.shown_tasks(), window.log.isVisible())
    QTest.keyClick(window, Qt.Key.Key_Escape)

    assert after_one == (3, True)
    assert not window.log.isVisible()


def test_a_lost_link_keeps_saying_of_when_the_state_is(window: MainWindow) -> None:
    window.show_link(replace(LOST, problem="The tunnel is down."))

    assert "state as of" in window.banner.text.text()
    assert "The tunnel is down." in window.banner.text.text()


@pytest.mark.parametrize(
    ("row", "good", "said"),
    [
        (task("pay_a", runs_24h=0, success_rate_24h=None, stops_24h=1), "0 of 0",
         "succeeded, 1 stopped"),
        (task("pay_a", runs_24h=4, fails_24h=1, success_rate_24h=0.75, stops_24h=2), "3 of 4",
         f"{words.percent(0.75)} succeeded, 2 stopped"),
    ],
)  # fmt: skip
def test_runs_that_somebody_stopped_stand_apart_in_the_summary(
    window: MainWindow, row: Task, good: str, said: str
) -> None:
    window.show_rows([row])
    choose(window, "pay_a")

    shown = texts_of(window)

    assert good in shown
    assert said in shown


def test_of_choices_side_by_side_the_keyboard_stops_at_the_chosen_one(window: MainWindow) -> None:
    window.show_screen(RUNS)
    window.header.times.choose("utc")
    window.details.tabs.choose(2)

    for group in (window.rail._group, window.header.times._group, window.details.tabs._group):
        stops = [one for one in group.buttons() if one.focusPolicy() & Qt.FocusPolicy.TabFocus]
        assert stops == [group.checkedButton()]


def texts_of(window: MainWindow) -> list[str]:
    return [one.text() for one in window.details.findChildren(QLabel) if one.isVisible()]


def test_a_skipped_moment_is_told_with_what_comes_instead_and_by_whom(window: MainWindow) -> None:
    due_ms, then_ms = NOW_MS + 25 * MINUTE_MS, NOW_MS + 55 * MINUTE_MS
    skipped = task(
        "pay_a", skip_until_ms=due_ms, skip_reason="by Anna: stocktaking", resumes_ms=then_ms
    )
    window.show_rows([skipped])
    choose(window, "pay_a")

    zone = words.zone_named(skipped.tz)
    due, then = (words.clock(at_ms, zone, NOW_MS) for at_ms in (due_ms, then_ms))
    shown = texts_of(window)
    assert words.clock(then_ms, zone, NOW_MS, seconds=True) in shown
    assert shown[shown.index("Skipped") + 1 :][:2] == [due, "by Anna: stocktaking"]
    row = window._tasks.index_of("pay_a", Column.NEXT)
    assert row.data() == then
    assert "by Anna: stocktaking" in row.data(Qt.ItemDataRole.ToolTipRole)
    window.show_screen(OVERVIEW)
    (coming,) = [one for one in window.overview._coming if one.task_id == "pay_a"]
    assert then in coming.accessibleName()


@pytest.mark.parametrize("resumes_ms", [None, NOW_MS + 90 * MINUTE_MS])
def test_a_paused_task_says_when_it_really_runs_next(
    window: MainWindow, resumes_ms: int | None
) -> None:
    paused = task("pay_a", paused=True, paused_until_ms=resumes_ms, resumes_ms=resumes_ms)
    window.show_rows([paused])
    choose(window, "pay_a")

    zone = words.zone_named(paused.tz)
    shown = texts_of(window)
    next_run = shown[shown.index("Next run") + 1 :][:2]
    if resumes_ms is None:
        assert next_run == ["none", "until it is resumed"]
    else:
        at = words.clock(resumes_ms, zone, NOW_MS, seconds=True)
        assert next_run == [at, "the first after the pause"]


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (replace(LIVE, role="viewer"), "Run now: Needs the operator role"),
        (LOST, "Run now: Off while the agent is silent"),
    ],
)
def test_a_key_whose_act_is_off_says_why(window: MainWindow, link: Link, why: str) -> None:
    choose(window, "pay_a")
    window.show_link(link)

    QTest.keyClick(window.grid, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)

    assert window.toasts.texts() == [why]


def test_what_is_taken_back_is_no_longer_said(window: MainWindow) -> None:
    window.show_notice("pay_a is paused.", can_undo=True)

    window.actions_by_name["undo"].trigger()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    assert window.toasts.texts() == []


def test_the_palette_names_the_task_that_an_act_is_about(window: MainWindow) -> None:
    choose(window, "pay_a")

    window.open_palette()
    palette = window.findChild(Palette)

    assert isinstance(palette, Palette)
    item = palette.list.item(0)
    assert item.data(Qt.ItemDataRole.AccessibleTextRole) == "Run now, pay_a, Ctrl+R"
