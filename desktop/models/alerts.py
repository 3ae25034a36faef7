"""Which alerts are there, in groups by how bad they are, as a list for Qt."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    Qt,
    Signal,
)

from desktop.states import SEVERITY_LOOKS, alert_look, alert_state, severity_look
from desktop.tables import ROW, Index
from shared.protocol.rows import Alert

WORST, NEWEST, BY_TASK = "worst", "newest", "task"
SORTS: Final = (WORST, NEWEST, BY_TASK)
_PLACES: Final = {severity: place for place, severity in enumerate(SEVERITY_LOOKS)}


class Group(msgspec.Struct, frozen=True):
    """The head of all alerts of one severity."""

    severity: str
    count: int
    is_folded: bool = False

    @property
    def id(self) -> str:
        """What names this row; no alert is called so."""
        return f"group {self.severity}"


Shown = Group | Alert


def name_of(alert: Alert) -> str:
    """What it is about, in a word or two: its task, else its title."""
    return alert.subject.id if alert.subject.kind == "task" and alert.subject.id else alert.title


def said_of(alert: Alert) -> str:
    """What is wrong with it, without the name that stands above."""
    if name_of(alert) == alert.title:
        return alert.msg
    said = alert.title.removeprefix(name_of(alert)).lstrip(":").strip()
    return said[:1].upper() + said[1:] if said else alert.msg


class AlertsModel(QAbstractListModel):
    """Keeps alerts and the heads of their groups as one list; what stays keeps its place."""

    counted = Signal()
    """Alerts came, went, or are others now."""

    def __init__(self, *, sort: str = WORST, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._alerts: dict[str, Alert] = {}
        self._rows: list[Shown] = []
        self._folded: set[str] = set()
        self._words: tuple[str, ...] = ()
        self._sort = sort

    # What it is told ---------------------------------------------------------------------

    def show_rows(self, rows: Iterable[Alert], gone: Iterable[str] = ()) -> None:
        """Take newer rows, and drop those that are no more."""
        for alert_id in gone:
            self._alerts.pop(alert_id, None)
        self._alerts.update((row.id, row) for row in rows)
        self._arrange()

    def clear(self) -> None:
        """Forget everything, for another agent or another question."""
        self._alerts.clear()
        self._arrange()

    def ask(self, text: str) -> None:
        """Only those in which each of these words stands."""
        self._words = tuple(text.lower().split())
        self._arrange()

    def set_sort(self, sort: str) -> None:
        """The worst in groups, the newest first, or by task."""
        self._sort = sort
        self._arrange()

    def fold(self, severity: str, *, folded: bool) -> None:
        """Hide the alerts of a group, or show them."""
        (self._folded.add if folded else self._folded.discard)(severity)
        self._arrange()

    # What it is asked --------------------------------------------------------------------

    @property
    def is_filtering(self) -> bool:
        """Whether some may be hidden by words."""
        return bool(self._words)

    @property
    def sort_key(self) -> str:
        """How they are sorted now."""
        return self._sort

    def alerts(self) -> list[Alert]:
        """All of them, hidden ones too, the worst first."""
        return sorted(self._alerts.values(), key=_worst_first)

    def alert(self, alert_id: str) -> Alert | None:
        """The one of this id."""
        return self._alerts.get(alert_id)

    def of_task(self, task_id: str) -> Alert | None:
        """The worst alert about a task."""
        return next((one for one in self.alerts() if name_of(one) == task_id), None)

    def of_run(self, run_id: str, task_id: str) -> Alert | None:
        """The alert that this run raised last, else the worst one about its task."""
        raised = (one for one in self.alerts() if one.run_id == run_id)
        return next(raised, None) or self.of_task(task_id)

    def open_alerts(self) -> list[Alert]:
        """Those nobody cares for yet, and that are to be told."""
        return [one for one in self.alerts() if alert_state(one) == "open"]

    def index_of(self, alert_id: str) -> QModelIndex:
        """Where it stands; an index that is not valid where it is hidden or unknown."""
        for at, row in enumerate(self._rows):
            if row.id == alert_id:
                return self.index(at)
        return QModelIndex()

    # Qt ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.isValid() and isinstance(self._rows[index.row()], Group):
            return Qt.ItemFlag.ItemIsEnabled
        return super().flags(index)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW:
            return row
        if isinstance(row, Group):
            said = severity_look(row.severity).said
            named = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
            return f"{said} {row.count}" if role in named else None
        if role == Qt.ItemDataRole.DisplayRole:
            return name_of(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(dict.fromkeys(filter(None, (row.title, row.msg))))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            look = alert_look(row)
            seen = _tr("seen {0} times").format(row.count)
            return f"{row.title}, {severity_look(row.sev).said}, {look.said}, {seen}"
        return None

    # Inside ------------------------------------------------------------------------------

    def _arrange(self) -> None:
        """Change as little as possible, so that selection and place stay."""
        wanted = self._wanted()
        keep = {row.id for row in wanted}
        for at in range(len(self._rows) - 1, -1, -1):
            if self._rows[at].id not in keep:
                self.beginRemoveRows(QModelIndex(), at, at)
                del self._rows[at]
                self.endRemoveRows()
        known = {row.id: row for row in self._rows}
        staying = [known[row.id] for row in wanted if row.id in known]
        if staying != self._rows:
            self._reorder(staying)
        for at, row in enumerate(wanted):
            if row.id not in known:
                self.beginInsertRows(QModelIndex(), at, at)
                self._rows.insert(at, row)
                self.endInsertRows()
            elif self._rows[at] != row:
                self._rows[at] = row
                self.dataChanged.emit(self.index(at), self.index(at))
        self.counted.emit()

    def _reorder(self, wanted: Sequence[Shown]) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        ids = [self._rows[index.row()].id for index in before]
        self._rows = list(wanted)
        places = {row.id: at for at, row in enumerate(self._rows)}
        after = [self.index(places[one]) for one in ids]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _wanted(self) -> list[Shown]:
        found = [one for one in self._alerts.values() if self._fits(one)]
        if self._sort == NEWEST:
            return [*sorted(found, key=lambda one: one.id, reverse=True)]
        if self._sort == BY_TASK:
            return [*sorted(found, key=lambda one: (name_of(one), one.id))]
        wanted: list[Shown] = []
        found.sort(key=_worst_first)
        # What came about by another stands under it, however bad it is by itself.
        known = {one.id: one for one in found}
        under: dict[str, list[Alert]] = {}
        heads: list[Alert] = []
        for one in found:
            first = _first_cause(one, known)
            if first is one:
                heads.append(one)
            else:
                under.setdefault(first.id, []).append(one)
        for severity in dict.fromkeys(one.sev for one in heads):
            these = [one for one in heads if one.sev == severity]
            is_folded = severity in self._folded
            wanted.append(Group(severity, len(these), is_folded))
            for one in () if is_folded else these:
                wanted += [one, *under.get(one.id, ())]
        return wanted

    def is_under(self, alert: Alert) -> bool:
        """Whether it stands under what it came about by."""
        known = {one.id: one for one in self._alerts.values() if self._fits(one)}
        return self._sort == WORST and _first_cause(alert, known) is not alert

    def _fits(self, alert: Alert) -> bool:
        if not self._words:
            return True
        told = f"{alert.title} {alert.msg} {alert.kind} {alert_look(alert).said} {alert.acked_by}"
        text = f"{told} {severity_look(alert.sev).said}".lower()
        return all(word in text for word in self._words)


def _first_cause(alert: Alert, known: Mapping[str, Alert]) -> Alert:
    """What it came about by in the end; itself where nothing is known, or causes go in a circle."""
    first, seen = alert, {alert.id}
    while first.cause_id is not None and (cause := known.get(first.cause_id)) is not None:
        if cause.id in seen:
            return alert
        seen.add(cause.id)
        first = cause
    return first


def _worst_first(alert: Alert) -> tuple[int, bool, int, str]:
    """By severity; among those what nobody cares for first, then the newest."""
    place = _PLACES.get(alert.sev, len(_PLACES))
    return place, alert_state(alert) != "open", -alert.opened_ms, alert.id


def _tr(text: str) -> str:
    return QCoreApplication.translate("AlertsModel", text)
