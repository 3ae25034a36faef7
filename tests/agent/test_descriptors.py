"""Does the agent take what it may hold open, and do its children get what it was given?"""

import subprocess
import sys

import pytest

TAKES_ALL = """
import resource
from agent import descriptors
print(descriptors.take_all(), *resource.getrlimit(resource.RLIMIT_NOFILE))
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
descriptors.give_back(child.pid)
print(*resource.prlimit(child.pid, resource.RLIMIT_NOFILE))
child.kill()
child.wait()
descriptors.give_back(child.pid)
"""


@pytest.mark.parametrize(
    ("soft", "hard", "taken"),
    [(256, 600, 600), (600, 600, 600), (1024, 9000, 8192), (8500, 9000, 8500)],
)
def test_the_agent_takes_what_it_is_allowed_and_a_child_gets_what_was_given(
    soft: int, hard: int, taken: int
) -> None:
    program = [sys.executable, "-c", f"import subprocess\n{TAKES_ALL}"]
    done = subprocess.run(
        ["sh", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"', "sh", *program],
        capture_output=True,
        text=True,
        check=True,
    )

    own, child = done.stdout.splitlines()
    assert own == f"{taken} {taken} {hard}"
    assert child == f"{soft} {hard}"
