"""Which words before a command let its run see and reach only what its task says?"""

import os
import subprocess
from collections.abc import Iterable
from functools import cache
from typing import Final

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.running.confine import FOLDERS

PROBE_WITHIN_S: Final = 5
# Folders that are hidden from a run, not used by us.
_TEMPORARY: Final = ("/tmp", "/var/tmp")  # noqa: S108  # nosec B108
_SEES_ALL: Final = ("--dev-bind", "/", "/")
_SEES_ALL_READ_ONLY: Final = ("--ro-bind", "/", "/", "--dev", "/dev")


def sandbox_words(
    definition: Definition, folder: str, writable: Iterable[str], *, report: str
) -> tuple[str, ...]:
    """The sandbox of a run in this folder; raises BadDefinition when the host can make none.

    `writable` are the task's writable_paths, filled in; they and the folder must be there. The
    file `report`, in which a run tells how far it is, can be written in every sandbox.
    """
    if not definition.sandbox:
        return ()
    asked = frozenset(definition.sandbox)
    words = [_working_bwrap("no_network" in asked)]
    words += _SEES_ALL_READ_ONLY if "read_only" in asked else _SEES_ALL
    if "private_tmp" in asked:
        for path in _TEMPORARY:
            words += ["--perms", "1777", "--tmpfs", path]
        if folder.startswith(tuple(f"{path}/" for path in _TEMPORARY)):
            # Where it works it goes on working; the rest of the folder around it is hidden.
            words += ["--ro-bind" if "read_only" in asked else "--bind", folder, folder]
    for path in writable:
        if not os.path.exists(path):  # noqa: PTH110 - that of pathlib raises for some
            raise BadDefinition("writable_paths", path, "is not there; make it or take it out")
        words += ["--bind", path, path]
    words += ["--bind-try", report, report]
    if "no_network" in asked:
        words.append("--unshare-net")
    return (*words, "--chdir", folder, "--")


def _working_bwrap(needs_network_of_its_own: bool) -> str:
    path = next((f"{f}/bwrap" for f in FOLDERS if os.access(f"{f}/bwrap", os.X_OK)), None)
    if path is None:
        raise BadDefinition(
            "sandbox",
            "bwrap",
            "this host has no bwrap to make one; install the package bubblewrap, "
            "or take sandbox out",
        )
    return _tried(path, needs_network_of_its_own)


@cache  # what works goes on working; a refusal is raised, so it is tried again
def _tried(bwrap: str, needs_network_of_its_own: bool) -> str:
    words = [bwrap, *_SEES_ALL, *(["--unshare-net"] if needs_network_of_its_own else [])]
    try:
        subprocess.run(  # noqa: S603 - bwrap from a folder of the host's own, fixed arguments
            [*words, "--", "/bin/true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_WITHIN_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip() or f"exit {error.returncode}"
        raise BadDefinition(
            "sandbox", "bwrap", f"it can make none on this host: {said}; take sandbox out"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadDefinition(
            "sandbox", "bwrap", f"it does not work on this host: {error}; take sandbox out"
        ) from error
    return bwrap
