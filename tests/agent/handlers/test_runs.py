"""Are runs ordered, shown and paged as asked?"""

import secrets
from functools import partial
from typing import Any

import msgspec
import pytest

from agent.handlers.rows import run_row
from agent.store import history, ledger, samples
from agent.store.samples import Sample
from agent.ulid import new_ulid, ulid_ms
from shared.protocol.requests import (
    RunBackfill,
    RunBackfillReply,
    RunDetail,
    RunFilter,
    RunGet,
    RunRetry,
    RunRetryReply,
    RunSample,
    RunSamples,
    RunSamplesReply,
    RunsPage,
    RunsPageReply,
    RunStart,
    RunStartReply,
    TaskPing,
    TaskPingReply,
)
from tests.agent.store.makings import a_run
from tests.agent.wire.door import CLOCK, Door


async def recorded(door: Door, count: int, *, first_ms: int = 1_000_000, **more: Any) -> list[str]:
    """The ids of this many runs that ended, oldest first."""
    ids = []
    for number in range(count):
        at_ms = first_ms + number
        run = a_run(at_ms)
        await door.recorder.claim([run])
        ended = {
            "status": "error",
            "started_ms": at_ms,
            "ended_ms": at_ms + 5,
            "output_tail": "needle in output",
            "error_message": "it broke",
        } | more
        await door.recorder.ended(msgspec.structs.replace(run, **ended))
        ids.append(run.id)
    return ids


async def test_a_run_is_ordered_in_the_name_of_the_key(door: Door) -> None:
    guest = await door.welcome("operator", label="Otto")

    reply = await guest.get(
        RunStart(
            task_id="backup",
            reason="because",
            op=secrets.token_hex(16),
            expires_ms=CLOCK.now_ms() + 60_000,
        ),
        RunStartReply,
    )

    run = await door.database.read(partial(ledger.get, run_id=reply.run_id))
    assert (run.requested_by, run.note, run.trigger) == ("Otto", "because", "manual")
    row = door.journal.get("run", reply.run_id)
    assert row is not None
    assert reply.rev >= row.rev


async def test_a_second_run_beside_a_living_one_is_refused(door: Door) -> None:
    guest = await door.welcome("operator")

    def order(**more: Any) -> RunStart:
        return RunStart(
            task_id="backup",
            op=secrets.token_hex(16),
            expires_ms=CLOCK.now_ms() + 60_000,
            **more,
        )

    await guest.get(order(), RunStartReply)

    assert await guest.refusal(order()) == "conflict"
    assert await guest.refusal(order(if_running="parallel")) == "conflict"
    assert door.runs.if_running == "parallel"


async def test_past_moments_are_run_again_as_further_attempts(door: Door) -> None:
    await recorded(door, 2, first_ms=1_000_000)
    guest = await door.welcome("operator", label="Otto")
    command = RunBackfill(
        task_id="backup",
        moments_ms=(1_000_000, 1_000_001),
        reason="after the outage",
        op=secrets.token_hex(16),
        expires_ms=CLOCK.now_ms() + 60_000,
    )

    reply = await guest.get(command, RunBackfillReply)
    again = await guest.get(command, RunBackfillReply)

    assert again.run_ids == reply.run_ids
    assert again.replayed
    runs = [await door.database.read(partial(ledger.get, run_id=id_)) for id_ in reply.run_ids]
    assert [(run.scheduled_ms, run.attempt, run.trigger, run.note) for run in runs] == [
        (1_000_000, 2, "manual", "after the outage"),
        (1_000_001, 2, "manual", "after the outage"),
    ]


async def test_pages_follow_each_other_without_gap_or_double(door: Door) -> None:
    ids = await recorded(door, 7)
    guest = await door.welcome("viewer")
    found: list[str] = []
    cursor = None

    while True:
        page = await guest.get(RunsPage(limit=3, cursor=cursor), RunsPageReply)
        found += [run.id for run in page.rows]
        await recorded(door, 1, first_ms=CLOCK.now_ms())
        if (cursor := page.next) is None:
            break

    assert found == ids[::-1]


