"""What does the end of an output say went wrong?"""

import re
from typing import Any, Final

import msgspec

from agent.running.stacks import PYTHON_HEAD, frames_of

MESSAGE_CHARS: Final = 500
TRACE_CHARS: Final = 16_000
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_TROUBLE_WORDS: Final = re.compile(
    r"\b(?:error|fatal|exception|failed|failure|cannot|can't|could not|denied|refused|"
    r"no such file|not found|unable|panic|abort(?:ed)?|invalid)\b",
    re.IGNORECASE,
)
_PYTHON_CAUSES: Final = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
_PYTHON_GROUP: Final = "+ Exception Group Traceback (most recent call last):"
_PYTHON_GROUP_LINE: Final = re.compile(r" +[+|]")
_PYTHON_GROUP_ERROR: Final = re.compile(r" +\| ([A-Za-z_][\w.]*: .*)")
_PYTHON_ERROR: Final = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?$")
_PHP_HEAD: Final = re.compile(
    r"(?:\[[^\]]{1,64}\] )?(?:PHP )?(?:Fatal error|Warning|Parse error): +(?:Uncaught )?(.*)"
)
_PHP_LINE: Final = re.compile(r"Stack trace:|#\d+ |  thrown in |PHP Stack trace:|PHP +\d+\. ")
_PHP_NEXT: Final = re.compile(r"Next (\S.*)")
_NODE_HEAD: Final = re.compile(
    r"((?:Uncaught )?[A-Za-z_$][\w$]*(?: \[\w+\])?: .*|[A-Za-z_$][\w$]*Error$)"
)
_NODE_LINE: Final = re.compile(
    r" {4}at .+(?::\d+:\d+\)?|\(<anonymous>\)|\(native\)|\(index \d+\))"
    r"| {4}\.\.\. \d+ lines matching "
)
_NODE_FACTS_BEGIN, _NODE_FACTS_END = " {", "}"
_JAVA_HEAD: Final = re.compile(
    r"(?:Exception in thread \"[^\"]*\" )?"
    r"((?:[a-z_]\w*\.)+[A-Z][\w$]*.*|[A-Z][\w$]*(?:: .*|$))"
)
_JAVA_LINE: Final = re.compile(
    r"\s+at [\w$.<>/@-]+\(.*\)$|Caused by: |\s+Suppressed: "
    r"|\s+\.\.\. \d+ (?:more|common frames omitted)$"
)
_RUBY_HEAD: Final = re.compile(r"[^:\s][^:]{0,500}:\d{1,9}:in [`'][^']{1,300}': (.*)")
_RUBY_NAMED: Final = re.compile(r"(.*) \(([A-Z][\w:]*)\)$")
_RUBY_LINE: Final = re.compile(r"\s+from .+:\d+:in |\s+\.\.\. \d+ levels\.\.\.$")
_RUBY_MARKED: Final = re.compile(r"\s+\^+$")
_XTRACE_LINE: Final = re.compile(r"\++ \S")
# A message may have several lines: so many may stand before the calls, or at the end.
_MESSAGE_LINES: Final = 8
_FACTS_LINES: Final = 100
_NAMED_ERROR: Final = re.compile(r"(?:Exception in thread |[\w.$]*(?:Error|Exception)\b)")


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
    heads = [at for at, line in enumerate(lines) if line.strip() in (PYTHON_HEAD, _PYTHON_GROUP)]
    if not heads:
        return None
    head = heads[-1]
    if lines[head].strip() == _PYTHON_GROUP:
        trace = lines[head : _run_of(lines, head, _PYTHON_GROUP_LINE)]
        errors = [found[1] for line in trace if (found := _PYTHON_GROUP_ERROR.match(line))]
        return (errors or [lines[head].strip()])[0], trace
    for at in range(head + 1, len(lines)):
        if not lines[at].startswith(" ") and _PYTHON_ERROR.match(lines[at]):
            end = at + 1
            while end < min(len(lines), at + _MESSAGE_LINES) and lines[end]:
                end += 1
            return lines[at], lines[_python_begin(lines, heads) : end]
    return lines[head], lines[head:]


