"""A refusal carries its code and what to do about it."""

import pytest

from shared.protocol.errors import CLIENT_ONLY, RETRY, Forbidden, ProtocolError, error_from


def test_every_code_says_whether_to_try_again() -> None:
    assert set(RETRY.values()) == {"no", "same", "after", "hello", "fix"}
    assert not set(RETRY) & set(CLIENT_ONLY)


@pytest.mark.parametrize("kind", ProtocolError.__subclasses__())
def test_every_refusal_has_a_code_of_the_table(kind: type[ProtocolError]) -> None:
    assert kind.code in RETRY


def test_a_refusal_survives_the_wire() -> None:
    sent = Forbidden("an operator may", detail={"needs": "operator"})

    got = error_from(sent.body())

    assert (got.code, str(got), got.detail) == (
        "forbidden",
        "an operator may",
        {"needs": "operator"},
    )


def test_a_long_message_is_cut() -> None:
    assert len(ProtocolError("x" * 9_999).body().msg) == 500
