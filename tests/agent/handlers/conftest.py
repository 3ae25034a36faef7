"""One open agent for each test; one that keeps output from viewers, one whose mail is quiet."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.postbox import Channel, Escalation, Mail
from agent.telling import Posting
from tests.agent.wire.door import Door, serving

QUIET_MAIL = Posting(
    mail=Mail(
        host="127.0.0.1",
        security="plain",
        sender="agent@example.org",
        recipients=("admin@example.org",),
        # All day, whenever the test runs.
        quiet=("00:00-23:59", "23:59-00:00"),
    ),
    channels=(Channel(name="pager", secret="pager_url", severities=("critical",)),),
    escalation=(
        Escalation(after_minutes=30, recipients=("head@example.org",), channels=("pager",)),
    ),
    repeat_minutes={"critical": 20},
)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with serving(tmp_path) as door:
        yield door


@pytest.fixture
async def closed_door(tmp_path: Path) -> AsyncIterator[Door]:
    async with serving(tmp_path, logs_for_viewers=False) as door:
        yield door


@pytest.fixture
async def night_door(tmp_path: Path) -> AsyncIterator[Door]:
    async with serving(tmp_path, posting=QUIET_MAIL) as door:
        yield door
