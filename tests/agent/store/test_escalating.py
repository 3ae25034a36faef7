"""Which alerts did nobody care for in time, who was told of that, and who must know the end?"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from agent.store import alerts, escalating, outbox
from agent.store.alert_rows import Alert
from agent.store.database import Database
from agent.store.outbox import Draft
from agent.troubles import Trouble
from tests.agent.store.makings import MINUTE_MS, NOW_MS

WHEN: dict[str, Any] = {"severities": ("critical",), "before_ms": NOW_MS, "now_ms": NOW_MS}


class Told(list[list[str]]):
    def compose(self, found: Sequence[Alert]) -> Draft:
        self.append([alert.title for alert in found])
        return Draft(told=(), more=0, messages=())


def trouble(database: Database, key: str, severity: str = "critical", at_ms: int = NOW_MS) -> None:
    what = Trouble(dedupe_key=key, kind="x", severity=severity, title=key, message="")
    database.write_now(partial(alerts.raise_alert, trouble=what, now_ms=at_ms))


def tell(database: Database, severity: str = "critical", now_ms: int = NOW_MS) -> None:
    database.write_now(
        partial(
            outbox.collect,
            severities=[severity],
            now_ms=now_ms,
            details=1,
            compose=lambda told, more: Draft(told=tuple(told), more=more, messages=()),
        )
    )


def escalate(database: Database, stage: int = 1) -> list[list[str]]:
    told = Told()
    database.write_now(
        partial(escalating.escalate, stage=stage, said="boss", compose=told.compose, **WHEN)
    )
    return told


def test_each_stage_is_told_once_of_what_people_know_and_nobody_cares_for(
    database: Database,
) -> None:
    trouble(database, "one")
    trouble(database, "lesser", "high")
    trouble(database, "later", at_ms=NOW_MS + 1)
    untold = escalate(database)
    tell(database)

    assert untold == []
    assert [escalate(database, stage) for stage in (1, 1, 2)] == [[["one"]], [], [["one"]]]
    assert database.read_now(
        partial(escalating.oldest_ms, stage=1, severities=("critical",), after_ms=0)
    ) == (NOW_MS + 1)


def test_the_end_is_told_once_to_those_who_were_told_of_it(database: Database) -> None:
    trouble(database, "one")
    trouble(database, "other")
    tell(database)
    database.write_now(partial(alerts.resolve, dedupe_key="other", now_ms=NOW_MS))
    escalate(database)
    database.write_now(partial(alerts.resolve, dedupe_key="one", now_ms=NOW_MS + MINUTE_MS))

    told = Told()
    for _ in range(2):
        database.write_now(
            partial(
                escalating.tell_ends,
                stage=1,
                now_ms=NOW_MS + MINUTE_MS,
                said="boss",
                compose=told.compose,
            )
        )

    assert told == [["one"]]


def test_what_is_to_be_repeated_is_told_when_it_is_due_and_no_earlier(database: Database) -> None:
    trouble(database, "one")
    tell(database)
    again_ms = NOW_MS + 30 * MINUTE_MS
    database.write_now(partial(alerts.repeat, severity="critical", at_ms=again_ms))

    def waiting(now_ms: int) -> int:
        return database.read_now(
            lambda connection: alerts.waiting(connection, "critical", now_ms=now_ms, limit=9)
        )[0]

    assert (waiting(again_ms - 1), waiting(again_ms)) == (0, 1)
    database.write_now(partial(alerts.repeat, severity="critical", at_ms=again_ms * 2))
    assert waiting(again_ms) == 1
