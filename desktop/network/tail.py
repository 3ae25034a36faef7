"""The output of one run as it grows: bytes asked piece by piece, text handed on."""

import codecs
import re
from typing import Final

from desktop.network.mailbox import LogChunk
from desktop.network.pending import Failure
from shared.protocol.requests import LogRead, LogReadReply

FIRST_BYTES: Final = 64 << 10
CHUNK_BYTES: Final = 128 << 10
WAIT_MS: Final = 20_000
UNREAD_CHARACTERS: Final = 1 << 20
AGAIN_MS: Final = 2_000

# Colours (SGR) stay for the view; everything else that could move a cursor or ring goes.
_SEQUENCE: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]", re.DOTALL
)
_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_UNFINISHED: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]{0,512}\x1b?|[ -/]*)?\Z|\r\Z"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\x80-\x9f]|\x1b(?!\[)")
_FATAL: Final = frozenset(
    ("not_found", "gone", "forbidden", "disabled", "unknown_type", "revoked", "bad_request")
)


class Decoder:
    """Bytes that may be cut anywhere become clean text; what is cut waits for its other half."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._carry = ""

    def feed(self, data: bytes, *, is_last: bool = False) -> str:
        text = self._carry + self._utf8.decode(data, is_last)
        self._carry = ""
        cut = None if is_last else _UNFINISHED.search(text)
        if cut is not None:
            self._carry = text[cut.start() :]
            text = text[: cut.start()]
        text = _SEQUENCE.sub(lambda found: found[0] if _COLOUR.fullmatch(found[0]) else "", text)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return _CONTROL.sub("", text)


class LogTail:
    """Follows one run; the thread asks what `wanted` says and feeds back what came."""

    def __init__(self, handle: int, run_id: str, *, tail_bytes: int = FIRST_BYTES) -> None:
        self.handle = handle
        self.run_id = run_id
        self._tail_bytes = tail_bytes
        self._offset: int | None = None
        self._decoder = Decoder()
        self._is_asked = False
        self._not_before_ms = 0
        self.is_over = False

    def wanted(self, now_ms: int, *, unread: int) -> LogRead | None:
        """The next question; None while one is open, or while the screen has enough to read."""
        if self.is_over or self._is_asked or now_ms < self._not_before_ms:
            return None
        if unread > UNREAD_CHARACTERS:
            return None
        self._is_asked = True
        if self._offset is None:
            return LogRead(run_id=self.run_id, tail=self._tail_bytes, limit=CHUNK_BYTES)
        return LogRead(run_id=self.run_id, offset=self._offset, limit=CHUNK_BYTES, wait_ms=WAIT_MS)

    def came(self, reply: LogReadReply, data: bytes) -> LogChunk | None:
        """What to show; None when the wait ended without a byte."""
        self._is_asked = False
        is_first = self._offset is None
        skipped = reply.skipped
        if is_first:
            skipped = 0
            if reply.offset > 0:
                data = _from_next_character(data)
        elif skipped:
            self._decoder = Decoder()
            data = _from_next_character(data)
        self._offset = reply.next
        self.is_over = reply.eof and reply.next >= reply.size
        text = self._decoder.feed(data, is_last=self.is_over)
        if not (text or is_first or skipped or self.is_over):
            return None
        return LogChunk(
            handle=self.handle,
            run_id=self.run_id,
            text=text,
            offset=reply.offset,
            next=reply.next,
            size=reply.size,
            skipped=skipped,
            is_ended=self.is_over,
        )

    def failed(self, failure: Failure, now_ms: int) -> LogChunk | None:
        """A refusal ends it; an outage does not: it goes on where it was."""
        self._is_asked = False
        if failure.code not in _FATAL:
            self._not_before_ms = now_ms + AGAIN_MS
            return None
        self.is_over = True
        return LogChunk(handle=self.handle, run_id=self.run_id, code=failure.code)


def _from_next_character(data: bytes) -> bytes:
    # An offset counts bytes, so the first of them may be the rest of a character.
    for skip in range(min(3, len(data))):
        if data[skip] & 0xC0 != 0x80:
            return data[skip:]
    return data[3:]
