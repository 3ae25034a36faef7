"""Are all threads there before the agent begins?"""

import threading
from pathlib import Path

import pytest

from agent import threads
from agent.store.database import Database
from agent.threads import NoThreads, full_pool


def named(prefix: str) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith(prefix)]


def test_a_full_pool_has_all_its_threads_before_anything_is_asked_of_it() -> None:
    pool = full_pool(5, "trial")

    alive = named("trial")

    pool.shutdown()
    assert len(alive) == 5


def test_a_host_that_starts_few_threads_gives_a_small_pool_and_one_that_starts_none_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, most = threading.Thread.start, 3

    def refuse(thread: threading.Thread) -> None:
        # Those of other tests come and go.
        if len(named("small")) + len(named("none")) >= most:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(threads, "_BEGINS_WITHIN_S", 60.0)

    pool = full_pool(4, "small")
    most = 0
    with pytest.raises(NoThreads, match="its limit of processes is reached"):
        full_pool(4, "none")

    assert len(named("small")) == 2
    pool.shutdown()


def test_a_database_whose_writer_cannot_start_says_so_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    start, before = threading.Thread.start, threading.enumerate()

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "database-write":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)

    with pytest.raises(NoThreads, match="no thread for database-write"):
        Database.open(f"sqlite:///{tmp_path / 'smartcron.sqlite3'}")

    assert [one for one in threading.enumerate() if one not in before] == []
