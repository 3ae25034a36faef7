"""What has a run written, as far as it may be seen?"""

import contextlib
import fcntl
import mmap
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.clock import iso
from agent.errors import Refused
from agent.running.keeping import Ended
from agent.running.redaction import CONTEXT_BYTES, Redactor
from agent.running.secrets import load_secrets
from agent.running.trouble import recognise
from agent.runs import Run
from agent.settings import Home

TAIL_BYTES: Final = 4096
LOOKED_AT_BYTES: Final = 64 << 10
CHUNK_BYTES: Final = 64 << 10
MARKER_BYTES: Final = 72
UNFINISHED_LINE_MAY_WAIT_S: Final = 1.0
LONGEST_HELD_LINE: Final = 8 << 10
READ_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Masked output from `offset` on, in bytes of the whole output, whose length is `size`.

    `offset` has moved by `skipped` bytes when those asked for were left out of the kept log.
    """

    data: bytes
    offset: int
    size: int
    has_ended: bool
    skipped: int = 0

    @property
    def next(self) -> int:
        """The offset to go on from."""
        return self.offset + len(self.data)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Where in `logs/tasks` a run's output lies, and what its end says."""

    file: str
    offset: int
    bytes_kept: int
    bytes: int
    tail: str
    error: str | None
    stack_trace: str | None
    frames: dict[str, Any] | None


class Outputs:
    """The spools and kept logs of one home; every method may block, so call it in a thread."""

    def __init__(self, home: Home, redactor: Redactor, *, limit_bytes: int) -> None:
        self._home = home
        self._redactor = redactor
        self._limit_bytes = limit_bytes

    def keep(self, run: Run, ended: Ended) -> Kept:
        """Append a finished run's output to its task's log, once, and read what its end says."""
        spool = _spool(self._home, run)
        size = _size_of(spool)
        path = self._home.task_logs / f"{run.task_name}.log"
        handle = _open_locked(path)
        try:
            begin, end = self._find(handle, run, ended) or self._append(
                handle, spool, size, run, ended
            )
        finally:
            os.close(handle)
        text = self._end_of(spool, size, LOOKED_AT_BYTES)
        trouble = recognise(text)
        return Kept(
            file=path.name,
            offset=begin,
            bytes_kept=end - begin,
            bytes=size,
            tail=self._end_of(spool, size, TAIL_BYTES),
            error=trouble.message,
            stack_trace=trouble.stack_trace,
            frames=trouble.frames,
        )

    def discard(self, run_id: str) -> None:
        """Remove the spool of a run whose end is recorded."""
        (self._home.spool / f"{run_id}.out").unlink(missing_ok=True)

    def read(self, run: Run, offset: int, limit: int) -> Chunk:
        """Up to `limit` bytes of a run's output, live or kept; raises Refused (gone)."""
        if not run.has_ended or run.log_file is None:
            return self._read_spool(run, offset, limit)
        return self._read_kept(run, run.log_file, offset, limit)

    def _read_spool(self, run: Run, offset: int, limit: int) -> Chunk:
        try:
            handle = os.open(_spool(self._home, run), READ_FLAGS)
        except FileNotFoundError:
            return Chunk(data=b"", offset=offset, size=0, has_ended=run.has_ended)
        try:
            status = os.fstat(handle)
            end = min(status.st_size, offset + limit)
            is_fresh = time.time() - status.st_mtime < UNFINISHED_LINE_MAY_WAIT_S
            if is_fresh and not run.has_ended and end == status.st_size:
                end = _end_of_whole_lines(handle, offset, end)
            data = self._masked(handle, offset, end, (0, status.st_size))
        finally:
            os.close(handle)
        return Chunk(data=data, offset=offset, size=status.st_size, has_ended=run.has_ended)

    def _read_kept(self, run: Run, log_file: str, offset: int, limit: int) -> Chunk:
        begin, kept = run.log_offset or 0, run.log_bytes or 0
        head, tail = _shares(run.output_bytes, kept)
        skipped = max(0, run.output_bytes - tail - offset) if offset >= head else 0
        offset += skipped
        if offset < head:
            at, end = begin + offset, begin + head
        else:
            at, end = begin + kept - max(0, run.output_bytes - offset), begin + kept
        try:
            handle = os.open(self._home.task_logs / Path(log_file).name, READ_FLAGS)
        except FileNotFoundError as error:
            raise Refused("gone", f"the kept log {log_file} has been removed") from error
        try:
            # Masked when it was kept; again, in case the list of secrets has grown since.
            data = self._masked(handle, at, min(at + limit, end), (begin, begin + kept))
        finally:
            os.close(handle)
        return Chunk(
            data=data, offset=offset, size=run.output_bytes, has_ended=True, skipped=skipped
        )

    def _append(
        self, handle: int, spool: Path, size: int, run: Run, ended: Ended
    ) -> tuple[int, int]:
        before = os.fstat(handle).st_size
        try:
            _write(handle, _header(run, ended))
            begin = os.fstat(handle).st_size
            last = b"\n"
            for part in self._parts(spool, size):
                _write(handle, part)
                last = part[-1:]
            end = os.fstat(handle).st_size
            _write(handle, (b"" if last == b"\n" else b"\n") + _footer(run, ended))
        except OSError:
            os.ftruncate(handle, before)  # the disk is full: nothing half-kept
            raise
        return begin, end

    def _find(self, handle: int, run: Run, ended: Ended) -> tuple[int, int] | None:
        """Where an agent that died before it could record it has kept this run already."""
        status = os.fstat(handle)
        if status.st_size == 0 or status.st_mtime * 1000 < ended.ended_ms:
            return None
        header = _header(run, ended)
        with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as text:
            at = text.rfind(header)
            if at < 0 or text.find(_footer(run, ended), at) < 0:
                return None
        begin = at + len(header)
        return begin, begin + _kept_bytes(_size_of(_spool(self._home, run)), self._limit_bytes)

    def _parts(self, spool: Path, size: int) -> Iterator[bytes]:
        """The output chunk by chunk; over the limit its head, a line saying so, and its tail."""
        if size == 0:
            return
        head, tail = _shares(size, _kept_bytes(size, self._limit_bytes))
        handle = os.open(spool, READ_FLAGS)
        try:
            for at in range(0, head, CHUNK_BYTES):
                yield self._masked(handle, at, min(at + CHUNK_BYTES, head), (0, size))
            if tail:
                yield _marker(size - head - tail)
            for at in range(size - tail, size, CHUNK_BYTES):
                yield self._masked(handle, at, min(at + CHUNK_BYTES, size), (0, size))
        finally:
            os.close(handle)

    def _masked(self, handle: int, begin: int, end: int, bounds: tuple[int, int]) -> bytes:
        """Bytes from begin to end, masked in the light of what stands before and behind them."""
        if end <= begin:
            return b""
        first = max(bounds[0], begin - CONTEXT_BYTES)
        data = os.pread(handle, min(bounds[1], end + CONTEXT_BYTES) - first, first)
        return self._redactor.mask(data)[begin - first : end - first]

    def _end_of(self, spool: Path, size: int, limit: int) -> str:
        if size == 0:
            return ""
        handle = os.open(spool, READ_FLAGS)
        try:
            data = self._masked(handle, max(0, size - limit), size, (0, size))
        finally:
            os.close(handle)
        return data.decode(errors="replace").replace("\0", "")


