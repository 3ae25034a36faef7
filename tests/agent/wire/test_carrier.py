"""Is an agent kept from serving with a libzmq that must not be trusted?"""

import pytest
import zmq

from agent.errors import HomeError
from agent.wire import carrier


def test_an_old_libzmq_keeps_the_agent_from_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    carrier.check()
    monkeypatch.setattr(zmq, "zmq_version_info", lambda: (4, 3, 4))

    with pytest.raises(HomeError, match=r"libzmq 4\.3\.4 is too old"):
        carrier.check()
