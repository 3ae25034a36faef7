"""What is written while runs go on: each write as a value that can be kept and done later."""

from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from agent import readback, sealed
from agent.errors import Conflict
from agent.rules.alerting import Trouble
from agent.rules.clocks import Happening
from agent.rules.downsampling import Keeping
from agent.runs import Run
from agent.store import (
    alerts,
    audit,
    checks,
    clients,
    downsampling,
    events,
    ledger,
    metrics,
    ops,
    samples,
    streaks,
)
from agent.store.alerts import Alert
from agent.store.audit import AuditRow
from agent.store.chain import Link
from agent.store.checks import Check
from agent.store.ledger import Step
from agent.store.ops import StoredOp
from agent.store.samples import Sample
from agent.store.streaks import Consequence
from agent.ulid import new_ulid
from schema.tables import alerts as alert_table
from schema.tables import events as event_table
from schema.tables import executions


class Claim(msgspec.Struct, frozen=True, kw_only=True, tag="claim"):
    """Due moments are taken, or it is recorded why they do not run."""

    runs: tuple[Run, ...]
    watermarks: dict[str, int] | None = None
    decided_until_ms: int | None = None
    now_ms: int

    def apply(self, connection: Connection) -> frozenset[str]:
        """The ids of the runs that are ours."""
        return ledger.claim(
            connection,
            self.runs,
            watermarks=self.watermarks,
            decided_until_ms=self.decided_until_ms,
            now_ms=self.now_ms,
        )

    def replay(self, connection: Connection) -> frozenset[str]:
        """As `apply`; a run that went on while its moment was taken is a further attempt at it."""
        ours = self.apply(connection)
        for run in self.runs:
            if run.id not in ours and not run.has_ended:
                _stand(connection, run)
        return ours

    def assumed(self) -> frozenset[str]:
        return frozenset(run.id for run in self.runs)


class Order(msgspec.Struct, frozen=True, kw_only=True, tag="order"):
    """A run that no schedule asked for."""

    run: Run

    def apply(self, connection: Connection) -> Run:
        return ledger.order(connection, self.run)

    def replay(self, connection: Connection) -> Run:
        return self.apply(connection)

    def assumed(self) -> Run:
        return _beside_schedules(self.run)


class Take(msgspec.Struct, frozen=True, kw_only=True, tag="take"):
    """What became of a run: it began, waits longer, was told to stop, or is over."""

    step: Step

    @property
    def following(self) -> tuple[Run, ...]:
        """The rows that are there by it."""
        return (*(() if self.step.retry is None else (self.step.retry,)), *self.step.chained)

    def apply(self, connection: Connection) -> tuple[tuple[Run, ...], Consequence | None]:
        (came_to,) = streaks.record(connection, [self.step])
        return came_to

    def replay(self, connection: Connection) -> tuple[tuple[Run, ...], Consequence | None]:
        """As `apply`; the run and what follows have rows, whatever became of the database."""
        step = self.step
        if ledger.find(connection, step.run.id) is None:
            _stand(connection, _as_claimed(step.run))
        try:
            came_to = self.apply(connection)
        except Conflict:
            if step.run.has_ended:
                raise
            return (), None  # what came later stands already
        for following in self.following:
            if ledger.find(connection, following.id) is None:
                _stand(connection, following)
        return came_to

    def assumed(self) -> tuple[tuple[Run, ...], Consequence | None]:
        retry = () if self.step.retry is None else (self.step.retry,)
        return (self.step.run, *retry, *map(_beside_schedules, self.step.chained)), None


class Raise(msgspec.Struct, frozen=True, kw_only=True, tag="raise"):
    """Something is wrong."""

    trouble: Trouble
    now_ms: int

    def apply(self, connection: Connection) -> Alert:
        return alerts.raise_alert(connection, self.trouble, now_ms=self.now_ms)

    def replay(self, connection: Connection) -> Alert | None:
        """As `apply`, but not counted again where it was counted before the answer was lost."""
        seen_ms = connection.scalar(
            select(func.max(alert_table.c.last_seen_at)).where(
                alert_table.c.dedupe_key == self.trouble.dedupe_key
            )
        )
        return None if seen_ms is not None and seen_ms >= self.now_ms else self.apply(connection)

    def assumed(self) -> Alert:
        return Alert(
            id=new_ulid(self.now_ms),
            **msgspec.structs.asdict(self.trouble),
            status="active",
            occurrences=1,
            opened_ms=self.now_ms,
            last_seen_ms=self.now_ms,
        )


class Resolve(msgspec.Struct, frozen=True, kw_only=True, tag="resolve"):
    """Something is right again."""

    dedupe_key: str
    now_ms: int

    def apply(self, connection: Connection) -> Alert | None:
        return alerts.resolve(connection, self.dedupe_key, now_ms=self.now_ms)

    def replay(self, connection: Connection) -> Alert | None:
        return self.apply(connection)

    def assumed(self) -> None:
        return None


