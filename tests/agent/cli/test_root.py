"""The door of the command line, before any command."""

import subprocess
import sys

LOOKS = (
    "import gc, agent.__main__; from agent.cli.root import cli; before = gc.isenabled();"
    "cli.get_command(None, 'tasks'); print(before, gc.isenabled(), gc.get_freeze_count() > 10_000)"
)


def test_garbage_is_collected_again_once_a_command_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "True", "True"]