async def test_a_cursor_of_another_question_is_refused(door: Door) -> None:
    await recorded(door, 3)
    guest = await door.welcome("viewer")
    page = await guest.get(RunsPage(limit=1), RunsPageReply)

    other = RunsPage(limit=1, cursor=page.next, filter=RunFilter(results=("error",)))

    assert page.next is not None
    assert await guest.refusal(other) == "bad_cursor"
    assert await guest.refusal(RunsPage(cursor="!!!")) == "bad_cursor"
    assert await guest.refusal(RunsPage(cursor="AAAA")) == "bad_cursor"


async def test_runs_are_filtered_by_what_became_of_them(door: Door) -> None:
    failed = await recorded(door, 1)
    guest = await door.welcome("viewer")
    started = await door.runs.start_now("report", who="x", reason=None)

    async def ids(**wanted: Any) -> list[str]:
        page = await guest.get(RunsPage(filter=RunFilter(**wanted)), RunsPageReply)
        return [run.id for run in page.rows]

    assert await ids(results=("error",)) == failed
    assert await ids(states=("queued",)) == [started.id]
    assert await ids(states=("ended",)) == failed
    assert set(await ids(states=("ended", "queued"))) == {*failed, started.id}
    assert await ids(trigger="manual") == [started.id]
    assert await ids(text="needle") == failed
    own = msgspec.structs.replace(started, id=new_ulid(5), scheduled_ms=5, host="shop-1")
    await door.recorder.claim([own])
    assert await ids(host="shop-1") == [own.id]
    assert await ids(host="elsewhere") == []
    assert await ids(task_id="report", results=("error",)) == []


async def test_a_search_that_ends_early_says_how_far_back_it_got_and_goes_on(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "TEXT_SLICE", 2)
    monkeypatch.setattr("agent.handlers.runs.PAGE_BUDGET_MS", 0)
    ids = await recorded(door, 5)
    guest = await door.welcome("viewer")
    asked = RunsPage(filter=RunFilter(text="needle"), limit=10)
    pages = [await guest.get(asked, RunsPageReply)]

    while pages[-1].next is not None:
        more = msgspec.structs.replace(asked, cursor=pages[-1].next)
        pages.append(await guest.get(more, RunsPageReply))

    assert [run.id for page in pages for run in page.rows] == ids[::-1]
    assert pages[0].searched_ms == ulid_ms(ids[3])
    assert pages[-1].searched_ms is None


async def test_what_a_run_used_is_told_to_those_who_may_look(door: Door) -> None:
    (run_id,) = await recorded(door, 1)
    taken = Sample(run_id=run_id, sampled_ms=5, cpu_ms=9, rss_bytes=4096, processes=2)
    await door.database.write(lambda connection: samples.record(connection, [taken]))
    guest = await door.welcome("viewer")

    told = await guest.get(RunSamples(run_id=run_id), RunSamplesReply)

    assert told.samples == (RunSample(at_ms=5, cpu_ms=9, rss_bytes=4096, processes=2),)
    assert await guest.refusal(RunSamples(run_id="0" * 26)) == "not_found"


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_output_is_for_viewers_only_if_the_owner_says_so(
    closed_door: Door, role: str
) -> None:
    (run_id,) = await recorded(closed_door, 1)
    guest = await closed_door.welcome(role)

    detail = await guest.get(RunGet(run_id=run_id), RunDetail)
    searched = await guest.ask(RunsPage(filter=RunFilter(text="needle")))

    assert (detail.output_tail is None) == (role == "viewer")
    assert (detail.error_message is None) == (role == "viewer")
    assert isinstance(searched, RunsPageReply) == (role == "operator")
    assert detail.run.result == "error"
    assert [attempt.id for attempt in detail.attempts] == [run_id]


def retry(run_id: str) -> RunRetry:
    return RunRetry(
        run_id=run_id,
        reason="again",
        op=secrets.token_hex(16),
        expires_ms=CLOCK.now_ms() + 60_000,
    )


async def test_a_run_that_failed_gets_one_more_attempt_at_its_moment_by_hand(door: Door) -> None:
    guest = await door.welcome("operator", label="Otto")
    (failed,) = await recorded(door, 1)

    reply = await guest.get(retry(failed), RunRetryReply)

    run = await door.database.read(partial(ledger.get, run_id=reply.run_id))
    assert (run.scheduled_ms, run.attempt, run.trigger) == (1_000_000, 2, "manual")
    assert (run.requested_by, run.note) == ("Otto", "again")


