"""Frames become values at the door or are refused there, whatever they hold."""

import random
import zlib

import msgspec
import pytest

from shared.protocol import codec
from shared.protocol.errors import (
    BadFrame,
    BadRequest,
    ErrorBody,
    ProtocolError,
    TooLarge,
    UnknownType,
    UnsupportedVersion,
)
from shared.protocol.requests import LogReadReply, Ping, Request, RunsPage, RunsPageReply
from tests.golden import answered, asked, things, told

pack = msgspec.msgpack.encode


@pytest.mark.parametrize("request_", asked.REQUESTS, ids=lambda request: request.type)
def test_a_request_arrives_as_it_was_sent(request_: Request) -> None:
    frames = codec.encode_request(7, request_)
    header = codec.read_request_header(frames)

    assert (header.id, header.type) == (7, request_.type)
    assert codec.decode_request(header.type, frames[1]) == request_


@pytest.mark.parametrize("name", answered.REPLIES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_arrives_as_it_was_sent(name: str, *, packed: bool) -> None:
    frames = codec.encode_reply(7, answered.REPLIES[name], b"line\n" * 9_000, pack=packed)
    header = codec.read_reply_header(frames)

    assert header.id == 7
    assert codec.decode_reply(name, header, frames) == (answered.REPLIES[name], b"line\n" * 9_000)
    assert (len(frames[2]) < 45_000) is packed


def test_big_bodies_are_packed_and_small_ones_are_not() -> None:
    big = RunsPageReply(rows=(things.RUN,) * 200)

    assert codec.read_reply_header(codec.encode_reply(1, big, pack=True)).flags == codec.BODY_PACKED
    assert codec.read_reply_header(codec.encode_reply(1, big)).flags == 0
    assert codec.read_reply_header(codec.encode_reply(1, RunsPageReply(), pack=True)).flags == 0


def test_a_refusal_says_what_the_client_may_do() -> None:
    error = ProtocolError("too many at once", code="busy", after_ms=500, detail={"limit": 8})
    frames = codec.encode_error(9, error)

    body, extra = codec.decode_reply("ping", codec.read_reply_header(frames), frames)

    assert body == ErrorBody(
        code="busy", msg="too many at once", retry="after", after_ms=500, detail={"limit": 8}
    )
    assert extra == b""


@pytest.mark.parametrize("name", told.EVENTS)
def test_an_event_goes_out_under_its_topic_and_arrives(name: str) -> None:
    frames = codec.encode_event(told.EVENTS[name], pack=True)

    assert frames[0] == {"hb": b"h.", "delta": b"s.", "metric": b"m."}[name]
    assert codec.decode_event(frames) == told.EVENTS[name]


def test_an_event_of_a_newer_agent_is_passed_over() -> None:
    assert codec.decode_event([b"z.", pack([1, "comet", 0]), b"\xff"]) is None


def test_headers_may_have_grown() -> None:
    assert codec.read_request_header([pack([1, "ping", 5, "more", {}]), pack({})]).id == 5
    assert codec.read_reply_header([pack([1, "ok", 5, 0, "more"]), pack({})]).id == 5
    assert codec.decode_event([b"z.", pack([1, "comet", 0, [9]]), b""]) is None


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b""],
        [pack([1, "ping", 1])],
        [pack([1, "ping", 1]), b"\x80", b""],
        [b"", b"\x80"],
        [b"\xc1", b"\x80"],
        [pack({"major": 1}), b"\x80"],
        [pack([1, "ping"]), b"\x80"],
        [pack([1, "ping", 0]), b"\x80"],
        [pack([1, "ping", 2**53 + 1]), b"\x80"],
        [pack([1, "p" * 41, 1]), b"\x80"],
        [pack([1, "ping", "1"]), b"\x80"],
        [pack([1, "ping", 1, "x" * 300]), b"\x80"],
        [b"\x91" * 256, b"\x80"],
    ],
)
def test_what_is_no_request_is_refused_at_the_header(frames: list[bytes]) -> None:
    with pytest.raises(BadFrame):
        codec.read_request_header(frames)


def test_another_major_is_refused_with_those_spoken_here() -> None:
    with pytest.raises(UnsupportedVersion) as refused:
        codec.read_request_header([pack([2, "ping", 1]), b"\x80"])

    assert refused.value.detail == {"majors": [1]}


def test_a_body_over_its_cap_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        codec.read_request_header([pack([1, "ping", 1]), bytes(codec.REQUEST_BYTES + 1)])


