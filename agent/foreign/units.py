"""What does a systemd unit file say, with its drop-ins.

configparser would lose repeated keys, and knows neither continued lines nor resets.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from agent.errors import WrongUse

_ESCAPES: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "s": " ",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_HEX: Final = re.compile(r"[0-9A-Fa-f]{2}")
_SPAN: Final = re.compile(r"[ \t]*(\d+(?:\.\d+)?)[ \t]*([A-Za-zµ]*)", re.ASCII)
_UNITS_S: Final = {
    unit: size_s
    for size_s, units in (
        (1e-6, "us usec µs"),
        (1e-3, "ms msec"),
        (1, "s sec second seconds"),
        (60, "m min minute minutes"),
        (3600, "h hr hour hours"),
        (86_400, "d day days"),
        (7 * 86_400, "w week weeks"),
        (2_629_800, "M month months"),
        (31_557_600, "y year years"),
    )
    for unit in units.split()
} | {"": 1}


class Assignment(msgspec.Struct, frozen=True):
    """One line of a unit file."""

    section: str
    name: str
    value: str
    line: int


class Unit(msgspec.Struct, frozen=True):
    """A unit file and its drop-ins, read in order."""

    assignments: tuple[Assignment, ...]

    def all(self, section: str, name: str) -> tuple[Assignment, ...]:
        """Every value that is in force; an empty one drops those before it."""
        found: list[Assignment] = []
        for one in self.assignments:
            if (one.section, one.name) == (section, name):
                found = [*found, one] if one.value else []
        return tuple(found)

    def last(self, section: str, name: str) -> str | None:
        """The value in force of a setting that has one."""
        found = self.all(section, name)
        return found[-1].value if found else None

    def names(self, section: str) -> tuple[str, ...]:
        """The settings of a section that are set to something, in order."""
        names = dict.fromkeys(one.name for one in self.assignments if one.section == section)
        return tuple(name for name in names if self.all(section, name))


def read_unit(texts: Sequence[str]) -> Unit:
    """The unit of a file and its drop-ins; raises WrongUse naming the line that is none."""
    return Unit(tuple(one for text in texts for one in _read_text(text)))


def _read_text(text: str) -> list[Assignment]:
    found: list[Assignment] = []
    section = ""
    for number, line in _whole_lines(text):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        name, sign, value = line.partition("=")
        if not sign or not section:
            raise WrongUse(
                f"line {number}: {line[:60]!r} is no setting in a [Section]; is this a unit file?"
            )
        found.append(Assignment(section, name.strip(), value.strip(), number))
    return found


def _whole_lines(text: str) -> list[tuple[int, str]]:
    """Each line with those that continue it, and the number it begins at; comments left out."""
    found: list[tuple[int, str]] = []
    begun: list[str] = []
    begins = 0
    for number, whole in enumerate(text.split("\n"), start=1):
        line = whole.strip()
        if line.startswith(("#", ";")) or (not line and not begun):
            continue
        begins = begins if begun else number
        if line.endswith("\\"):
            begun.append(line[:-1])
            continue
        found.append((begins, " ".join([*begun, line]).strip()))
        begun = []
    if begun:
        found.append((begins, " ".join(begun).strip()))
    return found


def split_words(text: str) -> list[str]:
    r"""The words of a value, by systemd's rules for quotes and `\`; raises ValueError."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    inside = False
    letters = iter(enumerate(text))
    for place, letter in letters:
        if letter == "\\":
            taken, size = _escape(text, place)
            word.append(taken)
            for _ in range(size):
                next(letters)
            inside = True
        elif letter == quote:
            quote = ""
        elif quote:
            word.append(letter)
        elif letter in "'\"" and not word:
            quote, inside = letter, True
        elif letter in " \t":
            if inside:
                words.append("".join(word))
            word, inside = [], False
        else:
            word.append(letter)
            inside = True
    if quote:
        raise ValueError("a quotation is not closed")
    return [*words, "".join(word)] if inside else words


def _escape(text: str, place: int) -> tuple[str, int]:
    """What the escape at this place means, and how many letters follow the backslash."""
    sign = text[place + 1 : place + 2]
    if sign in _ESCAPES and sign:
        return _ESCAPES[sign], 1
    if sign == "x" and _HEX.fullmatch(text[place + 2 : place + 4]):
        return chr(int(text[place + 2 : place + 4], 16)), 3
    raise ValueError(f"the escape \\{sign} is not known")


def read_span(text: str) -> float:
    """A time span such as `1h 30min` in seconds, infinity included; raises ValueError."""
    if text.strip() == "infinity":
        return float("inf")
    total_s = 0.0
    place = 0
    while place < len(text.rstrip()):
        found = _SPAN.match(text, place)
        if found is None or found[2] not in _UNITS_S:
            raise ValueError(f"{text!r} is no time span such as 1h 30min")
        total_s += float(found[1]) * _UNITS_S[found[2]]
        place = found.end()
    if not place:
        raise ValueError("a time span is missing")
    return total_s


def read_bool(text: str) -> bool:
    """Yes or no as systemd writes it; raises ValueError."""
    if text.lower() in ("1", "yes", "y", "true", "t", "on"):
        return True
    if text.lower() in ("0", "no", "n", "false", "f", "off"):
        return False
    raise ValueError(f"{text!r} is neither yes nor no")
