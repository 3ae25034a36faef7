"""The mailbox: bounded by the number of rows, announced once, taken in turns."""

from desktop.network.mailbox import (
    METRICS_KEPT,
    NOTICE_EVERY_MS,
    LinkNews,
    LogChunk,
    Mailbox,
)
from shared.protocol.events import Metric
from shared.protocol.rows import Task


def task(number: int, rev: int = 1) -> Task:
    return Task(id=f"t{number}", rev=rev, name=f"Task {number}")


def test_a_later_row_replaces_an_earlier_one() -> None:
    box = Mailbox()
    for rev in range(1, 100):
        box.put_rows("a", {("task", "t1"): task(1, rev)})
    box.put_rows("a", {("task", "t2"): None})

    mail = box.take()

    assert mail.rows == {"a": {("task", "t1"): task(1, 99), ("task", "t2"): None}}
    assert not mail.has_more
    assert box.take().rows == {}


def test_a_large_change_is_taken_in_turns_and_a_waiting_row_still_gets_newer() -> None:
    box = Mailbox()
    box.put_rows("a", {("task", f"t{n}"): task(n) for n in range(15)})
    box.put_rows("b", {("task", "t0"): task(0)})

    first = box.take(limit=10)
    box.put_rows("a", {("task", "t14"): task(14, rev=2)})
    second = box.take(limit=10)

    assert first.has_more
    assert len(first.rows["a"]) == 10
    assert second.rows["a"]["task", "t14"] == task(14, rev=2)
    assert len(second.rows["a"]) == 5
    assert second.rows["b"] == {("task", "t0"): task(0)}
    assert not second.has_more


def test_it_is_announced_once_until_taken_and_at_most_thirty_times_a_second() -> None:
    box = Mailbox()
    assert not box.should_announce(0)

    box.put_link("a", LinkNews(state="live"))
    assert box.should_announce(0)
    box.put_link("a", LinkNews(state="late"))
    assert not box.should_announce(1_000)

    box.take()
    assert not box.should_announce(2_000)
    box.put_link("a", LinkNews(state="lost"))
    assert box.should_announce(2_000)
    box.take()
    box.put_link("a", LinkNews(state="live"))
    assert not box.should_announce(2_000 + NOTICE_EVERY_MS - 1)
    assert box.wait_ms(2_000 + NOTICE_EVERY_MS - 1) == 1
    assert box.should_announce(2_000 + NOTICE_EVERY_MS)


def test_while_a_rest_remains_the_taker_comes_by_itself() -> None:
    box = Mailbox()
    box.put_rows("a", {("task", f"t{n}"): task(n) for n in range(3)})
    box.should_announce(0)

    assert box.take(limit=2).has_more
    assert not box.should_announce(1_000)
    assert not box.take(limit=2).has_more
    box.put_rows("a", {("task", "t9"): task(9)})
    assert box.should_announce(2_000)


def test_samples_nobody_takes_do_not_pile_up() -> None:
    box = Mailbox()
    for now_ms in range(1_000):
        box.put_metric("a", Metric(now_ms=now_ms))

    metrics = box.take().metrics

    assert len(metrics) == METRICS_KEPT
    assert metrics[-1][1].now_ms == 999


def test_unread_output_is_counted_until_it_is_taken() -> None:
    box = Mailbox()
    for _ in range(2):
        box.put_report(LogChunk(handle=5, run_id="r", text="abc"))

    assert box.unread(5) == 6
    assert len(box.take().reports) == 2
    assert box.unread(5) == 0


def test_an_agent_that_was_closed_is_not_shown_again() -> None:
    box = Mailbox()
    for agent_id in ("a", "b"):
        box.put_rows(agent_id, {("task", "t1"): task(1)})
        box.put_metric(agent_id, Metric(now_ms=1))

    box.forget_agent("a")
    mail = box.take()

    assert list(mail.rows) == ["b"]
    assert [agent_id for agent_id, _ in mail.metrics] == ["b"]
