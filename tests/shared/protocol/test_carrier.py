"""Which libzmq is let near what is said between agent and desktop?"""

import pytest
import zmq

from shared.protocol.carrier import refusal_of


@pytest.mark.parametrize("version", [(4, 3, 4), (4, 2, 9), (3, 9, 9)])
def test_an_old_one_is_refused_and_told_how_to_be_renewed(version: tuple[int, ...]) -> None:
    refusal = refusal_of(version, has_curve=True)

    assert ".".join(map(str, version)) in refusal
    assert "pip install -U pyzmq" in refusal


def test_one_without_encryption_is_refused() -> None:
    assert "without encryption" in refusal_of((4, 3, 5), has_curve=False)


def test_that_of_this_installation_is_taken() -> None:
    assert refusal_of(zmq.zmq_version_info(), has_curve=bool(zmq.has("curve"))) == ""
