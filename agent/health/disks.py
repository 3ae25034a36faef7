"""How full are the file systems of the host, and when will they be?"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from agent.health.probes import DISK, Reading, in_bytes
from agent.rules.downsampling import HOUR_MS, Keeping, Step
from agent.rules.thresholds import OK, Threshold
from agent.rules.trends import FAR_DAYS, LOOK_BACK_MS, days_until_full
from agent.store import metrics
from agent.tolerances import Health, name_of

INODES: Final = Threshold(warn=0.80, crit=0.95, back=0.02)
DAYS: Final = Threshold(warn=7, crit=2, back=1, falls=True)
ANSWER_S: Final = 5.0
MOST_MOUNTS: Final = 16
# What is full by its nature, or is a part of something else.
_ALWAYS_FULL: Final = frozenset({"squashfs", "iso9660", "udf", "erofs", "cramfs"})


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """One file system, where it is mounted."""

    place: str
    is_home: bool = False

    def reading(self, kind: str) -> str:
        """The name of a reading of it; that of the home has the plain one."""
        return kind if self.is_home else name_of(kind, self.place)


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """What a file system says of itself; `fault` says why it does not."""

    used_bytes: int = 0
    free_bytes: int = 0
    inodes: int = 0
    free_inodes: int = 0
    fault: str = ""

    @property
    def share(self) -> float | None:
        """In use, of what those who are not root may use."""
        whole = self.used_bytes + self.free_bytes
        return self.used_bytes / whole if whole and not self.fault else None

    @property
    def inode_share(self) -> float | None:
        """None where inodes are made as they are needed."""
        return 1 - self.free_inodes / self.inodes if self.inodes and not self.fault else None


class Disks:
    """Looks at each file system from a thread of its own: one that hangs holds nobody else up."""

    def __init__(self, home: Path, chosen: Health) -> None:
        self._home = home
        self._chosen = chosen
        self._asked: dict[str, Future[Room]] = {}

    def mounts(self) -> tuple[Mount, ...]:
        """That of the home, those that were named, and those on disks that can be written."""
        own = mount_point(self._home)
        found = {own: Mount(place=own, is_home=True)}
        devices = {_device(own)}
        for place in self._chosen.mounts:
            found.setdefault(place, Mount(place=place))
        for part in psutil.disk_partitions(all=False):
            place = part.mountpoint
            is_wanted = (
                part.fstype not in _ALWAYS_FULL
                and "ro" not in part.opts.split(",")
                and place not in self._chosen.ignore_mounts
                and place not in found
                and Path(place).is_dir()  # a file that lies over another is no file system
            )
            device = _device(place) if is_wanted else None
            # One that is mounted twice is looked at once.
            if device is not None and device not in devices:
                devices.add(device)
                found[place] = Mount(place=place)
        return tuple(found.values())[:MOST_MOUNTS]

    def look(self, mounts: Sequence[Mount] = ()) -> tuple[tuple[Mount, Room], ...]:
        """What each of them, or of these, says now; blocks for ANSWER_S at most."""
        asked = [(mount, self._ask(mount)) for mount in mounts or self.mounts()]
        found = []
        for mount, answer in asked:
            try:
                room = answer.result(ANSWER_S)
            except TooSlow:
                room = Room(fault=f"does not answer within {ANSWER_S:.0f} s")
            else:
                self._asked.pop(mount.place, None)
            found.append((mount, room))
        return tuple(found)

    def _ask(self, mount: Mount) -> "Future[Room]":
        place = mount.place
        known = self._asked.get(place)
        if known is not None:
            return known  # a call that hangs is not asked a second time
        answer: Future[Room] = Future()
        if mount.is_home:
            # Without it nothing goes on anyway, and mostly there is no other.
            answer.set_result(room_of(place))
            return answer
        self._asked[place] = answer
        # Not one of a pool: the agent could not end while it hangs.
        look = threading.Thread(
            target=lambda: answer.set_result(room_of(place)), name="look at a disk", daemon=True
        )
        try:
            look.start()
        except RuntimeError as error:
            answer.set_result(Room(fault=f"{place} cannot be looked at: {error}"))
        return answer


def room_of(place: str) -> Room:
    """What the file system at this place says."""
    try:
        found = os.statvfs(place)
    except OSError as error:
        return Room(fault=f"{place} cannot be looked at: {(error.strerror or '').lower()}")
    return Room(
        used_bytes=(found.f_blocks - found.f_bfree) * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        inodes=found.f_files,
        free_inodes=found.f_ffree,
    )


def course(
    mount: Mount, *, now_ms: int, keeping: Keeping | None = None
) -> Callable[[Any], tuple[Step, ...]]:
    """What asks the database how full it has been, hour by hour."""
    return partial(
        metrics.series,
        name=mount.reading("disk"),
        from_ms=now_ms - LOOK_BACK_MS,
        to_ms=now_ms,
        step_ms=HOUR_MS,
        now_ms=now_ms,
        keeping=keeping,
    )


def days_left(steps: Sequence[Step]) -> float | None:
    """Days until it is full by its course; None while too little is known."""
    return days_until_full([(step.at_ms, step.mean) for step in steps])


def readings(
    looks: Sequence[tuple[Mount, Room]], days: Mapping[str, float | None]
) -> tuple[Reading, ...]:
    """Share, inodes and days of each file system; `days` by where it is mounted."""
    return tuple(
        reading for mount, room in looks for reading in _of(mount, room, days.get(mount.place))
    )


def _of(mount: Mount, room: Room, days: float | None) -> list[Reading]:
    where = "where the home lies" if mount.is_home else f"on {mount.place}"
    called = "" if mount.is_home else f" {mount.place}"
    share, inodes = room.share, room.inode_share
    used = f"{in_bytes(room.used_bytes)} of {in_bytes(room.used_bytes + room.free_bytes)}"
    coming = f", full in {days:.0f} days" if days is not None and days < FAR_DAYS else ""
    found = [
        Reading(
            id=mount.reading("disk"),
            name=f"Disk space{called}",
            kind="disk",
            value=share,
            unit="share",
            message=room.fault or f"{used} in use {where}{coming}",
            threshold=DISK,
        )
    ]
    if inodes is not None:
        found.append(
            Reading(
                id=mount.reading("inodes"),
                name=f"Inodes{called}",
                kind="inodes",
                value=inodes,
                unit="share",
                message=f"{room.inodes - room.free_inodes} of {room.inodes} in use {where}",
                threshold=INODES,
            )
        )
    if days is not None and share is not None:
        found.append(
            Reading(
                id=mount.reading("disk_days"),
                name=f"Disk trend{called}",
                kind="trend",
                value=days,
                unit="days",
                message=f"full in {days:.1f} days {where}, as it has grown"
                if days < FAR_DAYS
                else f"does not fill {where}",
                threshold=DAYS,
                # What is nearly empty may fill by a single file; its trend says little.
                state=OK if share < 0.5 and days >= 1 else "",
            )
        )
    return found


def mount_point(folder: Path) -> str:
    """Where the file system that holds this folder is mounted."""
    found = folder.resolve()
    while not found.is_mount() and found != found.parent:
        found = found.parent
    return str(found)


def _device(place: str) -> int | None:
    try:
        return os.stat(place).st_dev  # noqa: PTH116 - a name, not a path of ours
    except OSError:
        return None
