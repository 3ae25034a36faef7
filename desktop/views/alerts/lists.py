"""The two lists of the centre: what is open, and what was, each with its filters."""

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout

from desktop import words
from desktop.models.alerts import BY_TASK, NEWEST, WORST, AlertsModel
from desktop.parts.buttons import Button
from desktop.parts.empty import Empty
from desktop.parts.fields import SearchField
from desktop.parts.labels import Ground, Words
from desktop.states import ALERT_LOOKS, SEVERITY_LOOKS
from desktop.theme import Theme
from desktop.views.alerts.listing import AlertList
from shared.protocol.alerting import AlertFilter

LEAST_PX: Final = 320
WRITING_MS: Final = 300
_SORTS: Final = ((WORST, "Worst first"), (NEWEST, "Newest first"), (BY_TASK, "By task"))
_SPANS: Final = (
    (words.DAY_MS, "Last 24 hours"),
    (words.WEEK_MS, "Last 7 days"),
    (30 * words.DAY_MS, "Last 30 days"),
    (0, "All times"),
)
_STATES: Final = ("resolved", "open", "acked")


def _tr(text: str) -> str:
    return QCoreApplication.translate("alerts", text)


class _ListPane(Ground):
    """A bar of filters over a list, or over why there is none."""

    def __init__(self, model: AlertsModel, theme: Theme, now: words.Clock, *, hint: str) -> None:
        super().__init__(theme, "surface", lines="r")
        self._theme, self._now, self.model = theme, now, model
        self.setMinimumWidth(LEAST_PX)
        self.field = SearchField(theme, hint, key="/")
        self.list = AlertList(model, theme, now)
        self.field.left.connect(self.list.setFocus)
        self.empty = Empty(theme)
        self.foot = Words(theme, ink="text3", wrap=True)
        self.foot.setContentsMargins(16, 8, 16, 10)
        self.foot.hide()
        bar = Ground(theme, "chrome", lines="b")
        self.bar = QHBoxLayout(bar)
        self.bar.setContentsMargins(16, 8, 12, 8)
        self.bar.setSpacing(8)
        self.bar.addWidget(self.field, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 1, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.empty, 1)
        layout.addWidget(self.foot)
        model.counted.connect(self.show_emptiness)
        self.show_emptiness()

    def show_emptiness(self) -> None:
        """Show the list, or why it is empty."""
        has_any = self.model.rowCount() > 0
        self.list.setVisible(has_any)
        self.empty.setVisible(not has_any)
        if not has_any:
            self.empty.show_why(*self.why_empty())

    def why_empty(self) -> tuple[str, str, str]:
        """An icon, what is true, and the next step."""
        raise NotImplementedError

    def _menu(
        self, choices: Sequence[tuple[object, str]], choose: Callable[[object, str], None]
    ) -> QMenu:
        menu = QMenu(self)
        for key, word in choices:
            action = menu.addAction(self.tr(word))
            action.triggered.connect(lambda _=False, key=key, word=word: choose(key, word))
        return menu


class ActiveList(_ListPane):
    """What is not over, in groups by how bad it is."""

    def __init__(self, model: AlertsModel, theme: Theme, now: words.Clock) -> None:
        self._was_heard = False
        self._tasks = 0
        super().__init__(model, theme, now, hint=_tr("Filter alerts"))
        self.field.changed.connect(model.ask)
        self.sort = Button(theme, icon="sort-ascending", kind="ghost")
        self.sort.setMenu(self._menu(_SORTS, self._sort))
        self._sort(WORST, "Worst first")
        self.bar.addWidget(self.sort)

    def show_heard(self, was_heard: bool) -> None:
        """Whether the agent has said anything yet."""
        self._was_heard = was_heard
        self.show_emptiness()

    def why_empty(self) -> tuple[str, str, str]:
        total = len(self.model.alerts())
        if total:
            known = words.plural(total, self.tr("alert is open"), self.tr("alerts are open"))
            hint = self.tr("{0}. Esc in the field clears the filter.").format(known)
            return "magnifying-glass", self.tr("No alert matches"), hint
        if not self._was_heard:
            hint = self.tr("Its alerts appear here with its first answer.")
            return "question", self.tr("The agent was not heard yet"), hint
        hint = self.tr("What was wrong before stands under History.")
        return "check-circle", self.tr("Nothing is wrong"), hint

    def _sort(self, key: object, word: str) -> None:
        self.model.set_sort(str(key))
        self.sort.setText(self.tr(word))
        self.sort.updateGeometry()


