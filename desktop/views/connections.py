"""Which agents does this desktop know, and on which of them does it look?"""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from desktop.settings import Connection
from desktop.theme import Theme


class Connections(QMenu):
    """A line an agent, with the flag of its environment; then the way to one more."""

    chosen = Signal(str)
    another_wanted = Signal()
    forget_wanted = Signal(str)

    def __init__(
        self, theme: Theme, known: Sequence[Connection], *, current: str, parent: QWidget
    ) -> None:
        """`current` is the id of the agent on which it looks; empty where it is none."""
        super().__init__(parent)
        group = QActionGroup(self)
        here = ""
        for one in known:
            is_here = one.id == current
            here = one.name if is_here else here
            ground = theme.tokens.environment(one.environment).ground
            said = f"{one.name}\t{one.environment.capitalize()}, {one.host}:{one.control_port}"
            action = self.addAction(theme.icon("flag-fill", ground), said)
            action.setCheckable(True)
            action.setChecked(is_here)
            action.triggered.connect(lambda _=False, one=one: self.chosen.emit(one.id))
            group.addAction(action)
        self.addSeparator()
        another = self.addAction(theme.icon("plus"), self.tr("Connect to another agent"))
        another.triggered.connect(self.another_wanted)
        if here:
            forget = self.addAction(theme.icon("trash"), self.tr("Forget {0}").format(here))
            forget.triggered.connect(lambda: self.forget_wanted.emit(current))
        self.aboutToHide.connect(self.deleteLater)
