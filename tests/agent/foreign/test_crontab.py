"""What do the lines of a crontab say."""

import pytest

from agent.foreign.crontab import Entry, Unread, is_anacrontab, read_crontab


def entries(*lines: str, has_user: bool = False) -> list[Entry]:
    found = read_crontab("\n".join(lines) + "\n", has_user=has_user)
    return [one for one in found if isinstance(one, Entry)]


def test_lines_are_counted_with_comments_blanks_and_settings() -> None:
    found = entries("# one", "", "A=1", "  \t", "5 4 * * * true", "\t@daily\tfalse")

    assert [(one.line, one.schedule, one.command) for one in found] == [
        (5, "5 4 * * *", "true"),
        (6, "@daily", "false"),
    ]


def test_a_setting_holds_for_the_lines_after_it_only() -> None:
    first, second, third = entries("@daily a", "A=1", "@daily b", "A=2", "B=3", "@daily c")

    assert first.settings == {}
    assert second.settings == {"A": "1"}
    assert third.settings == {"A": "2", "B": "3"}


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        # As Debian's cron handed them to a job.
        ("FOO = bar baz  ", "FOO", "bar baz"),
        ("""Q='  lead and trail  '""", "Q", "  lead and trail"),
        ("""Q='single "quoted" '""", "Q", 'single "quoted"'),
        ("  S  =  'a b'   ", "S", "a b"),
        ('U=a"b"c', "U", 'a"b"c'),
        ('V=""', "V", ""),
        ('"T V"=hash # no comment', "T V", "hash # no comment"),
        ("A=1 B=2", "A", "1 B=2"),
        ("URL=http://x/?a=b", "URL", "http://x/?a=b"),
    ],
)
def test_a_setting_is_read_as_cron_reads_it(line: str, name: str, value: str) -> None:
    (found,) = entries(line, "@daily true")

    assert found.settings == {name: value}


@pytest.mark.parametrize("line", ["FOO=", "W='x\\'y", "FOO='it''s'", '"FOO"="bar" x'])
def test_what_cron_takes_for_no_setting_is_none_here(line: str) -> None:
    found = read_crontab(f"{line}\n", has_user=False)

    assert isinstance(found[0], Unread)


def test_a_command_with_a_setting_before_it_is_no_setting() -> None:
    (found,) = entries("* * * * * A=b program")

    assert found.command == "A=b program"


def test_a_hash_in_a_line_is_part_of_its_command() -> None:
    (found,) = entries("@daily echo a # b")

    assert found.command == "echo a # b"


def test_a_system_crontab_names_a_user() -> None:
    (found,) = entries("17 *\t* * *\troot    cd / && run-parts", has_user=True)

    assert (found.user, found.command) == ("root", "cd / && run-parts")


@pytest.mark.parametrize(
    ("line", "has_user", "word"),
    [
        ("1 2 3", False, "month"),
        ("* * * * *", False, "command"),
        ("* * * * * root", True, "command"),
        ("@daily", True, "user"),
        ("FOO=", False, 'FOO=""'),
    ],
)
def test_a_line_that_is_none_says_why(line: str, has_user: bool, word: str) -> None:
    (found,) = read_crontab(line, has_user=has_user)

    assert isinstance(found, Unread)
    assert word in found.reason


def test_the_comment_before_a_line_belongs_to_it_unless_it_is_a_job_or_a_setting() -> None:
    found = entries(
        "# Dump",
        "@daily a",
        "#0 5 * * * old",
        "@daily b",
        "# A=1",
        "@daily c",
        "# x",
        "",
        "@daily d",
    )

    assert [one.comment for one in found] == ["Dump", "", "", ""]


@pytest.mark.parametrize(
    "text",
    ["1\t5\tcron.daily\trun-parts /etc/cron.daily", "START_HOURS_RANGE=3-22", "@monthly 45 m x"],
)
def test_an_anacrontab_is_told_from_a_crontab(text: str) -> None:
    assert is_anacrontab(text)
    assert not is_anacrontab("1 5 * * * run-parts\n@monthly 45m x\n1 5 2 * 3 x\n")