def read_output(home: Home, run: Run, *, offset: int, limit: int = CHUNK_BYTES) -> Chunk:
    """Output of a run for those who work without the agent."""
    redactor = Redactor(load_secrets(home.secrets_file).values())
    return Outputs(home, redactor, limit_bytes=0).read(run, offset, limit)


def rotate(path: Path) -> Path:
    """Set a task's log aside under a name that tells when; its runs' offsets stay true."""
    handle = _open_locked(path)
    try:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        return path.rename(path.with_name(f"{path.name}.{stamp}"))
    finally:
        os.close(handle)


def _shares(size: int, kept: int) -> tuple[int, int]:
    """How many bytes of an output are kept as its head and its tail; no tail: all is head."""
    if kept >= size:
        return size, 0
    head = (kept - MARKER_BYTES) // 2
    return head, kept - MARKER_BYTES - head


def _kept_bytes(size: int, limit_bytes: int) -> int:
    """Bytes in the kept log: all, or when that is too much the limit and a marker."""
    # Only when it is worth it, so that fewer bytes kept always mean a hole.
    if size <= limit_bytes + 2 * MARKER_BYTES:
        return size
    return limit_bytes + MARKER_BYTES


def _marker(dropped: int) -> bytes:
    text = f"--- {dropped} bytes left out (output limit)"
    return f"\n{text:-<{MARKER_BYTES - 2}}\n".encode()


def _spool(home: Home, run: Run) -> Path:
    return home.spool / f"{run.id}.out"


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _open_locked(path: Path) -> int:
    """The log of a task, made if need be, for us alone until it is closed."""
    while True:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(path, flags, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        os.close(handle)  # it was set aside while we waited


def _end_of_whole_lines(handle: int, offset: int, end: int) -> int:
    """Where the last finished line ends; a secret must not slip out half written."""
    begin = max(offset, end - LONGEST_HELD_LINE)
    newline = os.pread(handle, end - begin, begin).rfind(b"\n")
    if newline >= 0:
        return begin + newline + 1
    return offset if begin == offset else end


def _header(run: Run, ended: Ended) -> bytes:
    at_ms = ended.started_ms if ended.started_ms is not None else ended.ended_ms
    return f"=== {iso(at_ms)} run {run.id} attempt {run.attempt} begins ===\n".encode()


def _footer(run: Run, ended: Ended) -> bytes:
    said = [ended.cause] if ended.cause else []
    if ended.exit_status is not None:
        said.append(f"exit status {ended.exit_status}")
    if ended.signal is not None:
        said.append(f"signal {ended.signal}")
    text = ", ".join(said) or "exit status unknown"
    return f"=== {iso(ended.ended_ms)} run {run.id} ends: {text} ===\n".encode()


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
