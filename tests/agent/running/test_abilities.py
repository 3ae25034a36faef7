"""What a host cannot keep is refused before a run, naming field, value and way out."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.running import confine
from agent.running.abilities import check_abilities

NOBODY = 65534


def task(**fields: Any) -> Definition:
    return Definition(task_name="sync", command="x", **fields)


def refusal(**fields: Any) -> str:
    with pytest.raises(BadDefinition) as refused:
        check_abilities(task(**fields))
    return str(refused.value)


def test_what_this_host_can_keep_is_accepted() -> None:
    check_abilities(task())
    check_abilities(
        task(
            cpu_limit_s=5, open_files_limit=64, nice=5, io_class="low", cpus="0", no_new_privs=True
        )
    )


def test_users_and_groups_must_exist() -> None:
    assert "run_as = 'nosuchuser': this host has no such user" in refusal(run_as="nosuchuser")
    assert "run_as_group = 'nosuch': this host has no such group" in refusal(run_as_group="nosuch")


def test_processors_must_be_there() -> None:
    assert "cpus = '8000-8191': names none of those usable here: 0" in refusal(cpus="8000-8191")


@pytest.mark.skipif(os.geteuid() != 0, reason="it is root whose processes are not counted")
def test_the_processes_of_root_cannot_be_capped() -> None:
    assert "add run_as" in refusal(process_limit=50)
    assert "add run_as" in refusal(process_limit=50, run_as="root")
    check_abilities(task(process_limit=50, run_as="nobody"))


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """The agent has no more rights than this user for a while."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.usefixtures("as_nobody")
def test_an_agent_that_is_not_root_says_what_only_root_may() -> None:
    assert "run_as = 'daemon': only root may start tasks as another user" in refusal(
        run_as="daemon"
    )
    assert "run_as_group = 'daemon': only root" in refusal(run_as_group="daemon")
    assert "nice = -5: only root may be more urgent" in refusal(nice=-5)

    check_abilities(task(run_as="nobody", nice=5, process_limit=50))


@pytest.mark.usefixtures("as_nobody")
def test_limits_beyond_those_of_the_agent_itself_become_these() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    words = confine.words_before({"open_files_limit": most + 1_000, "user": "nobody"})

    assert words[1:] == [f"--nofile={most}:{most}", "--"]


@pytest.mark.parametrize(
    ("fields", "field", "tool"),
    [
        ({"cpu_limit_s": 5}, "cpu_limit_s", "prlimit"),
        ({"cpus": "0"}, "cpus", "taskset"),
        ({"io_class": "idle"}, "io_class", "ionice"),
        ({"nice": 3}, "nice", "nice"),
        ({"no_new_privs": True}, "no_new_privs", "setpriv"),
    ],
)
def test_a_missing_tool_is_named_with_its_package(
    fields: dict[str, Any], field: str, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confine, "FOLDERS", (str(tmp_path),))

    said = refusal(**fields)

    assert said.startswith(f"{field} = ")
    assert f"this host has no {tool} to keep it; install the package util-linux" in said
    check_abilities(task())
