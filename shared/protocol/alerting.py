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


class Coming(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is told next if nothing changes: `what` is "told", "repeated", "escalated" or "over"."""

    at_ms: int
    what: str
    to: tuple[str, ...] = ()
    stage: int = 0


class AlertDetail(Reply, frozen=True, kw_only=True):
    """One alert: notes oldest first, messages and runs of its task newest first, what is next."""

    row: Alert
    notes: tuple[Remarked, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    runs: tuple[Run, ...] = ()
    coming: tuple[Coming, ...] = ()


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


class Way(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel: for which severities, its quiet hours, until when it is quiet now, what waits.

    `held` alerts are due and kept back by its quiet; `waiting` messages are written and not sent.
    """

    name: str
    sevs: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    quiet_critical: bool = False
    quiet_until_ms: int | None = None
    waiting: int = 0
    held: int = 0


class Stage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is told of an alert that nobody cares for after so many minutes."""

    after_minutes: int
    sevs: tuple[str, ...] = ()
    to: tuple[str, ...] = ()


class DeliveriesReply(Reply, frozen=True, kw_only=True):
    """One page; `next` is the cursor of the following one.

    `repeats` are severities that are told again each so many minutes until somebody cares.
    """

    rows: tuple[Delivery, ...] = ()
    next: str | None = None
    mail: MailState = MailState()
    ways: tuple[Way, ...] = ()
    stages: tuple[Stage, ...] = ()
    repeats: tuple[tuple[str, int], ...] = ()


class WayTest(Command, frozen=True, kw_only=True):
    """Send a message by hand by this channel now, and say what became of it."""

    type: ClassVar[str] = "way.test"
    id: Annotated[str, Meta(min_length=1, max_length=100)]


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who did not get it, and why."""

    to: str
    why: str


class WayTestReply(CommandReply, frozen=True, kw_only=True):
    """For whom it was, what the service answered, who did not get it.

    `fault` is what is wrong with a template of the owner's; the usual words went then.
    """

    to: tuple[str, ...] = ()
    answer: str = ""
    missed: tuple[Missed, ...] = ()
    fault: str = ""


class AlertsRules(Request, frozen=True, kw_only=True):
    """Which own rules of alerts are there, and in which times is nobody told?"""

    type: ClassVar[str] = "alerts.rules"


class OwnRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that people made; `given` is what it says, field by field; `rev` counts changes."""

    name: str
    sev: str
    enabled: bool = True
    given: tuple[tuple[str, str], ...] = ()
    at_ms: int
    by: str = ""
    title: str = ""
    rev: int = 0


class QuietTime(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A window in which nobody is told of alerts: of some tasks, of a category, or of all.

    `rev` is another number after each change.
    """

    id: str
    from_ms: int
    to_ms: int
    task_id: str | None = None
    category: str | None = None
    reason: str = ""
    by: str = ""
    rev: int = 0


class AlertsRulesReply(Reply, frozen=True, kw_only=True):
    """All rules by name, and the windows that are not over, the first one first."""

    rules: tuple[OwnRule, ...] = ()
    quiet: tuple[QuietTime, ...] = ()


RuleName = Annotated[str, Meta(max_length=64)]
_Text = Annotated[str, Meta(max_length=600)]
Given = Annotated[tuple[tuple[Word, _Text], ...], Meta(max_length=32)]
Rev = Annotated[int, Meta(ge=0, le=2**53)]


class RuleDraft(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A rule as somebody writes it: each field of `given` is a word, as on the command line."""

    sev: Word = "medium"
    enabled: bool = True
    title: _Text = ""
    given: Given = ()


class RuleTry(Request, frozen=True, kw_only=True):
    """Can there be such a rule, and on which records of the last `days` would it have fired?

    Without `days` it is only checked. An answer takes a moment and tells how far it is; who wants
    the rest asks again with its `place`, who does not has called it off.
    """

    type: ClassVar[str] = "rule.try"
    id: RuleName
    rule: RuleDraft
    days: Annotated[int, Meta(ge=0, le=90)] = 0
    place: Cursor | None = None


class Fired(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record on which a rule would have fired; `opens`: it did not on the one before."""

    at_ms: int
    task_id: str = ""
    msg: str = ""
    run_id: str | None = None
    opens: bool = True


class RuleTryReply(Reply, frozen=True, kw_only=True):
    """How often it fired in how many alerts so far; `doubts` say that it holds for none or all."""

    doubts: tuple[str, ...] = ()
    place: str | None = None
    share: float = 1.0
    from_ms: int | None = None
    looked_at: int = 0
    fired: int = 0
    alerts: int = 0
    is_cut: bool = False
    records: tuple[Fired, ...] = ()


class RuleSet(Command, frozen=True, kw_only=True):
    """Let there be this rule, if it is still as at `base_rev`; 0: if there is none of its name."""

    type: ClassVar[str] = "rule.set"
    id: RuleName
    rule: RuleDraft
    base_rev: Rev = 0


class RuleRemove(Command, frozen=True, kw_only=True):
    """Forget this rule, if it is still as at `base_rev`; what it found is over."""

    type: ClassVar[str] = "rule.remove"
    id: RuleName
    base_rev: Rev


class RuleReply(CommandReply, frozen=True, kw_only=True):
    """The rule as it is now, or none; `doubts` say that it holds for nothing or everything."""

    rule: OwnRule | None = None
    doubts: tuple[str, ...] = ()


class QuietTry(Request, frozen=True, kw_only=True):
    """Can there be such a window, and what would be meant by it now?"""

    type: ClassVar[str] = "quiet.try"
    from_ms: Moment
    to_ms: Moment
    task_id: _Text | None = None
    category: _Text | None = None
    reason: _Text = ""


class QuietTryReply(Reply, frozen=True, kw_only=True):
    """So many of `of` tasks are meant, and so many alerts that are open now.

    Of the alerts since `from_ms` it would have muted `fired`, the newest of which are `records`;
    those that are open are marked by `opens`. `is_cut` says that there were more than it looks at.
    """

    tasks: int = 0
    of: int = 0
    alerts: int = 0
    from_ms: int | None = None
    fired: int = 0
    records: tuple[Fired, ...] = ()
    is_cut: bool = False


class QuietSet(Command, frozen=True, kw_only=True):
    """Let there be this window: a new one, or that of this id if it is still as at `base_rev`."""

    type: ClassVar[str] = "quiet.set"
    id: AlertId | None = None
    from_ms: Moment
    to_ms: Moment
    task_id: _Text | None = None
    category: _Text | None = None
    reason: _Text = ""
    base_rev: Rev = 0


class QuietRemove(Command, frozen=True, kw_only=True):
    """Take this window away, if it is still as at `base_rev`; what still stands is told."""

    type: ClassVar[str] = "quiet.remove"
    id: AlertId
    base_rev: Rev


class QuietReply(CommandReply, frozen=True, kw_only=True):
    """The window as it is now, or none."""

    quiet: QuietTime | None = None
