"""What a watcher does about a run when the world does not do as it is told."""

import subprocess
import time
from typing import Any

import pytest

from agent.running import family, processes
from agent.running.watch import Watch
from agent.running.watched import Watched, watched


def test_what_cannot_be_killed_is_tried_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    watch = Watch(told.append, takes_strays=False)
    # As a process of another user's, or one that waits for a disk, does not die of it.
    monkeypatch.setattr(family, "kill", lambda _: None)
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        process = processes.look(child.pid)
        assert process is not None
        line = {"run": "R", "pid": child.pid, "start": process.start}
        run = watched(
            {**line, "started_ms": 0, "started_mono_ms": time.monotonic_ns() // 1_000_000},
            {
                "timeout_ms": 0,
                "kill_grace_ms": 0,
                "memory_limit_bytes": None,
                "output_file": "/none",
            },
        )
        watch.add(run)
        watch.stop("R", "aborted", grace_ms=0)
        watch.tick()
        at_first_s = (run.next_s or 0) - time.monotonic()

        again_s = time.monotonic()
        run.killing_since_s, run.next_s = again_s - 6, 0.0
        watch.tick()
        later_s = (run.next_s or 0) - again_s
        child.kill()

    assert at_first_s < 0.1
    assert later_s > 0.5


def test_who_stood_still_when_it_was_to_kill_gives_the_killed_time_to_die(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[dict[str, Any]] = []
    watch = Watch(told.append, takes_strays=False)
    run = Watched("R", 2_000_000_000, 1, started_ms=0, started_mono_ms=0)
    run.kill_s = time.monotonic() - 60
    # Signals take their time as well.
    monkeypatch.setattr(family, "kill", lambda _: None)
    with subprocess.Popen(["/bin/sleep", "60"], env={"SMARTCRON_RUN_ID": "R"}) as child:
        watch.resume(run)
        watch.tick()
        told_at_once = [line["e"] for line in told]
        child.kill()
        child.wait()

        run.next_s = 0.0
        watch.tick()

    assert "ended" not in told_at_once
    assert (told[-1]["e"], told[-1]["detail"]) == ("ended", "")
