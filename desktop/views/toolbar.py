"""Counters that filter, and the filter in words."""

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from desktop.models.filter import Query, parse
from desktop.parts.buttons import GHOST, Button
from desktop.parts.fields import Chip, Counter, SearchField
from desktop.parts.labels import Ground
from desktop.states import task_look
from desktop.theme import Theme

# Counter, and the states it counts.
COUNTED: Final = {
    "failing": ("failing", "invalid"),
    "late": ("late",),
    "running": ("running", "stopping"),
    "retrying": ("retrying",),
    "queued": ("queued",),
    "awaiting": ("awaiting",),
    "paused": ("paused",),
    "disabled": ("disabled",),
    "stopped": ("stopped",),
    "ok": ("ok",),
    "never": ("never",),
    "unknown": ("unknown",),
}
_SORTS: Final = (
    ("attention", "failing first"),
    ("name", "name"),
    ("schedule", "schedule"),
    ("next", "next run"),
    ("last", "last run"),
    ("duration", "duration"),
    ("success", "success"),
)


class Toolbar(Ground):
    """What to show of the tasks, and in which order."""

    states_chosen = Signal(frozenset)
    query_changed = Signal(object)
    sort_chosen = Signal(str)
    grouping_chosen = Signal(bool)
    compact_chosen = Signal(bool)
    left = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "chrome", lines="b", parent=parent)
        self._theme = theme
        self._compact = False
        self.counters: dict[str, Counter] = {}
        tallies = QHBoxLayout()
        tallies.setSpacing(8)
        self.all = Counter(theme, self.tr("All"))
        self.all.setChecked(True)
        self.all.clicked.connect(lambda: self._choose(""))
        tallies.addWidget(self.all)
        for key in COUNTED:
            look = task_look(key)
            counter = Counter(theme, look.said, look)
            counter.clicked.connect(lambda _=False, key=key: self._choose(key))
            counter.setVisible(key == "failing")
            self.counters[key] = counter
            tallies.addWidget(counter)
        tallies.addStretch(1)
        self.new = Button(theme, self.tr("New task"), icon="plus")
        self.new.setToolTip(self.tr("Make a task (Ctrl+N)"))
        tallies.addWidget(self.new)

        self.field = SearchField(theme, self.tr("Filter tasks"), key="/")
        self.field.setMinimumWidth(150)
        self.field.setMaximumWidth(236)
        self.field.setToolTip(
            self.tr("Words, and state:failing cat:payroll prio:1 tag:x, -word leaves out")
        )
        self.field.changed.connect(self._read)
        self.field.left.connect(self.left)
        self._chips = QHBoxLayout()
        self._chips.setSpacing(8)
        self.group = Button(theme, self.tr("Group category"), kind=GHOST)
        self.group.setMenu(self._group_menu())
        self.sort = Button(theme, self.tr("Sort failing first"), kind=GHOST)
        self.sort.setMenu(self._sort_menu())
        self.density = Button(theme, icon="rows", kind=GHOST)
        self.density.setToolTip(self.tr("Compact rows"))
        self.density.setAccessibleName(self.tr("Compact rows"))
        self.density.clicked.connect(self._toggle_density)
        lower = QHBoxLayout()
        lower.setSpacing(8)
        lower.addWidget(self.field, 1)
        lower.addLayout(self._chips)
        lower.addStretch(1)
        lower.addWidget(self.group)
        lower.addWidget(self.sort)
        lower.addWidget(self.density)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 12, 8)
        layout.setSpacing(10)
        layout.addLayout(tallies)
        layout.addLayout(lower)

    def show_counts(self, counts: Mapping[str, int], *, stale: bool) -> None:
        """How many tasks are in each state; counters at zero hide, except Failing."""
        self.all.show_number(sum(counts.values()), stale=False)
        for key, counter in self.counters.items():
            number = sum(counts.get(state, 0) for state in COUNTED[key])
            counter.show_number(number, stale=stale)
            counter.setVisible(number > 0 or key == "failing" or counter.isChecked())
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Counters lose their words before they would lose their room, the worst ones last."""
        shown = [counter for counter in self.counters.values() if not counter.isHidden()]
        for counter in shown:
            counter.set_terse(False)
        for counter in reversed(shown):
            wanted = sum(one.sizeHint().width() + 8 for one in (self.all, *shown))
            counter.set_terse(wanted > self.width() - 36 - self.new.sizeHint().width())

    def show_compact(self, compact: bool) -> None:
        """The rows are low, or not."""
        self._compact = compact
        tip = self.tr("Comfortable rows") if compact else self.tr("Compact rows")
        self.density.setToolTip(tip)
        self.density.setAccessibleName(tip)
        self.density.set_icon_name("rows-fill" if compact else "rows")

    def write(self, text: str) -> None:
        """Put that into the filter field."""
        self.field.edit.setText(text)

    def clear(self) -> None:
        """Ask for everything again."""
        self.write("")
        self._choose("")

    @property
    def is_filtering(self) -> bool:
        """Whether some tasks are left out."""
        return bool(self.field.text()) or not self.all.isChecked()

    def choose_state(self, key: str) -> None:
        """Choose one counter."""
        self._choose(key, add=False)

    def _choose(self, key: str, *, add: bool | None = None) -> None:
        if add is None:
            held = QGuiApplication.keyboardModifiers()
            add = bool(held & Qt.KeyboardModifier.ControlModifier)
        if not key:
            for counter in self.counters.values():
                counter.setChecked(False)
        elif not add:
            for other, counter in self.counters.items():
                counter.setChecked(other == key)
        chosen = [key for key, counter in self.counters.items() if counter.isChecked()]
        self.all.setChecked(not chosen)
        self.states_chosen.emit(frozenset(state for key in chosen for state in COUNTED[key]))

    def _read(self, text: str) -> None:
        query = parse(text)
        self._show_chips(query)
        self.query_changed.emit(query)

    def _show_chips(self, query: Query) -> None:
        while self._chips.count():
            item = self._chips.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        understood = (
            (self.tr("State"), "state:", ", ".join(sorted(query.states))),
            (self.tr("Category"), "cat:", ", ".join(query.categories)),
            (self.tr("Priority"), "prio:", ", ".join(map(str, sorted(query.priorities)))),
            (self.tr("Tag"), "tag:", ", ".join(query.tags)),
            (self.tr("Without"), "-", ", ".join(query.excluded)),
        )
        for word, mark, value in understood:
            if value:
                chip = Chip(self._theme, word, value)
                chip.clicked.connect(lambda _=False, mark=mark: self._drop(mark))
                self._chips.addWidget(chip)

    def _drop(self, mark: str) -> None:
        kept = [part for part in self.field.text().split() if not part.lower().startswith(mark)]
        self.write(" ".join(kept))

    def _group_menu(self) -> QMenu:
        menu = QMenu(self)
        for grouped, word in ((True, self.tr("category")), (False, self.tr("nothing"))):
            action = menu.addAction(self.tr("Group by {0}").format(word))
            action.triggered.connect(lambda _=False, grouped=grouped: self._group_by(grouped))
        return menu

    def _group_by(self, grouped: bool) -> None:
        self.show_grouped(grouped)
        self.grouping_chosen.emit(grouped)

    def show_grouped(self, grouped: bool) -> None:
        """Whether the rows stand under their categories."""
        word = self.tr("category") if grouped else self.tr("nothing")
        self.group.setText(self.tr("Group {0}").format(word))
        self.group.updateGeometry()

    def _sort_menu(self) -> QMenu:
        menu = QMenu(self)
        for key, word in _SORTS:
            action = menu.addAction(self.tr("Sort {0}").format(self.tr(word)))
            action.triggered.connect(lambda _=False, key=key: self._sort_by(key))
        return menu

    def _sort_by(self, key: str) -> None:
        self.show_sort(key)
        self.sort_chosen.emit(key)

    def show_sort(self, key: str) -> None:
        """Which order the rows are in."""
        word = dict(_SORTS).get(key, key)
        self.sort.setText(self.tr("Sort {0}").format(self.tr(word)))
        self.sort.updateGeometry()

    def _toggle_density(self) -> None:
        self.show_compact(not self._compact)
        self.compact_chosen.emit(self._compact)
