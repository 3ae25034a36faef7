"""Which alerts were open before an agent began without its database, and how do they stand now?"""

from collections.abc import Iterable

import msgspec

from agent.store.alerts import Alert
from agent.store.journal import Entry
from agent.store.writes import Raise, Resolve, Write
from agent.troubles import Trouble, is_worse


class Opened:
    """Of these a trouble that is found again is no new one; of all others nothing is known here."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Those that are open as far as is known."""
        return tuple(self._alerts.values())

    def take(self, copied: Iterable[Alert], entries: Iterable[Entry]) -> None:
        """Know these, and what was kept of them since they were copied."""
        self._alerts = {alert.dedupe_key: alert for alert in copied}
        for entry in entries:
            self.came_to(entry.write)

    def forget(self) -> None:
        """The database is back, and knows better."""
        self._alerts.clear()

    def came_to(self, write: Write | None) -> Alert | None:
        """The alert that this write raises once more, or ends; None where it is none of these."""
        if isinstance(write, Resolve):
            ended = self._alerts.pop(write.dedupe_key, None)
            if ended is None:
                return None
            return msgspec.structs.replace(ended, status="resolved", resolved_ms=write.now_ms)
        if not isinstance(write, Raise):
            return None
        known = self._alerts.get(write.trouble.dedupe_key)
        if known is None:
            return None
        again = _again(known, write.trouble, write.now_ms)
        self._alerts[known.dedupe_key] = again
        return again


def _again(known: Alert, trouble: Trouble, now_ms: int) -> Alert:
    again = msgspec.structs.replace(
        known,
        occurrences=known.occurrences + 1,
        last_seen_ms=now_ms,
        message=trouble.message,
        run_id=trouble.run_id or known.run_id,
    )
    if not is_worse(trouble.severity, known.severity):
        return again
    # That it is worse is news to whoever was told of it.
    return msgspec.structs.replace(
        again,
        status="active",
        kind=trouble.kind,
        severity=trouble.severity,
        title=trouble.title,
        told=None,
    )
