"""What is asked of somebody who chooses a schedule instead of writing it?"""

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.models.scheduleways import (
    DAY,
    HOUR,
    LAST,
    LONGEST_S,
    MONTH,
    UNITS_S,
    WEEK,
    WORKDAY,
    Interval,
    Once,
    Parts,
    Simple,
    date_in,
    number_in,
    time_in,
)
from desktop.parts.buttons import Button, Check, Segmented
from desktop.parts.dialogs import labelled, show_words
from desktop.parts.forms import TextField
from desktop.parts.labels import Words
from desktop.theme import Theme

SHORT_PX: Final = 84
DATE_PX: Final = 132
DAY_PX: Final = 42
_SHORTEST_MONTH: Final = 28


class Pane(QWidget):
    """The controls of one way; they only ask, and whoever holds them writes the text."""

    chosen = Signal()
    """Something was chosen or written here."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_showing = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)

    def show_parts(self, parts: Parts) -> None:
        """That choice stands; nobody made it here."""
        self._is_showing = True
        self._fill(parts)
        self._is_showing = False

    def read(self) -> Parts | str:
        """What is chosen, or what has to be written before it is a choice."""
        raise NotImplementedError

    def enter(self) -> None:
        """Bring the keyboard to the first control."""
        raise NotImplementedError

    def _fill(self, parts: Parts) -> None:
        raise NotImplementedError

    def _tell(self, *_: object) -> None:
        if not self._is_showing:
            self.chosen.emit()

    def _field(self, name: str, hint: str, first: str, wide: int = SHORT_PX) -> TextField:
        made = TextField(self._theme, name=name, hint=hint, fixed=True)
        made.setText(first)
        made.setFixedWidth(wide)
        made.textChanged.connect(self._tell)
        return made

    def _boxed(self, label: str, *widgets: QWidget, gap: int = 10) -> QWidget:
        """Controls side by side under their label; they can be hidden together."""
        box, line = QWidget(), QWidget()
        across = QHBoxLayout(line)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(gap)
        for widget in widgets:
            across.addWidget(widget)
        across.addStretch(1)
        column = labelled(self._theme, label, line)
        column.setContentsMargins(0, 0, 0, 0)
        box.setLayout(column)
        return box

    def _row(self, *boxes: QWidget) -> None:
        across = QHBoxLayout()
        across.setSpacing(14)
        for box in boxes:
            across.addWidget(box)
        across.addStretch(1)
        self._column.addLayout(across)

    def _time_problem(self) -> str:
        return self.tr("Write the time as 06:30, from 00:00 to 23:59.")


class SimplePane(Pane):
    """Every hour, day, working day, week or month, and what belongs to it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.every = Segmented(
            theme,
            [
                (HOUR, self.tr("Hour")),
                (DAY, self.tr("Day")),
                (WORKDAY, self.tr("Working day")),
                (WEEK, self.tr("Week")),
                (MONTH, self.tr("Month")),
            ],
            name=self.tr("Every"),
        )
        self.every.choose(DAY)
        self.every.chosen.connect(self._show_needed)
        self.every.chosen.connect(self._tell)
        self._row(self._boxed(self.tr("Every"), self.every))
        self.weekdays = [self._weekday(*names) for names in self._day_names()]
        self.weekdays[0].setChecked(True)
        self._weekday_box = self._boxed(self.tr("On these days"), *self.weekdays, gap=4)
        self._row(self._weekday_box)
        self.minute = self._field(self.tr("Minute of the hour"), "0", "0")
        self._minute_box = self._boxed(self.tr("At this minute, 0 to 59"), self.minute)
        self.on = self._field(self.tr("Day of the month"), "1", "1")
        self.last = Check(theme, self.tr("The last day"))
        self.last.toggled.connect(self._show_needed)
        self.last.toggled.connect(self._tell)
        self._on_box = self._boxed(self.tr("On day"), self.on, self.last)
        self.time = self._field(self.tr("Time of day"), "06:30", "06:00")
        self._time_box = self._boxed(self.tr("At"), self.time)
        self._row(self._minute_box, self._on_box, self._time_box)
        self.note = Words(theme, ink="text2", wrap=True)
        self._column.addWidget(self.note)
        self.on.textChanged.connect(self._show_needed)
        self._show_needed()

    def read(self) -> Parts | str:
        every = self.every.key
        if every == HOUR:
            minute = number_in(self.minute.text(), 0, 59)
            return (
                self.tr("Write the minute as a number from 0 to 59.")
                if minute is None
                else Simple(HOUR, minute)
            )
        weekdays = tuple(place for place, one in enumerate(self.weekdays) if one.isChecked())
        if every == WEEK and not weekdays:
            return self.tr("Choose at least one day of the week.")
        on = LAST if self.last.isChecked() else number_in(self.on.text(), 1, 31)
        if every == MONTH and on is None:
            return self.tr("Write the day as a number from 1 to 31.")
        time = time_in(self.time.text())
        if time is None:
            return self._time_problem()
        hour, minute = time
        if every == WEEK:
            return Simple(WEEK, minute, hour, weekdays)
        if every == MONTH:
            return Simple(MONTH, minute, hour, on=on or LAST)
        return Simple(every, minute, hour)

    def enter(self) -> None:
        self.every.focus_chosen()

    def _fill(self, parts: Parts) -> None:
        if not isinstance(parts, Simple):
            return
        self.every.choose(parts.every)
        self.minute.setText(str(parts.minute))
        if parts.every != HOUR:
            self.time.setText(f"{parts.hour:02}:{parts.minute:02}")
        if parts.every == WEEK:
            for place, one in enumerate(self.weekdays):
                one.setChecked(place in parts.weekdays)
        if parts.every == MONTH:
            self.last.setChecked(parts.on == LAST)
            if parts.on != LAST:
                self.on.setText(str(parts.on))
        self._show_needed()

    def _show_needed(self, *_: object) -> None:
        """Only what belongs to the choice is in sight."""
        every = self.every.key
        self._minute_box.setVisible(every == HOUR)
        self._weekday_box.setVisible(every == WEEK)
        self._on_box.setVisible(every == MONTH)
        self._time_box.setVisible(every != HOUR)
        is_last = self.last.isChecked()
        self.on.setEnabled(not is_last)
        on = number_in(self.on.text(), 1, 31) or 0
        is_rare = every == MONTH and not is_last and on > _SHORTEST_MONTH
        said = self.tr("Months without a day {0} are left out.").format(on)
        show_words(self.note, said if is_rare else "")

    def _weekday(self, short: str, name: str) -> Button:
        made = Button(self._theme, short)
        made.setCheckable(True)
        made.setAutoDefault(False)
        made.setFixedWidth(DAY_PX)
        made.setAccessibleName(name)
        made.setToolTip(name)
        made.toggled.connect(self._tell)
        return made

    def _day_names(self) -> list[tuple[str, str]]:
        return [
            (self.tr("Mon"), self.tr("Monday")),
            (self.tr("Tue"), self.tr("Tuesday")),
            (self.tr("Wed"), self.tr("Wednesday")),
            (self.tr("Thu"), self.tr("Thursday")),
            (self.tr("Fri"), self.tr("Friday")),
            (self.tr("Sat"), self.tr("Saturday")),
            (self.tr("Sun"), self.tr("Sunday")),
        ]


