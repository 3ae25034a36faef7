"""What has a run written, as far as it may be seen?"""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.log import log_of
from agent.running import holes, keptlogs, reports
from agent.running.keptlogs import Upkeep
from agent.running.listening import Listening, end_of_whole_lines
from agent.running.patterns import own_patterns
from agent.running.redaction import Redactor
from agent.running.reports import Listener, Told
from agent.running.secrets import load_secrets
from agent.running.spares import Spares
from agent.running.stored import READ_FLAGS, Plain, Stored, is_there, open_plain_file
from agent.running.terms import Ended
from agent.running.trouble import Trouble, recognise
from agent.runs import Run
from agent.settings import Home, Settings

log = log_of(__name__)

TAIL_BYTES: Final = 4096
LOOKED_AT_BYTES: Final = 64 << 10
CHUNK_BYTES: Final = 64 << 10
KEPT_AT_ONCE_BYTES: Final = 256 << 10
LARGE_BYTES: Final = 1 << 20
MARKER_BYTES: Final = 72
UNFINISHED_LINE_MAY_WAIT_S: Final = 1.0
HOLE_STEP_BYTES: Final = 1 << 20
SMALLEST_HOLE_BYTES: Final = 64 << 20
NEVER: Final = 1 << 62
WRITE_FLAGS: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
STAMPS_LAG_MS: Final = 20
"""A kernel may stamp a change with its last tick, which lies up to 10 ms back."""
ROOM_HOLDS_S: Final = 0.05
MUCH_ROOM_BYTES: Final = 1 << 30
"""More than is written in that time."""
FOUND_AT_ONCE_BYTES: Final = 256 << 10
LONGEST_BORDER: Final = 256
"""What begins or ends a run in a log is shorter, and may lie across two reads."""


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


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """How much a run has written, what the end of it says, and what the run told."""

    bytes: int
    tail: str
    error: str | None
    stack_trace: str | None
    frames: dict[str, Any] | None
    told: Told = Told()
    is_cut: bool = False  # the disk of the spool had no room left for more


class Kept(Said, frozen=True, kw_only=True):
    """And where in `logs/tasks` it lies."""

    file: str
    offset: int
    bytes_kept: int


