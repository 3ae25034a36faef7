"""How does a systemd service run its program, and which command of a task does the same."""

import math

import pytest

from agent.errors import BadDefinition
from agent.foreign.services import Service, read_service
from agent.foreign.units import read_unit
from tests.agent.foreign.makings import HOMES


def service(*lines: str, is_system: bool = True) -> Service:
    unit = read_unit(["\n".join(["[Service]", *lines])])
    return read_service(unit, "backup.service", user="root", home_of=HOMES.get, is_system=is_system)


def test_a_program_keeps_its_words_without_a_shell() -> None:
    found = service(r"""ExecStart=/bin/echo 'two words' "a;b" \x41 100%% $$HOME %n %N %h""")

    assert found.command == (
        *("/bin/echo", "two words", "a;b", "A", "100%", "$HOME"),
        *("backup.service", "backup", "/root"),
    )
    assert not found.uses_shell
    assert found.folder == "/"


def test_the_units_own_variables_are_put_in() -> None:
    found = service(
        'Environment="OPTS=-a -b" NAME=x', "ExecStart=/bin/a $OPTS ${OPTS} pre${NAME} a$NAME"
    )

    # Within a word only braces make a variable; alone it becomes several words.
    assert found.command == ("/bin/a", "-a", "-b", "-a -b", "prex", "a$NAME")
    assert found.environment == {"OPTS": "-a -b", "NAME": "x"}


def test_several_commands_run_one_after_the_other_until_one_fails() -> None:
    found = service("Type=oneshot", "ExecStart=/bin/a 'b c'", "ExecStart=/bin/d")

    assert found.command == "/bin/a 'b c' && /bin/d"
    assert found.uses_shell


def test_user_folder_and_limits_are_kept() -> None:
    found = service("User=anna", "WorkingDirectory=~", "ExecStart=/a", "RuntimeMaxSec=1h 30min")

    assert (found.user, found.folder, found.limit_s) == ("anna", "/home/anna", 5400)
    assert service("Type=oneshot", "ExecStart=/a", "TimeoutStartSec=90").limit_s == 90
    assert service("ExecStart=/a", "TimeoutStartSec=90").limit_s == math.inf
    assert service("ExecStart=/a", is_system=False).folder == "/root"


def test_what_is_lost_is_named() -> None:
    found = service("ExecStart=/a", "Nice=19", "StandardOutput=journal", "PrivateTmp=yes")

    assert found.lost == ("Nice", "PrivateTmp")


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([], "no ExecStart"),
        (["ExecStart=-/bin/a"], "begins with -"),
        (["ExecStart=+/bin/a"], "begins with +"),
        (["ExecStart=/bin/a ; /bin/b"], "several commands"),
        (["ExecStart=/bin/a $UNKNOWN"], "$UNKNOWN"),
        (["ExecStart=/bin/a ${UNKNOWN}"], "$UNKNOWN"),
        (["ExecStart=/bin/a %H"], "%H"),
        (["ExecStart=/bin/a 'b"], "quotation"),
        (["ExecStart=/bin/a {home}"], "{home}"),
        (["ExecStart=/a", "EnvironmentFile=/etc/default/a"], "EnvironmentFile"),
        (["ExecStart=/a", "ExecStartPre=/b"], "ExecStartPre"),
        (["ExecStart=/a", "Restart=always"], "max_retries"),
        (["ExecStart=/a", "Type=forking"], "Type=forking"),
        (["ExecStart=/a", "User=nobody-here"], "nobody-here"),
        (["ExecStart=/a", "WorkingDirectory=-/srv"], "may be missing"),
        (["ExecStart=/a", "RuntimeMaxSec=soon"], "RuntimeMaxSec"),
        (["ExecStart=/a", "Environment=A=secret:b"], "secret"),
        (["ExecStart=/a", "[Unit]", "ConditionPathExists=/x"], "ConditionPathExists"),
    ],
)
def test_what_decides_over_the_run_and_cannot_be_kept_is_refused(
    lines: list[str], word: str
) -> None:
    with pytest.raises(BadDefinition) as refused:
        service(*lines)

    assert word in refused.value.fix


def test_restart_no_is_what_a_task_does() -> None:
    assert service("ExecStart=/a", "Restart=no").lost == ()
