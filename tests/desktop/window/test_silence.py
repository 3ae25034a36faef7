"""What is old never pretends: a silent agent, one that is away, and one that was never heard."""

from dataclasses import replace

import pytest
from msgspec import structs
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop.freshness import Link
from desktop.theme import Theme
from desktop.views.rail import ALERTS, HEALTH, OVERVIEW, RUNS, TASKS
from desktop.window import MainWindow
from tests.desktop.rows_at_hand import NOW_MS, run, task
from tests.desktop.windows_at_hand import AGENT, LIVE, LOST, choose


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


def test_what_was_said_of_the_last_agent_goes_with_it(window: MainWindow) -> None:
    window.show_notice("vend_a is paused.", can_undo=True)
    window.show_notice("vend_a is ordered to run.")

    window.forget_rows()

    assert window.toasts.texts() == []
    assert not window.toasts.isVisible()
    window.show_notice("pay_a is paused.")
    assert window.toasts.texts() == ["pay_a is paused."]
    assert window.toasts.isVisible()


def test_another_agent_starts_from_nothing(window: MainWindow) -> None:
    window.show_history("", [run(1)])
    window.show_pending("pay_a", True)

    window.forget_rows()

    assert window._tasks.tasks() == []
    assert window._runs.rowCount() == 0
    assert window.details.task_id == ""
    assert window.grid._pending == set()


def test_a_lost_link_keeps_saying_of_when_the_state_is(window: MainWindow) -> None:
    window.show_link(replace(LOST, problem="The tunnel is down."))

    assert "state as of" in window.banner.text.text()
    assert "The tunnel is down." in window.banner.text.text()
