"""Commands that keep the history of a task whatever its age, and let it go again."""

from tests.journeys.household import Household

TASK = 'task_name = "a"\nschedule = "0 7 * * *"\ncommand = "true"'
OLD = "a.log.20200101T000000.000000Z.gz"


def test_a_hold_is_listed_keeps_logs_and_is_written_down(household: Household) -> None:
    household.apply(TASK)
    log = household.home.task_logs / OLD
    log.write_bytes(b"x" * 100)

    household.cli("hold", "a", "tax audit")

    assert household.json("hold")[0]["reason"] == "tax audit"
    assert household.json("tasks", "list")[0]["held"] == "tax audit"
    assert "the history of a is held: tax audit" in household.cli("tasks", "list")
    assert household.json("cleanup")["logs"] == 0
    assert log.exists()

    household.cli("release", "a")

    dry = household.json("cleanup", "--dry-run")
    assert dry == {"rows": [], "logs": {"files": 1, "bytes": 100}}
    assert log.exists(), "a dry run removes nothing"
    done = household.json("cleanup")
    assert (done["logs"], done["log_bytes"]) == (1, 100)
    assert not log.exists()
    said = [(row["type"], row["target"]) for row in household.json("audit", "list")]
    assert said == [
        ("cleanup", ""),
        ("release", "a"),
        ("cleanup", ""),
        ("hold", "a"),
        ("tasks apply", said[-1][1]),
    ]


def test_a_hold_without_a_reason_says_what_is_missing(household: Household) -> None:
    household.apply(TASK)

    said = household.run("hold", "a")

    assert said.returncode == 2
    assert "say why" in said.stderr
    assert household.run("hold", "nobody", "x").returncode == 2


def test_ages_of_a_task_are_settings_and_nonsense_is_refused(household: Household) -> None:
    settings = household.home.settings_file
    before = settings.read_text()
    settings.write_text(before + "[retention.tasks.a]\nkeep_runs = 0\n")

    said = household.run("cleanup", "--dry-run")

    assert said.returncode == 2
    assert "retention.tasks.a.keep_runs = 0" in said.stderr
    settings.write_text(
        before + "[retention]\naudit_days = 30\n[retention.tasks.a]\nkeep_runs = 1\n"
    )
    assert household.json("cleanup", "--dry-run")["rows"] == []
