"""Questions to an agent: repeated, capped, given up, and never left in doubt in silence."""

from typing import Final

import msgspec
import pytest

from desktop.network.failures import in_words
from desktop.network.pending import (
    COMMAND_TIMEOUT_MS,
    IN_FLIGHT,
    LINK,
    READ_TIMEOUT_MS,
    TRIES,
    WAITING,
    Answer,
    Pending,
)
from shared.protocol.codec import REQUEST_BYTES, encode_error, encode_reply
from shared.protocol.defining import TaskCheck
from shared.protocol.errors import ProtocolError
from shared.protocol.requests import (
    LogRead,
    OpReply,
    Ping,
    Pong,
    RunStart,
    RunStartReply,
    StatsGet,
    StatsReply,
)

OP: Final = "0" * 32
START: Final = RunStart(op=OP, expires_ms=10_000, task_id="backup")
PARKED: Final = LogRead(run_id="0" * 26, offset=0, wait_ms=20_000)


def request_id(frames: list[bytes]) -> int:
    number = msgspec.msgpack.decode(frames[0])[2]
    assert isinstance(number, int)
    return number


def request_type(frames: list[bytes]) -> str:
    return str(msgspec.msgpack.decode(frames[0])[1])


def run_out_of_tries(pending: Pending, *, timeout_ms: int) -> list[Answer]:
    answers: list[Answer] = []
    for attempt in range(TRIES):
        assert len(pending.to_send(attempt * timeout_ms)) == 1
        assert answers == []
        answers = pending.expired((attempt + 1) * timeout_ms)
    return answers


def test_a_reply_reaches_the_one_who_asked_and_only_once() -> None:
    pending = Pending()
    pending.ask(StatsGet(), owner=7, now_ms=0)
    [sent] = pending.to_send(0)
    frames = encode_reply(request_id(sent), StatsReply(tasks=29))

    [answer] = pending.answered(frames, 10)

    assert answer.owner == 7
    assert answer.reply == StatsReply(tasks=29)
    assert pending.answered(frames, 11) == []


def test_the_answer_to_a_cancelled_question_is_dropped() -> None:
    pending = Pending()
    pending.ask(StatsGet(), owner=7, now_ms=0)
    [sent] = pending.to_send(0)

    pending.cancel(7)

    assert pending.answered(encode_reply(request_id(sent), StatsReply()), 1) == []
    assert pending.next_ms() is None


def test_a_read_is_repeated_and_then_given_up() -> None:
    pending = Pending()
    pending.ask(StatsGet(), owner=7, now_ms=0)

    [answer] = run_out_of_tries(pending, timeout_ms=READ_TIMEOUT_MS)

    assert answer.failure is not None
    assert answer.failure.code == "timeout"
    assert answer.is_final


def test_a_parked_read_gets_its_waiting_time_on_top() -> None:
    pending = Pending()
    pending.ask(PARKED, owner=7, now_ms=0)
    pending.to_send(0)

    assert pending.next_ms() == READ_TIMEOUT_MS + PARKED.wait_ms


def test_parked_reads_and_the_link_are_never_held_back_by_other_questions() -> None:
    pending = Pending()
    for owner in range(1, 20):
        pending.ask(StatsGet(), owner=owner, now_ms=0)
    assert len(pending.to_send(0)) == IN_FLIGHT

    pending.ask(PARKED, owner=50, now_ms=0)
    pending.ask(Ping(), owner=LINK, now_ms=0)

    assert [request_type(one) for one in pending.to_send(0)] == ["ping", "log.read"]


def test_what_is_larger_than_an_agent_takes_is_not_sent_and_told_with_the_limit() -> None:
    pending = Pending()
    large = TaskCheck(definition={"command": "x" * REQUEST_BYTES})

    [answer] = pending.ask(large, owner=1, now_ms=0)

    assert pending.to_send(0) == []
    assert answer.failure is not None
    assert answer.failure.code == "too_large"
    assert f"{REQUEST_BYTES} is the cap" in in_words(answer.failure)


def test_a_full_book_refuses_instead_of_growing() -> None:
    pending = Pending()
    answers = [
        answer
        for owner in range(1, WAITING + 2)
        for answer in pending.ask(StatsGet(), owner=owner, now_ms=0)
    ]

    assert [(one.owner, one.failure and one.failure.code) for one in answers] == [
        (WAITING + 1, "busy")
    ]


