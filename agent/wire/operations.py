"""Was this command given before, and what came of it?"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from agent.wire.sessions import Who
from shared.protocol.errors import BadRequest, ErrorBody, ProtocolError, error_from
from shared.protocol.requests import REPLY_TO, Command, CommandReply

DONE: Final = "done"
REFUSED: Final = "refused"
UNFINISHED: Final = "unfinished"
MAX_AHEAD_MS: Final = 3_600_000
# These say "not now": nothing happened, so the same command may be tried again.
_NOT_NOW: Final = frozenset({"busy", "stopping", "rate_limited"})


class StoredOp(msgspec.Struct, frozen=True, kw_only=True):
    """One command as it was given, and its answer once there is one (MessagePack)."""

    op: str
    key_id: str
    type: str
    digest: str
    state: str
    at_ms: int
    result: bytes | None = None
    run_id: str | None = None


class Ops(Protocol):
    """Where commands are remembered, over restarts."""

    async def get(self, op: str) -> StoredOp | None:
        """The command with this id."""
        ...

    async def begin(self, stored: StoredOp) -> None:
        """Remember a command before it is carried out."""
        ...

    async def finish(self, op: str, *, state: str, result: bytes, run_id: str | None) -> None:
        """Remember what came of it."""
        ...

    async def drop(self, op: str) -> None:
        """Forget a command that changed nothing and may come again."""
        ...


class Done(msgspec.Struct, frozen=True):
    """A command's reply, and the part of it that may be kept (an invite's secret may not)."""

    reply: CommandReply
    kept: CommandReply | None = None


class Operations:
    """Carries out each command at most once, whoever repeats it and however often."""

    def __init__(self, store: Ops, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._working: dict[str, tuple[StoredOp, asyncio.Event]] = {}

    async def once(
        self, who: Who, command: Command, act: Callable[[], Awaitable[Done]]
    ) -> CommandReply:
        """The reply to this command, made now or then; raises what refused it."""
        asked = StoredOp(
            op=command.op,
            key_id=who.key_id,
            type=command.type,
            digest=digest(command),
            state=UNFINISHED,
            at_ms=self._now_ms(),
        )
        while (working := self._working.get(command.op)) is not None:
            _expect_same(working[0], asked)
            await working[1].wait()
        finished = asyncio.Event()
        self._working[command.op] = (asked, finished)
        try:
            stored = await self._store.get(command.op)
            if stored is not None:
                _expect_same(stored, asked)
                return _replay(stored)
            self._check_lifetime(command)
            await self._store.begin(asked)
            return await self._carry_out(asked, act)
        finally:
            del self._working[command.op]
            finished.set()

    def _check_lifetime(self, command: Command) -> None:
        now_ms = self._now_ms()
        if command.expires_ms <= now_ms:
            raise ProtocolError(
                f"the command was {now_ms - command.expires_ms} ms too late; nothing was done",
                code="expired",
            )
        if command.expires_ms > now_ms + MAX_AHEAD_MS:
            raise BadRequest(
                "expires_ms is more than an hour ahead of the agent's clock; send a nearer one",
                detail={"path": "$.expires_ms"},
            )

    async def _carry_out(self, asked: StoredOp, act: Callable[[], Awaitable[Done]]) -> CommandReply:
        # Any other exception leaves the row unfinished: what happened is not known.
        try:
            done = await act()
        except ProtocolError as error:
            if error.code in _NOT_NOW:
                await self._store.drop(asked.op)
            elif error.code != "internal":
                result = msgspec.msgpack.encode(error.body())
                await self._store.finish(asked.op, state=REFUSED, result=result, run_id=None)
            raise
        await self._store.finish(
            asked.op,
            state=DONE,
            result=msgspec.msgpack.encode(done.kept or done.reply),
            run_id=getattr(done.reply, "run_id", None),
        )
        return done.reply


def digest(command: Command) -> str:
    """What makes two commands the same: all they say but how long they may take."""
    said = msgspec.structs.replace(command, expires_ms=0)
    return hashlib.sha256(msgspec.msgpack.encode(said)).hexdigest()


def refusal_in(stored: StoredOp) -> str:
    """The code a refused command was answered with; "ok" for one that was carried out."""
    if stored.state != REFUSED or stored.result is None:
        return "ok"
    return msgspec.msgpack.decode(stored.result, type=ErrorBody).code


def _expect_same(stored: StoredOp, asked: StoredOp) -> None:
    if (stored.key_id, stored.type, stored.digest) != (asked.key_id, asked.type, asked.digest):
        raise ProtocolError("this op was used for another command", code="op_conflict")


def _replay(stored: StoredOp) -> CommandReply:
    if stored.state == UNFINISHED or stored.result is None:
        raise ProtocolError(
            "the agent stopped or failed while it carried this out; ask op.get or look at the rows",
            code="outcome_unknown",
        )
    if stored.state == REFUSED:
        raise error_from(msgspec.msgpack.decode(stored.result, type=ErrorBody))
    reply: CommandReply = msgspec.msgpack.decode(stored.result, type=_REPLIES[stored.type])
    return msgspec.structs.replace(reply, replayed=True)


_REPLIES: Final[dict[str, type[CommandReply]]] = {
    request.type: reply for request, reply in REPLY_TO.items() if issubclass(reply, CommandReply)
}
