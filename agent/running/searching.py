"""Which lines of the kept logs hold a text or pattern, found within a time that has a bound?"""

import asyncio
import contextlib
import json
import re
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.clock import iso
from agent.errors import Refused, WrongUse
from agent.running.keptlogs import newest_first
from agent.running.output import Outputs
from agent.running.stored import open_stored

MOST_PATTERN_CHARS: Final = 200
# Beyond its time a process that does not stop by itself is in the midst of a pattern.
GRACE_S: Final = 1.0
MOST_AT_ONCE: Final = 2
LINE_BYTES: Final = 64 << 10
_ROOT: Final = Path(__file__).parents[2]
_SEARCH: Final = (
    f"import sys; sys.path.append({str(_ROOT)!r}); from agent.running.searcher import main; main()"
)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for, and in which logs: of one task or of all, of runs since a moment."""

    pattern: str
    regex: bool = False
    ignore_case: bool = False
    task_name: str | None = None
    from_ms: int | None = None
    limit: int = 100
    within_s: float = 2.0


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a search goes on: in this log, from there, within the run whose header is there."""

    name: str
    at: int = 0
    header_at: int = -1


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A line: where in its task's log, what is seen of it, and which run the log says wrote it.

    A run may write what looks like the header of another: where its output begins proves it.
    """

    task_name: str
    at: int
    run_id: str
    output_at: int
    line: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Some hits; `next` is where to go on, None when all was searched."""

    hits: tuple[Hit, ...] = ()
    next: Place | None = None
    searched_bytes: int = 0
    problem: str = ""


class Searching:
    """Lets few look through the kept logs of a home at once."""

    def __init__(self, outputs: Outputs) -> None:
        self._folder = outputs.folder
        self._outputs = outputs
        self._alive = 0

    async def search(self, question: Question, place: Place | None) -> Found:
        """Hits from the newest log on, as many as were found in time; Refused, WrongUse.

        Who is cancelled ends the search with it.
        """
        check(question)
        if self._alive >= MOST_AT_ONCE:
            raise Refused("busy", f"{MOST_AT_ONCE} searches are under way; ask again in a moment")
        self._alive += 1
        try:
            return await self._search(question, place)
        finally:
            self._alive -= 1

    async def _search(self, question: Question, place: Place | None) -> Found:
        names = await asyncio.to_thread(
            newest_first, self._folder, question.task_name, question.from_ms
        )
        if place is not None and place.name in names:
            names = names[names.index(place.name) :]
        elif place is not None:
            place = None  # it was set aside meanwhile: what it held lies under another name
        if not names:
            return Found()
        asked = {
            "folder": str(self._folder),
            "names": names,
            "at": place.at if place else 0,
            "header_at": place.header_at if place else -1,
            **msgspec.to_builtins(question),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", "-c", _SEARCH),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            limit=LINE_BYTES,
        )
        told = _Told(question, place or Place(names[0]))
        try:
            async with asyncio.timeout(question.within_s + GRACE_S):
                await told.hear(process, json.dumps(asked).encode())
        except TimeoutError:
            told.stop_in_pattern()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        hits = await asyncio.to_thread(self._shown, told.hits)
        return Found(
            hits=tuple(hits),
            next=told.next,
            searched_bytes=told.searched_bytes,
            problem=told.problem,
        )

    def _shown(self, found: list[dict[str, Any]]) -> list[Hit]:
        """The lines as they may be seen: masked again, as the list of secrets may have grown."""
        hits = []
        for said in found:
            try:
                stored = open_stored(self._folder / said["name"])
            except OSError:
                continue
            with closing(stored):
                bounds = (0, stored.size)
                span = stored.read(said["begin"], said["end"])
                if self._outputs.masked(stored, said["begin"], said["end"], bounds) != span:
                    continue  # whoever guesses a secret must not be told that it stands here
                line = self._outputs.masked(stored, said["shown"], said["shown_end"], bounds)
            hits.append(
                Hit(
                    task_name=said["name"].rpartition(".log")[0],
                    at=said["begin"],
                    run_id=said["run"],
                    output_at=said["output_at"],
                    line=line.decode(errors="replace"),
                )
            )
        return hits


class _Told:
    """What the searching process has told so far."""

    def __init__(self, question: Question, place: Place) -> None:
        self._limit = question.limit
        self._since = "" if question.from_ms is None else iso(question.from_ms)
        self._within_s = question.within_s
        self._place = place
        self.next: Place | None = place
        self.hits: list[dict[str, Any]] = []
        self.searched_bytes = 0
        self.problem = ""

    async def hear(self, process: asyncio.subprocess.Process, question: bytes) -> None:
        """Ask, and take what is answered until the limit is reached or the answers end."""
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(question)
            await process.stdin.drain()
        process.stdin.close()
        while line := await process.stdout.readline():
            said = json.loads(line)
            if said.get("done"):
                self.next = None
                return
            self._take(said)
            if len(self.hits) >= self._limit:
                return
        if await process.wait() != 0:
            self.stop_in_pattern()

    def stop_in_pattern(self) -> None:
        """It had to be killed: going on from there would end the same way."""
        self.next = None
        self.problem = (
            f"the pattern took longer than {self._within_s:g} s on one megabyte of "
            f"{self._place.name}; write a simpler one"
        )

    def _take(self, said: dict[str, Any]) -> None:
        name = said["name"]
        if "problem" in said:
            self.problem = f"{name}: {said['problem']}"
        elif "at" in said:
            self.searched_bytes += said["bytes"]
            self._place = self.next = Place(name, said["at"], said["header_at"])
        elif said["since"] >= self._since:
            self.hits.append(said)
            # The line itself is not to be found again.
            self.next = Place(name, said["line_end"], said["header_at"])


def check(question: Question) -> None:
    """Raise WrongUse for what cannot be looked for."""
    if not 1 <= len(question.pattern) <= MOST_PATTERN_CHARS or "\n" in question.pattern:
        raise WrongUse(
            f"pattern: must be one line of 1 to {MOST_PATTERN_CHARS} characters; "
            "lines are looked at one by one"
        )
    if not question.regex:
        return
    try:
        re.compile(question.pattern.encode())
    except (re.error, RecursionError, OverflowError) as error:
        raise WrongUse(
            f"pattern {question.pattern!r} is no regular expression: {error}; "
            "without regex it is looked for as it stands"
        ) from error
