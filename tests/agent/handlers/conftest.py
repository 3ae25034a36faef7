"""One open agent for each test; one that keeps output from viewers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.wire.door import Door, serving


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with serving(tmp_path) as door:
        yield door


@pytest.fixture
async def closed_door(tmp_path: Path) -> AsyncIterator[Door]:
    async with serving(tmp_path, logs_for_viewers=False) as door:
        yield door
