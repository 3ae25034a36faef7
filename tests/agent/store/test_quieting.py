"""Which alerts is nobody told of: those in a window that mutes them, and those of a known cause?"""

from functools import partial
from typing import Any

import pytest

from agent.rules.grouping import AFTER_MS, BEFORE_MS
from agent.rules.muting import Mute
from agent.store import alerts, ledger, mutes, tasks
from agent.store.alerts import Alert
from agent.store.database import Database
from agent.store.journal import Entry
from agent.store.ledger import Step
from agent.store.replay import replay
from agent.store.writes import Raise, Take, Write
from agent.troubles import Trouble
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task, ended


def trouble(kind: str, task: str | None = None, severity: str = "critical") -> Trouble:
    key = kind if task is None else f"{kind}:{task}"
    return Trouble(
        dedupe_key=key,
        kind=kind,
        severity=severity,
        title=f"{task or 'agent'}: {kind}",
        message="why",
        task_name=task,
    )


def raised(database: Database, what: Trouble, at_ms: int = NOW_MS) -> Alert:
    return database.write_now(partial(alerts.raise_alert, trouble=what, now_ms=at_ms))


def over(database: Database, key: str, at_ms: int) -> None:
    database.write_now(partial(alerts.resolve, dedupe_key=key, now_ms=at_ms))


def to_tell(database: Database, severity: str = "critical") -> list[tuple[str, str]]:
    _, found = database.read_now(
        # Late enough for all that waits for its window.
        partial(alerts.waiting, severity=severity, now_ms=NOW_MS + 9 * HOUR_MS, limit=100)
    )
    return [(alert.dedupe_key, alert.status) for alert in found]


def send_all(database: Database) -> None:
    for severity in ("critical", "high", "medium"):
        database.write_now(partial(alerts.told, severity=severity, now_ms=NOW_MS))


def find(database: Database, key: str) -> Alert:
    (found,) = [one for one in database.read_now(alerts.newest) if one.dedupe_key == key]
    return found


def mute(database: Database, **fields: Any) -> Mute:
    values: dict[str, Any] = {
        "id": "01J0000000000000000000MUTE",
        "from_ms": NOW_MS,
        "to_ms": NOW_MS + HOUR_MS,
        "reason": "new disk",
        "made_ms": NOW_MS,
        "made_by": "anna",
    }
    made = Mute(**(values | fields))
    database.write_now(partial(mutes.add, mute=made))
    return made


def heed(database: Database, at_ms: int) -> None:
    database.write_now(partial(alerts.pass_time, now_ms=at_ms))


@pytest.mark.parametrize(
    ("cause", "kind", "is_hidden"),
    [
        ("database_away", "task_failed", True),
        ("database_away", "start_late", True),
        ("database_away", "disk_low", False),
        ("disk_full", "task_failed", True),
        ("disk_full", "task_missed", True),
        ("agent_stopped", "task_missed", True),
        ("agent_stopped", "task_failed", False),
    ],
)
def test_what_comes_of_an_open_cause_is_kept_with_its_id_and_told_by_nobody(
    database: Database, cause: str, kind: str, is_hidden: bool
) -> None:
    reason = raised(database, trouble(cause))
    alert = raised(database, trouble(kind, "backup"), NOW_MS + HOUR_MS)

    assert alert.cause_id == (reason.id if is_hidden else None)
    assert (f"{kind}:backup", "active") not in to_tell(database) or not is_hidden


def test_what_failed_just_before_its_cause_was_found_came_of_it_too(database: Database) -> None:
    long_ago = raised(database, trouble("task_failed", "old"), NOW_MS - BEFORE_MS - 1)
    just_now = raised(database, trouble("task_failed", "new"), NOW_MS - BEFORE_MS)
    cause = raised(database, trouble("database_away"))

    found = [find(database, alert.dedupe_key).cause_id for alert in (long_ago, just_now)]
    assert found == [None, cause.id]
    assert to_tell(database) == [("database_away", "active"), ("task_failed:old", "active")]


def test_what_people_know_already_is_not_hidden_behind_a_cause(database: Database) -> None:
    raised(database, trouble("task_failed", "backup", "medium"))
    send_all(database)

    raised(database, trouble("database_away"), NOW_MS + 1)
    raised(database, trouble("task_failed", "backup"), NOW_MS + 2)

    assert ("task_failed:backup", "active") in to_tell(database)


def test_the_message_of_a_cause_names_what_came_of_it(database: Database) -> None:
    raised(database, trouble("database_away"))
    for number in range(25):
        raised(database, trouble("task_failed", f"task_{number:02}"))

    _, (told,) = database.read_now(
        partial(alerts.waiting, severity="critical", now_ms=NOW_MS + HOUR_MS, limit=100)
    )

    assert told.message.startswith("why\nThis caused 25 more: task_00: task_failed; task_01")
    assert told.message.endswith("task_19: task_failed and 5 more.")


