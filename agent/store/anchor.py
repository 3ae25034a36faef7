"""What is written down outside the database about the end of the audit chain?"""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

import msgspec

from agent import readback, sealed
from agent.errors import StorageError
from agent.log import log_of
from agent.readback import NotWhole
from agent.store.chain import Link

log = log_of(__name__)

FILE: Final = "audit.anchor"
_DAMAGED: Final = ".damaged-"
_MOST_CUTS: Final = 100


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A backup was put in place: the chain before went up to `lost`, this one only to `kept`."""

    at_ms: int
    lost: Link
    kept: Link
    why: str


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The newest row that is known to have been committed, and the cuts that somebody ordered."""

    last: Link
    cuts: tuple[Cut, ...] = ()


def read(folder: Path) -> Anchor | None:
    """What was written down last; None when there is nothing; raises StorageError."""
    try:
        return _read(folder)
    except (OSError, NotWhole) as error:
        raise StorageError(
            f"{folder / FILE} cannot be read ({error}): it cannot be told whether the end of the "
            "audit chain was cut off; move it aside, and the next command begins it anew"
        ) from error


def raise_to(folder: Path, link: Link) -> None:
    """Write a committed row down, unless a newer one stands there already."""
    with _Held(folder):
        known = _known(folder)
        if known is None or known.last.number < link.number:
            _write(folder, Anchor(last=link, cuts=known.cuts if known else ()))


def cut(folder: Path, kept: Link, *, at_ms: int, why: str) -> None:
    """Go back to the chain of a backup, and remember what the one before had reached."""
    with _Held(folder):
        known = _known(folder)
        if known is None or known.last == kept:
            return
        done = Cut(at_ms=at_ms, lost=known.last, kept=kept, why=why)
        _write(folder, Anchor(last=kept, cuts=(*known.cuts, done)[-_MOST_CUTS:]))


def set_aside(folder: Path) -> list[Path]:
    """The damaged ones in whose place another was begun: what they proved is proved no more."""
    return sorted(folder.glob(f"{FILE}{_DAMAGED}*"))


def _read(folder: Path) -> Anchor | None:
    try:
        return readback.from_json((folder / FILE).read_bytes(), Anchor)
    except FileNotFoundError:
        return None


def _known(folder: Path) -> Anchor | None:
    """What stands there; what is damaged is set aside, for whoever verifies. Raises OSError."""
    try:
        return _read(folder)
    except (NotWhole, IsADirectoryError) as error:
        aside = folder / f"{FILE}{_DAMAGED}{time.time_ns() // 1_000_000}"
        (folder / FILE).rename(aside)
        log.error("the anchor of the audit is damaged", aside=str(aside), cause=str(error))
        return None


class _Held:
    """Only one process at a time goes on with the file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f".{FILE}.lock"
        self._handle = -1

    def __enter__(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._handle = os.open(self._path, flags, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


def _write(folder: Path, anchor: Anchor) -> None:
    half = folder / f".{FILE}.half"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    handle = os.open(half, flags, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(sealed.seal(msgspec.json.encode(anchor)))
    half.replace(folder / FILE)
