"""Keepers of one's own, as the tests of agent.running have them."""

from tests.agent.running.conftest import alone, desk, home, nothing_left

__all__ = ["alone", "desk", "home", "nothing_left"]
