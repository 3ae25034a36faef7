"""What can be found by a few letters: acts, agents, tasks, open alerts."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction

from desktop import keys
from desktop.models.alerts import AlertsModel
from desktop.models.tasks import TaskModel
from desktop.states import alert_look, severity_look, task_look
from desktop.views.palette import Entry

OF_SEVERAL: Final = ("pause", "skip", "switch")


def entries(
    actions: Mapping[str, QAction],
    tasks: TaskModel,
    alerts: AlertsModel,
    agents: Mapping[str, tuple[str, str]],
    *,
    chosen: str,
    several: str,
    go_to_agent: Callable[[str], object],
    open_task: Callable[[str], object],
    open_alert: Callable[[str], object],
) -> list[Entry]:
    """What may be done now, then what there is to go to.

    `chosen` is the name of the task that acts are about, `several` says of how many those are
    that can be about more than one; `agents` has name and environment of the others by their ids.
    """
    found: list[Entry] = []
    for act in keys.ACTS:
        action = actions[act.name]
        if action.isEnabled() and act.name != "palette":
            hint = action.shortcut().toString()
            about = several if act.name in OF_SEVERAL else chosen
            is_about = act.section == keys.TASK and act.name != "undo" and about
            kind = about if is_about else keys.said(act.section)
            found.append(Entry(action.text(), kind, act.icon, hint, action.trigger))
    for agent_id, (name, environment) in agents.items():
        kind = QCoreApplication.translate("finding", "Agent")
        go = partial(go_to_agent, agent_id)
        found.append(Entry(name, kind, "link", environment.capitalize(), go))
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
