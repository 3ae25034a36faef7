"""Files of outputs that are used again: never while somebody might write into them."""

import errno
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
import pytest

from agent.running import spares as spares_module
from agent.running.launch import launch
from agent.running.spares import Spares
from agent.running.terms import AlreadyOrdered, Order
from tests.agent.running.conftest import Desk

NOBODY: Final = 65534
TURNS: Final = 3_000


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(autouse=True)
def no_overlay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are what is tried here, and an overlay has them too."""
    monkeypatch.setattr(spares_module, "_is_layered", lambda folder: False)


@pytest.fixture
def spares(spool: Path) -> Spares:
    found = Spares(spool, at_most=4)
    for number in range(10):
        found.hand_out(order(f"R{number}"))
    return found


def order(run_id: str, *, sandbox: tuple[str, ...] = (), keeps_leftovers: bool = False) -> Order:
    return Order(
        run_id=run_id,
        argv=("true",),
        environment={},
        working_directory="/",
        output_file="/x",
        timeout_ms=0,
        kill_grace_ms=0,
        sandbox=sandbox,
        keeps_leftovers=keeps_leftovers,
    )


def output(spool: Path, run_id: str = "R1", text: str = "it went well\n") -> Path:
    path = spool / f"{run_id}.out"
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def lying(spool: Path) -> list[Path]:
    return sorted(spool.iterdir())


def test_the_file_of_a_run_that_is_over_is_handed_out_empty(spool: Path, spares: Spares) -> None:
    path = output(spool)
    number = path.stat().st_ino

    spares.take_in("R1", str(path))

    assert not path.exists()
    spare = Path(spares.hand_out(order("R2")))
    assert (spare.stat().st_ino, spare.stat().st_size) == (number, 0)
    assert spares.hand_out(order("R3")) == "", "each is handed out once"


def test_a_file_that_somebody_holds_open_is_used_no_more(spool: Path, spares: Spares) -> None:
    path = output(spool)
    # Whoever got it from a run may live on, outside its family.
    here, there = socket.socketpair()
    with here, there, path.open("a") as file:
        socket.send_fds(here, [b"."], [file.fileno()])
        file.close()
        spares.take_in("R1", str(path))
        _, (held,), _, _ = socket.recv_fds(there, 1, 1)
        os.write(held, b"from a run that was over\n")
        os.close(held)

    assert spares.hand_out(order("R2")) == ""
    assert lying(spool) == []


def test_a_file_that_another_process_only_reads_is_used_no_more(
    spool: Path, spares: Spares
) -> None:
    path = output(spool)
    with subprocess.Popen(["tail", "-f", path], stdout=subprocess.PIPE) as reading:
        assert reading.stdout is not None
        assert reading.stdout.readline() == b"it went well\n"

        spares.take_in("R1", str(path))
        reading.kill()

    assert spares.hand_out(order("R2")) == ""


def with_a_second_name(path: Path, others: Path) -> None:
    (others / "mine").hardlink_to(path)


def readable_by_others(path: Path, _: Path) -> None:
    path.chmod(0o644)


def of_another_user(path: Path, _: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, NOBODY, NOBODY)


def a_pipe(path: Path, _: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def a_link(path: Path, others: Path) -> None:
    (others / "precious").write_text("not ours")
    path.unlink()
    path.symlink_to(others / "precious")


@pytest.mark.parametrize(
    "become", [with_a_second_name, readable_by_others, of_another_user, a_pipe, a_link]
)
def test_a_file_that_is_no_more_ours_alone_is_removed(
    spool: Path, tmp_path: Path, spares: Spares, become: object
) -> None:
    path = output(spool)
    assert callable(become)
    become(path, tmp_path)

    spares.take_in("R1", str(path))

    assert spares.hand_out(order("R2")) == ""
    assert lying(spool) == []
    if become is a_link:
        assert (tmp_path / "precious").read_text() == "not ours"


@pytest.mark.parametrize(
    "given",
    [order("R1", sandbox=("bwrap",)), order("R1", keeps_leftovers=True), None],
    ids=["in a sandbox", "leaves some behind", "of an earlier agent"],
)
def test_the_file_of_a_run_that_may_hold_it_unseen_is_removed(
    spool: Path, given: Order | None
) -> None:
    spares = Spares(spool, at_most=4)
    path = output(spool)
    if given is not None:
        assert spares.hand_out(given) == ""

    spares.take_in("R1", str(path))

    assert lying(spool) == []


def test_a_file_that_is_used_again_is_as_new(spool: Path, spares: Spares) -> None:
    path = output(spool, text="")
    os.utime(path, (1_000_000, 1_000_000))

    spares.take_in("R1", str(path))

    # Else whoever sweeps away what is old would take the output of a run that lives.
    assert Path(spares.hand_out(order("R2"))).stat().st_mtime > 1_000_000


def test_a_full_disk_without_room_for_a_name_gets_its_room_back(
    spool: Path, spares: Spares, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = output(spool)

    def rename(_path: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "rename", rename)
    spares.take_in("R1", str(path))

    assert lying(spool) == []


def test_what_was_handed_out_for_a_run_that_was_not_to_be_started_comes_back_alone(
    spool: Path, spares: Spares
) -> None:
    spares.take_in("R1", str(output(spool)))
    assert spares.hand_out(order("R2"))
    living = output(spool, "R2", "of the first of this name")

    spares.give_back("R2")

    assert living.read_text() == "of the first of this name"
    assert spares.hand_out(order("R3"))
    assert len(lying(spool)) == 2


def test_no_more_are_kept_than_runs_may_live_at_once(spool: Path, spares: Spares) -> None:
    for number in range(9):
        spares.take_in(f"R{number}", str(output(spool, f"R{number}")))

    assert len(lying(spool)) == 4


def test_what_a_run_made_no_use_of_is_handed_out_again(spool: Path, spares: Spares) -> None:
    spares.take_in("R1", str(output(spool)))
    number = Path(spares.hand_out(order("R2"))).stat().st_ino

    spares.take_in("R2", str(spool / "R2.out"))  # it was refused

    assert Path(spares.hand_out(order("R3"))).stat().st_ino == number
    assert len(lying(spool)) == 1


def test_a_keeper_that_died_halfway_costs_nothing(spool: Path, spares: Spares) -> None:
    spares.take_in("R1", str(output(spool)))
    spare = Path(spares.hand_out(order("R2")))
    (spool / "R2.out").hardlink_to(spare)  # and it did not come to remove the other name

    spares.take_in("R2", str(spool / "R2.out"))

    (left,) = lying(spool)
    assert str(left) == spares.hand_out(order("R3"))
    assert left.stat().st_nlink == 1


def test_the_next_agent_takes_over_what_is_empty_and_ours_alone(spool: Path) -> None:
    before = Spares(spool, at_most=4)
    for run_id in ("R1", "R2", "R3"):
        before.hand_out(order(run_id))
    for run_id in ("R1", "R2", "R3"):
        before.take_in(run_id, str(output(spool, run_id)))
    ordered, half, empty = lying(spool)
    (spool / "R4.out").hardlink_to(ordered)  # a keeper that is just making it an output
    half.write_text("a host that went down between two writes")
    after = Spares(spool, at_most=4)

    after.gather()

    used = [Path(path) for path in iter(lambda: after.hand_out(order("R")), "")]
    assert all(path.stat().st_size == 0 for path in used)
    assert len(used) == 2
    assert not ordered.exists()
    assert lying(spool) == sorted([*used, spool / "R4.out"])
    assert not empty.exists(), "by its old name a keeper of before could still take it"


def test_a_folder_that_is_gone_has_no_spares(tmp_path: Path) -> None:
    Spares(tmp_path / "gone", at_most=4).gather()

    assert not (tmp_path / "gone").exists()


async def test_a_keeper_makes_the_output_of_a_spare(desk: Desk, spool: Path) -> None:
    spare = output(spool, "spare", "")
    number = spare.stat().st_ino

    await desk.keepers.start(with_spare(desk, "R", "echo of this run", spare))
    await desk.end_of("R")

    assert desk.output("R") == "of this run\n"
    assert (desk.spool("R").stat().st_ino, desk.spool("R").stat().st_nlink) == (number, 1)
    assert not spare.exists()


async def test_a_spare_that_is_gone_costs_no_start(desk: Desk, spool: Path) -> None:
    await desk.keepers.start(with_spare(desk, "R", "echo all the same", spool / "gone"))
    await desk.end_of("R")

    assert desk.output("R") == "all the same\n"
    assert desk.spool("R").stat().st_mode & 0o777 == 0o600


async def test_a_disk_without_second_names_costs_no_start(desk: Desk, spool: Path) -> None:
    # A folder may have no second name anywhere.
    (spool / "folder").mkdir()

    await desk.keepers.start(with_spare(desk, "R", "echo all the same", spool / "folder"))
    await desk.end_of("R")

    assert desk.output("R") == "all the same\n"


async def test_an_output_that_lies_there_is_not_replaced_by_a_spare(
    desk: Desk, spool: Path
) -> None:
    desk.spool("R").write_text("of the first, whose journal was damaged")

    with pytest.raises(AlreadyOrdered, match="file exists"):
        await desk.keepers.start(with_spare(desk, "R", "echo twice", output(spool, "spare", "")))

    assert desk.spool("R").read_text() == "of the first, whose journal was damaged"


def test_two_keepers_never_make_outputs_of_one_spare(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare, other = output(spool, "spare", ""), spool / "of another keeper"
    link = os.link

    def link_as_another_does(source: str, target: str) -> None:
        link(source, target)
        link(source, other)
        os.unlink(source)  # noqa: PTH108 - as the keeper does

    monkeypatch.setattr(os, "link", link_as_another_does)
    order = {
        "run": "R",
        "argv": ["/bin/true"],
        "environment": {},
        "working_directory": "/",
        "output_file": str(spool / "R.out"),
        "spare": str(spare),
    }

    os.waitpid(launch(order), 0)

    assert other.stat().st_nlink == 1
    assert not other.samefile(spool / "R.out")


def with_spare(desk: Desk, run_id: str, script: str, spare: Path) -> Order:
    order = desk.order(run_id, "/bin/sh", "-c", script)
    return msgspec.structs.replace(order, spare=str(spare))


def test_a_spool_that_is_no_folder_keeps_no_agent_from_beginning(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not ours")

    Spares(tmp_path / "spool", at_most=4).gather()

    assert (tmp_path / "spool").read_text() == "not ours"


def test_who_opens_one_just_then_does_not_cost_the_agent_its_life(spool: Path) -> None:
    # The kernel tells the holder of a lease of it, by default with a signal that ends it.
    taking = subprocess.Popen(
        [sys.executable, "-c", _TAKING, str(spool), str(TURNS), msgspec.json.encode(order("R"))],
        stdout=subprocess.PIPE,
    )
    with taking:
        opened = 0
        while taking.poll() is None:
            for path in spool.iterdir():
                with ExitStack() as files:
                    try:
                        files.enter_context(path.open("rb"))
                        opened += 1
                    except FileNotFoundError:
                        continue
        assert taking.stdout is not None
        assert taking.stdout.read() == b"done"

    assert taking.returncode == 0
    assert opened


_TAKING = """
import json, msgspec, pathlib, sys
from agent.running import spares
from agent.running.spares import Spares
from agent.running.terms import Order
spares._is_layered = lambda folder: False
spool = pathlib.Path(sys.argv[1])
spares = Spares(spool, at_most=1)
order = msgspec.convert(json.loads(sys.argv[3]), Order)
path = spool / "R.out"
for number in range(int(sys.argv[2])):
    spare = spares.hand_out(order)
    if spare:
        pathlib.Path(spare).rename(path)
    path.touch(mode=0o600)
    spares.take_in("R", str(path))
sys.stdout.write("done")
"""
