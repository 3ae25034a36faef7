"""The cards of one alert: what happened, who was told, what people wrote."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import Button
from desktop.parts.forms import TextField
from desktop.parts.labels import Card, Elided, IconLabel, Words
from desktop.parts.passage import Passage
from desktop.theme import Theme
from desktop.views.alerts.story import (
    Event,
    arrived_words,
    delivery_look,
    delivery_words,
    remark_words,
)
from shared.protocol.alerting import Delivery, Remarked

MOST_RECEIPTS: Final = 8
NOTE_CHARS: Final = 1_000


class TitledCard(Card):
    """A card with its title, a second word at the right, and a body under them."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__(theme)
        self._theme = theme
        self.title = Words(theme, title, px=13, weight=600)
        self.second = Words(theme, ink="text3")
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.second)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 12, 16, 14)
        self.body.setSpacing(8)
        self.body.addLayout(head)


class EventsCard(TitledCard):
    """One line a thing that happened: when, its shape, what."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "")
        self.title.setText(self.tr("What happened"))
        self._rows: list[tuple[Words, IconLabel, Passage]] = []
        self._grid = _grid()
        self._grid.setColumnStretch(2, 1)
        self.body.addLayout(self._grid)
        self.body.addStretch(1)

    def show_events(
        self, events: Sequence[Event], zone: tzinfo | None, now_ms: int, *, is_stale: bool
    ) -> None:
        """These, the newest first."""
        while len(self._rows) < len(events):
            self._add_row()
        for at, row in enumerate(self._rows):
            for widget in row:
                widget.setVisible(at < len(events))
            if at >= len(events):
                continue
            event, (time, mark, text) = events[at], row
            family = "idle" if is_stale else event.look.family
            time.setText(words.clock(event.at_ms, zone, now_ms, seconds=True))
            mark.show_icon(event.look.icon, f"{family}.text")
            text.setText(event.text)
            text.set_ink("text", 500 if event.is_turn else 400)

    def texts(self) -> list[str]:
        """What is said now."""
        return [text.text() for _, _, text in self._rows if not text.isHidden()]

    def _add_row(self) -> None:
        at = len(self._rows)
        row = (
            Words(self._theme, ink="text3"),
            IconLabel(self._theme, "circle", px=13),
            Passage(self._theme),
        )
        for place, widget in enumerate(row):
            self._grid.addWidget(widget, at, place, Qt.AlignmentFlag.AlignTop)
        self._grid.setAlignment(row[2], Qt.AlignmentFlag(0))
        self._rows.append(row)


class ComingCard(EventsCard):
    """One line a thing that comes next if nothing changes: when, what, to whom; or why nothing."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.title.setText(self.tr("What comes next"))
        self.none = Words(theme, ink="text3", wrap=True)
        self.body.insertWidget(1, self.none)

    def show_none(self, why: str) -> None:
        """Why nobody is told anything more, where that is so."""
        self.none.setText(why)
        self.none.setVisible(bool(why))


