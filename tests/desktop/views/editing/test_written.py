"""What is written of a task is read from form and text alike, and not mixed up with others'."""

from typing import Any

import msgspec
import pytest

from desktop.views.editing.written import TEXT, Written
from shared.protocol.defining import TaskDefinitionReply

TABLE: dict[str, Any] = {"task_name": "sync", "schedule": ["0 2 * * *"], "command": "sync.sh"}
BASE = TaskDefinitionReply(id="sync", def_rev=7, digest="ab" * 32, definition=TABLE)


def other(**more: Any) -> TaskDefinitionReply:
    return msgspec.structs.replace(BASE, def_rev=8, digest="cd" * 32, definition={**TABLE, **more})


def field(work: Written, name: str, text: str) -> None:
    work.read_fields({**work.to_fields(), name: text}, {})


def test_what_is_written_in_the_form_or_as_text_is_the_same() -> None:
    form, text = Written(BASE), Written(BASE)

    field(form, "nice", "5")
    text.read_text(text.to_text() + "nice = 5\n")

    assert form.table == text.table == {**TABLE, "nice": 5}
    assert form.changed == {"nice"}
    assert form.is_changed


@pytest.mark.parametrize(
    ("text", "said"),
    [("task_name =", "not TOML"), ('task_name = "other"\ncommand = "x"\n', "keeps its name")],
)
def test_text_that_cannot_be_saved_is_told_and_would_be_lost(text: str, said: str) -> None:
    work = Written(BASE)

    work.read_text(text)

    assert said in work.unread[TEXT]
    assert work.is_changed


def test_mine_goes_on_top_of_theirs_or_gives_way() -> None:
    mine, theirs = Written(BASE), Written(BASE)
    for work in (mine, theirs):
        field(work, "nice", "5")
        assert work.is_news(other(timeout_seconds=60))
        assert work.base == BASE, "nothing of theirs holds before it was looked at"

    mine.begin_from_theirs(with_mine=True)
    theirs.begin_from_theirs(with_mine=False)

    assert mine.table == {**TABLE, "nice": 5, "timeout_seconds": 60}
    assert mine.changed == {"nice"}
    assert theirs.table == {**TABLE, "timeout_seconds": 60}
    assert not theirs.is_changed
    assert mine.saved == theirs.saved == ("sync", 8, "cd" * 32)


def test_the_same_definition_in_a_newer_version_is_no_news() -> None:
    work = Written(BASE)
    field(work, "nice", "5")

    assert not work.is_news(msgspec.structs.replace(BASE, def_rev=9))
    assert work.saved[1] == 9
    assert work.changed == {"nice"}


def test_a_task_that_was_removed_is_written_as_a_new_one() -> None:
    work = Written(BASE)
    field(work, "schedule", "0 3 * * *")
    assert work.was == "0 2 * * *"

    work.is_removed()

    assert work.saved == ("", 0, "")
    assert work.was == ""
    assert not work.is_news(other())
    assert work.missing == ""


def test_the_schedule_that_is_saved_is_asked_for_only_where_nothing_told_it() -> None:
    work = Written(BASE)
    asked = [work.is_asked()]  # as it is saved
    work.is_called("Daily 02:00")
    field(work, "schedule", "0 3 * * *")
    asked.append(work.is_asked())
    work.is_called("Daily 03:00")
    was = work.was
    work.is_news(other(schedule=["0 4 * * *"]))
    work.begin_from_theirs(with_mine=True)
    asked.append(work.is_asked())
    work.was_called("Daily 04:00")

    assert asked == [False, False, True]
    assert was == "Daily 02:00"
    assert work.was == "Daily 04:00"
    assert not work.is_asked()


def test_what_a_new_task_lacks_is_told_one_after_the_other() -> None:
    work = Written(None)
    said = [work.missing]
    assert work.is_to_come("task_name")
    field(work, "task_name", "sync")
    said.append(work.missing)
    field(work, "command", "sync.sh")

    assert said == ["Give the task a name first", "Say what it runs first"]
    assert work.missing == ""
    assert not work.is_to_come("command")
