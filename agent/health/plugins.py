"""What does a plugin of Nagios mean by its exit status and what it printed?"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from agent.rules.thresholds import CRIT, OK, UNKNOWN, WARN

STATES: Final = {0: OK, 1: WARN, 2: CRIT}
"""Any other exit status says that it is not known."""
MOST_FIGURES: Final = 32
_FIGURE: Final = re.compile(
    r"\s*(?:'((?:[^']|'')*)'|([^\s'=]+))="
    r"(U|[-+]?[0-9]*[.,]?[0-9]+(?:[eE][-+]?[0-9]+)?)"
    r"([^\s;0-9]{0,16})"
    r"(?:;([^\s;]*))?(?:;([^\s;]*))?(?:;([^\s;]*))?(?:;([^\s;]*))?;*(?=\s|$)"
)

_PLAIN: Final = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a plugin's performance data; ranges stay as they were written."""

    label: str
    value: float | None
    unit: str = ""
    warn: str = ""
    crit: str = ""
    low: str = ""
    high: str = ""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin said: how it is, in a sentence, and in figures."""

    state: str
    message: str
    figures: tuple[Figure, ...] = ()


def read(exit_status: int, output: str) -> Said:
    """The first line up to `|` is the message; behind each `|` stand figures."""
    first, _, rest = output.strip().partition("\n")
    message, _, figures = first.partition("|")
    _, _, more = rest.partition("|")
    return Said(
        state=STATES.get(exit_status, UNKNOWN),
        message=message.strip(),
        figures=read_figures(f"{figures} {more}"),
    )


def read_figures(text: str) -> tuple[Figure, ...]:
    """Every figure that can be read; what cannot is passed over."""
    found: list[Figure] = []
    at = 0
    while at < len(text) and len(found) < MOST_FIGURES:
        one = _FIGURE.match(text, at)
        if one is None:
            # On to the next word: a plugin that writes one badly may write the next one well.
            blank = re.compile(r"\s+").search(text, at + 1)
            at = blank.end() if blank else len(text)
            continue
        at = one.end()
        found.append(_figure(*one.groups()))
    return tuple(found)


def _figure(
    quoted: str | None,
    plain: str | None,
    value: str,
    unit: str,
    *ranges: str | None,
) -> Figure:
    warn, crit, low, high = (text or "" for text in ranges)
    return Figure(
        label=plain if quoted is None else quoted.replace("''", "'"),  # type: ignore[arg-type] # one of them matched
        value=None if value == "U" else float(value.replace(",", ".")),
        unit=unit,
        warn=warn,
        crit=crit,
        low=low,
        high=high,
    )


def named(figures: Sequence[Figure], label: str) -> Figure | None:
    """The figure of this label, else the first one when no label is asked for."""
    return next((one for one in figures if not label or one.label == label), None)


def limits(figure: Figure) -> tuple[float | None, float | None]:
    """Its limits where they are plain numbers; a range of two ends is no line to draw."""
    return _plain(figure.warn), _plain(figure.crit)


def _plain(limit: str) -> float | None:
    return float(limit) if _PLAIN.fullmatch(limit) else None


def worst(*states: str) -> str:
    """The worst of these; that one is not known is worse than a warning, and less than critical."""
    return max(states, key=(OK, WARN, UNKNOWN, CRIT).index)


def beyond(value: float, warn: float | None, crit: float | None, *, falls: bool = False) -> str:
    """How bad a figure is by limits of which each may be missing."""
    sign = -1 if falls else 1
    if crit is not None and sign * value >= sign * crit:
        return CRIT
    if warn is not None and sign * value >= sign * warn:
        return WARN
    return OK
