"""Commands about own rules: what do people want to be told of beside what is built in?"""

import pytest

from tests.journeys.household import Household

FILE = """
[[rule]]
name = "odd-end"
exit_status = [3, 4]
severity = "high"

[[rule]]
name = "hot"
metric = "cpu"
above = 90
for_s = 600
"""


def test_the_life_of_a_rule_by_hand_is_shown_and_written_down(household: Household) -> None:
    household.cli("alerts", "rules", "add", "quiet", "task=backup-*", "output_bytes_below=1000")
    household.cli("alerts", "rules", "add", "quiet", "output_bytes_below=10", "severity=high")
    household.cli("alerts", "rules", "disable", "quiet")
    (off,) = household.json("alerts", "rules", "list")
    household.cli("alerts", "rules", "enable", "quiet")
    shown = household.cli("alerts", "rules", "show", "quiet")
    household.cli("alerts", "rules", "remove", "quiet")

    versions = household.json("alerts", "rules", "show", "quiet", "--versions")
    assert (off["name"], off["enabled"], off["severity"], off["rev"]) == ("quiet", False, "high", 3)
    assert shown == '[[rule]]\nname = "quiet"\nseverity = "high"\noutput_bytes_below = 10\n'
    assert [one["rev"] for one in versions] == [5, 4, 3, 2, 1]
    assert versions[0]["rule"] is None
    assert household.json("alerts", "rules", "list") == []
    said = [row["type"] for row in household.json("audit", "list")][:5]
    acts = ("remove", "enable", "disable", "add", "add")
    assert said == [f"alerts rules {act}" for act in acts]
    assert household.json("audit", "list")[0]["target"] == "quiet"


def test_rules_of_a_file_are_what_show_writes(household: Household) -> None:
    file = household.root / "rules.toml"
    file.write_text(FILE)

    first = household.json("alerts", "rules", "add", "--file", str(file))
    file.write_text(household.cli("alerts", "rules", "show"))
    second = household.json("alerts", "rules", "add", "--file", str(file))

    assert first["rules"] == {"odd-end": "added", "hot": "added"}
    assert second["rules"] == {"odd-end": "unchanged", "hot": "unchanged"}


def test_a_rule_that_holds_for_nothing_is_warned_about_when_it_is_made_and_listed(
    household: Household,
) -> None:
    made = household.cli("alerts", "rules", "add", "typo", "task=no-such-*", "status=error")
    listed = household.cli("alerts", "rules", "list")

    for said in (made, listed):
        assert "! typo holds for nothing: it is about no task that there is" in said
    (row,) = household.json("alerts", "rules", "list")
    assert row["doubts"] == ["holds for nothing: it is about no task that there is"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "x"], "a rule without a condition would hold for everything"),
        (["add", "x", "stauts=error"], "did you mean 'status'?"),
        (["add", "x", "output_has=(a+)+$"], "can take very long on hostile output"),
        (["add"], "NAME: name the rule"),
        (["add", "--file", "/etc/hostname"], "/etc/hostname"),
        (["test"], "name one rule, or a file"),
        (["test", "nosuch"], "there is no rule 'nosuch'"),
        (["test", "nosuch", "--days", "1000"], "--days"),
        (["remove", "nosuch"], "there is no rule 'nosuch'"),
        (["enable", "nosuch"], "there is no rule 'nosuch'"),
        (["show", "nosuch"], "there is no rule 'nosuch'"),
        (["show", "--versions"], "name the rule whose versions"),
        (["show", "nosuch", "--versions"], "there was no rule 'nosuch'"),
    ],
)
def test_what_cannot_be_is_refused(household: Household, words: list[str], said: str) -> None:
    found = household.run("alerts", "rules", *words)

    assert found.returncode == 2
    assert said in found.stderr


def test_a_rule_is_tried_on_what_happened(household: Household) -> None:
    household.cli("alerts", "rules", "add", "bad", "status=error")
    file = household.root / "rules.toml"
    file.write_text(FILE)

    said = household.cli("alerts", "rules", "test", "bad", "--days", "30")
    found = household.json("alerts", "rules", "test", "--file", str(file))

    assert said.startswith("bad: would have fired 0 times in the last 30 days, in 0 alerts; 0 rec")
    assert [(one["rule"], one["fired"]) for one in found] == [("odd-end", 0), ("hot", 0)]


