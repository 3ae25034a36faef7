"""A run is within its limits from its first instant, and its end tells which one it met."""

import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.running import confine
from agent.running.terms import NotStarted, Order
from tests.agent.running.conftest import Desk, of_run, until
from tests.pulse import Pulse, waited_ms

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change user")
OWN_NICE = os.nice(0)
BUSY = "while :; do :; done"


def limited(desk: Desk, run_id: str, script: str, **limits: Any) -> Order:
    order = desk.order(run_id, "/bin/sh", "-c", script)
    return msgspec.structs.replace(order, **limits)


async def said_by(desk: Desk, script: str, **limits: Any) -> str:
    """What a run within these limits writes."""
    await desk.keepers.start(limited(desk, "R", script, **limits))
    await desk.end_of("R")
    return desk.output("R").strip()


@pytest.mark.parametrize(
    ("limits", "script", "said"),
    [
        ({"cpu_limit_s": 7}, "ulimit -St; ulimit -Ht", "7\n12"),
        ({"open_files_limit": 64}, "ulimit -Sn; ulimit -Hn", "64\n64"),
        ({"process_limit": 99}, "grep processes /proc/self/limits | tr -s ' '", "99 99"),
        ({"file_size_limit_bytes": 3 << 20}, "grep 'file size' /proc/self/limits", "3145728"),
        ({"nice": 7}, "nice", str(min(OWN_NICE + 7, 19))),
        ({"io_class": "low"}, "ionice", "best-effort: prio 7"),
        ({"io_class": "idle"}, "ionice", "idle"),
        ({"cpus": "0"}, "taskset -cp $$", "list: 0"),
        ({"umask": 0o027}, "umask", "0027"),
        ({"no_new_privs": True}, "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
        ({}, "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t0"),
    ],
)
async def test_each_limit_is_in_force_when_the_command_begins(
    desk: Desk, limits: dict[str, Any], script: str, said: str
) -> None:
    assert said in await said_by(desk, script, **limits)


async def test_all_limits_go_together_and_the_command_is_what_it_was(desk: Desk) -> None:
    script = 'echo "$0|$1|$(nice)|$(ulimit -Sn)|$(ionice)|$SMARTCRON_RUN_ID"'
    order = desk.order("R", "/bin/sh", "-c", script, "a b", "-x")
    everything = msgspec.structs.replace(
        order,
        cpu_limit_s=60,
        open_files_limit=50,
        file_size_limit_bytes=1 << 20,
        nice=3,
        io_class="idle",
        cpus="0",
        no_new_privs=True,
    )

    started = await desk.keepers.start(everything)
    ended = await desk.end_of("R")

    assert desk.output("R").strip() == f"a b|-x|{OWN_NICE + 3}|50|idle|R"
    assert (ended.pid, ended.exit_status) == (started.pid, 0)


async def test_limits_leave_no_descriptor_and_no_variable_behind(desk: Desk) -> None:
    said = await said_by(
        desk, "ls /proc/self/fd | tr '\\n' ' '; env", open_files_limit=50, cpus="0", nice=1
    )

    # ls itself holds one more: the folder it lists.
    descriptors, rest = said.split("3 ", 1)
    assert descriptors == "0 1 2 "
    names = {line.partition("=")[0] for line in rest.split()}
    assert names == {"PATH", "SMARTCRON_RUN_ID", "PWD"}


async def test_the_keeper_lends_its_umask_only_for_one_start(desk: Desk) -> None:
    assert await said_by(desk, "umask", umask=0) == "0000"
    await desk.keepers.start(limited(desk, "next", "umask"))
    await desk.end_of("next")

    assert desk.output("next").strip() == "0077"
    assert desk.spool("R").stat().st_mode & 0o777 == 0o600


async def test_a_run_out_of_processor_time_is_warned_by_the_kernel(desk: Desk) -> None:
    await desk.keepers.start(limited(desk, "R", f"exec sh -c '{BUSY}'", cpu_limit_s=1))
    ended = await desk.end_of("R")

    assert ended.signal == signal.SIGXCPU
    assert ended.cpu_ms is not None
    assert 900 <= ended.cpu_ms < 3_000


async def test_processor_time_is_that_of_the_whole_family(desk: Desk) -> None:
    # Each of its processes stays within the limit, which the kernel holds only one by one, and
    # lives on, so that the keeper may look at them whenever it has its turn.
    busy = "import time\nwhile time.process_time() < 0.7: pass\ntime.sleep(60)"
    script = f"for n in 1 2 3 4; do {sys.executable} -S -c '{busy}' & done; wait"

    await desk.keepers.start(limited(desk, "R", script, cpu_limit_s=1))
    ended = await desk.end_of("R")

    assert ended.cause == "cpu_limit"
    assert "of processor time used, 1 s allowed" in ended.detail
    assert of_run("R") == []


async def test_a_file_that_grows_too_large_ends_its_writer(desk: Desk) -> None:
    target = desk.home / "large"
    script = f"exec head -c 5000000 /dev/zero > {target}"

    await desk.keepers.start(limited(desk, "R", script, file_size_limit_bytes=1 << 20))
    ended = await desk.end_of("R")

    assert ended.signal == signal.SIGXFSZ
    assert target.stat().st_size == 1 << 20


async def test_a_run_out_of_descriptors_is_told_so(desk: Desk) -> None:
    opens = "a = [open('/dev/null') for _ in range(100)]"
    order = desk.order("R", sys.executable, "-S", "-c", opens)

    await desk.keepers.start(msgspec.structs.replace(order, open_files_limit=32))
    ended = await desk.end_of("R")

    assert ended.exit_status == 1
    assert "Too many open files" in desk.output("R")


async def test_a_fast_grower_is_ended_before_it_has_twice_its_limit(desk: Desk) -> None:
    limit = 100 << 20
    # 500 MB a second, in steps of 5 MB; where it had no turn it does not make up for that.
    grows = (
        "import time\nheld, at = [], time.monotonic()\n"
        "while True:\n"
        "    held.append(bytearray(b'x' * 5_000_000))\n"
        "    at = max(at + 0.01, time.monotonic())\n"
        "    time.sleep(max(0, at - time.monotonic()))\n"
    )
    order = desk.order("R", sys.executable, "-S", "-c", grows, memory_limit_bytes=limit)

    keeper = desk.keepers.own_pid
    before_ms = waited_ms(keeper)
    with Pulse() as pulse:
        await desk.keepers.start(order)
        ended = await desk.end_of("R")
    late_ms = pulse.worst_ms + waited_ms(keeper) - before_ms

    assert ended.cause == "killed_memory"
    assert ended.peak_rss is not None
    # It takes half a megabyte in each millisecond for which the host lets the keeper wait.
    assert limit < ended.peak_rss < 2 * limit + late_ms * 500_000


async def test_memory_that_a_family_shares_counts_once(desk: Desk) -> None:
    shares = (
        "import os, time\n"
        "held = bytearray(b'x') * 60_000_000\n"
        "children = [os.fork() for _ in range(1)]\n"
        "if 0 not in children: children.append(os.fork())\n"
        "time.sleep(1.2)\n"
        "if 0 not in children:\n"
        "    for child in children: os.waitpid(child, 0)\n"
    )
    order = desk.order("R", sys.executable, "-S", "-c", shares, memory_limit_bytes=110_000_000)

    await desk.keepers.start(order)
    ended = await desk.end_of("R")

    assert (ended.cause, ended.exit_status) == ("", 0)
    assert ended.peak_rss is not None
    assert ended.peak_rss > 60_000_000


@is_root
async def test_a_run_as_another_user_has_that_users_names_groups_and_no_way_back(
    desk: Desk,
) -> None:
    script = (
        "id -un; id -gn; id -G; echo $HOME $USER $LOGNAME; "
        "grep -E '^(NoNewPrivs|CapEff|Uid)' /proc/self/status | tr -s '\\t' ' '"
    )

    said = await said_by(desk, script, user="nobody", no_new_privs=True)

    assert said.splitlines() == [
        "nobody",
        "nogroup",
        "65534",
        "/nonexistent nobody nobody",
        "Uid: 65534 65534 65534 65534",
        "CapEff: 0000000000000000",
        "NoNewPrivs: 1",
    ]


@is_root
async def test_a_set_uid_program_gives_nothing_to_a_run_without_new_privileges(desk: Desk) -> None:
    helper = _set_uid_id()
    try:
        said = await said_by(desk, f"{helper} -u", user="nobody", no_new_privs=True)
        await desk.keepers.start(limited(desk, "open", f"{helper} -u", user="nobody"))
        await desk.end_of("open")
    finally:
        helper.unlink()

    assert said == "65534"
    assert desk.output("open").strip() == "0"


@is_root
async def test_variables_that_steer_the_loader_reach_the_command_but_nobody_before_it(
    desk: Desk,
) -> None:
    # Whoever loads programs in this mode leaves a file of his own, so that it is seen who did.
    place = _folder_for_all()
    try:
        order = limited(desk, "R", "echo $LD_DEBUG $TMPDIR $A", user="nobody", nice=-1, cpus="0")
        asked = {
            "LD_DEBUG": "files",
            "LD_DEBUG_OUTPUT": f"{place}/loaded",
            "TMPDIR": "/x",
            "A": "b",
        }
        environment = order.environment | asked
        await desk.keepers.start(msgspec.structs.replace(order, environment=environment))
        ended = await desk.end_of("R")
        owners = {found.stat().st_uid for found in place.iterdir()}
    finally:
        shutil.rmtree(place)

    assert desk.output("R").strip() == "files /x b"
    assert ended.exit_status == 0
    assert owners == {65534}


@is_root
async def test_a_user_at_its_cap_runs_nothing_least_of_all_as_root(desk: Desk) -> None:
    await desk.keepers.start(limited(desk, "holds", "sleep 30 & sleep 30", user="nobody"))
    await until(lambda: len(of_run("holds")) == 3, "three processes of the user")

    said = await said_by(desk, "id -un", user="nobody", process_limit=1)
    await desk.keepers.stop("holds", grace_ms=0)
    await desk.end_of("holds")

    assert "root" not in said
    assert "Resource temporarily unavailable" in said
    assert (await desk.end_of("R")).exit_status in {126, 127}


@is_root
@pytest.mark.parametrize(
    ("user", "group", "said"),
    [
        (None, "nogroup", "root nogroup 65534"),
        ("nobody", "daemon", "nobody daemon 1 65534"),
    ],
)
async def test_a_run_may_have_another_group(
    desk: Desk, user: str | None, group: str, said: str
) -> None:
    output = await said_by(desk, "echo $(id -un) $(id -gn) $(id -G)", user=user, group=group)

    assert set(output.split()) <= set(said.split())
    assert output.split()[:2] == said.split()[:2]


@is_root
async def test_a_run_may_be_more_urgent_though_its_user_could_not_ask_for_it(desk: Desk) -> None:
    assert await said_by(desk, "nice; id -un", nice=-5, user="nobody") == f"{OWN_NICE - 5}\nnobody"


@is_root
async def test_a_process_cap_stops_what_multiplies(desk: Desk) -> None:
    script = "n=0; while [ $n -lt 200 ]; do sleep 60 & n=$((n+1)); done; echo all"
    others = _processes_of(65534)

    await desk.keepers.start(
        limited(desk, "R", script, user="nobody", process_limit=others + 30, no_new_privs=True)
    )
    ended = await desk.end_of("R")

    assert ended.exit_status == 2
    assert "Cannot fork" in desk.output("R")
    assert of_run("R") == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"user": "nosuchuser"}, "run_as 'nosuchuser': this host has no such user"),
        ({"group": "nosuchgroup"}, "run_as_group 'nosuchgroup': this host has no such group"),
    ],
)
async def test_an_unknown_user_or_group_is_refused_in_words(
    desk: Desk, changes: dict[str, str], reason: str
) -> None:
    with pytest.raises(NotStarted, match=reason):
        await desk.keepers.start(limited(desk, "R", "true", **changes))

    assert not desk.spool("R").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo hello\n", "is not a program; does its first line name an interpreter"),
        ("", "is not a program"),
        ("#!/no/interpreter\n", "the interpreter /no/interpreter in the first line of"),
    ],
)
async def test_limits_do_not_hide_that_a_program_cannot_be_executed(
    desk: Desk, text: str, reason: str
) -> None:
    program = desk.home / "program"
    program.write_text(text)
    program.chmod(0o700)
    order = msgspec.structs.replace(desk.order("R", str(program)), nice=1)

    with pytest.raises(NotStarted, match=reason):
        await desk.keepers.start(order)


