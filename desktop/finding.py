"""What can be found by a few letters: acts, tasks, open alerts."""

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtGui import QAction

from desktop import keys
from desktop.models.alerts import AlertsModel
from desktop.models.tasks import TaskModel
from desktop.states import alert_look, severity_look, task_look
from desktop.views.palette import Entry


def entries(
    actions: Mapping[str, QAction],
    tasks: TaskModel,
    alerts: AlertsModel,
    *,
    open_task: Callable[[str], object],
    open_alert: Callable[[str], object],
) -> list[Entry]:
    """What may be done now, then what there is to go to."""
    found: list[Entry] = []
    for act in keys.ACTS:
        action = actions[act.name]
        if action.isEnabled() and act.name != "palette":
            hint = action.shortcut().toString()
            found.append(
                Entry(action.text(), keys.said(act.section), act.icon, hint, action.trigger)
            )
    for alert in alerts.alerts():
        severity, look = severity_look(alert.sev), alert_look(alert)
        go = partial(open_alert, alert.id)
        found.append(Entry(alert.title, severity.said, look.icon, look.said, go))
    for task in tasks.tasks():
        look = task_look(tasks.state(task.id))
        found.append(
            Entry(task.name, task.category, look.icon, look.said, partial(open_task, task.id))
        )
    return found
