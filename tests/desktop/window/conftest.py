"""A window whose agent is heard, with a task that fails, one that waits and one that runs."""

from collections.abc import Sequence

import pytest

from desktop.freshness import Link
from shared.protocol.rows import Row
from tests.desktop.rows_at_hand import failing, running, task
from tests.desktop.windows_at_hand import AGENT, LIVE


@pytest.fixture
def agent_rows() -> Sequence[Row]:
    return (AGENT, failing("vend_a"), task("pay_a"), running("pay_b"))


@pytest.fixture
def agent_link() -> Link:
    return LIVE
