"""Runs through real keepers: their starts, their ends, and the deaths of keepers and agents."""

import asyncio
import ctypes
import errno
import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from agent.running import inheritance, keeping, link, processes
from agent.running.keeping import Keepers
from agent.running.terms import AlreadyOrdered, Ended, NotStarted, Order, Started
from tests.agent.running.conftest import WAIT_S, Desk, is_alive, of_run, until
from tests.pulse import Pulse, waited_ms

STAND_IN = Path(__file__).with_name("stand_in_agent.py")
FEW = 30  # of three hundred


async def test_an_exit_status_is_recorded_exactly_whichever_of_all_it_is(desk: Desk) -> None:
    for status in range(256):
        await desk.sh(f"R{status}", f"exit {status}")

    for status in range(256):
        ended = await desk.end_of(f"R{status}")

        assert (ended.exit_status, ended.signal, ended.cause) == (status, None, "")


@pytest.mark.parametrize("number", [1, 2, 6, 9, 11, 15, 31])
async def test_a_deadly_signal_is_recorded_exactly(desk: Desk, number: int) -> None:
    await desk.sh("R", f"ulimit -c 0; kill -{number} $$")

    ended = await desk.end_of("R")

    assert (ended.exit_status, ended.signal, ended.cause) == (None, number, "")


async def test_output_of_both_streams_lies_in_one_spool_in_order(desk: Desk) -> None:
    await desk.sh("R", "echo one; echo two >&2; echo three")

    await desk.end_of("R")

    assert desk.output("R") == "one\ntwo\nthree\n"
    assert desk.spool("R").stat().st_mode & 0o777 == 0o600


async def test_an_end_tells_time_and_use(desk: Desk) -> None:
    started = await desk.keepers.start(
        desk.order("R", sys.executable, "-S", "-c", "x = b'1' * 40_000_000; sum(range(3_000_000))")
    )

    ended = await desk.end_of("R")

    assert ended.pid == started.pid
    assert ended.started_ms == started.started_ms
    assert ended.duration_ms is not None
    assert ended.cpu_ms is not None
    assert 10 <= ended.cpu_ms <= ended.duration_ms + 50
    assert ended.peak_rss is not None
    assert ended.peak_rss > 40_000_000


async def test_the_ends_of_the_first_are_seen_while_many_others_are_still_being_started(
    desk: Desk,
) -> None:
    orders = [desk.order(f"R{number}", "/bin/true") for number in range(300)]
    os.kill(desk.keepers.own_pid, signal.SIGSTOP)  # until all orders lie before it
    starting = [asyncio.create_task(desk.keepers.start(order)) for order in orders]
    await asyncio.sleep(0)
    os.kill(desk.keepers.own_pid, signal.SIGCONT)

    await asyncio.gather(*starting)
    await until(lambda: len(desk.ended) == len(orders), "all ends")

    # In the order in which the keeper learned of it, however long each took.
    happened = [json.loads(line)["e"] for line in _journal(desk).splitlines()]
    before_last_start = "".join(f"{one} " for one in happened).rpartition("started")[0]
    assert before_last_start.count("ended") > FEW, "ends were noticed only after all starts"


async def test_a_child_gets_three_descriptors_no_input_and_a_clean_environment(desk: Desk) -> None:
    script = "ls /proc/self/fd | tr '\\n' ' '; cat; env | sort | tr '\\n' ' '; umask; pwd"

    await desk.keepers.start(desk.order("R", "/bin/sh", "-c", script, folder=str(desk.home)))
    await desk.end_of("R")

    # ls itself holds one more: the folder it lists.
    descriptors, rest = desk.output("R").split("3 ", 1)
    assert descriptors == "0 1 2 "
    assert set(rest.split()) == {
        f"PATH={os.defpath}",
        "SMARTCRON_RUN_ID=R",
        f"PWD={desk.home}",
        "0077",
        str(desk.home),
    }


