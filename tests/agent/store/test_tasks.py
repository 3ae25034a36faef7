"""Which tasks there are, how they were changed, by whom."""

from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection

from agent.definitions import Definition
from agent.errors import BadDefinition, Conflict, TaskNotFound
from agent.store import ledger, state, tasks
from agent.store.database import Database
from agent.store.tasks import Applied, Span, TaskRow
from tests.agent.store.makings import HOUR_MS, NOW_MS, a_task

RICH = Definition(
    task_name="sync",
    schedule=("5 7 * * *", "@every 90s"),
    command=("php", "{app_root}/a b.php"),
    category="Vend Sync",
    description="Says “ü”",
    tags=("shop", "night"),
    timezone="Pacific/Auckland",
    priority=1,
    max_retries=3,
    memory_limit_mb=256,
    run_as="www-data",
    working_directory="{app_root}",
    environment={"A": "1", "B": "x y"},
    missed="all",
    enabled=False,
)


def register(database: Database, *definitions: Definition, now_ms: int = NOW_MS) -> int:
    return database.write_now(
        partial(tasks.register, definitions=definitions, who="me", why="first", now_ms=now_ms)
    )


def apply(database: Database, *definitions: Definition, now_ms: int) -> Applied:
    return database.write_now(
        partial(tasks.apply, definitions=definitions, who="me", why="edit", now_ms=now_ms)
    )


def flag(database: Database, *names: str, now_ms: int, **flags: Any) -> list[TaskRow]:
    return list(
        database.write_now(
            partial(tasks.set_flags, names=names, who="anna", now_ms=now_ms, **flags)
        )
    )


def load(database: Database, name: str) -> TaskRow:
    return database.read_now(partial(tasks.load, names=[name]))[0]


def test_a_definition_comes_back_with_every_field(database: Database) -> None:
    register(database, RICH)

    task = load(database, "sync")

    assert task.definition == RICH
    assert (task.def_rev, task.watermark_ms, task.created_ms) == (1, NOW_MS, NOW_MS)
    assert (task.enabled, task.paused) == (False, False)
    assert database.read_now(tasks.export) == (RICH,)


def test_registering_twice_adds_nothing_and_keeps_what_was_changed(database: Database) -> None:
    assert register(database, a_task("a"), a_task("b")) == 2
    apply(database, a_task("a", timeout_seconds=900), now_ms=NOW_MS + 1)

    assert register(database, a_task("a"), a_task("b"), a_task("c"), now_ms=NOW_MS + 2) == 1

    assert load(database, "a").definition.timeout_seconds == 900
    assert load(database, "c").created_ms == NOW_MS + 2


def test_applying_says_what_is_new_changed_and_the_same(database: Database) -> None:
    register(database, a_task("a"), a_task("b"), a_task("untouched"))

    applied = apply(database, a_task("a", priority=1), a_task("b"), a_task("c"), now_ms=NOW_MS + 1)

    assert applied == Applied(added=("c",), changed=("a",), unchanged=("b",))
    revisions = {task.task_name: task.def_rev for task in database.read_now(tasks.load_all)}
    assert revisions == {"a": 2, "b": 1, "c": 1, "untouched": 1}


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ({"schedule": ("* * * * *",)}, True),
        ({"timezone": "Pacific/Auckland"}, True),
        ({"dst_gap": "skip"}, True),
        ({"dst_fold": "both"}, True),
        ({"timeout_seconds": 1}, False),
        ({"command": "other"}, False),
        ({"enabled": False}, False),
    ],
)
def test_only_a_change_of_timing_moves_the_watermark(
    database: Database, change: dict[str, Any], moves: bool
) -> None:
    register(database, a_task("a"))

    apply(database, a_task("a", **change), now_ms=NOW_MS + 9)

    assert load(database, "a").watermark_ms == (NOW_MS + 9 if moves else NOW_MS)


