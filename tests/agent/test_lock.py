"""Who works on this home?"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent import lock
from agent.errors import AlreadyServing, HomeError
from agent.lock import holding_pid, is_served, lock_file, only_agent, serving_pid
from agent.settings import Home

HOLD = """
import sys
from pathlib import Path
from agent.lock import only_agent
from agent.settings import Home
with only_agent(Home(Path(sys.argv[1]))) as say_ready:
    say_ready()
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    return home


def test_a_second_agent_is_refused_by_name_while_the_first_lives(home: Home) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    try:
        assert is_served(home)
        assert serving_pid(home) == first.pid
        with pytest.raises(AlreadyServing, match=str(first.pid)) as refused, only_agent(home):
            pass
        assert refused.value.exit_status == 75
    finally:
        first.kill()
        first.communicate()

    assert not is_served(home), "the kernel lets go of a dead agent's lock"
    with only_agent(home):
        assert is_served(home)


def test_who_only_looks_whether_the_home_is_served_keeps_nobody_from_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = os.open(lock.lock_file(home), os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(lock, "LOOKS_WITHIN_S", 60)  # this host may be slow between two tries
    monkeypatch.setattr(lock, "sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
    try:
        with only_agent(home):
            assert is_served(home)
    finally:
        os.close(looking)


def test_who_looks_without_end_is_waited_for_only_so_long(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = os.open(lock.lock_file(home), os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(lock, "LOOKS_WITHIN_S", 0.05)
    try:
        with pytest.raises(AlreadyServing), only_agent(home):
            pytest.fail("it is held")
    finally:
        os.close(looking)


def test_a_home_that_was_never_served_is_not(home: Home) -> None:
    assert not is_served(home)
    assert serving_pid(home) is None


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"])
def test_a_home_on_a_network_file_system_is_refused_by_the_name_of_its_kind(
    home: Home, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(lock, "_file_system", lambda _folder: kind)

    with (
        pytest.raises(HomeError, match=rf"network file system \({kind}\)") as refused,
        only_agent(home),
    ):
        pytest.fail("it is held")

    assert "--home" in str(refused.value), "the way out"
    assert not lock.lock_file(home).exists(), "nothing was begun there"


def test_the_kind_of_a_file_system_is_the_one_the_system_tells(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = subprocess.run(
        ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", home.runtime],
        capture_output=True,
        text=True,
        check=True,
    )
    kind = told.stdout.split()[-1]
    monkeypatch.setattr(lock, "NETWORK_FILE_SYSTEMS", frozenset({kind}))

    with pytest.raises(HomeError, match=rf"\({kind}\)"), only_agent(home):
        pytest.fail("it is held")


def test_of_many_agents_that_begin_at_the_same_instant_exactly_one_holds_the_home(
    home: Home,
) -> None:
    wait_for_all = "import sys\nsys.stdin.readline()\n"
    for _ in range(2):
        agents = [
            subprocess.Popen(
                [sys.executable, "-c", HOLD.replace("with", wait_for_all + "with", 1), home.root],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for _ in range(6)
        ]
        try:
            for agent in agents:
                assert agent.stdin is not None
                agent.stdin.write("go\n")
                agent.stdin.flush()
            # Who holds it stays until its input ends; the others leave by themselves.
            said = [agent.stdout.readline() for agent in agents if agent.stdout is not None]
        finally:
            for agent in agents:
                agent.kill()
                agent.communicate()

        assert sorted(said) == [""] * 5 + ["held\n"]


@pytest.mark.parametrize("text", ["", "0", "-1", "seven", "9" * 5000, "²", "\xff"])
def test_what_no_process_can_have_is_no_pid(home: Home, text: str) -> None:
    lock_file(home).write_bytes(text.encode("latin-1"))

    assert serving_pid(home) is None
    assert holding_pid(home) is None


def test_a_folder_where_the_lock_is_to_be_is_told_with_the_way_out(home: Home) -> None:
    lock_file(home).mkdir()

    with pytest.raises(HomeError, match="is a folder; move it away"), only_agent(home):
        pass
