"""The grid of all tasks: it shows rows and says what the user wants of them."""

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import (
    QElapsedTimer,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QTreeView,
    QWidget,
)

from desktop import words
from desktop.models.filter import TaskFilter
from desktop.models.tasks import GROUP, STATE, GroupFacts, TaskModel
from desktop.states import is_watch
from desktop.tables import ROW, Index
from desktop.taskwords import COLUMN_SORTS, Column
from desktop.theme import Theme, rounded
from desktop.views.grid.cells import CellPainter, Scene
from shared.protocol.rows import Task

COMFORTABLE_PX: Final = 32
COMPACT_PX: Final = 24
HEADER_PX: Final = 28
TINT_MS: Final = 400
REST_MS: Final = 3_000
ACTION_PX: Final = 26

_WIDTHS: Final = {
    Column.STATUS: 101,
    Column.SCHEDULE: 132,
    Column.LAST: 126,
    Column.DURATION: 129,
    Column.HOURS: 113,
    Column.NEXT: 154,
}
_TASK_MIN_PX: Final = 230
_NARROW_SCHEDULE_PX: Final = 104

_ALONE: Final = (
    QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
)


class _RowHeight(QStyledItemDelegate):
    """Gives every row one height; the grid paints the rows itself."""

    height = COMFORTABLE_PX

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, self.height)


