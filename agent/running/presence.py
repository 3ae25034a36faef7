"""Which programs and folders that a task names are not on this host?"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from agent.running.spawn import SHELL_WORDS
from agent.running.terms import Order

_SHELLS: Final = frozenset({"sh", "bash", "dash"})
# A shell has these in itself, whatever lies on the host.
_BUILT_IN: Final = SHELL_WORDS | frozenset(
    {"alias", "bg", "break", "builtin", "cd", "continue", "declare", "disown", "do", "done", "echo"}
    | {"elif", "else", "enable", "esac", "false", "fg", "fi", "function", "getopts", "hash", "jobs"}
    | {"kill", "let", "local", "popd", "printf", "pushd", "pwd", "readonly", "return", "select"}
    | {"shift", "shopt", "test", "then", "time", "times", "true", "typeset", "wait", "[", "[["}
)
_JOINTS: Final = frozenset({"&&", "||", ";", "|"})
_GROUPING: Final = frozenset("(){}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./+-]+", re.ASCII)


def absent(order: Order) -> list[str]:
    """What this order needs and is not there, a sentence each; only what is certain."""
    folder = order.working_directory
    if not Path(folder).is_dir():
        return [f"there is no folder {folder!r}"]
    path = order.environment.get("PATH", os.defpath)
    return list(dict.fromkeys(_missing(order.argv, folder, path)))


def _missing(argv: Sequence[str], folder: str, path: str) -> Iterator[str]:
    if not is_program(argv[0], folder, path):
        yield f"there is no program {argv[0]!r}"
    elif Path(argv[0]).name in _SHELLS and len(argv) > 2 and argv[1] == "-c":
        yield from _missing_in_shell(argv[2], folder, path)


def _missing_in_shell(command: str, folder: str, path: str) -> Iterator[str]:
    """What the commands in a text for a shell begin with, as far as its words are plain."""
    for words in _simple_commands(command):
        if not words or not _PLAIN.fullmatch(words[0]):
            return
        first = words[0]
        if first == "cd":
            if len(words) != 2 or not _PLAIN.fullmatch(words[1]):
                return
            folder = str(Path(folder, words[1]))
            if not Path(folder).is_dir():
                yield f"there is no folder {folder!r}"
                return
        elif first in _BUILT_IN:
            # Some of them change what follows: a path, a condition, a function.
            if first not in ("echo", "true", "false", "test", "printf", "wait"):
                return
        elif not is_program(first, folder, path):
            yield f"there is no program {first!r}"


def _simple_commands(command: str) -> Iterator[list[str]]:
    reader = shlex.shlex(command, posix=True, punctuation_chars=True)
    reader.commenters = ""
    words: list[str] = []
    try:
        for word in reader:
            if not _GROUPING.isdisjoint(word):
                return  # a function, another shell: names may mean anything from here on
            if word not in _JOINTS:
                words.append(word)
                continue
            yield words
            words = []
    except ValueError:
        return  # a quotation that does not end; the shell says so
    yield words


def is_program(name: str, folder: str, path: str) -> bool:
    """A shell would find something to execute by this name."""
    places = [folder] if "/" in name else [str(Path(folder, one)) for one in path.split(":")]
    return any(_can_be_executed(Path(place, name)) for place in places)


def _can_be_executed(place: Path) -> bool:
    return place.is_file() and os.access(place, os.X_OK)
