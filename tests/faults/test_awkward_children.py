"""Programs that do not want to end: each is over in time, and nothing of it is left."""

import os
import re
import signal
import sys
from pathlib import Path

import msgspec
import pytest

from agent.running import processes
from tests.agent.running.conftest import Desk, is_alive, of_run, until
from tests.pulse import Pulse, stretched

TIMEOUTS_MS = (1_000, 4_000, 15_000)
"""By then each of them is to be ready; the first may be too soon on a busy host."""
GRACE_MS = 300
LEEWAY_MS = 2_000

_ZOMBIES = (
    "import os, time\n"
    "for _ in range(30):\n"
    "    if os.fork() == 0: os._exit(0)\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)
_DAEMON_WITH_THE_PIPE = (
    "import os, signal, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork(): os._exit(0)\n"
    "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "    while True: print('still here', flush=True); time.sleep(0.05)\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)
_THREADS_WITHOUT_THEIR_FIRST = (
    "import ctypes, signal, threading, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "threading.Thread(target=time.sleep, args=(60,)).start()\n"
    "print('ready', flush=True)\n"
    "ctypes.CDLL(None).pthread_exit(None)\n"
)
_CHAIN = (
    "import os, signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "first = os.getpid()\n"
    "while True:\n"
    "    if os.fork():\n"
    "        if os.getpid() != first or {leaves}: os._exit(0)\n"
    "        time.sleep(60)\n"
    "    os.setsid(); time.sleep(0.005)\n"
)
_CATALOGUE = {
    "one whose parents are gone": "(setsid sh -c 'sleep 60 & sleep 61' &) ; echo ready; sleep 62",
    "one in a session of its own": "echo ready; setsid sleep 60 & wait",
    "one that ignores every signal it can": (
        "trap '' TERM INT HUP QUIT USR1 USR2 PIPE; echo ready; while :; do sleep 0.1; done"
    ),
    "one that is stopped": "echo ready; kill -STOP $$; sleep 60",
    "a stopped family": "sleep 60 & sleep 61 & echo ready; kill -STOP 0; sleep 62",
    "one that starts others while it is being ended": (
        "trap 'sleep 60 & sleep 60 &' TERM; echo ready; while :; do sleep 0.05; done"
    ),
    "one whose environment is empty": (
        "echo ready; exec env -i sh -c 'trap \"\" TERM; while :; do sleep 0.2; done'"
    ),
}
_PROGRAMS = {
    "a maker of zombies": _ZOMBIES,
    "a daemon that keeps the pipe": _DAEMON_WITH_THE_PIPE,
    "one whose first thread is over": _THREADS_WITHOUT_THEIR_FIRST,
    "one whose children flee from parent to child": _CHAIN.format(leaves=False),
}
# What runs leave somewhere with nothing that shows whose it is: no parent, session, id or output.
_SHEDDERS = {
    "a daemon without a trace": (
        "(exec env -i setsid sh -c 'trap \"\" TERM; while :; do sleep 0.2; done'"
        " >/dev/null 2>&1 &); echo ready; sleep 60"
    ),
    "a daemon of a daemon without a trace": (
        "(exec env -i setsid sh -c '(exec env -i setsid sh -c \"sleep 61; sleep 62\" &)'"
        " >/dev/null 2>&1 &); echo ready; sleep 60"
    ),
}
_AS_NOBODY = "bomb() { bomb | bomb & }; echo ready; bomb 2>/dev/null & exec sleep 60"
_PROCESS_CAP = 48

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start tasks as others")


def argv_of(kind: str) -> tuple[str, ...]:
    scripts = _CATALOGUE | _SHEDDERS
    if kind in scripts:
        return ("/bin/sh", "-c", scripts[kind])
    return (sys.executable, "-S", "-c", _PROGRAMS[kind])


async def is_held_to_its_time(desk: Desk, kind: str, *, beside: int = 0) -> None:
    """It is over in time, as a timeout, and no process of it is left anywhere."""
    for timeout_ms in TIMEOUTS_MS:
        if await is_ready_and_over(desk, kind, timeout_ms, beside):
            return
    pytest.fail("it was never ready before its time was over")


async def is_ready_and_over(desk: Desk, kind: str, timeout_ms: int, beside: int) -> bool:
    """Hold it to this time; False where it was not ready to be awkward by then."""
    run_id = f"R{timeout_ms}"
    with Pulse() as pulse:
        order = desk.order(run_id, *argv_of(kind), timeout_ms=timeout_ms, grace_ms=GRACE_MS)
        await desk.keepers.start(order)
        if beside and timeout_ms == TIMEOUTS_MS[0]:
            await desk.sh("YOUNGER", "exec sleep 60")
        await until(lambda: is_ready(desk, run_id) or run_id in desk.ended, "output")
        family = {*processes.below(desk.keepers.own_pid)}
        was_ready = is_ready(desk, run_id) and run_id not in desk.ended
        ended = await desk.end_of(run_id)

    assert ended.cause == "timeout"
    assert ended.started_ms is not None
    over_ms = ended.ended_ms - ended.started_ms - timeout_ms - GRACE_MS - pulse.worst_ms
    assert over_ms <= LEEWAY_MS or over_ms <= LEEWAY_MS * stretched()
    assert of_run(run_id) == []
    await until(lambda: len(processes.below(desk.keepers.own_pid)) == beside, "nobody left")
    if was_ready:
        assert len(family) > beside
        assert len([pid for pid in family if is_alive(pid)]) == beside
    return was_ready


def is_ready(desk: Desk, run_id: str) -> bool:
    return "ready" in desk.output(run_id)


@pytest.mark.parametrize("kind", _CATALOGUE)
async def test_a_timeout_ends(desk: Desk, kind: str) -> None:
    await is_held_to_its_time(desk, kind)


@pytest.mark.parametrize("kind", _PROGRAMS)
async def test_a_timeout_ends_the_program(desk: Desk, kind: str) -> None:
    await is_held_to_its_time(desk, kind)


@pytest.mark.parametrize("kind", [*_CATALOGUE, *_SHEDDERS, *_PROGRAMS])
async def test_beside_an_older_neighbour_a_timeout_ends_the_same(desk: Desk, kind: str) -> None:
    await desk.sh("OLDER", "exec sleep 60")

    await is_held_to_its_time(desk, kind, beside=2)

    assert desk.ended.keys().isdisjoint({"OLDER", "YOUNGER"})
    for neighbour in ("OLDER", "YOUNGER"):
        await desk.keepers.stop(neighbour, grace_ms=0)
        await desk.end_of(neighbour)


@pytest.mark.parametrize("kind", _SHEDDERS)
async def test_beside_an_older_neighbour_what_is_left_after_the_exit_is_told_and_ended(
    desk: Desk, kind: str
) -> None:
    await desk.sh("OLDER", "exec sleep 60")
    await desk.sh("R", _SHEDDERS[kind].replace("sleep 60", "sleep 0.3; exit 5"))

    ended = await desk.end_of("R")

    assert (ended.exit_status, ended.cause, ended.leftovers > 0) == (5, "", True)
    await until(lambda: len(processes.below(desk.keepers.own_pid)) == 1, "nobody left")
    await desk.keepers.stop("OLDER", grace_ms=0)
    await desk.end_of("OLDER")


async def test_who_takes_off_the_mark_as_well_is_ended_with_the_last_that_may_have_made_it(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.sh("OLDER", "exec sleep 60")
    unmarked = "exec prlimit --locks=unlimited env -i setsid"
    bare = _SHEDDERS["a daemon without a trace"].replace("exec env -i setsid", unmarked)
    script = bare.replace("trap", f"echo $$ > {tmp_path}/pid; trap").replace(
        "sleep 60", f"while [ ! -s {tmp_path}/pid ]; do sleep 0.05; done"
    )
    await desk.sh("R", script)
    await desk.end_of("R")
    pid = int((tmp_path / "pid").read_text())
    was_alive = is_alive(pid)

    await desk.keepers.stop("OLDER", grace_ms=0)
    await desk.end_of("OLDER")

    assert was_alive  # as docs/limits.md says
    assert not is_alive(pid)


async def test_what_a_run_of_a_dead_keeper_left_without_a_trace_is_ended_beside_others(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.sh("OLDER", "exec sleep 60")
    daemon = _SHEDDERS["a daemon without a trace"].replace(
        "trap", f"echo $$ > {tmp_path}/pid; trap"
    )
    await desk.sh("R", daemon, timeout_ms=6_000, grace_ms=GRACE_MS)
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "a daemon")
    pid = int((tmp_path / "pid").read_text())
    os.kill(desk.keepers.own_pid, signal.SIGKILL)

    assert (await desk.end_of("R")).cause == "timeout"

    assert not is_alive(pid)
    await desk.keepers.stop("OLDER", grace_ms=0)
    await desk.end_of("OLDER")


async def test_who_flees_from_parent_to_child_after_the_exit_is_ended(desk: Desk) -> None:
    chain = _CHAIN.format(leaves=True)
    await desk.keepers.start(desk.order("R", sys.executable, "-S", "-c", chain))

    ended = await desk.end_of("R")

    assert (ended.exit_status, ended.cause) == (0, "")
    assert 0 < ended.leftovers < 10, "the one that flees, and who of those it has left lives yet"
    assert of_run("R") == []
    await until(lambda: not processes.below(desk.keepers.own_pid), "all statuses taken")


async def test_memory_that_other_threads_hold_when_the_first_is_over_counts(desk: Desk) -> None:
    grower = (
        "import ctypes, threading, time\n"
        "held = []\n"
        "def grow():\n"
        "    while True: held.append(bytearray(b'x') * (1 << 20)); time.sleep(0.002)\n"
        "threading.Thread(target=grow).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)\n"
    )
    order = desk.order("R", sys.executable, "-S", "-c", grower, memory_limit_bytes=64 << 20)
    await desk.keepers.start(order)

    assert (await desk.end_of("R")).cause == "killed_memory"


async def test_what_one_run_may_leave_behind_is_not_ended_with_another(
    desk: Desk, tmp_path: Path
) -> None:
    # Nothing of the daemon shows whose it is, and the other run was there when it began.
    daemon = f"setsid env -i sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60 >/dev/null 2>&1' &"
    await desk.sh("OTHER", "sleep 60")
    order = desk.order("R", "/bin/sh", "-c", f"{daemon} exit 0")
    await desk.keepers.start(msgspec.structs.replace(order, keeps_leftovers=True))
    await desk.end_of("R")
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "a daemon")
    pid = int((tmp_path / "pid").read_text())

    await desk.keepers.stop("OTHER", grace_ms=0)
    await desk.end_of("OTHER")

    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


async def test_who_writes_on_after_the_exit_is_ended_and_the_exit_status_stays(desk: Desk) -> None:
    await desk.sh("R", "(while :; do echo more; sleep 0.02; done) & echo ready; exit 5")

    ended = await desk.end_of("R")
    size = desk.spool("R").stat().st_size

    assert (ended.exit_status, ended.cause, ended.leftovers > 0) == (5, "", True)
    assert of_run("R") == []
    assert desk.spool("R").stat().st_size == size


@is_root
async def test_a_fork_bomb_of_another_user_under_a_cap_is_ended_whole(
    desk: Desk, tmp_path: Path
) -> None:
    # Never as root, and never without the cap: the kernel counts a user's processes.
    order = desk.order("R", "/bin/sh", "-c", _AS_NOBODY, timeout_ms=2_000, grace_ms=0)
    await desk.keepers.start(
        msgspec.structs.replace(order, user="nobody", process_limit=_PROCESS_CAP)
    )

    ended = await desk.end_of("R")

    assert ended.cause == "timeout"
    assert of_run("R") == []
    left = [
        pid
        for pid in processes.look_at_all()
        if is_alive(pid) and _is_of_nobody(pid) and b"bomb" in _words_of(pid)
    ]
    assert left == []
    assert re.search(r"fork|ready", desk.output("R"))


async def test_the_slot_of_each_is_free_again(desk: Desk) -> None:
    for number, script in enumerate(_CATALOGUE.values()):
        await desk.sh(f"R{number}", script, timeout_ms=TIMEOUTS_MS[0], grace_ms=0)
    for number in range(len(_CATALOGUE)):
        await desk.end_of(f"R{number}")

    await desk.sh("next", "exit 3")

    assert (await desk.end_of("next")).exit_status == 3
    assert {desk.ended[f"R{number}"].signal for number in range(len(_CATALOGUE))} <= {
        signal.SIGKILL,
        signal.SIGTERM,
        None,
    }


def _is_of_nobody(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}").stat().st_uid == 65534
    except OSError:
        return False


def _words_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
