"""How do the owner's own templates word a message, and what is wrong with one that does not?"""

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2.sandbox import SandboxedEnvironment

MOST_CHARS: Final = 200_000
_CAUSE_CHARS: Final = 200


class BrokenTemplate(Exception):
    """The sentence names the file, the line and what is wrong there."""


class OwnTemplates:
    """The files of a folder; each is read anew when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = SandboxedEnvironment(
            loader=jinja2.FileSystemLoader(folder),
            autoescape=jinja2.select_autoescape(("html",)),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
        )

    def render(self, name: str, said: Mapping[str, Any]) -> str | None:
        """The words of this template; None when there is no such file; raises BrokenTemplate."""
        file = self._folder / name
        if not file.is_file():
            return None
        try:
            return self._render(name, said)
        except jinja2.TemplateSyntaxError as error:
            raise BrokenTemplate(_sentence(file, error.lineno, error)) from error
        except Exception as error:
            lines = [
                frame.lineno
                for frame in traceback.extract_tb(error.__traceback__)
                if frame.filename == str(file)
            ]
            raise BrokenTemplate(_sentence(file, lines[-1] if lines else None, error)) from error

    def _render(self, name: str, said: Mapping[str, Any]) -> str:
        pieces, length = [], 0
        for piece in self._environment.get_template(name).generate(dict(said)):
            pieces.append(piece)
            length += len(piece)
            if length > MOST_CHARS:
                raise ValueError(f"it makes more than {MOST_CHARS} letters")
        return "".join(pieces)


def _sentence(file: Path, line: int | None, error: Exception) -> str:
    at = "" if line is None else f", line {line}"
    cause = f"{error}" or type(error).__name__
    return f"{file}{at}: {cause[:_CAUSE_CHARS]}"
