"""Which recorded runs does somebody ask for, in one line of words and conditions?"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final

import msgspec
from PySide6.QtCore import QCoreApplication

from shared.protocol.requests import RunFilter

RESULTS: Final = (
    "success",
    "error",
    "timeout",
    "killed_memory",
    "lost",
    "aborted",
    "skipped",
    "missed",
)
TRIGGERS: Final = ("schedule", "manual", "retry", "catchup", "chain", "ping")
KEYS: Final = ("task", "result", "cat", "trigger", "host", "from", "to", "text")
_UNITS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class Sought:
    """What was understood: `wanted` is for the agent, `words` for what it answers.

    `problem` says what cannot be asked, and how it is written.
    """

    wanted: RunFilter = field(default_factory=RunFilter)
    words: str = ""
    problem: str = ""

    @property
    def is_asked(self) -> bool:
        """There is a condition that only the agent can answer."""
        return self.wanted != RunFilter()


def read(line: str, *, now_ms: int, zone: tzinfo | None) -> Sought:
    """Read `words task:sync result:error,timeout from:7d to:2026-11-20 text:throttled`."""
    try:
        parts = list(_split(line))
    except ValueError:
        # A quote that is still open, while somebody writes.
        parts = line.replace('"', "").split()
    plain: list[str] = []
    given: dict[str, str] = {}
    for part in parts:
        key, colon, value = part.partition(":")
        if colon and key.lower() in KEYS:
            given[key.lower()] = value
        else:
            plain.append(part)
    known = {key: value for key, value in given.items() if value}
    try:
        wanted = _wanted(known, now_ms, zone)
    except ValueError as error:
        return Sought(words=" ".join(plain), problem=str(error))
    return Sought(wanted=wanted, words=" ".join(plain))


def _split(line: str) -> shlex.shlex:
    """Double quotes alone hold words together: people write of C:\\jobs and of Bob's backup."""
    parts = shlex.shlex(line, posix=True)
    parts.whitespace_split = True
    parts.quotes, parts.escape, parts.commenters = '"', "", ""
    return parts


def _wanted(given: Mapping[str, str], now_ms: int, zone: tzinfo | None) -> RunFilter:
    moments = {
        key: _moment(key, given[key], now_ms, zone) for key in ("from", "to") if key in given
    }
    if len(moments) > 1 and moments["from"] >= moments["to"]:
        raise ValueError(_tr("from: must be earlier than to:"))
    results = tuple(one for one in given.get("result", "").lower().split(",") if one)
    for one in results:
        _check("result", one, RESULTS)
    trigger = given.get("trigger", "").lower() or None
    if trigger is not None:
        _check("trigger", trigger, TRIGGERS)
    wanted = RunFilter(
        task_id=given.get("task"),
        category=given.get("cat"),
        results=results,
        trigger=trigger,
        from_ms=moments.get("from"),
        to_ms=moments.get("to"),
        text=given.get("text"),
        host=given.get("host"),
    )
    try:
        return msgspec.convert(msgspec.to_builtins(wanted), RunFilter)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _check(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        said = ", ".join(known)
        raise ValueError(_tr("{0}:{1} is not known; there are {2}").format(key, value, said))


def _moment(key: str, text: str, now_ms: int, zone: tzinfo | None) -> int:
    try:
        moment_ms = _moment_ms(key, text, now_ms, zone)
    except (ValueError, OverflowError, OSError):
        # A year beyond the calendar, or one that has no moment in some zone, is none either.
        moment_ms = -1
    if moment_ms < 0:
        wanted = _tr("{0}:{1} is no moment; write 2026-11-20, 2026-11-20T06:00, or 7d for ago")
        raise ValueError(wanted.format(key, text))
    return moment_ms


def _moment_ms(key: str, text: str, now_ms: int, zone: tzinfo | None) -> int:
    if text[:-1].isdecimal() and text[-1].lower() in _UNITS:
        return now_ms - int(text[:-1]) * _UNITS[text[-1].lower()]
    at = datetime.fromisoformat(text)
    if key == "to" and len(text) == len("2026-11-20"):
        # A day that is named as the last one belongs to it.
        at += timedelta(days=1)
    at = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    return round(at.timestamp() * 1000)


def _tr(text: str) -> str:
    return QCoreApplication.translate("runquery", text)
