"""What do the figures of a report look like: drawings in a page, without a script or a file."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

import msgspec

COLOURS: Final = {
    "success": "#3fa672",
    "error": "#d64545",
    "timeout": "#e8833a",
    "killed_memory": "#b0418e",
    "lost": "#7a4fb5",
    "missed": "#e3b92f",
    "aborted": "#8792a5",
    "skipped": "#cbd2dc",
}
_INK: Final = "#5b6472"
_LINE: Final = "#e4e8ee"
_WIDTH: Final = 640
_LEFT: Final = 40
_TOP: Final = 10
_FONT: Final = 'font-family="Segoe UI,Helvetica,Arial,sans-serif" font-size="11"'
_LABELS: Final = 8
_STEPS: Final = (1, 2, 5, 10)


class Column(msgspec.Struct, frozen=True):
    """One place along the time: its label, and how much of each kind."""

    label: str
    parts: tuple[tuple[str, int], ...]


def stacked(columns: Sequence[Column], *, said: str, height: int = 170) -> str:
    """Columns of parts upon each other; what went wrong lies at the foot, where it is seen."""
    highest = max((sum(part[1] for part in column.parts) for column in columns), default=0)
    top = _round_up(highest)
    floor = height - 24
    room = floor - _TOP
    width = (_WIDTH - _LEFT) / max(1, len(columns))
    drawn = _grid([(number, f"{number}") for number in _ticks(top)], top, floor)
    for place, column in enumerate(columns):
        x = _LEFT + place * width
        y = float(floor)
        for kind, number in column.parts:
            # What is there is seen, however small its share.
            tall = max(1.5, room * number / top)
            y -= tall
            drawn.append(
                f'<rect x="{x + width * 0.12:.1f}" y="{max(y, _TOP):.1f}" '
                f'width="{width * 0.76:.1f}" height="{tall:.1f}" fill="{COLOURS[kind]}"/>'
            )
    drawn += _labels([column.label for column in columns], floor, width)
    return _drawing(drawn, said, height)


def line(
    values: Sequence[float | None],
    labels: Sequence[str],
    *,
    said: str,
    colour: str,
    percent: Callable[[float], str],
    height: int = 110,
) -> str:
    """Shares from 0 to 1 as a line; where one is not known the line is broken."""
    floor = height - 24
    room = floor - _TOP
    width = (_WIDTH - _LEFT) / max(1, len(values))
    drawn = _grid([(share, percent(share)) for share in (0, 0.5, 1)], 1, floor)
    pieces: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            x = _LEFT + (place + 0.5) * width
            pieces[-1].append((x, floor - room * min(1.0, max(0.0, value))))
    for piece in pieces:
        if len(piece) == 1:
            ((x, y),) = piece
            drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>')
        elif piece:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece)
            under = f"{piece[0][0]:.1f},{floor} {points} {piece[-1][0]:.1f},{floor}"
            drawn.append(f'<polygon points="{under}" fill="{colour}" fill-opacity="0.12"/>')
            drawn.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" '
                'stroke-linejoin="round"/>'
            )
    drawn += _labels(labels, floor, width)
    return _drawing(drawn, said, height)


def bar(length: float | None, mark: float | None, *, colour: str) -> str:
    """A share of the longest, and a mark where it usually ends."""
    drawn = ['<rect x="0" y="3" width="140" height="8" rx="2" fill="#eef1f5"/>']
    if length is not None:
        wide = max(2.0, 140 * min(1.0, length))
        drawn.append(f'<rect x="0" y="3" width="{wide:.1f}" height="8" rx="2" fill="{colour}"/>')
    if mark is not None:
        x = 139 * min(1.0, mark)
        drawn.append(f'<rect x="{x:.1f}" y="0" width="2" height="14" fill="#1f2733"/>')
    return _svg(drawn, 'width="140" height="14" viewBox="0 0 140 14" aria-hidden="true"')


def _grid(ticks: Sequence[tuple[float, str]], top: float, floor: int) -> list[str]:
    drawn = []
    for number, text in ticks:
        y = floor - (floor - _TOP) * number / top
        drawn.append(
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH}" y2="{y:.1f}" stroke="{_LINE}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{_INK}" {_FONT}>'
            f"{text}</text>"
        )
    return drawn


def _labels(labels: Sequence[str], floor: int, width: float) -> list[str]:
    every = max(1, -(-len(labels) // _LABELS))
    return [
        f'<text x="{_LEFT + (place + 0.5) * width:.1f}" y="{floor + 16}" text-anchor="middle" '
        f'fill="{_INK}" {_FONT}>{label}</text>'
        for place, label in enumerate(labels)
        if place % every == 0
    ]


def _drawing(drawn: Sequence[str], said: str, height: int) -> str:
    return _svg(
        drawn,
        f'role="img" aria-label="{escape(said)}" width="100%" viewBox="0 0 {_WIDTH} {height}" '
        f'style="display:block;max-width:{_WIDTH}px"',
    )


def _svg(drawn: Sequence[str], attributes: str) -> str:
    # All that is put in are numbers, times of day and words of ours.
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{"".join(drawn)}</svg>'


def _round_up(number: int) -> int:
    """The next number at which an axis may end."""
    unit = 1
    while True:
        for step in _STEPS:
            if number <= step * unit:
                return step * unit
        unit *= 10


def _ticks(top: int) -> tuple[int, ...]:
    return (0, top) if top % 2 else (0, top // 2, top)
