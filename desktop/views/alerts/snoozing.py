"""Until when is nothing to be said of alerts?"""

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import PRIMARY, Button
from desktop.parts.clocks import EXAMPLE, Zone
from desktop.parts.forms import TextField
from desktop.parts.labels import Words
from desktop.theme import Theme

MORNING_HOUR: Final = 8
LONGEST_MS: Final = 366 * words.DAY_MS
WIDE_PX: Final = 420


class SnoozeDialog(QDialog):
    """A moment of one's own, and why."""

    snoozed = Signal(object, str)
    """Until when in ms, and the note."""

    def __init__(
        self,
        theme: Theme,
        what: str,
        now: words.Clock,
        *,
        zone: Zone,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._now, self._zone = now, zone
        title = self.tr("Snooze {0} until").format(what)
        self.setWindowTitle(title)
        self.setModal(True)
        self.setFixedWidth(WIDE_PX)
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Window, QColor(theme.tokens.surface))
        self.setPalette(palette)
        self.until = TextField(theme, name=self.tr("Until"), hint=EXAMPLE)
        self.until.setText(zone.written(zone.tomorrow(MORNING_HOUR, now())))
        self.until.textChanged.connect(self._check)
        self.until.returnPressed.connect(self._snooze)
        self.note = TextField(theme, name=self.tr("Note"), hint=self.tr("Why, if you like"))
        self.note.setMaxLength(1_000)
        self.note.returnPressed.connect(self._snooze)
        self.said = Words(theme, ink="text2", wrap=True)
        cancel = Button(theme, self.tr("Leave it open"), height=32)
        cancel.clicked.connect(self.reject)
        self.act = Button(theme, self.tr("Snooze"), icon="moon", kind=PRIMARY, height=32)
        self.act.clicked.connect(self._snooze)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(self.act)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 18)
        layout.setSpacing(10)
        layout.addWidget(Words(theme, title, px=16, weight=600, wrap=True))
        layout.addWidget(Words(theme, zone.said, ink="text3"))
        layout.addWidget(self.until)
        layout.addWidget(self.said)
        layout.addWidget(self.note)
        layout.addSpacing(8)
        layout.addLayout(foot)
        self.until.selectAll()
        self.until.setFocus()
        self._check()

    def _until_ms(self) -> int | None:
        return self._zone.read(self.until.text(), self._now(), to_come=True)

    def _check(self) -> None:
        until_ms, now_ms = self._until_ms(), self._now()
        if until_ms is None:
            said = self.tr("Write a moment as {0} or 18:30").format(EXAMPLE)
        elif until_ms <= now_ms:
            said = self.tr("This moment has passed")
        elif until_ms > now_ms + LONGEST_MS:
            said = self.tr("Choose a moment within a year")
        else:
            left = words.rough_span(until_ms - now_ms)
            self.said.setText(self.tr("Quiet for {0}, then it is told anew").format(left))
            self.said.set_ink("text2")
            self.act.allow(True)
            return
        self.said.setText(said)
        self.said.set_ink("bad.text")
        self.act.allow(False, said)

    def _snooze(self) -> None:
        until_ms = self._until_ms()
        if self.act.isEnabled() and until_ms is not None:
            self.snoozed.emit(until_ms, self.note.text().strip())
            self.accept()
