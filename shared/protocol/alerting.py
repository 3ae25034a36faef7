"""What a client may ask about alerts, and what it may do about one."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from shared.protocol.messages import (
    AlertId,
    Command,
    CommandReply,
    Cursor,
    Moment,
    Outcome,
    Reply,
    Request,
    TaskId,
    Word,
)
from shared.protocol.rows import Alert, Run

Ids = Annotated[tuple[AlertId, ...], Meta(min_length=1, max_length=200)]
# One line: it stands in lists, in messages and in the audit.
Remark = Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class AlertFilter(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Which alerts: all that is given must fit; opened in [from, to)."""

    task_id: TaskId | None = None
    sevs: Annotated[tuple[Word, ...], Meta(max_length=8)] = ()
    states: Annotated[tuple[Word, ...], Meta(max_length=8)] = ()
    from_ms: Moment | None = None
    to_ms: Moment | None = None
    text: Annotated[str, Meta(max_length=200)] | None = None


class AlertsPage(Request, frozen=True, kw_only=True):
    """Alerts, the newest first, those that are over too."""

    type: ClassVar[str] = "alerts.page"
    filter: AlertFilter = AlertFilter()
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class AlertsPageReply(Reply, frozen=True, kw_only=True):
    """One page; `next` is the cursor of the following one."""

    rows: tuple[Alert, ...] = ()
    next: str | None = None


class AlertGet(Request, frozen=True, kw_only=True):
    """One alert, what people did about it, who was told, how the task went."""

    type: ClassVar[str] = "alert.get"
    id: AlertId


class Remarked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody did about an alert, and said of it."""

    at_ms: int
    by: str
    what: str
    note: str = ""


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message on its way or gone: `state` is "waiting", "sent" or "failed".

    `due_ms` is when it is tried next while it waits; `answer` is the receipt of the server.
    """

    id: str
    channel: str
    sev: str
    state: str
    recipients: tuple[str, ...] = ()
    subject: str = ""
    created_ms: int
    due_ms: int
    tries: int = 0
    sent_ms: int | None = None
    answer: str | None = None
    problem: str | None = None


class AlertDetail(Reply, frozen=True, kw_only=True):
    """One alert: notes oldest first, messages and runs of its task newest first."""

    row: Alert
    notes: tuple[Remarked, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    runs: tuple[Run, ...] = ()


class AlertAck(Command, frozen=True, kw_only=True):
    """I care for these: nothing more is told of them until they are over or get worse."""

    type: ClassVar[str] = "alert.ack"
    ids: Ids
    note: Remark = ""


class AlertSnooze(Command, frozen=True, kw_only=True):
    """Say nothing of these until then."""

    type: ClassVar[str] = "alert.snooze"
    ids: Ids
    until_ms: Moment
    note: Remark = ""


class AlertResolve(Command, frozen=True, kw_only=True):
    """These are over; whatever finds their cause again opens them again."""

    type: ClassVar[str] = "alert.resolve"
    ids: Ids
    note: Remark = ""


class AlertReopen(Command, frozen=True, kw_only=True):
    """Take an acknowledgement, a snooze or an end by hand back."""

    type: ClassVar[str] = "alert.reopen"
    ids: Ids
    note: Remark = ""


class AlertNote(Command, frozen=True, kw_only=True):
    """Write something down about these."""

    type: ClassVar[str] = "alert.note"
    ids: Ids
    note: Annotated[Remark, Meta(min_length=1)]


class AlertsReply(CommandReply, frozen=True, kw_only=True):
    """How it went for each, in the order asked; `rev` counts in the scope of alerts."""

    results: tuple[Outcome, ...] = ()


class DeliveriesPage(Request, frozen=True, kw_only=True):
    """Messages to people, the newest first, and whether they get there."""

    type: ClassVar[str] = "deliveries.page"
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class MailState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether messages go, by mail or chat: `problem` is what stopped the newest that did not."""

    is_on: bool = False
    recipients: tuple[str, ...] = ()
    waiting: int = 0
    sent_ms: int | None = None
    problem: str | None = None


class DeliveriesReply(Reply, frozen=True, kw_only=True):
    """One page; `next` is the cursor of the following one."""

    rows: tuple[Delivery, ...] = ()
    next: str | None = None
    mail: MailState = MailState()


class AlertsRules(Request, frozen=True, kw_only=True):
    """Which own rules of alerts are there, and in which times is nobody told?"""

    type: ClassVar[str] = "alerts.rules"


class OwnRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that people made; `given` is what it says, field by field."""

    name: str
    sev: str
    enabled: bool = True
    given: tuple[tuple[str, str], ...] = ()
    at_ms: int
    by: str = ""


class QuietTime(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A window in which nobody is told of alerts: of some tasks, of a category, or of all."""

    id: str
    from_ms: int
    to_ms: int
    task_id: str | None = None
    category: str | None = None
    reason: str = ""
    by: str = ""


class AlertsRulesReply(Reply, frozen=True, kw_only=True):
    """All rules by name, and the windows that are not over, the first one first."""

    rules: tuple[OwnRule, ...] = ()
    quiet: tuple[QuietTime, ...] = ()