def test_busy_is_asked_again_after_the_time_the_agent_named() -> None:
    pending = Pending()
    pending.ask(StatsGet(), owner=7, now_ms=0)
    [sent] = pending.to_send(0)
    busy = encode_error(request_id(sent), ProtocolError("full", code="busy", after_ms=250))

    assert pending.answered(busy, 100) == []

    assert pending.to_send(349) == []
    assert len(pending.to_send(350)) == 1


def test_a_refusal_carries_its_code() -> None:
    pending = Pending()
    pending.ask(START, owner=7, now_ms=0)
    [sent] = pending.to_send(0)

    [answer] = pending.answered(
        encode_error(request_id(sent), ProtocolError("no", code="forbidden")), 1
    )

    assert answer.failure is not None
    assert answer.failure.code == "forbidden"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (OpReply(op=OP, type="run.start", state="done", at_ms=1, run_id="0" * 26), None),
        (OpReply(op=OP, type="run.start", state="refused", at_ms=1, code="conflict"), "conflict"),
        (OpReply(op=OP, type="run.start", state="unfinished", at_ms=1), "outcome_unknown"),
        (None, "expired"),
    ],
)
def test_a_command_in_doubt_is_looked_up_after_the_next_hello(
    record: OpReply | None, code: str | None
) -> None:
    pending = Pending()
    pending.ask(START, owner=7, now_ms=0)
    [doubt] = run_out_of_tries(pending, timeout_ms=COMMAND_TIMEOUT_MS)
    assert not doubt.is_final
    assert pending.to_send(40_000) == []

    pending.session_opened(41_000)
    [sent] = pending.to_send(41_000)
    frames = (
        encode_reply(request_id(sent), record)
        if record is not None
        else encode_error(request_id(sent), ProtocolError("none", code="not_found"))
    )
    [answer] = pending.answered(frames, 41_001)

    assert request_type(sent) == "op.get"
    assert answer.owner == 7
    assert answer.request is START
    assert answer.is_final
    assert (answer.failure.code if answer.failure else None) == code


def test_a_lost_link_repeats_reads_doubts_sent_commands_and_drops_unsent_ones() -> None:
    pending = Pending()
    pending.ask(StatsGet(), owner=1, now_ms=0)
    pending.ask(START, owner=2, now_ms=0)
    pending.ask(Ping(), owner=LINK, now_ms=0)
    pending.to_send(0)
    pending.ask(msgspec.structs.replace(START, op="1" * 32), owner=3, now_ms=1)

    answers = pending.session_lost(2)
    pending.session_opened(3)

    assert [(one.owner, one.is_final) for one in answers] == [(2, False), (3, True)]
    assert sorted(request_type(one) for one in pending.to_send(3)) == ["op.get", "stats.get"]


def test_a_closed_link_answers_everybody() -> None:
    pending = Pending()
    pending.ask(StatsGet(), owner=1, now_ms=0)
    pending.to_send(0)
    pending.ask(START, owner=2, now_ms=0)
    pending.ask(Ping(), owner=LINK, now_ms=0)

    answers = pending.given_up("auth_refused")

    assert {one.owner: one.failure.code for one in answers if one.failure} == {
        1: "auth_refused",
        2: "auth_refused",
    }
    assert pending.next_ms() is None


def test_a_reply_that_cannot_be_read_fails_its_question_and_no_other() -> None:
    pending = Pending()
    pending.ask(START, owner=7, now_ms=0)
    [sent] = pending.to_send(0)
    frames = encode_reply(request_id(sent), RunStartReply(run_id="x", state="queued"))

    [answer] = pending.answered([frames[0], b"\xc1"], 1)

    assert answer.failure is not None
    assert answer.failure.code == "bad_request"


def test_what_the_link_asked_by_itself_is_not_repeated_here() -> None:
    pending = Pending()
    pending.ask(Ping(), owner=LINK, now_ms=0)
    [sent] = pending.to_send(0)

    [answer] = pending.answered(encode_reply(request_id(sent), Pong(now_ms=1, epoch="0" * 16)), 1)

    assert answer.owner == LINK
    pending.ask(Ping(), owner=LINK, now_ms=2)
    pending.to_send(2)
    [late] = pending.expired(2 + READ_TIMEOUT_MS)
    assert late.failure is not None
    assert pending.to_send(10_000) == []