def test_a_window_by_hand_is_shown_and_mutes(household: Household) -> None:
    made = household.json(
        "alerts", "mute", "add", "--task", "shop-*", "--for", "2h", "--reason", "moves house"
    )
    listed = household.cli("alerts", "mute", "list")
    household.cli("alerts", "mute", "remove", made["id"][-6:].lower())

    assert (made["task"], made["tasks"]) == ("shop-*", 0)
    assert made["to_ms"] - made["from_ms"] == 2 * 3_600_000
    assert "tasks shop-*" in listed
    assert "moves house" in listed
    assert household.json("alerts", "mute", "list", "--all") == []
    types = [row["type"] for row in household.json("audit", "list")][:2]
    assert types == ["alerts mute remove", "alerts mute add"]


def test_a_window_is_edited_and_what_is_not_said_stays(household: Household) -> None:
    made = household.json(
        "alerts", "mute", "add", "--task", "shop-*", "--for", "2h", "--reason", "moves house"
    )
    edit = ("alerts", "mute", "edit", made["id"][-6:])

    longer = household.json(*edit, "--for", "4h")
    other = household.json(*edit, "--category", "Shop", "--task", "", "--reason", "still moving")
    of_all = household.json(*edit, "--all")
    said = household.cli(*edit, "--for", "5h")

    assert longer["to_ms"] - made["from_ms"] == 4 * 3_600_000
    assert (longer["task"], longer["reason"]) == ("shop-*", "moves house")
    assert (other["task"], other["category"], other["reason"]) == (None, "Shop", "still moving")
    assert (of_all["task"], of_all["category"], of_all["id"]) == (None, None, made["id"])
    assert made["made_ms"] < longer["made_ms"] < other["made_ms"] < of_all["made_ms"]
    assert "all alerts muted from" in said
    rows = household.json("audit", "list")
    assert [(row["type"], row["target"]) for row in rows[:4]] == [
        ("alerts mute edit", made["id"][-6:])
    ] * 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say what is to be other"),
        (["--all", "--task", "x"], "--all"),
        (["--to", "2099-01-01T00:00Z", "--for", "2h"], "--to, --for: give one of them"),
        (["--to", "2020-01-01T00:00Z"], "must be later than now"),
        (["--reason", ""], "--reason '': say why"),
        (["--task", ""], "--task, --category: say which alerts are meant"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(
    household: Household, words: list[str], said: str
) -> None:
    made = household.json("alerts", "mute", "add", "--task", "a*", "--for", "1h", "--reason", "x")
    found = household.run("alerts", "mute", "edit", made["id"], *words)
    unknown = household.run("alerts", "mute", "edit", "NOSUCH", "--for", "1h")

    assert (found.returncode, unknown.returncode) == (2, 2)
    assert said in found.stderr
    assert "no window has an id that ends so" in unknown.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--for", "2h"], "say which alerts are meant"),
        (["--all", "--task", "x", "--for", "2h"], "say which alerts are meant"),
        (["--all"], "--to, --for: say when it ends"),
        (["--all", "--for", "2w"], "--for '2w': write a length"),
        (["--all", "--for", "999d"], "must be from 1s to 366d"),
        (["--all", "--to", "2020-01-01T00:00Z"], "must be later than now"),
        (["--all", "--to", "soon"], "--to 'soon': is no moment"),
        (["--task", "", "--for", "2h"], "--task '': write 1 to 64 letters"),
    ],
)
def test_a_window_that_cannot_be_is_refused(
    household: Household, words: list[str], said: str
) -> None:
    found = household.run("alerts", "mute", "add", "--reason", "x", *words)

    assert found.returncode == 2
    assert said in found.stderr


def test_a_reason_of_many_lines_and_an_unknown_window_are_refused(household: Household) -> None:
    reason = household.run("alerts", "mute", "add", "--all", "--for", "1h", "--reason", "a\nb")
    unknown = household.run("alerts", "mute", "remove", "NOSUCH")

    assert (reason.returncode, unknown.returncode) == (2, 2)
    assert "--reason" in reason.stderr
    assert "no window has an id that ends so" in unknown.stderr
