"""What does the end of an output say went wrong?"""

import re
from typing import Any, Final

import msgspec

from agent.running.stacks import frames_of

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
_RUBY_HEAD: Final = re.compile(r"[^:\s][^:]{0,500}:\d{1,9}:in [`'][^']{1,300}': (.*)")
_RUBY_NAMED: Final = re.compile(r"(.*) \(([A-Z][\w:]*)\)$")
_RUBY_LINE: Final = re.compile(r"\s+from .+:\d+:in |\s+\.\.\. \d+ levels\.\.\.$")
_XTRACE_LINE: Final = re.compile(r"\++ \S")


class Trouble(msgspec.Struct, frozen=True):
    """One line that says it, and the stack trace if there is one; its calls as a table."""

    message: str | None
    stack_trace: str | None
    frames: dict[str, Any] | None = None


def recognise(text: str) -> Trouble:
    """The error message and the stack trace of a failed run, from its (masked) output."""
    lines = [line.rstrip() for line in _ANSI.sub("", text).splitlines()]
    for language, find in _LANGUAGES.items():
        found = find(lines)
        if found is not None:
            message, trace = found
            return Trouble(
                message[:MESSAGE_CHARS],
                "\n".join(trace)[-TRACE_CHARS:],
                frames_of(language, trace),
            )
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


def _ruby(lines: list[str]) -> tuple[str, list[str]] | None:
    found = _headed(lines, _RUBY_HEAD, _RUBY_LINE)
    if found is None:
        # Raised outside of all methods: one line is the whole trace.
        last = next((line for line in reversed(lines) if line.strip()), "")
        head = _RUBY_HEAD.fullmatch(last)
        if head is None or not _RUBY_NAMED.match(head[1]):
            return None
        found = head[0], [last]
    head_line, trace = found
    match = _RUBY_HEAD.match(head_line)
    said = match[1] if match else head_line
    named = _RUBY_NAMED.match(said)
    return (f"{named[2]}: {named[1]}" if named else said), trace


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


_LANGUAGES: Final = {
    "python": _python,
    "php": _php,
    "java": _java,
    "node": _node,
    "ruby": _ruby,
    "shell": _xtrace,
}
