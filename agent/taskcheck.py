"""Which definition of a task is refused at the door: for which field, and with which way out?"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from agent.cron.bounds import parse_bound
from agent.cron.grammar import parse
from agent.cron.zones import load_zone
from agent.definitions import FIELDS, Definition, default_of
from agent.errors import BadDefinition
from agent.exits import check_table

_RANGES: Final = {
    "timeout_seconds": (1, 30 * 86_400),
    "kill_grace_s": (0, 3600),
    "priority": (1, 5),
    "max_retries": (0, 100),
    "retry_base_s": (1, 86_400),
    "retry_cap_s": (1, 7 * 86_400),
    "start_deadline_s": (1, 366 * 86_400),
    "overlap_limit": (1, 1000),
    "catchup_limit": (1, 1000),
    "every_nth": (1, 10_000),
    "spread_s": (0, 86_400),
    "after_delay_s": (0, 7 * 86_400),
    "memory_limit_mb": (4, 16 * 1024 * 1024),
    "warn_after_seconds": (1, 30 * 86_400),
    "ping_grace_s": (1, 7 * 86_400),
    "retry_factor": (1, 10),
    "retry_jitter": (0, 0.5),
    "disable_after_failures": (1, 1000),
    "cpu_limit_s": (1, 30 * 86_400),
    "process_limit": (1, 1_000_000),
    "open_files_limit": (16, 1_000_000),
    "file_size_limit_mb": (1, 16 * 1024 * 1024),
    "output_limit_mb": (1, 100_000),
    "nice": (-20, 19),
}
_LENGTHS: Final = {"category": (1, 64), "description": (0, 500)}
_MAX_SCHEDULES: Final = 10
_MAX_TAGS: Final = 16
_MAX_CALENDARS: Final = 16
_MAX_BEFORE: Final = 32
_MAX_VARIABLES: Final = 128
_MAX_TEXT: Final = 4096
_MAX_ARGUMENTS: Final = 256
MAX_BYTES: Final = 256 << 10
"""Of a task as it goes over the wire: half of what an answer may have, for the words beside it."""
_FOR_WATCHES: Final = ("ping_grace_s",)
_NOT_FOR_WATCHES: Final = (
    "after",
    "max_retries",
    "retry_on_timeout",
    "disable_after_failures",
    "overlap",
    "overlap_limit",
    "missed",
    "in_blackout",
    "memory_limit_mb",
    "run_as",
    "working_directory",
    "environment",
)
_NAME: Final = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)
_CALENDAR: Final = _NAME
_TAG: Final = re.compile(r"[A-Za-z0-9._-]{1,32}", re.ASCII)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
_UMASK: Final = re.compile(r"0?[0-7]{3}", re.ASCII)
_CPUS: Final = re.compile(r"\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*", re.ASCII)
_MAX_CPUS_TEXT: Final = 64
_MAX_WRITABLE: Final = 32
_ROOTED: Final = re.compile(r"\{(app_root|home)\}(/[^\s\"';|&<>()]*)?")
_FOLDER: Final = re.compile(r"/|\{(app_root|home)\}(/|\Z)")
# These the agent sets itself for each run.
_OWN_VARIABLES: Final = frozenset(
    {
        "SMARTCRON_TASK",
        "SMARTCRON_RUN_ID",
        "SMARTCRON_SCHEDULED_FOR",
        "SMARTCRON_ATTEMPT",
        "SMARTCRON_CAUSED_BY",
        "SMARTCRON_REPORT",
    }
)


def check(definition: Definition) -> None:
    """Raise BadDefinition for the first field that cannot be accepted."""
    if not _NAME.fullmatch(definition.task_name):
        raise BadDefinition(
            "task_name", definition.task_name, "must be 1 to 64 characters of a-z 0-9 . _ -"
        )
    _check_numbers(definition)
    _check_texts(definition)
    _check_schedule(definition)
    _check_overlap(definition)
    _check_calendars(definition)
    _check_chain(definition)
    _check_command(definition)
    _check_watch(definition)
    _check_environment(definition.environment)
    check_table(definition.exit_statuses)
    _check_isolation(definition)
    _check_sandbox(definition)
    _check_size(definition)


def _check_numbers(definition: Definition) -> None:
    for name, (lowest, highest) in _RANGES.items():
        value = getattr(definition, name)
        if value is not None and not lowest <= value <= highest:
            raise BadDefinition(name, value, f"must be from {lowest} to {highest}")
    if definition.retry_cap_s < definition.retry_base_s:
        raise BadDefinition(
            "retry_cap_s",
            definition.retry_cap_s,
            f"must not be less than retry_base_s, which is {definition.retry_base_s}",
        )
    warn_after_s = definition.warn_after_seconds
    if warn_after_s is not None and warn_after_s >= definition.timeout_seconds:
        raise BadDefinition(
            "warn_after_seconds",
            warn_after_s,
            f"must be less than timeout_seconds, which is {definition.timeout_seconds}",
        )


def _check_texts(definition: Definition) -> None:
    for name, (shortest, longest) in _LENGTHS.items():
        value = getattr(definition, name)
        if not shortest <= len(value) <= longest or not _is_one_line(value):
            raise BadDefinition(
                name, value[:_MAX_TEXT], f"must be one line of {shortest} to {longest} characters"
            )
    if len(definition.tags) > _MAX_TAGS:
        raise BadDefinition("tags", len(definition.tags), f"at most {_MAX_TAGS} tags are kept")
    for tag in definition.tags:
        if not _TAG.fullmatch(tag):
            raise BadDefinition("tags", tag, "must be 1 to 32 letters, digits, . _ or -")


def _check_schedule(definition: Definition) -> None:
    if len(definition.schedule) > _MAX_SCHEDULES:
        raise BadDefinition(
            "schedule", len(definition.schedule), f"write at most {_MAX_SCHEDULES} schedules"
        )
    for text in definition.schedule:
        parse(text, task_name=definition.task_name)
    load_zone(definition.timezone)
    bounds = [
        None if text is None else parse_bound(field, text)
        for field, text in (
            ("valid_from", definition.valid_from),
            ("valid_until", definition.valid_until),
        )
    ]
    if bounds[0] is not None and bounds[1] is not None and bounds[0] >= bounds[1]:
        raise BadDefinition(
            "valid_until",
            definition.valid_until,
            f"must be later than valid_from, which is {definition.valid_from}",
        )


def _check_overlap(definition: Definition) -> None:
    if definition.overlap_limit is not None and definition.overlap not in ("queue", "allow"):
        raise BadDefinition(
            "overlap_limit",
            definition.overlap_limit,
            f"says nothing for overlap = {definition.overlap!r}; "
            "leave it out, or write overlap = 'queue' or 'allow'",
        )


def _check_calendars(definition: Definition) -> None:
    if len(definition.calendars) > _MAX_CALENDARS:
        raise BadDefinition(
            "calendars", len(definition.calendars), f"at most {_MAX_CALENDARS} are looked at"
        )
    for name in definition.calendars:
        if not _CALENDAR.fullmatch(name):
            raise BadDefinition(
                "calendars",
                name,
                "must be names of calendars; `smartcron-agent calendars list` shows them",
            )


def _check_chain(definition: Definition) -> None:
    if len(definition.after) > _MAX_BEFORE:
        raise BadDefinition(
            "after", len(definition.after), f"at most {_MAX_BEFORE} tasks can be waited for"
        )
    for name in definition.after:
        if not _NAME.fullmatch(name):
            raise BadDefinition("after", name, "must be names of tasks")
        if name == definition.task_name:
            raise BadDefinition("after", name, "a task cannot come after itself; take it out")
    for field in ("after_on", "after_delay_s"):
        if not definition.after and getattr(definition, field) != default_of(field):
            raise BadDefinition(
                field,
                getattr(definition, field),
                "says nothing without after; name the task to wait for",
            )


def _check_command(definition: Definition) -> None:
    command = definition.command
    words = (command,) if isinstance(command, str) else command
    if definition.kind == "watch":
        if words:
            raise BadDefinition(
                "command",
                command,
                "says nothing for kind = 'watch', which runs nothing; leave it out",
            )
        return
    if not words or not words[0].strip():
        raise BadDefinition("command", command, "is empty; write what to run")
    if len(words) > _MAX_ARGUMENTS:
        raise BadDefinition("command", len(words), f"has more than {_MAX_ARGUMENTS} arguments")
    if definition.shell == "always" and not isinstance(command, str):
        raise BadDefinition("shell", "always", "a list is run without a shell; write one text")
    if words[0].lstrip().startswith("-"):
        raise BadDefinition(
            "command", words[0], "begins with an option; name the program to run first"
        )
    for word in words:
        _check_text("command", word)
        _check_rooted("command", word)
        _check_open("command", word)
    folder = definition.working_directory
    if folder is None:
        return
    _check_text("working_directory", folder)
    _check_rooted("working_directory", folder)
    if not _FOLDER.match(folder):
        raise BadDefinition(
            "working_directory", folder, "must begin with / or {app_root} or {home}"
        )


def _check_watch(definition: Definition) -> None:
    is_watch = definition.kind == "watch"
    for field in _NOT_FOR_WATCHES if is_watch else _FOR_WATCHES:
        value = getattr(definition, field)
        if value != default_of(field):
            others = "runs nothing" if is_watch else "expects no pings"
            raise BadDefinition(
                field,
                # Values of variables may be secrets, so only their names are shown.
                list(value) if isinstance(value, tuple | dict) else value,
                f"says nothing for kind = {definition.kind!r}, which {others}; leave it out",
            )


def _check_isolation(definition: Definition) -> None:
    for field, kind in (("run_as", "user"), ("run_as_group", "group")):
        name = getattr(definition, field)
        if name is not None and not _USER.fullmatch(name):
            raise BadDefinition(field, name, f"must be the name of a {kind} of this host")
    if not _UMASK.fullmatch(definition.umask):
        raise BadDefinition(
            "umask", definition.umask, "must be three octal digits; '077' keeps others out"
        )
    cpus = definition.cpus
    if cpus is not None and not (len(cpus) <= _MAX_CPUS_TEXT and _is_cpu_list(cpus)):
        raise BadDefinition("cpus", cpus, "must be numbers and ranges, rising, as in '0-3,6'")


def _is_cpu_list(text: str) -> bool:
    if not _CPUS.fullmatch(text):
        return False
    spans = [part.partition("-") for part in text.split(",")]
    return all(not last or int(first) <= int(last) for first, _, last in spans)


def _check_sandbox(definition: Definition) -> None:
    if len(set(definition.sandbox)) < len(definition.sandbox):
        raise BadDefinition("sandbox", list(definition.sandbox), "names something twice")
    if definition.sandbox and definition.no_new_privs is False:
        raise BadDefinition(
            "no_new_privs", False, "cannot be off in a sandbox; leave it out, or leave sandbox out"
        )
    paths = definition.writable_paths
    if paths and "read_only" not in definition.sandbox:
        raise BadDefinition(
            "writable_paths", list(paths), "says nothing without sandbox = ['read_only']"
        )
    if len(paths) > _MAX_WRITABLE:
        raise BadDefinition("writable_paths", len(paths), f"at most {_MAX_WRITABLE} can be named")
    for path in paths:
        _check_text("writable_paths", path)
        _check_rooted("writable_paths", path)
        if not _FOLDER.match(path):
            raise BadDefinition("writable_paths", path, "must begin with / or {app_root} or {home}")
        if ".." in path.split("/"):
            raise BadDefinition("writable_paths", path, "write it without ..")


def _check_size(definition: Definition) -> None:
    """What is taken can be sent to those who edit it."""
    size = len(msgspec.msgpack.encode(definition))
    if size <= MAX_BYTES:
        return
    sizes = {name: len(msgspec.msgpack.encode(getattr(definition, name))) for name in FIELDS}
    largest = max(sizes, key=lambda name: sizes[name])
    raise BadDefinition(
        largest,
        # Values of variables may be secrets, so only their size is shown.
        f"{sizes[largest]} bytes",
        f"is the largest field of a task of {size} bytes, and at most {MAX_BYTES} are kept; "
        "put long texts into a file or a script",
    )


def _check_environment(environment: Mapping[str, str]) -> None:
    if len(environment) > _MAX_VARIABLES:
        raise BadDefinition(
            "environment", len(environment), f"at most {_MAX_VARIABLES} variables are kept"
        )
    for name, value in environment.items():
        if not _VARIABLE.fullmatch(name):
            raise BadDefinition(
                "environment", name, "a name is letters, digits and _, not beginning with a digit"
            )
        if name in _OWN_VARIABLES:
            raise BadDefinition("environment", name, "is set by the agent; choose another name")
        # The value may be a secret: the refusal shows the name only.
        if "\0" in value or len(value) > _MAX_TEXT or not _is_encodable(value):
            raise BadDefinition(
                "environment", name, f"its value must be text of at most {_MAX_TEXT} characters"
            )
        _check_rooted("environment", value)


def _check_open(field: str, text: str) -> None:
    """A text that is no secret to anybody must not hold one."""
    if "{secret:" in text:
        raise BadDefinition(
            field,
            "{secret:...}",
            "everybody on the host reads command lines; give it to the task as a variable, "
            'environment = { TOKEN = "secret:name" }, and write $TOKEN',
        )


def _check_text(field: str, value: str) -> None:
    if len(value) > _MAX_TEXT:
        raise BadDefinition(field, value[:100], f"is longer than {_MAX_TEXT} characters")
    if not _is_one_line(value):
        raise BadDefinition(
            field, value, "holds a line break or NUL; write it on one line or call a script"
        )


def _check_rooted(field: str, value: str) -> None:
    """A path that begins in one of our folders stays in it."""
    for found in _ROOTED.finditer(value):
        depth = 0
        for part in (found[2] or "").split("/"):
            depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
            if depth < 0:
                raise BadDefinition(
                    field, found[0], f"leaves {{{found[1]}}}; write a path without .. that stays in"
                )


def _is_one_line(value: str) -> bool:
    return not any(sign in value for sign in "\0\n\r\v\f\x1b") and _is_encodable(value)


def _is_encodable(value: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in value)
