"""A home of one's own for each test; they need no turns, as their runs have names of their own."""

import pytest

from tests.journeys.conftest import bare, household, made

__all__ = ["bare", "household", "made"]


@pytest.fixture(autouse=True)
def alone() -> None:
    """Others may work beside."""


@pytest.fixture(autouse=True)
def nothing_left() -> None:
    """Each home looks after its own processes."""
