"""Commands that turn one task or many: by name, by pattern, by category."""

import pytest

from tests.journeys.household import Household


def task(name: str, category: str) -> str:
    return (
        f'task_name = "{name}"\nschedule = "0 7 * * *"\ncommand = "true"\ncategory = "{category}"'
    )


@pytest.fixture
def shop(household: Household) -> Household:
    """A home with two imports and a report; one of the imports is disabled."""
    household.apply(task("import_a", "Shop"), task("import_b", "Shop"), task("report", "Figures"))
    return household


def states(household: Household) -> dict[str, str]:
    return {one["task_name"]: one["state"] for one in household.json("tasks", "list")}


def test_a_pattern_lists_what_it_means_and_asks_before_it_changes_more_than_one(
    shop: Household,
) -> None:
    declined = shop.run("tasks", "pause", "import_*", answer="n\n")
    assert declined.returncode != 0
    assert "  import_a\n  import_b\nPause these 2 tasks?" in declined.stdout
    assert set(states(shop).values()) == {"enabled"}

    accepted = shop.run("tasks", "pause", "import_*", answer="y\n")

    assert accepted.returncode == 0
    assert states(shop) == {"import_a": "paused", "import_b": "paused", "report": "enabled"}


def test_each_task_has_a_row_of_its_own_in_the_audit(shop: Household) -> None:
    shop.cli("tasks", "disable", "--category", "Shop", "--yes", "--reason", "moved")

    rows = [row for row in shop.json("audit", "list") if row["type"] == "tasks disable"]

    assert sorted(row["target"] for row in rows) == ["import_a", "import_b"]
    assert all(row["code"] == "ok" and "moved" in row["args"] for row in rows)
    assert all(row["before"] != row["after"] for row in rows)
    assert shop.run("audit", "verify").returncode == 0


def test_only_those_that_change_are_asked_about(shop: Household) -> None:
    shop.cli("tasks", "disable", "import_a")

    said = shop.cli("tasks", "disable", "import_*")

    assert said == "✓ import_b disabled\n"
    assert states(shop)["import_b"] == "disabled"


def test_a_category_narrows_a_pattern_and_names_are_not_asked_about(shop: Household) -> None:
    shop.cli("tasks", "pause", "*", "--category", "Figures")
    assert states(shop)["report"] == "paused"

    shop.cli("tasks", "pause", "import_a", "import_b")

    assert set(states(shop).values()) == {"paused"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tasks", "pause", "export_*"), "'export_*': no task has such a name"),
        (("tasks", "pause", "report", "--category", "Shop"), "no task of category 'Shop'"),
        (("tasks", "enable", "--category", "Shp"), "there is Figures, Shop"),
        (("tasks", "list", "--category", "Shp"), "there is Figures, Shop"),
        (("tasks", "resume"), "name tasks, or a pattern"),
        (("tasks", "disable", "import_*", "--json"), "add --yes"),
    ],
)
def test_what_means_nothing_or_cannot_be_asked_is_refused(
    shop: Household, words: tuple[str, ...], said: str
) -> None:
    done = shop.run(*words)

    assert done.returncode == 2
    assert said in done.stderr
    assert set(states(shop).values()) == {"enabled"}
