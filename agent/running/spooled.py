"""Of which runs does something lie in the spool, and what of it may go?"""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


def lying(folder: Path, living: Collection[str], *, at_most: int) -> list[str]:
    """Runs, other than those alive, of which an output lies there; the newest."""
    found: list[str] = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            run_id, _, kind = entry.name.partition(".")
            if kind == "out" and run_id not in living:
                found.append(run_id)
    return sorted(found, reverse=True)[:at_most]


def sweep(folder: Path, known: Collection[str], *, before_s: float) -> int:
    """Remove what lies there of runs that nobody knows any more; how many files."""
    gone = 0
    with suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            run_id, _, kind = entry.name.partition(".")
            if kind not in ("out", "report") or run_id in known:
                continue
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < before_s:
                    Path(entry.path).unlink()
                    gone += 1
    return gone