async def test_a_relative_program_that_looks_like_an_option_is_only_a_program(desk: Desk) -> None:
    folder = desk.home / "-n"
    folder.mkdir()
    (folder / "x").write_text("#!/bin/sh\necho here\n")
    (folder / "x").chmod(0o700)
    order = desk.order("R", "-n/x", folder=str(desk.home))

    await desk.keepers.start(msgspec.structs.replace(order, nice=1, cpus="0", io_class="low"))
    await desk.end_of("R")

    assert desk.output("R").strip() == "here"


def test_a_host_without_the_tools_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confine, "FOLDERS", (str(tmp_path),))

    with pytest.raises(
        confine.CannotConfine, match=r"no prlimit.*install the packages util-linux and"
    ):
        confine.words_before({"open_files_limit": 64})

    assert confine.words_before({}) == []


async def test_an_end_tells_what_was_read_written_and_faulted(desk: Desk) -> None:
    target = desk.home / "written"

    await desk.sh("R", f"head -c 3000000 /dev/zero > {target}; sync {target}")
    ended = await desk.end_of("R")

    assert ended.written_bytes is not None
    assert ended.read_bytes is not None
    assert ended.minor_faults is not None
    assert ended.minor_faults > 50
    assert ended.major_faults is not None
    assert ended.written_bytes >= 3_000_000 or _is_in_memory(target)


def _folder_for_all() -> Path:
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    place.chmod(0o777)
    return place


def _set_uid_id() -> Path:
    """A program of root's that tells who it runs as."""
    helper = Path(f"/var/tmp/smartcron-test-set-uid-{os.getpid()}")  # noqa: S108 - others may enter
    helper.write_bytes(Path("/usr/bin/id").read_bytes())
    helper.chmod(0o4755)
    return helper


def _processes_of(user_id: int) -> int:
    count = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError):  # it ended meanwhile
            count += entry.stat().st_uid == user_id
    return count


def _is_in_memory(path: Path) -> bool:
    """On a tmpfs nothing is ever written to a disk."""
    device = path.stat().st_dev
    return os.major(device) == 0
