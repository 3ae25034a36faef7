"""What does one template of the owner's say: answered in a process of its own, within limits."""

import resource
import sys
import traceback
from pathlib import Path
from typing import Final

import jinja2
import msgspec
from jinja2.sandbox import SandboxedEnvironment

from agent.channels.letters import Said, names_of

MOST_CHARS: Final = 200_000
MOST_CPU_S: Final = 2
MOST_MEMORY: Final = 512 * 1024 * 1024


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which template of which folder is to say what."""

    folder: str
    name: str
    said: Said


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """Its words, or what is wrong with it and where."""

    text: str = ""
    fault: str = ""
    line: int | None = None


def render(asked: Asked) -> Rendered:
    """The words of this template."""
    file = str(Path(asked.folder) / asked.name)
    environment = SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(asked.folder),
        autoescape=jinja2.select_autoescape(("html",)),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    try:
        return Rendered(text=_text(environment.get_template(asked.name), asked.said))
    except jinja2.TemplateSyntaxError as error:
        return Rendered(fault=_words(error), line=error.lineno)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the template's
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == file]
        return Rendered(fault=_words(error), line=lines[-1] if lines else None)


def _text(template: jinja2.Template, said: Said) -> str:
    pieces, length = [], 0
    for piece in template.generate(names_of(said)):
        pieces.append(piece)
        length += len(piece)
        if length > MOST_CHARS:
            raise ValueError(f"it makes more than {MOST_CHARS} letters")
    return "".join(pieces)


def _words(error: Exception) -> str:
    return f"{error}" or type(error).__name__


def main() -> None:
    """Read what is asked, write what came of it."""
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    # From here on it is the owner's own words that are worked off.
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(msgspec.json.encode(render(asked)))


if __name__ == "__main__":
    main()
