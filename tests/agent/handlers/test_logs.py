"""Is output given to those who may read it, from where they ask?"""

from shared.protocol.requests import (
    LogRead,
    LogReadReply,
    LogSearch,
    LogSearchReply,
    LogStat,
    LogStatReply,
    Stream,
)
from tests.agent.wire.door import Door

RUN_ID = "01" + "A" * 24


async def test_a_viewer_reads_nothing_where_the_owner_does_not_want_it(closed_door: Door) -> None:
    closed_door.outputs.written[RUN_ID] = b"secret"
    guest = await closed_door.welcome("viewer")

    assert await guest.refusal(LogRead(run_id=RUN_ID, offset=0)) == "disabled"
    assert await guest.refusal(LogStat(run_id=RUN_ID)) == "disabled"
    assert await guest.refusal(LogSearch(pattern="secret")) == "disabled"
    operator = await closed_door.welcome("operator")
    await operator.get(LogRead(run_id=RUN_ID, offset=0), LogReadReply)


async def test_a_tail_begins_so_many_bytes_before_the_end(door: Door) -> None:
    door.outputs.written[RUN_ID] = b"0123456789"
    door.outputs.ended.add(RUN_ID)
    guest = await door.welcome("viewer")
    request = LogRead(run_id=RUN_ID, tail=4)

    reply, data = await guest.answer(await guest.send(request), request)

    assert isinstance(reply, LogReadReply)
    assert data == b"6789"
    assert (reply.offset, reply.next, reply.size, reply.eof) == (6, 10, 10, True)


async def test_a_chunk_ends_at_its_limit_and_is_not_the_end(door: Door) -> None:
    door.outputs.written[RUN_ID] = b"0123456789"
    door.outputs.ended.add(RUN_ID)
    guest = await door.welcome("viewer")
    request = LogRead(run_id=RUN_ID, offset=2, limit=3)

    reply, data = await guest.answer(await guest.send(request), request)

    assert isinstance(reply, LogReadReply)
    assert data == b"234"
    assert (reply.next, reply.eof) == (5, False)


async def test_a_run_or_stream_nobody_knows_is_not_found(door: Door) -> None:
    door.outputs.written[RUN_ID] = b"x"
    guest = await door.welcome("viewer")

    assert await guest.refusal(LogStat(run_id="01" + "B" * 24)) == "not_found"
    assert await guest.refusal(LogRead(run_id=RUN_ID, offset=0, stream="stderr")) == "not_found"


async def test_the_size_of_output_is_told(door: Door) -> None:
    door.outputs.written[RUN_ID] = b"12345"
    guest = await door.welcome("viewer")

    reply = await guest.get(LogStat(run_id=RUN_ID), LogStatReply)

    assert reply.streams == (Stream(name="output", first=0, size=5, ended=False),)


async def test_a_search_goes_on_with_the_cursor_of_its_own_question_alone(door: Door) -> None:
    door.outputs.written[RUN_ID] = b"needle 1\nhay\nneedle 2\nneedle 3\n"
    guest = await door.welcome("viewer")
    request = LogSearch(pattern="needle", limit=2)

    first = await guest.get(request, LogSearchReply)
    second = await guest.get(
        LogSearch(pattern="needle", limit=2, cursor=first.next), LogSearchReply
    )

    assert [hit.line for hit in first.hits] == ["needle 1", "needle 2"]
    assert [hit.line for hit in second.hits] == ["needle 3"]
    assert second.next is None
    assert await guest.refusal(LogSearch(pattern="hay", cursor=first.next)) == "bad_cursor"
