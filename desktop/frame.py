"""Where every panel stands, and how they share the room of the window."""

import json
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop import words
from desktop.models.alerts import AlertsModel
from desktop.models.audit import AuditModel
from desktop.models.checks import ChecksModel
from desktop.models.filter import TaskFilter
from desktop.models.health import HealthModel
from desktop.models.runs import RunsModel, is_trouble
from desktop.models.tasks import STATE, TaskModel
from desktop.models.timeline import Timeline
from desktop.tables import ROW
from desktop.theme import Theme
from desktop.views.alerts.page import AlertCentre
from desktop.views.audit import Audit
from desktop.views.banner import Banner, Refusal
from desktop.views.details.panel import MIN_PX, MOST_PX, USUAL_PX, Details
from desktop.views.executions import Executions
from desktop.views.grid.view import TaskGrid
from desktop.views.header import Header, Stripe
from desktop.views.health.page import HealthPage
from desktop.views.log import LogDock
from desktop.views.nothing import Nothing
from desktop.views.overview.page import Overview
from desktop.views.rail import ALERTS, AUDIT, HEALTH, OVERVIEW, RUNS, TASKS, TIMELINE, Rail
from desktop.views.status import StatusBar
from desktop.views.timeline.page import TimelinePage
from desktop.views.toasts import Toasts
from desktop.views.toolbar import Toolbar
from desktop.views.welcome import Welcome

RECENT: Final = 50
RAIL_PX: Final = 72
LOG_PX: Final = 196
LEAST_LOG_PX: Final = 120
MOST_LOG_PX: Final = 10_000  # more than any screen has
NARROW_PX: Final = 900
FLOAT_BELOW_PX: Final = 1_100
SMALL_PX: Final = 1_360
LARGE_PX: Final = 1_800
LARGE_PANEL_PX: Final = 440
SMALLEST: Final = (960, 600)
USUAL: Final = (1440, 900)


