"""The reader ends with the agent's rows, whatever the network does."""

import os
from functools import partial

import pytest

from shared.protocol.events import Heartbeat, Revs
from shared.protocol.journal import Journal
from shared.protocol.replica import (
    ANSWER_WITHIN_MS,
    HELD_DELTAS,
    Answered,
    Changes,
    Connected,
    Disconnected,
    Failed,
    Published,
    Reload,
    Replica,
    Tick,
)
from shared.protocol.rows import STATE, Delta, Task
from tests.shared.protocol.model import Model, StepBack, converges

RUNS = int(os.environ.get("SMARTCRON_MODEL_RUNS", "2000"))
new_replica = partial(Replica, STATE)


class WithoutR8(Replica):
    """Takes over an answer that is older than what it holds."""

    def _answered(self, delta: Delta, now_ms: int) -> Changes:
        local = self.local
        if not delta.full and delta.epoch == self.epoch and delta.to_rev <= local:
            self.local = delta.to_rev - 1
            changes = self._applied(delta)
            self.local = local
            return changes
        return super()._answered(delta, now_ms)


class WithoutGaps(Replica):
    """Takes over an event though the one before it was lost."""

    def _published(self, delta: Delta, now_ms: int) -> Changes:
        if self._held is None and delta.epoch == self.epoch and delta.from_rev > self.local:
            return self._applied(delta)
        return super()._published(delta, now_ms)


class WithoutFirstHead(Replica):
    """Believes a snapshot to be as new as its last page."""

    def _page(self, delta: Delta, now_ms: int) -> Changes:
        if self._build is not None:
            self._build.base = delta.head
        return super()._page(delta, now_ms)


class WithoutR5(Replica):
    """Takes over rows that are older than those it holds."""

    def _is_news(self, key: tuple[str, str], rev: int) -> bool:
        return True


def test_after_any_trouble_the_replica_has_the_agents_rows() -> None:
    wrong = [seed for seed in range(RUNS) if not converges(seed, new_replica)]

    assert wrong == []


@pytest.mark.parametrize("broken", [WithoutR8, WithoutGaps, WithoutFirstHead])
def test_the_model_catches_a_replica_that_leaves_out_a_rule(broken: type[Replica]) -> None:
    make = partial(broken, STATE)

    assert any(not converges(seed, make) for seed in range(3_000))


def test_the_model_sees_rows_step_back_when_revisions_are_not_compared() -> None:
    def steps_back(seed: int) -> bool:
        try:
            converges(seed, partial(WithoutR5, STATE))
        except StepBack:
            return True
        return False

    assert any(steps_back(seed) for seed in range(3_000))


def a_journal(*names: str, rows_per_page: int = 500) -> Journal:
    journal = Journal("1" * 16, rows_per_page=rows_per_page)
    for name in names:
        journal.put(Task(id=name, name=name))
    return journal


def a_loaded_replica(journal: Journal) -> Replica:
    replica = Replica(STATE)
    (ask,) = replica.feed(Connected(journal.epoch), 0).asks
    replica.feed(Answered(ask.token, journal.sync(STATE, now_ms=0)), 0)
    journal.flush(0)
    return replica


def ids(replica: Replica) -> set[str]:
    return {row_id for _, row_id in replica.rows}


def a_beat(epoch: str, state_rev: int) -> Heartbeat:
    return Heartbeat(
        epoch=epoch, n=1, now_ms=0, up_ms=0, every_ms=2_000, revs=Revs(state=state_rev)
    )


def test_a_new_session_asks_for_everything_once() -> None:
    replica = Replica(STATE)

    first = replica.feed(Connected("1" * 16), 0)
    again = replica.feed(Tick(), 10)

    assert [ask.request.since for ask in first.asks] == [0]
    assert again.asks == ()


def test_the_first_snapshot_resets_and_the_next_delta_only_changes() -> None:
    journal = a_journal("a", "b")
    replica = Replica(STATE)
    (ask,) = replica.feed(Connected(journal.epoch), 0).asks

    loaded = replica.feed(Answered(ask.token, journal.sync(STATE, now_ms=0)), 0)
    journal.flush(0)
    journal.remove("task", "a")
    (delta,) = journal.flush(0)
    changed = replica.feed(Published(delta), 0)

    assert loaded.reset
    assert len(loaded.upserts) == 2
    assert not changed.reset
    assert changed.removals == (("task", "a"),)
    assert ids(replica) == {"b"}