class Happened(msgspec.Struct, frozen=True, kw_only=True, tag="happened"):
    """Something happened to the clocks."""

    happenings: tuple[Happening, ...]

    def apply(self, connection: Connection) -> None:
        events.record_all(connection, self.happenings)

    def replay(self, connection: Connection) -> None:
        """As `apply`, without what stands already."""
        column = event_table.c
        for one in self.happenings:
            is_same = (column.kind == one.kind, column.happened_at == one.at_ms)
            if connection.scalar(select(column.id).where(*is_same).limit(1)) is None:
                events.record(connection, one)

    def assumed(self) -> None:
        return None


class Measured(msgspec.Struct, frozen=True, kw_only=True, tag="measured"):
    """The host was looked at, or long runs were."""

    at_ms: int
    readings: dict[str, float] = {}
    earlier: tuple[tuple[int, dict[str, float]], ...] = ()
    keeping: Keeping | None = None
    checks: tuple[Check, ...] = ()
    samples: tuple[Sample, ...] = ()

    def apply(self, connection: Connection) -> None:
        metrics.record(connection, self.readings, at_ms=self.at_ms, earlier=self.earlier)
        if self.keeping is not None:
            downsampling.sum_up(connection, now_ms=self.at_ms, keeping=self.keeping)
        checks.record(connection, self.checks)
        samples.record(connection, self.samples)

    def replay(self, connection: Connection) -> None:
        self.apply(connection)

    def assumed(self) -> None:
        return None


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """A command was given."""

    stored: StoredOp

    def apply(self, connection: Connection) -> None:
        ops.begin(connection, self.stored)

    def replay(self, connection: Connection) -> None:
        self.apply(connection)

    def assumed(self) -> None:
        return None


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """A command was carried out or refused; without a result it is forgotten."""

    op: str
    state: str
    result: bytes | None
    run_id: str | None = None
    now_ms: int

    def apply(self, connection: Connection) -> None:
        if self.result is None:
            ops.drop(connection, self.op)
        else:
            ops.finish(
                connection,
                self.op,
                state=self.state,
                result=self.result,
                run_id=self.run_id,
                now_ms=self.now_ms,
            )

    def replay(self, connection: Connection) -> None:
        self.apply(connection)

    def assumed(self) -> None:
        return None


class Audited(msgspec.Struct, frozen=True, kw_only=True, tag="audited"):
    """Somebody asked for something; `is_hello` says that the key was here."""

    row: AuditRow
    is_hello: bool = False

    def apply(self, connection: Connection) -> Link:
        """Its place in the chain."""
        link = audit.append(connection, self.row)
        if self.is_hello:
            clients.seen(
                connection,
                key_id=self.row.key_id,
                at_ms=self.row.at_ms,
                address=self.row.address,
            )
        return link

    def replay(self, connection: Connection) -> None:
        """As `apply`, without what stands already."""
        if not audit.has(connection, self.row):
            self.apply(connection)

    def assumed(self) -> None:
        return None


Write = Claim | Order | Take | Raise | Resolve | Happened | Measured | Begun | Finished | Audited

_DECODER: Final[msgspec.msgpack.Decoder[Write]] = msgspec.msgpack.Decoder(Write)
_ENCODER: Final = msgspec.msgpack.Encoder()


def encode(write: Write) -> bytes:
    """A write as the journal keeps it."""
    return sealed.seal_packed(_ENCODER.encode(write))


def decode(kept: bytes) -> Write:
    """The write that was kept; raises NotWhole."""
    return readback.unpacked(kept, _DECODER.decode)


def _beside_schedules(run: Run) -> Run:
    """The moment that the ledger gives such a run where nobody else has it."""
    at_ms = run.scheduled_ms + (run.scheduled_ms % 1000 == 0)
    return msgspec.structs.replace(run, scheduled_ms=at_ms)


def _stand(connection: Connection, run: Run) -> None:
    """Let a run have a row: at its moment, or as a further attempt where another one has that."""
    if run.id in ledger.claim(connection, [run], now_ms=run.queued_ms):
        return
    newest = connection.scalar(
        select(func.max(executions.c.attempt)).where(
            executions.c.task_name == run.task_name,
            executions.c.scheduled_at == run.scheduled_ms,
        )
    )
    further = msgspec.structs.replace(run, attempt=(newest or run.attempt) + 1)
    ledger.claim(connection, [further], now_ms=run.queued_ms)


def _as_claimed(run: Run) -> Run:
    """A run as it was before anything became of it."""
    return msgspec.structs.replace(run, status="queued", started_ms=None, ended_ms=None)
