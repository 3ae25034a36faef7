"""What is a task in full, could it be another, and who makes it so?"""

import asyncio
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from agent.cron.changes import coming_changes
from agent.definitions import Definition, digest
from agent.drafting import Draft, read_draft
from agent.due import next_dues, timing_of, when_in_words
from agent.errors import AgentError, BadDefinition, DatabaseAway, Unreachable
from agent.handlers.context import Context
from agent.handlers.planning import CHANGES, clock_change, notes
from agent.log import log_of
from agent.rules.schedule import next_moment, next_moments
from agent.store import edits
from agent.store.database import Doing
from agent.store.edits import Edited, Overtaken, Seen
from agent.store.tasks import Version
from agent.wire.limits import MAX_REPLY_BYTES
from agent.wire.operations import Done
from agent.wire.sessions import Who
from shared.protocol import defining as wire
from shared.protocol.errors import BadRequest, ProtocolError

_COMING: Final = 10
_NEAR_MS: Final = 3 * 3_600_000
"""So far from a change of clocks it may touch a moment."""
_LOOKED_AT: Final = 20
_SHOWN_CHARS: Final = 80
_VERSIONS_BYTES: Final = MAX_REPLY_BYTES // 2
_VERSION_BYTES: Final = MAX_REPLY_BYTES - 4_096
"""The door took larger tasks once, and a hand can write them; none may hide the older ones."""
# A fault in one of these leaves nobody able to say when the task is due.
_TIMED_BY: Final = frozenset(
    {"schedule", "timezone", "dst_gap", "dst_fold", "valid_from", "valid_until"}
    | {"every_nth", "spread_s"}
)

_NO_OTHER_NAME: Final = (
    "a task keeps its name, for its history goes by it; make a new task of that name instead"
)

log = log_of(__name__)

T = TypeVar("T")


async def get(
    context: Context, _who: Who, request: wire.TaskDefinition
) -> wire.TaskDefinitionReply:
    """All of a task, for whoever may change it."""
    _expect_edit(context)
    return _reply(await _read(context, partial(edits.see, task_name=request.id)))


async def versions(
    context: Context, _who: Who, request: wire.TaskVersions
) -> wire.TaskVersionsReply:
    """What a task was before, for whoever may make it so again."""
    _expect_edit(context)
    find = partial(
        edits.versions, task_name=request.id, before=request.before, limit=request.limit + 1
    )
    found = await _read(context, find)
    told: list[wire.TaskVersion] = []
    unread: list[int] = []
    room, next_before = _VERSIONS_BYTES, 0
    for number, version in islice(found.items(), request.limit):
        one = None if version is None else _version(version)
        size = len(msgspec.msgpack.encode(one))
        if size > _VERSION_BYTES:
            log.error("a version is too large to be sent", task=request.id, version=number)
            one, size = None, 0
        if told and size > room:
            break
        room -= size
        if one is None:
            unread.append(number)
        else:
            told.append(one)
        next_before = number
    is_all = len(told) + len(unread) == len(found)
    return wire.TaskVersionsReply(
        versions=tuple(told), unread=tuple(unread), next=0 if is_all else next_before
    )


async def check(context: Context, _who: Who, request: wire.TaskCheck) -> wire.TaskCheckReply:
    """What is wrong with a task that is not saved, and when it would be due."""
    _expect_edit(context)
    draft, faults = await _judge(context, request.definition)
    reply = wire.TaskCheckReply(
        faults=tuple(map(_fault, faults)),
        warnings=() if faults else await _warnings(context, draft.definition),
    )
    if draft.wrong & _TIMED_BY:
        return reply
    return await asyncio.to_thread(_with_moments, reply, draft.definition, context.clock.now_ms())


async def put(context: Context, who: Who, request: wire.TaskPut) -> Done:
    """Make or change a task, unless somebody was quicker."""
    _expect_edit(context)
    draft, faults = await _judge(context, request.definition)
    if not faults and draft.definition.task_name != request.id:
        faults = (BadDefinition("task_name", draft.definition.task_name, _NO_OTHER_NAME),)
    if faults:
        raise _refusal(faults)
    make = partial(
        edits.put,
        definition=draft.definition,
        based_on=request.based_on,
        seen_digest=request.digest,
        who=who.name,
        why=request.why,
        now_ms=context.clock.now_ms(),
    )
    try:
        edited = await _edit(context, make)
    except BadDefinition as error:
        # Whatever it comes after was there a moment ago.
        raise _refusal((error,)) from None
    task = edited.task
    if task is None:
        raise RuntimeError("an edit leaves a task")
    await _take_over(context, edited)
    return Done(
        wire.TaskPutReply(
            rev=context.journal.revs.state,
            id=task.task_name,
            def_rev=task.def_rev,
            before=edited.before,
            after=edited.after,
            warnings=await _warnings(context, task.definition),
        )
    )


