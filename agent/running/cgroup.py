"""How does the kernel hold a whole run within its memory, where a cgroup is delegated to us?

Standard library only: the keeper imports this file. It is version 2 of cgroups that is meant.
"""

from __future__ import annotations

import os

# The shell joins the group and then becomes the command, so nothing of it is ever outside.
_JOIN = ("/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"')


def folder_of(root: str, run_id: str) -> str:
    """Where the group of a run lies below the one that is ours."""
    return f"{root}/run-{run_id}"


def make(folder: str, memory_bytes: int) -> None:
    """A group with this limit and nobody in it yet; raises OSError where that cannot be."""
    root = os.path.dirname(folder)  # noqa: PTH120 - pathlib would cost the keeper its memory
    if "memory" not in _read(f"{root}/cgroup.subtree_control").split():
        _write(f"{root}/cgroup.subtree_control", "+memory")
    os.mkdir(folder, 0o755)  # noqa: PTH102 - as above
    try:
        _write(f"{folder}/memory.max", str(memory_bytes))
        _write(f"{folder}/memory.oom.group", "1")  # the family ends as one
    except OSError:
        remove(folder)
        raise
    try:
        _write(f"{folder}/memory.swap.max", "0")
    except OSError:
        return  # a kernel that counts no swap


def words_to_join(folder: str) -> list[str]:
    """What stands before a command that is to be in the group."""
    return [*_JOIN, folder]


def is_there(folder: str) -> bool:
    """Is there such a group, so that the kernel holds the limit?"""
    return bool(folder) and os.path.isdir(folder)  # noqa: PTH112 - as above


def members(folder: str) -> list[int]:
    """All processes of a group; of none, nobody."""
    try:
        return [int(pid) for pid in _read(f"{folder}/cgroup.procs").split()] if folder else []
    except OSError:
        return []


def was_out_of_memory(folder: str) -> bool:
    """Has the kernel ended processes of the group because it was at its limit?"""
    try:
        events = _read(f"{folder}/memory.events").split()
    except OSError:
        return False
    return int(dict(zip(events[::2], events[1::2], strict=False)).get("oom_kill", "0")) > 0


def remove(folder: str) -> None:
    """Take an empty group away; one with living processes stays."""
    try:
        os.rmdir(folder)  # noqa: PTH106 - as above
    except OSError:
        return


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:  # noqa: PTH123 - as above
        return file.read()


def _write(path: str, text: str) -> None:
    """Into a file that the kernel has made."""
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)
