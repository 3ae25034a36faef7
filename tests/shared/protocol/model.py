"""A journal, a replica and a bad network between them, driven by one seed."""

import random
from collections.abc import Callable

from shared.protocol.events import Heartbeat
from shared.protocol.journal import Journal
from shared.protocol.replica import (
    Answered,
    Ask,
    Changes,
    Connected,
    Disconnected,
    Failed,
    Message,
    Poll,
    Published,
    Reload,
    Replica,
    Tick,
)
from shared.protocol.rows import STATE, Delta, Key, Row, Run, Task, key_of

TASK_IDS = tuple("abcdef")
RUN_IDS = tuple(f"r{number}" for number in range(8))


class StepBack(AssertionError):
    """A row shown went back to an older revision."""


class Model:
    """Random life on both sides; `settle` then lets the network be good and compares."""

    def __init__(self, seed: int, make_replica: Callable[[], Replica]) -> None:
        self.random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.replica = make_replica()
        self.now_ms = 0
        self.epochs = 0
        self.journal = self.new_journal()
        self.asks: list[Ask] = []
        self.replies: list[Answered | Failed] = []
        self.events: list[Delta | Heartbeat] = []
        self.mirror: dict[Key, Row] = {}
        self.loss = self.random.choice((0.0, 0.02, 0.1, 0.4))

    def new_journal(self) -> Journal:
        self.epochs += 1
        journal = Journal(
            f"{self.epochs:016x}",
            tombstones=self.random.choice((1, 4, 50, 50)),
            rows_per_delta=self.random.choice((1, 2, 500)),
            rows_per_page=self.random.choice((1, 3, 500, 500)),
        )
        for _ in range(self.random.randrange(8)):
            journal.put(self.new_row())
        return journal

    def new_row(self) -> Row:
        salt = self.random.randrange(1 << 30)
        if self.random.random() < 0.5:
            return Task(id=self.random.choice(TASK_IDS), name="t", avg_ms=salt)
        row_id = self.random.choice(RUN_IDS)
        return Run(id=row_id, task_id="a", state="running", scheduled_ms=0, queued_ms=salt)

    # --- one step ------------------------------------------------------------------------------

    def step(self) -> None:
        moves: tuple[tuple[int, Callable[[], None]], ...] = (
            (250, self.change),
            (200, self.flush),
            (50, self.beat),
            (400, self.deliver_event),
            (200, self.serve),
            (200, self.deliver_reply),
            (60, self.tick),
            (60, lambda: self.feed(Poll())),
            (4, lambda: self.feed(Reload())),
            (15, self.reconnect),
            (4, self.restart_agent),
        )
        weights = [weight for weight, _ in moves]
        self.random.choices([move for _, move in moves], weights)[0]()

    def change(self) -> None:
        for _ in range(self.random.choice((1, 1, 1, 6))):
            if self.random.random() < 0.45:
                kind, ids = self.random.choice((("task", TASK_IDS), ("run", RUN_IDS)))
                self.journal.remove(kind, self.random.choice(ids))
            else:
                self.journal.put(self.new_row())

    def flush(self) -> None:
        for delta in self.journal.flush(self.now_ms):
            self.publish(delta)

    def beat(self) -> None:
        self.flush()
        self.publish(self.heartbeat())

    def heartbeat(self) -> Heartbeat:
        return Heartbeat(
            epoch=self.journal.epoch,
            n=0,
            now_ms=self.now_ms,
            up_ms=0,
            every_ms=2_000,
            revs=self.journal.published,
        )

    def publish(self, event: Delta | Heartbeat) -> None:
        if self.random.random() >= self.loss:
            self.events.append(event)

    def deliver_event(self) -> None:
        if not self.events:
            return
        is_late = self.random.random() < 0.1
        event = self.events[0] if not is_late else self.random.choice(self.events)
        if self.random.random() >= 0.05:  # else it stays, and comes again
            self.events.remove(event)
        self.feed(Published(event) if isinstance(event, Delta) else event)

    def serve(self) -> None:
        if not self.asks:
            return
        ask = self.asks.pop(0)
        if self.random.random() < self.loss:
            return
        if self.random.random() < 0.05:
            self.replies.append(Failed(ask.token, "busy", 100))
            return
        self.replies.append(Answered(ask.token, self.answer(ask)))

    def answer(self, ask: Ask) -> Delta:
        request = ask.request
        return self.journal.sync(
            request.scope,
            since=request.since,
            epoch=request.epoch,
            cursor=request.cursor,
            limit=request.limit,
            now_ms=self.now_ms,
        )

    def deliver_reply(self) -> None:
        if not self.replies:
            return
        reply = self.random.choice(self.replies)
        self.replies.remove(reply)
        if self.random.random() >= self.loss:
            self.feed(reply)

    def tick(self) -> None:
        self.now_ms += self.random.choice((10, 1_000, 6_000))
        self.feed(Tick())

    def reconnect(self) -> None:
        self.feed(Disconnected())
        self.asks.clear()
        self.replies.clear()
        self.feed(Connected(self.journal.epoch))

    def restart_agent(self) -> None:
        self.journal = self.new_journal()
        self.asks.clear()
        if self.random.random() < 0.5:
            self.reconnect()

    # --- the reader ----------------------------------------------------------------------------

    def feed(self, message: Message) -> None:
        epoch = self.replica.epoch
        changes = self.replica.feed(message, self.now_ms)
        self.asks.extend(changes.asks)
        self.show(changes, is_same_epoch=epoch == self.replica.epoch)

    def show(self, changes: Changes, *, is_same_epoch: bool) -> None:
        """Do what a view would do with these changes."""
        if changes.reset:
            before, self.mirror = self.mirror, {key_of(row): row for row in changes.upserts}
            assert set(changes.removals) == before.keys() - self.mirror.keys()
        for row in changes.upserts:
            held = self.mirror.get(key_of(row))
            if is_same_epoch and not changes.reset and held is not None and row.rev <= held.rev:
                raise StepBack(f"{row} after {held}")
            self.mirror[key_of(row)] = row
        for key in changes.removals:
            self.mirror.pop(key, None)
        assert self.mirror == dict(self.replica.rows)

    # --- the end -------------------------------------------------------------------------------

    def settle(self) -> bool:
        """Let everything arrive from now on; does the replica end with the journal's rows?"""
        self.loss = 0.0
        self.reconnect()
        while self.events:
            self.deliver_event()
        for _ in range(12):
            self.flush()
            self.beat()
            while self.events:
                event = self.events.pop(0)
                self.feed(Published(event) if isinstance(event, Delta) else event)
            for _ in range(200):
                if not self.asks:
                    break
                ask = self.asks.pop(0)
                self.feed(Answered(ask.token, self.answer(ask)))
            self.now_ms += 6_000
            self.feed(Tick())
        wanted = {key_of(row): row for row in self.journal.rows(STATE)}
        return self.replica.epoch == self.journal.epoch and dict(self.replica.rows) == wanted


def converges(seed: int, make_replica: Callable[[], Replica], *, steps: int = 300) -> bool:
    """Does the replica end right after a life of this seed?"""
    model = Model(seed, make_replica)
    model.feed(Connected(model.journal.epoch))
    for _ in range(steps):
        model.step()
    return model.settle()