async def delete(context: Context, who: Who, request: wire.TaskDelete) -> Done:
    """Forget a task, unless somebody changed it meanwhile."""
    _expect_edit(context)
    forget = partial(
        edits.delete,
        task_name=request.id,
        based_on=request.based_on,
        seen_digest=request.digest,
        who=who.name,
        why=request.why,
        now_ms=context.clock.now_ms(),
    )
    edited = await _edit(context, forget)
    await _take_over(context, edited)
    return Done(wire.TaskDeleteReply(rev=context.journal.revs.state, before=edited.before))


async def _edit(context: Context, change: Doing[Edited]) -> Edited:
    try:
        return await context.editor.edit(change)
    except Overtaken as error:
        raise _overtaken(error) from None


def _expect_edit(context: Context) -> None:
    """What a task executes is changed from here only where the agent's owner wants that."""
    if "edit" not in context.identity.capabilities:
        raise ProtocolError(
            "tasks are not edited over the wire here; remote_edit = true in settings.toml of the "
            "agent allows it to admins, from its next start on",
            code="disabled",
        )


async def _read(context: Context, find: Doing[T]) -> T:
    """What is found; while the database is out of reach, that nothing was done."""
    try:
        return await context.database.read(find)
    except Unreachable as error:
        raise DatabaseAway(str(error)) from error


async def _judge(
    context: Context, table: dict[str, Any]
) -> tuple[Draft, tuple[BadDefinition, ...]]:
    # Hundreds of schedules and paths may stand in it: that must not keep the loop.
    draft = await asyncio.to_thread(read_draft, table)
    beside = await _read(context, partial(edits.check, definition=draft.definition))
    return draft, (*draft.faults, *(one for one in beside if one.field not in draft.wrong))


async def _warnings(context: Context, definition: Definition) -> tuple[str, ...]:
    """What would keep its runs from starting on this host now."""
    # It looks for programs and folders, and one of them may lie on a disk far away.
    hindrance = await asyncio.to_thread(context.hindrance, definition)
    return () if hindrance is None else (str(hindrance),)


def _with_moments(
    reply: wire.TaskCheckReply, definition: Definition, now_ms: int
) -> wire.TaskCheckReply:
    moments = next_dues(definition, now_ms, _COMING)
    timing = timing_of(definition)
    changes = coming_changes(definition.timezone, now_ms, count=CHANGES)
    odd = [
        moment
        for change in changes
        for moment in next_moments(timing, change.at_ms - _NEAR_MS, _LOOKED_AT)
        if moment.tag != "normal" and moment.at_ms <= change.at_ms + _NEAR_MS
    ]
    return msgspec.structs.replace(
        reply,
        schedule_text=when_in_words(definition),
        times_ms=tuple(moment.at_ms for moment in moments),
        tags=tuple(moment.tag for moment in moments),
        notes=notes(moments),
        changes=tuple(
            clock_change(change, next_moment(timing, change.at_ms - 1)) for change in changes
        ),
        odd_ms=tuple(moment.at_ms for moment in odd),
        odd_tags=tuple(moment.tag for moment in odd),
    )


async def _take_over(context: Context, edited: Edited) -> None:
    name = edited.task_name
    rows, gone = ((), (name,)) if edited.task is None else ((edited.task,), ())
    try:
        await context.plans.take(rows, gone)
        await context.renew_alerts()
    except AgentError as error:
        # It is written down and holds: "busy" would say that it may be given once more.
        log.warning("an edit is not taken over yet", task=name, cause=str(error))
    context.hurry()


def _reply(seen: Seen) -> wire.TaskDefinitionReply:
    newest = seen.newest
    return wire.TaskDefinitionReply(
        id=seen.task.task_name,
        def_rev=seen.task.def_rev,
        digest=digest(seen.task.definition),
        definition=msgspec.to_builtins(seen.task.definition),
        changed_ms=seen.task.updated_ms if newest is None else newest.changed_ms,
        changed_by="" if newest is None else newest.changed_by,
        why="" if newest is None else newest.why,
        fault=seen.task.fault or "",
    )


def _version(version: Version) -> wire.TaskVersion:
    return wire.TaskVersion(
        def_rev=version.def_rev,
        changed_ms=version.changed_ms,
        changed_by=version.changed_by,
        why=version.why,
        definition=msgspec.to_builtins(version.definition),
    )


def _fault(error: BadDefinition) -> wire.Fault:
    shown = "" if error.value is None else repr(error.value)
    return wire.Fault(field=error.field, msg=error.fix, value=shown[:_SHOWN_CHARS])


def _refusal(faults: tuple[BadDefinition, ...]) -> BadRequest:
    told = [msgspec.to_builtins(_fault(fault)) for fault in faults]
    return BadRequest(
        "; ".join(map(str, faults)),
        detail={"path": f"$.definition.{faults[0].field}", "faults": told},
    )


def _overtaken(error: Overtaken) -> ProtocolError:
    detail: dict[str, Any] = {"path": wire.BASED_ON}
    if error.seen is not None:
        detail["newer"] = msgspec.to_builtins(_reply(error.seen))
    return ProtocolError(str(error), code="conflict", detail=detail)