class Outputs:
    """The spools and kept logs of one home; every method may block, so call it in a thread."""

    def __init__(
        self,
        home: Home,
        redactor: Redactor,
        *,
        limit_bytes: int,
        upkeep: Upkeep | None = None,
        spares_at_most: int = 0,
    ) -> None:
        self._home = home
        self._spools, self._logs = str(home.spool), str(home.task_logs)
        self._redactor = redactor
        self._limit_bytes = limit_bytes
        self._upkeep = upkeep or Upkeep()
        self.spares = Spares(home.spool, at_most=spares_at_most)
        self._told = Listening(home, redactor)
        self._trimmed: dict[str, int] = {}  # until where the middle of an output was given back
        self._room_until_s = 0.0  # monotonic; so long there is room on the disk
        self._tidying = threading.Lock()
        self._full = False  # a log was set aside and waits to be packed

    def keep_if_small(self, run: Run, ended: Ended, *, limit_mb: int | None = None) -> Kept | None:
        """As `keep`, but None where a run has written so much that it takes a while."""
        with closing(self._open_spool(run.id)) as spool:
            if spool.size > LARGE_BYTES:
                return None
            return self._keep(spool, run, ended, limit_mb)

    def keep(self, run: Run, ended: Ended, *, limit_mb: int | None = None) -> Kept:
        """Append a finished run's output to its task's log, once, and read what its end says.

        `limit_mb` is the task's own limit of what is kept, where it has one.
        """
        with closing(self._open_spool(run.id)) as spool:
            return self._keep(spool, run, ended, limit_mb)

    def _keep(self, spool: Plain, run: Run, ended: Ended, limit_mb: int | None) -> Kept:
        limit_bytes = self._limit_bytes if limit_mb is None else limit_mb * 1_000_000
        name = f"{run.task_name}.log"
        path = f"{self._logs}/{name}"
        listener = Listener()
        with ExitStack() as open_files:
            kept = _kept_bytes(spool.size, limit_bytes)
            handle, status = keptlogs.open_locked(path)
            open_files.callback(os.close, handle)
            begin, end = _find(handle, status, run, ended, kept)
            if begin is None and end >= self._upkeep.rotate_bytes:
                keptlogs.set_aside(Path(path))
                self._full = True
                handle, status = keptlogs.open_locked(path)
                end = status.st_size
                open_files.callback(os.close, handle)
            parts: Iterable[bytes] = self._parts(spool, kept, listener, run.id)
            if kept == spool.size <= KEPT_AT_ONCE_BYTES:
                parts = tuple(parts)  # read and masked once, for all that is made of it
            if begin is None:
                begin = _append(handle, end, parts, run, ended)
            elif not isinstance(parts, tuple):
                for _ in parts:
                    pass  # only to be listened to
            whole = b"".join(parts) if isinstance(parts, tuple) else None
            said = msgspec.structs.asdict(self._tell(run, spool, listener, whole))
            return Kept(file=name, offset=begin, bytes_kept=kept, **said)

    def tell(self, run: Run) -> Said:
        """What the end of an output says that lies in the spool, and is not kept by this."""
        listener = Listener()
        with closing(self._open_spool(run.id)) as spool:
            kept = _kept_bytes(spool.size, self._limit_bytes)
            for _ in self._parts(spool, kept, listener, run.id):
                pass  # only to be listened to
            return self._tell(run, spool, listener, None)

    def _tell(self, run: Run, spool: Plain, listener: Listener, whole: bytes | None) -> Said:
        # Of a run that went well nobody asks what its end says of trouble.
        trouble = (
            recognise(self._end_of(spool, LOOKED_AT_BYTES, whole))
            if run.status != "success"
            else Trouble(None, None)
        )
        return Said(
            bytes=spool.size,
            tail=self._end_of(spool, TAIL_BYTES, whole),
            error=trouble.message,
            stack_trace=trouble.stack_trace,
            frames=trouble.frames,
            told=self._told.whole(run.id, listener.finish()),
            is_cut=self._is_disk_full(),
        )

    def _is_disk_full(self) -> bool:
        """Asked seldom enough for many that end at once, where nobody fills it meanwhile."""
        if (now_s := time.monotonic()) < self._room_until_s:
            return False
        try:
            status = os.statvfs(self._spools)
        except FileNotFoundError:
            return False  # somebody has removed it; the next start makes it anew
        if status.f_bavail * status.f_frsize > MUCH_ROOM_BYTES:
            self._room_until_s = now_s + ROOM_HOLDS_S
        return status.f_bavail == 0

    def is_lying(self, run_id: str) -> bool:
        """Is there anything in the spool that a run has written?"""
        with suppress(OSError):
            return os.lstat(self._spool(run_id)).st_size > 0
        return False

    def discard_all(self, run_ids: Iterable[str]) -> None:
        """Remove the spools and the reports of runs whose ends are recorded."""
        for run_id in run_ids:
            self.discard(run_id)

    def discard(self, run_id: str) -> None:
        """Remove the spool and the report of a run whose end is recorded."""
        paths = reports.report_paths(self._home, run_id) if self._told.forget(run_id) else ()
        self._trimmed.pop(run_id, None)
        try:
            self.spares.take_in(run_id, self._spool(run_id))
            for path in paths:
                if is_there(path):
                    Path(path).unlink(missing_ok=True)
            if self._full:
                self._full = False
                self.tidy()
        except OSError as error:
            # What stays is swept away when the next agent starts, or packed with the next log.
            log.error("the spool or the logs cannot be tidied", run_id=run_id, cause=str(error))

    def tidy(self) -> tuple[list[str], list[str]]:
        """Pack the logs that were set aside, let the oldest go; the names of both."""
        folder = self._home.task_logs
        with self._tidying:
            packed = [keptlogs.compress(path) for path in keptlogs.set_aside_logs(folder)]
            gone = keptlogs.let_go(folder, self._upkeep, now_s=time.time())
        return [path.name for path in packed], gone

    def look(self, run_id: str) -> Told:
        """What a run that lives has told so far; reads what is new, of much that is new the end."""
        return self._told.look(run_id)

    def masked(self, stored: Stored, begin: int, end: int, bounds: tuple[int, int]) -> bytes:
        """Bytes from begin to end, masked in the light of what stands before and behind them."""
        return self._redactor.masked(stored, begin, end, bounds)

    def trim(self, run_id: str, *, limit_mb: int | None) -> None:
        """Give the disk back what lies in the midst of an output that is far over its limit."""
        path = self._spool(run_id)
        limit_bytes = self._limit_bytes if limit_mb is None else limit_mb * 1_000_000
        spare = limit_bytes // 2 + self._redactor.context_bytes + MARKER_BYTES
        begin = max(_rounded(spare) + HOLE_STEP_BYTES, self._trimmed.get(run_id, 0))
        try:
            end = _rounded(os.lstat(path).st_size - spare)
            if end - begin < SMALLEST_HOLE_BYTES:
                return
            handle, _ = open_plain_file(path, WRITE_FLAGS)
        except OSError:
            return
        try:
            holes.punch(handle, begin, end)
            self._trimmed[run_id] = end
        except OSError:
            self._trimmed[run_id] = NEVER  # this disk cannot; the keeping drops the middle as well
        finally:
            os.close(handle)

    def read(self, run: Run, offset: int, limit: int) -> Chunk:
        """Up to `limit` bytes of a run's output, live or kept; raises Refused (gone)."""
        if not run.has_ended or run.log_file is None:
            return self._read_spool(run, offset, limit)
        return self._read_kept(run, offset, limit)

    @property
    def folder(self) -> Path:
        """Where the kept logs lie."""
        return self._home.task_logs

    def _read_spool(self, run: Run, offset: int, limit: int) -> Chunk:
        with closing(self._open_spool(run.id)) as spool:
            size = spool.size
            data_begin, data_end = holes.around(spool.handle, offset)
            skipped = max(0, min(data_begin, size) - offset)
            offset += skipped
            end = min(size, offset + limit, data_end or size)
            is_fresh = time.time() - spool.changed_s < UNFINISHED_LINE_MAY_WAIT_S
            if is_fresh and not run.has_ended and end == size:
                end = end_of_whole_lines(spool, offset, end)
            data = self.masked(spool, offset, end, (0, size))
        return Chunk(data=data, offset=offset, size=size, has_ended=run.has_ended, skipped=skipped)

    def _read_kept(self, run: Run, offset: int, limit: int) -> Chunk:
        begin, kept = run.log_offset or 0, run.log_bytes or 0
        head, tail = _shares(run.output_bytes, kept)
        skipped = max(0, run.output_bytes - tail - offset) if offset >= head else 0
        offset += skipped
        if offset < head:
            at, end = begin + offset, begin + head
        else:
            at, end = begin + kept - max(0, run.output_bytes - offset), begin + kept
        with closing(keptlogs.find(self._home.task_logs, run)) as log:
            # Masked when it was kept; again, in case the list of secrets has grown since.
            data = self.masked(log, at, min(at + limit, end), (begin, begin + kept))
        return Chunk(
            data=data, offset=offset, size=run.output_bytes, has_ended=True, skipped=skipped
        )

    def _parts(self, spool: Plain, kept: int, listener: Listener, run_id: str) -> Iterator[bytes]:
        """The output chunk by chunk; over the limit its head, a line saying so, and its tail."""
        size = spool.size
        head, tail = _shares(size, kept)
        for at in range(0, head, KEPT_AT_ONCE_BYTES):
            part = self.masked(spool, at, min(at + KEPT_AT_ONCE_BYTES, head), (0, size))
            listener.hear(part)
            yield part
        if not tail:
            return
        yield _marker(size - head - tail)
        listener.skip()
        listener.add(self._told.heard_of(run_id))
        for at in range(size - tail, size, KEPT_AT_ONCE_BYTES):
            part = self.masked(spool, at, min(at + KEPT_AT_ONCE_BYTES, size), (0, size))
            listener.hear(part)
            yield part

    def _end_of(self, spool: Plain, limit: int, whole: bytes | None) -> str:
        """The last bytes of an output, of all of it as it was masked if that is at hand."""
        size = spool.size
        if whole is None:
            data = self.masked(spool, max(0, size - limit), size, (0, size))
        else:
            data = whole[-limit:]
        return data.decode(errors="replace").replace("\0", "")

    def _spool(self, run_id: str) -> str:
        return f"{self._spools}/{run_id}.out"

    def _open_spool(self, run_id: str) -> Plain:
        """The raw output of a run; one that wrote nothing, or has no process yet, wrote nothing."""
        try:
            return Plain(*open_plain_file(self._spool(run_id), READ_FLAGS))
        except (FileNotFoundError, BlockingIOError):  # not there, or just being made a spare
            nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            return Plain(nothing, os.fstat(nothing))


