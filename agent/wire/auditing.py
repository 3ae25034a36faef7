"""What is written down about who asked what?"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from agent.log import Log
from agent.wire.limits import LineLimit
from agent.wire.sessions import Who
from shared.protocol.requests import AnyReply, Request

_ARGS_CHARS: Final = 200
_REFUSED_PER_MINUTE: Final = 60
_TARGETS: Final = ("task_id", "run_id", "key_id", "id", "ids", "label")
# What a task executes may hold what nobody else is to read: its digests stand for it.
_LEFT_OUT: Final = frozenset({"op", "expires_ms", "definition", "digest", *_TARGETS})
_OF_REPLY: Final = ("before", "after", "def_rev")
_DIGEST_CHARS: Final = 32


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing somebody asked for, and what came of it."""

    at_ms: int
    key_id: str
    label: str
    role: str
    address: str
    type: str
    op: str | None = None
    target: str = ""
    args: str = ""
    code: str = "ok"
    dur_ms: int | None = None


class Auditor:
    """Writes entries; refused tries of one key only up to a rate, so that nobody fills the disk."""

    def __init__(self, write: Callable[[AuditEntry], Awaitable[None]], log: Log) -> None:
        self._write = write
        self._log = log
        self._refused = LineLimit(_REFUSED_PER_MINUTE)
        self.left_out = 0

    async def record(self, entry: AuditEntry) -> None:
        """Write this down; a database that cannot is told in the log, never to the asker."""
        if entry.code != "ok" and not self._refused.allows(entry.key_id, entry.at_ms):
            self.left_out += 1
            return
        try:
            await self._write(entry)
        except Exception as error:  # noqa: BLE001 - the command is done; its answer must go out
            self._log.error(
                "audit row not written",
                error=str(error),
                key_id=entry.key_id,
                type=entry.type,
                target=entry.target,
                code=entry.code,
            )


def entry_for(
    who: Who,
    request_type: str,
    request: Request | None,
    *,
    code: str,
    at_ms: int,
    dur_ms: int | None = None,
    reply: AnyReply | None = None,
) -> AuditEntry:
    """The entry for a request; one refused before its body was read has no target."""
    return AuditEntry(
        at_ms=at_ms,
        key_id=who.key_id,
        label=who.label,
        role=who.role,
        address=who.address,
        type=request_type,
        op=getattr(request, "op", None),
        target=_target(request),
        args=_arguments(request, reply),
        code=code,
        dur_ms=dur_ms,
    )


def _target(request: Request | None) -> str:
    for name in _TARGETS:
        value = getattr(request, name, None)
        if isinstance(value, tuple):
            return ",".join(value)[:_ARGS_CHARS]
        if value is not None:
            return str(value)[:_ARGS_CHARS]
    return ""


def _arguments(request: Request | None, reply: AnyReply | None) -> str:
    """What was asked for; of an edit first what it changed, which must not be cut away."""
    if request is None:
        return ""
    found = {name: getattr(reply, name, None) for name in _OF_REPLY}
    said = {
        name: value[:_DIGEST_CHARS] if isinstance(value, str) else value
        for name, value in found.items()
        if value
    }
    said |= {
        name: getattr(request, name)
        for name in request.__struct_fields__
        if name not in _LEFT_OUT and getattr(request, name) is not None
    }
    return msgspec.json.encode(said).decode()[:_ARGS_CHARS] if said else ""
