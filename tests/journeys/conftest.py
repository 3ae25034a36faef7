"""A home of one's own for each journey, and nothing of it left afterwards."""

import shutil
from collections.abc import Iterator

import pytest

from tests.journeys.household import Household


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
            shutil.rmtree(household.root, ignore_errors=True)


@pytest.fixture
def household(bare: Household) -> Household:
    """A home that is ready to be served."""
    return bare.prepare()