def open_outputs(home: Home, settings: Settings) -> Outputs:
    """The outputs of a home for those who work without the agent."""
    own = own_patterns(settings.redact, is_known=True)
    redactor = Redactor(load_secrets(home.secrets_file).values(), own)
    return Outputs(
        home,
        redactor,
        limit_bytes=settings.output_limit_mb * 1_000_000,
        upkeep=upkeep_of(settings),
    )


def output_offset(run: Run, at: int) -> int:
    """The offset in a run's output of a place in the log that it was kept in."""
    begin, kept = run.log_offset or 0, run.log_bytes or 0
    head, _ = _shares(run.output_bytes, kept)
    return at - begin if at - begin < head else run.output_bytes - (begin + kept - at)


def upkeep_of(settings: Settings) -> Upkeep:
    """What the owner has chosen about kept logs."""
    return Upkeep(
        rotate_bytes=settings.log_rotate_mb * 1_000_000,
        keep_days=settings.log_keep_days,
        keep_bytes=settings.log_keep_mb * 1_000_000,
    )


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


def _rounded(size: int) -> int:
    return size // HOLE_STEP_BYTES * HOLE_STEP_BYTES


def _marker(dropped: int) -> bytes:
    text = f"--- {dropped} bytes left out (output limit)"
    return f"\n{text:-<{MARKER_BYTES - 2}}\n".encode()