@pytest.mark.parametrize(
    ("request_type", "body", "path"),
    [
        ("ping", {"zz": 1}, "$"),
        ("ping", [], "$"),
        ("runs.page", {"limit": 0}, "$.limit"),
        ("runs.page", {"limit": 501}, "$.limit"),
        ("runs.page", {"filter": {"task_id": "a/b"}}, "$.filter.task_id"),
        ("runs.page", {"filter": {"secret": 1}}, "$.filter"),
        ("task.get", {"id": "../etc"}, "$.id"),
        ("task.get", {"id": "a\n"}, "$.id"),
        ("task.get", {}, "$"),
        ("run.start", {"task_id": "a", "op": "1" * 32}, "$"),
        ("run.start", {"task_id": "a", "op": "x", "expires_ms": 1}, "$.op"),
        ("run.start", {"task_id": "a", "op": "1" * 32, "expires_ms": 1, "command": "id"}, "$"),
        ("log.read", {"run_id": things.RUN_ID}, "$"),
        ("log.read", {"run_id": things.RUN_ID, "offset": 0, "tail": 1}, "$"),
        ("log.read", {"run_id": things.RUN_ID, "offset": 0, "wait_ms": 20_001}, "$.wait_ms"),
        (
            "invite.create",
            {"op": "1" * 32, "expires_ms": 1, "label": "x", "role": "su"},
            "$.role",
        ),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_the_place(
    request_type: str, body: object, path: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        codec.decode_request(request_type, pack(body))

    assert refused.value.detail["path"] == path


def test_an_unknown_request_is_refused_by_name() -> None:
    with pytest.raises(UnknownType, match="__class__"):
        codec.decode_request("__class__", pack({}))


@pytest.mark.parametrize("deep", [b"\x91" * 100_000 + b"\xc0", b"\x81\xa1a" * 100_000 + b"\xc0"])
def test_deeply_nested_junk_is_refused_and_does_not_end_the_process(deep: bytes) -> None:
    inside_an_unknown_field = b"\x81\xa1z" + deep

    for body in (deep, inside_an_unknown_field):
        with pytest.raises(BadRequest):
            codec.decode_request("ping", body)
        with pytest.raises(ProtocolError):
            codec.decode_event([b"h.", pack([1, "hb", 0]), body])


def test_a_small_part_that_unpacks_to_more_than_the_ceiling_is_refused() -> None:
    bomb = zlib.compress(bytes(codec.INFLATED_BYTES + 1))
    brim = zlib.compress(bytes(codec.INFLATED_BYTES))
    reply = pack(LogReadReply(offset=0, next=0, size=0))
    header = codec.ReplyHeader(1, codec.OK, 1, codec.EXTRA_PACKED)

    with pytest.raises(TooLarge):
        codec.decode_reply("log.read", header, [b"", reply, bomb])
    _, extra = codec.decode_reply("log.read", header, [b"", reply, brim])
    assert len(extra) == codec.INFLATED_BYTES


@pytest.mark.parametrize("part", [b"", b"junk", zlib.compress(b"x" * 99)[:-5]])
def test_a_packed_part_that_is_damaged_is_refused(part: bytes) -> None:
    header = codec.ReplyHeader(1, codec.OK, 1, codec.BODY_PACKED)

    with pytest.raises(BadFrame):
        codec.decode_reply("ping", header, [b"", part])


def test_a_refusal_does_not_repeat_a_long_text_of_a_stranger() -> None:
    with pytest.raises(BadRequest) as refused:
        codec.decode_request("ping", pack({"x" * 100_000: 1}))

    assert len(refused.value.body().msg) <= 500


def test_random_bytes_become_a_refusal_and_nothing_else() -> None:
    dice = random.Random(7)  # noqa: S311 - reproducible, not secret
    whole = [codec.encode_request(5, sample) for sample in asked.REQUESTS]
    refused = 0

    for _ in range(4_000):
        frames = [bytearray(frame) for frame in dice.choice(whole)]
        for _ in range(dice.randrange(1, 4)):
            frame = dice.choice(frames)
            if frame:
                frame[dice.randrange(len(frame))] = dice.randrange(256)
        if dice.random() < 0.2:
            frames[1] = bytearray(dice.randbytes(dice.randrange(200)))
        if dice.random() < 0.1:
            del frames[1][dice.randrange(len(frames[1]) + 1) :]
        try:
            header = codec.read_request_header([bytes(frame) for frame in frames])
            codec.decode_request(header.type, bytes(frames[1]))
        except ProtocolError:
            refused += 1

    assert refused > 1_000


def test_random_events_and_replies_become_a_refusal_and_nothing_else() -> None:
    dice = random.Random(8)  # noqa: S311 - reproducible, not secret
    refused = 0

    for _ in range(3_000):
        event = [bytearray(frame) for frame in codec.encode_event(things.DELTA, pack=True)]
        frame = dice.choice(event)
        frame[dice.randrange(len(frame))] = dice.randrange(256)
        reply = [bytes(frame) for frame in event[1:]]
        try:
            codec.decode_event([bytes(frame) for frame in event])
            codec.decode_reply("sync", codec.read_reply_header(reply), reply)
        except ProtocolError:
            refused += 1

    assert refused > 500


def test_a_request_sends_only_what_differs_from_its_defaults() -> None:
    assert codec.encode_request(1, Ping())[1] == pack({})
    assert codec.encode_request(1, RunsPage(limit=5))[1] == pack({"limit": 5})
