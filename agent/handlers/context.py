"""What do the handlers need of the rest of the agent?"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import msgspec

from agent.clock import Clock
from agent.definitions import Definition
from agent.errors import AgentError, WrongUse
from agent.handlers.trials import Trials
from agent.rules.downsampling import Keeping
from agent.rules.pinging import Ping
from agent.runs import Run
from agent.store.alert_book import Changed
from agent.store.database import Database, Doing
from agent.store.edits import Edited
from agent.store.tasks import TaskRow
from agent.telling import Posting, Tried
from agent.wire.clients import Clients
from shared.protocol import requests
from shared.protocol.health import HealthReply
from shared.protocol.journal import Journal
from shared.protocol.keys import Address
from shared.protocol.requests import AgentInfo, LogHit, LogSearch


class Orders(Protocol):
    """Starts and stops runs (agent.orders)."""

    async def start_now(
        self,
        task_name: str,
        *,
        who: str,
        reason: str | None,
        op: str | None = None,
        if_running: Literal["error", "queue", "parallel"] = "error",
    ) -> Run:
        """The new run, recorded; raises TaskNotFound, Conflict, or WrongUse."""
        ...

    async def backfill(
        self,
        task_name: str,
        moments_ms: Sequence[int],
        *,
        who: str,
        reason: str | None,
        op: str | None = None,
    ) -> tuple[Run, ...]:
        """The new runs, recorded; raises TaskNotFound, Conflict, or WrongUse."""
        ...

    def hasten(self, run_id: str) -> None:
        """Let a retry that waits start now; raises RunNotFound when none of this id waits."""
        ...

    async def abort(self, run_id: str, *, who: str, grace_ms: int | None = None) -> str:
        """The state after the order; raises RunNotFound when no such run is queued or alive."""
        ...


class Flags(Protocol):
    """Changes tasks' flags (the recorder)."""

    async def set_flags(
        self,
        names: Iterable[str],
        *,
        enabled: bool | None = None,
        paused: bool | None = None,
        until_ms: int | None = None,
        skip_until_ms: int | None = None,
        reason: str | None = None,
        who: str,
    ) -> tuple[TaskRow, ...]:
        """The tasks that are different now."""
        ...


class Editor(Protocol):
    """Changes what tasks are (the recorder)."""

    async def edit(self, change: Doing[Edited]) -> Edited:
        """What came of it; everyone hears which task is another."""
        ...


class Plans(Protocol):
    """Knows when tasks are due (the scheduler)."""

    async def take(self, rows: Iterable[TaskRow], gone: Iterable[str] = ()) -> None:
        """Take over some tasks as they were just recorded."""
        ...

    @property
    def boots(self) -> tuple[int, ...]:
        """When the agent first saw each boot of the host."""
        ...


class Pings(Protocol):
    """Watches jobs that somebody else starts (watching)."""

    async def ping(self, ping: Ping) -> Run:
        """The run it belongs to; raises TaskNotFound, WrongUse."""
        ...

    async def abort(self, run_id: str, *, who: str) -> str:
        """Wait for no ping of this run any more; raises RunNotFound when none was waited for."""
        ...


class Troubles(Protocol):
    """Records what people do about alerts (the recorder)."""

    async def change_alerts(self, change: Doing[Changed]) -> Changed:
        """What came of it; those that are others now are shown."""
        ...


class Checks(Protocol):
    """Tells how all checks stand (health.picture)."""

    async def __call__(self, *, with_words: bool) -> HealthReply:
        """Every check; `with_words` of own ones only for their readers."""
        ...


class LogRange(msgspec.Struct, frozen=True, kw_only=True):
    """Some output of a run, from `offset`; bytes before `first` are no longer kept."""

    data: bytes
    offset: int
    first: int
    size: int
    has_ended: bool
    skipped: int = 0


class LogFound(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that were looked for; `next` is the place to go on from, None at the end."""

    hits: tuple[LogHit, ...] = ()
    next: str | None = None
    searched_bytes: int = 0
    problem: str = ""


class Logs(Protocol):
    """Reads what runs have written, redacted."""

    async def read(self, run_id: str, offset: int, limit: int) -> LogRange:
        """Up to `limit` bytes from there on, none at the end; raises RunNotFound, Refused (gone).

        `offset` may come back moved to the end of a hole, with `skipped` bytes left out.
        """
        ...

    async def search(self, wanted: LogSearch, place: str | None) -> LogFound:
        """Lines from that place on; raises WrongUse, and Refused (busy)."""
        ...


CAPABILITIES: Final = tuple(each for each in requests.CAPABILITIES if each != "edit")
"""What every agent can do; to edit tasks is for its owner to allow."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who this agent is, as its clients are told."""

    agent: AgentInfo
    agent_key: str
    address: Address
    events_port: int
    capabilities: tuple[str, ...] = CAPABILITIES
    logs_for_viewers: bool = True
    max_running: int = 8
    keeping: Keeping = Keeping()
    told: tuple[str, ...] = ()
    """Addresses and channels that are told of alerts; none where nothing is set up."""
    posting: Posting = Posting()


async def _nothing() -> None:
    """Nobody judges or tells here."""


def _unhindered(_definition: Definition) -> None:
    """Nothing is known that would hinder a run."""


async def nobody_told(name: str, _who: str) -> Tried:
    """No message goes from here, to nobody; raises WrongUse."""
    raise WrongUse(
        f"{name[:40]!r} is no channel of this agent: settings.toml has neither [mail] nor "
        "[[channels]]; docs/alerts.md shows both"
    )


@dataclass(frozen=True, slots=True)
class Context:
    """Everything handlers work with, passed by hand."""

    identity: Identity
    clock: Clock
    database: Database
    journal: Journal
    clients: Clients
    orders: Orders
    flags: Flags
    editor: Editor
    plans: Plans
    pings: Pings
    logs: Logs
    troubles: Troubles
    reload: Callable[[], Awaitable[tuple[str, ...]]]
    """Read settings and definitions anew; what could not be taken over."""
    health: Checks
    """Every check as it stands."""
    hurry: Callable[[], None] = lambda: None
    """Show what changed at once: an operator waits for it."""
    renew_alerts: Callable[[], Awaitable[None]] = _nothing
    """Own rules or quiet times are others: judge and tell by them from now on."""
    try_way: Callable[[str, str], Awaitable[Tried]] = nobody_told
    """Send a message by hand by the channel of this name, for whoever asks; raises WrongUse."""
    hindrance: Callable[[Definition], AgentError | None] = _unhindered
    """What would keep a run of this task from starting on this host now."""
    known: Callable[[], Iterable[TaskRow]] = tuple
    """Every task there is, as it is known in memory."""
    trials: Trials = field(default_factory=Trials)
