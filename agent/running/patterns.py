"""May a pattern that the owner wrote be laid over everything that runs write?"""

import re
import subprocess
import sys
from collections.abc import Iterable
from typing import Final

from agent.easing import bounded
from agent.errors import WrongUse

CPU_S: Final = 2
WALL_S: Final = 30
TEXT_CHARS: Final = 8_192
"""Twice as long as the end of an output: more of it no rule looks at."""
# One letter over and over shows what takes the square of the time, two in turn what takes for ever.
_PROBE: Final = f"""
import re, resource, string, sys
resource.setrlimit(resource.RLIMIT_CPU, ({CPU_S}, {CPU_S}))
text = sys.stdin.buffer.read()
is_text = sys.argv[1] == "text"
pattern = re.compile(text.decode() if is_text else text)
own = sorted({{bytes([byte]) for byte in text + b"a0 _=/" if 32 <= byte < 127}})
pieces = [(piece, 65_536) for piece in own]
pieces += [(bytes([byte]), 20_000) for byte in string.printable.encode()]
pieces += [(one + other, 1_000) for one in own[:40] for other in own[:40] if one != other]
for piece, size in pieces:
    for last in (b"", b"\\0"):
        if is_text:
            pattern.search((piece * (min(size, {TEXT_CHARS}) // len(piece)) + last).decode())
            continue
        for match in pattern.finditer(piece * (size // len(piece)) + last):
            pass
"""


def own_patterns(texts: Iterable[str], *, is_known: bool = False) -> tuple[re.Pattern[bytes], ...]:
    """The owner's patterns, each tried on hostile text first unless it `is_known`; WrongUse."""
    patterns = []
    for text in texts:
        if not is_known and not is_quick(text):
            raise WrongUse(
                f"settings.toml: redact: {text!r} can take longer than {CPU_S} seconds on hostile "
                f"output; {way_out(text)}"
            )
        patterns.append(re.compile(text.encode()))
    return tuple(patterns)


def way_out(text: str, *, as_text: bool = False) -> str:
    """What to write instead of a pattern that is not quick: the very text, where one is known."""
    proposed = bounded(text)
    if proposed != text and is_quick(proposed, as_text=as_text):
        return f"write {proposed!r}"
    return "give each repetition a bound, as in [a-z]{1,64}, and nest none in another"


def is_quick(text: str, *, as_text: bool = False) -> bool:
    """Tried in a process that the kernel ends, as nothing else ends a pattern under way.

    `as_text` for one that is looked for once in the end of an output: only that knows of letters
    beyond ASCII.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own words; the pattern is only compiled
            [sys.executable, "-I", "-S", "-c", _PROBE, "text" if as_text else "bytes"],
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=WALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
