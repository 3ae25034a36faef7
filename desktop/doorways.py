"""From where does one get to an alert, and where is it told that there is one?"""

from functools import partial

from PySide6.QtCore import QObject, Signal

from desktop.models.alerts import AlertsModel
from desktop.states import severity_look
from desktop.views.details.panel import Details
from desktop.views.executions import Executions
from desktop.views.header import Header
from desktop.views.overview.page import Overview
from desktop.views.rail import Rail
from desktop.views.toasts import Toasts


class Doorways(QObject):
    """Every panel outside the alert centre that shows one of its alerts, or how many there are."""

    opened = Signal(str)
    """An alert's id; empty for all of them."""

    def __init__(
        self,
        alerts: AlertsModel,
        *,
        header: Header,
        rail: Rail,
        overview: Overview,
        details: Details,
        executions: Executions,
        toasts: Toasts,
    ) -> None:
        super().__init__(header)
        self._alerts, self._toasts = alerts, toasts
        self._header, self._rail, self._details = header, rail, details
        self._task_id = ""
        header.alerts_requested.connect(lambda: self.opened.emit(""))
        overview.alerts_card.alert_opened.connect(self.opened)
        overview.alerts_card.all_requested.connect(lambda: self.opened.emit(""))
        details.alert_opened.connect(self.opened)
        executions.know_alerts(lambda *of: alerts.of_run(*of) is not None)
        executions.alert_wanted.connect(self._open_of_run)

    def show_task(self, task_id: str) -> None:
        """This is the task whose details are shown."""
        self._task_id = task_id
        alert = self._alerts.of_task(task_id) if task_id else None
        self._details.show_alert("" if alert is None else alert.id)

    def show_counts(self, count: int, severity: str) -> None:
        """So many are nobody's yet; the worst of them is so bad."""
        family = severity_look(severity).family
        self._rail.show_alerts(count, family)
        self._header.show_alerts(count, family)
        self.show_task(self._task_id)

    def tell(self, text: str, alert_id: str) -> None:
        """A new one, in a sentence; no id where it is several."""
        go = partial(self.opened.emit, alert_id)
        self._toasts.show_toast(text, icon="bell-ringing-fill", go=go)

    def _open_of_run(self, run_id: str, task_id: str) -> None:
        alert = self._alerts.of_run(run_id, task_id)
        if alert is not None:
            self.opened.emit(alert.id)
