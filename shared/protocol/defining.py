"""What a client may ask about the definition of a task, and what it may make of it."""

from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from msgspec import Meta

from shared.protocol.messages import Command, CommandReply, Reason, Reply, Request, TaskId
from shared.protocol.planning import ClockChange

Table: TypeAlias = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Any], Meta(min_length=1, max_length=200)
]
"""A definition as TOML holds it: plain values by the names of the fields. Of a secret it holds the
name, and what is left out has its default."""
Digest: TypeAlias = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
Version: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]

BASED_ON = "$.based_on"
"""The path in a refusal that somebody else was quicker."""


class TaskDefinition(Request, frozen=True, kw_only=True):
    """What is this task, in full, to be edited?"""

    type: ClassVar[str] = "task.definition"
    id: TaskId


class TaskDefinitionReply(Reply, frozen=True, kw_only=True):
    """All of a task that can be edited; `fault` is there if its row cannot be read as it is."""

    id: str
    def_rev: int
    digest: str
    definition: dict[str, Any]
    changed_ms: int = 0
    changed_by: str = ""
    why: str = ""
    fault: str = ""


class TaskVersions(Request, frozen=True, kw_only=True):
    """What was this task before; from where a page ended, its `next`, or 0: from the newest on?"""

    type: ClassVar[str] = "task.versions"
    id: TaskId
    before: Version = 0
    limit: Annotated[int, Meta(ge=1, le=20)] = 20


class TaskVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a task was from then on, and who made it so."""

    def_rev: int
    changed_ms: int
    definition: dict[str, Any]
    changed_by: str = ""
    why: str = ""


class TaskVersionsReply(Reply, frozen=True, kw_only=True):
    """Newest first; fewer than asked for where they are large. `next` asks on, 0: that is all.

    `unread` are those of this page that cannot be read, by the numbers that the agent's log names.
    """

    versions: tuple[TaskVersion, ...] = ()
    unread: tuple[int, ...] = ()
    next: Version = 0


class TaskCheck(Request, frozen=True, kw_only=True):
    """Could there be such a task, and when would it run? Nothing is kept."""

    type: ClassVar[str] = "task.check"
    definition: Table


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field that cannot be accepted: the value as it was written, and what would do."""

    field: str
    msg: str
    value: str = ""


class TaskCheckReply(Reply, frozen=True, kw_only=True):
    """Everything that is wrong with it, what would hinder its runs now, and when it would be due.

    The moments, their tags, the words and notes are empty while what decides them is wrong.
    `odd_ms` are the moments that a coming change of clocks touches.
    """

    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    schedule_text: str = ""
    times_ms: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    changes: tuple[ClockChange, ...] = ()
    odd_ms: tuple[int, ...] = ()
    odd_tags: tuple[str, ...] = ()


class TaskPut(Command, frozen=True, kw_only=True):
    """Let this be the task's definition, unless somebody was quicker.

    `based_on` and `digest` are those of the definition that was edited; 0 makes a new task.
    """

    type: ClassVar[str] = "task.put"
    id: TaskId
    definition: Table
    based_on: Version = 0
    digest: Digest = ""
    why: Reason = ""


class TaskPutReply(CommandReply, frozen=True, kw_only=True):
    """It holds from now on; `before` and `after` are digests, as the audit has them."""

    id: str
    def_rev: int
    before: str = ""
    after: str = ""
    warnings: tuple[str, ...] = ()


class TaskDelete(Command, frozen=True, kw_only=True):
    """Forget this task, unless somebody changed it meanwhile; its runs and history stay."""

    type: ClassVar[str] = "task.delete"
    id: TaskId
    based_on: Version
    digest: Digest = ""
    why: Reason = ""


class TaskDeleteReply(CommandReply, frozen=True, kw_only=True):
    """There is no such task any more; `before` is the digest of what it was."""

    before: str = ""
