"""A run's output is found whatever became of its log, and old logs go without harm to others."""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from agent.errors import Refused
from agent.running.keptlogs import (
    Upkeep,
    compress,
    hold_logs,
    let_go,
    rotate,
    set_aside_logs,
    too_old,
)
from agent.running.output import Outputs
from agent.running.redaction import Redactor
from agent.runs import Run
from agent.settings import Home
from tests.agent.running.test_output import end_of, outputs_of, recorded, run_of, write


@pytest.fixture
def place(home: Path) -> Home:
    place = Home(home / "place")
    place.make()
    return place


def kept(place: Home, run_id: str, text: bytes, outputs: Outputs | None = None) -> Run:
    """A run whose output was kept, with the row that was written of it."""
    outputs = outputs or outputs_of(place)
    write(place, text, run_id)
    run = recorded(run_of(run_id), outputs.keep(run_of(run_id), end_of(run_id)))
    outputs.discard(run_id)
    return run


@pytest.mark.parametrize("gone", ["logs/tasks", "logs"])
def test_folders_that_somebody_removed_are_made_again_for_their_owner_alone(
    place: Home, gone: str
) -> None:
    shutil.rmtree(place.root / gone)

    run = kept(place, "R1", b"one\n")

    assert outputs_of(place).read(run, 0, 100).data == b"one\n"
    for folder in (place.logs, place.task_logs):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_home_that_is_gone_is_not_made_again_by_its_logs(place: Home) -> None:
    write(place, b"one\n", "R1")
    shutil.rmtree(place.root)

    with pytest.raises(FileNotFoundError):
        outputs_of(place).keep(run_of("R1"), end_of("R1"))
    assert not place.root.exists()


def test_output_reads_back_from_a_log_that_was_set_aside_and_packed(place: Home) -> None:
    log = place.task_logs / "sync.log"
    first = kept(place, "R1", b"one\n" * 100_000)
    second = kept(place, "R2", b"two\n" * 10)
    aside = rotate(log)
    third = kept(place, "R3", b"three\n")

    packed = compress(aside)

    assert packed.name == aside.name + ".gz"
    assert not aside.exists()
    assert packed.stat().st_mode & 0o777 == 0o600
    outputs = outputs_of(place)
    assert outputs.read(first, 399_990, 100).data == b"e\none\none\n"
    assert outputs.read(second, 4, 4).data == b"two\n"
    assert outputs.read(third, 0, 100).data == b"three\n"


def test_a_row_written_after_its_log_was_set_aside_still_finds_its_bytes(place: Home) -> None:
    run = kept(place, "R1", b"old\n")  # its row says sync.log, whatever happens next
    rotate(place.task_logs / "sync.log")
    other = kept(place, "R2", b"new\n")
    rotate(place.task_logs / "sync.log")
    kept(place, "R3", b"newest\n")

    outputs = outputs_of(place)
    assert run.log_offset == other.log_offset
    assert outputs.read(run, 0, 100).data == b"old\n"
    assert outputs.read(other, 0, 100).data == b"new\n"


def test_another_runs_bytes_are_never_given_for_those_of_a_removed_log(place: Home) -> None:
    run = kept(place, "R1", b"old\n")
    (place.task_logs / "sync.log").unlink()
    kept(place, "R2", b"new\n")

    with pytest.raises(Refused) as refusal:
        outputs_of(place).read(run, 0, 100)

    assert refusal.value.code == "gone"


def test_a_log_that_has_grown_is_set_aside_and_packed_by_itself(place: Home) -> None:
    outputs = Outputs(place, Redactor(), limit_bytes=1_000_000, upkeep=Upkeep(rotate_bytes=1_000))

    runs = [kept(place, f"R{number}", b"%d\n" % number * 400, outputs) for number in range(5)]

    logs = sorted(path.name for path in place.task_logs.iterdir())
    assert len(logs) > 1
    assert all(name == "sync.log" or name.endswith("Z.gz") for name in logs)
    for number, run in enumerate(runs):
        assert outputs.read(run, 0, 2000).data == b"%d\n" % number * 400


def test_a_packing_that_broke_off_is_done_again(place: Home) -> None:
    run = kept(place, "R1", b"text\n" * 1000)
    aside = rotate(place.task_logs / "sync.log")
    (place.task_logs / f".{aside.name}.gz.half").write_bytes(b"half of it")

    for path in set_aside_logs(place.task_logs):
        compress(path)

    assert [path.name for path in place.task_logs.iterdir()] == [aside.name + ".gz"]
    assert outputs_of(place).read(run, 0, 5).data == b"text\n"


