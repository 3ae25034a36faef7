"""What does the database say of itself: time to answer, size, readers, replication?"""

from typing import Final

from agent.health.probes import Reading, in_bytes
from agent.rules.thresholds import CRIT, Threshold
from agent.store.replication import Replication

READS: Final = Threshold(warn=64, crit=200, back=16)
SIZE: Final = Threshold(warn=50e9, crit=200e9, back=1e9)
REPLICATION: Final = Threshold(warn=60, crit=600, back=10)


def reads(asked: int, readers: int) -> Reading:
    """How many reads are asked for and not yet answered."""
    busy = min(asked, readers)
    return Reading(
        id="reads",
        name="Database readers",
        kind="database pool",
        value=float(asked),
        unit="reads",
        message=f"{busy} of {readers} connections read, {asked - busy} reads wait",
        threshold=READS,
    )


def size(size_bytes: int) -> Reading:
    """How much room its data takes."""
    return Reading(
        id="database_size",
        name="Database size",
        kind="database size",
        value=float(size_bytes),
        unit="bytes",
        message=f"takes {in_bytes(size_bytes)}",
        threshold=SIZE,
    )


def replication(found: Replication) -> Reading:
    """How far it is behind the server that it copies."""
    behind = "" if found.lag_s is None else f"{found.lag_s:.0f} s behind"
    return Reading(
        id="replication",
        name="Replication",
        kind="database replication",
        value=found.lag_s,
        unit="s",
        message=found.fault or behind or "how far behind is not known",
        threshold=REPLICATION,
        state=CRIT if found.fault else "",
    )
