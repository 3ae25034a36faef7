"""What an agent tells everyone who listens: heartbeats and metrics."""

from typing import Final

import msgspec

from shared.protocol.rows import ALERTS, STATE

HEARTBEAT_TOPIC: Final = b"h."
STATE_TOPIC: Final = b"s."
ALERTS_TOPIC: Final = b"a."
METRIC_TOPIC: Final = b"m."
SCOPE_TOPICS: Final = {STATE: STATE_TOPIC, ALERTS: ALERTS_TOPIC}


class Revs(msgspec.Struct, frozen=True, kw_only=True):
    """The newest revision of each scope."""

    state: int = 0
    alerts: int = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """An agent in a few counts: of its tasks, its open warnings and criticals, its backlog.

    `catching_up` counts runs made up for that still wait, `backlog` tasks whose missed moments
    are still being worked off; `oldest_wait_ms` is how long the first in the queue has waited.
    """

    tasks: int = 0
    enabled: int = 0
    running: int = 0
    queued: int = 0
    failing: int = 0
    late: int = 0
    warn: int = 0
    crit: int = 0
    catching_up: int = 0
    backlog: int = 0
    oldest_wait_ms: int = 0


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The scheduler lives; `revs` are those already published on the same socket."""

    epoch: str
    n: int
    now_ms: int
    up_ms: int
    every_ms: int
    revs: Revs = Revs()
    sum: Summary = Summary()
    lag_ms: int = 0
    mode: str = "normal"


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """How full one file system is, as a share of 0 to 1."""

    mount: str
    used_share: float


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of the server and the agent; a lost one is just lost.

    `cpu` and `mem_share` are shares of the whole server; `mem_rss` is the agent's own, in bytes.
    """

    now_ms: int
    cpu: float | None = None
    mem_rss: int | None = None
    mem_share: float | None = None
    load1: float | None = None
    disk: tuple[Disk, ...] = ()
    database_ms: int | None = None
    running: int = 0
    started_60s: int = 0
    failed_60s: int = 0
