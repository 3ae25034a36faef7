"""A growing log: no character is broken, none is lost, and the reader sets the pace."""

import pytest

from desktop.network.pending import Failure
from desktop.network.tail import FIRST_BYTES, UNREAD_CHARACTERS, Decoder, LogTail
from shared.protocol.requests import LogReadReply

RUN = "0" * 26


@pytest.mark.parametrize("step", range(1, 8))
def test_text_cut_at_any_byte_comes_out_whole(step: int) -> None:
    plain = "Zürich 東京 🙂\nnext \x1b[31mred\x1b[0m line\r\nend"
    data = plain.encode()
    decoder = Decoder()

    pieces = [decoder.feed(data[at : at + step]) for at in range(0, len(data), step)]
    pieces.append(decoder.feed(b"", is_last=True))

    assert "".join(pieces) == plain.replace("\r\n", "\n")


@pytest.mark.parametrize("step", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"a\x1b[2Jb", "ab"),
        (b"a\x1b]0;title\x07b", "ab"),
        (b"a\x1b]8;;http://x\x1b\\b", "ab"),
        (b"\x1bca", "a"),
        (b"bell\x07 back\x08", "bell back"),
        (b"10 %\r20 %\r", "10 %\n20 %\n"),
        (b"bad \xff byte", "bad \N{REPLACEMENT CHARACTER} byte"),
        (b"\x1b[1;31mbold\x1b[m", "\x1b[1;31mbold\x1b[m"),
    ],
)
def test_only_colours_of_all_control_sequences_reach_the_view(
    sent: bytes, shown: str, step: int
) -> None:
    decoder = Decoder()

    pieces = [decoder.feed(sent[at : at + step]) for at in range(0, len(sent), step)]

    assert "".join(pieces) + decoder.feed(b"", is_last=True) == shown


def test_it_starts_with_the_tail_and_goes_on_where_that_ended() -> None:
    tail = LogTail(1, RUN)

    first = tail.wanted(0, unread=0)
    assert first is not None
    assert (first.tail, first.offset, first.wait_ms) == (FIRST_BYTES, None, 0)
    assert tail.wanted(0, unread=0) is None
    tail.came(LogReadReply(offset=10, next=15, size=15), b"hello")
    second = tail.wanted(0, unread=0)

    assert second is not None
    assert (second.tail, second.offset) == (None, 15)
    assert second.wait_ms > 0


def test_a_tail_that_begins_inside_a_character_drops_its_rest() -> None:
    tail = LogTail(1, RUN)
    tail.wanted(0, unread=0)

    chunk = tail.came(LogReadReply(offset=5, next=9, size=9), "é".encode()[1:] + b"abc")

    assert chunk is not None
    assert chunk.text == "abc"


def test_a_hole_is_told_and_does_not_mix_two_halves_of_characters() -> None:
    tail = LogTail(1, RUN)
    tail.wanted(0, unread=0)
    tail.came(LogReadReply(offset=0, next=2, size=2), b"a" + "é".encode()[:1])
    tail.wanted(0, unread=0)

    chunk = tail.came(LogReadReply(offset=50, next=53, size=53, skipped=48), b"\xa9bc")

    assert chunk is not None
    assert (chunk.text, chunk.skipped) == ("bc", 48)


def test_the_end_is_only_said_when_every_byte_was_handed_on() -> None:
    tail = LogTail(1, RUN)
    tail.wanted(0, unread=0)
    early = tail.came(LogReadReply(offset=0, next=3, size=6, eof=True), b"abc")
    tail.wanted(0, unread=0)
    late = tail.came(LogReadReply(offset=3, next=6, size=6, eof=True), b"def")

    assert early is not None
    assert late is not None
    assert (early.is_ended, late.is_ended) == (False, True)
    assert tail.wanted(0, unread=0) is None


def test_a_wait_without_a_byte_shows_nothing_and_asks_again() -> None:
    tail = LogTail(1, RUN)
    tail.wanted(0, unread=0)
    tail.came(LogReadReply(offset=0, next=0, size=0), b"")
    tail.wanted(0, unread=0)

    assert tail.came(LogReadReply(offset=0, next=0, size=0), b"") is None
    assert tail.wanted(0, unread=0) is not None


def test_a_screen_that_has_enough_to_read_is_sent_no_more() -> None:
    tail = LogTail(1, RUN)

    assert tail.wanted(0, unread=UNREAD_CHARACTERS + 1) is None
    assert tail.wanted(0, unread=0) is not None


def test_an_outage_is_waited_out_and_a_refusal_ends_it() -> None:
    tail = LogTail(1, RUN)
    tail.wanted(0, unread=0)

    assert tail.failed(Failure(code="timeout"), 1_000) is None
    assert tail.wanted(1_000, unread=0) is None
    assert tail.wanted(10_000, unread=0) is not None
    refused = tail.failed(Failure(code="forbidden"), 11_000)

    assert refused is not None
    assert refused.code == "forbidden"
    assert tail.wanted(99_000, unread=0) is None