def test_two_who_pack_the_same_log_do_not_harm_it(place: Home) -> None:
    run = kept(place, "R1", os.urandom(300_000))
    aside = rotate(place.task_logs / "sync.log")

    with ThreadPoolExecutor(4) as pool:
        packed = list(pool.map(lambda _: _compress(aside), range(8)))

    assert set(packed) <= {aside.with_name(aside.name + ".gz"), None}
    assert outputs_of(place).read(run, 0, 300_000).size == 300_000


def test_what_is_too_old_or_too_much_goes_oldest_first(place: Home) -> None:
    folder = place.task_logs
    (folder / "sync.log").write_bytes(b"x" * 1000)
    for day in (1, 2, 3):
        (folder / f"sync.log.2026010{day}T000000.000000Z.gz").write_bytes(b"x" * 100)
    now_s = 1767571200.0  # 2026-01-05

    assert let_go(folder, Upkeep(keep_days=3), now_s=now_s) == [
        "sync.log.20260101T000000.000000Z.gz"
    ]
    assert let_go(folder, Upkeep(keep_days=30, keep_bytes=1_100), now_s=now_s) == [
        "sync.log.20260102T000000.000000Z.gz"
    ]
    assert let_go(folder, Upkeep(keep_days=1, keep_bytes=1), now_s=now_s) == [
        "sync.log.20260103T000000.000000Z.gz"
    ]
    assert (folder / "sync.log").exists(), "what is written to stays, however large"


def test_the_logs_of_what_is_held_stay_whatever_their_age_and_size(place: Home) -> None:
    folder = place.task_logs
    names = [f"{task}.log.2026010{day}T000000.000000Z.gz" for day in (1, 2) for task in ("a", "b")]
    for name in names:
        (folder / name).write_bytes(b"x" * 100)
    all_of_it = Upkeep(keep_days=1, keep_bytes=0)

    hold_logs(folder, {"a"})

    assert too_old(folder, all_of_it, now_s=2e9) == {names[1]: 100, names[3]: 100}
    assert let_go(folder, all_of_it, now_s=2e9) == [names[1], names[3]]
    hold_logs(folder, ())
    assert let_go(folder, all_of_it, now_s=2e9) == [names[0], names[2]]
    assert list(folder.iterdir()) == []


def test_letting_go_follows_no_link_and_touches_no_strangers(place: Home, tmp_path: Path) -> None:
    folder, outside = place.task_logs, tmp_path / "outside"
    outside.mkdir()
    name = "sync.log.20200101T000000.000000Z"
    (outside / name).write_text("not ours")
    (folder / name).symlink_to(outside / name)
    (folder / f"{name}.gz").mkdir()
    (folder / "notes.txt").write_text("not a log")

    assert let_go(folder, Upkeep(keep_days=1, keep_bytes=0), now_s=2e9) == []

    assert (outside / name).read_text() == "not ours"
    assert {path.name for path in folder.iterdir()} == {name, f"{name}.gz", "notes.txt"}
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(OSError, match="Not a directory"):
        let_go(tmp_path / "link", Upkeep(), now_s=2e9)


def test_a_folder_swapped_for_a_link_again_and_again_loses_nothing_outside(
    place: Home, tmp_path: Path
) -> None:
    folder, outside, away = place.task_logs, tmp_path / "outside", tmp_path / "away"
    outside.mkdir()
    name = "sync.log.20200101T000000.000000Z"
    (outside / name).write_text("not ours")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            folder.rename(away)
            folder.symlink_to(outside)
            folder.unlink()
            away.rename(folder)

    attacker = threading.Thread(target=swap)
    attacker.start()
    try:
        for _ in range(300):
            try:
                let_go(folder, Upkeep(keep_days=1, keep_bytes=0), now_s=2e9)
            except OSError:
                continue
    finally:
        stop.set()
        attacker.join()

    assert (outside / name).read_text() == "not ours"


def test_a_link_in_the_place_of_a_log_or_spool_is_not_followed(place: Home, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("root:x:0:0")
    (place.task_logs / "sync.log").symlink_to(target)
    write(place, b"x\n")
    with pytest.raises(OSError, match="symbolic link"):
        outputs_of(place).keep(run_of(), end_of())
    (place.task_logs / "sync.log").unlink()
    (place.spool / "R1.out").unlink()
    (place.spool / "R1.out").symlink_to(target)

    with pytest.raises(OSError, match="symbolic link"):
        outputs_of(place).keep(run_of(), end_of())

    assert target.read_text() == "root:x:0:0"


def _compress(path: Path) -> Path | None:
    try:
        return compress(path)
    except FileNotFoundError:
        return None


def test_a_run_without_a_begin_of_its_own_is_gone(place: Home) -> None:
    run = kept(place, "R1", b"x\n")
    moved = msgspec.structs.replace(run, log_offset=(run.log_offset or 0) + 1)

    with pytest.raises(Refused):
        outputs_of(place).read(moved, 0, 10)