class IntervalPane(Pane):
    """A number and a unit."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.number = self._field(self.tr("How many"), "15", "15")
        self.unit = Segmented(
            theme,
            [
                ("s", self.tr("Seconds")),
                ("m", self.tr("Minutes")),
                ("h", self.tr("Hours")),
                ("d", self.tr("Days")),
            ],
            name=self.tr("Unit"),
        )
        self.unit.choose("m")
        self.unit.chosen.connect(self._tell)
        self._row(self._boxed(self.tr("Every"), self.number, self.unit))
        said = self.tr("Counted from 1970 in UTC, so that a restart shifts nothing.")
        self._column.addWidget(Words(theme, said, ink="text2", wrap=True))

    def read(self) -> Parts | str:
        unit = self.unit.key
        most = LONGEST_S // UNITS_S[unit]
        number = number_in(self.number.text(), 1, most)
        if number is None:
            return self.tr("Write a whole number from 1 to {0}.").format(most)
        return Interval(number, unit)

    def enter(self) -> None:
        self.number.setFocus()

    def _fill(self, parts: Parts) -> None:
        if isinstance(parts, Interval):
            self.number.setText(str(parts.number))
            self.unit.choose(parts.unit)


class OncePane(Pane):
    """A date and a time on the task's clocks."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.date = self._field(self.tr("Date"), "2026-12-01", "", DATE_PX)
        self.time = self._field(self.tr("Time of day"), "06:30", "")
        self._row(
            self._boxed(self.tr("On"), self.date),
            self._boxed(self.tr("At"), self.time),
        )
        self.zone = Words(theme, ink="text2", wrap=True)
        self._column.addWidget(self.zone)
        self.show_zone("")

    def show_zone(self, zone: str) -> None:
        """Whose clocks are meant."""
        said = self.tr("On the clocks of {0}, the task's time zone.")
        self.zone.setText(said.format(zone.strip() or "UTC"))

    def read(self) -> Parts | str:
        day, time = date_in(self.date.text()), time_in(self.time.text())
        if day is None:
            return self.tr("Write the date as 2026-12-01: year, month, day.")
        return self._time_problem() if time is None else Once(day, *time)

    def enter(self) -> None:
        self.date.setFocus()

    def _fill(self, parts: Parts) -> None:
        if isinstance(parts, Once):
            self.date.setText(parts.day.isoformat())
            self.time.setText(f"{parts.hour:02}:{parts.minute:02}")
