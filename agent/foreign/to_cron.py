"""Which lines of a crontab start the same tasks, and which tasks can no crontab say.

Written for Debian's cron, which has one time zone: the host's.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from agent.cron.fields import MONTHS, WEEKDAYS
from agent.cron.grammar import Boot, Cron, Every, Once, parse
from agent.cron.zones import BLOCK_S, Stretch, stretches
from agent.definitions import Definition
from agent.due import count_due
from agent.foreign.commands import SECRET_MARK, join_input

# Longer ones are refused by Debian's cron.
LONGEST_COMMAND: Final = 998
_YEARS_AHEAD: Final = 10
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
# As lines of their own these would tell cron itself something.
_OF_CRON: Final = frozenset({"CRON_TZ", "HOME", "MAILTO", "RANDOM_DELAY", "SHELL"})
_NAMES: Final = {
    name: str(number)
    for names, first in ((MONTHS, 1), (WEEKDAYS, 0))
    for number, name in enumerate(names, start=first)
}
_NAME: Final = re.compile(r"[A-Za-z]{3}")
_HEADER: Final = """\
# The enabled tasks of Smart Cron as a crontab for {cron}, in the time zone {zone}.
# Cron starts them at the same moments. It knows no timeouts, retries, memory limits or priorities,
# lets runs of one task overlap, does not make up for what it missed, looks for programs in
# /usr/bin and /bin unless PATH says otherwise, and lets others read new files (umask 022).
"""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the crontab shall stand, and what tasks leave to the agent.

    `user` owns the crontab, or is that of tasks that name none when it has a column for users;
    `marks` are the places that commands may name, `folder` is where tasks run that name none.
    """

    zone: str
    user: str
    has_user: bool
    folder: str
    home_of: Callable[[str], str | None]
    marks: Mapping[str, str]
    needs_shell: Callable[[str], bool]
    now_ms: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One task: its schedules as cron has them and its command, or why it cannot be said."""

    task_name: str
    user: str
    schedules: tuple[str, ...] = ()
    command: str = ""
    folder: str = ""
    environment: dict[str, str] = {}
    reason: str = ""


class CannotSay(Exception):
    """The reason why cron cannot start this task at the same moments."""


def to_lines(tasks: Iterable[tuple[Definition, bool]], place: Place) -> list[Line]:
    """Each enabled task, which is paused or not, as a crontab has it."""
    found = []
    for task, is_paused in tasks:
        user = task.run_as or place.user
        try:
            line = _say(task, place, user, is_paused=is_paused)
        except CannotSay as error:
            line = Line(task_name=task.task_name, user=user, reason=str(error))
        found.append(line)
    return found


def to_crontab(lines: Iterable[Line], place: Place, *, with_home: bool) -> str:
    """The whole crontab; variables that all its lines share stand before them.

    With `with_home` the folder most tasks run in becomes HOME, and their lines need no `cd`.
    """
    lines = list(lines)
    said = [line for line in lines if not line.reason]
    cron = "/etc/cron.d" if place.has_user else f"the user {place.user}"
    shared = _shared(said)
    folder = _most_used([line.folder for line in said]) if with_home else ""
    parts = [_HEADER.format(cron=cron, zone=place.zone)]
    if folder:
        parts.append(f"HOME={_quoted(folder)}\n")
    parts.extend(f"{name}={_quoted(value)}\n" for name, value in shared.items())
    mailed: str | None = None
    for line in lines:
        begins_in = folder or place.home_of(line.user) or ""
        command = "" if line.reason else _whole_command(line, shared, begins_in)
        reason = line.reason
        if len(command) > LONGEST_COMMAND:
            reason = f"as cron reads at most {LONGEST_COMMAND} signs of a command"
        if reason:
            parts.append(f"\n# {line.task_name}: not written, {reason}\n")
            continue
        parts.append(f"\n# {line.task_name}\n")
        mail = line.environment.get("MAILTO", None if mailed is None else line.user)
        if mail is not None and mail != mailed:
            parts.append(f"MAILTO={_quoted(mail)}\n")
            mailed = mail
        user = f"{line.user} " if place.has_user else ""
        parts.extend(f"{schedule} {user}{command}\n" for schedule in line.schedules)
    return "".join(parts)


def _say(task: Definition, place: Place, user: str, *, is_paused: bool) -> Line:
    if is_paused:
        raise CannotSay("as it is paused")
    if not place.has_user and user != place.user:
        raise CannotSay(f"as it runs as {user}; export with --system, which has a column for users")
    _check_timing(task)
    schedules = tuple(_schedule(text, task, place) for text in task.schedule)
    if len(schedules) > 1:
        _check_apart(task, place.now_ms)
    for name, value in task.environment.items():
        if value.startswith(SECRET_MARK) or "{" + SECRET_MARK in value:
            raise CannotSay(f"as its variable {name} is a secret, which no crontab should hold")
    line = Line(
        task_name=task.task_name,
        user=user,
        schedules=schedules,
        command=_command(task, place),
        folder=_fill(task.working_directory or place.folder, place.marks),
        environment={name: _fill(value, place.marks) for name, value in task.environment.items()},
    )
    if any(
        "{app_root}" in text for text in (line.command, line.folder, *line.environment.values())
    ):
        raise CannotSay("as app_root is not set in settings.toml")
    return line


def _check_timing(task: Definition) -> None:
    reasons = (
        (not task.schedule and task.after, f"as it comes after {', '.join(task.after)}"),
        (not task.schedule, "as it runs by hand only"),
        (task.after, f"as it also comes after {', '.join(task.after)}"),
        (task.every_nth > 1, f"as only each {task.every_nth}. moment counts (every_nth)"),
        (task.valid_from or task.valid_until, "as it has a first or last day (valid_from/until)"),
        (task.spread_s, f"as its moments are spread over {task.spread_s} s"),
        (task.calendars, f"as it heeds the calendar {', '.join(task.calendars)}"),
    )
    for is_so, reason in reasons:
        if is_so:
            raise CannotSay(reason)


def _schedule(text: str, task: Definition, place: Place) -> str:
    schedule = parse(text, task_name=task.task_name)
    if isinstance(schedule, Boot):
        return "@reboot"
    if isinstance(schedule, Once):
        raise CannotSay("as cron knows no single moments (@at)")
    here, there = _ahead(place.zone, place.now_ms), _ahead(task.timezone, place.now_ms)
    if isinstance(schedule, Every):
        return _steps(schedule, here)
    return _fields(schedule, task, place, here, there)


def _fields(
    schedule: Cron,
    task: Definition,
    place: Place,
    here: tuple[Stretch, ...],
    there: tuple[Stretch, ...],
) -> str:
    minute, *others = schedule.plain.split()
    if "L" in schedule.plain.upper().replace("JUL", "") or "#" in schedule.plain:
        raise CannotSay("as cron knows no L and no #")
    is_of_the_hour = all(field == "*" for field in others)
    if here != there and not (is_of_the_hour and _minutes(here) == _minutes(there) != {None}):
        raise CannotSay(f"as its time zone is {task.timezone} and cron's is {place.zone}")
    changes_clocks = len({stretch.offset_s for stretch in here}) > 1
    is_by_rule = task.dst_gap == "after" and task.dst_fold == "first"
    if changes_clocks and schedule.is_fixed and not is_by_rule:
        raise CannotSay("as cron has its own rule for changes of the clocks (dst_gap, dst_fold)")
    return " ".join(
        _NAME.sub(lambda found: _NAMES[found[0].upper()], field) for field in [minute, *others]
    )


def _steps(schedule: Every, here: tuple[Stretch, ...]) -> str:
    """An interval counted from 1970 UTC, where cron's own clock has the same steps."""
    size_s = schedule.interval_s
    offsets = {stretch.offset_s for stretch in here}
    reason = f"as cron cannot count {schedule.text} from a fixed moment here"
    if size_s % 60 or any(offset_s % size_s for offset_s in offsets if size_s <= _HOUR_S):
        raise CannotSay(reason)
    if _HOUR_S % size_s == 0:
        minutes = size_s // 60
        return {1: "* * * * *", 60: "0 * * * *"}.get(minutes, f"*/{minutes} * * * *")
    if _DAY_S % size_s or size_s % _HOUR_S or len(offsets) > 1 or offsets.pop() % size_s:
        raise CannotSay(reason)
    hours = size_s // _HOUR_S
    return "0 0 * * *" if hours == 24 else f"0 */{hours} * * *"


