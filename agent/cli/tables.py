"""How do rows fit the width that there is, without losing what they say?"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

RIGHT: Final = frozenset(
    {"Duration", "CPU", "Memory", "Exit", "Try", "Prio", "Bytes", "Late", "Seen", "Tasks", "Tries"}
)
FEWEST: Final = 14
"""A column of words is made no narrower."""
_GAP: Final = 2
_MOMENT: Final = re.compile(r"\b(\d{4}-(\d\d-\d\d)) (\d\d:\d\d)(:\d\d)\b")
_NOTHING: Final = frozenset({"", "-"})


def laid_out(
    columns: Sequence[str], rows: Sequence[Sequence[Text]], *, width: int
) -> RenderableType:
    """A table as wide as its cells where it fits, else with less in it, else each row by itself."""
    if _width(_natural(columns, rows)) <= width:
        return _table(columns, rows, {})
    used = [
        place
        for place in range(len(columns))
        if any(row[place].plain not in _NOTHING for row in rows)
    ]
    columns = [columns[place] for place in used]
    today = datetime.now(UTC).astimezone().strftime("%Y-%m-%d")
    rows = [[_shorter(row[place], today) for place in used] for row in rows]
    natural = _natural(columns, rows)
    if (wrapped := _wrapped(columns, rows, natural, width)) is not None:
        return _table(columns, rows, wrapped)
    return Group(*(part for row in rows for part in _card(columns, row, width)))


def _natural(columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> list[int]:
    """How wide each column is when nothing of it is broken."""
    return [
        max(
            cell_len(title),
            *(cell_len(line) for row in rows for line in row[place].plain.split("\n")),
        )
        for place, title in enumerate(columns)
    ]


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _wrapped(
    columns: Sequence[str], rows: Sequence[Sequence[Text]], natural: Sequence[int], width: int
) -> dict[int, int] | None:
    """How wide columns of words become so that all fits; None where they would be too narrow."""
    over = _width(natural) - width
    if over <= 0:
        return {}
    # What has no blank in it (a name, an id) is to be copied, so it stays in one piece.
    least = {
        place: max(FEWEST, _longest_word(rows, place))
        for place in range(len(columns))
        if any(" " in row[place].plain for row in rows)
    }
    found = {place: natural[place] for place, most in least.items() if natural[place] > most}
    for _ in range(over):
        widest = max(
            (place for place in found if found[place] > least[place]),
            key=lambda place: found[place],
            default=None,
        )
        if widest is None:
            return None
        found[widest] -= 1
    return found


def _longest_word(rows: Sequence[Sequence[Text]], place: int) -> int:
    return max(cell_len(word) for row in rows for word in (row[place].plain.split() or [""]))


def _table(columns: Sequence[str], rows: Sequence[Sequence[Text]], widths: dict[int, int]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        shown.add_column(
            column,
            justify="right" if column in RIGHT else "left",
            no_wrap=place not in widths,
            width=widths.get(place),
        )
    for row in rows:
        shown.add_row(*row)
    return shown


def _card(columns: Sequence[str], row: Sequence[Text], width: int) -> list[RenderableType]:
    """What the row is in its first two cells, and beneath them the others with their names."""
    lines = [Text("  ").join([Text.assemble((row[0].plain, "bold")), *row[1:2]])]
    for title, cell in zip(columns[2:], row[2:], strict=True):
        if cell.plain in _NOTHING:
            continue
        said = Text.assemble((f"{title} ", "dim"), cell)
        # A name and what belongs to it stay in one line, where that is long enough.
        is_first = len(lines) == 1
        if is_first or cell_len(lines[-1].plain) + _GAP + cell_len(said.plain) > width - _GAP:
            lines.append(said)
        else:
            lines[-1] = Text("  ").join([lines[-1], said])
    return [lines[0], *(Padding(line, (0, 0, 0, _GAP)) for line in lines[1:])]


def _shorter(cell: Text, today: str) -> Text:
    """Moments of today without their date, others without their year and seconds."""

    def short(found: re.Match[str]) -> str:
        if found[1] == today:
            return f"{found[3]}{found[4]}"
        return f"{found[2]} {found[3]}"

    if len(cell.spans) > 1 or not _MOMENT.search(cell.plain):
        return cell
    shorter = Text(_MOMENT.sub(short, cell.plain), style=cell.style)
    for span in cell.spans:  # a word at the end keeps its colour
        lost = len(cell.plain) - len(shorter.plain)
        shorter.stylize(span.style, span.start - lost, span.end - lost)
    return shorter
