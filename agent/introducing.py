"""How does an agent introduce itself to those who connect?"""

import platform
import socket

from agent import __version__
from agent.core import Core
from agent.handlers.context import CAPABILITIES, Identity
from agent.rules.downsampling import Keeping
from agent.settings import Settings
from agent.telling import posting_of
from shared.protocol import rows as wire
from shared.protocol.keys import Address, key_id
from shared.protocol.requests import AgentInfo


def identity_of(settings: Settings, agent_key: str) -> Identity:
    """What it says of itself to whoever asks."""
    return Identity(
        agent=AgentInfo(
            id=key_id(agent_key),
            name=settings.agent_name,
            version=__version__,
            host=socket.gethostname(),
            tz=settings.timezone,
            environment=settings.environment,
        ),
        agent_key=agent_key,
        address=Address(settings.listen, settings.control_port),
        events_port=settings.events_port,
        capabilities=(*CAPABILITIES, "edit") if settings.remote_edit else CAPABILITIES,
        logs_for_viewers=settings.logs_for_viewers,
        max_running=settings.max_running,
        keeping=keeping_of(settings),
        told=(*settings.mail.recipients, *(one.name for one in settings.channels)),
        posting=posting_of(settings),
    )


def keeping_of(settings: Settings) -> Keeping:
    """How long it keeps figures of its host."""
    return Keeping(
        raw_days=settings.metric_raw_days,
        minute_days=settings.metric_minute_days,
        hour_days=settings.metric_hour_days,
    )


def row_of(core: Core, info: AgentInfo) -> wire.Agent:
    """Its row, as the grid shows it."""
    return wire.Agent(
        id=info.id,
        name=info.name,
        host=info.host,
        os=f"{platform.system()} {platform.release()}",
        version=info.version,
        tz=info.tz,
        started_ms=core.started_ms,
        environment=info.environment,
        max_running=core.settings.max_running,
    )
