"""Every change takes a revision, and a reader is told what it lacks."""

import msgspec
import pytest

from shared.protocol.errors import BadCursor, BadRequest
from shared.protocol.journal import Journal
from shared.protocol.rows import ALERTS, STATE, Alert, Delta, Subject, Task

EPOCH = "1" * 16


def task(name: str, **fields: int) -> Task:
    return Task(id=name, name=name, **fields)  # type: ignore[arg-type]  # numbers only, all optional


def alert(name: str) -> Alert:
    return Alert(
        id=name, sev="high", state="open", kind="failing", subject=Subject("task", "a"), title="t",
        opened_ms=0, last_ms=0,
    )  # fmt: skip


def a_journal(*names: str, **options: int) -> Journal:
    journal = Journal(EPOCH, **options)
    for name in names:
        journal.put(task(name))
    return journal


def told(delta: Delta) -> list[tuple[str, int]]:
    return [(row.id, row.rev) for row in delta.rows.all()]


def test_each_change_takes_the_next_revision_and_no_change_takes_none() -> None:
    journal = Journal(EPOCH)

    revs = [
        journal.put(task("a")),
        journal.put(task("b")),
        journal.put(task("a")),
        journal.put(task("a", fails=1)),
        journal.remove("task", "b"),
        journal.remove("task", "b"),
    ]

    assert revs == [1, 2, 1, 3, 4, 4]


def test_the_two_scopes_count_by_themselves() -> None:
    journal = a_journal("a", "b")
    journal.put(alert("x"))

    assert (journal.revs.state, journal.revs.alerts) == (2, 1)
    assert [delta.scope for delta in journal.flush(0)] == [STATE, ALERTS]


def test_a_delta_tells_only_the_latest_of_each_row() -> None:
    journal = a_journal("a", "b", "c")
    journal.put(task("a", fails=1))
    journal.remove("task", "b")

    (delta,) = journal.flush(7)

    assert told(delta) == [("c", 3), ("a", 4)]
    assert [(dead.id, dead.rev) for dead in delta.gone] == [("b", 5)]
    assert (delta.from_rev, delta.to_rev, delta.head, delta.ts_ms) == (0, 5, 5, 7)


def test_a_row_put_for_later_is_made_once_when_somebody_asks() -> None:
    journal = a_journal("a")
    journal.flush(0)
    made: list[str] = []
    tells: list[str] = []
    journal.on_change(lambda: tells.append("changed"))

    def make(name: str) -> Task:
        made.append(name)
        return task(name, fails=len(made))

    for _ in range(3):
        journal.put_later("task", "a", make)
    assert tells
    assert not made

    assert journal.revs.state == 2
    assert told(journal.flush(0)[0]) == [("a", 2)]
    assert journal.get("task", "a") == task("a", fails=1, rev=2)
    assert made == ["a"]


def test_a_row_put_for_later_may_turn_out_to_be_gone_or_unchanged() -> None:
    journal = a_journal("a", "b")
    journal.flush(0)

    journal.put_later("task", "a", lambda _: None)
    journal.put_later("task", "b", task)

    (delta,) = journal.flush(0)
    assert [dead.id for dead in delta.gone] == ["a"]
    assert told(delta) == []


@pytest.mark.parametrize("last", ["put", "remove"])
def test_what_is_said_of_a_row_after_it_was_put_for_later_holds(last: str) -> None:
    journal = a_journal("a")

    journal.put_later("task", "a", lambda name: task(name, fails=7))
    if last == "put":
        journal.put(task("a", fails=1))
    else:
        journal.remove("task", "a")

    row = journal.get("task", "a")
    assert (row.fails if isinstance(row, Task) else None) == (1 if last == "put" else None)


def test_published_deltas_form_a_chain() -> None:
    journal = a_journal("a", "b", "c", "d", "e", rows_per_delta=2)
    first = journal.flush(0)
    journal.put(task("f"))
    second = journal.flush(0)

    assert [(delta.from_rev, delta.to_rev) for delta in first + second] == [
        (0, 2),
        (2, 4),
        (4, 5),
        (5, 6),
    ]
    assert journal.flush(0) == []


