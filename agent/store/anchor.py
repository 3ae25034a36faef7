"""What is written down outside the database about the end of the audit chain?"""

import fcntl
import os
from pathlib import Path
from typing import Final

import msgspec

from agent.errors import StorageError
from agent.store.chain import Link

FILE: Final = "audit.anchor"
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
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Anchor)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
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


def _known(folder: Path) -> Anchor | None:
    try:
        return read(folder)
    except StorageError:
        return None  # begun anew: verify has had its chance to tell


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
        file.write(msgspec.json.encode(anchor))
    half.replace(folder / FILE)
