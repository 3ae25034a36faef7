"""How does cron run a command, and which command of a task does the same."""

import re
import shlex
from typing import Final, NamedTuple

SH: Final = "/bin/sh"
# Marks that a task's command would see replaced by folders and programs of ours.
_MARK: Final = re.compile(r"\{(?:app_root|home|python|agent)\}")
# Whatever reads these, a shell or the agent itself, makes the same words of them.
_PLAIN: Final = re.compile(r"[\w@%+:,./=-]+(?:[ \t]+[\w@%+:,./=-]+)*", re.ASCII)
SECRET_MARK: Final = "secret:"  # noqa: S105 - how a task refers to a secret, not one
_BEHIND: Final = re.compile(r"(?<![&<>|])&(?!&)")


class Said(NamedTuple):
    """A command as a task has it."""

    command: str | tuple[str, ...]
    uses_shell: bool


def split_input(raw: str) -> tuple[str, str]:
    r"""The command before the first bare %, and the text after it for its input.

    As Debian's cron does it: `\%` is a percent sign, `\\` before that % one backslash, and each
    bare % behind it begins a line.
    """
    command: list[str] = []
    letters = iter(enumerate(raw))
    for place, letter in letters:
        if letter == "%":
            return "".join(command), _as_lines(raw[place + 1 :])
        command.append(letter)
        if letter == "\\":
            _, behind = next(letters, (0, ""))
            if behind and behind in "%\\":
                command[-1] = behind
            else:
                command.append(behind)
    return "".join(command), ""


def join_input(command: str) -> str:
    """The same command as a crontab writes it."""
    return re.sub(r"\\(?=[\\%]|$)", r"\\\\", command).replace("%", r"\%")


def say(command: str, given: str, shell: str) -> Said:
    """What does the same as this shell with this command and this input."""
    if given:
        lines = shlex.join(given.removesuffix("\n").split("\n"))
        return Said(
            f"printf '%s\\n' {lines} | {shlex.quote(shell)} -c {shlex.quote(command)}",
            uses_shell=True,
        )
    if shell != SH:
        return Said((shell, "-c", command), uses_shell=False)
    first = command.split(maxsplit=1)[0]
    is_plain = _PLAIN.fullmatch(command.strip(" \t")) is not None and "=" not in first
    return Said(command.strip(" \t"), uses_shell=not is_plain)


def why_not(*texts: str) -> str | None:
    """Why no task can have these texts as they are; None when it can."""
    for text in texts:
        if found := _MARK.search(text):
            return f"{found[0]} means one of Smart Cron's own folders; write it another way"
        if "\n" in text or "\r" in text or "\0" in text:
            return "holds a line break or NUL; call a script"
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            return "is no UTF-8 text; save the file as UTF-8"
    return None


def why_no_variable(value: str) -> str | None:
    """Why no variable of a task can have this value as it is; None when one can."""
    if value.startswith(SECRET_MARK) or "{" + SECRET_MARK in value:
        return "names a secret of ours"
    return why_not(value)


def goes_on_behind(command: str) -> bool:
    """Does it leave something running that nobody waits for?"""
    words = shell_words(command, keep_quotes=True)
    if "wait" in words:
        return False
    if any(word in ("nohup", "setsid", "daemonize", "start-stop-daemon") for word in words):
        return True
    return any(set(word) <= set("();<>|&") and _BEHIND.search(word) for word in words)


def shell_words(command: str, *, keep_quotes: bool = False) -> list[str]:
    """The words of a command, its operators among them, as far as that can be told.

    With their quotes kept, words that only look like operators can be told from them.
    """
    lexer = shlex.shlex(command, posix=not keep_quotes, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return command.split()


def _as_lines(text: str) -> str:
    lines: list[str] = []
    escaped = False
    for sign in text:
        letter = sign
        if escaped and sign != "%":
            lines.append("\\")
        elif sign == "%" and not escaped:
            letter = "\n"
        escaped = letter == "\\"
        if not escaped:
            lines.append(letter)
    if escaped:
        lines.append("\\")
    said = "".join(lines)
    return said if not said or said.endswith("\n") else f"{said}\n"