def test_what_still_stands_when_its_cause_ends_is_told_and_what_is_over_never(
    database: Database,
) -> None:
    raised(database, trouble("database_away"))
    raised(database, trouble("task_failed", "stays"))
    raised(database, trouble("task_failed", "mends"))
    raised(database, trouble("task_failed", "seen"))
    send_all(database)
    over(database, "task_failed:mends", NOW_MS + MINUTE_MS)
    seen = find(database, "task_failed:seen").id
    database.write_now(
        partial(alerts.acknowledge, text=seen, who="anna", note="", now_ms=NOW_MS + MINUTE_MS)
    )
    before = to_tell(database)

    over(database, "database_away", NOW_MS + HOUR_MS)

    assert before == []
    assert to_tell(database) == [("task_failed:stays", "active"), ("database_away", "resolved")]
    assert find(database, "task_failed:stays").tell_ms == NOW_MS + HOUR_MS + AFTER_MS


def test_what_is_found_just_after_its_cause_ended_gets_time_to_end_as_well(
    database: Database,
) -> None:
    cause = raised(database, trouble("agent_stopped"))
    over(database, "agent_stopped", NOW_MS + HOUR_MS)

    soon = raised(database, trouble("task_missed", "soon"), NOW_MS + HOUR_MS + AFTER_MS)
    later = raised(database, trouble("task_missed", "later"), NOW_MS + HOUR_MS + AFTER_MS + 1)

    assert (soon.cause_id, soon.tell_ms) == (cause.id, NOW_MS + HOUR_MS + 2 * AFTER_MS)
    assert (later.cause_id, later.tell_ms) == (None, NOW_MS + HOUR_MS + AFTER_MS + 1)


@pytest.mark.parametrize(
    ("window", "muted"),
    [
        ({}, {"task_failed:shop-a", "task_failed:backup", "disk_low"}),
        ({"task": "shop-*"}, {"task_failed:shop-a"}),
        ({"category": "Shop"}, {"task_failed:shop-a"}),
        ({"task": "*"}, {"task_failed:shop-a", "task_failed:backup"}),
        ({"task": "*", "category": "None"}, set()),
    ],
)
def test_a_window_mutes_what_it_names_and_is_seen_in_the_alert(
    database: Database, window: dict[str, str], muted: set[str]
) -> None:
    definitions = [a_task("shop-a", category="Shop"), a_task("backup")]
    database.write_now(
        partial(tasks.register, definitions=definitions, who="t", why="", now_ms=NOW_MS)
    )
    mute(database, **window)

    made = [raised(database, trouble("task_failed", name)) for name in ("shop-a", "backup")]
    made.append(raised(database, trouble("disk_low")))

    assert {one.dedupe_key for one in made if one.muted_until_ms == NOW_MS + HOUR_MS} == muted
    assert {key for key, _ in to_tell(database)} == {one.dedupe_key for one in made} - muted


def test_what_still_stands_at_the_end_of_a_window_is_told_then(database: Database) -> None:
    mute(database)
    for name in ("stays", "mends"):
        raised(database, trouble("task_failed", name))
    over(database, "task_failed:mends", NOW_MS + MINUTE_MS)

    heed(database, NOW_MS + HOUR_MS - 1)
    before = to_tell(database)
    heed(database, NOW_MS + HOUR_MS)

    assert before == []
    assert to_tell(database) == [("task_failed:stays", "active")]
    assert find(database, "task_failed:stays").muted_until_ms is None


def test_a_window_that_begins_mutes_what_was_to_be_told_soon(database: Database) -> None:
    raised(database, trouble("task_failed", "backup", "medium"))
    mute(database, from_ms=NOW_MS + MINUTE_MS)

    before = to_tell(database, "medium")
    heed(database, NOW_MS + MINUTE_MS)

    assert before == [("task_failed:backup", "active")]
    assert to_tell(database, "medium") == []


def test_the_end_of_what_people_know_is_told_after_the_window(database: Database) -> None:
    raised(database, trouble("task_failed", "backup"))
    send_all(database)
    mute(database)
    heed(database, NOW_MS)

    over(database, "task_failed:backup", NOW_MS + MINUTE_MS)
    during = to_tell(database)
    heed(database, NOW_MS + HOUR_MS)

    assert during == []
    assert to_tell(database) == [("task_failed:backup", "resolved")]


