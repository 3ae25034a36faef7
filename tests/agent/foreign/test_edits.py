"""Which line is the edited one of a task that was imported before, and which lines are gone?"""

import msgspec
import pytest

from agent.definitions import Definition
from agent.foreign.from_cron import from_crontab
from agent.foreign.proposals import Proposal, gone, settle
from tests.agent.foreign.makings import HOST


def imported(
    *lines: str,
    known: tuple[Definition, ...] = (),
    origin: str = "crontab",
    changed: tuple[str, ...] = (),
) -> list[Proposal]:
    """What these lines become where those tasks are known, of which some were changed here."""
    drafts = from_crontab("\n".join(lines), origin, host=HOST, user="root", has_user=False)
    return settle(drafts, known, is_as_imported=lambda task: task.task_name not in changed)


def tasks_of(*lines: str) -> tuple[Definition, ...]:
    return tuple(one.task for one in imported(*lines) if one.task is not None)


def told(found: list[Proposal]) -> list[tuple[str, str | None]]:
    return [(one.verdict, None if one.task is None else one.task.task_name) for one in found]


@pytest.mark.parametrize(
    ("before", "now", "was"),
    [
        ("0 3 * * * /opt/backup -a", "30 3 * * * /opt/backup -a", "was 0 3 * * *"),
        ("0 3 * * * /opt/backup -a", "0 3 * * * /opt/backup -b", "was /opt/backup -a"),
    ],
)
def test_a_line_with_one_thing_edited_is_the_same_task(before: str, now: str, was: str) -> None:
    (known,) = tasks_of(before)
    known = msgspec.structs.replace(known, enabled=True)

    (found,) = imported(now, known=(known,))

    assert found.verdict == "edited"
    assert was in found.note
    assert found.task is not None
    assert (found.task.task_name, found.task.enabled) == ("backup", True)
    assert told(imported(now, known=(found.task,))) == [("skipped", "backup")]


def test_what_two_lines_or_two_tasks_could_be_is_new() -> None:
    known = tasks_of("0 3 * * * /opt/backup -a", "0 3 * * * /opt/backup -b")

    found = imported("0 3 * * * /opt/backup -c", "0 3 * * * /opt/backup -d", known=known)

    assert told(found) == [("ok", "backup-3"), ("ok", "backup-4")]
    assert gone(found, known) == ["backup", "backup-2"]


def test_a_line_that_stands_beside_its_likeness_is_new() -> None:
    known = tasks_of("0 3 * * * /opt/backup -a")

    found = imported("0 3 * * * /opt/backup -a", "0 4 * * * /opt/backup -a", known=known)

    assert told(found) == [("skipped", "backup"), ("ok", "backup-2")]
    assert gone(found, known) == []


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"origin": "other.crontab"}, "came from elsewhere"),
        ({"changed": ("backup",)}, "was changed here since"),
    ],
)
def test_where_it_is_not_certain_the_task_stays_and_is_named(
    how: dict[str, object], words: str
) -> None:
    known = tasks_of("0 3 * * * /opt/backup -a")

    (found,) = imported("0 5 * * * /opt/backup -a", known=known, **how)  # type: ignore[arg-type]

    assert told([found]) == [("ok", "backup-2")]
    assert "perhaps the edited line of backup" in found.note
    assert words in found.note


def test_tasks_that_were_made_by_hand_are_never_an_older_line() -> None:
    (known,) = tasks_of("0 3 * * * /opt/backup -a")
    by_hand = msgspec.structs.replace(known, tags=())

    found = imported("0 5 * * * /opt/backup -a", known=(by_hand,))

    assert told(found) == [("ok", "backup-2")]
    assert "perhaps" not in found[0].note
    assert gone(found, (by_hand,)) == []