async def test_a_child_starts_with_no_signal_ignored_or_blocked(desk: Desk) -> None:
    await desk.keepers.start(
        desk.order("R", "/bin/grep", "-E", "Sig(Ign|Blk)", "/proc/self/status")
    )

    await desk.end_of("R")

    masks = [int(word, 16) for word in desk.output("R").split()[1::2]]
    settable = sum(1 << number - 1 for number in signal.valid_signals())
    assert [mask & settable for mask in masks] == [0, 0]


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["no-such-program"], "there is no program 'no-such-program' in PATH"),
        (["/no/such/program"], "there is no program /no/such/program"),
        (["/etc/passwd"], "/etc/passwd is not executable"),
        (["/etc"], "/etc is no file that can be executed"),
        (["{home}/headless"], "is not a program; does its first line name an interpreter"),
        (["{home}/lost"], "the interpreter /no/interpreter in the first line"),
        (["{home}/windows"], "ends as on Windows; mend it with"),
        (["/bin/true", "x" * 3_000_000], "are too long"),
    ],
)
async def test_what_cannot_be_executed_is_refused_in_words(
    desk: Desk, argv: list[str], reason: str
) -> None:
    texts = {
        "headless": "echo\n",
        "lost": "#!/no/interpreter\n",
        "windows": "#!/bin/sh\r\n",
    }
    for name, text in texts.items():
        (desk.home / name).write_text(text)
        (desk.home / name).chmod(0o700)

    with pytest.raises(NotStarted, match=reason.replace("(", "\\(")):
        await desk.keepers.start(
            desk.order("R", *[word.replace("{home}", str(desk.home)) for word in argv])
        )

    await desk.sh("next", "exit 5")
    assert (await desk.end_of("next")).exit_status == 5


async def test_a_spool_that_somebody_removed_is_made_again_for_its_owner_alone(
    desk: Desk,
) -> None:
    spool = desk.home / "spool"
    order = msgspec.structs.replace(
        desk.order("R", "/bin/echo", "out"), output_file=str(spool / "R.out")
    )

    await desk.keepers.start(order)
    await desk.end_of("R")

    assert (spool / "R.out").read_text() == "out\n"
    assert spool.stat().st_mode & 0o777 == 0o700


async def test_a_missing_working_directory_is_refused_in_words(desk: Desk) -> None:
    with pytest.raises(NotStarted, match="working directory /no/such cannot be entered: no such"):
        await desk.keepers.start(desk.order("R", "/bin/true", folder="/no/such"))


async def test_a_seen_run_id_is_refused_even_after_it_was_forgotten(desk: Desk) -> None:
    await desk.sh("R", "echo once")
    with pytest.raises(AlreadyOrdered):
        await desk.sh("R", "echo twice")
    await desk.end_of("R")
    await desk.keepers.forget(["R"])

    with pytest.raises(AlreadyOrdered):
        await desk.sh("R", "echo twice")

    assert desk.output("R") == "once\n"


async def test_a_due_moment_that_has_run_is_refused_to_any_other_run_also_after_it_was_forgotten(
    desk: Desk,
) -> None:
    def order(run_id: str, moment: str) -> Order:
        words = desk.order(run_id, "/bin/sh", "-c", "echo once")
        return msgspec.structs.replace(words, moment=moment)

    await desk.keepers.start(order("R", "backup 1795500000000 1"))
    await desk.end_of("R")
    await desk.keepers.forget(["R"])

    with pytest.raises(AlreadyOrdered, match="has run already, as run R,"):
        await desk.keepers.start(order("Q", "backup 1795500000000 1"))

    assert not desk.spool("Q").exists()
    await desk.keepers.start(order("S", "backup 1795500000000 2"))
    for by_hand in ("T", "U"):
        await desk.keepers.start(order(by_hand, ""))
        await desk.end_of(by_hand)
    await desk.end_of("S")


async def test_a_timeout_ends_the_run_and_is_told_from_a_signal(desk: Desk) -> None:
    await desk.sh("R", "sleep 60", timeout_ms=200)

    ended = await desk.end_of("R")

    assert (ended.cause, ended.signal) == ("timeout", signal.SIGTERM)
    assert ended.duration_ms is not None
    assert 200 <= ended.duration_ms < 20_000, "it would have lasted a minute"


