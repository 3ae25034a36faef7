"""How do the owner's own templates word a message, and what is wrong with one that does not?"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from agent.channels.letters import Said
from agent.channels.rendering import Asked, Rendered

WITHIN_S: Final = 10.0
"""Most of it is the start of a program, on a host that is busy; a letter itself takes a moment."""
_CAUSE_CHARS: Final = 200


class BrokenTemplate(Exception):
    """The sentence names the file, the line and what is wrong there."""


class OwnTemplates:
    """The files of a folder, each rendered by a process that may be given up.

    A template can loop for ever, or take all memory in a single step: no thread survives that.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, name: str) -> bool:
        """The owner has such a template."""
        return (self._folder / name).is_file()

    def render(self, name: str, said: Said) -> str:
        """The words of this template; raises BrokenTemplate."""
        file = self._folder / name
        asked = Asked(folder=str(self._folder), name=name, said=said)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "agent.channels.rendering"],
                input=msgspec.json.encode(asked),
                capture_output=True,
                timeout=WITHIN_S,
                check=False,
            )
            found = msgspec.json.decode(done.stdout, type=Rendered)
        except subprocess.TimeoutExpired as error:
            raise BrokenTemplate(f"{file}: it takes longer than {WITHIN_S:g} s") from error
        except OSError as error:
            raise BrokenTemplate(f"{file}: nothing can be started here: {error}") from error
        except msgspec.MsgspecError as error:
            # A limit ended it before it could say a word.
            raise BrokenTemplate(f"{file}: it takes too much time or memory") from error
        if found.fault:
            at = "" if found.line is None else f", line {found.line}"
            raise BrokenTemplate(f"{file}{at}: {found.fault[:_CAUSE_CHARS]}")
        return found.text
