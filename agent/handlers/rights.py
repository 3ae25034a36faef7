"""Which parts of an answer may this role see?"""

from agent.handlers.context import Context
from agent.wire.sessions import Who
from shared.protocol.errors import ProtocolError
from shared.protocol.roles import ADMIN, OPERATOR, VIEWER


def may_see_commands(who: Who) -> bool:
    """Commands and the names of variables may hold more than a viewer should know."""
    return who.role in (OPERATOR, ADMIN)


def may_read_output(context: Context, who: Who) -> bool:
    """Output is for viewers only if the owner of the agent says so."""
    return who.role in (OPERATOR, ADMIN) or (
        who.role == VIEWER and context.identity.logs_for_viewers
    )


def check_output(context: Context, who: Who) -> None:
    """Refuse those who may not read output."""
    if not may_read_output(context, who):
        raise ProtocolError("viewers may not read output on this agent", code="disabled")
