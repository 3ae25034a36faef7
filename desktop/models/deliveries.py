"""Which messages were written to people, as a table for Qt."""

from collections.abc import Callable, Iterable
from enum import IntEnum

from PySide6.QtCore import QCoreApplication

from desktop.tables import Table
from shared.protocol.alerting import Delivery


class Column(IntEnum):
    """The columns of messages."""

    TIME = 0
    CHANNEL = 1
    SEVERITY = 2
    SUBJECT = 3
    TO = 4
    TRIES = 5
    RESULT = 6


def _tr(text: str) -> str:
    return QCoreApplication.translate("DeliveriesModel", text)


class DeliveriesModel(Table[Delivery]):
    """Keeps messages, the newest first; how one is said is the view's matter."""

    def __init__(self) -> None:
        super().__init__([_tr(column.name.capitalize()) for column in Column])
        self.wording: Callable[[Delivery, int], str] = lambda _row, _column: ""

    def say(self, row: Delivery, column: int) -> str:
        """A cell in words."""
        return self.wording(row, column)

    def show_rows(self, rows: Iterable[Delivery]) -> None:
        """The newest of them; older ones that are known stay."""
        known = {row.id: row for row in self._shown} | {row.id: row for row in rows}
        newest = sorted(known.values(), key=lambda row: row.id, reverse=True)
        if len(newest) == len(self._shown):
            for at, row in enumerate(newest):
                if self._shown[at] != row:
                    self._shown[at] = row
                    self._tell_row(at)
            return
        self._show_others(newest)

    def clear(self) -> None:
        """Forget everything, for another agent."""
        self._show_others(())
