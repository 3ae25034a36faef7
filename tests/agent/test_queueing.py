"""Who gets the next slot, and does everybody get one in the end?"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

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
    for name, task in (("one", {}), ("two", {"overlap": "allow", "overlap_limit": 2})):
        for number in range(3):
            line.put(waiting(name, NOW_MS + number, **task))

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


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_whatever_comes_and_goes_the_limits_hold_and_nobody_is_forgotten(
    data: st.DataObject,
) -> None:
    slots, background, bank = (data.draw(st.integers(1, 3)) for _ in range(3))
    line = queue(slots, background=background, Bank=bank)
    inside: dict[str, Waiting] = {}
    alive: dict[str, Waiting] = {}
    for number in range(data.draw(st.integers(1, 40))):
        act = data.draw(
            st.sampled_from(["put", "put", "park", "unpark", "take", "release", "remove"])
        )
        if act in ("put", "park"):
            one = waiting(
                data.draw(st.sampled_from("abc")),
                NOW_MS + number,
                trigger=data.draw(st.sampled_from(["schedule", "catchup"])),
                category=data.draw(st.sampled_from(["Bank", "Shop"])),
                overlap=data.draw(st.sampled_from(["forbid", "allow"])),
                priority=data.draw(st.integers(1, 5)),
            )
            inside[one.run.id] = one
            (line.put if act == "put" else line.park)(one)
        elif act == "take" and (taken := line.take()):
            alive[taken.run.id] = inside.pop(taken.run.id)
            same = [one for one in alive.values() if one.run.task_name == taken.run.task_name]
            assert len(alive) <= slots
            assert len(same) <= taken.definition.most_running
            assert sum(one.is_background for one in alive.values()) <= background
            assert sum(one.definition.category == "Bank" for one in alive.values()) <= bank
        elif act == "release" and alive:
            line.release(alive.popitem()[0])
        elif inside:
            run_id = data.draw(st.sampled_from(sorted(inside)))
            if act == "remove":
                line.remove(run_id)
                del inside[run_id]
            elif act == "unpark":
                line.unpark(run_id)
    for run_id in list(inside):
        line.unpark(run_id)
    for run_id in alive:
        line.release(run_id)
    while taken := line.take():
        del inside[taken.run.id]
        line.release(taken.run.id)
    assert not inside
    assert (line.waiting, line.held, line.startable, line.in_background) == (0, 0, 0, 0)
