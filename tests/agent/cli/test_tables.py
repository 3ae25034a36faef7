"""How do rows fit the width that there is, without losing what they say?"""

import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Self

import pytest
from rich.console import Console
from rich.text import Text

from agent.cli import say, tables
from agent.cli.tables import laid_out

COLUMNS = ("Task", "Due", "Status", "Note")
ROW = ("nightly_backup", "2020-03-04 05:06:07", "error", "the disk has no room for so many rows")
RUN_ID = "01M8BFWRS1EJ23HAC2FJFMFAFE"


def lines(columns: Sequence[str], *rows: Sequence[str], width: int) -> list[str]:
    out = Console(file=io.StringIO(), width=width, highlight=False)
    out.print(laid_out(columns, [[Text(cell) for cell in row] for row in rows], width=width))
    assert isinstance(out.file, io.StringIO)
    found = [line.rstrip() for line in out.file.getvalue().splitlines()]
    assert max(map(len, found)) <= width
    return found


def test_where_there_is_room_all_stands_as_it_is() -> None:
    head, row = lines(COLUMNS, ROW, width=100)

    assert head.split() == list(COLUMNS)
    assert re.split(r"\s{2,}", row) == list(ROW)


class Noon(datetime):
    """No day turns while rows are laid out."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 11, 26, 12, tzinfo=tz)


def test_moments_lose_what_says_least_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "datetime", Noon)
    today = Noon.now(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")

    _, row, other = lines(COLUMNS, ROW, ("x", today, "success", ""), width=75)

    assert "  03-04 05:06  " in row
    assert today[11:] in other
    assert today[:10] not in other


def test_words_are_broken_and_names_are_not() -> None:
    found = lines(COLUMNS, ROW, width=60)

    assert found[1].startswith("nightly_backup  03-04 05:06  error  ")
    said = " ".join(" ".join(line[35:].split()) for line in found[1:])
    assert said == ROW[3]


def test_where_even_that_does_not_fit_each_row_stands_by_itself() -> None:
    found = lines(("Run", *COLUMNS, "Exit"), (RUN_ID, *ROW, "-"), width=50)

    assert found[0] == f"{RUN_ID}  nightly_backup"
    text = " ".join(" ".join(line.split()) for line in found[1:])
    assert text == f"Due 03-04 05:06 Status error Note {ROW[3]}"


def test_a_column_in_which_nothing_stands_gives_its_room_to_the_others() -> None:
    head, _ = lines(("Run", "Task", "Reason", "Exit"), (RUN_ID, "sync", "", "-"), width=34)

    assert head.split() == ["Run", "Task"]


@pytest.mark.parametrize("text", ["[prod] disk", "[/b] closed", "[red]x[/red]", "a\\[b]"])
def test_brackets_in_what_people_wrote_are_no_markup(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say.table(("What",), [(text,)], empty="")

    assert text in capsys.readouterr().out
