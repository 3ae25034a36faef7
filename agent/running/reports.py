"""How far does a run say it has come, and what does it count?"""

import contextlib
import math
import os
import pwd
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.running.stored import make_again
from agent.settings import Home

REPORT_VARIABLE: Final = "SMARTCRON_REPORT"
MOST_METRICS: Final = 64
MOST_NOTE_CHARS: Final = 200
LONGEST_LINE: Final = 4096
_NAME: Final = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)
_MARK: Final = re.compile(rb"[ \t]{0,8}::(progress|metric)[ \t]+(.{1,1000}?)::[ \t\r]*")
_PROGRESS: Final = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%?(?:[ \t]+(.*))?", re.ASCII)
_METRIC: Final = re.compile(r"([a-z0-9_.-]{1,64})=(\S{1,32})", re.ASCII)
_MAKE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has told of itself so far; `progress` in percent."""

    progress: int | None = None
    note: str | None = None
    metrics: dict[str, float] = {}

    def then(self, later: "Told") -> "Told":
        """Both, with the later word where they differ."""
        metrics = dict(self.metrics)
        for name, value in later.metrics.items():
            if name in metrics or len(metrics) < MOST_METRICS:
                metrics[name] = value
        is_newer = later.progress is not None
        return Told(
            progress=later.progress if is_newer else self.progress,
            note=later.note if is_newer or later.note is not None else self.note,
            metrics=metrics,
        )


class Listener:
    """Hears out a stream of lines, piece by piece; what is no word for us costs next to nothing.

    With `mask` the lines are those of a report, as they were written: a secret is known for one by
    what stands around it, and JSON spells that otherwise.
    """

    def __init__(self, *, mask: Callable[[str], str] | None = None) -> None:
        self._told = Told()
        self._mask = mask
        self._begun = b""
        self._skips_line = False

    @property
    def told(self) -> Told:
        """What was told so far, in whole lines."""
        note = self._told.note
        if self._mask is None or note is None:
            return self._told
        return msgspec.structs.replace(self._told, note=_plain(self._mask(note)))

    def hear(self, data: bytes) -> None:
        """The next piece: of an output already masked, of a report not."""
        data = self._begun + data
        end = data.rfind(b"\n") + 1
        whole, self._begun = data[:end], data[end:]
        if whole and self._skips_line:
            whole = whole[whole.index(b"\n") + 1 :]
            self._skips_line = False
        if len(self._begun) > LONGEST_LINE:
            self._begun, self._skips_line = b"", True
        if self._mask is not None or b"::" in whole:
            for line in whole.split(b"\n"):
                self._take(line)

    def skip(self) -> None:
        """Something was left out here: what goes on is not the line that had begun."""
        self._begun, self._skips_line = b"", True

    def add(self, told: Told) -> None:
        """This was told where something was left out."""
        self._told = self._told.then(told)

    def finish(self) -> Told:
        """What was told, now that nothing more comes."""
        if not self._skips_line:
            self._take(self._begun)
        self._begun = b""
        return self.told

    def _take(self, line: bytes) -> None:
        if not line or len(line) > LONGEST_LINE:
            return
        said = _in_output(line) if self._mask is None else _in_report(line)
        if said is not None:
            self._told = self._told.then(said)


def report_path(home: Home, run_id: str, *, user: str | None) -> str:
    """Where a run may write its report: another user cannot reach into our home."""
    if user is None or os.geteuid() != 0:
        return f"{home.spool}/{run_id}.report"
    return f"{tempfile.gettempdir()}/smartcron-{run_id}.report"


def report_paths(home: Home, run_id: str) -> tuple[str, ...]:
    """Where the report of a run may lie."""
    own = report_path(home, run_id, user=None)
    return (own, report_path(home, run_id, user="")) if os.geteuid() == 0 else (own,)


def make_report(path: str, user: str | None) -> None:
    """Make an empty report for the eyes of the run's user only; OSError."""
    try:
        handle = os.open(path, _MAKE_FLAGS, 0o600)
    except FileNotFoundError:
        make_again(Path(path).parent)
        handle = os.open(path, _MAKE_FLAGS, 0o600)
    try:
        if user is not None and os.geteuid() == 0:
            # A user who is not there is named by the start, which fails of it.
            with contextlib.suppress(KeyError):
                account = pwd.getpwnam(user)
                os.fchown(handle, account.pw_uid, account.pw_gid)
    finally:
        os.close(handle)


def _in_output(line: bytes) -> Told | None:
    mark = _MARK.fullmatch(line)
    if mark is None:
        return None
    text = mark[2].decode(errors="replace").strip()
    if mark[1] == b"progress":
        said = _PROGRESS.fullmatch(text)
        note = None if said is None or said[2] is None else _plain(said[2])
        return None if said is None else _told(float(said[1]), note, {})
    counted = {found[1]: found[2] for word in text.split() if (found := _METRIC.fullmatch(word))}
    return _told(None, None, counted)


def _in_report(line: bytes) -> Told | None:
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        said = msgspec.json.decode(line)
        if isinstance(said, dict):
            metrics, note = said.get("metrics"), said.get("note")
            return _told(
                said.get("progress"),
                note if isinstance(note, str) else None,
                metrics if isinstance(metrics, dict) else {},
            )
    return None


def _told(progress: object, note: str | None, metrics: dict[str, Any]) -> Told:
    percent = _number(progress)
    counted = {}
    for name, value in list(metrics.items())[:MOST_METRICS]:
        number = _number(value)
        if number is not None and _NAME.fullmatch(name):
            counted[name] = number
    return Told(
        progress=int(percent) if percent is not None and 0 <= percent <= 100 else None,
        note=note,
        metrics=counted,
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _plain(text: str) -> str:
    """One line that no terminal can be harmed by."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:1000])
    return " ".join(shown.split())[:MOST_NOTE_CHARS]
