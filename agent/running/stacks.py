"""Which calls does a stack trace tell of, the one that went wrong first?"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, Final

MOST_FRAMES: Final = 50
_FILE_CHARS: Final = 300
_FUNCTION_CHARS: Final = 200
# A longer line is no frame that anybody wrote, and would only cost time.
_LINE_CHARS: Final = 1_000

Frame = dict[str, Any]

_PYTHON: Final = re.compile(r' {2,}File "([^"]+)", line (\d+)(?:, in (.+))?$')
PYTHON_HEAD: Final = "Traceback (most recent call last):"
_BAR: Final = re.compile(r"^ +\| ")
_PHP_PLACE: Final = re.compile(r" in (\S.*?)(?::| on line )(\d+)$")
_PHP: Final = re.compile(r"#\d+ (?:(\{main\})|\[internal function\]: (.+)|(.+?)\((\d+)\): (.+))$")
_XDEBUG: Final = re.compile(r"PHP +\d+\. ([^(]+)\(.*\) (\S+):(\d+)$")
_NODE: Final = re.compile(r"\s+at (?:async )?(?:([^()]+) \()?([^()\s][^()]*):(\d+):\d+\)?(?: \{)?$")
_JAVA: Final = re.compile(r"\s+at ([\w$.<>/@-]+)\(([^():]+)(?::(\d+))?\)$")
_RUBY: Final = re.compile(r"(?:\s+from )?([^:\s][^:]*):(\d+):in [`'](.+?)'(?:: .*)?$")


def frames_of(language: str, trace: Sequence[str]) -> dict[str, Any] | None:
    """The calls in a trace of this language as a table for programs; None when there are none."""
    read = _READERS.get(language)
    lines = [line for line in trace if len(line) <= _LINE_CHARS]
    found = list(read(lines))[:MOST_FRAMES] if read else []
    return {"language": language, "frames": found} if found else None


def _python(lines: Iterable[str]) -> Iterator[Frame]:
    lines = list(lines)
    # Before the last trace stand those of what caused it.
    last = max((at for at, line in enumerate(lines) if line.strip() == PYTHON_HEAD), default=0)
    # Behind the calls of a group stand those of the errors in it.
    outer = takewhile(lambda line: "+-+" not in line, lines[last:])
    matches = [match for line in outer if (match := _PYTHON.match(_BAR.sub("", line)))]
    # Python tells the outermost call first.
    return (_frame(match[1], match[2], match[3]) for match in reversed(matches))


def _php(lines: Sequence[str]) -> Iterator[Frame]:
    """PHP names with each function the place it was called from, not the one it has come to."""
    xdebug = [match for line in lines if (match := _XDEBUG.match(line))]
    if xdebug:
        yield from (_frame(match[2], match[3], match[1].strip()) for match in reversed(xdebug))
        return
    last = max((at for at, line in enumerate(lines) if line.startswith("Next ")), default=0)
    lines = lines[last:]
    said = takewhile(lambda line: not line.endswith("Stack trace:"), lines)
    place = next((found for line in said if (found := _PHP_PLACE.search(line))), None)
    file, number = (place[1], place[2]) if place else (None, None)
    for line in lines:
        match = _PHP.match(line)
        if match is None:
            continue
        main, internal, called_in, called_at, function = match.groups()
        yield _frame(file, number, main or (internal or function).split("(")[0])
        file, number = called_in, called_at


def _node(lines: Iterable[str]) -> Iterator[Frame]:
    # What caused it is told among its facts, indented by more.
    own = (line for line in lines if not line.startswith("      "))
    return (_frame(match[2], match[3], match[1]) for line in own if (match := _NODE.match(line)))


def _java(lines: Iterable[str]) -> Iterator[Frame]:
    # What caused it was thrown from other calls, which do not go on from these.
    others = ("Caused by: ", "Suppressed: ")
    lines = takewhile(lambda line: not line.lstrip().startswith(others), lines)
    return (_frame(match[2], match[3], match[1]) for line in lines if (match := _JAVA.match(line)))


def _ruby(lines: Iterable[str]) -> Iterator[Frame]:
    is_first = True
    for line in lines:
        match = _RUBY.match(line)
        if match is None:
            continue
        if not is_first and not line[:1].isspace():
            return  # what caused it was raised from other calls
        is_first = False
        yield _frame(match[1], match[2], match[3])


def _frame(file: str | None, line: str | None, function: str | None) -> Frame:
    return {
        "file": file[:_FILE_CHARS] if file else None,
        "line": int(line) if line and len(line) < 10 else None,
        "function": function[:_FUNCTION_CHARS] if function else None,
    }


_READERS: Final[dict[str, Callable[[Sequence[str]], Iterator[Frame]]]] = {
    "python": _python,
    "php": _php,
    "node": _node,
    "java": _java,
    "ruby": _ruby,
}
