"""Every act of the window by name: its words, its icon and its key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from desktop.theme import Theme

TASK, ALERT, LOG = "The chosen task", "The chosen alerts", "Log"
LOOK, GO, WINDOW = "Look", "Go", "Window"
SECTIONS: Final = (TASK, ALERT, LOG, LOOK, GO, WINDOW)


@dataclass(frozen=True, slots=True)
class Act:
    """One act: `name` is what the program calls it, the rest is what a person sees."""

    name: str
    section: str
    text: str
    icon: str = ""
    keys: tuple[str, ...] = ()


ACTS: Final = (
    Act("run", TASK, "Run now", "play-fill", ("Ctrl+R",)),
    Act("stop", TASK, "Stop the run", "stop-fill", ("Ctrl+.",)),
    Act("pause", TASK, "Pause until, or resume", "pause-fill", ("Ctrl+P",)),
    Act("skip", TASK, "Skip the next run", "skip-forward-fill", ("Ctrl+Shift+N",)),
    Act("switch", TASK, "Enable or disable", "power"),
    Act("why", TASK, "Why did it run, or not", "question", ("Ctrl+Y",)),
    Act("again", TASK, "Run as of a past moment", "clock-counter-clockwise",
        ("Ctrl+Shift+R",)),
    Act("try", TASK, "Try another schedule", "calendar", ("Ctrl+Shift+E",)),
    Act("edit", TASK, "Edit", "pencil-simple", ("Ctrl+E", "E")),
    Act("duplicate", TASK, "Duplicate", "copy-simple", ("Ctrl+D",)),
    Act("delete", TASK, "Delete the task", "trash"),
    Act("new", TASK, "New task", "plus", ("Ctrl+N",)),
    Act("log", TASK, "Newest log", "file-text", ("Ctrl+L",)),
    Act("copy", TASK, "Copy the name", "copy"),
    Act("undo", TASK, "Undo", "arrow-counter-clockwise", ("Ctrl+Z",)),
    Act("ack", ALERT, "Acknowledge", "checks", ("A",)),
    Act("snooze", ALERT, "Snooze until", "moon", ("S",)),
    Act("note", ALERT, "Add a note", "note-pencil", ("N",)),
    Act("resolve", ALERT, "Resolve", "circle-wavy-check", ("Shift+R",)),
    Act("search", LOG, "Search in the log", "", ("Ctrl+F",)),
    Act("match", LOG, "Next match", "", ("F3",)),
    Act("back", LOG, "Previous match", "", ("Shift+F3",)),
    Act("end", LOG, "End of the log, and follow", "", ("Ctrl+End",)),
    Act("dock", LOG, "Log, on or off", "", ("Ctrl+J",)),
    Act("filter", LOOK, "Filter", "funnel", ("/",)),
    Act("trouble", LOOK, "Next trouble", "", ("Alt+Down",)),
    Act("earlier", LOOK, "Previous trouble", "", ("Alt+Up",)),
    Act("times", LOOK, "Times of task, here, UTC", "clock",
        ("Ctrl+Shift+T",)),
    Act("details", LOOK, "Details, on or off", "", ("Ctrl+I",)),
    Act("density", LOOK, "Compact rows, on or off", "rows"),
    Act("refresh", LOOK, "Ask for everything anew",
        "arrows-clockwise", ("F5",)),
    Act("palette", GO, "Find a task or command", "", ("Ctrl+K",)),
    Act("overview", GO, "Overview", "squares-four", ("Ctrl+1",)),
    Act("tasks", GO, "Tasks", "rows", ("Ctrl+2",)),
    Act("timeline", GO, "Timeline", "chart-bar-horizontal", ("Ctrl+3",)),
    Act("runs", GO, "Runs", "clock-counter-clockwise", ("Ctrl+4",)),
    Act("alerts", GO, "Alerts", "bell", ("Ctrl+5",)),
    Act("rules", GO, "Own rules of alerts", "sliders-horizontal"),
    Act("quiet", GO, "Quiet times: mute alerts", "bell-slash"),
    Act("messages", GO, "Messages of alerts and their delivery", "envelope-simple"),
    Act("health", GO, "Health", "heartbeat", ("Ctrl+6",)),
    Act("audit", GO, "Audit", "shield-check", ("Ctrl+7",)),
    Act("load", GO, "Coming up: how busy it gets", "chart-bar", ("Ctrl+U",)),
    Act("pane", GO, "Next pane", "", ("F6",)),
    Act("pane_back", GO, "Previous pane", "", ("Shift+F6",)),
    Act("connections", WINDOW, "Connections", "link", ("Ctrl+O",)),
    Act("settings", WINDOW, "Settings", "gear-six", ("Ctrl+,",)),
    Act("keys", WINDOW, "All keys", "keyboard", ("F1", "?")),
)  # fmt: skip

# Keys that a panel itself answers to; they are told, not made.
OF_PANELS: Final = (
    (TASK, "Open its details", "Return"),
    (TASK, "Copy its cell", "Ctrl+C"),
    (LOOK, "Fold or unfold a group", "Left, Right"),
    (LOOK, "Along a chart of readings", "Left, Right, Home, End"),
    (LOOK, "Timeline: nearer, further, to now", "+, -, N"),
    (TASK, "While editing: save, next section", "Ctrl+Return, Ctrl+PgDown"),
    (LOOK, "Clear the filter, close a panel", "Esc"),
)


def said(text: str) -> str:
    """A text of this table in the language of the window."""
    return QCoreApplication.translate("keys", text)


def make_actions(
    owner: QWidget, acts: Mapping[str, Callable[[], object]], theme: Theme
) -> dict[str, QAction]:
    """One action for each act, so that keys, menus and the palette share it."""
    made: dict[str, QAction] = {}
    for act in ACTS:
        action = QAction(said(act.text), owner)
        action.setShortcuts([QKeySequence(key) for key in act.keys])
        do = acts[act.name]
        action.triggered.connect(lambda _=False, do=do: do())
        owner.addAction(action)
        made[act.name] = action

    def dress() -> None:
        for act in ACTS:
            if act.icon:
                made[act.name].setIcon(theme.icon(act.icon))

    theme.on_change(dress)
    return made


def key_list() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every section with its acts that have a key, as (words, keys)."""
    told = [(act.section, act.text, act.keys) for act in ACTS if act.keys]
    told += [(section, text, (keys,)) for section, text, keys in OF_PANELS]
    return [
        (
            said(section),
            [
                (said(text), ", ".join(map(_native, keys)))
                for at, text, keys in told
                if at == section
            ],
        )
        for section in SECTIONS
    ]


def _native(key: str) -> str:
    """The key as this platform writes it."""
    return ", ".join(
        QKeySequence(one).toString(QKeySequence.SequenceFormat.NativeText)
        for one in key.split(", ")
    )