def test_what_got_worse_in_a_window_is_told_as_worse_at_its_end(database: Database) -> None:
    raised(database, trouble("task_failed", "backup", "medium"))
    send_all(database)
    mute(database)
    heed(database, NOW_MS)

    raised(database, trouble("task_failed", "backup", "critical"), NOW_MS + MINUTE_MS)
    during = to_tell(database)
    heed(database, NOW_MS + HOUR_MS)
    after = to_tell(database)
    send_all(database)

    assert (during, after) == ([], [("task_failed:backup", "active")])
    assert find(database, "task_failed:backup").told == "open"


def test_what_got_worse_in_a_window_and_ended_there_is_told_once_as_over(
    database: Database,
) -> None:
    raised(database, trouble("task_failed", "backup", "medium"))
    send_all(database)
    mute(database)
    heed(database, NOW_MS)

    raised(database, trouble("task_failed", "backup", "critical"), NOW_MS + MINUTE_MS)
    over(database, "task_failed:backup", NOW_MS + 2 * MINUTE_MS)
    heed(database, NOW_MS + HOUR_MS)

    assert to_tell(database) == [("task_failed:backup", "resolved")]


def test_what_got_worse_before_a_window_and_was_not_told_yet_is_told_at_its_end(
    database: Database,
) -> None:
    raised(database, trouble("task_failed", "backup", "medium"))
    send_all(database)
    raised(database, trouble("task_failed", "backup", "high"), NOW_MS + 1)
    mute(database, from_ms=NOW_MS + MINUTE_MS)
    heed(database, NOW_MS + MINUTE_MS)

    heed(database, NOW_MS + HOUR_MS)

    assert to_tell(database, "high") == [("task_failed:backup", "active")]


def test_a_window_that_is_taken_away_tells_at_once_what_it_muted(database: Database) -> None:
    mute(database)
    raised(database, trouble("task_failed", "backup"))

    database.write_now(partial(mutes.remove, text="MUTE"))
    heed(database, NOW_MS + 1)

    assert to_tell(database) == [("task_failed:backup", "active")]


def test_what_is_snoozed_until_within_a_window_stays_untold_until_its_end(
    database: Database,
) -> None:
    alert = raised(database, trouble("task_failed", "backup"))
    snooze = partial(alerts.snooze, text=alert.id, who="a", note="", now_ms=NOW_MS)
    database.write_now(lambda connection: snooze(connection, until_ms=NOW_MS + MINUTE_MS))
    mute(database)

    heed(database, NOW_MS + MINUTE_MS)
    during = to_tell(database)
    heed(database, NOW_MS + HOUR_MS)

    assert (during, to_tell(database)) == ([], [("task_failed:backup", "active")])


def test_what_is_muted_and_caused_waits_for_both_to_end(database: Database) -> None:
    mute(database)
    raised(database, trouble("database_away"))
    raised(database, trouble("task_failed", "backup"))

    heed(database, NOW_MS + HOUR_MS)
    after_mute = to_tell(database)
    over(database, "database_away", NOW_MS + HOUR_MS + 1)

    assert after_mute == [("database_away", "active")]
    assert ("task_failed:backup", "active") in to_tell(database)


def test_what_the_journal_tells_of_an_outage_came_of_it_whatever_was_first(
    database: Database,
) -> None:
    names = ("before", "during", "mended")
    definitions = [a_task(name, priority=1) for name in names]
    database.write_now(
        partial(tasks.register, definitions=definitions, who="t", why="", now_ms=NOW_MS)
    )
    runs = {name: a_run(NOW_MS, task_name=name) for name in names}
    again = a_run(NOW_MS + 5, task_name="mended")
    database.write_now(partial(ledger.claim, runs=[*runs.values(), again], now_ms=NOW_MS))
    away = trouble("database_away")
    story: list[Write] = [
        Take(step=Step(run=ended(runs["before"], "error"), now_ms=NOW_MS + 1)),
        Raise(trouble=away, now_ms=NOW_MS + 2),
        Take(step=Step(run=ended(runs["during"], "error"), now_ms=NOW_MS + 3)),
        Take(step=Step(run=ended(runs["mended"], "error"), now_ms=NOW_MS + 4)),
        Take(step=Step(run=ended(again, "success"), now_ms=NOW_MS + 5)),
    ]
    entries = [Entry(number, write) for number, write in enumerate(story, 1)]

    database.write_now(partial(replay, journal_id="J", entries=entries))
    before = to_tell(database)
    over(database, "database_away", NOW_MS + MINUTE_MS)

    assert before == [("database_away", "active")]
    # That one was never told of: its mail left while the database was away, or not at all.
    assert to_tell(database) == [
        ("task_failed:during", "active"),
        ("task_failed:before", "active"),
        ("database_away", "resolved"),
    ]
