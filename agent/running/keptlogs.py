"""Where does the kept output of a run lie, whatever became of its log since?"""

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from agent.clock import iso
from agent.errors import Refused
from agent.running.stored import (
    PACKED_SUFFIX,
    Packed,
    Plain,
    make_again,
    open_plain_file,
    open_stored,
    pack,
)
from agent.running.terms import Ended
from agent.runs import Run

DAY_S: Final = 86_400
_LOG_FLAGS: Final = (
    os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)
_HALF_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_HELD: Final = ".held"
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
_ASIDE: Final = re.compile(r"(.+\.log)\.(\d{8}T\d{6}\.\d{6}Z)(\.gz)?", re.ASCII)
_LOG: Final = re.compile(r".+\.log(?:\.\d{8}T\d{6}\.\d{6}Z(?:\.gz)?)?", re.ASCII)


class Upkeep(msgspec.Struct, frozen=True, kw_only=True):
    """When a task's log is set aside, and for how long and how much is kept of all of them."""

    rotate_bytes: int = 10_000_000
    keep_days: int = 90
    keep_bytes: int = 2_000_000_000


def open_locked(path: Path | str) -> tuple[int, os.stat_result]:
    """The log of a task, made if need be, for us alone until it is closed; and what it is."""
    while True:
        try:
            handle, status = open_plain_file(path, _LOG_FLAGS, is_ours_alone=True)
        except FileNotFoundError:
            make_again(Path(path).parent)
            handle, status = open_plain_file(path, _LOG_FLAGS, is_ours_alone=True)
        with contextlib.suppress(FileNotFoundError):
            if os.lstat(path).st_ino == status.st_ino:
                return handle, status
        os.close(handle)  # it was set aside while we waited


def set_aside(path: Path) -> Path:
    """Give the log of a task, which we hold locked, a name that tells when."""
    return path.rename(path.with_name(f"{path.name}.{datetime.now(UTC).strftime(_STAMP)}"))


def rotate(path: Path) -> Path:
    """Set a task's log aside under a name that tells when; its runs' offsets stay true."""
    handle, _ = open_locked(path)
    try:
        return set_aside(path)
    finally:
        os.close(handle)


def compress(path: Path) -> Path:
    """Pack a log that was set aside; what is read at an offset stays the same."""
    target = path.with_name(path.name + PACKED_SUFFIX)
    half = path.with_name(f".{target.name}.half")
    source = open_stored(path)
    try:
        fcntl.flock(source.handle, fcntl.LOCK_EX)
        if not path.exists():
            return target  # somebody else packed it while we waited
        handle, _ = open_plain_file(half, _HALF_FLAGS)
        try:
            for part in pack(source):
                write_all(handle, part)
            changed_s = path.lstat().st_mtime
            os.utime(handle, (changed_s, changed_s))
            os.fsync(handle)
        except BaseException:
            half.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
        half.rename(target)
        path.unlink()
    finally:
        source.close()
    return target


def set_aside_logs(folder: Path) -> list[Path]:
    """The logs that were set aside and are not packed yet, oldest first."""
    return sorted(path for path in folder.glob("*.log.*Z") if _ASIDE.fullmatch(path.name))


def let_go(folder: Path, upkeep: Upkeep, *, now_s: float) -> list[str]:
    """Remove logs set aside that are too old, then the oldest while all are too much; which.

    A log that is still written to stays, and so do those of tasks that are held. Nothing outside
    of the folder is ever touched, nor a link followed: the folder is held open, and names are only
    looked up in it.
    """
    with _opened(folder) as handle:
        gone = _too_old(handle, upkeep, now_s)
        for name in gone:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=handle)
    return list(gone)


def too_old(folder: Path, upkeep: Upkeep, *, now_s: float) -> dict[str, int]:
    """What `let_go` would remove, and how many bytes each has."""
    with _opened(folder) as handle:
        return _too_old(handle, upkeep, now_s)


def hold_logs(folder: Path, tasks: Collection[str]) -> None:
    """Keep the logs of these tasks, and only of these, until another call says otherwise.

    It is told by files beside the logs: a log is also let go of while the database is away.
    """
    for name in tasks:
        os.close(os.open(folder / f"{name}{_HELD}", _HALF_FLAGS, 0o600))
    for path in folder.glob(f"*{_HELD}"):
        if path.name.removesuffix(_HELD) not in tasks:
            path.unlink(missing_ok=True)


