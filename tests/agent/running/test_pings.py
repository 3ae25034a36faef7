"""Are pings that nobody listened to still there for whoever does?"""

import os
import resource
from pathlib import Path

import pytest

from agent.rules.pinging import Ping
from agent.running import pings
from agent.settings import Home
from tests.agent.store.makings import NOW_MS


@pytest.fixture
def own_home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.make()
    return home


def a_ping(op: str) -> Ping:
    return Ping(op=op, task_name="backup", at_ms=NOW_MS, what="ok")


def test_a_ping_that_cannot_be_read_for_want_of_descriptors_is_kept(own_home: Home) -> None:
    pings.leave(own_home, a_ping("a" * 32))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    handle = os.open(own_home.pings, os.O_RDONLY)  # the lowest number that is free
    os.close(handle)
    try:
        # Room for the folder or for the file in it, not for one more.
        resource.setrlimit(resource.RLIMIT_NOFILE, (handle, hard))
        with pytest.raises(OSError, match="Too many open files"):
            pings.waiting(own_home)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert [ping.op for _, ping in pings.waiting(own_home)] == ["a" * 32]


def test_a_file_that_cannot_be_read_now_is_not_taken_for_rubbish(
    own_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    pings.leave(own_home, a_ping("a" * 32))

    def refuse(*_: object) -> int:
        raise OSError(24, "Too many open files")

    # The folder is read, and then somebody else takes the last descriptor.
    with monkeypatch.context() as short:
        short.setattr("os.open", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            pings.waiting(own_home)

    assert len(pings.waiting(own_home)) == 1


def test_what_is_no_ping_is_set_aside_and_in_nobodys_way(own_home: Home) -> None:
    (own_home.pings / "0-broken.json").write_bytes(b'{"op":"\xff"}')
    (own_home.pings / "0-link.json").symlink_to("/etc/passwd")
    (own_home.pings / "0-folder.json").mkdir()
    pings.leave(own_home, a_ping("a" * 32))

    found = pings.waiting(own_home)

    assert [ping.op for _, ping in found] == ["a" * 32]
    assert sorted(path.name for path in own_home.pings.iterdir()) == [
        "0-broken.json.damaged",
        "0-folder.json.damaged",
        "0-link.json.damaged",
        found[0][0].name,
    ]
    pings.forget(found[0][0])
    assert not pings.are_any(own_home)
