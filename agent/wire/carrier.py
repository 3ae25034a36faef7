"""Which libzmq is this agent's, and may it carry what is said?"""

import zmq

from agent.errors import HomeError
from shared.protocol import carrier


def version() -> str:
    """As it calls itself."""
    return zmq.zmq_version()


def check() -> None:
    """Refuse one that is too old or cannot encrypt; raises HomeError saying what to do."""
    refusal = carrier.refusal_of(zmq.zmq_version_info(), has_curve=bool(zmq.has("curve")))
    if refusal:
        raise HomeError(refusal)
