"""In which lines of kept logs does a text or pattern stand?

A process of its own, with the standard library only: it reads one question as JSON, answers in
JSON lines, and is killed when its time is over, as nothing else ends a pattern under way.
"""

import bisect
import json
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from agent.running.stored import Stored, open_stored

BLOCK_BYTES: Final = 1 << 20
# A line without an end is looked at in pieces that share this much.
SHARED_BYTES: Final = 4 << 10
MOST_MEMORY_BYTES: Final = 1 << 30
MOST_SHOWN_BYTES: Final = 400
BEFORE_BYTES: Final = 100
_BEGINS: Final = b" begins ===\n"
_HEADER: Final = re.compile(
    rb"^=== (\S{24}) run ([0-9A-Za-z]{1,40}) attempt [0-9]{1,6} begins ===\n", re.MULTILINE
)
_OURS: Final = re.compile(
    rb"=== \S{24} run [0-9A-Za-z]{1,40} (?:attempt [0-9]{1,6} begins|ends: .*) ==="
)

Find = Callable[[bytes, int], tuple[int, int] | None]


def finder(pattern: str, *, is_regex: bool, ignore_case: bool) -> Find:
    """Where it stands next in a block, from an offset on; re.error for what is no pattern."""
    raw = pattern.encode()
    if not is_regex and not ignore_case:

        def find_text(block: bytes, at: int) -> tuple[int, int] | None:
            found = block.find(raw, at)
            return None if found < 0 else (found, found + len(raw))

        return find_text
    flags = re.MULTILINE | (re.IGNORECASE if ignore_case else 0)
    compiled = re.compile(raw if is_regex else re.escape(raw), flags)

    def find_pattern(block: bytes, at: int) -> tuple[int, int] | None:
        while (match := compiled.search(block, at)) is not None:
            begin, end = match.span()
            if b"\n" not in block[begin:end]:
                return begin, end
            # It reached over the end of a line: what counts is what stands in this one.
            line_end = block.index(b"\n", begin)
            within = compiled.search(block, at, line_end)
            if within is not None:
                return within.span()
            at = line_end + 1
        return None

    return find_pattern


def hits(stored: Stored, find: Find, *, at: int, header_at: int) -> Iterator[dict[str, Any]]:
    """Each line that has it, once; after each block how far that was.

    Every answer carries where the run's own header begins, or -1, so that a search can go on.
    """
    size = stored.size
    header = _header_at(stored, header_at)
    while at < size:
        block = stored.read(at, at + BLOCK_BYTES)
        if not block:
            break
        is_last = at + len(block) >= size
        end = len(block) if is_last else block.rfind(b"\n") + 1 or len(block)
        headers = [header, *_headers(block[:end], at)]
        begins = [found["header_at"] for found in headers]
        # A line that fills the block is gone on with a little before its cut.
        cut = end if is_last or block[end - 1 : end] == b"\n" else max(1, end - SHARED_BYTES)
        step, before = 0, -1
        while (place := find(block, step)) is not None and place[0] < cut:
            begin, stop = place
            line_begin = block.rfind(b"\n", 0, begin) + 1
            line_end = block.find(b"\n", stop)
            line_end = len(block) if line_end < 0 else line_end
            step = max(line_end, stop, begin + 1)
            shown = max(line_begin, begin - BEFORE_BYTES)
            line = block[line_begin : min(line_end, line_begin + MOST_SHOWN_BYTES)]
            if line_begin == before or _OURS.fullmatch(line):
                continue
            before = line_begin
            yield {
                **headers[bisect.bisect_right(begins, at + begin) - 1],
                "begin": at + begin,
                "end": at + stop,
                "shown": at + shown,
                "shown_end": at + min(line_end, shown + MOST_SHOWN_BYTES),
                "line_end": at + line_end,
            }
        header = headers[-1]
        at += cut
        yield {"at": at, "header_at": header["header_at"], "bytes": cut}


def main() -> None:
    """Answer the question on stdin."""
    question = json.load(sys.stdin)
    cpu_s = int(question["within_s"]) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    until_s = time.monotonic() + question["within_s"]
    find = finder(
        question["pattern"], is_regex=question["regex"], ignore_case=question["ignore_case"]
    )
    at, header_at = question["at"], question["header_at"]
    for name in question["names"]:
        try:
            stored = open_stored(Path(question["folder"]) / name)
            for said in hits(stored, find, at=at, header_at=header_at):
                _say({"name": name, **said})
                if "at" in said and time.monotonic() > until_s:
                    return
            stored.close()
        except OSError as error:
            _say({"name": name, "problem": error.strerror or str(error)})
        at, header_at = 0, -1
    _say({"done": True})


def _headers(block: bytes, at: int) -> list[dict[str, Any]]:
    if _BEGINS not in block:
        return []
    return [
        {
            "header_at": at + found.start(),
            "output_at": at + found.end(),
            "since": found[1].decode(),
            "run": found[2].decode(),
        }
        for found in _HEADER.finditer(block)
    ]


def _header_at(stored: Stored, at: int) -> dict[str, Any]:
    if at >= 0 and (found := _headers(stored.read(at, at + SHARED_BYTES), at)):
        return found[0]
    return {"header_at": -1, "output_at": -1, "since": "", "run": ""}


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
