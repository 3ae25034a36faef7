"""What did a long run use while it went on: one reading every few seconds."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select

from agent.store.upserts import Upsert
from schema.tables import run_samples

_INSERT = Upsert(run_samples, key=("run_id",))


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A run's family at one moment; its processor time is counted from the run's start."""

    run_id: str
    sampled_ms: int
    cpu_ms: int
    rss_bytes: int
    processes: int


def record(connection: Connection, samples: Iterable[Sample]) -> None:
    """Keep these readings; one that is there already stays."""
    rows = [
        {
            "run_id": sample.run_id,
            "sampled_at": sample.sampled_ms,
            "cpu_ms": sample.cpu_ms,
            "rss_bytes": sample.rss_bytes,
            "processes": sample.processes,
        }
        for sample in samples
    ]
    if rows:
        connection.execute(_INSERT.on(connection), rows)


def of_run(connection: Connection, run_id: str) -> tuple[Sample, ...]:
    """All readings of a run, oldest first."""
    column = run_samples.c
    rows = connection.execute(
        select(
            column.run_id,
            column.sampled_at,
            column.cpu_ms,
            column.rss_bytes,
            column.processes,
        )
        .where(column.run_id == run_id)
        .order_by(column.sampled_at)
    )
    return tuple(
        Sample(run_id=name, sampled_ms=at_ms, cpu_ms=cpu_ms, rss_bytes=rss, processes=count)
        for name, at_ms, cpu_ms, rss, count in rows
    )
