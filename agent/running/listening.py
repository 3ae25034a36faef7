"""What has each run told of itself so far, in its output and in its report?"""

import os
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Final

import msgspec

from agent.running.redaction import Redactor
from agent.running.reports import Listener, Told, report_paths
from agent.running.stored import READ_FLAGS, Plain, Stored, is_there, open_plain_file
from agent.settings import Home

HEARD_AT_ONCE_BYTES: Final = 256 << 10
LONGEST_HELD_LINE: Final = 8 << 10
LONGEST_REPORT_BYTES: Final = 1 << 20
CHUNK_BYTES: Final = 64 << 10


class _Heard:
    """How far the output and the report of a run that lives were listened to."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self.listeners = (Listener(), Listener(mask=mask))
        self.offsets = [0, 0]

    @property
    def told(self) -> Told:
        output, report = self.listeners
        return output.told.then(report.told)


class Listening:
    """Hears living runs out bit by bit; every method may block and be called in any thread."""

    def __init__(self, home: Home, redactor: Redactor) -> None:
        self._home = home
        self._redactor = redactor
        self._heard: dict[str, _Heard] = {}
        self._silent: set[str] = set()  # runs that are over and left no report
        self._lock = threading.Lock()

    def look(self, run_id: str) -> Told:
        """What a run that lives has told so far; reads what is new, of much that is new the end."""
        paths = (f"{self._home.spool}/{run_id}.out", *report_paths(self._home, run_id))
        with self._lock:
            heard = self._heard.setdefault(run_id, _Heard(self._mask))
            is_there = False
            for number, path in enumerate(paths):
                stored = _open(path)
                if stored is not None:
                    is_there = True
                    with closing(stored):
                        self._listen(heard, min(number, 1), stored)
            if not is_there:
                del self._heard[run_id]  # it has ended meanwhile, and is cleared away
            return self._seen(heard.told)

    def heard_of(self, run_id: str) -> Told:
        """What was heard of a run's output while it lived."""
        with self._lock:
            heard = self._heard.get(run_id)
            return Told() if heard is None else heard.listeners[0].told

    def whole(self, run_id: str, told: Told) -> Told:
        """All that a run has told that is over: in its output this, and what its report says."""
        lying = [path for path in report_paths(self._home, run_id) if os.path.lexists(path)]
        if not lying:
            self._silent.add(run_id)
        for path in lying:
            stored = _open(path)
            if stored is not None:
                with closing(stored):
                    told = told.then(self._report(stored))
        return self._seen(told)

    def forget(self, run_id: str) -> bool:
        """A run is recorded; may it have left a report?"""
        with self._lock:
            self._heard.pop(run_id, None)
        is_silent = run_id in self._silent
        self._silent.discard(run_id)
        return not is_silent

    def _listen(self, heard: _Heard, which: int, stored: Plain) -> None:
        offset, size = heard.offsets[which], stored.size
        if size <= offset:
            return
        if size - offset > HEARD_AT_ONCE_BYTES:
            offset = size - HEARD_AT_ONCE_BYTES
            heard.listeners[which].skip()
        end = end_of_whole_lines(stored, offset, size)
        is_report = which == 1
        heard.listeners[which].hear(
            stored.read(offset, end)
            if is_report
            else self._redactor.masked(stored, offset, end, (0, size))
        )
        heard.offsets[which] = end

    def _report(self, stored: Plain) -> Told:
        listener, size = Listener(mask=self._mask), stored.size
        begin = max(0, size - LONGEST_REPORT_BYTES)
        if begin:
            listener.skip()
        for at in range(begin, size, CHUNK_BYTES):
            listener.hear(stored.read(at, min(at + CHUNK_BYTES, size)))
        return listener.finish()

    def _seen(self, told: Told) -> Told:
        """Masked once more: as it is said now, a secret may be one that was not in its spelling."""
        if told.note is None:
            return told
        return msgspec.structs.replace(told, note=self._mask(told.note))

    def _mask(self, text: str) -> str:
        masked = self._redactor.mask(text.encode(errors="replace"), is_end=True)
        return masked.decode(errors="replace")


def end_of_whole_lines(stored: Stored, offset: int, end: int) -> int:
    """Where the last finished line ends; a secret must not slip out half written."""
    begin = max(offset, end - LONGEST_HELD_LINE)
    newline = stored.read(begin, end).rfind(b"\n")
    if newline >= 0:
        return begin + newline + 1
    return offset if begin == offset else end


def _open(path: str) -> Plain | None:
    try:
        return Plain(*open_plain_file(path, READ_FLAGS)) if is_there(path) else None
    except OSError:
        return None