class ReceiptsCard(TitledCard):
    """One line a message: by which way, to whom, how often tried, what became of it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "")
        self.title.setText(self.tr("Delivery receipts"))
        self._grid = _grid()
        for place, stretch in ((1, 2), (4, 3)):
            self._grid.setColumnStretch(place, stretch)
        titles = (
            self.tr("Channel"), self.tr("To"), self.tr("Tries"), self.tr("Time"), self.tr("Result"),
        )  # fmt: skip
        self._head = [Words(theme, title, px=11, weight=500, ink="text3") for title in titles]
        for place, word in enumerate(self._head):
            self._grid.addWidget(word, 0, place if place < 4 else 4)
        self._rows: list[tuple[Words, Elided, Words, Words, QWidget, IconLabel, Elided]] = []
        self.empty = Words(theme, ink="text3", wrap=True)
        self.body.addLayout(self._grid)
        self.body.addWidget(self.empty)

    def show_receipts(
        self,
        deliveries: Sequence[Delivery],
        zone: tzinfo | None,
        now_ms: int,
        *,
        is_stale: bool,
        why_none: str,
    ) -> None:
        """These, the newest first; `why_none` is said where there are none."""
        shown = deliveries[:MOST_RECEIPTS]
        self.second.setText(arrived_words(deliveries))
        self.empty.setVisible(not shown)
        self.empty.setText(why_none)
        for word in self._head:
            word.setVisible(bool(shown))
        while len(self._rows) < len(shown):
            self._add_row()
        for at, (channel, to, tries, time, holder, mark, result) in enumerate(self._rows):
            for widget in (channel, to, tries, time, holder):
                widget.setVisible(at < len(shown))
            if at >= len(shown):
                continue
            one = shown[at]
            look = delivery_look(one)
            family = "idle" if is_stale else look.family
            channel.setText(one.channel.capitalize())
            to.setText(", ".join(one.recipients))
            tries.setText(words.count(one.tries))
            time.setText(words.clock(one.sent_ms or one.created_ms, zone, now_ms, seconds=True))
            mark.show_icon(look.icon, f"{family}.text")
            result.setText(delivery_words(one, now_ms))
            result.set_ink("text" if one.state == "sent" else f"{family}.text")

    def texts(self) -> list[str]:
        """What became of each, as it is said."""
        return [row[6].text() for row in self._rows if not row[4].isHidden()]

    def _add_row(self) -> None:
        at, theme = len(self._rows) + 1, self._theme
        mark, result = IconLabel(theme, "circle", px=13), Elided(theme)
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(mark)
        line.addWidget(result, 1)
        row = (Words(theme), Elided(theme), Words(theme), Words(theme, ink="text2"), holder)
        for place, widget in enumerate(row):
            self._grid.addWidget(widget, at, place)
        self._rows.append((*row, mark, result))


class NotesCard(TitledCard):
    """What people did and wrote, the oldest first, and a field for more."""

    added = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "")
        self.title.setText(self.tr("Notes and actions"))
        self.empty = Words(theme, ink="text3", wrap=True)
        self._rows: list[tuple[Words, Words, Passage]] = []
        self._grid = _grid()
        self._grid.setColumnStretch(1, 1)
        self.field = TextField(
            theme, name=self.tr("Add a note"), hint=self.tr("Add a note that everyone sees (N)")
        )
        self.field.setMaxLength(NOTE_CHARS)
        self.field.textChanged.connect(self._set_button)
        self.field.returnPressed.connect(self._add)
        self.add = Button(theme, self.tr("Add note"), height=32)
        self.add.clicked.connect(self._add)
        self._may, self._why_not = False, ""
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.field, 1)
        foot.addWidget(self.add)
        self.body.addWidget(self.empty)
        self.body.addLayout(self._grid)
        self.body.addSpacing(4)
        self.body.addLayout(foot)
        self.empty.setText(self.tr("Nobody did or wrote anything yet."))

    def show_notes(self, notes: Sequence[Remarked], zone: tzinfo | None, now_ms: int) -> None:
        """These, the oldest first."""
        self.empty.setVisible(not notes)
        while len(self._rows) < len(notes):
            self._add_row()
        for at, row in enumerate(self._rows):
            for widget in row:
                widget.setVisible(at < len(notes))
            if at >= len(notes):
                continue
            time, done, said = row
            time.setText(words.clock(notes[at].at_ms, zone, now_ms))
            done.setText(remark_words(notes[at]))
            said.setText(notes[at].note)
            said.setVisible(bool(notes[at].note))

    def allow(self, allowed: bool, why_not: str) -> None:
        """Whether a note can be added, and if not, why."""
        self._may, self._why_not = allowed, why_not
        self.field.setEnabled(allowed)
        self.field.setToolTip(why_not)
        self._set_button()

    def texts(self) -> list[str]:
        """What stands there, a line a note."""
        return [
            f"{done.text()}: {said.text()}" if said.text() else done.text()
            for time, done, said in self._rows
            if not time.isHidden()
        ]

    def _set_button(self) -> None:
        written = bool(self.field.text().strip())
        nothing = self.tr("Write a note first")
        self.add.allow(self._may and written, nothing if self._may else self._why_not)

    def _add(self) -> None:
        note = self.field.text().strip()
        if note and self.add.isEnabled():
            self.added.emit(note)
            self.field.clear()

    def _add_row(self) -> None:
        at = len(self._rows)
        row = (
            Words(self._theme, ink="text3"),
            Words(self._theme, ink="text2"),
            Passage(self._theme, px=13),
        )
        top = Qt.AlignmentFlag.AlignTop
        self._grid.addWidget(row[0], 2 * at, 0, top)
        self._grid.addWidget(row[1], 2 * at, 1)
        self._grid.addWidget(row[2], 2 * at + 1, 1)
        self._rows.append(row)


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(6)
    return grid