def test_enabling_and_resuming_move_the_watermark_to_now_and_pausing_does_not(
    database: Database,
) -> None:
    register(database, a_task("a"))
    marks = []
    for number, flags in enumerate(
        [{"enabled": False}, {"enabled": True}, {"paused": True}, {"paused": False}], start=1
    ):
        flag(database, "a", now_ms=NOW_MS + number, **flags)
        marks.append(load(database, "a").watermark_ms - NOW_MS)

    assert marks == [0, 2, 2, 4]


def test_a_clock_set_back_never_lowers_the_watermark(database: Database) -> None:
    register(database, a_task("a"))

    apply(database, a_task("a", schedule=("@hourly",)), now_ms=NOW_MS - HOUR_MS)

    assert load(database, "a").watermark_ms == NOW_MS


def test_a_pause_runs_out_at_its_moment(database: Database) -> None:
    register(database, a_task("a"))

    flag(database, "a", paused=True, until_ms=NOW_MS + 10, reason="stocktake", now_ms=NOW_MS)

    task = load(database, "a")
    assert task.pause_reason == "stocktake"
    assert [task.is_paused(NOW_MS + 9), task.is_paused(NOW_MS + 10)] == [True, False]
    flag(database, "a", paused=False, reason="done", now_ms=NOW_MS + 11)
    task = load(database, "a")
    assert (task.paused, task.paused_until_ms, task.pause_reason) == (False, None, None)


def test_setting_what_is_set_already_is_no_change(database: Database) -> None:
    register(database, a_task("a"), a_task("b", enabled=False))

    changed = flag(database, "a", "b", enabled=True, now_ms=NOW_MS + 1)

    assert [task.task_name for task in changed] == ["b"]
    assert changed == [load(database, "b")]
    assert len(database.read_now(partial(tasks.versions, task_name="a"))) == 1


def test_an_unknown_name_changes_none_of_the_others(database: Database) -> None:
    register(database, a_task("a"))

    with pytest.raises(TaskNotFound, match="'gone'"):
        flag(database, "a", "gone", enabled=False, now_ms=NOW_MS)

    assert load(database, "a").enabled


def test_each_change_is_a_version_with_who_when_and_why(database: Database) -> None:
    register(database, a_task("a"))
    apply(database, a_task("a", priority=1), now_ms=NOW_MS + 1)
    flag(database, "a", paused=True, reason="stocktake", now_ms=NOW_MS + 2)

    found = database.read_now(partial(tasks.versions, task_name="a"))

    assert [
        (each.def_rev, each.changed_ms - NOW_MS, each.changed_by, each.why, each.paused)
        for each in found
    ] == [
        (2, 2, "anna", "stocktake", True),
        (2, 1, "me", "edit", False),
        (1, 0, "me", "first", False),
    ]
    assert found[2].definition == a_task("a")
    with pytest.raises(TaskNotFound):
        database.read_now(partial(tasks.versions, task_name="gone"))


def test_history_says_what_was_in_force_when(database: Database) -> None:
    register(database, a_task("a"), RICH)
    flag(database, "a", paused=True, until_ms=NOW_MS + 50, now_ms=NOW_MS + 10)
    changed = a_task("a", priority=1)
    apply(database, changed, now_ms=NOW_MS + 100)
    flag(database, "a", paused=True, until_ms=NOW_MS + 300, now_ms=NOW_MS + 200)
    flag(database, "a", enabled=False, now_ms=NOW_MS + 250)

    spans = database.read_now(partial(tasks.history, until_ms=NOW_MS + 1_000))

    assert spans["sync"] == (
        Span(from_ms=NOW_MS, definition=RICH, def_rev=1, enabled=False, paused=False),
    )
    assert [(span.from_ms - NOW_MS, span.enabled, span.paused) for span in spans["a"]] == [
        (0, True, False),
        (10, True, True),
        (50, True, False),
        (100, True, False),
        (200, True, True),
        (250, False, True),
        (300, False, False),
    ]
    assert spans["a"][3].definition == changed


