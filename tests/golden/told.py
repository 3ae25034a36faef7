"""One filled-in value of everything that is told without being asked, and of a refusal."""

from typing import Final

from shared.protocol import (
    events,
    rows,
)
from shared.protocol.errors import ErrorBody
from tests.golden.things import AT_MS, DELTA, EPOCH, REVS

EVENTS: Final[dict[str, events.Heartbeat | events.Metric | rows.Delta]] = {
    "hb": events.Heartbeat(
        epoch=EPOCH,
        n=5,
        now_ms=AT_MS,
        up_ms=10_000,
        every_ms=2_000,
        revs=REVS,
        sum=events.Summary(
            tasks=29, enabled=28, running=2, queued=1, failing=1, late=1, warn=1, crit=1
        ),
        lag_ms=4,
        mode="draining",
    ),
    "delta": DELTA,
    "metric": events.Metric(
        now_ms=AT_MS,
        cpu=0.25,
        mem_rss=60_000_000,
        mem_share=0.5,
        load1=0.75,
        disk=(events.Disk(mount="/", used_share=0.9),),
        database_ms=2,
        running=2,
        started_60s=3,
        failed_60s=1,
    ),
}
ERROR: Final = ErrorBody(
    code="busy", msg="too many", retry="after", after_ms=500, detail={"limit": 8, "path": "$.x"}
)
