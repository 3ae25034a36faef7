"""The tabs of what stands: own rules of alerts, and times in which nobody is told."""

from collections.abc import Sequence
from typing import Final

import msgspec
from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    Qt,
)
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop import words
from desktop.parts.empty import Empty
from desktop.states import severity_look
from desktop.theme import Theme
from shared.protocol.alerting import OwnRule, QuietTime

ROW_PX: Final = 32
RULES: Final = (("Rule", 190), ("Severity", 92), ("State", 84), ("Holds for", 0), ("By", 150))
TIMES: Final = (("From", 150), ("To", 150), ("Now", 84), ("Alerts", 240), ("Why", 0), ("By", 150))

LINE: Final = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


class Line(msgspec.Struct, frozen=True):
    """One row in words; what does not hold now is grey."""

    cells: tuple[str, ...]
    holds: bool


def _tr(text: str) -> str:
    return QCoreApplication.translate("alerts", text)


def rule_line(rule: OwnRule) -> Line:
    """An own rule in words."""
    given = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in rule.given)
    state = _tr("On") if rule.enabled else _tr("Off")
    severity = severity_look(rule.sev).said
    return Line((rule.name, severity, state, given, rule.by), rule.enabled)


def time_line(one: QuietTime, times: str, zone: str, now_ms: int) -> Line:
    """A window in words."""
    tz = words.zone_for(times, zone)
    about = [_tr("tasks {0}").format(one.task_id)] if one.task_id else []
    about += [_tr("category {0}").format(one.category)] if one.category else []
    what = ", ".join(about) or _tr("all alerts")
    is_on = one.from_ms <= now_ms < one.to_ms
    now = _tr("On") if is_on else _tr("To come")
    began, ends = words.clock(one.from_ms, tz, now_ms), words.clock(one.to_ms, tz, now_ms)
    return Line((began, ends, now, what, one.reason, one.by), is_on)


class Standing(QStackedWidget):
    """A table of lines, or the command that makes the first."""

    def __init__(
        self,
        theme: Theme,
        columns: Sequence[tuple[str, int]],
        *,
        name: str,
        empty: tuple[str, str, str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.model = _Lines(columns)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setItemDelegate(_Cells(theme, self.table))
        self.table.setAccessibleName(name)
        self.table.setShowGrid(False)
        self.table.setFrameShape(QFrame.Shape.NoFrame)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.table.horizontalHeader()
        header.setFixedHeight(28)
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for at, (_, wide) in enumerate(columns):
            if wide:
                self.table.setColumnWidth(at, wide)
            else:
                header.setSectionResizeMode(at, QHeaderView.ResizeMode.Stretch)
        self._empty = Empty(theme)
        self._empty.show_why(*empty)
        self.addWidget(self._empty)
        self.addWidget(self.table)
        theme.changed.connect(self.table.viewport().update)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """These."""
        self.model.show_lines(lines)
        self.setCurrentWidget(self.table if lines else self._empty)


class _Lines(QAbstractTableModel):
    def __init__(self, columns: Sequence[tuple[str, int]]) -> None:
        super().__init__()
        self._titles = [title for title, _ in columns]
        self._lines: list[Line] = []

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Take others; the same ones again change nothing."""
        if list(lines) == self._lines:
            return
        self.beginResetModel()
        self._lines = list(lines)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._titles)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        is_title = orientation == Qt.Orientation.Horizontal and role == 0
        return _tr(self._titles[section]) if is_title else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        line = self._lines[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return line.cells[index.column()]
        return line if role == LINE else None


class _Cells(QStyledItemDelegate):
    def __init__(self, theme: Theme, table: QTableView) -> None:
        super().__init__(table)
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        t, rect, line = self._theme.tokens, QRect(option.rect), index.data(LINE)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setClipRect(rect)
        painter.fillRect(rect, QColor(t.sel if is_selected else t.surface))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), QColor(t.line))
        if is_selected and index.column() == 0:
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), QColor(t.focus))
        room = rect.adjusted(14 if index.column() == 0 else 8, 0, -8, 0)
        painter.setFont(self._theme.font(12, 500 if index.column() == 0 else 400))
        holds = isinstance(line, Line) and line.holds
        painter.setPen(QColor(t.text if holds else t.text3))
        shown = QFontMetrics(painter.font()).elidedText(
            str(index.data() or ""), Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()