def test_history_ends_where_it_was_asked_to(database: Database) -> None:
    register(database, a_task("a"))
    flag(database, "a", enabled=False, now_ms=NOW_MS + 10)

    spans = database.read_now(partial(tasks.history, until_ms=NOW_MS + 9))

    assert [span.from_ms for span in spans["a"]] == [NOW_MS]


def test_history_after_a_moment_holds_what_was_in_force_then_and_later(database: Database) -> None:
    register(database, a_task("a"), a_task("b"))
    for step in (1, 2, 3, 4):
        apply(database, a_task("a", priority=step), now_ms=NOW_MS + step * 10)

    spans = database.read_now(
        partial(tasks.history, until_ms=NOW_MS + 35, changed_after_ms=NOW_MS + 25)
    )

    assert spans.keys() == {"a"}
    assert [(span.from_ms - NOW_MS, span.definition.priority) for span in spans["a"]] == [
        (20, 2),
        (30, 3),
    ]


def test_history_after_a_moment_knows_a_pause_that_runs_out_later(database: Database) -> None:
    register(database, a_task("a"))
    flag(database, "a", paused=True, until_ms=NOW_MS + 50, now_ms=NOW_MS + 10)
    flag(database, "a", enabled=False, now_ms=NOW_MS + 80)

    spans = database.read_now(
        partial(tasks.history, until_ms=NOW_MS + 100, changed_after_ms=NOW_MS + 20)
    )

    assert [(span.from_ms - NOW_MS, span.enabled, span.paused) for span in spans["a"]] == [
        (10, True, True),
        (50, True, False),
        (80, False, False),
    ]


def test_a_task_added_after_that_moment_has_its_whole_history(database: Database) -> None:
    register(database, a_task("a"))

    spans = database.read_now(
        partial(tasks.history, until_ms=NOW_MS + 9, changed_after_ms=NOW_MS - 1)
    )

    assert [span.from_ms for span in spans["a"]] == [NOW_MS]


def test_after_a_correction_nothing_was_decided_beyond_now(database: Database) -> None:
    later_ms = NOW_MS + 72 * 365 * 24 * HOUR_MS
    register(database, a_task("a"), now_ms=NOW_MS - HOUR_MS)
    register(database, a_task("b"), now_ms=later_ms)
    apply(database, a_task("b", schedule=("0 2 * * *",)), now_ms=later_ms + HOUR_MS)
    database.write_now(partial(state.set_decided_until, at_ms=later_ms, now_ms=later_ms))

    moved = database.write_now(partial(tasks.move_watermarks_back, now_ms=NOW_MS))

    assert moved == 1
    assert load(database, "a").watermark_ms == NOW_MS - HOUR_MS
    assert load(database, "b").watermark_ms == NOW_MS
    assert database.read_now(state.decided_until) == NOW_MS


def test_after_a_correction_a_change_made_beyond_now_is_in_force_from_now_on(
    database: Database,
) -> None:
    register(database, a_task("a"), now_ms=NOW_MS - HOUR_MS)
    newer = a_task("a", schedule=("0 2 * * *",))
    apply(database, newer, now_ms=NOW_MS + 24 * HOUR_MS)

    database.write_now(partial(tasks.move_watermarks_back, now_ms=NOW_MS))

    spans = database.read_now(partial(tasks.history, until_ms=NOW_MS))["a"]
    assert [(span.from_ms, span.definition) for span in spans] == [
        (NOW_MS - HOUR_MS, a_task("a")),
        (NOW_MS, newer),
    ]


def test_what_was_decided_before_now_stays_so_after_a_correction(database: Database) -> None:
    register(database, a_task("a"), now_ms=NOW_MS - HOUR_MS)
    database.write_now(partial(state.set_decided_until, at_ms=NOW_MS - 1, now_ms=NOW_MS - 1))

    assert database.write_now(partial(tasks.move_watermarks_back, now_ms=NOW_MS)) == 0

    assert database.read_now(state.decided_until) == NOW_MS - 1
    (span,) = database.read_now(partial(tasks.history, until_ms=NOW_MS))["a"]
    assert span.from_ms == NOW_MS - HOUR_MS


