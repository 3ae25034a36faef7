"""Messages recorded once are understood for ever, with fields added or left out."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.protocol import codec
from shared.protocol.errors import BadRequest
from shared.protocol.requests import REPLY_TO, REQUESTS
from tests.golden import answered, asked, things, told

GOLDEN = Path(asked.__file__).parent
WRITE = "SMARTCRON_WRITE_GOLDEN"


def request_bytes(name: str) -> bytes:
    sample = next(sample for sample in asked.REQUESTS if sample.type == name)
    return codec.encode_request(1, sample)[1]


def as_reply(name: str) -> Callable[[bytes], Any]:
    header = codec.ReplyHeader(1, codec.OK, 1)
    return lambda body: codec.decode_reply(name, header, [b"", body])[0]


def as_event(name: str) -> Callable[[bytes], Any]:
    header = msgspec.msgpack.encode(codec.EventHeader(1, name))
    return lambda body: codec.decode_event([b"", header, body])


def as_request(name: str) -> Callable[[bytes], Any]:
    return lambda body: codec.decode_request(name, body)


def as_error(body: bytes) -> Any:
    return codec.decode_reply("ping", codec.ReplyHeader(1, codec.ERR, 1), [b"", body])[0]


def messages() -> Iterator[tuple[str, Any, Callable[[bytes], Any]]]:
    for request in asked.REQUESTS:
        yield f"request.{request.type}", request, as_request(request.type)
    for name, reply in answered.REPLIES.items():
        yield f"reply.{name}", reply, as_reply(name)
    for name, event in told.EVENTS.items():
        yield f"event.{name}", event, as_event(name)
    yield "error", told.ERROR, as_error


# The keys in these are no fields of ours: every one of them means something.
OPEN = {"definition"}
ALL = {name: (value, decode) for name, value, decode in messages()}
READ_BY_CLIENTS = [name for name in ALL if not name.startswith("request.")]


def recorded(name: str) -> bytes:
    path = GOLDEN / f"{name}.msgpack"
    if os.environ.get(WRITE) and not path.exists():
        path.write_bytes(msgspec.msgpack.encode(ALL[name][0]))
    assert path.exists(), f"{path.name} is missing; run the tests once with {WRITE}=1"
    return path.read_bytes()


def with_strangers(value: Any) -> Any:
    """The same tree with an unknown field in every map."""
    if isinstance(value, dict):
        return {
            **{
                key: inner if key in OPEN else with_strangers(inner) for key, inner in value.items()
            },
            "zz_new": [1, {"a": None}],
        }
    if isinstance(value, list):
        return [with_strangers(inner) for inner in value]
    return value


def test_every_request_reply_and_event_has_a_recorded_sample() -> None:
    expected = {
        *(f"request.{name}" for name in REQUESTS),
        *(f"reply.{name}" for name in REQUESTS),
        *("event.hb", "event.delta", "event.metric", "error"),
    }

    assert set(ALL) == expected
    assert {path.stem for path in GOLDEN.glob("*.msgpack")} >= expected


@pytest.mark.parametrize("name", ALL)
def test_recorded_bytes_still_mean_the_same(name: str) -> None:
    value, decode = ALL[name]

    assert decode(recorded(name)) == value


@pytest.mark.parametrize("name", ALL)
def test_what_is_written_today_reads_back(name: str) -> None:
    value, decode = ALL[name]

    assert decode(msgspec.msgpack.encode(value)) == value


@pytest.mark.parametrize("name", ALL)
def test_a_sample_fills_every_optional_field(name: str) -> None:
    value, _ = ALL[name]
    # `offset` and `tail` of a read shut each other out.
    left_out = {"tail"} if name == "request.log.read" else set()

    unset = {
        field.name
        for field in msgspec.structs.fields(value)
        if field.default is not msgspec.NODEFAULT
        and getattr(value, field.name) == field.default
        and field.name not in {"stream", *left_out}
    }

    assert unset == set()


@pytest.mark.parametrize("name", [name for name in READ_BY_CLIENTS if name != "error"])
def test_a_reader_passes_over_fields_it_does_not_know(name: str) -> None:
    value, decode = ALL[name]
    tree = msgspec.msgpack.decode(recorded(name))

    assert decode(msgspec.msgpack.encode(with_strangers(tree))) == value


@pytest.mark.parametrize("name", REQUESTS)
def test_the_agent_refuses_a_request_with_a_field_it_does_not_know(name: str) -> None:
    tree = msgspec.msgpack.decode(recorded(f"request.{name}"))

    with pytest.raises(BadRequest, match="zz_new"):
        codec.decode_request(name, msgspec.msgpack.encode({**tree, "zz_new": 1}))


@pytest.mark.parametrize("name", ALL)
def test_a_message_without_its_optional_fields_is_understood(name: str) -> None:
    value, decode = ALL[name]
    tree = msgspec.msgpack.decode(recorded(name))
    needed = {
        field.encode_name
        for field in msgspec.structs.fields(value)
        if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
    }
    if name == "request.log.read":
        needed.add("offset")

    bare = decode(msgspec.msgpack.encode({field: tree[field] for field in needed}))

    assert type(bare) is type(value)


def test_words_that_a_newer_agent_invents_do_not_break_a_reader() -> None:
    newer = msgspec.structs.replace(
        things.DELTA,
        rows=msgspec.structs.replace(
            things.DELTA.rows,
            tasks=(msgspec.structs.replace(things.TASK, state="dreaming", health="divine"),),
            runs=(msgspec.structs.replace(things.RUN, result="exploded", trigger="comet"),),
        ),
    )

    assert codec.decode_event(codec.encode_event(newer)) == newer


def test_every_request_names_its_reply() -> None:
    assert {type(sample) for sample in asked.REQUESTS} == set(REPLY_TO)
    for request, reply in REPLY_TO.items():
        assert isinstance(answered.REPLIES[request.type], reply)
