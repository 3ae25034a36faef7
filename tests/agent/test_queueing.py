"""Who gets the next slot, and does everybody get one in the end?"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.queueing import AGING_MS, BEHIND_MS, Queue, Waiting
from agent.rules.admission import Busy
from tests.agent.store.makings import NOW_MS, a_run, a_task


def queue(slots: int = 8, *, background: int = 2, **category_slots: int) -> Queue:
    return Queue(slots=slots, background_slots=background, category_slots=category_slots)


def waiting(name: str, at_ms: int = NOW_MS, *, trigger: str = "schedule", **task: Any) -> Waiting:
    definition = a_task(name, **task)
    run = a_run(at_ms, task_name=name, trigger=trigger, category=definition.category)
    return Waiting(run, definition)


def drain(line: Queue) -> list[str]:
    """Let everybody have a slot, one after another."""
    names = []
    while taken := line.take():
        names.append(taken.run.task_name)
        line.release(taken.run.id)
    return names


def test_the_urgent_come_first_and_equals_in_the_order_of_their_moments() -> None:
    line = queue(1)
    for name, priority in (("low", 5), ("b", 3), ("a", 3), ("high", 1)):
        line.put(waiting(name, priority=priority))

    assert drain(line) == ["high", "b", "a", "low"]


def test_waiting_outweighs_priority_so_that_nothing_starves() -> None:
    line = queue(1)
    line.put(waiting("low", NOW_MS, priority=2))
    line.put(waiting("high", NOW_MS + AGING_MS - 1, priority=1))
    line.put(waiting("later", NOW_MS + AGING_MS + 1, priority=1))

    assert drain(line) == ["high", "low", "later"]


def test_no_more_than_the_slots_are_taken() -> None:
    line = queue(2)
    for name in "abc":
        line.put(waiting(name))

    first, second = line.take(), line.take()
    assert first is not None
    assert second is not None
    assert line.take() is None
    line.release(first.run.id)
    third = line.take()

    assert third is not None
    assert third.run.task_name == "c"


def test_a_category_takes_no_more_than_its_share_and_holds_nobody_else_up() -> None:
    line = queue(8, Bank=1)
    line.put(waiting("a", category="Bank"))
    line.put(waiting("b", category="Bank"))
    line.put(waiting("c", category="Shop", priority=5))

    taken = [line.take(), line.take(), line.take()]

    assert [one.run.task_name if one else None for one in taken] == ["a", "c", None]


def test_a_task_has_one_run_at_a_time_unless_it_allows_more() -> None:
    line = queue()
    for number in range(3):
        line.put(waiting("one", NOW_MS + number))
        line.put(waiting("two", NOW_MS + number, overlap="allow", overlap_limit=2))

    names = []
    while taken := line.take():
        names.append(taken.run.task_name)

    assert sorted(names) == ["one", "two", "two"]
    assert line.busy("one") == Busy(alive=1, waiting=2)


def test_catching_up_has_its_own_slots_and_stands_behind_what_is_due_now() -> None:
    line = queue(2, background=1)
    line.put(waiting("old", NOW_MS, trigger="catchup"))
    line.put(waiting("older", NOW_MS, trigger="catchup"))
    line.put(waiting("now", NOW_MS + BEHIND_MS - 1))

    first, second = line.take(), line.take()

    assert first is not None
    assert second is not None
    assert [first.run.task_name, second.run.task_name] == ["now", "old"]
    line.release(first.run.id)
    assert line.take() is None, "one in the background is the most"


def test_catch_ups_of_a_task_do_not_stand_before_its_regular_run() -> None:
    line = queue(8, background=1)
    for number in range(3):
        line.put(waiting("task", NOW_MS + number, trigger="catchup"))
    line.put(waiting("other", NOW_MS - BEHIND_MS, trigger="catchup"))
    other = line.take()
    line.put(waiting("task", NOW_MS + 2 * BEHIND_MS))

    assert other is not None
    assert other.run.task_name == "other"
    assert line.busy("task") == Busy(alive=0, waiting=1), "catch-ups do not count as waiting"
    taken = line.take()
    assert taken is not None
    assert taken.run.trigger == "schedule"


def test_who_waits_for_his_hour_is_not_started_before_it() -> None:
    line = queue()
    parked = waiting("task")
    line.park(parked)

    assert line.take() is None
    assert (line.startable, line.waiting, line.busy("task")) == (0, 1, Busy(0, 1))
    assert line.unpark(parked.run.id)
    assert line.take() == parked
    assert not line.unpark(parked.run.id)


def test_who_was_removed_gets_no_slot_and_the_next_of_his_task_does() -> None:
    line = queue()
    first, second = waiting("task", NOW_MS), waiting("task", NOW_MS + 1)
    line.put(first)
    line.put(second)

    assert line.remove(first.run.id) == first.run
    assert line.remove(first.run.id) is None
    assert line.take() == second


def test_how_long_the_first_has_waited_is_known() -> None:
    line = queue()
    assert line.oldest_ms() is None

    line.put(waiting("b", NOW_MS + 5))
    line.put(waiting("a", NOW_MS))
    line.park(waiting("c", NOW_MS - 5))

    assert line.oldest_ms() == NOW_MS


class Street(RuleBasedStateMachine):
    """A queue and what must be true of it, whatever comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.line = queue(2, background=1, Bank=1)
        self.inside: dict[str, Waiting] = {}
        self.alive: dict[str, Waiting] = {}
        self.number = 0

    @rule(
        name=st.sampled_from("abc"),
        trigger=st.sampled_from(["schedule", "catchup"]),
        category=st.sampled_from(["Bank", "Shop"]),
        overlap=st.sampled_from(["forbid", "allow"]),
        priority=st.integers(1, 5),
        is_parked=st.booleans(),
    )
    def come(
        self, name: str, trigger: str, category: str, overlap: str, priority: int, is_parked: bool
    ) -> None:
        self.number += 1
        one = waiting(
            name,
            NOW_MS + self.number,
            trigger=trigger,
            category=category,
            overlap=overlap,
            priority=priority,
        )
        self.inside[one.run.id] = one
        (self.line.park if is_parked else self.line.put)(one)

    @rule()
    def take(self) -> None:
        taken = self.line.take()
        if taken is not None:
            self.alive[taken.run.id] = self.inside.pop(taken.run.id)
            same = [one for one in self.alive.values() if one.run.task_name == taken.run.task_name]
            assert len(same) <= taken.definition.most_running

    @precondition(lambda self: self.alive)
    @rule()
    def release(self) -> None:
        self.line.release(self.alive.popitem()[0])

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def go_away(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.inside)))
        self.line.remove(run_id)
        del self.inside[run_id]

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def unpark(self, data: st.DataObject) -> None:
        self.line.unpark(data.draw(st.sampled_from(sorted(self.inside))))

    @invariant()
    def limits_hold(self) -> None:
        assert len(self.alive) == self.line.held <= 2
        assert len(self.inside) == self.line.waiting
        assert sum(one.is_background for one in self.alive.values()) <= 1
        assert sum(one.definition.category == "Bank" for one in self.alive.values()) <= 1

    def teardown(self) -> None:
        """Nobody is forgotten: all get their turn in the end."""
        for run_id in self.inside:
            self.line.unpark(run_id)
        for run_id in self.alive:
            self.line.release(run_id)
        while taken := self.line.take():
            del self.inside[taken.run.id]
            self.line.release(taken.run.id)
        assert not self.inside
        line = self.line
        assert (line.waiting, line.held, line.startable, line.in_background) == (0, 0, 0, 0)


TestWhateverComesAndGoes = Street.TestCase
TestWhateverComesAndGoes.settings = settings(deadline=None, max_examples=60)
