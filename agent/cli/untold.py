"""What has the database not been told yet, for whoever looks at it from outside?"""

from typing import Final

from agent.cli import say
from agent.errors import StorageError
from agent.mending import FOUND
from agent.settings import Home
from agent.store import journal
from agent.store.alert_rows import Alert
from agent.store.writes import Raise, Resolve

LASTS_MS: Final = 10_000
"""What is over sooner is nobody's business."""


def alerts(home: Home, known: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """The open alerts: those that are known, and what the journal says of them and of others."""
    found = {alert.dedupe_key: alert for alert in known}
    for write in _kept(home):
        if isinstance(write, Raise):
            found.setdefault(write.trouble.dedupe_key, write.assumed())
        elif isinstance(write, Resolve):
            found.pop(write.dedupe_key, None)
    return tuple(found.values())


def trouble(home: Home, *, now_ms: int) -> str:
    """Why the database is not what it should be, as the agent has put it down; empty if it is."""
    try:
        said = journal.noted(home.journal_file, FOUND)
        number, oldest_ms = journal.look(home.journal_file)
    except StorageError as error:
        return str(error)
    if said is not None:
        return f"its file is damaged ({said}); start the agent anew, which makes the best of it"
    if oldest_ms is None or now_ms - oldest_ms < LASTS_MS:
        return ""
    return (
        f"takes nothing since {say.moment(oldest_ms)}; {number} writes are kept in the local "
        "journal until it does"
    )


def _kept(home: Home) -> tuple[object, ...]:
    try:
        return journal.kept(home.journal_file)
    except StorageError:
        return ()
