"""Definitions are read from TOML, written back the same, and refused field by field."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.definitions import Definition, digest
from agent.errors import BadDefinition, WrongUse
from agent.taskcheck import MAX_BYTES, check
from agent.tasktables import load_definitions, read_definition, to_toml
from schema import catalogue
from tests.largest import bytes_left, largest_task

PLAIN: dict[str, object] = {
    "task_name": "backup",
    "schedule": "0 1 * * *",
    "command": "/usr/bin/backup --all",
}


def read(**changes: object) -> Definition:
    return read_definition({**PLAIN, **changes})


def refusal(**changes: object) -> BadDefinition:
    with pytest.raises(BadDefinition) as refused:
        read(**changes)
    return refused.value


def test_a_schedule_is_one_text_or_a_list_and_a_command_a_text_or_a_list() -> None:
    one = read()
    several = read(schedule=["0 1 * * *", "@hourly"], command=["backup", "--all files"])

    assert (one.schedule, one.command) == (("0 1 * * *",), "/usr/bin/backup --all")
    assert several.schedule == ("0 1 * * *", "@hourly")
    assert several.command == ("backup", "--all files")


REFUSALS: tuple[tuple[str, object, str], ...] = (
    ("task_name", "", "1 to 64 characters"),
    ("task_name", "Backup", "a-z 0-9"),
    ("task_name", "x" * 10_000, "1 to 64 characters"),
    ("task_name", "a b", "1 to 64"),
    ("task_name", "nightly\n", "1 to 64"),
    ("task_name", 7, "must be text"),
    ("schedule", ["* * * * *"] * 11, "write at most 10"),
    ("schedule", "0 0 30 2 *", "never comes"),
    ("schedule", 5, "a list of texts"),
    ("timezone", "Pacific/Aukland", "did you mean 'Pacific/Auckland'"),
    ("command", "", "is empty"),
    ("command", "  ", "is empty"),
    ("command", [], "is empty"),
    ("command", ["", "x"], "is empty"),
    ("command", "true\nfalse", "line break or NUL"),
    ("command", "true\0", "line break or NUL"),
    ("command", ["true", "a\0b"], "line break or NUL"),
    ("command", "x" * 5000, "longer than 4096"),
    ("command", ["x"] * 1000, "more than 256 arguments"),
    ("command", "php {app_root}/../secret.php", "leaves {app_root}"),
    ("command", "sh '{app_root}/a/../../b'", "leaves {app_root}"),
    ("command", ["cat", "{home}/.."], "leaves {home}"),
    ("command", {"run": "x"}, "text or a list of texts"),
    ("working_directory", "{app_root}/..", "leaves {app_root}"),
    ("working_directory", "relative/path", "must begin with /"),
    ("timeout_seconds", 0, "from 1 to 2592000"),
    ("timeout_seconds", -5, "from 1 to"),
    ("timeout_seconds", 10**18, "from 1 to"),
    ("timeout_seconds", 10**30, "from 1 to|whole number"),
    ("timeout_seconds", 1e18, "a whole number"),
    ("timeout_seconds", float("nan"), "a whole number"),
    ("timeout_seconds", "a minute", "a whole number of seconds, or a length such as"),
    ("timeout_seconds", True, "a whole number"),
    ("kill_grace_s", -1, "from 0 to 3600"),
    ("priority", 0, "from 1 to 5"),
    ("priority", 6, "from 1 to 5"),
    ("max_retries", 101, "from 0 to 100"),
    ("max_retries", 10**9, "from 0 to 100"),
    ("retry_base_s", 0, "from 1 to"),
    ("retry_cap_s", 5, "not be less than retry_base_s, which is 30"),
    ("start_deadline_s", 0, "from 1 to"),
    ("memory_limit_mb", 1, "from 4 to"),
    ("memory_limit_mb", "1G", "must be a whole number"),
    ("overlap", "sometimes", "must be 'forbid' or 'queue' or 'allow' or 'replace'"),
    ("overlap_limit", 2, "says nothing for overlap = 'forbid'"),
    ("catchup_limit", 0, "from 1 to 1000"),
    ("every_nth", 0, "from 1 to 10000"),
    ("spread_s", -1, "from 0 to 86400"),
    ("valid_from", "24.12.2026", "such as 2026-12-24T18:00"),
    ("valid_until", "2026-02-30", "no such date"),
    ("calendars", ["Stocktake!"], "names of calendars"),
    ("after", ["backup"], "cannot come after itself"),
    ("after", ["A B"], "names of tasks"),
    ("after_on", "any", "says nothing without after"),
    ("after_delay_s", 5, "says nothing without after"),
    ("missed", "never", "'skip' or 'latest' or 'all'"),
    ("dst_gap", "before", "'after' or 'skip'"),
    ("shell", "bash", "'auto' or 'always' or 'never'"),
    ("enabled", "yes", "true or false"),
    ("category", "", "1 to 64 characters"),
    ("description", "a\nb", "one line"),
    ("tags", ["a b"], "letters, digits"),
    ("tags", ["x"] * 17, "at most 16"),
    ("run_as", "root; rm", "name of a user"),
    ("run_as", "--reuid=0", "name of a user"),
    ("run_as", "nobody\n", "name of a user"),
    ("run_as_group", "-staff", "name of a group"),
    ("run_as_group", "a" * 33, "name of a group"),
    ("command", "-rf /", "begins with an option"),
    ("command", ["--help", "x"], "begins with an option"),
    ("working_directory", "{app_root}evil", "must begin with /"),
    ("working_directory", "", "must begin with /"),
    ("warn_after_seconds", 0, "from 1 to"),
    ("warn_after_seconds", 3600, "less than timeout_seconds, which is 3600"),
    ("cpu_limit_s", 0, "from 1 to"),
    ("cpu_limit_s", "10 w", "a whole number"),
    ("process_limit", 0, "from 1 to 1000000"),
    ("open_files_limit", 15, "from 16 to"),
    ("file_size_limit_mb", 0, "from 1 to"),
    ("nice", 20, "from -20 to 19"),
    ("nice", -21, "from -20 to 19"),
    ("io_class", "realtime", "'normal' or 'low' or 'idle'"),
    ("cpus", "", "numbers and ranges"),
    ("cpus", "-c 0", "numbers and ranges"),
    ("cpus", "3-1", "numbers and ranges"),
    ("cpus", "0,,1", "numbers and ranges"),
    ("cpus", "0\n", "numbers and ranges"),
    ("cpus", "1," * 40 + "1", "numbers and ranges"),
    ("umask", "7", "three octal digits"),
    ("umask", "088", "three octal digits"),
    ("umask", "4077", "three octal digits"),
    ("umask", 77, "must be text"),
    ("no_new_privs", "yes", "true or false"),
    ("sandbox", "read_only", "a list of 'read_only' or 'private_tmp' or 'no_network'"),
    ("sandbox", ["no_disk"], "a list of 'read_only' or 'private_tmp' or 'no_network'"),
    ("sandbox", ["no_network", "no_network"], "names something twice"),
    ("writable_paths", ["/srv/data"], "says nothing without sandbox"),
    ("environment", {"1A": "x"}, "not beginning with a digit"),
    ("environment", {"A=B": "x"}, "letters, digits and _"),
    ("environment", {"SMARTCRON_RUN_ID": "x"}, "set by the agent"),
    ("environment", {"A": "x\0"}, "text of at most"),
    ("environment", {"A": "{home}/../x"}, "leaves {home}"),
    ("environment", ["A"], "a table of names and texts"),
)


@pytest.mark.parametrize(("field", "value", "reason"), REFUSALS)
def test_a_bad_value_is_refused_with_its_field_and_the_way_out(
    field: str, value: object, reason: str
) -> None:
    refused = refusal(**{field: value})

    assert refused.field == field
    assert any(part in refused.fix for part in reason.split("|"))
    assert len(str(refused)) < 400
    assert "\n" not in str(refused)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("data", "must begin with /"),
        ("{home}stead", "must begin with /"),
        ("/srv/../etc", "without .."),
        ("{app_root}/../etc", "leaves {app_root}"),
        ("/srv/a\0b", "line break or NUL"),
        ("/srv/a\nb", "line break or NUL"),
        ("--bind", "must begin with /"),
    ],
)
def test_a_writable_path_of_a_sandbox_is_one_plain_path(path: str, reason: str) -> None:
    refused = refusal(sandbox=["read_only"], writable_paths=[path])

    assert refused.field == "writable_paths"
    assert reason in refused.fix


def test_a_sandbox_cannot_allow_new_privileges() -> None:
    refused = refusal(sandbox=["no_network"], no_new_privs=False)

    assert refused.field == "no_new_privs"
    assert "cannot be off in a sandbox" in refused.fix


def test_limits_and_isolation_are_read_and_written_back_the_same() -> None:
    definition = read(
        timeout_seconds=600,
        warn_after_seconds=300,
        memory_limit_mb=512,
        cpu_limit_s=120,
        process_limit=50,
        open_files_limit=256,
        file_size_limit_mb=100,
        nice=-5,
        io_class="idle",
        cpus="0-3,6",
        run_as="Anna.Web",
        run_as_group="adm",
        umask="027",
        no_new_privs=True,
        sandbox=["read_only", "private_tmp", "no_network"],
        writable_paths=["/srv/data", "{app_root}/cache", "{home}"],
    )

    assert load_definitions(to_toml([definition]), "export") == [definition]


def test_a_variable_is_refused_without_its_value() -> None:
    for value in ("hunter2\0", 7, ["hunter2"]):
        refused = refusal(environment={"PASSWORD": value, "OTHER": "hunter2"})

        assert "PASSWORD" in str(refused)
        assert "hunter2" not in str(refused)


def test_the_largest_task_is_taken_and_one_byte_more_refused_with_size_and_limit() -> None:
    task = largest_task()

    assert bytes_left(task) == 0
    with pytest.raises(BadDefinition) as no:
        read_definition({**task, "description": "x"})

    assert no.value.field == "command"
    assert f"{MAX_BYTES + 1} bytes" in str(no.value)
    assert f"at most {MAX_BYTES} are kept; put long texts into a file" in str(no.value)


def test_the_size_of_variables_is_told_without_their_values() -> None:
    no = refusal(environment={f"V{number}": "hush" * 1_000 for number in range(100)})

    assert no.field == "environment"
    assert "hush" not in str(no)


@pytest.mark.parametrize(
    "command",
    ["{app_root}/a/../b", "cat {app_root}/..a {home}/b..", "cd /tmp/.. && ls {app_root}"],
)
def test_a_path_that_stays_in_its_folder_is_accepted(command: str) -> None:
    assert read(command=command).command == command


def test_a_list_does_not_go_through_a_shell() -> None:
    assert refusal(**{"command": ["true"], "shell": "always"}).field == "shell"
    told = str(refusal(**{"command": ["curl", "https://me:{secret:api}@example.com"]}))
    assert "as a variable" in told
    assert "example.com" not in told


def test_an_unknown_key_is_refused_with_the_one_meant() -> None:
    refused = refusal(timeout_second=5)

    assert refused.field == "timeout_second"
    assert "did you mean 'timeout_seconds'?" in refused.fix


@pytest.mark.parametrize("missing", ["task_name", "schedule", "command"])
def test_what_every_task_needs_is_asked_for(missing: str) -> None:
    table = {name: value for name, value in PLAIN.items() if name != missing}

    with pytest.raises(BadDefinition, match="is missing") as refused:
        read_definition(table)

    assert refused.value.field == missing


def test_a_definition_made_by_hand_is_checked_all_the_same() -> None:
    with pytest.raises(BadDefinition, match="priority"):
        check(Definition(task_name="a", schedule=("@daily",), command="true", priority=9))


FILES = (
    ("[[task]\n", "tasks.toml is not TOML"),
    ("[[tasks]]\n", "'tasks' is not known here"),
    ("[task]\ntask_name = 'a'\n", "two brackets"),
    ("task = 5\n", "two brackets"),
    ("task = [1]\n", "two brackets"),
    ("[[task]]\n", "tasks.toml: task number 1: task_name: is missing"),
    (
        "[[task]]\ntask_name='a'\nschedule='@daily'\ncommand='x'\n" * 2,
        "tasks.toml: task a: task_name = 'a': is used twice",
    ),
    (
        "[[task]]\ntask_name='a'\nschedule='@daily'\ncommand='x'\npriority=nan\n",
        "tasks.toml: task a: priority = nan: must be a whole number",
    ),
)


@pytest.mark.parametrize(("text", "reason"), FILES)
def test_a_file_is_refused_with_its_name_and_the_task(text: str, reason: str) -> None:
    with pytest.raises(WrongUse) as refused:
        load_definitions(text, "tasks.toml")

    assert reason in str(refused.value)


def test_an_empty_file_holds_no_task() -> None:
    assert load_definitions("# nothing yet\n", "tasks.toml") == []


def test_the_catalogue_reads_back_as_it_was_written() -> None:
    tasks = load_definitions(catalogue.read("retail"), "catalogue")

    written = to_toml(tasks)

    assert load_definitions(written, "export") == tasks
    assert to_toml(load_definitions(written, "export")) == written


def test_defaults_are_not_written() -> None:
    written = to_toml([read()])

    assert written == (
        '[[task]]\ntask_name = "backup"\nschedule = "0 1 * * *"\n'
        'command = "/usr/bin/backup --all"\n'
    )
    assert to_toml([]) == "" or load_definitions(to_toml([]), "export") == []


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r\v\f\x1b"), max_size=40)


@settings(deadline=None)
@given(
    command=st.one_of(
        TEXTS.map("x{}".format), st.lists(TEXTS, max_size=4).map(lambda x: ["x", *x])
    ),
    schedule=st.lists(st.sampled_from(["@daily", "*/5 * * * *", "@every 90s"]), min_size=1),
    description=TEXTS,
    priority=st.integers(1, 5),
    memory_limit_mb=st.none() | st.integers(4, 10_000),
    environment=st.dictionaries(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), TEXTS, max_size=4),
    enabled=st.booleans(),
)
def test_any_definition_survives_writing_and_reading(
    command: str | list[str],
    schedule: list[str],
    description: str,
    priority: int,
    memory_limit_mb: int | None,
    environment: dict[str, str],
    enabled: bool,
) -> None:
    definition = Definition(
        task_name="any",
        schedule=tuple(schedule[:10]),
        command=command if isinstance(command, str) else tuple(command),
        description=description,
        priority=priority,
        memory_limit_mb=memory_limit_mb,
        environment=environment,
        enabled=enabled,
    )

    (again,) = load_definitions(to_toml([definition]), "export")

    assert again == definition
    assert digest(again) == digest(definition)


def test_the_digest_tells_definitions_apart_but_not_the_order_of_variables() -> None:
    one = read(environment={"A": "1", "B": "2"})

    assert digest(one) == digest(read(environment={"B": "2", "A": "1"}))
    assert digest(one) != digest(read(environment={"A": "1", "B": "3"}))
    assert digest(read()) != digest(read(priority=1))


def test_a_task_without_a_schedule_says_why_it_may_run() -> None:
    with pytest.raises(BadDefinition, match="schedule: is missing"):
        read_definition({"task_name": "backup", "command": "/bin/true"})

    by_hand = read(schedule=[])
    chained = read_definition({"task_name": "b", "command": "/bin/true", "after": ["a"]})

    assert by_hand.schedule == chained.schedule == ()
    assert load_definitions(to_toml([by_hand, chained]), "export") == [by_hand, chained]


def test_the_span_of_a_schedule_does_not_run_backwards() -> None:
    with pytest.raises(BadDefinition, match="must be later than valid_from"):
        read(valid_from="2026-12-24", valid_until="2026-12-24T00:00")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"256": "fatal"}, "from 0 to 255"),
        ({"-1": "fatal"}, "from 0 to 255"),
        ({"78-64": "fatal"}, "range"),
        ({"sysexits": "fatal"}, "range"),
        ({"75": "retry"}, "'success' or 'fatal' or 'recoverable'"),
        ({"64-78": "fatal", "75": "recoverable"}, "names 75 as '64-78' does"),
        ({str(n): "fatal" for n in range(65)}, "at most 64"),
    ],
)
def test_a_table_of_exit_statuses_that_says_nonsense_is_refused(
    table: dict[str, str], said: str
) -> None:
    refused = refusal(exit_statuses=table)

    assert refused.field.startswith("exit_statuses")
    assert said in str(refused)


def test_a_table_of_exit_statuses_is_kept_as_it_was_written() -> None:
    table = {"75": "recoverable", "3": "success", "64-74": "fatal"}

    definition = read(exit_statuses=table)

    assert definition.exit_statuses == table
    assert load_definitions(to_toml([definition]), "round") == [definition]


def test_a_watch_needs_no_command_and_comes_back_from_toml_the_same() -> None:
    watch = read_definition(
        {"task_name": "dump", "kind": "watch", "schedule": "0 2 * * *", "ping_grace_s": 900}
    )

    assert watch.command == ()
    assert load_definitions(to_toml([watch]), "round") == [watch]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("command", "true"),
        ("after", ["backup"]),
        ("max_retries", 2),
        ("disable_after_failures", 3),
        ("overlap", "queue"),
        ("missed", "all"),
        ("in_blackout", "delay"),
        ("memory_limit_mb", 64),
        ("environment", {"TOKEN": "hunter2"}),
    ],
)
def test_what_a_watch_cannot_mean_is_refused(field: str, value: object) -> None:
    with pytest.raises(BadDefinition) as refused:
        read_definition(
            {"task_name": "dump", "kind": "watch", "schedule": "0 2 * * *", field: value}
        )

    assert refused.value.field == field
    assert "leave it out" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_grace_for_pings_says_nothing_for_a_command() -> None:
    assert refusal(ping_grace_s=60).field == "ping_grace_s"
