"""What became of each question to one agent: sent, answered, repeated, given up or in doubt."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from shared.protocol.codec import (
    REQUEST_BYTES,
    decode_reply,
    encode_request,
    read_reply_header,
    read_request_header,
)
from shared.protocol.errors import ErrorBody, ProtocolError
from shared.protocol.requests import AnyReply, Command, LogRead, OpGet, OpReply, Request

READ_TIMEOUT_MS: Final = 5_000
COMMAND_TIMEOUT_MS: Final = 10_000
COMMAND_LIFE_MS: Final = 10_000
TRIES: Final = 3
IN_FLIGHT: Final = 6  # below the agent's 8, so that hello, ping and sync always find room
WAITING: Final = 500
WAIT_AT_MOST_MS: Final = 15_000
SEND_AGAIN_MS: Final = 200
LINK: Final = 0
"""The owner of questions the link asks by itself; every other owner is a handle's id."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no reply: an error code of the protocol, and what belongs to it."""

    code: str
    message: str = ""
    detail: dict[str, object] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a question came to; with `is_final` False another answer will follow."""

    owner: int
    request: Request
    token: int = 0
    reply: AnyReply | None = None
    extra: bytes = b""
    failure: Failure | None = None
    is_final: bool = True


@dataclass(slots=True)
class _Question:
    owner: int
    request: Request
    token: int = 0
    tries: int = 0
    due_ms: int = 0  # while waiting: not before; while in flight: given up at
    asks_after: "_Question | None" = field(default=None, repr=False)

    @property
    def timeout_ms(self) -> int:
        if isinstance(self.request, Command):
            return COMMAND_TIMEOUT_MS
        wait_ms = self.request.wait_ms if isinstance(self.request, LogRead) else 0
        return READ_TIMEOUT_MS + wait_ms

    @property
    def is_parked(self) -> bool:
        return isinstance(self.request, LogRead) and self.request.wait_ms > 0


class Pending:
    """The book of open questions of one link; knows neither socket nor clock."""

    def __init__(self) -> None:
        self._ids: Iterator[int] = itertools.count(1)
        self._waiting: list[_Question] = []
        self._flying: dict[int, _Question] = {}
        self._doubtful: list[_Question] = []
        self.refusals: list[ErrorBody] = []
        """What the agent said no to, for the link to read and clear."""

    def ask(self, request: Request, *, owner: int, now_ms: int, token: int = 0) -> list[Answer]:
        """Take a question; the answer comes at once when it is too large or too many wait already.

        The `token` comes back with the answer.
        """
        question = _Question(owner, request, token, due_ms=now_ms)
        size = len(encode_request(1, request)[1])
        if size > REQUEST_BYTES:
            # An agent hangs up on who sends so much, and nobody would be told why.
            said = f"the message has {size} bytes, {REQUEST_BYTES} is the cap"
            return [_failed(question, "too_large", message=said)]
        if len(self._waiting) >= WAITING:
            return [_failed(question, "busy")]
        if owner == LINK:
            self._waiting.insert(0, question)
        else:
            self._waiting.append(question)
        return []

    def cancel(self, owner: int) -> None:
        """Forget all questions of this owner; an answer that still comes is dropped."""
        self._waiting = [one for one in self._waiting if one.owner != owner]
        self._doubtful = [one for one in self._doubtful if one.owner != owner]
        self._flying = {key: one for key, one in self._flying.items() if one.owner != owner}

    def to_send(self, now_ms: int, *, has_session: bool = True) -> list[list[bytes]]:
        """The frames to send now, within what the agent bears; without a session only ours."""
        counted = sum(not (one.is_parked or one.owner == LINK) for one in self._flying.values())
        frames: list[list[bytes]] = []
        kept: list[_Question] = []
        for question in self._waiting:
            is_counted = not (question.is_parked or question.owner == LINK)
            is_full = is_counted and counted >= IN_FLIGHT
            is_early = question.due_ms > now_ms or not (has_session or question.owner == LINK)
            if is_early or is_full:
                kept.append(question)
                continue
            counted += is_counted
            request_id = next(self._ids)
            question.tries += 1
            question.due_ms = now_ms + question.timeout_ms
            self._flying[request_id] = question
            frames.append(encode_request(request_id, question.request))
        self._waiting = kept
        return frames

    def not_sent(self, frames: Sequence[bytes], now_ms: int) -> None:
        """The socket did not take these frames: the question waits a little."""
        question = self._flying.pop(read_request_header(frames).id, None)
        if question is not None:
            question.tries -= 1
            question.due_ms = now_ms + SEND_AGAIN_MS
            self._waiting.insert(0, question)

    def answered(self, frames: Sequence[bytes], now_ms: int) -> list[Answer]:
        """Match a reply with its question; raises ProtocolError for what is no reply at all."""
        header = read_reply_header(frames)
        question = self._flying.pop(header.id, None)
        if question is None:
            return []  # cancelled, or given up before
        try:
            reply, extra = decode_reply(question.request.type, header, frames)
        except ProtocolError as error:
            return [_failed(question, error.code, message=error.message)]
        if question.asks_after is not None:
            return [_settled(question.asks_after, reply)]
        if isinstance(reply, ErrorBody):
            self.refusals.append(reply)
            return self._refused(question, reply, now_ms)
        return [
            Answer(
                owner=question.owner,
                request=question.request,
                token=question.token,
                reply=reply,
                extra=extra,
            )
        ]

    def _refused(self, question: _Question, body: ErrorBody, now_ms: int) -> list[Answer]:
        may_repeat = body.retry in ("after", "same", "hello") and question.tries < TRIES
        if may_repeat and question.owner != LINK:
            question.due_ms = now_ms + (body.after_ms or 500)
            self._waiting.insert(0, question)
            return []
        return [_failed(question, body.code, message=body.msg, detail=body.detail)]

    def expired(self, now_ms: int) -> list[Answer]:
        """Repeat what got no reply in time; after three tries give up, or be in doubt."""
        late = [key for key, one in self._flying.items() if one.due_ms <= now_ms]
        stale_ms = now_ms - WAIT_AT_MOST_MS
        answers = [_failed(one, "timeout") for one in self._waiting if one.due_ms <= stale_ms]
        self._waiting = [one for one in self._waiting if one.due_ms > stale_ms]
        for key in late:
            answers += self._unanswered(self._flying.pop(key), now_ms)
        return answers

    def _unanswered(self, question: _Question, now_ms: int) -> list[Answer]:
        if question.owner == LINK:
            return [_failed(question, "timeout")]
        if question.asks_after is not None:
            self._doubtful.append(question.asks_after)
            return []
        if question.tries < TRIES:
            question.due_ms = now_ms
            self._waiting.append(question)
            return []
        if isinstance(question.request, Command):
            return self._doubt(question)
        return [_failed(question, "timeout")]

    def _doubt(self, question: _Question) -> list[Answer]:
        self._doubtful.append(question)
        return [
            Answer(
                owner=question.owner,
                request=question.request,
                failure=Failure(code="outcome_unknown"),
                is_final=False,
            )
        ]

    def session_lost(self, now_ms: int) -> list[Answer]:
        """The link is gone: reads wait for the next session, sent commands are in doubt."""
        flying, self._flying = list(self._flying.values()), {}
        answers: list[Answer] = []
        for question in flying:
            if question.owner == LINK:
                continue  # the link asks anew by itself
            if question.asks_after is not None:
                self._doubtful.append(question.asks_after)
            elif isinstance(question.request, Command):
                answers += self._doubt(question)
            elif question.tries < TRIES:
                question.due_ms = now_ms
                self._waiting.append(question)
            else:
                answers.append(_failed(question, "offline"))
        self._doubtful += [one.asks_after for one in self._waiting if one.asks_after is not None]
        self._waiting = [one for one in self._waiting if one.asks_after is None]
        # A command that waited through an outage is no longer what its sender sees before them.
        unsent = [one for one in self._waiting if isinstance(one.request, Command)]
        self._waiting = [
            one
            for one in self._waiting
            if one.owner != LINK and not isinstance(one.request, Command)
        ]
        return answers + [_failed(one, "offline") for one in unsent]

    def session_opened(self, now_ms: int) -> None:
        """A new session: ask what became of every command in doubt."""
        doubtful, self._doubtful = self._doubtful, []
        for question in doubtful:
            assert isinstance(question.request, Command)  # noqa: S101  # only commands are doubted
            self._waiting.append(
                _Question(
                    question.owner,
                    OpGet(op=question.request.op),
                    due_ms=now_ms,
                    asks_after=question,
                )
            )

    def given_up(self, code: str) -> list[Answer]:
        """The link is closed for good: every open question fails."""
        everyone = [*self._flying.values(), *self._waiting, *self._doubtful]
        self._flying, self._waiting, self._doubtful = {}, [], []
        return [_failed(one.asks_after or one, code) for one in everyone if one.owner != LINK]

    def next_ms(self) -> int | None:
        """When something is due again; None when nothing is open."""
        dues = [one.due_ms for one in (*self._flying.values(), *self._waiting)]
        return min(dues, default=None)


def _failed(
    question: _Question,
    code: str,
    *,
    message: str = "",
    detail: dict[str, object] | None = None,
) -> Answer:
    return Answer(
        owner=question.owner,
        request=question.request,
        token=question.token,
        failure=Failure(code=code, message=message, detail=detail or {}),
    )


def _settled(question: _Question, reply: AnyReply | ErrorBody) -> Answer:
    """A doubted command's true outcome, as the agent's record tells it."""
    if isinstance(reply, OpReply):
        if reply.state == "done":
            return Answer(owner=question.owner, request=question.request, reply=reply)
        code = reply.code if reply.state == "refused" else "outcome_unknown"
        return _failed(question, code)
    if isinstance(reply, ErrorBody) and reply.code == "not_found":
        return _failed(question, "expired")  # it never arrived, so it was never done
    return _failed(question, "outcome_unknown")
