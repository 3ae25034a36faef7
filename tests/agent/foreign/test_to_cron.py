"""Which lines of a crontab start the same tasks, and which tasks can no crontab say."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from agent.definitions import Definition
from agent.due import each_due
from agent.foreign.to_cron import Place, to_crontab, to_lines
from agent.running.spawn import needs_shell
from agent.tasktables import read_definition
from tests.agent.foreign.makings import HOMES, task_of

NOW_MS = round(datetime(2026, 11, 25, tzinfo=UTC).timestamp() * 1000)
PLACE = Place(
    zone="Europe/Berlin",
    user="root",
    has_user=False,
    folder="/srv/home",
    home_of=HOMES.get,
    marks={"{home}": "/srv/home", "{python}": "/usr/bin/python3"},
    needs_shell=needs_shell,
    now_ms=NOW_MS,
)


def task(**fields: object) -> Definition:
    return read_definition(
        {
            "task_name": "good",
            "schedule": "0 7 * * *",
            "command": "true",
            "timezone": "Europe/Berlin",
            "working_directory": "/root",
            **fields,
        }
    )


def crontab(*tasks: Definition, place: Place = PLACE, with_home: bool = False) -> list[str]:
    """The lines that are neither the header nor empty."""
    lines = to_lines(((one, False) for one in tasks), place)
    text = to_crontab(lines, place, with_home=with_home)
    return [line for line in text.split("\n")[4:] if line]


def test_a_task_becomes_a_line_under_its_name() -> None:
    assert crontab(task()) == ["# good", "0 7 * * * true"]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"schedule": "0 7 * JAN-MAR MON,FRI"}, "0 7 * 1-3 1,5 true"),
        ({"schedule": "@hourly"}, "0 * * * * true"),
        ({"schedule": "@reboot"}, "@reboot true"),
        ({"schedule": "@every 15m"}, "*/15 * * * * true"),
        ({"schedule": "@every 1h"}, "0 * * * * true"),
        ({"schedule": "*/10 * * * *", "timezone": "UTC"}, "*/10 * * * * true"),
        ({"command": "date +%F > x"}, r"0 7 * * * date +\%F > x"),
        ({"command": ["echo", "a b", "%"]}, r"0 7 * * * echo 'a b' \%"),
        ({"command": "echo 'a'b", "shell": "never"}, "0 7 * * * echo ab"),
        ({"command": "{python} -m x"}, "0 7 * * * /usr/bin/python3 -m x"),
        ({"working_directory": "{home}/a b"}, "0 7 * * * cd '/srv/home/a b' || exit; true"),
        ({"working_directory": None}, "0 7 * * * cd /srv/home || exit; true"),
        ({"run_as": "root"}, "0 7 * * * true"),
    ],
)
def test_what_cron_can_say_is_said(fields: dict[str, object], line: str) -> None:
    assert crontab(task(**fields))[1] == line


def test_h_is_written_as_the_number_it_stands_for() -> None:
    (_, line) = crontab(task(schedule="H H(1-5) * * *"))

    minute, hour = line.split()[:2]
    assert minute.isdigit()
    assert 1 <= int(hour) <= 5


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"schedule": "0 7 L * *"}, "no L"),
        ({"schedule": "0 7 * * FRI#2"}, "no L and no #"),
        ({"schedule": "@at 2026-12-24T18:00"}, "@at"),
        ({"schedule": "@every 90s"}, "@every 90s"),
        ({"schedule": "@every 7m"}, "@every 7m"),
        ({"schedule": "@every 2h"}, "@every 2h"),
        ({"timezone": "UTC"}, "its time zone is UTC"),
        ({"timezone": "Asia/Kolkata", "schedule": "0 * * * *"}, "Asia/Kolkata"),
        ({"schedule": []}, "by hand"),
        ({"schedule": [], "after": ["x"]}, "after x"),
        ({"after": ["x"]}, "after x"),
        ({"every_nth": 2}, "every_nth"),
        ({"valid_until": "2027-01-01"}, "valid_from"),
        ({"spread_s": 60}, "60 s"),
        ({"calendars": ["holidays"]}, "holidays"),
        ({"dst_gap": "skip"}, "dst_gap"),
        ({"schedule": ["0 7 * * *", "0 7 * * 1"]}, "meet"),
        ({"run_as": "anna"}, "--system"),
        ({"environment": {"KEY": "secret:key"}}, "KEY is a secret"),
        ({"command": "{app_root}/x"}, "app_root is not set"),
        ({"command": "x" * 999}, "998"),
    ],
)
def test_what_cron_cannot_say_is_a_comment_with_the_reason(
    fields: dict[str, object], word: str
) -> None:
    (line,) = crontab(task(**fields))

    assert line.startswith("# good: not written, as ")
    assert word in line


def test_a_paused_task_is_not_written() -> None:
    (line,) = to_lines([(task(), True)], PLACE)

    assert "paused" in line.reason


def test_where_clocks_do_not_change_long_intervals_and_own_rules_can_be_said() -> None:
    place = msgspec.structs.replace(PLACE, zone="UTC")

    assert crontab(task(schedule="@every 2h"), place=place)[1] == "0 */2 * * * true"
    assert crontab(task(schedule="@every 1d"), place=place)[1] == "0 0 * * * true"
    assert crontab(task(timezone="Etc/UTC", dst_gap="skip"), place=place)[1] == "0 7 * * * true"


def test_shared_variables_stand_once_and_others_in_their_lines() -> None:
    first = task(environment={"PATH": "/bin", "A": "1"})
    second = task(task_name="other", environment={"PATH": "/bin", "A": "it's"})

    assert crontab(first, second) == [
        'PATH="/bin"',
        "# good",
        "0 7 * * * export A=1; true",
        "# other",
        "0 7 * * * export A='it'\"'\"'s'; true",
    ]


def test_mail_goes_where_it_went_before_the_import() -> None:
    first = task(environment={"MAILTO": "ops@example.com"})
    second = task(task_name="b", environment={"MAILTO": ""})
    third = task(task_name="c")

    assert crontab(first, second, third)[1::1] == [
        'MAILTO="ops@example.com"',
        "0 7 * * * true",
        "# b",
        'MAILTO=""',
        "0 7 * * * true",
        "# c",
        'MAILTO="root"',
        "0 7 * * * true",
    ]


def test_with_a_home_line_no_line_needs_a_cd() -> None:
    assert crontab(task(working_directory="/srv"), with_home=True) == [
        'HOME="/srv"',
        "# good",
        "0 7 * * * true",
    ]


def test_a_system_crontab_has_a_column_for_users() -> None:
    place = msgspec.structs.replace(PLACE, has_user=True)

    lines = crontab(task(), task(task_name="b", run_as="anna"), place=place)

    assert lines[1] == "0 7 * * * root true"
    assert lines[3] == "0 7 * * * anna cd /root || exit; true"


ROUND: Sequence[dict[str, object]] = (
    {"schedule": "0 7 * * *", "command": "date +%F | tee 'a\\b'"},
    {"schedule": ["30 2 * * *", "*/7 9-17 * * mon-fri"]},
    {"schedule": "H H * * H"},
    {"schedule": "@every 20m"},
    {"schedule": "0 0 1,15 * 5"},
    {"schedule": "*/30 * * * *", "timezone": "Pacific/Auckland"},
    {"schedule": "15 3 */2 * 1-5", "environment": {"A": "b c", "PATH": "/bin"}},
)


@pytest.mark.parametrize("fields", ROUND)
def test_what_is_exported_and_imported_again_is_due_at_the_same_moments(
    fields: dict[str, object],
) -> None:
    before = task(**fields)
    text = to_crontab(to_lines([(before, False)], PLACE), PLACE, with_home=False)
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    settings = [line for line in lines if "=" in line.split()[0]]
    jobs = [line for line in lines if line not in settings]

    again = [task_of(*settings, job) for job in jobs]

    until_ms = NOW_MS + 366 * 86_400_000
    moments = sorted(at_ms for one in again for at_ms in each_due(one, NOW_MS, until_ms))
    assert moments == list(each_due(before, NOW_MS, until_ms))


def check(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["crontab", "-n", "-"], input=text, text=True, capture_output=True, check=False
    )


@pytest.mark.skipif(
    shutil.which("crontab") is None and not os.environ.get("CI"), reason="this host has no cron"
)
def test_crons_own_check_takes_the_crontab() -> None:
    tasks = [(task(task_name=f"t{number}", **fields), False) for number, fields in enumerate(ROUND)]
    text = to_crontab(to_lines(tasks, PLACE), PLACE, with_home=True)

    done = check(text)
    if "created" in done.stderr:  # its own folders, at its first call on a host: nothing more
        done = check(text)

    if "invalid option" in done.stderr:
        pytest.skip("this cron checks no files")
    assert done.returncode == 0, done.stderr
