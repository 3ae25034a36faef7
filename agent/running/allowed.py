"""May this program be executed, and in this folder, by the owner's `allowed_roots`?"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from agent.errors import BadDefinition


def check_program(argv: Sequence[str], *, folder: str, path: str, roots: Sequence[str]) -> None:
    """Raise BadDefinition for a program elsewhere, or one that others than its owner may write.

    Without roots everything is allowed. Links are followed first, so that none leads out.
    """
    if not roots:
        return
    for word in argv:
        if ".." in word.split("/"):
            raise BadDefinition("command", word, "holds `..`; with allowed_roots write it without")
    program = _find(argv[0], folder, path)
    if program is None:
        return  # the keeper says what is wrong with it
    if not _is_within(program, roots):
        shell = "; commands with shell signs need /bin/sh there" if argv[0] == "/bin/sh" else ""
        raise BadDefinition("command", program, _elsewhere(roots) + shell)
    for part in (Path(program), *Path(program).parents):
        _check_only_its_owner_writes(part)


def check_folder(field: str, folder: str, *, roots: Sequence[str]) -> None:
    """Raise BadDefinition for a folder that lies elsewhere, links followed."""
    if roots and not _is_within(os.path.realpath(folder), roots):
        raise BadDefinition(field, folder, _elsewhere(roots))


def _find(name: str, folder: str, path: str) -> str | None:
    if "/" in name:
        places = [os.path.join(folder, name)]  # noqa: PTH118 - a name with `..` must stay as it is
    else:
        places = [f"{place or folder}/{name}" for place in path.split(":")]
    found = (place for place in places if os.access(place, os.X_OK) and not Path(place).is_dir())
    first = next(found, None)
    return None if first is None else os.path.realpath(first)


def _is_within(place: str, roots: Sequence[str]) -> bool:
    resolved = [os.path.realpath(root) for root in roots]
    return any(place == root or place.startswith(root.rstrip("/") + "/") for root in resolved)


def _elsewhere(roots: Sequence[str]) -> str:
    return f"lies under none of allowed_roots ({', '.join(roots)}) in settings.toml"


def _check_only_its_owner_writes(part: Path) -> None:
    status = part.stat()
    if status.st_uid not in (0, os.geteuid()):
        raise BadDefinition(
            "command", str(part), "belongs to neither root nor the agent's user; mend it with chown"
        )
    # In a folder like /tmp others may add files but not touch those that are there.
    is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & 0o022 and not is_sticky:
        raise BadDefinition(
            "command", str(part), "can be written by others; mend it with `chmod go-w`"
        )
