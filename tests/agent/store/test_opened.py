"""Which alerts were open before an agent began without its database, and how do they stand now?"""

from typing import Any

from agent.store.alerts import Alert
from agent.store.journal import Entry
from agent.store.opened import Opened
from agent.store.writes import Raise, Resolve
from agent.troubles import Trouble
from tests.agent.store.makings import NOW_MS


def an_alert(key: str = "disk", **fields: Any) -> Alert:
    chosen: dict[str, Any] = {
        "id": f"01{key.upper()}",
        "dedupe_key": key,
        "kind": "disk_low",
        "severity": "high",
        "status": "acknowledged",
        "title": "The disk fills up",
        "message": "80 %",
        "occurrences": 2,
        "opened_ms": NOW_MS - 1_000,
        "last_seen_ms": NOW_MS - 500,
        "told": "open",
    }
    return Alert(**(chosen | fields))


def found(key: str = "disk", severity: str = "high") -> Raise:
    trouble = Trouble(
        dedupe_key=key, kind="disk_low", severity=severity, title="It is full", message="90 %"
    )
    return Raise(trouble=trouble, now_ms=NOW_MS)


def test_what_is_found_again_is_the_alert_that_people_know_of() -> None:
    opened = Opened()
    opened.take([an_alert()], [])

    again = opened.came_to(found())

    assert again is not None
    assert (again.id, again.occurrences, again.last_seen_ms) == ("01DISK", 3, NOW_MS)
    assert (again.status, again.told, again.title) == (
        "acknowledged",
        "open",
        "The disk fills up",
    )
    assert opened.alerts == (again,)


def test_what_is_worse_now_is_news() -> None:
    opened = Opened()
    opened.take([an_alert()], [])

    worse = opened.came_to(found(severity="critical"))

    assert worse is not None
    assert (worse.severity, worse.title, worse.told, worse.status) == (
        "critical",
        "It is full",
        None,
        "active",
    )


def test_what_is_over_is_so_once_and_others_are_not_known() -> None:
    opened = Opened()
    opened.take([an_alert()], [])

    ended = opened.came_to(Resolve(dedupe_key="disk", now_ms=NOW_MS))

    assert ended is not None
    assert (ended.status, ended.resolved_ms) == ("resolved", NOW_MS)
    assert opened.came_to(Resolve(dedupe_key="disk", now_ms=NOW_MS)) is None
    assert opened.came_to(found("loop")) is None
    assert opened.alerts == ()


def test_what_the_journal_tells_of_them_counts() -> None:
    opened = Opened()

    opened.take(
        [an_alert(), an_alert("loop")],
        [
            Entry(seq=1, write=Resolve(dedupe_key="disk", now_ms=NOW_MS)),
            Entry(seq=2, write=found("loop")),
        ],
    )

    assert [(alert.dedupe_key, alert.occurrences) for alert in opened.alerts] == [("loop", 3)]
