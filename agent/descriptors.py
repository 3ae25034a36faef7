"""How many files and connections may the agent hold open, and how many its children?"""

import resource
from contextlib import suppress
from typing import Final

ENOUGH: Final = 8_192
GIVEN: Final = resource.getrlimit(resource.RLIMIT_NOFILE)
"""What this process was begun with; its children are to be given the same."""


def take_all() -> int:
    """Raise what we may hold open to what we are allowed at most, within reason; the number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft if soft != resource.RLIM_INFINITY else most


def give_back(pid: int) -> None:
    """Let a child hold open what it would without us: some close or watch all that they may."""
    with suppress(OSError):  # it has ended already
        resource.prlimit(pid, resource.RLIMIT_NOFILE, GIVEN)
