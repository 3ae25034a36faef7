"""Is nobody of a run missed because he dies, or comes to be, just as he is looked at?"""

from collections.abc import Iterator

import pytest

from agent.running import family, processes
from agent.running.watched import Watched, watched


@pytest.fixture
def run() -> Watched:
    return watched(
        {"run": "R", "pid": 1_000, "start": 7, "started_ms": 0, "started_mono_ms": 0},
        {"timeout_ms": 0, "kill_grace_ms": 0, "memory_limit_bytes": None, "output_file": "/none"},
    )


def stage(
    monkeypatch: pytest.MonkeyPatch, children: Iterator[list[int]], states: dict[int, str]
) -> None:
    """Our children, at one look after the other, and how it stands with each of them.

    All of them show that they are of the run: one that is over still bears its mark.
    """

    def look(pid: int) -> processes.Process:
        return processes.Process(pid, parent=1, session=pid, start=8, state=states[pid])

    monkeypatch.setattr(processes, "look_at_all", dict)
    monkeypatch.setattr(processes, "children", lambda _pid: next(children))
    monkeypatch.setattr(processes, "look", look)
    monkeypatch.setattr(family, "claims", lambda _run, _pid: True)


def test_who_dies_as_he_is_looked_at_is_followed_to_the_child_that_he_leaves(
    run: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = iter([[2], [2, 3], [2, 3, 4]])
    stage(monkeypatch, children, {2: "Z", 3: "Z", 4: "S"})

    assert [process.pid for process in family.living(run)] == [4]


def test_where_the_last_has_died_and_left_nobody_no_more_looks_are_taken(
    run: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = iter([[2], [2], [2, 3]])
    stage(monkeypatch, children, {2: "Z", 3: "S"})

    assert family.living(run) == []
    assert next(children) == [2, 3], "a third look was taken"


def test_a_child_that_dies_between_two_looks_at_it_is_no_stranger_that_lives(
    run: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(monkeypatch, iter([[2], [2, 3]]), {2: "S", 3: "S"})
    lives = {2}

    def claims(_run: Watched, pid: int) -> bool | None:
        # It is gone as soon as somebody asks whose it is, and another one lives in its place.
        if pid in lives:
            lives.remove(pid)
            return None
        return True

    def look(pid: int) -> processes.Process:
        state = "S" if pid in lives or pid == 3 else "Z"
        return processes.Process(pid, parent=1, session=pid, start=8, state=state)

    monkeypatch.setattr(family, "claims", claims)
    monkeypatch.setattr(processes, "look", look)

    assert [process.pid for process in family.living(run)] == [3]
