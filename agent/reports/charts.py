"""What do the figures of a report look like: drawings in a page, without a script or a file."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from markupsafe import Markup, escape

COLOURS: Final = {
    "success": "#2f9e6e",
    "error": "#d64545",
    "timeout": "#e8833a",
    "killed_memory": "#b0418e",
    "lost": "#7a4fb5",
    "missed": "#e3b92f",
    "aborted": "#8792a5",
    "skipped": "#cdd4de",
}
INK: Final = "#1f2733"
FAINT: Final = "#66707f"
LINE: Final = "#e4e8ee"
_WIDTH: Final = 660
_LEFT: Final = 46
_TOP: Final = 14
_FOOT: Final = 22
_LABELS: Final = 8
_STEPS: Final = (1, 2, 4, 5, 10)
_LOWEST: Final = (0.99, 0.95, 0.9, 0.8, 0.5)
_BAR: Final = 150


class Column(msgspec.Struct, frozen=True):
    """One place along the time: its label, and how much of each kind, from the foot up."""

    label: str
    parts: tuple[tuple[str, int], ...]


def columns(places: Sequence[Column], *, said: str, number: Callable[[float], str]) -> Markup:
    """Columns of parts upon each other."""
    height = 180
    top = _round_up(max((sum(part[1] for part in place.parts) for place in places), default=1))
    floor, width = height - _FOOT, (_WIDTH - _LEFT) / max(1, len(places))
    ticks = (0, top) if top % 2 else (0, top // 2, top)
    drawn = _grid([(tick / top, number(tick)) for tick in ticks], floor)
    for at, place in enumerate(places):
        x, y = _LEFT + (at + 0.14) * width, float(floor)
        for kind, count in place.parts:
            # What is there is seen, however small its share.
            tall = max(2.0, (floor - _TOP) * count / top)
            y -= tall
            drawn.append(_box(x, max(y, 0), width * 0.72, tall, COLOURS[kind]))
    return _drawing(
        [*drawn, *_labels([place.label for place in places], floor, width)], said, height
    )


def dots(
    shares: Sequence[float | None],
    labels: Sequence[str],
    *,
    said: str,
    percent: Callable[[float], str],
) -> Markup:
    """Shares that are near to all, with what each is; the last one stands out."""
    height = 150
    lowest = min((share for share in shares if share is not None), default=0.0)
    least = next((share for share in _LOWEST if share <= lowest), 0.0)
    floor, width = height - _FOOT, (_WIDTH - _LEFT) / max(1, len(shares))
    ticks = (least, (least + 1) / 2, 1.0)
    drawn = _grid([((tick - least) / (1 - least), percent(tick)) for tick in ticks], floor, top=30)
    points = [
        (_LEFT + (at + 0.5) * width, floor - (floor - 30) * (share - least) / (1 - least), share)
        for at, share in enumerate(shares)
        if share is not None
    ]
    if len(points) > 1:
        drawn.append(_path([(x, y) for x, y, _ in points], COLOURS["success"]))
    for place, (x, y, share) in enumerate(points):
        beside = [other for _, other, _ in points[max(0, place - 1) : place + 2] if other != y]
        # Where the line comes down from both sides there is room beneath alone.
        is_low = bool(beside) and all(other < y for other in beside) and y + 20 < floor
        is_last = x > _LEFT + (len(shares) - 1) * width
        colour = INK if is_last else FAINT
        weight = ' font-weight="700"' if is_last else ""
        drawn.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if is_last else 3.5}" '
            f'fill="{COLOURS["success"]}" stroke="#ffffff" stroke-width="2"/>'
            f'<text x="{x:.1f}" y="{y + (19 if is_low else -10):.1f}" text-anchor="middle" '
            f'font-size="12" '
            f'fill="{colour}"{weight} stroke="#ffffff" stroke-width="4" paint-order="stroke">'
            f"{escape(percent(share))}</text>"
        )
    return _drawing([*drawn, *_labels(labels, floor, width)], said, height)


def curve(
    points: Sequence[tuple[float, float, float]],
    labels: Sequence[str],
    *,
    said: str,
    colour: str,
    percent: Callable[[float], str],
) -> Markup:
    """Shares along the time: where from 0 to 1, the mean as a line, the highest as a shade."""
    height = 104
    floor = height - _FOOT
    drawn = _grid([(share, percent(share)) for share in (0, 0.5, 1)], floor)
    means, peaks = (
        [
            (_LEFT + (_WIDTH - _LEFT) * at, floor - (floor - _TOP) * min(1.0, max(0.0, value)))
            for at, value in values
        ]
        for values in (
            [(at, mean) for at, mean, _ in points],
            [(at, highest) for at, _, highest in points],
        )
    )
    if len(means) == 1:
        ((x, y),) = means
        drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
    else:
        for line, shade in ((peaks, 0.14), (means, 0.22)):
            under = [(line[0][0], float(floor)), *line, (line[-1][0], float(floor))]
            drawn.append(
                f'<polygon points="{_text(under)}" fill="{colour}" fill-opacity="{shade}"/>'
            )
        drawn.append(_path(means, colour))
    width = (_WIDTH - _LEFT) / max(1, len(labels))
    return _drawing([*drawn, *_labels(labels, floor, width, inside=0)], said, height)


def bar(share: float, mark: float | None, *, colour: str) -> Markup:
    """A share of the longest, and a mark where it usually ends."""
    drawn = [
        f'<rect x="0" y="4" width="{_BAR}" height="8" rx="2" fill="#eef1f5"/>',
        f'<rect x="0" y="4" width="{max(2.0, _BAR * share):.1f}" height="8" rx="2" '
        f'fill="{colour}"/>',
    ]
    if mark is not None:
        drawn.append(_box((_BAR - 2) * mark, 1, 2, 14, INK))
    attributes = f'width="{_BAR}" height="16" viewBox="0 0 {_BAR} 16" aria-hidden="true"'
    return _svg(drawn, attributes)


def _grid(ticks: Sequence[tuple[float, str]], floor: int, *, top: int = _TOP) -> list[str]:
    drawn = []
    for share, text in ticks:
        y = floor - (floor - top) * share
        drawn.append(
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH}" y2="{y:.1f}" stroke="{LINE}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" font-size="11" '
            f'fill="{FAINT}">{escape(text)}</text>'
        )
    return drawn


def _labels(labels: Sequence[str], floor: int, width: float, *, inside: float = 0.5) -> list[str]:
    """Under their places, in the middle of each or where it begins."""
    every = max(1, -(-len(labels) // _LABELS))
    return [
        f'<text x="{_LEFT + (place + inside) * width:.1f}" y="{floor + 17}" text-anchor="middle" '
        f'font-size="11" fill="{FAINT}">{escape(label)}</text>'
        for place, label in enumerate(labels)
        if place % every == 0
    ]


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
    )


def _path(points: Sequence[tuple[float, float]], colour: str) -> str:
    return (
        f'<polyline points="{_text(points)}" fill="none" stroke="{colour}" stroke-width="2" '
        'stroke-linejoin="round"/>'
    )


def _text(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _drawing(drawn: Sequence[str], said: str, height: int) -> Markup:
    return _svg(
        drawn,
        f'role="img" aria-label="{escape(said)}" width="100%" viewBox="0 0 {_WIDTH} {height}" '
        f'style="display:block;max-width:{_WIDTH}px" font-family="Helvetica,Arial,sans-serif"',
    )


def _svg(drawn: Sequence[str], attributes: str) -> Markup:
    # What is put in are numbers and colours of ours, and words that were escaped.
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{"".join(drawn)}</svg>'
    return Markup(text)  # noqa: S704  # nosec B704


def _round_up(number: int) -> int:
    """The next number at which an axis may end."""
    unit = 1
    while True:
        for step in _STEPS:
            if number <= step * unit:
                return step * unit
        unit *= 10
