"""Does the list of functions agree with the list of rights?"""

from agent.handlers.table import HANDLERS
from shared.protocol import roles
from shared.protocol.requests import COMMANDS, REPLY_TO, REQUESTS


def test_every_request_has_a_function_a_reply_and_a_lowest_role() -> None:
    types = {request.type for request in HANDLERS}

    assert types == set(roles.MINIMUM) == set(REQUESTS)
    assert set(HANDLERS) == set(REPLY_TO)


def test_no_command_is_open_to_viewers_or_invites() -> None:
    for name in COMMANDS:
        assert not roles.may(roles.VIEWER, name)
        assert not roles.may(roles.INVITE, name)