async def test_a_retry_that_waits_starts_now_whichever_attempt_is_named(door: Door) -> None:
    guest = await door.welcome("operator")
    (failed,) = await recorded(door, 1)
    first = await door.database.read(partial(ledger.get, run_id=failed))
    waiting = msgspec.structs.replace(
        first,
        id=new_ulid(1_000_001),
        attempt=2,
        trigger="retry",
        status="retry_wait",
        ended_ms=None,
    )
    await door.recorder.claim([waiting])

    replies = [await guest.get(retry(run_id), RunRetryReply) for run_id in (failed, waiting.id)]

    assert [reply.run_id for reply in replies] == [waiting.id] * 2
    assert door.runs.hastened == [waiting.id] * 2


@pytest.mark.parametrize("status", ["success", "skipped", "missed"])
async def test_a_run_that_did_not_fail_is_not_tried_again(door: Door, status: str) -> None:
    guest = await door.welcome("operator")
    (run_id,) = await recorded(door, 1, status=status)

    assert await guest.refusal(retry(run_id)) == "conflict"


async def test_a_run_whose_next_attempt_lives_is_not_tried_again(door: Door) -> None:
    guest = await door.welcome("operator")
    (failed,) = await recorded(door, 1)
    await guest.get(retry(failed), RunRetryReply)

    assert await guest.refusal(retry(failed)) == "conflict"


async def test_a_ping_is_taken_down_in_the_name_of_the_key_and_never_for_later(
    door: Door,
) -> None:
    guest = await door.welcome("operator", label="Otto")

    for at_ms in (5_000, CLOCK.now_ms() + 60_000, None):
        reply = await guest.get(
            TaskPing(
                task_id="backup",
                what="start",
                at_ms=at_ms,
                op=secrets.token_hex(16),
                expires_ms=CLOCK.now_ms() + 60_000,
            ),
            TaskPingReply,
        )
        assert reply.state == "running"

    told = door.pings.told
    assert [ping.who for ping in told] == ["Otto"] * 3
    assert told[0].at_ms == 5_000
    assert all(ping.at_ms <= CLOCK.now_ms() for ping in told)


async def test_the_calls_of_a_trace_are_for_those_who_may_read_output(door: Door) -> None:
    frames = {"language": "php", "frames": [{"file": "/a.php", "line": 7, "function": "sync"}]}
    (run_id,) = await recorded(door, 1, frames=frames, error_class="fatal")
    guest = await door.welcome("viewer")

    detail = await guest.get(RunGet(run_id=run_id), RunDetail)

    assert detail.run.error_class == "fatal"
    assert detail.trace_language == "php"
    assert [(one.file, one.line, one.function) for one in detail.frames] == [("/a.php", 7, "sync")]


async def test_what_a_run_says_of_its_progress_is_for_those_who_may_read_output(
    closed_door: Door,
) -> None:
    (run_id,) = await recorded(
        closed_door, 1, progress=40, progress_note="with Anna", metrics={"rows": 3}
    )
    viewer = await closed_door.welcome("viewer")
    operator = await closed_door.welcome("operator")

    seen = (await viewer.get(RunGet(run_id=run_id), RunDetail)).run
    (listed,) = (await viewer.get(RunsPage(), RunsPageReply)).rows
    whole = (await operator.get(RunGet(run_id=run_id), RunDetail)).run

    assert (seen.progress, seen.progress_note, seen.metrics) == (40, None, (("rows", 3.0),))
    assert listed.progress_note is None
    assert whole.progress_note == "with Anna"


async def test_a_living_run_is_told_with_what_it_has_said_so_far(door: Door) -> None:
    run = a_run(1_000_000)
    await door.recorder.claim([run])
    door.journal.put(run_row(msgspec.structs.replace(run, status="running", progress=40)))
    guest = await door.welcome("viewer")

    told = (await guest.get(RunGet(run_id=run.id), RunDetail)).run

    assert (told.state, told.progress) == ("running", 40)
