"""A mark is handed down to whatever a process becomes, and tells one run from another."""

import os
import subprocess
from pathlib import Path

from agent.running import family, marks
from agent.running.watched import Watched
from tests.agent.running.conftest import Desk


def borne_by_child(command: str) -> int | None:
    with subprocess.Popen(
        ["/bin/sh", "-c", command], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        return marks.borne_by(pid)


def test_no_two_of_many_runs_have_the_same_mark() -> None:
    ids = [f"01KAVT0R8M6V4Z1S0Q2E{number:06d}" for number in range(20_000)]

    assert len({marks.mark_of(run_id) for run_id in ids}) == len(ids)


def test_what_has_shed_everything_else_still_bears_the_mark() -> None:
    mark = marks.mark_of("R")
    assert marks.put_on(mark)
    try:
        borne = borne_by_child("exec env -i setsid /bin/sh -c 'echo $$; read line'")
    finally:
        marks.take_off()

    assert borne == mark


def test_without_a_run_there_is_no_mark_and_none_of_somebody_gone() -> None:
    assert marks.borne_by(os.getpid()) is None
    assert marks.borne_by(2_000_000_000) is None
    assert borne_by_child("echo $$; read line") is None


async def test_a_run_bears_its_mark_and_its_keeper_none(desk: Desk) -> None:
    started = await desk.sh("R", "exec sleep 60")

    assert marks.borne_by(started.pid) == marks.mark_of("R")
    assert marks.borne_by(desk.keepers.own_pid) is None
    await desk.keepers.stop("R", grace_ms=0)
    await desk.end_of("R")


def test_whoever_is_in_the_cgroup_of_a_run_is_of_it_whatever_it_shows(tmp_path: Path) -> None:
    run = Watched("R", 2_000_000_000, 1, started_ms=0, started_mono_ms=0, group=str(tmp_path))
    with subprocess.Popen(["env", "-i", "sleep", "60"], start_new_session=True) as stranger:
        (tmp_path / "cgroup.procs").write_text(f"{stranger.pid}\n")

        found = [process.pid for process in family.living(run)]

        stranger.kill()
    assert found == [stranger.pid]