class TaskGrid(QTreeView):
    """Rows of tasks under their categories; nothing in it changes but by rows that come."""

    task_selected = Signal(str)
    task_opened = Signal(str)
    run_requested = Signal(str)
    pause_requested = Signal(list)
    log_requested = Signal(str)
    menu_requested = Signal(QPoint)
    sort_chosen = Signal(str)

    def __init__(
        self,
        model: TaskModel,
        filtered: TaskFilter,
        theme: Theme,
        now: words.Clock,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tasks = model
        self._filter = filtered
        self._theme = theme
        self._now = now
        self._cells = CellPainter(theme)
        self._heights = _RowHeight(self)
        self._stale_since = ""
        self._can_command = True
        self._why_not = ""
        self._cron_text = False
        self._pointer: QPoint | None = None
        self._seen: dict[str, object] = {}
        self._tints: dict[str, int] = {}
        self._pending: set[str] = set()
        self._folded: set[str] = set()
        # Widths made by hand; they stay when the window changes.
        self._chosen: dict[Column, int] = {}
        self._laying_out = False
        self._age = QElapsedTimer()
        self._age.start()
        self._fade = QTimer(self, interval=40)
        self._fade.timeout.connect(self._fade_tints)
        self._rest = QTimer(self, interval=REST_MS, singleShot=True)
        self._rest.timeout.connect(self._put_in_order)

        self.setObjectName("tasks")
        self.setAccessibleName(self.tr("Tasks"))
        self.setModel(filtered)
        self.setItemDelegate(self._heights)
        self.setIndentation(0)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setExpandsOnDoubleClick(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setTabKeyNavigation(False)
        header = self.header()
        header.setSectionsMovable(False)
        header.setStretchLastSection(False)
        header.setFixedHeight(HEADER_PX)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(40)
        header.setSectionsClickable(True)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.sectionClicked.connect(self._sort_by)
        header.sectionResized.connect(self._note_width)
        self._lay_out_columns()

        model.dataChanged.connect(self._note_change)
        model.layoutChanged.connect(self._expand_new)
        model.rowsInserted.connect(self._expand_new)
        model.modelReset.connect(self._seen.clear)
        filtered.rowsInserted.connect(self._expand_new)
        filtered.modelReset.connect(self._expand_new)
        self.selectionModel().currentChanged.connect(self._tell_selected)
        theme.on_change(self._dress)

    # What the window tells ---------------------------------------------------------------

    def tick(self) -> None:
        """A second has passed: countdowns and running bars are painted anew."""
        header = self.header()
        for column in (Column.DURATION, Column.NEXT):
            x, wide = header.sectionViewportPosition(column), header.sectionSize(column)
            self.viewport().update(x, 0, wide, self.viewport().height())

    def show_stale(self, as_of: str) -> None:
        """Veil the grid: it shows the state as of that time; empty text lifts the veil."""
        self._stale_since = as_of
        self.viewport().update()
        self.header().viewport().update()

    @property
    def is_stale(self) -> bool:
        """Whether what is shown may be old."""
        return bool(self._stale_since)

    def allow_commands(self, allowed: bool, why_not: str = "") -> None:
        """Whether actions may be offered, and if not, why."""
        self._can_command = allowed
        self._why_not = why_not
        self.viewport().update()

    def show_pending(self, task_id: str, pending: bool) -> None:
        """An order for that task is on its way: an hourglass stands for its shape."""
        if pending:
            self._pending.add(task_id)
        else:
            self._pending.discard(task_id)
        self.viewport().update()

    def forget_pending(self) -> None:
        """Another agent: whatever is on its way is for none of its tasks."""
        self._pending.clear()
        self.viewport().update()

    def set_compact(self, compact: bool) -> None:
        """Lower rows, to see more of them."""
        self._heights.height = COMPACT_PX if compact else COMFORTABLE_PX
        self.scheduleDelayedItemsLayout()

    @property
    def is_compact(self) -> bool:
        """Whether rows are low."""
        return self._heights.height == COMPACT_PX

    def refresh_order(self) -> None:
        """Put rows where they belong now, as F5 does."""
        self._tasks.sort_now()

    def select_task(self, task_id: str) -> None:
        """Make that task the current one and bring it into sight."""
        index = self._filter.mapFromSource(self._tasks.index_of(task_id))
        if index.isValid():
            # By itself a key that is held meanwhile, as of the palette, would add it to others.
            self.selectionModel().setCurrentIndex(index, _ALONE)
            self.scrollTo(index)

    def go_to_trouble(self, step: int) -> None:
        """Go to the next failing or late task downwards (1) or upwards (-1)."""
        index = self.currentIndex()
        for _ in range(len(self._tasks.tasks()) + self._filter.rowCount() + 1):
            index = self.indexBelow(index) if step > 0 else self.indexAbove(index)
            if not index.isValid():
                return
            if index.data(STATE) in ("failing", "late", "invalid"):
                self.setCurrentIndex(index)
                return

    # What others ask ---------------------------------------------------------------------

    def current_task(self) -> Task | None:
        """The task the keyboard stands on."""
        row = self.currentIndex().data(ROW)
        return row if isinstance(row, Task) else None

    def chosen_tasks(self) -> list[Task]:
        """The selected tasks, or the current one."""
        rows = [index.data(ROW) for index in self.selectionModel().selectedRows()]
        tasks = [row for row in rows if isinstance(row, Task)]
        current = self.current_task()
        return tasks or ([current] if current is not None else [])

    # What the user does ------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        is_group = isinstance(index.data(GROUP), GroupFacts)
        key = event.key()
        if is_group and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._open_group(index, is_open=key == Qt.Key.Key_Right)
        elif key == Qt.Key.Key_Left and index.parent().isValid():
            self.setCurrentIndex(index.parent())
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if is_group:
                self._open_group(index, is_open=not self.isExpanded(index))
            elif isinstance(index.data(ROW), Task):
                self.task_opened.emit(index.data(ROW).id)
        else:
            super().keyPressEvent(event)
        self._wait_for_rest()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._update_hovered()
        self._pointer = event.position().toPoint()
        self._update_hovered()
        on_action = self._action_at(self._pointer) is not None
        shape = Qt.CursorShape.PointingHandCursor if on_action else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)
        self._wait_for_rest()
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._update_hovered()
        self._pointer = None
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton:
            action = self._action_at(at)
            if action is not None:
                self._act(action, self.indexAt(at))
                return
            index = self.indexAt(at).siblingAtColumn(0)
            if isinstance(index.data(GROUP), GroupFacts):
                self.setCurrentIndex(index)
                self._open_group(index, is_open=not self.isExpanded(index))
                return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        task = self.indexAt(event.position().toPoint()).data(ROW)
        if isinstance(task, Task) and self._action_at(event.position().toPoint()) is None:
            self.task_opened.emit(task.id)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.current_task() is not None:
            self.menu_requested.emit(event.globalPos())

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            action = self._action_at(event.pos())
            if action is not None:
                QToolTip.showText(event.globalPos(), self._action_tip(action), self)
                return True
        return super().viewportEvent(event)

    def _act(self, action: str, index: QModelIndex) -> None:
        task = index.data(ROW)
        if not isinstance(task, Task):
            return
        self.setCurrentIndex(index)
        if action == "log":
            self.log_requested.emit(task.id)
        elif action == "more":
            self.menu_requested.emit(
                self.viewport().mapToGlobal(self._action_rects(index)["more"].bottomLeft())
            )
        elif self._can_command and action == "run" and not is_watch(task):
            self.run_requested.emit(task.id)
        elif self._can_command and action == "pause":
            self.pause_requested.emit([task.id])

    # How it looks ------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus() and self.currentIndex().isValid():
            rect = self._row_rect(self.currentIndex())
            painter = QPainter(self.viewport())
            ring = QRectF(rect).adjusted(1, 0, -1, -1)
            rounded(painter, ring, 3, border=self._theme.tokens.focus, width=2)

    def drawRow(self, painter: QPainter, options: QStyleOptionViewItem, index: Index) -> None:
        t = self._theme.tokens
        model_index = index.model().index(index.row(), 0, index.parent())
        rect = self._row_rect(model_index)
        scene = Scene(
            now_ms=self._now(),
            times=self._tasks.times,
            is_stale=self.is_stale,
            is_compact=self.is_compact,
            cron_text=self._cron_text,
            pending=frozenset(self._pending),
        )
        selected = self.selectionModel().isSelected(model_index)
        hovered = self._pointer is not None and rect.contains(self._pointer)
        facts = model_index.data(GROUP)
        ground = t.sel if selected else t.hover if hovered else t.surface
        if isinstance(facts, GroupFacts):
            painter.fillRect(rect, QColor(t.sel if selected else t.sunken))
            self._hairline(painter, rect)
            is_open = self.isExpanded(model_index)
            shown = self._filter.rowCount(model_index)
            self._cells.paint_group(painter, rect, facts, scene, shown=shown, is_open=is_open)
            return
        task = model_index.data(ROW)
        if not isinstance(task, Task):
            return
        painter.fillRect(rect, QColor(ground))
        self._draw_tint(painter, rect, task.id)
        self._hairline(painter, rect)
        state = model_index.data(STATE)
        header = self.header()
        actions = self._action_rects(model_index) if hovered else {}
        for column in range(header.count()):
            if header.isSectionHidden(column) or (actions and column == Column.NEXT):
                continue
            x, wide = header.sectionViewportPosition(column), header.sectionSize(column)
            cell = QRect(x, rect.top(), wide, rect.height())
            self._cells.paint(painter, cell, column, task, state, scene)
        for action, box in actions.items():
            self._draw_action(painter, action, box, task)
        if selected:
            painter.fillRect(QRect(0, rect.top(), 3, rect.height()), QColor(t.focus))

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:
        """Nothing: the caret is part of the group's row."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        chosen = self.visualRect(self.currentIndex()).center().y()
        was_seen = self.currentIndex().isValid() and 0 <= chosen < event.oldSize().height()
        super().resizeEvent(event)
        self._lay_out_columns()
        if was_seen and chosen >= self.viewport().height():
            # The log has come up from below, perhaps over what it belongs to.
            self.scrollTo(self.currentIndex())

    def _dress(self) -> None:
        self.header().setFont(self._theme.font(11, 500))
        self.viewport().update()

    def _hairline(self, painter: QPainter, rect: QRect) -> None:
        colour = QColor(self._theme.tokens.line)
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), colour)

    def _draw_tint(self, painter: QPainter, rect: QRect, task_id: str) -> None:
        began = self._tints.get(task_id)
        if began is None:
            return
        colour = QColor(self._theme.tokens.run.tint)
        colour.setAlphaF(max(0.0, 1 - (self._age.elapsed() - began) / TINT_MS))
        painter.fillRect(rect, colour)

    def _draw_action(self, painter: QPainter, action: str, box: QRect, task: Task) -> None:
        t = self._theme.tokens
        icons = {
            "run": "play-fill",
            "pause": "play" if task.paused else "pause-fill",
            "log": "file-text",
            "more": "dots-three",
        }
        is_on = self._can_command or action in ("log", "more")
        if action == "run" and is_watch(task):
            is_on = False
        rounded(painter, QRectF(box), 6, fill=t.raised if is_on else t.sunken, border=t.line2)
        self._theme.draw_icon(painter, box, icons[action], t.text if is_on else t.disabled, 14)

    def _action_rects(self, index: QModelIndex) -> dict[str, QRect]:
        row = self._row_rect(index)
        right = self.viewport().width() - 12
        boxes: dict[str, QRect] = {}
        for place, action in enumerate(("more", "log", "pause", "run")):
            x = right - ACTION_PX - place * (ACTION_PX + 4)
            boxes[action] = QRect(x, row.center().y() - 11, ACTION_PX, min(24, row.height()))
        return boxes

    def _action_at(self, at: QPoint) -> str | None:
        index = self.indexAt(at)
        if not isinstance(index.data(ROW), Task):
            return None
        for action, box in self._action_rects(index).items():
            if box.contains(at):
                return action
        return None

    def _action_tip(self, action: str) -> str:
        if action in ("run", "pause") and not self._can_command:
            return self._why_not
        return {
            "run": self.tr("Run now (Ctrl+R)"),
            "pause": self.tr("Pause or resume (Ctrl+P)"),
            "log": self.tr("Newest log (Ctrl+L)"),
            "more": self.tr("More"),
        }[action]

    def _row_rect(self, index: QModelIndex) -> QRect:
        cell = self.visualRect(index.siblingAtColumn(0))
        return QRect(0, cell.top(), self.viewport().width(), cell.height())

    def _update_hovered(self) -> None:
        index = QModelIndex() if self._pointer is None else self.indexAt(self._pointer)
        if index.isValid():
            self.viewport().update(self._row_rect(index))

    # Columns and order -------------------------------------------------------------------

    def _lay_out_columns(self) -> None:
        """Give each column its width; the task takes the rest, the 24 h column goes first."""
        # What is set here is not what a hand has dragged.
        self._laying_out = True
        header = self.header()
        room = self.viewport().width()
        widths = dict(_WIDTHS)
        spare = room - sum(widths.values()) - _TASK_MIN_PX
        header.setSectionHidden(Column.HOURS, spare < 0)
        if spare < 0:
            spare += widths.pop(Column.HOURS)
        self._cron_text = spare < 0
        if spare < 0:
            spare += widths[Column.SCHEDULE] - _NARROW_SCHEDULE_PX
            spare += 4 + 12 + 4
            widths[Column.SCHEDULE] = _NARROW_SCHEDULE_PX
            widths[Column.LAST] -= 4
            widths[Column.DURATION] -= 12
            widths[Column.NEXT] -= 4
        if spare > 260 and Column.HOURS in widths:
            # A large screen gives its room to the drawings, not to the words.
            widths[Column.LAST] += 40
            widths[Column.DURATION] += 48
            widths[Column.HOURS] += 48
            widths[Column.NEXT] += 24
        widths.update((c, wide) for c, wide in self._chosen.items() if c in widths)
        for column, wide in widths.items():
            header.resizeSection(column, wide)
        header.resizeSection(Column.TASK, max(_TASK_MIN_PX, room - sum(widths.values())))
        self._laying_out = False

    def _note_width(self, column: int, _before: int, after: int) -> None:
        if self._laying_out or column == Column.TASK or not after:
            return
        self._chosen[Column(column)] = after
        # The task column gives or takes, so that the row always fills the room.
        QTimer.singleShot(0, self, self._lay_out_columns)

    def save_columns(self) -> dict[str, int]:
        """The widths made by hand, by the columns' names."""
        return {column.name.lower(): wide for column, wide in self._chosen.items()}

    def restore_columns(self, widths: Mapping[str, object]) -> None:
        """Widths as `save_columns` gave them; what no column can have is left out."""
        for column in Column:
            wide = widths.get(column.name.lower())
            if column != Column.TASK and isinstance(wide, int) and 40 <= wide <= 600:
                self._chosen[column] = wide
        self._lay_out_columns()

    def _sort_by(self, column: int) -> None:
        self.sort_chosen.emit(COLUMN_SORTS[column])

    def _open_group(self, index: QModelIndex, *, is_open: bool) -> None:
        facts = index.data(GROUP)
        if is_open:
            self._folded.discard(facts.name)
        else:
            self._folded.add(facts.name)
        self.setExpanded(index, is_open)

    def _expand_new(self, *_: object) -> None:
        """Groups are open until they are folded by hand, also when a filter brings them back."""
        for row in range(self._filter.rowCount()):
            index = self._filter.index(row, 0)
            facts = index.data(GROUP)
            if isinstance(facts, GroupFacts) and facts.name not in self._folded:
                self.expand(index)

    def _note_change(self, first: QModelIndex, last: QModelIndex) -> None:
        for row in range(first.row(), last.row() + 1):
            index = first.sibling(row, 0)
            task = index.data(ROW)
            if not isinstance(task, Task):
                continue
            told = (index.data(STATE), task.last.run_id if task.last else None)
            if self._seen.get(task.id, told) != told:
                self._tints[task.id] = self._age.elapsed()
            self._seen[task.id] = told
        if self._tints and not self._fade.isActive():
            self._fade.start()
        if not self._rest.isActive():
            self._rest.start()

    def _fade_tints(self) -> None:
        now = self._age.elapsed()
        self._tints = {i: began for i, began in self._tints.items() if now - began < TINT_MS}
        if not self._tints:
            self._fade.stop()
        self.viewport().update()

    def _wait_for_rest(self) -> None:
        if self._rest.isActive():
            self._rest.start()

    def _put_in_order(self) -> None:
        """Rows move only while neither the pointer nor the keyboard is in the grid."""
        if self.underMouse() or self.hasFocus():
            return
        self._tasks.sort_now()

    def _tell_selected(self, current: QModelIndex, _before: QModelIndex) -> None:
        task = current.data(ROW)
        if isinstance(task, Task):
            self.task_selected.emit(task.id)
