"""Does every field of a definition stand in the form, and come back as it was written?"""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.definitions import Definition
from agent.tasktables import read_definition
from desktop.models import taskform
from desktop.models.taskform import on_top, sparse, table_of, texts_of
from desktop.taskfields import FIELDS, SECTIONS


def over_the_wire(definition: Definition) -> dict[str, Any]:
    """As it comes: lists where we hold tuples."""
    table: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(definition))
    return table


PLAIN: dict[str, Any] = {"task_name": "sync", "schedule": ["0 2 * * *"], "command": "true"}
RICH: dict[str, Any] = over_the_wire(
    Definition(
        task_name="sync",
        schedule=("5 7 * * *", "@every 90s"),
        command=("php", "{app_root}/a b.php", "it's", '"q"'),
        description="Says “ü”",
        tags=("shop", "night"),
        timezone="Pacific/Auckland",
        priority=1,
        max_retries=3,
        retry_factor=1.5,
        retry_on_timeout=True,
        exit_statuses={"3": "success", "10-20": "recoverable"},
        memory_limit_mb=256,
        no_new_privs=False,
        environment={"A": "1", "B": " x = y ", "C": "two\nlines", "D": '"quoted"', "E": ""},
        timeout_seconds=90,
        kill_grace_s=1200,
        enabled=False,
    )
)


def test_every_field_of_a_definition_stands_in_one_section() -> None:
    in_form = [field.name for section in SECTIONS for field in section.fields]

    assert sorted(in_form) == sorted(Definition.__struct_fields__)


def test_what_a_field_defaults_to_is_what_the_agent_takes_it_for() -> None:
    bare = over_the_wire(read_definition(PLAIN))

    assert sparse(bare) == PLAIN


@pytest.mark.parametrize("table", [PLAIN, RICH])
def test_what_is_not_touched_comes_back_the_same(table: dict[str, Any]) -> None:
    made, wrong = table_of(texts_of(table), table)

    assert wrong == {}
    assert read_definition(made) == read_definition(sparse(table))


def test_what_is_written_anew_says_the_same_as_what_it_was_read_from() -> None:
    """Without a base nothing is kept as it was: each text is read."""
    made, wrong = table_of(texts_of(RICH), {})

    assert wrong == {}
    assert read_definition(made) == read_definition(sparse(RICH))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("timeout_seconds", "10m", 600),
        ("timeout_seconds", "90", 90),
        ("timeout_seconds", "soon", "soon"),
        ("memory_limit_mb", "256", 256),
        ("memory_limit_mb", "much", "much"),
        ("retry_factor", "1.5", 1.5),
        ("priority", "1", 1),
        # More than a message can bear: the agent says what it must be.
        ("every_nth", "18446744073709551616", "18446744073709551616"),
        ("tags", "a, b  c", ["a", "b", "c"]),
        ("schedule", "0 1 * * *\n\n @daily ", ["0 1 * * *", "@daily"]),
        ("command", '["/bin/sync", "a b"]', ["/bin/sync", "a b"]),
        ("command", "[ -f x ] && sync", "[ -f x ] && sync"),
        ("no_new_privs", "true", True),
        ("retry_on_timeout", "yes", True),
        ("environment", "A=1\nB=secret:vend", {"A": "1", "B": "secret:vend"}),
        ("environment", 'A="two\\nlines"', {"A": "two\nlines"}),
        ("exit_statuses", "3=warning", {"3": "warning"}),
        ("working_directory", "  {app_root} ", "{app_root}"),
    ],
)
def test_a_text_becomes_a_value(name: str, text: str, value: Any) -> None:
    made, wrong = table_of({**texts_of(PLAIN), name: text}, PLAIN)

    assert wrong == {}
    assert made[name] == value


@pytest.mark.parametrize(
    ("text", "said"),
    [("A", "NAME=value"), ("=1", "NAME=value"), ("A=1\nA=2", "twice"), ('A="1', "quote")],
)
def test_pairs_that_cannot_be_read_are_told_at_their_field(text: str, said: str) -> None:
    _, wrong = table_of({**texts_of(PLAIN), "environment": text}, PLAIN)

    assert said in wrong["environment"]


def test_an_emptied_field_has_its_default_again() -> None:
    texts = texts_of(RICH) | {"timeout_seconds": "", "memory_limit_mb": "", "tags": ""}

    made, _ = table_of(texts, RICH)

    definition = read_definition(made)
    assert (definition.timeout_seconds, definition.memory_limit_mb, definition.tags) == (
        3600,
        None,
        (),
    )


def test_what_a_newer_agent_has_beside_stays() -> None:
    made, _ = table_of({**texts_of(PLAIN), "nice": "5"}, {**PLAIN, "mood": "good"})

    assert (made["mood"], made["nice"]) == ("good", 5)


def test_my_changes_go_on_top_of_theirs() -> None:
    mine = {**PLAIN, "nice": 5, "command": "mine"}
    theirs = {**PLAIN, "command": "theirs", "priority": 1, "nice": 2}

    assert on_top({**PLAIN, "nice": 3}, mine, theirs) == {
        **PLAIN,
        "command": "mine",
        "nice": 5,
        "priority": 1,
    }
    assert on_top({**PLAIN, "nice": 3}, PLAIN, {**PLAIN, "nice": 3}) == PLAIN


def test_a_watch_and_a_follower_read_back() -> None:
    watch = over_the_wire(
        Definition(task_name="w", kind="watch", schedule=("@daily",), ping_grace_s=60)
    )
    follower = over_the_wire(Definition(task_name="f", command="true", after=("w",)))

    for table in (watch, follower):
        made, _ = table_of(texts_of(table), table)
        assert over_the_wire(read_definition(made)) == table


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True), st.text()))
def test_any_value_of_a_variable_can_be_shown_and_read(environment: dict[str, str]) -> None:
    usable = {
        name: value
        for name, value in environment.items()
        if value.isprintable() or value.replace("\n", "").isprintable()
    }
    table = {**PLAIN, "environment": usable}

    made, wrong = table_of(texts_of(table), {})

    assert wrong == {}
    assert made.get("environment", {}) == usable


def test_every_choice_is_one_that_the_agent_takes() -> None:
    for field in FIELDS.values():
        for key, _ in field.choices:
            more = {"sandbox": "read_only"} if field.name == "in_blackout" else {}
            texts = {**texts_of(PLAIN), **more, field.name: key}
            if (field.name, key) == ("kind", "watch"):
                texts["command"] = ""
            if field.name == "after_on":
                texts["after"] = "other"
            made, _ = table_of(texts, PLAIN)
            read_definition(made)


def test_a_field_is_found_in_its_section() -> None:
    assert taskform.section_of("timeout_seconds") == "limits"
    assert taskform.section_of("mood") == ""
