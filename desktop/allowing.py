"""Which acts are possible now, and if not, why not?"""

from collections.abc import Mapping

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from desktop.states import is_watch
from shared.protocol.rows import Task

_OF_A_TASK = (
    ("run", "stop", "pause", "skip", "switch"),
    ("why", "again", "try"),
    ("edit", "duplicate", "delete"),
    ("log", "copy"),
)


def allow(
    actions: Mapping[str, QAction],
    task: Task | None,
    *,
    may: bool,
    why_not: str,
    is_live: bool,
    alerts_chosen: bool,
    may_edit: bool = False,
    why_no_edit: str = "",
) -> None:
    """Switch each act on or off for the chosen task and the chosen alerts, with the reason."""
    runs = task is not None and task.run_id is not None
    can_run = task is not None and not is_watch(task)
    on = {
        "run": can_run and not runs,
        "stop": runs,
        "pause": task is not None,
        "skip": task is not None and task.enabled and task.next_ms is not None,
        "switch": task is not None,
        "again": can_run,
        **dict.fromkeys(("ack", "snooze", "note", "resolve"), alerts_chosen),
    }
    for name, possible in on.items():
        actions[name].setEnabled(may and possible)
        actions[name].setToolTip(why_not or actions[name].text())
    for name in ("edit", "duplicate", "delete", "new"):
        actions[name].setEnabled(may_edit and (name == "new" or task is not None))
        actions[name].setToolTip(why_no_edit or actions[name].text())
    # To ask needs no role, only an agent that answers.
    for name in ("why", "try", "load"):
        actions[name].setEnabled(is_live and (name == "load" or task is not None))
        actions[name].setToolTip(actions[name].text() if is_live else why_not)


def menu_of_task(actions: Mapping[str, QAction], owner: QWidget) -> QMenu:
    """What can be done with the chosen task."""
    menu = QMenu(owner)
    for names in _OF_A_TASK:
        if menu.actions():
            menu.addSeparator()
        for name in names:
            menu.addAction(actions[name])
    menu.setToolTipsVisible(True)
    return menu
