"""Can this host keep what a task asks for, and if not, why?"""

import os
from typing import Final

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.running import confine

_FIELDS_BY_TOOL: Final = {
    "prlimit": ("cpu_limit_s", "process_limit", "open_files_limit", "file_size_limit_mb"),
    "taskset": ("cpus",),
    "ionice": ("io_class",),
    "nice": ("nice",),
    "setpriv": ("run_as", "run_as_group", "no_new_privs"),
}


def check_abilities(definition: Definition) -> None:
    """Raise BadDefinition for the first thing that cannot be kept here."""
    _check_identity(definition)
    _check_tools(definition)
    is_root = os.geteuid() == 0
    if definition.nice < 0 and not is_root:
        raise BadDefinition("nice", definition.nice, "only root may be more urgent than others")
    if definition.process_limit is not None and is_root and definition.run_as in (None, "root"):
        raise BadDefinition(
            "process_limit",
            definition.process_limit,
            "the kernel counts the processes of users, but not of root; add run_as",
        )
    if definition.cpus is not None and not _named(definition.cpus) & os.sched_getaffinity(0):
        usable = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        raise BadDefinition("cpus", definition.cpus, f"names none of those usable here: {usable}")


def _check_identity(definition: Definition) -> None:
    try:
        confine.identity_of({"user": definition.run_as, "group": definition.run_as_group})
    except confine.CannotConfine as problem:
        field = "run_as_group" if "run_as_group" in str(problem) else "run_as"
        reason = str(problem).partition(": ")[2] or str(problem)
        raise BadDefinition(field, getattr(definition, field), reason) from problem


def _check_tools(definition: Definition) -> None:
    """Only what a task asks for needs its tool."""
    for tool, fields in _FIELDS_BY_TOOL.items():
        asked = [name for name in fields if getattr(definition, name) not in (None, 0, "normal")]
        if asked and not confine.has_tool(tool):
            raise BadDefinition(
                asked[0],
                getattr(definition, asked[0]),
                f"this host has no {tool} to keep it; install the package util-linux",
            )


def _named(cpus: str) -> set[int]:
    """Every processor that a text such as '0-3,6' names."""
    found: set[int] = set()
    for part in cpus.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found
