"""How does cron run a command, and which command of a task does the same."""

import subprocess
from pathlib import Path

import pytest

from agent.foreign.commands import goes_on_behind, join_input, say, split_input, why_not


@pytest.mark.parametrize(
    ("raw", "command", "given"),
    [
        # As Debian's cron ran them.
        (r"""echo "a\%b" '\%'""", """echo "a%b" '%'""", ""),
        (r"cat%line one%line \% two%%tail", "cat", "line one\nline % two\n\ntail\n"),
        ("cat%x\\\\%y\\nz\\", "cat", "x\\%y\\nz\\\n"),
        (r"echo 'c\\%d'", "echo 'c\\", "d'\n"),
        (r"""echo 'x\\y' 'x\y' '\\\\' 'a\\\%b'""", r"""echo 'x\y' 'x\y' '\\' 'a\%b'""", ""),
        ("cat%", "cat", ""),
        ("cat%%", "cat", "\n"),
        ("cat%a%", "cat", "a\n"),
        ("echo \\", "echo \\", ""),
    ],
)
def test_a_percent_sign_is_read_as_cron_reads_it(raw: str, command: str, given: str) -> None:
    assert split_input(raw) == (command, given)


@pytest.mark.parametrize("command", ["date +%F", r"a\b", "a\\\\b", r"a\%b", "ends\\", r"a\\%", "%"])
def test_a_command_written_for_cron_reads_back_the_same(command: str) -> None:
    assert split_input(join_input(command)) == (command, "")


@pytest.mark.parametrize(
    "given", ["line one\nline % two\n\ntail\n", "\n", "it's \\n \\\\ %s\n", "  two  blanks\n-n\n"]
)
def test_the_input_reaches_the_command_byte_for_byte(given: str, tmp_path: Path) -> None:
    said = say(f"cat > {tmp_path}/'o u t'; exit 3", given, "/bin/sh")

    assert said.uses_shell
    assert isinstance(said.command, str)
    done = subprocess.run(["/bin/sh", "-c", said.command], check=False)
    assert done.returncode == 3
    assert (tmp_path / "o u t").read_text() == given


def test_only_a_plain_command_goes_without_a_shell() -> None:
    assert say("/usr/bin/backup --all a,b=c", "", "/bin/sh") == (
        "/usr/bin/backup --all a,b=c",
        False,
    )
    for command in ("a | b", "a 'b'", "A=b c", "a > b", "a ~/b", "a\\ b", "a {b,c}", "a; b"):
        assert say(command, "", "/bin/sh").uses_shell, command


def test_another_shell_is_run_as_cron_runs_it() -> None:
    assert say("echo {1..3}", "", "/bin/bash").command == ("/bin/bash", "-c", "echo {1..3}")
    assert "| /bin/bash -c cat" in str(say("cat", "x\n", "/bin/bash").command)


@pytest.mark.parametrize("text", ["cd ${home}", "{python} x", "a\nb", "a\r", "\udcff"])
def test_a_text_that_would_not_stay_the_same_is_refused(text: str) -> None:
    assert why_not("fine", text)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("daemon &", True),
        ("(daemon &)", True),
        ("nohup daemon", True),
        ("a & b", True),
        ("a &> /dev/null", True),
        ("a && b", False),
        ("a > /dev/null 2>&1", False),
        ("a >& x", False),
        ("echo '&'", False),
        ("curl 'http://x/?a&b'", False),
        ("a & b & wait", False),
    ],
)
def test_what_goes_on_in_the_background_is_seen(command: str, expected: bool) -> None:
    assert goes_on_behind(command) is expected