class HistoryList(_ListPane):
    """What was, asked of the agent page by page."""

    wanted = Signal(object)
    """The filter has changed, or is asked for the first time: an AlertFilter."""
    more_wanted = Signal()

    def __init__(self, model: AlertsModel, theme: Theme, now: words.Clock) -> None:
        self._span_ms, self._sev, self._state = words.WEEK_MS, "", ""
        self._is_asking = False
        self._problem = ""
        super().__init__(model, theme, now, hint=_tr("Search in all alerts"))
        self._later = QTimer(self, interval=WRITING_MS, singleShot=True)
        self._later.timeout.connect(self.ask)
        self.field.changed.connect(lambda _: self._later.start())
        self.field.submitted.connect(self.ask)
        self.severity = Button(theme, self.tr("Any severity"))
        self.severity.setMenu(
            self._menu(
                (("", "Any severity"), *((key, look.word) for key, look in SEVERITY_LOOKS.items())),
                self._choose_severity,
            )
        )
        self.state = Button(theme, self.tr("Any state"))
        self.state.setMenu(
            self._menu(
                (("", "Any state"), *((key, ALERT_LOOKS[key].word) for key in _STATES)),
                self._choose_state,
            )
        )
        self.span = Button(theme, self.tr("Last 7 days"))
        self.span.setMenu(self._menu(_SPANS, self._choose_span))
        chosen = QHBoxLayout()
        chosen.setContentsMargins(16, 8, 12, 8)
        chosen.setSpacing(8)
        for button in (self.severity, self.state, self.span):
            chosen.addWidget(button)
        chosen.addStretch(1)
        line = Ground(theme, "chrome", lines="b")
        line.setLayout(chosen)
        whole = self.layout()
        if isinstance(whole, QVBoxLayout):
            whole.insertWidget(1, line)
        self.list.end_reached.connect(self.more_wanted)

    @property
    def filter(self) -> AlertFilter:
        """What is to be shown, as the agent is asked for it."""
        return AlertFilter(
            sevs=(self._sev,) if self._sev else (),
            states=(self._state,) if self._state else (),
            from_ms=self._now() - self._span_ms if self._span_ms else None,
            text=self.field.text().strip()[:200] or None,
        )

    def ask(self) -> None:
        """Ask for the first page anew."""
        self._later.stop()
        self._is_asking, self._problem = True, ""
        self.wanted.emit(self.filter)
        self.show_emptiness()

    def show_answered(self, *, is_more: bool) -> None:
        """A page came."""
        self._is_asking = False
        count = self.model.rowCount()
        said = words.plural(count, self.tr("alert"), self.tr("alerts"))
        more = self.tr("{0}, older ones as you scroll").format(said)
        self.foot.setText(more if is_more else said)
        self.foot.setVisible(count > 0)
        self.show_emptiness()

    def show_problem(self, text: str) -> None:
        """The agent did not answer, or refused."""
        self._is_asking, self._problem = False, text
        self.show_emptiness()

    def why_empty(self) -> tuple[str, str, str]:
        if self._problem:
            return "warning", self.tr("The history did not come"), self._problem
        if self._is_asking:
            return "clock", self.tr("Asking the agent"), ""
        hint = self.tr("Choose a longer time, another state, or other words.")
        return "tray", self.tr("No alert in this time"), hint

    def _choose_severity(self, key: object, word: str) -> None:
        self._sev = str(key)
        self._show_choice(self.severity, word)

    def _choose_state(self, key: object, word: str) -> None:
        self._state = str(key)
        self._show_choice(self.state, word)

    def _choose_span(self, key: object, word: str) -> None:
        self._span_ms = key if isinstance(key, int) else 0
        self._show_choice(self.span, word)

    def _show_choice(self, button: Button, word: str) -> None:
        button.setText(self.tr(word))
        button.updateGeometry()
        self.ask()
