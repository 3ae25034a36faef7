"""What a pause holds back, what goes on, and who waits in vain."""

from agent.definitions import Definition
from agent.expected import Expected, Planned
from agent.rules.pausing import LISTED, Follower, Held, PausePreview, pause_preview
from tests.agent.store.makings import a_run

TASK = Definition(task_name="first", schedule=("* * * * *",), command="true")
NOW_MS = 1_000_000


def preview(
    planned: Planned,
    *moments: Expected,
    others: tuple[Definition, ...] = (),
    until_ms: int | None = NOW_MS + 500,
) -> PausePreview:
    return pause_preview(
        [planned],
        {"first": moments},
        {"first": NOW_MS + 600},
        others,
        from_ms=NOW_MS,
        until_ms=until_ms,
        seen_until_ms=NOW_MS + 500,
    )


def at(ms: int, *, reason: str | None = None) -> Expected:
    return Expected(
        task_name="first",
        at_ms=NOW_MS + ms,
        outcome="skipped" if reason else "runs",
        reason=reason,
        starts_ms=None if reason else NOW_MS + ms,
    )


def test_each_moment_within_is_skipped_and_what_it_would_have_been_is_told() -> None:
    found = preview(Planned(definition=TASK), at(1), at(2, reason="blackout"))

    (task,) = found.tasks
    assert found.count == 2
    assert (task.first_ms, task.last_ms, task.next_ms) == (NOW_MS + 1, NOW_MS + 2, NOW_MS + 600)
    assert task.held == (
        Held(at_ms=NOW_MS + 1, reason="paused", otherwise="runs"),
        Held(at_ms=NOW_MS + 2, reason="paused", otherwise="blackout"),
    )


def test_a_pause_without_an_end_has_no_moment_after_it() -> None:
    (task,) = preview(Planned(definition=TASK), at(1), until_ms=None).tasks

    assert task.next_ms is None


def test_all_moments_are_counted_and_some_listed() -> None:
    (task,) = preview(Planned(definition=TASK), *(at(ms) for ms in range(1, 300))).tasks

    assert (task.count, len(task.held)) == (299, LISTED)


def test_runs_go_on_and_retries_come_all_the_same() -> None:
    live = (
        a_run(status="running", started_ms=NOW_MS - 100),
        a_run(status="queued"),
        a_run(status="retry_wait", retry_at_ms=NOW_MS + 7),
    )

    (task,) = preview(Planned(definition=TASK, takes_ms=400, live=live)).tasks

    assert [(run.kind, run.at_ms) for run in task.in_flight] == [
        ("goes_on", NOW_MS + 300),
        ("starts", None),
        ("retries", NOW_MS + 7),
    ]


def test_followers_miss_the_runs_that_do_not_come() -> None:
    def follower(name: str, on: str, *, enabled: bool = True) -> Definition:
        return Definition(
            task_name=name,
            command="true",
            after=("first",),
            after_on=on,  # type: ignore[arg-type]
            enabled=enabled,
        )

    found = preview(
        Planned(definition=TASK),
        at(1),
        at(2, reason="overlap"),
        others=(
            TASK,
            follower("second", "success"),
            follower("mourner", "failure"),
            follower("off", "any", enabled=False),
        ),
    )

    assert found.followers == (Follower(task_name="second", after="first", count=1),)
