"""Was the agent stopped by a person, and is to stay so until a person starts it?"""

import os
from pathlib import Path

import msgspec

from agent import readback
from agent.log import log_of
from agent.readback import NotWhole
from agent.settings import Home

log = log_of(__name__)


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """Who stopped it when, and why if that was said."""

    at_ms: int
    by: str
    why: str = ""


def note(home: Home, halt: Halt) -> None:
    """From now on nothing starts the agent by itself."""
    half = home.runtime / ".stopped.half"
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, msgspec.json.encode(halt))
    finally:
        os.close(descriptor)
    half.replace(_file(home))


def standing(home: Home) -> Halt | None:
    """The halt that holds; None when the agent may be started by whoever looks after it."""
    try:
        return readback.from_json(_file(home).read_bytes(), Halt)
    except (OSError, NotWhole):
        return None  # unreadable: a scheduler that runs is the safer mistake


def end(home: Home) -> None:
    """It may be started again."""
    try:
        _file(home).unlink(missing_ok=True)
    except IsADirectoryError:
        log.error("a folder lies where a halt is noted; it says nothing", folder=str(_file(home)))


def _file(home: Home) -> Path:
    return home.runtime / "stopped"