def _check_apart(task: Definition, now_ms: int) -> None:
    """Refuse schedules that meet: cron would start the task twice."""
    until_ms = now_ms + _YEARS_AHEAD * BLOCK_S * 1000
    one_by_one = (
        count_due(msgspec.structs.replace(task, schedule=(text,)), now_ms, until_ms)
        for text in task.schedule
    )
    if sum(one_by_one) != count_due(task, now_ms, until_ms):
        raise CannotSay("as its schedules meet, and cron would start it twice then")


def _ahead(zone: str, now_ms: int) -> tuple[Stretch, ...]:
    first = now_ms // 1000 // BLOCK_S
    return tuple(
        stretch
        for block in range(first, first + _YEARS_AHEAD)
        for stretch in stretches(zone, block)
    )


def _minutes(ahead: tuple[Stretch, ...]) -> set[int | None]:
    """How the zone's hours lie against those of UTC; None among them when that changes."""
    found: set[int | None] = {stretch.offset_s % _HOUR_S for stretch in ahead}
    return found if len(found) == 1 else {None}


def _command(task: Definition, place: Place) -> str:
    """The command for `/bin/sh -c`, as cron runs it."""
    command = task.command
    if isinstance(command, tuple):
        return shlex.join(_fill(word, place.marks) for word in command)
    if task.shell == "always" or (task.shell == "auto" and place.needs_shell(command)):
        return _fill(command, {mark: shlex.quote(value) for mark, value in place.marks.items()})
    return shlex.join(_fill(word, place.marks) for word in shlex.split(command))


def _fill(text: str, marks: Mapping[str, str]) -> str:
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


def _shared(lines: list[Line]) -> dict[str, str]:
    """The variables that all lines have, as far as a crontab can quote them."""
    if not lines:
        return {}
    return {
        name: value
        for name, value in lines[0].environment.items()
        if name not in _OF_CRON
        and _is_quotable(value)
        and all(line.environment.get(name) == value for line in lines)
    }


def _is_quotable(value: str) -> bool:
    return value == value.rstrip(" \t") and not ('"' in value and "'" in value)


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value else f'"{value}"'


def _most_used(folders: list[str]) -> str:
    return max(dict.fromkeys(folders), key=folders.count, default="")


def _whole_command(line: Line, shared: Mapping[str, str], begins_in: str) -> str:
    own = {
        name: value
        for name, value in line.environment.items()
        if name not in shared and name != "MAILTO"
    }
    parts = []
    if own:
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in own.items())
        parts.append(f"export {settings};")
    if line.folder != begins_in:
        parts.append(f"cd {shlex.quote(line.folder)} || exit;")
    return join_input(" ".join([*parts, line.command]))
