"""A run in a sandbox sees and reaches only what its task says."""

import os
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.running import sandbox
from agent.running.confine import FOLDERS
from agent.running.sandbox import sandbox_words
from tests.agent.running.conftest import Desk, of_run, until

# In CI its absence is a failure: `scripts/system-libraries --tests` brings it.
needs_bwrap = pytest.mark.skipif(
    "CI" not in os.environ and not any(os.access(f"{folder}/bwrap", os.X_OK) for folder in FOLDERS),
    reason="no bwrap here",
)
REPORT = "/no/such/report"


def task(*asked: str) -> Definition:
    return Definition(task_name="sync", command="x", sandbox=asked)  # type: ignore[arg-type]  # texts


async def said_by(
    desk: Desk,
    script: str,
    *asked: str,
    folder: str = "/",
    writable: tuple[str, ...] = (),
    report: str = REPORT,
    **more: Any,
) -> str:
    words = sandbox_words(task(*asked), folder, writable, report=report)
    order = desk.order("R", "/bin/sh", "-c", script, folder=folder)
    await desk.keepers.start(msgspec.structs.replace(order, sandbox=words, **more))
    await desk.end_of("R")
    return desk.output("R").strip()


@needs_bwrap
async def test_read_only_lets_a_run_write_only_where_the_task_says(desk: Desk) -> None:
    data, other = desk.home / "data", desk.home / "other"
    for folder in (data, other):
        folder.mkdir()
    script = f"echo a > {data}/x; echo b > {other}/x; echo c > /dev/null; cat {data}/x"

    said = await said_by(desk, script, "read_only", writable=(str(data),))

    assert "Read-only file system" in said
    assert said.endswith("a")
    assert (data / "x").read_text() == "a\n"
    assert not (other / "x").exists()


@needs_bwrap
async def test_a_private_tmp_is_empty_and_gone_afterwards(desk: Desk) -> None:
    ours = Path("/var/tmp") / f"smartcron-test-{os.getpid()}"  # noqa: S108 - what is tested
    ours.write_text("mine")
    try:
        said = await said_by(
            desk, "ls /tmp /var/tmp | wc -w; echo x > /var/tmp/theirs; ls /var/tmp", "private_tmp"
        )
    finally:
        ours.unlink()

    assert said.split()[-1] == "theirs"
    assert str(ours.name) not in said
    assert "theirs" not in os.listdir("/var/tmp")  # noqa: PTH208, S108 - as above


@needs_bwrap
async def test_a_private_tmp_still_holds_the_folder_that_a_run_works_in(desk: Desk) -> None:
    folder = desk.home / "works"
    folder.mkdir()

    said = await said_by(desk, "pwd; echo x > here; ls", "private_tmp", folder=str(folder))

    assert said.split() == [str(folder), "here"]
    assert (folder / "here").exists()


@needs_bwrap
async def test_a_run_without_network_reaches_nobody(desk: Desk) -> None:
    script = 'ls /sys/class/net >/dev/null; cat /proc/net/dev | grep -c ":"'
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        call = f"(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached || echo alone"
        said = await said_by(desk, f"{script}; bash -c '{call}'", "no_network")

    assert said.split() == ["1", "alone"]  # its own loopback, on which nobody listens


@needs_bwrap
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change user")
async def test_a_sandbox_goes_together_with_another_user_and_limits(desk: Desk) -> None:
    script = "id -un; nice; ulimit -Sn; echo x > /tmp/mine && echo wrote; echo y > /etc/mine"

    said = await said_by(
        desk,
        script,
        "read_only",
        "private_tmp",
        "no_network",
        user="nobody",
        no_new_privs=True,
        nice=4,
        open_files_limit=80,
    )

    assert said.split()[:4] == ["nobody", f"{os.nice(0) + 4}", "80", "wrote"]
    assert "cannot create /etc/mine" in said


@needs_bwrap
async def test_a_sandbox_leaves_no_descriptor_behind(desk: Desk) -> None:
    said = await said_by(desk, "ls /proc/self/fd | tr '\\n' ' '", "read_only", "no_network")

    assert said.split() == ["0", "1", "2", "3"]  # the last is the folder that ls lists


@needs_bwrap
async def test_a_stop_reaches_into_a_sandbox_and_leaves_time_to_end(desk: Desk) -> None:
    script = (
        "trap 'sleep 0.2; echo in order; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    )
    words = sandbox_words(task("read_only"), "/", (), report=REPORT)
    order = desk.order("R", "/bin/sh", "-c", script)
    await desk.keepers.start(msgspec.structs.replace(order, sandbox=words))
    await until(lambda: "ready" in desk.output("R"), "the run's first word")

    assert await desk.keepers.stop("R", grace_ms=30_000)
    ended = await desk.end_of("R")

    assert ended.cause == "aborted"
    assert desk.output("R").endswith("in order\n")
    assert of_run("R") == []


@needs_bwrap
@pytest.mark.parametrize("asked", [("read_only",), ("private_tmp",), ("read_only", "private_tmp")])
async def test_a_run_tells_how_far_it_is_out_of_any_sandbox(
    desk: Desk, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    report = tmp_path / "report"
    report.touch()

    await said_by(desk, f"echo here >> {report}", *asked, report=str(report))

    assert report.read_text() == "here\n"


@needs_bwrap
async def test_an_exit_status_comes_through_a_sandbox(desk: Desk) -> None:
    await said_by(desk, "exit 7", "no_network")

    assert (await desk.end_of("R")).exit_status == 7


@needs_bwrap
@pytest.mark.parametrize("path", ["/no/such", "/" + "x" * 300])
def test_a_writable_path_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(BadDefinition, match=r"writable_paths = '/.*': is not there; make it"):
        sandbox_words(task("read_only"), "/", (path,), report=REPORT)


def test_a_host_without_bwrap_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "FOLDERS", (str(tmp_path),))

    with pytest.raises(BadDefinition, match="install the package bubblewrap"):
        sandbox_words(task("read_only"), "/", (), report=REPORT)

    assert sandbox_words(task(), "/", (), report=REPORT) == ()


def test_a_host_where_bwrap_may_do_nothing_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: no permissions to create namespace' >&2\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setattr(sandbox, "FOLDERS", (str(tmp_path),))

    with pytest.raises(BadDefinition, match="no permissions to create namespace; take sandbox out"):
        sandbox_words(task("read_only"), "/", (), report=REPORT)
