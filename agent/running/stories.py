"""What does a journal say became of each run?"""

from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec

_Pid = Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]
_Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
# The last moment of the year 9999.
_Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]


class _OfKeeper(msgspec.Struct):
    pid: _Pid
    start: _Count
    boot: str


class _OfRun(msgspec.Struct):
    run: str


class _Order(_OfRun):
    output_file: str
    timeout_ms: _Count | None
    kill_grace_ms: _Count | None
    memory_limit_bytes: _Count | None
    cpu_limit_s: _Count | None = None
    keeps_leftovers: bool | None = None
    cgroup: str | None = None
    tick: _Count = 0


class _Started(_OfRun):
    pid: _Pid
    start: _Count
    started_ms: _Moment
    started_mono_ms: _Count


class _Stopping(_OfRun):
    cause: str
    kill_mono_ms: _Count


class _Ended(_OfRun):
    pid: _Pid | None
    started_ms: _Moment | None
    ended_ms: _Moment
    duration_ms: int | None
    exit_status: int | None
    signal: int | None
    cause: str
    cpu_ms: _Count | None
    peak_rss: _Count | None
    leftovers: _Count
    detail: str = ""
    read_bytes: _Count | None = None
    written_bytes: _Count | None = None
    minor_faults: _Count | None = None
    major_faults: _Count | None = None


class _Refused(_OfRun):
    reason: str
    full: bool = False
    begun: bool = False


_KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "keeper": _OfKeeper,
    "forgotten": _OfRun,
    "order": _Order,
    "started": _Started,
    "stopping": _Stopping,
    "exited": _Ended,
    "ended": _Ended,
    "refused": _Refused,
}
"""What a line of each kind must hold at least; of all other kinds nothing is known here."""


class Story(msgspec.Struct):
    """All lines of one run that matter after its keeper's death."""

    run_id: str
    order: dict[str, Any] | None = None
    started: dict[str, Any] | None = None
    stopping: dict[str, Any] | None = None
    exited: dict[str, Any] | None = None
    ended: dict[str, Any] | None = None
    refused: dict[str, Any] | None = None


class Told(msgspec.Struct):
    """A whole journal: which keeper wrote it, and the runs nobody has told it to forget."""

    pid: int
    start: int
    boot: str
    stories: dict[str, Story]


def is_sound(line: dict[str, Any]) -> bool:
    """Can a keeper have written this line? A keeper of a later version may say other things."""
    said = line.get("e")
    wanted = _KINDS.get(said) if isinstance(said, str) else None
    try:
        return wanted is None or msgspec.convert(line, wanted) is not None
    except msgspec.ValidationError:
        return False


def told_by(lines: Iterable[dict[str, Any]]) -> Told:
    """Put the lines of a journal together, run by run."""
    told = Told(0, 0, "", {})
    for line in lines:
        kind = line.get("e")
        if kind == "keeper":
            told.pid, told.start, told.boot = line["pid"], line["start"], line["boot"]
        elif kind == "forgotten":
            told.stories.pop(line["run"], None)
        elif kind in {"order", "started", "stopping", "exited", "ended", "refused"}:
            story = told.stories.setdefault(line["run"], Story(line["run"]))
            setattr(story, kind, line)
    return told