def _python_begin(lines: list[str], heads: list[int]) -> int:
    """Where the trace begins of what caused the last one, as long as one tells of another."""
    place = len(heads) - 1
    while place > 0 and heads[place] >= 2 and lines[heads[place] - 2] in _PYTHON_CAUSES:
        place -= 1
    return heads[place]


def _php(lines: list[str]) -> tuple[str, list[str]] | None:
    for at in range(len(lines) - 1, -1, -1):
        head = _PHP_HEAD.match(lines[at])
        if head is None:
            continue
        message, end = head[1], _php_end(lines, at)
        if end is None:
            continue
        # What was thrown while this one was on its way follows it; the last one ended the program.
        while (
            end + 1 < len(lines)
            and not lines[end]
            and (following := _PHP_NEXT.match(lines[end + 1])) is not None
            and (its_end := _php_end(lines, end + 1)) is not None
        ):
            message, end = following[1], its_end
        return message, lines[at:end]
    return None


def _php_end(lines: list[str], head: int) -> int | None:
    """Where the stack ends that belongs to a head line; None when it has none."""
    for at in range(head + 1, min(len(lines), head + 1 + _MESSAGE_LINES)):
        if _PHP_LINE.match(lines[at]):
            return _run_of(lines, at, _PHP_LINE)
    return None


def _java(lines: list[str]) -> tuple[str, list[str]] | None:
    found = _headed(lines, _JAVA_HEAD, _JAVA_LINE)
    return None if found is None else (found[0], lines[found[1] : found[2]])


def _node(lines: list[str]) -> tuple[str, list[str]] | None:
    found = _headed(lines, _NODE_HEAD, _NODE_LINE)
    if found is None:
        return None
    message, head, end = found
    if lines[end - 1].endswith(_NODE_FACTS_BEGIN):
        facts = lines[end : end + _FACTS_LINES]
        if _NODE_FACTS_END in facts:
            end += facts.index(_NODE_FACTS_END) + 1
    return message, lines[head:end]


def _headed(
    lines: list[str],
    head: re.Pattern[str],
    body: re.Pattern[str],
    named: re.Pattern[str] = _NAMED_ERROR,
) -> tuple[str, int, int] | None:
    """The last head line that is followed by lines of a stack: its message, where both are.

    Further lines of the message may stand between; then the head has to name an error.
    """
    for begin in range(len(lines) - 1, 0, -1):
        if not body.match(lines[begin]) or body.match(lines[begin - 1]):
            continue
        for at in range(begin - 1, max(-1, begin - 1 - _MESSAGE_LINES), -1):
            match = head.match(lines[at])
            if match is not None and (at == begin - 1 or named.match(lines[at])):
                return match[1], at, _run_of(lines, begin, body)
    return None


def _ruby(lines: list[str]) -> tuple[str, list[str]] | None:
    found = _headed(lines, _RUBY_HEAD, _RUBY_LINE, named=_RUBY_HEAD) or _ruby_outside(lines)
    if found is None:
        return None
    said, head, end = found
    # Behind what ended the program stands at once what caused it.
    while (before := _headed(lines[:head], _RUBY_HEAD, _RUBY_LINE, named=_RUBY_HEAD)) is not None:
        if before[2] != head:
            break
        said, head, _ = before
    named = _RUBY_NAMED.match(said)
    return (f"{named[2]}: {named[1]}" if named else said), lines[head:end]


def _ruby_outside(lines: list[str]) -> tuple[str, int, int] | None:
    """Raised outside of all methods: one line is the trace, perhaps with the place marked."""
    last = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].strip()), -1)
    first = last - _MESSAGE_LINES if last >= 0 and _RUBY_MARKED.fullmatch(lines[last]) else last - 1
    for at in range(last, max(-1, first), -1):
        head = _RUBY_HEAD.fullmatch(lines[at])
        if head is not None and _RUBY_NAMED.match(head[1]):
            return head[1], at, last + 1
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


_LANGUAGES: Final = {
    "python": _python,
    "php": _php,
    "java": _java,
    "node": _node,
    "ruby": _ruby,
    "shell": _xtrace,
}
