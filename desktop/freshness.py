"""How far what is shown can be believed now: what a window knows of its link."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# The same words as `shared.protocol.link`.
NEVER: Final = "connecting"
LIVE: Final = "live"
LATE: Final = "late"
LOST: Final = "lost"
REFUSED: Final = "refused"
OFFLINE: Final = "offline"

EDIT: Final = "edit"
ADMIN: Final = "admin"
OPERATOR_ROLES: Final = ("operator", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The link to one agent as a person should be told of it.

    `beat_ms` is the agent's clock in the newest heartbeat, `beat_here_ms` this machine's clock
    when it came; `offset_ms` is the agent's clock minus this one. `retry_here_ms` is when the
    next try is due, by this machine's clock. `problem` is one sentence with the next step.
    """

    state: str = NEVER
    name: str = ""
    environment: str = ""
    role: str = ""
    capabilities: tuple[str, ...] = ()
    label: str = ""
    beat_ms: int | None = None
    beat_here_ms: int | None = None
    offset_ms: int = 0
    round_trip_ms: int | None = None
    is_encrypted: bool = True
    retry_here_ms: int | None = None
    tries: int = 0
    problem: str = ""

    @property
    def is_live(self) -> bool:
        """Everything shown is true now."""
        return self.state == LIVE

    @property
    def has_agent(self) -> bool:
        """There is an agent to look at at all; each connection has a name."""
        return bool(self.name)

    @property
    def was_heard(self) -> bool:
        """The agent was heard at least once, so there is something to show."""
        return self.beat_ms is not None

    @property
    def may_command(self) -> bool:
        """A command would reach the agent, and the role allows it."""
        return self.is_live and self.role in OPERATOR_ROLES

    @property
    def may_edit(self) -> bool:
        """An edit of a task would reach the agent, its owner allows any, and the role does."""
        return self.is_live and self.role == ADMIN and EDIT in self.capabilities

    def age_ms(self, here_ms: int) -> int | None:
        """How old the newest heartbeat is."""
        return None if self.beat_here_ms is None else max(0, here_ms - self.beat_here_ms)

    def agent_now_ms(self, here_ms: int) -> int:
        """The agent's time; it stands still at the last heartbeat while the agent is silent."""
        if not self.is_live and self.beat_ms is not None:
            return self.beat_ms
        return here_ms + self.offset_ms


class Watch:
    """This machine's clock and the link: what time it is where the agent runs."""

    def __init__(self, here: Callable[[], int]) -> None:
        """`here` is this machine's clock in ms since 1970 UTC."""
        self.here = here
        self.link = Link()

    def now(self) -> int:
        """The agent's time; it stands still while the agent is silent."""
        return self.link.agent_now_ms(self.here())
