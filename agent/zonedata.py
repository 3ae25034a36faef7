"""Has the host got other time zone data than before."""

import zoneinfo
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

Signature = tuple[tuple[str, str, int, int, int], ...]
"""Of each zone: its name, its file, and what of that changes when it is replaced."""


def signature(zones: Iterable[str]) -> Signature:
    """The same as long as these zones are read from the same files with the same content.

    Looks at one file a zone and reads none: it costs some microseconds each.
    """
    # What the host does not have comes from the package, which an upgrade replaces as well.
    package = find_spec("tzdata")
    inside = package.submodule_search_locations if package is not None else None
    folders = [Path(folder) for folder in zoneinfo.TZPATH]
    folders += [Path(folder) / "zoneinfo" for folder in inside or ()]
    return tuple(_look(zone, folders) for zone in sorted(set(zones)))


def _look(zone: str, folders: Iterable[Path]) -> tuple[str, str, int, int, int]:
    for folder in folders:
        path = folder / zone
        try:
            found = path.stat()
        except (OSError, ValueError):  # not there, or no name that a file could have
            continue
        return zone, str(path), found.st_mtime_ns, found.st_size, found.st_ino
    return zone, "", 0, 0, 0
