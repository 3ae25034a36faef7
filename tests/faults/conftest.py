"""Keepers of one's own, as the tests of agent.running have them."""

from tests.agent.running.conftest import desk, home, nothing_left

__all__ = ["desk", "home", "nothing_left"]