AWKWARD = {
    "ignores TERM": "trap '' TERM; while :; do sleep 0.1; done",
    "stopped": "kill -STOP $$; sleep 60",
    "in another session": "setsid sleep 60 & wait",
    "double fork": "(setsid sh -c 'trap \"\" TERM; sleep 60; sleep 60' & ); sleep 60",
    "daemon without a trace": (
        "(exec env -i setsid sh -c 'trap \"\" TERM; while :; do sleep 0.2; done' "
        ">/dev/null 2>&1 & ); sleep 60"
    ),
    "many": "for i in 1 2 3 4 5 6 7 8; do (trap '' TERM; sleep 60 & sleep 60) & done; wait",
}


@pytest.mark.parametrize("kind", AWKWARD)
async def test_an_abort_reaches_the_whole_family(desk: Desk, kind: str) -> None:
    started = await desk.sh("R", "echo ready; " + AWKWARD[kind])
    await until(lambda: desk.output("R"), "output")
    await until(lambda: processes.below(started.pid) or kind == "stopped", "children")
    family = {*processes.below(desk.keepers.own_pid)}
    assert started.pid in family

    assert await desk.keepers.stop("R", grace_ms=300)
    ended = await desk.end_of("R")

    assert ended.cause == "aborted"
    assert ended.duration_ms is not None
    assert of_run("R") == []
    await until(lambda: not processes.below(desk.keepers.own_pid), "all statuses taken")
    assert [pid for pid in family if is_alive(pid)] == []


async def test_a_stop_leaves_other_runs_alone(desk: Desk) -> None:
    other = await desk.sh("other", "(setsid sleep 60 &); sleep 60")
    await desk.sh("R", "sleep 60")
    await until(lambda: len(of_run("other")) >= 2, "the family of the other")

    await desk.keepers.stop("R", grace_ms=200)
    await desk.end_of("R")

    assert is_alive(other.pid)
    assert len(of_run("other")) >= 2
    assert "other" not in desk.ended
    await desk.keepers.stop("other", grace_ms=0)
    assert (await desk.end_of("other")).signal == signal.SIGKILL


async def test_a_stop_of_what_is_over_or_unknown_says_no(desk: Desk) -> None:
    await desk.sh("R", "exit 3")
    await desk.end_of("R")

    assert not await desk.keepers.stop("R", grace_ms=0)
    assert not await desk.keepers.stop("never", grace_ms=0)
    assert desk.ended["R"].cause == ""


async def test_a_run_ends_with_its_main_process_and_what_is_left_is_killed(desk: Desk) -> None:
    await desk.sh("R", "sleep 60 & (setsid sleep 61 &) ; exit 7")

    ended = await desk.end_of("R")
    told_ms = time.time_ns() // 1_000_000

    assert (ended.exit_status, ended.cause) == (7, "")
    assert ended.leftovers == 2
    assert ended.duration_ms is not None
    assert ended.started_ms is not None
    own_ms = ended.started_ms + ended.duration_ms
    assert told_ms - own_ms > 400, "the time its family was given is none of its own"
    assert of_run("R") == []


async def test_what_a_task_leaves_behind_lives_on_where_it_says_so(desk: Desk) -> None:
    order = desk.order("R", "/bin/sh", "-c", "sleep 60 & (setsid sleep 61 &) ; exit 7")
    await desk.keepers.start(msgspec.structs.replace(order, keeps_leftovers=True))

    ended = await desk.end_of("R")
    await until(lambda: len(of_run("R")) == 2, "both of them")  # one may be changing its program
    for pid in of_run("R"):
        os.kill(pid, signal.SIGKILL)

    assert (ended.exit_status, ended.cause, ended.leftovers) == (7, "", 2)
    await until(lambda: of_run("R") == [], "the end of both")


