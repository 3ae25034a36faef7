"""How full are the file systems of the host, and when will they be?"""

import os
import threading
from pathlib import Path

import pytest

from agent.health import disks
from agent.health.disks import Disks, Mount, Room, readings
from agent.rules.thresholds import CRIT, OK, UNKNOWN, judge
from agent.tolerances import Health

DATA = Mount(place="/srv")
FULL = Room(used_bytes=95, free_bytes=5, inodes=1_000, free_inodes=20)


def test_the_file_system_of_the_home_is_looked_at_under_the_plain_name(tmp_path: Path) -> None:
    (mount, room), *_ = Disks(tmp_path, Health()).look()

    assert Path(mount.place).is_mount()
    assert mount.reading("disk") == "disk"
    assert room.share is not None
    assert 0 <= room.share <= 1


def test_one_that_was_named_is_looked_at_and_one_that_is_gone_says_why(tmp_path: Path) -> None:
    gone = str(tmp_path / "nowhere")

    found = {
        mount.place: room for mount, room in Disks(tmp_path, Health(mounts=("/proc", gone))).look()
    }
    reading = readings([(Mount(place=gone), found[gone])], {})[0]

    assert "/proc" in found
    assert "no such file" in reading.message
    assert judge(reading.value, reading.threshold, before=CRIT) == UNKNOWN


def test_a_file_system_that_hangs_is_said_to_and_asked_no_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A network file system that hangs cannot be had here: the call that would hang is held.
    let_go, is_asked, asked = threading.Event(), threading.Event(), []

    def hang(place: str) -> os.statvfs_result:
        if place == "/proc":
            asked.append(place)
            is_asked.set()
            let_go.wait()
        return os.fstatvfs(0)

    monkeypatch.setattr(disks, "ANSWER_S", 0.05)
    monkeypatch.setattr(os, "statvfs", hang)
    looked_at = Disks(tmp_path, Health(mounts=("/proc",)))
    found = [{m.place: room.fault for m, room in looked_at.look()}["/proc"] for _ in "12"]
    was_asked = is_asked.wait(20)
    let_go.set()

    assert found == ["does not answer within 0 s"] * 2
    assert was_asked
    assert asked == ["/proc"]


def test_share_inodes_and_days_are_three_readings_of_each_mount() -> None:
    found = {reading.id: reading for reading in readings([(DATA, FULL)], {"/srv": 1.5})}
    states = {
        name: reading.state or judge(reading.value, reading.threshold, before=OK)
        for name, reading in found.items()
    }

    assert states == {"disk:/srv": CRIT, "inodes:/srv": CRIT, "disk_days:/srv": CRIT}
    assert "full in 2 days" in found["disk:/srv"].message


def test_a_disk_that_is_nearly_empty_does_not_warn_of_its_trend() -> None:
    empty = Room(used_bytes=10, free_bytes=90)
    found = {one.id: one for one in readings([(DATA, empty)], {"/srv": 5.0})}

    assert found["disk_days:/srv"].state == OK


def test_a_mount_with_a_long_name_has_a_short_one_of_its_own() -> None:
    names = {Mount(place="/srv/" + "a" * 200 + end).reading("disk_days") for end in "bc"}

    assert len(names) == 2
    assert {len(name) for name in names} == {64}
