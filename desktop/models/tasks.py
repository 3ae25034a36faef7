"""Which tasks there are, as a tree of categories and tasks for Qt."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    Qt,
    Signal,
)

from desktop import words
from desktop.states import (
    SEVERITY,
    is_late,
    state_of,
)
from desktop.tables import ROW, Index
from desktop.taskwords import ATTENTION, CALM, SORTS, TITLES, Column, TaskWords
from shared.protocol.rows import Task

STATE: Final = Qt.ItemDataRole.UserRole + 1
GROUP: Final = Qt.ItemDataRole.UserRole + 2

# More separate stretches than this in one group are told as one.
_STRETCHES: Final = 8


@dataclass(slots=True)
class Group:
    """One category: its tasks in their order."""

    serial: int
    name: str
    ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What a group row shows."""

    name: str
    total: int
    states: tuple[tuple[str, int], ...]


class TaskModel(QAbstractItemModel):
    """Owns the task rows; tells Qt what changed in as few words as can be."""

    counts_changed = Signal()

    def __init__(self, now: words.Clock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._rows: dict[str, Task] = {}
        self._states: dict[str, str] = {}
        self._groups: list[Group] = []
        self._by_name: dict[str, Group] = {}
        self._by_serial: dict[int, Group] = {}
        self._serials = 0
        self._grouped = True
        self._sort = "attention"
        self._words = TaskWords(now)
        self._heard = True
        self._as_of = ""

    # What the window tells ---------------------------------------------------------------

    def show_rows(self, rows: Iterable[Task], gone: Iterable[str] = ()) -> None:
        """Take newer rows, and drop those that are no more."""
        was_empty = not self._rows
        lost = [task_id for task_id in gone if task_id in self._rows]
        new: list[Task] = []
        changed: list[tuple[Group, str]] = []
        for row in rows:
            old = self._rows.get(row.id)
            if old is None:
                new.append(row)
            elif self._group_name(old) != self._group_name(row):
                lost.append(row.id)
                new.append(row)
            elif old != row:
                self._rows[row.id] = row
                self._states[row.id] = self._state(row)
                changed.append((self._by_name[self._group_name(row)], row.id))
        self._remove(lost)
        self._insert(new)
        self._tell_changed(changed)
        if was_empty and new:
            self.sort_now()
        if new or lost or changed:
            self.counts_changed.emit()

    def clear(self) -> None:
        """Forget everything, for another agent."""
        self.beginResetModel()
        self._rows.clear()
        self._states.clear()
        self._groups.clear()
        self._by_name.clear()
        self._by_serial.clear()
        self.endResetModel()
        self.counts_changed.emit()

    def tick(self) -> None:
        """Time has passed: some tasks may be late by now."""
        now_ms = self._now()
        changed: list[tuple[Group, str]] = []
        for task_id, row in self._rows.items():
            was_late = self._states[task_id] == "late"
            if was_late == is_late(row, now_ms):
                continue
            state = self._state(row)
            if state != self._states[task_id]:
                self._states[task_id] = state
                changed.append((self._by_name[self._group_name(row)], task_id))
        if changed:
            self._tell_changed(changed)
            self.counts_changed.emit()

    def set_heard(self, heard: bool) -> None:
        """Whether the agent was ever heard; before that every state is unknown."""
        if heard != self._heard:
            self._heard = heard
            self._states = {task_id: self._state(row) for task_id, row in self._rows.items()}
            self._tell_all()
            self.counts_changed.emit()

    def set_as_of(self, as_of: str) -> None:
        """The state is of that time, and the first column says so; empty text means live."""
        if as_of != self._as_of:
            self._as_of = as_of
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, 0)

    def set_times(self, times: str) -> None:
        """In whose zone times are said."""
        self._words.times = times
        self._tell_all()

    @property
    def times(self) -> str:
        """In whose zone times are said."""
        return self._words.times

    def set_grouped(self, grouped: bool) -> None:
        """Whether tasks stand under their categories."""
        if grouped == self._grouped:
            return
        rows = list(self._rows.values())
        self.clear()
        self._grouped = grouped
        self.show_rows(rows)

    @property
    def is_grouped(self) -> bool:
        """Whether tasks stand under their categories."""
        return self._grouped

    @property
    def sort_key(self) -> str:
        """Which of `SORTS` the rows are in."""
        return self._sort

    def set_sort(self, sort: str) -> None:
        """Put the rows into another order, at once; one that is not known changes nothing."""
        if sort not in SORTS:
            return
        self._sort = sort
        self.sort_now()

    def sort_now(self) -> None:
        """Put every row where it belongs now; selections and folds go along."""
        order = SORTS[self._sort]
        key = {task_id: order(row, self._states[task_id]) for task_id, row in self._rows.items()}
        new_ids = [sorted(group.ids, key=key.__getitem__) for group in self._groups]
        new_groups = sorted(self._groups, key=self._group_key)
        if new_groups == self._groups and all(
            group.ids == ids for group, ids in zip(self._groups, new_ids, strict=True)
        ):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        named = [self._name_of(index) for index in before]
        for group, ids in zip(self._groups, new_ids, strict=True):
            group.ids = ids
        self._groups = new_groups
        places = self._places()
        after = [
            self._index_of(name, places, index.column())
            for name, index in zip(named, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    # What others ask ---------------------------------------------------------------------

    def task(self, task_id: str) -> Task | None:
        """The row of that task."""
        return self._rows.get(task_id)

    def tasks(self) -> list[Task]:
        """Every row, in no order."""
        return list(self._rows.values())

    def state(self, task_id: str) -> str:
        """The state of that task."""
        return self._states.get(task_id, "unknown")

    def counts(self) -> Counter[str]:
        """How many tasks are in each state."""
        return Counter(self._states.values())

    def in_attention(self) -> list[Task]:
        """The tasks that need somebody, the worst first."""
        needy = [
            row
            for row in self._rows.values()
            if self._states[row.id] in ("invalid", "failing", "late")
        ]
        return sorted(needy, key=lambda row: SORTS["attention"](row, self._states[row.id]))

    def index_of(self, task_id: str, column: int = Column.TASK) -> QModelIndex:
        """Where that task stands."""
        row = self._rows.get(task_id)
        if row is None:
            return QModelIndex()
        group = self._by_name[self._group_name(row)]
        return self.createIndex(
            group.ids.index(task_id), column, group.serial if self._grouped else 0
        )

    # What Qt asks ------------------------------------------------------------------------

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        if not parent.isValid():
            return self.createIndex(row, column, 0)
        return self.createIndex(row, column, self._groups[parent.row()].serial)

    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        serial = index.internalId() if index.isValid() else 0
        if not serial:
            return QModelIndex()
        return self.createIndex(self._groups.index(self._by_serial[serial]), 0, 0)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        if not parent.isValid():
            if self._grouped:
                return len(self._groups)
            return len(self._groups[0].ids) if self._groups else 0
        if not self._grouped or parent.internalId() or parent.column() != 0:
            return 0
        return len(self._groups[parent.row()].ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            if section == Column.STATUS and self._as_of:
                return self.tr("At {0}").format(self._as_of)
            return self.tr(TITLES[section])
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags if self._is_group(index) else flags | Qt.ItemFlag.ItemNeverHasChildren

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if self._is_group(index):
            return self._group_data(self._groups[index.row()], index.column(), role)
        row = self._row_at(index)
        if role == ROW:
            return row
        if role == STATE:
            return self._states[row.id]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.cell(row, self._states[row.id], index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._words.tip(row, index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._words.sentence(row, self._states[row.id])
        return None

    # Inside ------------------------------------------------------------------------------

    def _state(self, row: Task) -> str:
        return state_of(row, self._now()) if self._heard else "unknown"

    def _group_name(self, row: Task) -> str:
        return row.category if self._grouped else ""

    def _is_group(self, index: Index) -> bool:
        return self._grouped and not index.internalId()

    def _group_at(self, index: Index) -> Group:
        return self._by_serial[index.internalId()] if self._grouped else self._groups[0]

    def _row_at(self, index: Index) -> Task:
        return self._rows[self._group_at(index).ids[index.row()]]

    def _name_of(self, index: QModelIndex) -> tuple[int, str]:
        if self._is_group(index):
            return self._groups[index.row()].serial, ""
        group = self._group_at(index)
        return group.serial, group.ids[index.row()]

    def _places(self) -> dict[tuple[int, str], tuple[int, int]]:
        places: dict[tuple[int, str], tuple[int, int]] = {}
        for at, group in enumerate(self._groups):
            places[group.serial, ""] = (at, 0)
            inner = group.serial if self._grouped else 0
            for row, task_id in enumerate(group.ids):
                places[group.serial, task_id] = (row, inner)
        return places

    def _index_of(
        self, name: tuple[int, str], places: dict[tuple[int, str], tuple[int, int]], column: int
    ) -> QModelIndex:
        row, serial = places[name]
        return self.createIndex(row, column, serial)

    def _group_index(self, group: Group, column: int = 0) -> QModelIndex:
        if not self._grouped:
            return QModelIndex()
        return self.createIndex(self._groups.index(group), column, 0)

    def _group_key(self, group: Group) -> tuple[Any, ...]:
        if self._sort != "attention":
            return (group.name,)
        worst = min((ATTENTION.get(self._states[i], CALM) for i in group.ids), default=CALM)
        return (min(worst, CALM), group.name)

    def _insert(self, new: list[Task]) -> None:
        order = SORTS[self._sort]
        states = {row.id: self._state(row) for row in new}
        by_group: dict[str, list[Task]] = {}
        for row in sorted(new, key=lambda row: order(row, states[row.id])):
            by_group.setdefault(self._group_name(row), []).append(row)
        fresh: list[Group] = []
        for name, rows in by_group.items():
            ids = [row.id for row in rows]
            group = self._by_name.get(name)
            if group is None and self._grouped:
                self._serials += 1
                fresh.append(Group(self._serials, name, ids))
                continue
            if group is None:
                self._serials += 1
                group = Group(self._serials, name)
                self._adopt([group])
            at = len(group.ids)
            self.beginInsertRows(self._group_index(group), at, at + len(ids) - 1)
            self._remember(rows, states)
            group.ids.extend(ids)
            self.endInsertRows()
            self._tell_group(group)
        if fresh:
            # A new category comes with its tasks in it: one announcement for all of them.
            at = len(self._groups)
            self.beginInsertRows(QModelIndex(), at, at + len(fresh) - 1)
            for group in fresh:
                self._remember(by_group[group.name], states)
            fresh.sort(key=self._group_key)
            self._adopt(fresh)
            self.endInsertRows()

    def _remember(self, rows: list[Task], states: dict[str, str]) -> None:
        for row in rows:
            self._rows[row.id] = row
            self._states[row.id] = states[row.id]

    def _adopt(self, groups: list[Group]) -> None:
        for group in groups:
            self._groups.append(group)
            self._by_name[group.name] = group
            self._by_serial[group.serial] = group

    def _remove(self, lost: list[str]) -> None:
        by_group: dict[str, set[str]] = {}
        for task_id in lost:
            by_group.setdefault(self._group_name(self._rows[task_id]), set()).add(task_id)
        for name, ids in by_group.items():
            group = self._by_name[name]
            if self._grouped and len(ids) == len(group.ids):
                at = self._groups.index(group)
                self.beginRemoveRows(QModelIndex(), at, at)
                del self._groups[at], self._by_name[name], self._by_serial[group.serial]
                self._forget(ids)
                self.endRemoveRows()
                continue
            places = [at for at, task_id in enumerate(group.ids) if task_id in ids]
            for first, last in reversed(_stretches(places)):
                self.beginRemoveRows(self._group_index(group), first, last)
                self._forget(group.ids[first : last + 1])
                del group.ids[first : last + 1]
                self.endRemoveRows()
            self._tell_group(group)

    def _forget(self, ids: Iterable[str]) -> None:
        for task_id in ids:
            del self._rows[task_id], self._states[task_id]

    def _tell_changed(self, changed: list[tuple[Group, str]]) -> None:
        by_group: dict[int, set[str]] = {}
        for group, task_id in changed:
            by_group.setdefault(group.serial, set()).add(task_id)
        last_column = len(Column) - 1
        for serial, ids in by_group.items():
            group = self._by_serial[serial]
            places = [at for at, task_id in enumerate(group.ids) if task_id in ids]
            stretches = _stretches(places)
            if len(stretches) > _STRETCHES:
                stretches = [(places[0], places[-1])]
            inner = serial if self._grouped else 0
            for first, last in stretches:
                self.dataChanged.emit(
                    self.createIndex(first, 0, inner), self.createIndex(last, last_column, inner)
                )
            self._tell_group(group)

    def _tell_group(self, group: Group) -> None:
        if self._grouped:
            last = self._group_index(group, len(Column) - 1)
            self.dataChanged.emit(self._group_index(group), last)

    def _tell_all(self) -> None:
        self._tell_changed([(group, i) for group in self._groups for i in group.ids])

    def _group_data(self, group: Group, column: int, role: int) -> Any:
        if role == GROUP:
            states = Counter(self._states[task_id] for task_id in group.ids)
            ranked = sorted(states.items(), key=lambda entry: SEVERITY[entry[0]])
            return GroupFacts(group.name, len(group.ids), tuple(ranked))
        if role == Qt.ItemDataRole.DisplayRole and column == 0:
            return group.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.tr("{0}, {1} tasks").format(group.name, len(group.ids))
        return None


def _stretches(places: list[int]) -> list[tuple[int, int]]:
    """Runs of neighbouring places, as (first, last)."""
    stretches: list[tuple[int, int]] = []
    for at in places:
        if stretches and stretches[-1][1] == at - 1:
            stretches[-1] = (stretches[-1][0], at)
        else:
            stretches.append((at, at))
    return stretches