async def test_a_stop_ends_also_the_family_of_a_task_that_leaves_some_behind(desk: Desk) -> None:
    order = desk.order("R", "/bin/sh", "-c", "(setsid sleep 61 &) ; echo ready; sleep 60")
    await desk.keepers.start(msgspec.structs.replace(order, keeps_leftovers=True))
    await until(lambda: desk.output("R"), "output")

    await desk.keepers.stop("R", grace_ms=200)

    assert (await desk.end_of("R")).cause == "aborted"
    assert of_run("R") == []


async def test_the_last_of_a_pipeline_may_finish_writing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How long that is, another test asks; here it lasts until the host has given them a turn.
    begin = link._KEEP.removesuffix("main()")
    patient = f"from agent.running import watch; watch.LEFTOVERS_MAY_STAY_S = {WAIT_S}; main()"
    monkeypatch.setattr(link, "_KEEP", begin + patient)
    desk = Desk(home)
    await desk.keepers.open()
    await desk.sh("R", "(sleep 0.02; echo late) & exit 0")

    ended = await desk.end_of("R")
    await desk.keepers.close()

    assert desk.output("R") == "late\n"
    assert ended.leftovers == 0


@pytest.mark.parametrize("shape", ["single", "tree"])
async def test_a_memory_limit_holds_for_the_family(desk: Desk, shape: str) -> None:
    hog = "b = []\nwhile True: b.append(bytearray(1_000_000)); __import__('time').sleep(0.002)"
    argv = [sys.executable, "-S", "-c", hog]
    if shape == "tree":
        script = '"$0" -S -c "$1" & "$0" -S -c "$1" & wait'
        argv = ["/bin/sh", "-c", script, sys.executable, hog]

    keeper = desk.keepers.own_pid
    before_ms = waited_ms(keeper)
    with Pulse() as pulse:
        await desk.keepers.start(desk.order("R", *argv, memory_limit_bytes=120_000_000))
        ended = await desk.end_of("R")
    late_ms = pulse.worst_ms + waited_ms(keeper) - before_ms

    assert ended.cause == "killed_memory"
    assert "114 MB allowed" in ended.detail
    assert ended.peak_rss is not None
    # While the host lets the keeper wait, two of them take a megabyte each millisecond.
    assert ended.peak_rss < 240_000_000 + late_ms * 1_000_000
    assert of_run("R") == []


async def test_the_keeper_is_small_and_idles_for_nothing(desk: Desk) -> None:
    pid = desk.keepers.own_pid
    for number in range(29):
        await desk.sh(f"R{number}", "exit 0")
    await until(lambda: len(desk.ended) == 29, "29 ends")
    await desk.sh("waits", "while [ ! -e go ]; do sleep 0.1; done")
    await until(lambda: processes.below(pid), "the run")
    spent = []
    for _ in range(5):
        before = _cpu_ticks(pid)
        await asyncio.sleep(1.0)  # what is measured is a span of idling
        spent.append(_cpu_ticks(pid) - before)
        if not spent[-1]:  # it may have had something left to do when a span began
            break

    assert spent[-1] == 0, spent
    assert _resident_kb(pid) <= 12 * 1024
    await desk.keepers.stop("waits", grace_ms=0)
    await desk.end_of("waits")


