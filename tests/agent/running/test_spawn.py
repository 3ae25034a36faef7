"""What a definition becomes before a keeper executes it."""

import sys
from pathlib import Path
from typing import Any

import pytest

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.running.spawn import build_order, needs_shell
from agent.running.terms import Order
from agent.settings import Home, Settings
from tests.agent.store.makings import a_run

HOME = Home(Path("/srv/cron home"))


def order_of(
    command: str | tuple[str, ...],
    *,
    app_root: str = "/srv/app",
    base: dict[str, str] | None = None,
    trigger: str = "schedule",
    **fields: Any,
) -> Order:
    definition = Definition(task_name="sync", schedule=("@daily",), command=command, **fields)
    run = a_run(
        1_795_478_400_000,
        id="01RUN",
        task_name="sync",
        attempt=2,
        trigger=trigger,
        status="starting",
        queued_ms=1,
    )
    secrets = {"API": "s3cret", "ODD": "{secret:API}{app_root}"}
    return build_order(definition, run, Settings(app_root=app_root), HOME, secrets, base or {})


@pytest.mark.parametrize(
    ("command", "is_needed"),
    [
        ("/usr/bin/rsync -a src dst", False),
        ("python3 'a file.py' --name \"x y\"", False),
        ("{app_root}/bin/sync.sh --all", False),
        ("echo 'a | b; $c'", False),
        ("echo a\\ b", False),
        ("a | b", True),
        ("a && b", True),
        ("a > out", True),
        ("echo $HOME", True),
        ('echo "$HOME"', True),
        ("ls *.csv", True),
        ("ls ~/x", True),
        ("NAME=x run", True),
        ("cd /tmp", True),
        ("exit 3", True),
        ("a\nb", True),
        ("echo `date`", True),
    ],
)
def test_a_shell_is_used_only_for_what_needs_one(command: str, is_needed: bool) -> None:
    assert needs_shell(command) is is_needed


@pytest.mark.parametrize(
    ("command", "shell", "argv"),
    [
        ("run 'two words' x", "auto", ("run", "two words", "x")),
        ("run | sort", "auto", ("/bin/sh", "-c", "run | sort")),
        ("run | sort", "never", ("run", "|", "sort")),
        ("run x", "always", ("/bin/sh", "-c", "run x")),
        (("run", "a b", "$x"), "auto", ("run", "a b", "$x")),
        (("run", "a b"), "always", ("/bin/sh", "-c", "run 'a b'")),
        ("{python} {app_root}/x.py {home}", "auto", (sys.executable, "/srv/app/x.py", HOME.root)),
        ("ls {home} | wc", "auto", ("/bin/sh", "-c", f"ls '{HOME.root}' | wc")),
        (
            "{agent} tasks list",
            "auto",
            (str(Path(sys.executable).with_name("smartcron-agent")), "tasks", "list"),
        ),
    ],
)
def test_a_command_becomes_words(
    command: str | tuple[str, ...], shell: str, argv: tuple[str, ...]
) -> None:
    assert order_of(command, shell=shell).argv == tuple(map(str, argv))


def test_the_environment_is_the_allowed_the_declared_and_who_the_run_is() -> None:
    order = order_of(
        "run",
        base={"PATH": "/bin", "LANG": "C.UTF-8", "AWS_SECRET_ACCESS_KEY": "x", "LD_PRELOAD": "y"},
        environment={"KEY": "secret:API", "PLACE": "{app_root}/in", "SMARTCRON_RUN_ID": "forged"},
    )

    assert order.environment == {
        "PATH": "/bin",
        "LANG": "C.UTF-8",
        "KEY": "s3cret",
        "PLACE": "/srv/app/in",
        "SMARTCRON_TASK": "sync",
        "SMARTCRON_RUN_ID": "01RUN",
        "SMARTCRON_SCHEDULED_FOR": "2026-11-24T00:00:00.000Z",
        "SMARTCRON_ATTEMPT": "2",
        "SMARTCRON_HOME": "/srv/cron home",
        "SMARTCRON_REPORT": "/srv/cron home/spool/01RUN.report",
    }


def test_a_task_of_another_user_gets_nothing_of_the_agents_user() -> None:
    base = {"PATH": "/bin", "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/sh"}

    order = order_of("run", base=base, run_as="www-data")

    assert order.user == "www-data"
    assert {"HOME", "USER", "LOGNAME", "SHELL"}.isdisjoint(order.environment)


def test_limits_and_places_are_handed_on() -> None:
    order = order_of("run", timeout_seconds=90, kill_grace_s=3, memory_limit_mb=64)

    assert (order.timeout_ms, order.kill_grace_ms) == (90_000, 3_000)
    assert order.memory_limit_bytes == 64 << 20
    assert order.output_file == "/srv/cron home/spool/01RUN.out"
    assert order.working_directory == "/srv/app"
    assert order_of("run", working_directory="in/day").working_directory == "/srv/app/in/day"
    assert order_of("run", working_directory="/srv/other").working_directory == "/srv/other"
    assert order_of("run", app_root="").working_directory == "/srv/cron home"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"command": "{app_root}/../other/x.sh"}, "command = .*leaves app_root"),
        ({"command": "{app_root}/a/../../x.sh | sort"}, "command = .*leaves app_root"),
        ({"command": "../x.sh"}, "command = .*leaves app_root"),
        ({"command": ("bin/run", "../../etc/passwd")}, "command = .*leaves app_root"),
        ({"command": "run", "working_directory": "../x"}, "working_directory = .*leaves app_root"),
        (
            {"command": "run", "working_directory": "{app_root}/../x"},
            "working_directory = .*leaves app_root",
        ),
        ({"command": "run 'open"}, "command = .*close the quotation"),
        ({"command": "  "}, "command = .*name the program"),
        ({"command": "run", "environment": {"K": "secret:NO"}}, "environment.K = .*secrets.toml"),
        (
            {"command": "run", "environment": {"K": "http://me:{secret:NO}@x"}},
            "environment.K = 'secret:NO': .*secrets.toml",
        ),
        ({"command": "{app_root}/x", "app_root": ""}, "command = .*set app_root"),
    ],
)
def test_what_cannot_be_is_refused_naming_field_value_and_fix(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadDefinition, match=message):
        order_of(**fields)


def test_a_secret_may_be_a_part_of_a_variable_and_is_taken_as_it_is() -> None:
    order = order_of(
        "run", environment={"URL": "sql://{secret:API}:{secret:ODD}@{app_root}", "N": "{secret}"}
    )

    assert order.environment["URL"] == "sql://s3cret:{secret:API}{app_root}@/srv/app"
    assert order.environment["N"] == "{secret}"


def test_dots_that_stay_inside_are_fine() -> None:
    assert order_of("{app_root}/a/../b.sh").argv == ("/srv/app/a/../b.sh",)
    assert order_of("/usr/bin/../bin/x ..a").argv[1] == "..a"


@pytest.mark.parametrize(
    ("trigger", "moment"),
    [
        ("schedule", "sync 1795478400000 2"),
        ("catchup", "sync 1795478400000 2"),
        ("retry", "sync 1795478400000 2"),
        ("manual", ""),
        ("chain", ""),
    ],
)
def test_the_order_of_a_due_moment_names_it_and_its_attempt(trigger: str, moment: str) -> None:
    assert order_of("run", trigger=trigger).moment == moment
