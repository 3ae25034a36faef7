"""What is packed for somebody who is to help: all that tells, and nothing that must not be told."""

import json
import stat
import tarfile
from pathlib import Path

import pytest

from agent.cli.diagnostics import QUESTIONS
from tests.journeys.household import Household

SECRET = "tr0ub4dor-and-3"
SAID = "only its owner may read this"


def unpacked(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {
            entry.name.partition("/")[2]: file.read()
            for entry in archive
            if (file := archive.extractfile(entry)) is not None
        }


@pytest.fixture
def shop(household: Household) -> Household:
    """It has failed, and said what nobody else is to know."""
    household.home.secrets_file.touch(0o600)
    household.home.secrets_file.write_text(f'shop = "{SECRET}"\n')
    household.apply(
        f'task_name = "broken"\nschedule = []\ncommand = "echo {SAID}; echo $SHOP >&2; exit 3"\n'
        'environment = { SHOP = "secret:shop" }'
    )
    agent = household.serve()
    household.cli("tasks", "run", "broken")
    household.wait_for("broken", "error")
    household.stop(agent)
    with household.home.logs.joinpath("master.log").open("a") as log:
        log.write(f"shop answered 401 for {SECRET}\nmysql://shop:another-one@db/x refused\n")
    return household


def test_all_that_tells_is_packed_and_no_secret_and_nothing_that_runs_wrote(
    shop: Household, tmp_path: Path
) -> None:
    path = tmp_path / "for-support.tar.gz"

    told = shop.json("diagnostics", "--output", str(path))

    parts = unpacked(path)
    assert told["file"] == str(path)
    assert told["parts"].keys() == parts.keys()
    assert {f"answers/{file}" for file in QUESTIONS} < parts.keys()
    assert json.loads(parts["answers/runs.json"])[0]["task_name"] == "broken"
    assert json.loads(parts["about.json"])["libraries"]["SQLAlchemy"]
    assert b"secrets.toml" in parts["files.txt"]
    assert b"mysql://shop:***********@db/x refused" in parts["logs/master.log"]
    everything = b"\n".join(parts.values())
    assert SECRET.encode() not in everything
    assert SAID.encode() not in everything
    for key in shop.home.keys.iterdir():
        assert key.read_bytes().strip() not in everything
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_broken_database_and_broken_settings_are_told_instead_of_ending_it(
    shop: Household, tmp_path: Path
) -> None:
    shop.forget_database()
    shop.home.database_file.write_bytes(b"no database at all" * 500)
    shop.home.settings_file.write_text("listen = = 3\n")

    done = shop.run("diagnostics", "--output", str(tmp_path / "d.tar.gz"))

    assert done.returncode == 0
    assert "! status --json: ended with" in done.stdout
    parts = unpacked(tmp_path / "d.tar.gz")
    assert parts["settings.toml"] == b"listen = = 3\n"
    assert json.loads(parts["answers/answers.json"])["status.json"] not in (0, None)
    assert b"settings.toml" in parts["answers/status-errors.txt"]


def test_what_is_there_already_is_not_written_over(household: Household, tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_text("mine")

    refused = household.run("diagnostics", "--output", str(path))

    assert refused.returncode != 0
    assert "is there already; name another file" in refused.stderr
    assert path.read_text() == "mine"