def test_old_rows_stay_in_sight_while_a_snapshot_is_under_way() -> None:
    journal = a_journal("a", "b", rows_per_page=1)
    replica = Replica(STATE)
    (ask,) = replica.feed(Connected(journal.epoch), 0).asks
    while ask:
        page = journal.sync(STATE, cursor=ask.request.cursor, now_ms=0)
        asks = replica.feed(Answered(ask.token, page), 0).asks
        if not asks:
            break
        ask = asks[0]

    replica.feed(Reload(), 0)

    assert replica.is_refreshing
    assert ids(replica) == {"a", "b"}


def test_a_heartbeat_that_knows_more_makes_the_replica_ask() -> None:
    journal = a_journal("a")
    replica = a_loaded_replica(journal)

    assert replica.feed(a_beat(journal.epoch, 1), 0).asks == ()
    (ask,) = replica.feed(a_beat(journal.epoch, 5), 0).asks
    assert (ask.request.since, ask.request.epoch) == (1, journal.epoch)


def test_a_heartbeat_of_another_life_of_the_agent_makes_it_ask_for_everything() -> None:
    replica = a_loaded_replica(a_journal("a"))

    (ask,) = replica.feed(a_beat("2" * 16, 0), 0).asks

    assert ask.request.since == 0
    assert ids(replica) == {"a"}


def test_an_ask_that_is_not_answered_is_sent_again_and_the_late_answer_is_ignored() -> None:
    journal = a_journal("a")
    replica = Replica(STATE)
    (first,) = replica.feed(Connected(journal.epoch), 0).asks

    assert replica.feed(Tick(), ANSWER_WITHIN_MS - 1).asks == ()
    (second,) = replica.feed(Tick(), ANSWER_WITHIN_MS).asks
    page = journal.sync(STATE, now_ms=0)
    assert replica.feed(Answered(first.token, page), ANSWER_WITHIN_MS).is_empty
    assert replica.feed(Answered(second.token, page), ANSWER_WITHIN_MS).reset


def test_a_refused_ask_waits_as_long_as_the_agent_wants() -> None:
    replica = Replica(STATE)
    (ask,) = replica.feed(Connected("1" * 16), 0).asks

    replica.feed(Failed(ask.token, "busy", after_ms=3_000), 0)

    assert replica.feed(Tick(), 2_999).asks == ()
    assert len(replica.feed(Tick(), 3_000).asks) == 1


def test_a_refused_cursor_begins_the_snapshot_again() -> None:
    journal = a_journal("a", "b", rows_per_page=1)
    replica = Replica(STATE)
    (ask,) = replica.feed(Connected(journal.epoch), 0).asks
    (ask,) = replica.feed(Answered(ask.token, journal.sync(STATE, now_ms=0)), 0).asks

    (again,) = replica.feed(Failed(ask.token, "bad_cursor"), 0).asks

    assert ask.request.cursor is not None
    assert again.request.cursor is None


def test_without_a_session_nothing_is_asked_and_the_rows_stay() -> None:
    replica = a_loaded_replica(a_journal("a"))

    replica.feed(Disconnected(), 0)

    assert replica.feed(a_beat("2" * 16, 9), 0).asks == ()
    assert replica.feed(Tick(), 60_000).asks == ()
    assert ids(replica) == {"a"}


def test_too_many_events_during_a_snapshot_begin_it_again() -> None:
    journal = a_journal("a")
    replica = Replica(STATE)
    replica.feed(Connected(journal.epoch), 0)
    delta = Delta(scope=STATE, epoch=journal.epoch, from_rev=1, to_rev=2, head=2, ts_ms=0)

    asks = [replica.feed(Published(delta), 0).asks for _ in range(HELD_DELTAS + 1)]

    assert [len(asked) for asked in asks] == [0] * HELD_DELTAS + [1]


def test_events_of_another_scope_are_not_ours() -> None:
    replica = a_loaded_replica(a_journal("a"))
    delta = Delta(scope="alerts", epoch="9" * 16, from_rev=5, to_rev=6, head=6, ts_ms=0)

    assert replica.feed(Published(delta), 0) == Changes()


def test_the_model_reaches_the_hard_corners() -> None:
    """The network of the model does lose, restart and page; otherwise it would prove nothing."""
    models = [Model(seed, new_replica) for seed in range(40)]
    for model in models:
        model.feed(Connected(model.journal.epoch))
        for _ in range(120):
            model.step()

    assert any(model.epochs > 1 for model in models)
    assert any(model.loss > 0 for model in models)
    assert any(model.replica.is_refreshing for model in models)