async def test_a_home_deeper_than_a_socket_address_works(tmp_path: Path, home: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-folder-name"] * 8)
    deep.mkdir(parents=True)
    desk = Desk(deep)
    await desk.keepers.open()

    await desk.sh("R", "exit 4")

    assert (await desk.end_of("R")).exit_status == 4
    sockets = list(desk.runtime.glob("*.sock"))
    assert [path.stat().st_mode & 0o777 for path in sockets] == [0o600]
    await desk.keepers.forget(["R"])
    await desk.keepers.close()
    assert [path.name for path in desk.runtime.iterdir()] == ["keeper.log"]


async def test_kill_9_of_the_keeper_costs_nothing(desk: Desk) -> None:
    first = desk.keepers.own_pid
    script = "i=0; while [ $i -lt 20 ]; do echo line $i; i=$((i+1)); sleep 0.03; done; exit"
    for number in range(8):
        await desk.sh(f"R{number}", f"{script} {number}")
    await desk.sh("killed", "sleep 0.4; kill -9 $$")
    await desk.sh("slow", "sleep 60", timeout_ms=800)
    await desk.sh("stopped", "(setsid sleep 60 &); sleep 60")

    os.kill(first, signal.SIGKILL)
    await desk.sh("after", "exit 6")
    await until(lambda: desk.keepers.own_pid not in (0, first), "a new keeper")
    assert await desk.keepers.stop("stopped", grace_ms=300)

    assert (await desk.end_of("after")).exit_status == 6
    for number in range(8):
        ended = await desk.end_of(f"R{number}")
        assert (ended.exit_status, ended.cause) == (number, "")
        assert ended.cpu_ms is not None
        assert ended.duration_ms is not None
        assert ended.duration_ms >= 600
        assert desk.output(f"R{number}") == "".join(f"line {i}\n" for i in range(20))
    assert (await desk.end_of("killed")).signal == signal.SIGKILL
    assert (await desk.end_of("slow")).cause == "timeout"
    assert (await desk.end_of("stopped")).cause == "aborted"
    assert of_run("stopped") == []


async def test_a_host_that_refuses_for_a_while_costs_no_run_of_a_dead_keeper_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No descriptor is left, first for its journal, then in the midst of looking at its runs."""
    go = desk.home / "go"
    for number in range(3):
        wait = f"while [ ! -e {go} ]; do sleep 0.02; done"
        await desk.sh(f"R{number}", f"{wait}; exit {20 + number}")
    refusals = {keeping: iter([1]), inheritance: iter([0, 1])}

    def refuse(module: ModuleType, name: str) -> None:
        real = getattr(module, name)

        def at_first(*words: object) -> object:
            if next(refusals[module], 0):
                raise OSError(errno.EMFILE, "Too many open files")
            return real(*words)

        monkeypatch.setattr(module, name, at_first)

    refuse(keeping, "_read_journal")
    refuse(inheritance, "watched")

    os.kill(desk.keepers.own_pid, signal.SIGKILL)
    await desk.sh("after", "exit 9")
    go.touch()

    ends = [(await desk.end_of(f"R{number}")).exit_status for number in range(3)]
    assert ends == [20, 21, 22]
    assert (await desk.end_of("after")).exit_status == 9
    assert desk.told_twice == []
    assert caplog.messages.count("the end of a keeper cannot be seen to yet") == 2


async def test_a_keeper_killed_while_it_starts_runs_loses_and_doubles_none(desk: Desk) -> None:
    def another_keeper(than: int) -> bool:
        return desk.keepers.own_pid not in (0, than)

    async def kill(times: int) -> None:
        for _ in range(times):
            pid = desk.keepers.own_pid
            await asyncio.sleep(0.02)
            if pid and pid == desk.keepers.own_pid:
                os.kill(pid, signal.SIGKILL)
            await until(partial(another_keeper, pid), "a new keeper")

    # A start that costs three keepers is given up, so none of them meets more than two deaths.
    deaths = {0: 2, 3: 1}
    for batch in range(6):
        killing = asyncio.create_task(kill(deaths.get(batch, 0)))
        await asyncio.gather(*(desk.sh(f"R{batch}-{n}", f"echo $$; exit {n}") for n in range(10)))
        await killing
    await until(lambda: len(desk.ended) == 60, "60 ends")

    for batch in range(6):
        for number in range(10):
            ended = desk.ended[f"R{batch}-{number}"]
            assert (ended.exit_status, ended.cause) == (number, "")
            assert desk.output(f"R{batch}-{number}") == f"{ended.pid}\n"


async def test_a_keeper_that_a_busy_host_lets_begin_late_is_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "CONNECT_WITHIN_S", 0.1)
    begin = link._KEEP.removesuffix("main()")
    monkeypatch.setattr(link, "_KEEP", f"{begin}import time; time.sleep(0.5); main()")
    desk = Desk(home)

    await desk.keepers.open()
    await desk.sh("R", "exit 4")

    assert (await desk.end_of("R")).exit_status == 4
    await desk.keepers.forget(["R"])
    await desk.keepers.close()


async def test_a_hung_keeper_is_replaced(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.sh("before", "sleep 0.2; exit 9")
    monkeypatch.setattr("agent.running.keeping.ANSWER_WITHIN_S", 2.0)
    os.kill(desk.keepers.own_pid, signal.SIGSTOP)

    await desk.sh("after", "exit 8")

    assert (await desk.end_of("before")).exit_status == 9
    assert (await desk.end_of("after")).exit_status == 8


async def _stand_in(desk: Desk, *orders: tuple[str, str]) -> asyncio.subprocess.Process:
    """Another process that opens the same home, orders runs, and then only listens."""
    # An earlier test made us a subreaper; the orphans of this agent are not to fall to us.
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)
    agent = await asyncio.create_subprocess_exec(
        sys.executable,
        str(STAND_IN),
        str(desk.home),
        json.dumps(orders),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=False,
    )
    assert agent.stdout is not None
    assert (await agent.stdout.readline()).strip() == b"ordered"
    return agent


async def _kill(agent: asyncio.subprocess.Process) -> None:
    agent.kill()
    await agent.wait()


async def test_kill_9_of_the_agent_costs_nothing(home: Path) -> None:
    desk = Desk(home)
    agent = await _stand_in(
        desk,
        *((f"R{n}", f"sleep 0.{n}; echo out {n}; exit {n}") for n in range(6)),
        ("long", f"while [ ! -e {home}/go ]; do sleep 0.05; done; echo out; exit 66"),
    )
    await _kill(agent)
    await until(partial(_has_ended, desk, "R1"), "an end between the two agents")

    standing = {found.run_id: found for found in await desk.keepers.open()}

    assert set(standing) == {f"R{n}" for n in range(6)} | {"long"}
    assert isinstance(standing["R1"], Ended)
    assert isinstance(standing["long"], Started)
    (home / "go").touch()
    ended = {found.run_id: found for found in standing.values() if isinstance(found, Ended)}
    await until(lambda: len(ended) + len(desk.ended) == 7, "all ends")
    assert not ended.keys() & desk.ended.keys()
    ended |= desk.ended
    for number in range(6):
        assert (ended[f"R{number}"].exit_status, ended[f"R{number}"].cause) == (number, "")
        assert desk.output(f"R{number}") == f"out {number}\n"
    assert ended["long"].exit_status == 66
    assert ended["long"].pid == standing["long"].pid
    with pytest.raises(AlreadyOrdered):
        await desk.sh("R1", "echo again")
    await desk.keepers.forget(standing)
    await until(lambda: len(list(desk.runtime.glob("keeper-*"))) == 2, "only the own keeper")
    await desk.keepers.close()
    assert list(desk.runtime.glob("keeper-*")) == []


async def test_a_stop_reaches_runs_of_an_earlier_agent(home: Path) -> None:
    desk = Desk(home)
    agent = await _stand_in(desk, ("R", "sleep 60 & sleep 60"))
    await _kill(agent)
    await desk.keepers.open()

    assert await desk.keepers.stop("R", grace_ms=200)

    assert (await desk.end_of("R")).cause == "aborted"
    await desk.keepers.close()


async def test_a_timeout_falls_while_no_agent_is_there(home: Path) -> None:
    # The first is mostly long enough for the agent to be dead before; a host may stop us longer.
    for timeout_ms in (4_000, 12_000, 30_000):
        desk, run_id = Desk(home / f"{timeout_ms}"), f"timed {timeout_ms}"
        desk.home.mkdir()
        agent = await _stand_in(desk, (run_id, "sleep 60 & sleep 60"))
        await until(partial(_is_whole_or_over, desk, run_id), "its whole family")
        await _kill(agent)
        if len(of_run(run_id)) == 3:
            break
        await until(partial(_has_ended, desk, run_id), "its end in the journal")
        await desk.keepers.open()
        await desk.keepers.forget([run_id])
        await desk.keepers.close()
    assert len(of_run(run_id)) == 3, "it was to live longer than its agent"
    keeper = json.loads(_journal(desk).splitlines()[0])["pid"]
    before_ms = waited_ms(keeper)

    with Pulse() as pulse:
        await until(lambda: '"e":"ended"' in _journal(desk), "its end in the journal")
    late_ms = pulse.worst_ms + waited_ms(keeper) - before_ms
    await until(lambda: of_run(run_id) == [], "the end of its family")
    (ended,) = await desk.keepers.open()

    assert isinstance(ended, Ended)
    assert ended.cause == "timeout"
    assert ended.duration_ms is not None
    due_ms = timeout_ms + 200 + 2_000 + late_ms
    assert timeout_ms <= ended.duration_ms < due_ms, "timeout, grace, and two seconds"
    await desk.keepers.forget([run_id])
    await desk.keepers.close()


async def test_agents_killed_at_any_moment_lose_and_double_nothing(home: Path) -> None:
    desk = Desk(home)
    ended: dict[str, Ended] = {}
    for life in range(8):
        agent = await asyncio.create_subprocess_exec(
            sys.executable,
            str(STAND_IN),
            str(desk.home),
            json.dumps([(f"R{life}.{n}", f"echo $$; exit {n % 250}") for n in range(300)]),
            stdout=asyncio.subprocess.DEVNULL,
        )
        await until(partial(desk.output, f"R{life}.{life * 30}"), "some runs")
        await _kill(agent)
    for found in await desk.keepers.open():
        if isinstance(found, Ended):
            assert found.run_id not in ended
            ended[found.run_id] = found

    def ordered() -> set[str]:
        # A keeper may still start what a dead agent had ordered.
        return {path.stem for path in home.glob("*.out")}

    await until(lambda: ended.keys() | desk.ended.keys() == ordered(), "all ends")

    assert not ended.keys() & desk.ended.keys()
    ended |= desk.ended
    assert len(ended) > 8
    for run_id, found in ended.items():
        assert (found.exit_status, found.cause) == (int(run_id.partition(".")[2]) % 250, "")
        assert desk.output(run_id) == f"{found.pid}\n"
    await desk.keepers.forget(ended)
    await desk.keepers.close()


async def test_an_abort_at_the_instant_of_the_end_gives_one_true_end(desk: Desk) -> None:
    for number in range(60):
        run_id = f"R{number}"
        await desk.sh(run_id, "exit 3")
        await asyncio.sleep(number % 12 * 0.0002)
        begun = await desk.keepers.stop(run_id, grace_ms=0)
        ended = await desk.end_of(run_id)
        if begun:
            assert ended.cause == "aborted"
        else:
            assert (ended.cause, ended.exit_status) == ("", 3)
    assert len(desk.ended) == 60


async def test_what_was_told_but_not_forgotten_is_told_again_after_a_crash(home: Path) -> None:
    desk = Desk(home)
    agent = await _stand_in(desk, ("R", "exit 3"), ("forgotten", "exit 0"))
    assert agent.stdout is not None
    while (await agent.stdout.readline()).strip() != b"forgotten forgotten":
        pass
    await until(partial(_has_ended, desk, "R"), "its end in the journal")
    await _kill(agent)

    standing = await desk.keepers.open()

    assert [(found.run_id, getattr(found, "exit_status", None)) for found in standing] == [("R", 3)]
    await desk.keepers.close()


async def test_keeper_and_agent_killed_together_lose_only_what_nobody_saw(home: Path) -> None:
    desk = Desk(home)
    agent = await _stand_in(
        desk,
        ("done", "exit 5"),
        ("gone", f"while [ ! -e {home}/unseen ]; do sleep 0.05; done"),
        ("alive", f"while [ ! -e {home}/go ]; do sleep 0.05; done; echo end"),
    )
    began_s = time.monotonic()
    await until(lambda: '"e":"ended"' in _journal(desk), "the end in the journal")
    keeper = json.loads(_journal(desk).splitlines()[0])["pid"]
    agent.kill()
    os.kill(keeper, signal.SIGKILL)
    await agent.wait()
    await until(lambda: not is_alive(keeper), "the keeper's death")
    (home / "unseen").touch()
    await until(lambda: not of_run("gone"), "the end nobody saw")

    standing = {found.run_id: found for found in await desk.keepers.open()}

    done, gone, alive = standing["done"], standing["gone"], standing["alive"]
    assert isinstance(done, Ended)
    assert (done.exit_status, done.cause) == (5, "")
    assert isinstance(gone, Ended)
    assert (gone.exit_status, gone.cause) == (None, "lost")
    assert isinstance(alive, Started)
    lived_ms = (time.monotonic() - began_s) * 1_000
    (home / "go").touch()
    ended = await desk.end_of("alive")
    assert (ended.cause, ended.exit_status, ended.signal) == ("lost", None, None)
    assert ended.duration_ms is not None
    assert ended.duration_ms >= lived_ms - 1, "since its start, not since it was taken over"
    assert desk.output("alive") == "end\n"
    await desk.keepers.close()


async def test_runs_of_another_boot_are_lost_and_nothing_is_signalled(home: Path) -> None:
    desk = Desk(home)
    bystander = await asyncio.create_subprocess_exec("sleep", "60", env={"SMARTCRON_RUN_ID": "R"})
    process = processes.look(bystander.pid)
    assert process is not None
    lines = [
        {"e": "keeper", "v": 1, "pid": 1, "start": 0, "boot": "another"},
        {
            "e": "order",
            "run": "R",
            "output_file": "/x",
            "timeout_ms": 1,
            "kill_grace_ms": 0,
            "memory_limit_bytes": None,
        },
        {
            "e": "started",
            "run": "R",
            "pid": bystander.pid,
            "start": process.start,
            "started_ms": 1,
            "started_mono_ms": 1,
        },
    ]
    desk.runtime.mkdir()
    journal = desk.runtime / "keeper-01ARZ3NDEKTSV4RRFFQ69G5FAV.journal"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"e":"torn')

    [lost] = await desk.keepers.open()

    assert isinstance(lost, Ended)
    assert (lost.cause, lost.detail) == ("lost", "the host was restarted while it ran")
    assert is_alive(bystander.pid)
    bystander.kill()
    await bystander.wait()
    await desk.keepers.forget(["R"])
    await desk.keepers.close()
    assert not journal.exists()


async def test_a_keeper_leaves_by_itself_when_all_is_over(home: Path) -> None:
    desk = Desk(home)
    await desk.keepers.open()
    pid = desk.keepers.own_pid
    await desk.sh("R", f"while [ ! -e {home}/go ]; do sleep 0.05; done; exit 2")

    await desk.keepers.close()

    assert is_alive(pid)
    (home / "go").touch()
    await until(lambda: not is_alive(pid), "the keeper's leave")
    await asyncio.to_thread(os.waitpid, pid, 0)  # nobody else takes the status of this child
    [standing] = await (again := Keepers(desk.runtime, on_ended=lambda _: None)).open()
    assert isinstance(standing, Ended)
    assert standing.exit_status == 2
    await again.close()


def _is_whole_or_over(desk: Desk, run_id: str) -> bool:
    return len(of_run(run_id)) == 3 or _has_ended(desk, run_id)


def _has_ended(desk: Desk, run_id: str) -> bool:
    lines = _journal(desk).splitlines()
    return any('"e":"ended"' in line and f'"run":"{run_id}"' in line for line in lines)


def _journal(desk: Desk) -> str:
    return "".join(path.read_text() for path in desk.runtime.glob("*.journal"))


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def _resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


async def test_a_run_whose_output_lies_there_has_begun_and_is_not_started_again(
    desk: Desk,
) -> None:
    order = desk.order("R", "/bin/true")
    desk.spool("R").write_text("of the first, whose journal was damaged")

    with pytest.raises(AlreadyOrdered, match="file exists"):
        await desk.keepers.start(order)

    assert desk.spool("R").read_text() == "of the first, whose journal was damaged"