def _append(handle: int, before: int, parts: Iterable[bytes], run: Run, ended: Ended) -> int:
    """Add an output to its log, which has so many bytes before it; where it begins there."""
    # What is small goes in one piece, so that no death leaves half of it.
    piece = header = keptlogs.header(run, ended)
    try:
        for part in parts:
            if len(piece) >= KEPT_AT_ONCE_BYTES:
                keptlogs.write_all(handle, piece)
                piece = b""
            piece += part
        end_of_line = b"" if piece.endswith(b"\n") else b"\n"
        keptlogs.write_all(handle, piece + end_of_line + keptlogs.footer(run, ended))
    except OSError:
        os.ftruncate(handle, before)  # the disk is full: nothing half-kept
        raise
    return before + len(header)


def _find(
    handle: int, status: os.stat_result, run: Run, ended: Ended, kept: int
) -> tuple[int | None, int]:
    """Where an agent that died before it could record it has kept this run already; and the end.

    What it had kept by half is cut off, so that it is kept anew in the same place. How it ended
    may have been told otherwise then: the footer is that of the run, whatever it says.
    """
    if status.st_size == 0 or status.st_mtime * 1000 < ended.ended_ms - STAMPS_LAG_MS:
        return None, status.st_size
    header, footer = keptlogs.header(run, ended), keptlogs.footer_of(run)
    end = status.st_size
    while end > 0:
        first = max(0, end - FOUND_AT_ONCE_BYTES)
        at = os.pread(handle, end - first + len(header), first).rfind(header)
        if at >= 0:
            begin = first + at + len(header)
            after = os.pread(handle, LONGEST_BORDER, begin + kept)
            if footer.match(after.removeprefix(b"\n")):
                return begin, status.st_size
            if _is_another_behind(handle, begin, run):
                return None, status.st_size
            os.ftruncate(handle, begin - len(header))
            return None, begin - len(header)
        end = first
    return None, status.st_size


def _is_another_behind(handle: int, begin: int, run: Run) -> bool:
    """Was any other run kept behind this place? An output that looks like one counts as well."""
    end = os.fstat(handle).st_size
    return any(
        border[1] != run.id.encode()
        for at in range(begin, end, FOUND_AT_ONCE_BYTES)
        for border in keptlogs.BORDER.finditer(
            os.pread(handle, FOUND_AT_ONCE_BYTES + LONGEST_BORDER, at)
        )
    )
