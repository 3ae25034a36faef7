"""Which programs and folders that a task names are not on this host?"""

from pathlib import Path

import pytest

from agent.definitions import Definition
from agent.running.presence import absent
from agent.running.spawn import order_on_this_host
from agent.settings import Home, Settings


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("true", []),
        ("/bin/true --x", []),
        ("./there", []),
        ("/opt/nothere/prog --x", ["program '/opt/nothere/prog'"]),
        ("./elsewhere", ["program './elsewhere'"]),
        ("no-such-program-4711", ["program 'no-such-program-4711'"]),
        (["/opt/nothere/prog", "a"], ["program '/opt/nothere/prog'"]),
        ("/opt/nothere/prog | cat", ["program '/opt/nothere/prog'"]),
        ("true && /opt/nothere/a || /opt/nothere/b", ["'/opt/nothere/a'", "'/opt/nothere/b'"]),
        ("cd / && no-such-program-4711", ["program 'no-such-program-4711'"]),
        ("cd /opt/nothere && ./x", ["folder '/opt/nothere'"]),
        ("echo a; printf b > c", []),
        (["/bin/bash", "-c", "/opt/nothere/x | cat"], ["'/opt/nothere/x'"]),
        # What only the shell can know is not guessed at.
        ("$PROGRAM x", []),
        ("cd $FOLDER && ./x", []),
        ("PATH=/opt/bin:$PATH; mine", []),
        ("export PATH=/opt/bin; mine", []),
        ("if true; then mine; fi", []),
        ("f() { mine; }; f", []),
        ("(cd /tmp; mine)", []),
        ("echo 'not closed", []),
    ],
)
def test_only_what_is_certainly_not_there_is_named(
    tmp_path: Path, command: str | list[str], missing: list[str]
) -> None:
    there = tmp_path / "there"
    there.write_text("#!/bin/sh\n")
    there.chmod(0o755)
    task = Definition(
        task_name="x",
        command=command if isinstance(command, str) else tuple(command),
        shell="auto" if isinstance(command, list) or "'" not in command else "always",
        working_directory=str(tmp_path),
    )

    order = order_on_this_host(task, Settings(), Home(tmp_path), {}, {"PATH": "/usr/bin:/bin"})
    found = absent(order)

    assert len(found) == len(missing)
    for sentence, words in zip(found, missing, strict=True):
        assert words in sentence


def test_a_folder_that_is_not_there_is_named_alone(tmp_path: Path) -> None:
    task = Definition(task_name="x", command="./y", working_directory="/opt/nothere")

    order = order_on_this_host(task, Settings(), Home(tmp_path), {}, {"PATH": "/bin"})

    assert absent(order) == ["there is no folder '/opt/nothere'"]
