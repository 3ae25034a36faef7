"""In which of four ways is a schedule chosen, and what does that write into its field?"""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.models.scheduleways import (
    INTERVAL,
    ONCE,
    SIMPLE,
    TEXT,
    Parts,
    key_of,
    text_of,
    way_of,
)
from desktop.parts.areas import TextArea
from desktop.parts.buttons import Button, Segmented
from desktop.parts.dialogs import show_words
from desktop.parts.labels import Words
from desktop.theme import Theme
from desktop.views.editing.panes import IntervalPane, OncePane, Pane, SimplePane

_GAP_PX: Final = 6


class When(QWidget):
    """The field of schedules under its ways.

    The text in `area` is the only truth: a pane shows it where it can, and writes it when
    something is chosen there, as if somebody had typed it.
    """

    written = Signal()
    """What stands in a pane became a choice, or is none any more, while the text stayed."""

    def __init__(
        self, theme: Theme, *, name: str, hint: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.unread = ""
        """What has to be put right in the pane in sight before it is a choice."""
        self._is_writing = False
        self.ways = Segmented(
            theme,
            [
                (SIMPLE, self.tr("Simple")),
                (TEXT, self.tr("Cron text")),
                (INTERVAL, self.tr("Interval")),
                (ONCE, self.tr("Once")),
            ],
            name=self.tr("How the schedule is chosen"),
        )
        self.ways.chosen.connect(self._show_way)
        self.simple, self.interval, self.once = (
            SimplePane(theme),
            IntervalPane(theme),
            OncePane(theme),
        )
        self._panes: dict[str, Pane] = {
            SIMPLE: self.simple,
            INTERVAL: self.interval,
            ONCE: self.once,
        }
        self.area = TextArea(theme, name=name, hint=hint)
        self.area.changed.connect(self._text_changed)
        self.told = Words(theme, ink="text2", wrap=True)
        self.stays = Words(theme, weight=500, wrap=True)
        self.kept = Words(theme, fixed=True, wrap=True, selectable=True)
        self.use = Button(theme, self.tr("Use this instead"))
        self.use.setAutoDefault(False)
        self.use.clicked.connect(self._use)
        head = QHBoxLayout()
        head.addWidget(Words(theme, name, ink="text2"))
        head.addStretch(1)
        head.addWidget(self.ways)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(_GAP_PX)
        column.addLayout(head)
        column.addWidget(self.stays)
        column.addWidget(self.kept)
        for pane in self._panes.values():
            pane.chosen.connect(self._choose)
            column.addWidget(pane)
        column.addWidget(self.area)
        column.addWidget(self.told)
        column.addWidget(self.use, 0, Qt.AlignmentFlag.AlignLeft)
        self._fit()

    # --- what it is told -------------------------------------------------------------------------

    def show_text(self, text: str) -> None:
        """That stands in the field; another text than before is shown in the way that fits it."""
        is_other = text != self.area.text()
        if is_other:
            self._write(text)
            self._fit()
        else:
            self._show_way(self.ways.key)

    def show_zone(self, zone: str) -> None:
        """On whose clocks the task runs."""
        self.once.show_zone(zone)

    def enter(self) -> None:
        """Bring the keyboard to the first control of the way in sight."""
        pane = self._panes.get(self.ways.key)
        if pane is None:
            self.area.setFocus()
        else:
            pane.enter()

    # --- inside ----------------------------------------------------------------------------------

    def _parts(self) -> Parts | None:
        lines = self.area.text().splitlines()
        return way_of([line for line in lines if line.strip()])

    def _fit(self) -> None:
        key = key_of(self._parts())
        self.ways.choose(key)
        self._show_way(key)

    def _show_way(self, key: str) -> None:
        """Bring that pane in sight; where it cannot show the text, the text stays as it is."""
        parts = self._parts()
        for name, pane in self._panes.items():
            if name == key == key_of(parts) and parts is not None:
                pane.show_parts(parts)
            pane.setVisible(name == key)
        self.area.setVisible(key == TEXT)
        if self.unread:
            self._set_unread("")
        self._say(key)

    def _say(self, key: str) -> None:
        parts, text = self._parts(), self.area.text().strip()
        is_kept = key not in (TEXT, key_of(parts))
        told = stays = ""
        if key == TEXT:
            told = self.tr("One a line: cron text, @every 90s, @at 2026-12-01T06:00, @reboot")
        elif not is_kept:
            told = self.tr("Still {0}") if self.unread else self.tr("Written as {0}")
            told = told.format(text)
        elif text:
            stays = self.tr("What is written stays until you choose something here:")
        else:
            stays = self.tr("No schedule is written. Choose something here to write one.")
        show_words(self.told, told)
        show_words(self.stays, stays)
        show_words(self.kept, text if is_kept else "")
        pane = self._panes.get(key)
        self.use.setVisible(is_kept and pane is not None and not isinstance(pane.read(), str))

    def _use(self) -> None:
        self._choose()
        # The button is gone now, and the keyboard with it.
        self.enter()

    def _choose(self) -> None:
        """What stands in the pane in sight is what the schedule is to be."""
        pane = self._panes[self.ways.key]
        read = pane.read()
        if isinstance(read, str):
            self._set_unread(read)
            self._say(self.ways.key)
            return
        was_unread, self.unread = bool(self.unread), ""
        # The same choice in other words is no change.
        is_other = read != self._parts()
        if is_other:
            self._write(text_of(read))
        self._say(self.ways.key)
        if was_unread and not is_other:
            self.written.emit()

    def _set_unread(self, unread: str) -> None:
        self.unread = unread
        self.written.emit()

    def _write(self, text: str) -> None:
        self._is_writing = True
        self.area.setText(text)
        self._is_writing = False

    def _text_changed(self) -> None:
        if not self._is_writing and self.ways.key != TEXT:
            self._fit()
