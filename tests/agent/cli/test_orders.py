"""Tasks let go and moments held back, by name, by pattern, by category."""

import json

import pytest
from click.testing import CliRunner

from agent.cli import orders
from agent.cli.root import cli
from agent.wire.caller import new_op
from tests.journeys.household import Household


def task(name: str, category: str, *more: str) -> str:
    lines = (f'task_name = "{name}"', 'command = "true"', f'category = "{category}"')
    return "\n".join((*lines, *(more or ('schedule = "0 0 1 1 *"',))))


@pytest.fixture
def shop(household: Household) -> Household:
    """A home with three imports and a report; one of the imports runs by hand only."""
    household.apply(
        task("import_a", "Shop"),
        task("import_b", "Shop"),
        task("import_c", "Shop", "schedule = []"),
        task("report", "Figures"),
    )
    return household


def left(household: Household) -> set[str]:
    return {one["task_name"] for one in household.json("tasks", "list")}


# --- remove ------------------------------------------------------------------------------------


def test_what_a_pattern_would_remove_is_listed_and_asked_about(shop: Household) -> None:
    asked = ("tasks", "remove", "import_[ab]", "--why", "replaced")

    declined = shop.run(*asked, answer="n\n")
    untouched = left(shop)
    accepted = shop.run(*asked, answer="y\n")

    listed = "  import_a: Shop, 0 0 1 1 *\n  import_b: Shop, 0 0 1 1 *\nRemove these 2 tasks?"
    assert declined.returncode != 0
    assert listed in declined.stdout
    assert untouched == {"import_a", "import_b", "import_c", "report"}
    assert accepted.returncode == 0
    assert left(shop) == {"import_c", "report"}


def test_each_task_that_a_category_removed_has_its_row_in_the_audit(shop: Household) -> None:
    gone = shop.json("tasks", "remove", "--category", "Shop", "--yes")

    rows = [row for row in shop.json("audit", "list") if row["type"] == "tasks remove"]
    names = ["import_a", "import_b", "import_c"]
    assert gone == {"removed": names, "found": names}
    assert sorted(row["target"] for row in rows) == names
    assert left(shop) == {"report"}


def test_a_dry_run_removes_nothing_and_tells_what_would_refuse_it(shop: Household) -> None:
    shop.apply(task("then", "Figures", 'after = ["report"]'))

    found = shop.json("tasks", "remove", "import_*", "--dry-run")
    listed = shop.cli("tasks", "remove", "then", "--dry-run", "--yes")
    refused = shop.run("tasks", "remove", "rep*", "--dry-run")

    assert found == {"removed": [], "found": ["import_a", "import_b", "import_c"]}
    assert listed == "  then: Figures, after report\nnothing was changed\n"
    assert refused.returncode == 1
    assert "then comes after report" in refused.stderr
    assert left(shop) == {"import_a", "import_b", "import_c", "report", "then"}
    assert not [row for row in shop.json("audit", "list") if row["type"] == "tasks remove"]


# --- skip --------------------------------------------------------------------------------------


def test_a_pattern_skips_what_is_due_passes_over_the_rest_and_is_taken_back(
    shop: Household,
) -> None:
    shop.cli("tasks", "disable", "import_a")
    shop.serve()

    [found] = shop.json("tasks", "skip", "*", "--category", "Shop", "--count", "2", "--dry-run")
    before = shop.json("tasks", "skip", "report", "--undo", "--dry-run")
    said = shop.cli("tasks", "skip", "*", "--category", "Shop", "--count", "2")
    [back] = shop.json("tasks", "skip", "import_*", "--undo", "--dry-run")
    shop.cli("tasks", "skip", "import_*", "--undo")
    [none, *_] = shop.json("tasks", "skip", "import_*", "--undo", "--dry-run")

    assert (found["id"], len(found["moments_ms"])) == ("import_b", 2)
    assert before[0]["msg"] == "nothing of it is skipped"
    assert said.startswith("✓ import_b skips up to ")
    assert len(said.splitlines()) == 1
    assert back["moments_ms"] == found["moments_ms"]
    assert back["next_ms"] == found["moments_ms"][0]
    assert none["moments_ms"] == []
    rows = [row for row in shop.json("audit", "list") if row["type"] == "tasks skip"]
    assert [row["target"] for row in rows] == ["import_b", "import_b"]


def test_more_than_one_is_listed_and_asked_about(shop: Household) -> None:
    shop.serve()

    declined = shop.run("tasks", "skip", "import_*", "report", "--count", "3", answer="n\n")
    accepted = shop.run("tasks", "skip", "*", answer="y\n")

    question = "  import_a\n  import_b\n  report\nSkip the next 3 runs of these 3 tasks?"
    assert declined.returncode != 0
    assert question in declined.stdout
    assert accepted.returncode == 0
    assert accepted.stdout.count("skips up to") == 3


def test_what_there_is_not_is_wrong_use_unless_something_else_was_done(shop: Household) -> None:
    shop.serve()

    none = shop.run("tasks", "skip", "nobody", "nothing")
    some = shop.run("tasks", "skip", "nobody", "report")

    assert (none.returncode, some.returncode) == (2, 1)
    assert "report skips up to" in some.stdout


def test_to_run_what_there_is_not_is_wrong_use_unless_something_else_runs(shop: Household) -> None:
    shop.serve()

    none = shop.run("tasks", "run", "nobody", "nothing", "--json")
    some = shop.run("tasks", "run", "nobody", "report")

    assert (none.returncode, some.returncode) == (2, 1)
    assert [run["code"] for run in json.loads(none.stdout)["runs"]] == ["not_found", "not_found"]
    assert "report ordered" in some.stdout


def test_what_was_skipped_is_told_although_a_later_order_is_refused(
    shop: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "MOST_NAMES", 1)
    numbers = iter([new_op(), "no number of an order"])
    monkeypatch.setattr(orders, "new_op", lambda: next(numbers))
    shop.serve()

    done = CliRunner().invoke(
        cli, ["--home", str(shop.root), "tasks", "skip", "report", "import_a"]
    )

    told, refusal = done.output.splitlines()
    assert told.startswith("✓ report skips up to ")
    assert refusal.startswith("smartcron-agent: the body does not fit")


def test_a_dry_run_says_which_moments_would_be_skipped(shop: Household) -> None:
    said = shop.cli("tasks", "skip", "import_*", "--count", "12", "--dry-run")

    lines = said.splitlines()
    assert lines[0].startswith("import_a: would be skipped; next run ")
    assert lines[11] == "  and 2 more"
    assert lines[12].startswith("import_b: ")
    assert lines[-1] == "nothing was changed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("remove", "import_*", "--json"), "add --yes"),
        (("remove", "import_a", "--json"), "add --yes"),
        (("remove", "export_*", "--yes"), "'export_*': no task has such a name"),
        (("remove",), "name tasks, or a pattern"),
        (("skip", "import_*", "--json"), "add --yes"),
        (("skip", "report", "--category", "Shop"), "no task of category 'Shop'"),
        (("skip",), "name tasks, or a pattern"),
    ],
)
def test_what_means_nothing_or_cannot_be_asked_is_refused(
    shop: Household, words: tuple[str, ...], said: str
) -> None:
    done = shop.run("tasks", *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert left(shop) == {"import_a", "import_b", "import_c", "report"}
