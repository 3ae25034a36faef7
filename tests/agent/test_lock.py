"""Who works on this home?"""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import AlreadyServing
from agent.lock import is_served, only_agent, serving_pid
from agent.settings import Home

HOLD = """
import sys
from pathlib import Path
from agent.lock import only_agent
from agent.settings import Home
with only_agent(Home(Path(sys.argv[1]))) as say_ready:
    say_ready()
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    return home


def test_a_second_agent_is_refused_by_name_while_the_first_lives(home: Home) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    try:
        assert is_served(home)
        assert serving_pid(home) == first.pid
        with pytest.raises(AlreadyServing, match=str(first.pid)) as refused, only_agent(home):
            pass
        assert refused.value.exit_status == 75
    finally:
        first.kill()
        first.communicate()

    assert not is_served(home), "the kernel lets go of a dead agent's lock"
    with only_agent(home):
        assert is_served(home)


def test_a_home_that_was_never_served_is_not(home: Home) -> None:
    assert not is_served(home)
    assert serving_pid(home) is None
