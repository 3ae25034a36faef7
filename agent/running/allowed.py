"""May this program be executed, and in this folder, by the owner's `allowed_roots`?"""

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.errors import BadDefinition

_CLIMBS: Final = re.compile(r"(?<![\w.-])\.\.(?![\w.-])")


def check_program(argv: Sequence[str], *, folder: str, path: str, roots: Sequence[str]) -> None:
    """Raise BadDefinition for a program elsewhere, or one that others than its owner may write.

    Without roots everything is allowed. Links are followed first, so that none leads out.
    """
    if not roots:
        return
    for word in argv:
        if _CLIMBS.search(word):
            raise BadDefinition("command", word, "holds `..`; with allowed_roots write it without")
    named = _find(argv[0], folder, path)
    if named is None:
        return  # the keeper says what is wrong with it
    program = os.path.realpath(named)
    if not _is_within(program, roots):
        shell = "; commands with shell signs need /bin/sh there" if argv[0] == "/bin/sh" else ""
        raise BadDefinition("command", program, _elsewhere(roots) + shell)
    # Also what leads to it: a link that others may turn leads elsewhere a moment later.
    for place in (Path(named), Path(program)):
        for part in (place, *place.parents):
            _check_only_its_owner_writes(part)


def check_folder(field: str, folder: str, *, roots: Sequence[str]) -> None:
    """Raise BadDefinition for a folder that lies elsewhere, links followed."""
    if roots and not _is_within(os.path.realpath(folder), roots):
        raise BadDefinition(field, folder, _elsewhere(roots))


def _find(name: str, folder: str, path: str) -> str | None:
    if "/" in name:
        places = [os.path.join(folder, name)]  # noqa: PTH118 - a name with `..` must stay as it is
    else:
        # A path of the task's own may begin in the folder that its run begins in.
        places = [os.path.join(folder, place, name) for place in path.split(":")]  # noqa: PTH118
    programs = (
        place
        for place in places
        if os.access(place, os.X_OK) and os.path.isfile(place)  # noqa: PTH113 - pathlib's raises
    )
    return next(programs, None)


def _is_within(place: str, roots: Sequence[str]) -> bool:
    resolved = [os.path.realpath(root) for root in roots]
    return any(place == root or place.startswith(root.rstrip("/") + "/") for root in resolved)


def _elsewhere(roots: Sequence[str]) -> str:
    return f"lies under none of allowed_roots ({', '.join(roots)}) in settings.toml"


def _check_only_its_owner_writes(part: Path) -> None:
    """Neither what is there nor, if it is a link, what that leads to."""
    try:
        looks = (part.lstat(), part.stat())
    except OSError as error:
        raise BadDefinition("command", str(part), f"cannot be looked at: {error}") from error
    for status in looks:
        if status.st_uid not in (0, os.geteuid()):
            raise BadDefinition(
                "command",
                str(part),
                "belongs to neither root nor the agent's user; mend it with chown",
            )
        is_link = stat.S_ISLNK(status.st_mode)  # whose mode says nothing
        # In a folder like /tmp others may add files but not touch those that are there.
        is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_mode & 0o022 and not (is_sticky or is_link):
            raise BadDefinition(
                "command", str(part), "can be written by others; mend it with `chmod go-w`"
            )
