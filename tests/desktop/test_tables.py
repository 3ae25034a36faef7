"""What every table of rows answers Qt, whatever its rows are."""

from PySide6.QtCore import Qt

from desktop.tables import ROW, Table

ROLES = Qt.ItemDataRole
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Ports(Table[tuple[str, str, str]]):
    """Which port is whose."""

    def __init__(self, *rows: tuple[str, str, str]) -> None:
        super().__init__(("Port", "Name", "Whose"), right=(0,))
        self._show_others(rows)

    def say(self, row: tuple[str, str, str], column: int) -> str:
        return row[column]


def test_a_row_is_heard_as_a_whole_at_its_beginning_and_then_cell_by_cell() -> None:
    model = Ports(("22", "ssh", "root"), ("80", "", "www"))

    heard = [
        model.index(row, column).data(ROLES.AccessibleTextRole)
        for row in range(2)
        for column in range(3)
    ]

    assert heard == ["22, ssh, root", "ssh", "root", "80, www", "", "www"]


def test_figures_stand_to_the_right_under_their_title_and_a_row_is_given_itself() -> None:
    model = Ports(("22", "ssh", "root"))

    sides = [model.index(0, column).data(ROLES.TextAlignmentRole) for column in range(3)]
    heads = [
        model.headerData(column, Qt.Orientation.Horizontal, ROLES.TextAlignmentRole)
        for column in range(3)
    ]

    assert sides == heads
    assert [side == RIGHT for side in sides] == [True, False, False]
    assert model.index(0, 2).data(ROW) == ("22", "ssh", "root")
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Name"
    assert (model.rowCount(), model.columnCount()) == (1, 3)
