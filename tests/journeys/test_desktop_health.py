"""What a real agent measures stands on the health page of a real window."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.views.health.page import CHARTS, TEXT, HealthPage
from desktop.views.rail import HEALTH
from tests.journeys.desks import Desk, desks_at
from tests.journeys.household import Household

PLUGIN = "echo '7 wait | depth=7;100;1000 oldest=3s'"


@pytest.fixture
def household(bare: Household) -> Household:
    """A home with one check of its owner's own, and its agent at work."""
    bare.prepare(environment="test", name="journey")
    bare.cli("checks", "add", "queue", PLUGIN, "--every", "30")
    bare.serve()
    return bare


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    with desks_at(qtbot, tmp_path / "profile") as (made,):
        yield made


def ids(page: HealthPage) -> list[str]:
    return [one.id for one in page.table._model.checks()]


def names(lines: list[str]) -> list[str]:
    """What each line behind the first is about."""
    return [line[2:].partition(":")[0] for line in lines[1:]]


def test_a_viewer_sees_every_check_its_course_and_the_lines_of_the_command(
    household: Household, desk: Desk
) -> None:
    page = desk.window.health
    desk.connect_by(household, "Anna", role="viewer")
    desk.until(lambda: "cpu" in ids(page), "the checks")

    desk.window.show_screen(HEALTH)
    page.table.choose("memory")
    desk.until(lambda: "Limits" in page.panel.facts.texts(), "the limits")
    desk.until(lambda: bool(page.panel.chart.points), "the readings of the memory")
    memory = page.table.chosen
    assert memory is not None
    assert memory.value is not None
    assert page.panel.chart.points[-1][1] == pytest.approx(memory.value, abs=0.3)
    assert "each 10" in page.panel.facts.texts()["Last look"]

    desk.until(lambda: ids(page)[-1] == "check:queue", "the check of the owner's own")
    page.table.choose("check:queue")
    desk.until(lambda: page.panel.facts.texts().get("Limits", "").startswith("Warns"), "its limits")
    assert page.panel.facts.texts()["Reading"] == "7"
    assert page.panel.message.text() == "7 wait"

    page.tabs.choose(CHARTS)
    oldest = "check:queue:oldest"
    desk.until(
        lambda: oldest in page.gallery.cards and bool(page.gallery.cards[oldest].chart.points),
        "the second figure of the plugin",
    )
    assert page.gallery.cards[oldest].chart.points[-1][1] == 3.0

    page.tabs.choose(TEXT)

    def shown() -> list[str]:
        return names(page.lines.text.toPlainText().splitlines())

    # A disk that another test mounts for a while is in the one and not yet in the other.
    desk.until(
        lambda: shown() == names(household.run("health").stdout.splitlines()),
        "the lines that the command prints",
    )
    assert "Check queue" in shown()
    assert page.hint.isHidden()

    household.cli("checks", "remove", "queue")
    desk.until(lambda: "check:queue" not in ids(page), "its end")