class Frame(QMainWindow):
    """Makes the models and the panels and places them; what they mean is the window's matter."""

    def __init__(self, theme: Theme, now: words.Clock, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tasks = TaskModel(now)
        self._filter = TaskFilter(ROW, STATE)
        self._filter.setSourceModel(self._tasks)
        self._runs = RunsModel(now, limit=RECENT)
        self._found = RunsModel(now, limit=RECENT)
        self._trouble = RunsModel(now, limit=RECENT, only=is_trouble)
        self._checks = ChecksModel()
        self._alerts = AlertsModel()
        self._health = HealthModel(now)
        self._audit = AuditModel(now)
        self._timeline = Timeline()
        self._wants_details = True
        self._floats = False
        # A width that was dragged stays; before that the panel has the width that fits.
        self._details_px = 0
        self._make_panels(now)
        self._place_panels()
        self.setMinimumSize(*SMALLEST)
        self.resize(*USUAL)

    # What is in sight --------------------------------------------------------------------

    def has_screen(self, screen: str) -> bool:
        """Is there a screen of this name?"""
        return screen in self._by_screen

    def show_screen(self, screen: str) -> None:
        """Go to a screen."""
        self._pages.setCurrentWidget(self._by_screen[screen])
        self.rail.choose(screen)
        if screen == OVERVIEW:
            self.overview.refresh()
        if screen == ALERTS:
            self.centre.enter()
        elif screen == HEALTH:
            self.health.entrance.setFocus()
        else:
            focus: dict[str, QWidget] = {
                OVERVIEW: self.overview,
                TASKS: self.grid,
                TIMELINE: self.timeline.canvas,
                RUNS: self.executions.table,
                AUDIT: self.audit.table,
            }
            focus[screen].setFocus()
        self.details.setVisible(screen == TASKS and self._wants_details)

    def open_health(self, kind: str) -> None:
        """Show the worst check of that kind."""
        self.show_screen(HEALTH)
        self.health.open_worst(kind)

    @property
    def screen_name(self) -> str:
        """The screen we are on."""
        current = self._pages.currentWidget()
        return next(name for name, page in self._by_screen.items() if page is current)

    def show_details(self, shown: bool) -> None:
        """Show the details panel, or hide it."""
        self._wants_details = shown
        self._place_floating()
        self.details.setVisible(shown)

    def toggle_details(self) -> None:
        """Show the details panel, or hide it."""
        self.show_details(not self.details.isVisible())

    def go_to_pane(self, step: int) -> None:
        """Bring the keyboard to the next pane in sight (1), or to the previous (-1)."""
        tasks = self.grid if self.grid.isVisible() else self.toolbar.field
        page = {
            OVERVIEW: self.overview,
            TASKS: tasks,
            TIMELINE: self.timeline.canvas,
            RUNS: self.executions.table,
            ALERTS: self.centre.list_shown,
            HEALTH: self.health.entrance,
            AUDIT: self.audit.table,
        }
        details = self.details.run if self.details.run.isEnabled() else self.details.more
        # Each pane with the place where the keyboard enters it.
        panes: list[tuple[QWidget, QWidget]] = [
            (self.rail, self.rail.first),
            (self._pages, page[self.screen_name]),
            (self.log, self.log.text),
            (self.details, details),
        ]
        shown = [(pane, stop) for pane, stop in panes if pane.isVisible()]
        focus = self.focusWidget()
        holds = [focus is not None and _holds(pane, focus) for pane, _ in shown]
        here = holds.index(True) if True in holds else 0
        _, stop = shown[(here + step) % len(shown)]
        stop.setFocus(Qt.FocusReason.TabFocusReason)

    # What is remembered ------------------------------------------------------------------

    def save_state(self) -> str:
        """The widths, heights and choices a user made, as text to keep until the next start."""
        return json.dumps(
            {
                "details": self._wants_details or self._floats,
                "details_px": self._details_px,
                "log_px": self._left.sizes()[1] if self.log.isVisible() else self._log_px,
                "sort": self._tasks.sort_key,
                "grouped": self._tasks.is_grouped,
                "columns": self.grid.save_columns(),
            }
        )

    def restore_state(self, text: str) -> None:
        """Take up what `save_state` gave; what cannot be understood is left as it is."""
        try:
            kept = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            return
        if not isinstance(kept, dict):
            return
        details_px, log_px = kept.get("details_px"), kept.get("log_px")
        if isinstance(details_px, int) and MIN_PX <= details_px <= MOST_PX:
            self._details_px = details_px
            self._share_width()
        if isinstance(log_px, int) and LEAST_LOG_PX <= log_px <= MOST_LOG_PX:
            self._log_px = log_px
            self._share_height()
        if kept.get("details") is False and not self._floats:
            self.show_details(False)
        if isinstance(kept.get("grouped"), bool):
            self._tasks.set_grouped(kept["grouped"])
            self.toolbar.show_grouped(kept["grouped"])
        if isinstance(kept.get("sort"), str):
            self._tasks.set_sort(kept["sort"])
            self.toolbar.show_sort(self._tasks.sort_key)
        if isinstance(kept.get("columns"), dict):
            self.grid.restore_columns(kept["columns"])

    # Building ----------------------------------------------------------------------------

    def _make_panels(self, now: words.Clock) -> None:
        theme = self._theme
        self.stripe = Stripe(theme)
        self.header = Header(theme)
        self.rail = Rail(theme)
        self.banner = Banner(theme)
        self.refusal = Refusal(theme)
        self.welcome = Welcome(theme)
        self.toolbar = Toolbar(theme)
        self.grid = TaskGrid(self._tasks, self._filter, theme, now)
        self.nothing = Nothing(theme)
        self.details = Details(theme, now)
        self.log = LogDock(theme)
        self.executions = Executions(
            self._runs, theme, trouble=self._trouble, found=self._found, now=now
        )
        self.overview = Overview(self._tasks, self._checks, self._runs, self._alerts, theme, now)
        self.centre = AlertCentre(self._alerts, theme, now)
        self.health = HealthPage(self._health, theme, now)
        self.audit = Audit(self._audit, theme)
        self.timeline = TimelinePage(self._timeline, theme, now)
        self.status = StatusBar(theme)

    def _place_panels(self) -> None:
        tasks = _stacked(self.toolbar, self.nothing, self.grid)
        self._pages = QStackedWidget()
        self._by_screen: dict[str, QWidget] = {
            OVERVIEW: self.overview,
            TASKS: tasks,
            TIMELINE: self.timeline,
            RUNS: self.executions,
            ALERTS: self.centre,
            HEALTH: self.health,
            AUDIT: self.audit,
        }
        for page in self._by_screen.values():
            self._pages.addWidget(page)
        self._log_px = LOG_PX
        self._left = _splitter(Qt.Orientation.Vertical, self._pages, self.log)
        self._across = _splitter(Qt.Orientation.Horizontal, self._left, self.details)
        self._across.splitterMoved.connect(self._note_width)
        self._screens = _stacked(self._across)
        body = _stacked(self.banner, self._screens, self.refusal, self.welcome)
        middle = QWidget()
        beside = QHBoxLayout(middle)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addWidget(self.rail)
        beside.addWidget(body, 1)
        whole = _stacked(self.stripe, self.header, middle, self.status)
        self.setCentralWidget(whole)
        self.toasts = Toasts(self._theme, whole)
        self.refusal.hide()
        self.welcome.hide()
        self.log.hide()
        self.nothing.hide()
        self._share_height()
        self._share_width()

    # Sharing the room --------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < FLOAT_BELOW_PX
        if narrow != self._floats:
            self._float_details(narrow)
        self._place_floating()
        if not narrow and event.size().width() != event.oldSize().width():
            self._share_width()
        self.rail.set_narrow(self.width() < NARROW_PX)
        self.status.set_narrow(narrow)
        self.header.set_narrow(narrow)

    def _float_details(self, floats: bool) -> None:
        """On a small window the panel stands over the grid, and only when it is asked for."""
        self._floats = floats
        if floats:
            self.details.setParent(self._screens)
            self._wants_details = False
            self.details.hide()
        else:
            self._across.addWidget(self.details)
            self._share_width()
            self._wants_details = True
            self.details.setVisible(self.screen_name == TASKS)

    def _share_width(self) -> None:
        """A small window leaves the grid more of its width, a large one the panel."""
        wide = USUAL_PX
        if self._details_px:
            wide = self._details_px
        elif self.width() < SMALL_PX:
            wide = MIN_PX
        elif self.width() >= LARGE_PX:
            wide = LARGE_PANEL_PX
        self._across.setSizes([self.width() - RAIL_PX - wide, wide])

    def _share_height(self) -> None:
        self._left.setSizes([max(1, self.height() - RAIL_PX - self._log_px), self._log_px])

    def _note_width(self) -> None:
        self._details_px = self._across.sizes()[1]

    def _place_floating(self) -> None:
        if self._floats:
            room = self._screens.rect()
            self.details.setGeometry(room.width() - USUAL_PX, 0, USUAL_PX, room.height())
            self.details.raise_()


def _stacked(*widgets: QWidget) -> QWidget:
    """Widgets under each other without a gap; those that can grow share the room."""
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        is_bar = widget.minimumHeight() == widget.maximumHeight()
        layout.addWidget(widget, 0 if is_bar or isinstance(widget, Toolbar | Banner) else 1)
    return holder


def _splitter(orientation: Qt.Orientation, first: QWidget, second: QWidget) -> QSplitter:
    """Two panes with a hairline to drag; the first takes what the window gains."""
    splitter = QSplitter(orientation)
    splitter.setHandleWidth(1)
    splitter.setChildrenCollapsible(False)
    splitter.addWidget(first)
    splitter.addWidget(second)
    splitter.setStretchFactor(0, 1)
    return splitter


def _holds(pane: QWidget, focus: QWidget) -> bool:
    return pane is focus or pane.isAncestorOf(focus)