def find(folder: Path, run: Run) -> Plain | Packed:
    """The log in which a run's output lies, opened; raises Refused (gone).

    Its row may name the log by an older name: it was set aside, or packed, before the row was
    written, or a crash came in between. What stands before the output tells whose it is.
    """
    named = Path(run.log_file or "").name
    for name in _candidates(folder, named, run):
        try:
            log = open_stored(folder / name)
        except OSError:
            continue
        try:
            if _is_of(log, run):
                return log
        except OSError:
            pass
        log.close()
    raise Refused("gone", f"the kept log {named} has been removed, or is damaged")


def newest_first(folder: Path, task_name: str | None, from_ms: int | None) -> list[str]:
    """The names of all logs, or those of one task, that something was written to since."""
    found = []
    for path in folder.glob("*.log*"):
        aside = _ASIDE.fullmatch(path.name)
        base = aside[1] if aside else path.name
        if not _LOG.fullmatch(path.name) or task_name not in (None, base.removesuffix(".log")):
            continue
        with contextlib.suppress(FileNotFoundError):
            changed_ms = path.lstat().st_mtime * 1000
            if from_ms is None or changed_ms >= from_ms:
                stamp = aside[2] if aside else ""
                # Of two with one stamp, a packing broke off: the packed one is whole.
                found.append(((not stamp, stamp, path.name), path.name))
    names = [name for _, name in sorted(found, reverse=True)]
    return [name for name in names if name + PACKED_SUFFIX not in names]


BORDER: Final = re.compile(rb"^=== \S+ run (\S+) (?:attempt \d+ begins|ends: )", re.MULTILINE)
"""What begins or ends a run in a kept log, and which one."""


def header(run: Run, ended: Ended) -> bytes:
    """What stands before a run's output; its end names the run."""
    at_ms = ended.started_ms if ended.started_ms is not None else ended.ended_ms
    return f"=== {iso(at_ms)} ".encode() + _whose(run)


def footer(run: Run, ended: Ended) -> bytes:
    """What stands behind a run's output."""
    said = [ended.cause] if ended.cause else []
    if ended.exit_status is not None:
        said.append(f"exit status {ended.exit_status}")
    if ended.signal is not None:
        said.append(f"signal {ended.signal}")
    text = ", ".join(said) or "exit status unknown"
    return f"=== {iso(ended.ended_ms)} run {run.id} ends: {text} ===\n".encode()


def footer_of(run: Run) -> re.Pattern[bytes]:
    """What any footer of this run looks like, however its end was told."""
    return re.compile(rb"=== \S+ run " + re.escape(run.id.encode()) + rb" ends: ")


def write_all(handle: int, data: bytes) -> None:
    """Write all of it, however little is taken at once."""
    while data:
        data = data[os.write(handle, data) :]


def _candidates(folder: Path, named: str, run: Run) -> Iterator[str]:
    yield named
    yield named + PACKED_SUFFIX
    aside = _ASIDE.fullmatch(named)
    base = aside[1] if aside else named
    ended_s = (run.ended_ms or 0) / 1000
    # The first one that was set aside after its end; a clock that was set makes it another one.
    later = sorted(
        _set_aside(path.name for path in folder.glob("*.log.*") if path.name.startswith(base)),
        key=lambda pair: (pair[1] < ended_s, pair[1]),
    )
    yield from (name for name, _ in later)
    yield base


def _set_aside(names: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Those that were set aside, and when."""
    for name in names:
        if found := _ASIDE.fullmatch(name):
            with contextlib.suppress(ValueError):
                at = datetime.strptime(found[2], _STAMP).replace(tzinfo=UTC)
                yield name, at.timestamp()


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _too_old(handle: int, upkeep: Upkeep, now_s: float) -> dict[str, int]:
    found = {}
    names = os.listdir(handle)
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if _LOG.fullmatch(name) and stat.S_ISREG(status.st_mode):
                found[name] = status.st_size
    held = {name.removesuffix(_HELD) for name in names if name.endswith(_HELD)}
    total = sum(found.values())
    gone = {}
    for name, set_aside_s in sorted(_set_aside(found), key=lambda pair: pair[1]):
        if set_aside_s >= now_s - upkeep.keep_days * DAY_S and total <= upkeep.keep_bytes:
            break
        if _task_of(name) not in held:
            total -= found[name]
            gone[name] = found[name]
    return gone


def _task_of(name: str) -> str:
    aside = _ASIDE.fullmatch(name)
    return (aside[1] if aside else name).removesuffix(".log")


def _is_of(log: Plain | Packed, run: Run) -> bool:
    begin, whose = run.log_offset or 0, _whose(run)
    return log.read(max(0, begin - len(whose)), begin) == whose


def _whose(run: Run) -> bytes:
    return f"run {run.id} attempt {run.attempt} begins ===\n".encode()
