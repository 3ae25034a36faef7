"""Does a new home say what was chosen, and allow only what was asked for?"""

import pytest

from agent.settings import load_settings
from tests.journeys.household import Household


@pytest.mark.parametrize(("words", "allowed"), [((), False), (("--remote-edit",), True)])
def test_tasks_are_edited_from_afar_only_where_that_was_asked_for(
    bare: Household, words: tuple[str, ...], allowed: bool
) -> None:
    ports = ("--control-port", str(bare.control_port), "--events-port", str(bare.events_port))

    done = bare.run("init", *ports, *words)

    assert done.returncode == 0, done.stderr
    assert load_settings(bare.home).remote_edit is allowed
