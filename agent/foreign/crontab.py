"""What do the lines of a crontab say.

Read by hand and not by a library, as each line's number counts, and by the rules of Debian's cron:
a setting holds for the lines after it, a # within a line is part of the command, and quotes keep
the blanks at the beginning of a value only.
"""

import re
from typing import Final

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line that starts something: when, what, and the settings that hold at it.

    `comment` is the comment on the line before it; `user` is that of a system crontab.
    """

    line: int
    text: str
    schedule: str
    command: str
    user: str | None = None
    settings: dict[str, str]
    comment: str = ""


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is none, and why."""

    line: int
    text: str
    reason: str


_FIELDS: Final = ("minute", "hour", "day of month", "month", "weekday")
_SETTING: Final = re.compile(r"""(?:"([^"]*)"|'([^']*)'|([^\s=]+))[ \t]*=[ \t]*(.*)""")
_EMPTY_SETTING: Final = re.compile(r"([A-Za-z_]\w*)[ \t]*=[ \t]*", re.ASCII)
_ANACRON: Final = re.compile(r"(?:\d+|@\w+)[ \t]+\d+[ \t]+[A-Za-z][\w.-]*[ \t]+\S", re.ASCII)
_ANACRON_SETTING: Final = re.compile(r"START_HOURS_RANGE[ \t]*=")
# A job that was switched off is no description of the next one.
_JOB: Final = re.compile(r"(?:[\d*/,-]+[ \t]+){4}|@\w+[ \t]")


def read_crontab(text: str, *, has_user: bool) -> list[Entry | Unread]:
    """Each line that starts something or cannot be read, in order."""
    found: list[Entry | Unread] = []
    settings: dict[str, str] = {}
    comment = ""
    for number, whole in enumerate(text.split("\n"), start=1):
        line = whole.lstrip(" \t")
        if line.startswith("#"):
            comment = _prose(line)
            continue
        if (setting := _read_setting(line)) is not None:
            settings = settings | {setting[0]: setting[1]}
        elif line.strip():
            found.append(_read_entry(number, line, settings, comment, has_user=has_user))
        comment = ""
    return found


def is_anacrontab(text: str) -> bool:
    """These are jobs with a period in days and a delay: another kind of file."""
    lines = [line.strip() for line in text.split("\n")]
    return any(_ANACRON_SETTING.match(line) or _ANACRON.match(line) for line in lines)


def _prose(line: str) -> str:
    said = line.strip("# \t")
    return "" if _JOB.match(said) or _read_setting(said) else said


def _read_setting(line: str) -> tuple[str, str] | None:
    found = _SETTING.fullmatch(line)
    if found is None:
        return None
    name = next(part for part in found.groups()[:3] if part is not None)
    value = found[4].rstrip(" \t")
    if value[:1] in ("'", '"'):
        inner = value[1:-1]
        if len(value) < 2 or value[-1] != value[0] or value[0] in inner:
            return None
        return name, inner.rstrip(" \t")
    return (name, value) if value else None


def _read_entry(
    number: int, line: str, settings: dict[str, str], comment: str, *, has_user: bool
) -> Entry | Unread:
    if empty := _EMPTY_SETTING.fullmatch(line):
        reason = f'cron takes no setting without a value; write {empty[1]}=""'
        return Unread(line=number, text=line, reason=reason)
    size = 1 if line.startswith("@") else 5
    words = re.split(r"[ \t]+", line, maxsplit=size + has_user)
    when, rest = words[:size], words[size:]
    if len(when) < size:
        reason = f"has {len(when)} of the five fields; the {_FIELDS[len(when)]} is missing"
        return Unread(line=number, text=line, reason=reason)
    if has_user and not (rest and rest[0]):
        return Unread(line=number, text=line, reason="names no user; lines here have one")
    command = rest[-1] if len(rest) > has_user else ""
    if not command.strip():
        return Unread(line=number, text=line, reason="has no command")
    return Entry(
        line=number,
        text=line,
        schedule=" ".join(when),
        command=command,
        user=rest[0] if has_user else None,
        settings=settings,
        comment=comment,
    )
