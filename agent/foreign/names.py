"""What is a foreign command to be called as a task."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from agent.foreign.commands import shell_words


class _Wrapper(NamedTuple):
    """A program that runs another: its options with a value, and the words before that other."""

    options: tuple[str, ...] = ()
    words: int = 0


_LONGEST: Final = 56
_WRAPPERS: Final = {
    "chronic": _Wrapper(),
    "chrt": _Wrapper(words=1),
    "command": _Wrapper(),
    "env": _Wrapper(("-u", "-C")),
    "exec": _Wrapper(),
    "flock": _Wrapper(("-w", "-E"), words=1),
    "ionice": _Wrapper(("-c", "-n")),
    "nice": _Wrapper(("-n",)),
    "runuser": _Wrapper(("-u", "-g")),
    "sudo": _Wrapper(("-u", "-g")),
    "systemd-cat": _Wrapper(("-t", "-p")),
    "time": _Wrapper(("-o", "-f")),
    "timeout": _Wrapper(("-k", "-s"), words=1),
}
_INTERPRETERS: Final = re.compile(r"(ba|da|k|z)?sh|(python|perl|php|ruby|node)[\d.]*|java")
_SHELLS: Final = re.compile(r"(ba|da|k|z)?sh")
_MANY_IN_ONE: Final = frozenset({"artisan", "console", "manage.py", "rake", "wp", "occ"})
# What only prepares the program that the line is about.
_PREPARES: Final = frozenset(
    {":", ".", "[", "[[", "cd", "echo", "exit", "export", "printf", "set", "sleep", "source"}
    | {"test", "true", "ulimit", "umask", "mkdir", "date"}
)
_WORDS_OF_SH: Final = frozenset({"!", "do", "else", "if", "then", "while", "{", "}", "fi", "done"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_OPERATORS: Final = frozenset("();<>|&")
_EXTENSION: Final = re.compile(r"\.(sh|bash|py|pl|php|rb|js|jar|service|timer)$")


def name_of(command: str) -> str:
    """A name from the program that the command is about, as tasks may have it."""
    programs = [
        words for part in _parts(shell_words(command)) if (words := _without_wrappers(part))
    ]
    for words in programs:
        if words[0] not in _PREPARES:
            return slug(_name(words))
    return slug(_name(programs[0])) if programs else "task"


def slug(text: str) -> str:
    """The text with the signs that names may have, at most 56 of them."""
    said = re.sub(r"[^a-z0-9._-]+", "_", _EXTENSION.sub("", text).lower())
    return said.strip("._-")[:_LONGEST] or "task"


def unique(name: str, taken: set[str]) -> str:
    """The name itself, or the first of -2, -3 ... that is free."""
    number = 1
    found = name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def _parts(words: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    is_target = False
    for word in words:
        if set(word) <= _OPERATORS:
            is_target = "<" in word or ">" in word
            if not is_target:
                yield part
                part = []
        elif is_target:
            is_target = False
        else:
            part.append(word)
    yield part


def _without_wrappers(words: list[str]) -> list[str]:
    while words:
        first = _base(words[0])
        if words[0] in _WORDS_OF_SH or _ASSIGNMENT.match(words[0]):
            words = words[1:]
        elif wrapper := _WRAPPERS.get(first):
            rest = _skip_options(words[1:], wrapper.options)
            if not rest[wrapper.words :]:
                return words
            words = rest[wrapper.words :]
        else:
            return words
    return []


def _skip_options(words: list[str], valued: tuple[str, ...]) -> list[str]:
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in valued else words[1:]
    return words


def _name(words: list[str]) -> str:
    first, rest = _base(words[0]), words[1:]
    if first == "run-parts" and rest:
        return _base(rest[-1])
    if _SHELLS.fullmatch(first) and rest[:1] == ["-c"] and len(rest) > 1:
        return name_of(rest[1])
    if _INTERPRETERS.fullmatch(first):
        if rest[:1] == ["-m"] and len(rest) > 1:
            return rest[1]
        rest = _skip_options(rest, ("-d", "-W", "-X"))
        if not rest:
            return first
        first, rest = _base(rest[0]), rest[1:]
    if first in _MANY_IN_ONE and rest and not rest[0].startswith("-"):
        return f"{_EXTENSION.sub('', first)}_{rest[0]}"
    return first


def _base(word: str) -> str:
    return PurePosixPath(word).name or word
