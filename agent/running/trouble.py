"""What does the end of an output say went wrong?"""

import re
from typing import Final

import msgspec

MESSAGE_CHARS: Final = 500
TRACE_CHARS: Final = 16_000
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_TROUBLE_WORDS: Final = re.compile(
    r"\b(?:error|fatal|exception|failed|failure|cannot|can't|could not|denied|refused|"
    r"no such file|not found|unable|panic|abort(?:ed)?|invalid)\b",
    re.IGNORECASE,
)
_PYTHON_HEAD: Final = "Traceback (most recent call last):"
_PYTHON_ERROR: Final = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?$")
_PHP_HEAD: Final = re.compile(r"(?:PHP )?(?:Fatal error|Warning|Parse error): +(?:Uncaught )?(.*)")
_PHP_LINE: Final = re.compile(r"Stack trace:|#\d+ |  thrown in |PHP Stack trace:|PHP +\d+\. ")
_NODE_HEAD: Final = re.compile(r"(?:Uncaught )?([A-Za-z_$][\w$]*(?: \[\w+\])?): (.*)")
_NODE_LINE: Final = re.compile(r" {4}at .+(?::\d+:\d+\)?|\(<anonymous>\)|\(native\))")
_JAVA_HEAD: Final = re.compile(
    r"(?:Exception in thread \"[^\"]*\" )?((?:[a-z_]\w*\.)+[A-Z][\w$]*.*)"
)
_JAVA_LINE: Final = re.compile(r"\s+at [\w$.<>/]+\(.*\)$|Caused by: |\s+\.\.\. \d+ more$")
_XTRACE_LINE: Final = re.compile(r"\++ \S")


class Trouble(msgspec.Struct, frozen=True):
    """One line that says it, and the stack trace if there is one."""

    message: str | None
    stack_trace: str | None


def recognise(text: str) -> Trouble:
    """The error message and the stack trace of a failed run, from its (masked) output."""
    lines = [line.rstrip() for line in _ANSI.sub("", text).splitlines()]
    for find in (_python, _php, _java, _node, _xtrace):
        found = find(lines)
        if found is not None:
            message, trace = found
            return Trouble(message[:MESSAGE_CHARS], "\n".join(trace)[-TRACE_CHARS:])
    return Trouble(_telling_line(lines), None)


def _telling_line(lines: list[str]) -> str | None:
    """The last line that speaks of trouble, else the last line."""
    filled = [line.strip() for line in lines if line.strip()]
    for line in reversed(filled):
        if _TROUBLE_WORDS.search(line):
            return line[:MESSAGE_CHARS]
    return filled[-1][:MESSAGE_CHARS] if filled else None


def _python(lines: list[str]) -> tuple[str, list[str]] | None:
    heads = [at for at, line in enumerate(lines) if line.strip() == _PYTHON_HEAD]
    if not heads:
        return None
    head = heads[-1]
    for at in range(head + 1, len(lines)):
        if not lines[at].startswith(" ") and _PYTHON_ERROR.match(lines[at]):
            return lines[at], lines[head : at + 1]
    return lines[head], lines[head:]


def _php(lines: list[str]) -> tuple[str, list[str]] | None:
    for at in range(len(lines) - 1, -1, -1):
        head = _PHP_HEAD.match(lines[at])
        if head is None:
            continue
        end = _run_of(lines, at + 1, _PHP_LINE)
        if end > at + 1:
            return head.group(1), lines[at:end]
    return None


def _java(lines: list[str]) -> tuple[str, list[str]] | None:
    return _headed(lines, _JAVA_HEAD, _JAVA_LINE)


def _node(lines: list[str]) -> tuple[str, list[str]] | None:
    return _headed(lines, _NODE_HEAD, _NODE_LINE)


def _headed(
    lines: list[str], head: re.Pattern[str], body: re.Pattern[str]
) -> tuple[str, list[str]] | None:
    """The last head line that is followed by lines of a stack."""
    for at in range(len(lines) - 2, -1, -1):
        match = head.match(lines[at])
        if match is not None and body.match(lines[at + 1]) and not body.match(lines[at]):
            message = match.group(1) if head is _JAVA_HEAD else match.group(0)
            return message, lines[at : _run_of(lines, at + 1, body)]
    return None


def _xtrace(lines: list[str]) -> tuple[str, list[str]] | None:
    """The last commands that `set -x` showed, with what they said."""
    shown = [at for at, line in enumerate(lines) if _XTRACE_LINE.match(line)]
    if not shown:
        return None
    said = [line for line in lines[shown[-1] + 1 :] if line.strip()]
    return _telling_line(said) or lines[shown[-1]], lines[shown[max(0, len(shown) - 10)] :]


def _run_of(lines: list[str], at: int, pattern: re.Pattern[str]) -> int:
    while at < len(lines) and pattern.match(lines[at]):
        at += 1
    return at
