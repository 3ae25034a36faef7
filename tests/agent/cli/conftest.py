"""The command line as a person meets it: a real process on a home of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.household import Household


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """A home that was made once; each test gets a copy, as `init` takes a while."""
    household = Household().prepare()
    yield household.root
    shutil.rmtree(household.root, ignore_errors=True)


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


@pytest.fixture
def household(bare: Household, made: Path) -> Household:
    """A home that is ready to be served."""
    shutil.copytree(made, bare.root, dirs_exist_ok=True)
    text = (made / "settings.toml").read_text().splitlines()
    kept = [line for line in text if "_port" not in line]
    ports = [f"control_port = {bare.control_port}", f"events_port = {bare.events_port}"]
    bare.home.settings_file.write_text("\n".join([*kept, *ports]) + "\n")
    return bare