def test_a_change_by_the_older_systems_update_is_read(database: Database) -> None:
    register(database, a_task("slow_task"))

    def update(connection: Connection) -> None:
        connection.exec_driver_sql(
            "UPDATE smart_cron_tasks_config SET timeout_seconds = 900 "
            "WHERE task_name = 'slow_task';"
        )

    database.write_now(update)

    expected = msgspec.structs.replace(a_task("slow_task"), timeout_seconds=900)
    assert load(database, "slow_task").definition == expected


def test_a_removed_task_leaves_its_history_and_counts_on_when_it_comes_back(
    database: Database,
) -> None:
    register(database, a_task("a"), a_task("b"))

    gone = database.write_now(
        partial(tasks.remove, names=["a"], who="anna", why="old", now_ms=NOW_MS + 5)
    )
    spans = database.read_now(partial(tasks.history, until_ms=NOW_MS + 9))["a"]
    register(database, a_task("a"), now_ms=NOW_MS + 9)

    assert gone == ("a",)
    assert [(span.from_ms, span.enabled) for span in spans] == [
        (NOW_MS, True),
        (NOW_MS + 5, False),
    ]
    assert load(database, "a").def_rev == 2


def test_a_task_that_others_wait_for_is_not_removed(database: Database) -> None:
    register(database, a_task("a"), a_task("b", after=("a",)))

    with pytest.raises(Conflict, match="b comes after a"):
        database.write_now(partial(tasks.remove, names=["a"], who="x", why="", now_ms=NOW_MS))
    both = database.write_now(
        partial(tasks.remove, names=["a", "b"], who="x", why="", now_ms=NOW_MS)
    )

    assert both == ("a", "b")


def test_a_chain_must_have_a_beginning_and_an_end(database: Database) -> None:
    register(database, a_task("a"), a_task("b", after=("a",)))

    with pytest.raises(BadDefinition, match="there is no such task"):
        apply(database, a_task("c", after=("nobody",)), now_ms=NOW_MS)
    with pytest.raises(BadDefinition, match="would never end"):
        apply(database, a_task("a", after=("b",)), now_ms=NOW_MS)

    assert load(database, "a").definition.after == ()


def test_a_task_names_only_calendars_that_are_there(database: Database) -> None:
    with pytest.raises(BadDefinition, match="calendars"):
        register(database, a_task("a", calendars=("holidays",)))


def test_moments_are_skipped_until_one_and_a_new_timing_forgets_that(database: Database) -> None:
    register(database, a_task("a"))

    (skipping,) = database.write_now(
        partial(
            tasks.set_flags,
            names=["a"],
            skip_until_ms=NOW_MS + HOUR_MS,
            reason="moving",
            who="anna",
            now_ms=NOW_MS,
        )
    )
    apply(database, a_task("a", priority=1), now_ms=NOW_MS)
    kept = load(database, "a")
    apply(database, a_task("a", schedule=("0 2 * * *",)), now_ms=NOW_MS)

    assert (skipping.skip_until_ms, skipping.skip_reason) == (NOW_MS + HOUR_MS, "by anna: moving")
    assert kept.skip_until_ms == NOW_MS + HOUR_MS
    assert load(database, "a").skip_until_ms is None


def test_a_change_counts_from_where_the_task_is_decided_though_the_clock_was_set_back(
    database: Database,
) -> None:
    register(database, a_task("a"))
    raise_to = NOW_MS + HOUR_MS
    database.write_now(partial(ledger.claim, runs=[], watermarks={"a": raise_to}, now_ms=raise_to))

    apply(database, a_task("a", schedule=("0 2 * * *",)), now_ms=NOW_MS + 5)

    spans = database.read_now(partial(tasks.history, until_ms=raise_to))["a"]
    assert [span.from_ms for span in spans] == [NOW_MS, raise_to]