def test_a_heartbeat_is_told_only_what_was_published() -> None:
    journal = a_journal("a")

    assert (journal.published.state, journal.revs.state) == (0, 1)
    journal.flush(0)
    assert journal.published.state == 1


def test_a_burst_beyond_the_tombstones_sends_every_reader_to_ask() -> None:
    journal = a_journal("a", "b", "c", tombstones=1)
    journal.flush(0)
    for name in ("a", "b", "c"):
        journal.remove("task", name)

    (delta,) = journal.flush(0)

    assert (delta.from_rev, delta.to_rev) == (6, 6)
    assert not delta.rows.all()
    assert not delta.gone


def test_who_is_known_gets_what_it_lacks_in_the_order_of_revisions() -> None:
    journal = a_journal("a", "b", "c", "d")
    journal.remove("task", "a")

    first = journal.sync(STATE, since=1, epoch=EPOCH, limit=2, now_ms=0)
    rest = journal.sync(STATE, since=first.to_rev, epoch=EPOCH, limit=2, now_ms=0)

    assert (told(first), first.from_rev, first.to_rev, first.more) == (
        [("b", 2), ("c", 3)],
        1,
        3,
        True,
    )
    assert (told(rest), rest.to_rev, rest.more, rest.full) == ([("d", 4)], 5, False, False)
    assert [dead.id for dead in rest.gone] == ["a"]


@pytest.mark.parametrize(
    ("since", "epoch"),
    [(0, EPOCH), (1, None), (1, "2" * 16), (1, EPOCH), (99, EPOCH)],
    ids=["from nothing", "no epoch", "other epoch", "before the floor", "from the future"],
)
def test_who_cannot_be_told_the_difference_gets_everything(since: int, epoch: str | None) -> None:
    journal = a_journal("a", "b", "c", tombstones=1)
    journal.remove("task", "a")
    journal.remove("task", "b")

    delta = journal.sync(STATE, since=since, epoch=epoch, now_ms=0)

    assert delta.full
    assert told(delta) == [("c", 3)]


def test_pages_go_by_kind_and_id_and_miss_nothing_that_stays() -> None:
    journal = a_journal("e", "b", "d", "a", "c")
    seen: list[str] = []
    cursor: str | None = None

    while True:
        page = journal.sync(STATE, cursor=cursor, limit=2, now_ms=0)
        seen += [row.id for row in page.rows.all()]
        cursor = page.cursor
        journal.put(task("a", fails=len(seen)))  # changes between pages shift nothing
        if not page.more:
            break

    assert seen == ["a", "b", "c", "d", "e"]
    assert cursor is None


def test_a_page_is_never_larger_than_the_agent_wants() -> None:
    journal = a_journal("a", "b", "c", rows_per_page=2)

    assert len(journal.sync(STATE, limit=1000, now_ms=0).rows.all()) == 2


@pytest.mark.parametrize("cursor", ["", "x", "!!!!", "gg==", "é", "k6VzdGF0ZaR0YXNr"])
def test_a_cursor_not_made_here_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        a_journal("a").sync(STATE, cursor=cursor, now_ms=0)


def test_a_cursor_of_the_other_scope_is_refused() -> None:
    journal = a_journal("a", "b")
    cursor = journal.sync(STATE, limit=1, now_ms=0).cursor

    with pytest.raises(BadCursor, match="state"):
        journal.sync(ALERTS, cursor=cursor, now_ms=0)


def test_an_unknown_scope_is_refused_by_name() -> None:
    with pytest.raises(BadRequest, match="'dreams'"):
        a_journal().sync("dreams", now_ms=0)


def test_five_hundred_full_task_rows_fit_into_one_reply() -> None:
    busy = task("x" * 64, avg_ms=10**6, p95_ms=10**6, peak_ms=10**7, next_ms=10**12)
    busy = msgspec.structs.replace(
        busy, hours_24h=((60, 60),) * 24, spark=(10**6,) * 20, schedule_text="x" * 60
    )
    journal = Journal(EPOCH)
    for number in range(600):
        journal.put(msgspec.structs.replace(busy, id=f"{number:064}"))

    page = msgspec.msgpack.encode(journal.sync(STATE, limit=1000, now_ms=0))

    assert len(page) < 512 << 10
