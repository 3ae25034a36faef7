"""One open agent for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.wire.door import Door, serving


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with serving(tmp_path) as door:
        yield door
