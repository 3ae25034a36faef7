"""What does a journal say became of each run?"""

from collections.abc import Iterable
from typing import Any

import msgspec


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
