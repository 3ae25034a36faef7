"""A home of one's own for each journey, and nothing of it left afterwards."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.household import Household


@contextmanager
def a_folder() -> Iterator[Household]:
    household = Household()
    try:
        yield household
    finally:
        try:
            household.leave()
        finally:
            shutil.rmtree(household.root, ignore_errors=True)


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """A home that was made once, to be copied."""
    with a_folder() as household:
        yield household.prepare().root


@pytest.fixture
def bare() -> Iterator[Household]:
    """A folder that may become a home."""
    with a_folder() as household:
        yield household


@pytest.fixture
def bare_too() -> Iterator[Household]:
    """Another folder, for what two homes do to each other."""
    with a_folder() as household:
        yield household


@pytest.fixture
def household(bare: Household, made: Path) -> Household:
    """A home that is ready to be served."""
    return bare.copy(made)
