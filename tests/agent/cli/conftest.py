"""The command line as a person meets it: a real process on a home of its own."""

import shutil
from collections.abc import Iterator

import pytest

from tests.journeys.conftest import household, made
from tests.journeys.household import Household

__all__ = ["bare", "household", "made"]


@pytest.fixture
def bare() -> Iterator[Household]:
    """A folder that may become a home."""
    household = Household()
    try:
        yield household
    finally:
        try:
            household.leave()
        finally:
            household.root.chmod(0o700)
            shutil.rmtree(household.root, ignore_errors=True)
