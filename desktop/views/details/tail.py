"""The log of the task's newest run, as it grows, in the panel."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.parts.labels import Elided, Ground, Words
from desktop.parts.log_text import LogText
from desktop.theme import Theme


class Tail(QWidget):
    """Shows the stream the window follows, always at its end."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run_id = ""
        self.title = Elided(theme, ink="text2")
        self.text = LogText(theme, numbers=False)
        self.text.setLineWrapMode(LogText.LineWrapMode.WidgetWidth)
        self.text.caught_up.connect(self._go_to_end)
        self._note = Words(theme, ink="text3", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._note.setMargin(32)
        head = Ground(theme, "chrome", lines="b")
        line = QVBoxLayout(head)
        line.setContentsMargins(16, 6, 16, 6)
        line.addWidget(self.title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(head)
        layout.addWidget(self._note, 1)
        layout.addWidget(self.text, 1)
        self._head = head
        self.leave()

    @property
    def run_id(self) -> str:
        """Whose log it follows; empty for nobody's."""
        return self._run_id

    def begin(self, run_id: str) -> None:
        """The log of that run follows from its start or its tail."""
        self._run_id = run_id
        self.text.begin()
        self.title.setText("")
        self._show_note("")

    def name(self, said: str) -> None:
        """Which run this is, and whether it still grows."""
        self.title.setText(said)

    def append(self, run_id: str, output: bytes | str, skipped: int = 0) -> None:
        """More of a log; that of another run is left out."""
        if run_id == self._run_id:
            self.text.append_output(output, skipped)

    def end(self, run_id: str) -> None:
        """That log is complete."""
        if run_id == self._run_id:
            self.text.finish()

    def show_other(self) -> None:
        """The log below is now that of another run."""
        self._run_id = ""
        self._show_note(self.tr("The log of another run is open. Choose this tab again to return."))

    def show_none(self) -> None:
        """The task has no run, so it has no log."""
        self._run_id = ""
        self._show_note(self.tr("No run yet, so there is no log."))

    def show_stale(self, stale: bool) -> None:
        """Grey while the agent is silent."""
        self.text.show_stale(stale)

    def leave(self) -> None:
        """Nobody looks."""
        self._run_id = ""
        self.text.begin()
        self._show_note("")

    def _show_note(self, note: str) -> None:
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self.text.setVisible(not note)
        self._head.setVisible(not note)

    def _go_to_end(self) -> None:
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())
