"""What the screen can ask of an agent, and what becomes of it."""

import secrets
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, cast

import msgspec
from PySide6.QtCore import QObject, Signal

from desktop.bridge import Bridge
from desktop.network.failures import in_words
from desktop.network.mailbox import LogChunk
from desktop.network.pending import Answer, Failure
from desktop.network.thread import Handle, Network
from shared.protocol.alerting import AlertAck, AlertReopen, AlertSnooze, AlertsReply
from shared.protocol.defining import TaskDelete, TaskPut
from shared.protocol.requests import (
    AnyReply,
    Command,
    MetricsPage,
    MetricsPageReply,
    Request,
    RunAbort,
    RunBackfill,
    RunBackfillReply,
    RunDetail,
    RunFilter,
    RunGet,
    RunRetry,
    RunsPage,
    RunsPageReply,
    RunStart,
    TaskDetail,
    TaskGet,
    TaskSet,
    TaskSetReply,
    TaskSkip,
    TaskSkipReply,
)
from shared.protocol.rows import Task

ReplyT = TypeVar("ReplyT", bound=AnyReply)
Failed = Callable[[str], None]
Refused = Callable[[str, str], None]
"""Takes the sentence that says why not, and the path of the field it is about, if it is one."""
UNDO_STEPS: Final = 20


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A short message: `kind` is "done", "bad" or "doubt"; `can_undo` offers to take it back."""

    text: str
    kind: str = "done"
    can_undo: bool = False
    task_id: str = ""


class _Waiting(msgspec.Struct, frozen=True):
    answered: Callable[[Answer], None]


_OfSome = TaskSet | TaskSkip | AlertAck | AlertReopen | AlertSnooze
"""What is ordered of several at once, by their ids."""
_Undo = tuple[_OfSome | Command, ...]
"""What takes one act back: an order for each way in which what it was about stood before."""
_Back = Callable[[AnyReply | None], _Undo]
"""Says what takes an act back, once its reply is known."""


class _Order(msgspec.Struct, frozen=True):
    """An order on its way: whom it is for, what is said when it is done, and who is told."""

    task_ids: tuple[str, ...]
    done: str
    back: _Undo | _Back
    then: Callable[[AnyReply | None], None] | None
    failed: Refused | None


class Remote(QObject):
    """Asks the agent chosen by `use`; every answer comes back on the GUI thread.

    Whatever fails and has no `failed` of its own is said through `said`.
    """

    said = Signal(object)
    command_sent = Signal(str)
    """A task's id: an order for it is on its way."""
    command_done = Signal(str)
    """The same id: the order was answered, or given up."""

    def __init__(
        self,
        network: Network,
        bridge: Bridge,
        find_task: Callable[[str], Task | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._network = network
        self._find_task = find_task
        self._agent_id = ""
        self._only_looks = False
        self._waiting: dict[int, _Waiting] = {}
        self._logs: dict[int, Callable[[LogChunk], None]] = {}
        self._undo: list[_Undo] = []
        self._under_way: list[_Order] = []
        self._unanswered: list[_Order] = []  # those that can be taken back once they are done
        self._to_undo: _Order | None = None  # one of them, as soon as it is answered
        bridge.answered.connect(self._answered)
        bridge.output_came.connect(self._output_came)

    def use(self, agent_id: str, *, only_looks: bool = False) -> None:
        """From now on ask this agent; what was asked of another is called off.

        An order that is sent cannot be called off: what came of it is not told any more.
        """
        for handle in (*self._waiting, *self._logs):
            self._network.cancel(handle)
        self._waiting.clear()
        self._logs.clear()
        self._undo.clear()
        self._unanswered.clear()
        self._to_undo = None
        left, self._under_way = self._under_way, []
        self._agent_id = agent_id
        self._only_looks = only_looks
        self._say_left(left)

    # --- commands ------------------------------------------------------------------------------

    def run_now(self, task_id: str) -> None:
        """Order a run of the task."""
        request = RunStart(op=_op(), expires_ms=0, task_id=task_id)
        self._order(request, (task_id,), f"{task_id} is ordered to run.")

    def stop(self, run_id: str, task_id: str = "") -> None:
        """Stop a run: TERM, its grace, KILL."""
        request = RunAbort(op=_op(), expires_ms=0, run_id=run_id)
        ids = (task_id,) if task_id else ()
        self._order(request, ids, f"{task_id or 'The run'} is being stopped.")

    def try_again(self, run_id: str) -> None:
        """Let a retry that waits start now, or give a run that failed one more attempt."""
        request = RunRetry(op=_op(), expires_ms=0, run_id=run_id)
        self._order(request, (), "The run is tried again.")

    def pause(
        self,
        task_ids: Sequence[str],
        until_ms: int | None = None,
        reason: str | None = None,
        *,
        then: Callable[[], None] | None = None,
        failed: Refused | None = None,
    ) -> None:
        """Start no due run of these tasks for a while, or until they are resumed."""
        request = TaskSet(
            op=_op(),
            expires_ms=0,
            ids=tuple(task_ids),
            paused=True,
            until_ms=until_ms,
            reason=reason,
        )
        self._set(request, f"{_they_are(task_ids)} paused.", then=then, failed=failed)

    def resume(self, task_id: str) -> None:
        """Take a pause back."""
        request = TaskSet(op=_op(), expires_ms=0, ids=(task_id,), paused=False)
        self._set(request, f"{task_id} goes on.")

    def skip(self, task_ids: Sequence[str]) -> None:
        """Let the next due moment of these tasks pass without a run."""
        request = TaskSkip(op=_op(), expires_ms=0, ids=tuple(task_ids))
        (one, *others) = request.ids
        said = f"The next run of {len(request.ids)} tasks is skipped."
        self._order(
            request,
            request.ids,
            said if others else f"The next run of {one} is skipped.",
            back=(msgspec.structs.replace(request, count=0),),
        )

    def backfill(
        self,
        task_id: str,
        moments_ms: Sequence[int],
        reason: str | None,
        *,
        then: Callable[[Sequence[str]], None],
        failed: Refused,
    ) -> None:
        """Run the task as of moments that have passed; `then` takes the ids of the runs."""
        request = RunBackfill(
            op=_op(),
            expires_ms=0,
            task_id=task_id,
            moments_ms=tuple(moments_ms),
            reason=reason,
        )
        count = len(request.moments_ms)
        what = "a past moment" if count == 1 else f"{count} past moments"

        def answered(reply: AnyReply | None) -> None:
            then(reply.run_ids if isinstance(reply, RunBackfillReply) else ())

        self._order(
            request,
            (task_id,),
            f"{task_id} is ordered to run as of {what}.",
            then=answered,
            failed=failed,
        )

    def enable(self, task_id: str) -> None:
        """Let the task run by its schedule again."""
        request = TaskSet(op=_op(), expires_ms=0, ids=(task_id,), enabled=True)
        self._set(request, f"{task_id} is switched on.")

    def disable(self, task_id: str) -> None:
        """Switch the task off."""
        request = TaskSet(op=_op(), expires_ms=0, ids=(task_id,), enabled=False)
        self._set(request, f"{task_id} is switched off.")

    def undo(self) -> None:
        """Take the last reversible act back; one on its way, as soon as it is answered."""
        if self._unanswered:
            self._to_undo = self._unanswered[-1]
            self.said.emit(
                Notice(text="It is taken back as soon as the agent has answered.", kind="doubt")
            )
            return
        if not self._undo:
            self.said.emit(Notice(text="There is nothing to undo.", kind="bad"))
            return
        for request in self._undo.pop():
            ids = request.ids if isinstance(request, TaskSet | TaskSkip) else ()
            self._order(msgspec.structs.replace(request, op=_op()), ids, taken_back(request))

    def act_on_alerts(self, request: Command, done: str, back: _Undo) -> None:
        """Acknowledge, snooze, end or note some alerts; `back` takes that back."""
        self._order(request, (), done, back=back)

    def order(
        self,
        request: Command,
        done: str,
        back: _Undo | _Back,
        then: Callable[[AnyReply | None], None],
        failed: Refused,
    ) -> None:
        """Order something of one's own; `back` takes it back, or makes of the reply what does.

        Where `done` is empty, whoever ordered it says by itself what came of it.
        """
        self._order(request, (), done, back=back, then=then, failed=failed)

    def _set(
        self,
        request: TaskSet,
        done: str,
        *,
        then: Callable[[], None] | None = None,
        failed: Refused | None = None,
    ) -> None:
        before = [task for task in map(self._find_task, request.ids) if task is not None]

        def answered(_reply: AnyReply | None) -> None:
            if then is not None:
                then()

        self._order(
            request,
            request.ids,
            done,
            back=inverse(request, before),
            then=answered,
            failed=failed,
        )

    def _order(
        self,
        request: Command,
        task_ids: Sequence[str],
        done: str,
        *,
        back: _Undo | _Back = (),
        then: Callable[[AnyReply | None], None] | None = None,
        failed: Refused | None = None,
    ) -> None:
        """Send it; what goes wrong is told to `failed`, else said."""
        task_id = task_ids[0] if len(task_ids) == 1 else ""
        order = _Order(tuple(task_ids), done, back, then, failed)
        if self._only_looks:
            text = (
                "This connection only looks: its asking in desktop.toml is only_look. Put "
                "each_time there and start anew to give orders."
            )
            if failed is not None:
                failed(text, "")
            else:
                self.said.emit(Notice(text=text, kind="bad", task_id=task_id))
            return
        for each in task_ids:
            self.command_sent.emit(each)
        self._under_way.append(order)
        if back:
            self._unanswered.append(order)
        self._ask(request, lambda answer: self._settle(order, answer))

    def _settle(self, order: _Order, answer: Answer) -> None:
        task_id = order.task_ids[0] if len(order.task_ids) == 1 else ""
        failure, refused_ids = answer.failure, frozenset[str]()
        undo: _Undo = ()
        if failure is None:
            failure, refused_ids = _refusal(answer.reply)
            back = order.back(answer.reply) if callable(order.back) else order.back
            undo = _without(back, refused_ids)
            self._remember(undo)
        if failure is None:
            if order.then is not None:
                order.then(answer.reply)
            if order.done:
                self.said.emit(Notice(text=order.done, can_undo=bool(undo), task_id=task_id))
        elif order.failed is not None and answer.is_final:
            order.failed(in_words(failure), str(failure.detail.get("path") or ""))
        else:
            self._say_failure(failure, task_id, is_final=answer.is_final)
        if answer.is_final:
            self._under_way = [one for one in self._under_way if one is not order]
            for each in order.task_ids:
                self.command_done.emit(each)
            self._undo_if_wanted(order, can_undo=bool(undo))

    def _undo_if_wanted(self, order: _Order, *, can_undo: bool) -> None:
        """Whoever wanted it taken back before it was answered has that now."""
        self._unanswered = [one for one in self._unanswered if one is not order]
        if self._to_undo is order:
            self._to_undo = None
            if can_undo:
                self.undo()

    def _remember(self, back: _Undo) -> None:
        if back:
            self._undo.append(back)
            del self._undo[:-UNDO_STEPS]

    def _say_failure(self, failure: Failure, task_id: str, *, is_final: bool) -> None:
        text = f"{task_id}: {in_words(failure)}" if task_id else in_words(failure)
        if not is_final:
            text = (
                f"{task_id or 'The order'}: the agent did not answer. What became of the order is "
                "asked as soon as it is back."
            )
        kind = "bad" if is_final else "doubt"
        self.said.emit(Notice(text=text, kind=kind, task_id=task_id))

    def _say_left(self, orders: Sequence[_Order]) -> None:
        """Orders whose agent was left before it told what came of them."""
        if not orders:
            return
        for order in orders:
            for each in order.task_ids:
                self.command_done.emit(each)
        ids = orders[0].task_ids if len(orders) == 1 else ()
        task_id = ids[0] if len(ids) == 1 else ""
        what = f"An order for {task_id} was" if task_id else "An order was"
        if len(orders) > 1:
            what = f"{len(orders)} orders were"
        text = f"{what} under way to the agent before; what came of that was not told."
        self.said.emit(Notice(text=text, kind="doubt"))

    # --- questions -----------------------------------------------------------------------------

    def get_task(
        self, task_id: str, then: Callable[[TaskDetail], None], failed: Failed | None = None
    ) -> int:
        """Settings, next moments, last failure and history of a task."""
        return self._read(TaskGet(id=task_id), TaskDetail, then, failed)

    def get_run(
        self, run_id: str, then: Callable[[RunDetail], None], failed: Failed | None = None
    ) -> int:
        """One run with all attempts, and what it said at its end."""
        return self._read(RunGet(run_id=run_id), RunDetail, then, failed)

    def runs_page(
        self,
        then: Callable[[RunsPageReply], None],
        failed: Failed | None = None,
        *,
        chosen: RunFilter | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> int:
        """One page of recorded runs, newest first."""
        request = RunsPage(filter=chosen or RunFilter(), cursor=cursor, limit=limit)
        return self._read(request, RunsPageReply, then, failed)

    def get_metrics(
        self,
        request: MetricsPage,
        then: Callable[[MetricsPageReply], None],
        failed: Failed | None = None,
    ) -> int:
        """Samples of the server's figures."""
        return self._read(request, MetricsPageReply, then, failed)

    def ask(self, request: Request, then: Callable[[AnyReply], None], failed: Refused) -> None:
        """Anything a dialog wants to know; what goes wrong is told at the field it is about."""

        def answered(answer: Answer) -> None:
            failure = answer.failure
            if failure is not None:
                failed(in_words(failure), str(failure.detail.get("path") or ""))
            elif answer.reply is not None:
                then(answer.reply)

        self._ask(request, answered)

    def follow_log(self, run_id: str, then: Callable[[LogChunk], None]) -> int:
        """Hand on the output of a run as it grows, its last part first, until cancelled."""
        handle = self._network.follow_log(self._agent_id, run_id)
        self._logs[handle.id] = then
        return handle.id

    def refresh(self) -> None:
        """Ask for everything anew."""
        self._network.refresh(self._agent_id)

    def try_now(self) -> None:
        """Do not wait for the next try to reach the agent."""
        self._network.try_now(self._agent_id)

    def cancel(self, handle: int) -> None:
        """What was asked is not wanted any more; an answer that still comes is dropped."""
        self._waiting.pop(handle, None)
        self._logs.pop(handle, None)
        self._network.cancel(handle)

    def _read(
        self,
        request: Request,
        expected: type[ReplyT],
        then: Callable[[ReplyT], None],
        failed: Failed | None,
    ) -> int:
        def answered(answer: Answer) -> None:
            if answer.failure is not None:
                self._fail(answer.failure, failed)
            elif isinstance(answer.reply, expected):
                then(cast(ReplyT, answer.reply))

        return self._ask(request, answered)

    def _ask(self, request: Request, answered: Callable[[Answer], None]) -> int:
        handle: Handle = self._network.ask(self._agent_id, request)
        self._waiting[handle.id] = _Waiting(answered)
        return handle.id

    def _fail(self, failure: Failure, failed: Failed | None) -> None:
        if failed is not None:
            failed(in_words(failure))
        else:
            self.said.emit(Notice(text=in_words(failure), kind="bad"))

    def _answered(self, answer: Answer) -> None:
        waiting = self._waiting.get(answer.owner)
        if waiting is None:
            return
        if answer.is_final:
            del self._waiting[answer.owner]
        waiting.answered(answer)

    def _output_came(self, chunk: LogChunk) -> None:
        then = self._logs.get(chunk.handle)
        if then is None:
            return
        if chunk.is_ended or chunk.code:
            del self._logs[chunk.handle]
        then(chunk)


def inverse(request: TaskSet, before: Sequence[Task]) -> _Undo:
    """What brings the tasks back to how they were; those that change nothing are left out."""
    back: dict[TaskSet, list[str]] = {}
    for task in before:
        one = _inverse(request, task)
        if one is not None:
            back.setdefault(one, []).append(task.id)
    return tuple(msgspec.structs.replace(one, ids=tuple(ids)) for one, ids in back.items())


def _inverse(request: TaskSet, before: Task) -> TaskSet | None:
    is_same_pause = request.paused == before.paused and request.until_ms == before.paused_until_ms
    if request.paused is not None and not is_same_pause:
        return msgspec.structs.replace(
            request,
            paused=before.paused,
            until_ms=before.paused_until_ms,
            reason=before.pause_reason,
        )
    if request.enabled is not None and request.enabled != before.enabled:
        return msgspec.structs.replace(request, enabled=before.enabled, reason=None)
    return None


def _without(back: _Undo, refused: frozenset[str]) -> _Undo:
    """The same for those tasks alone that the act was carried out for."""
    kept = [
        msgspec.structs.replace(one, ids=tuple(each for each in one.ids if each not in refused))
        if isinstance(one, _OfSome)
        else one
        for one in back
    ]
    return tuple(one for one in kept if not isinstance(one, _OfSome) or one.ids)


def _refusal(reply: AnyReply | None) -> tuple[Failure | None, frozenset[str]]:
    """An order for several tasks may be taken as a whole and still refuse some of them."""
    if not isinstance(reply, TaskSetReply | TaskSkipReply | AlertsReply):
        return None, frozenset()
    refused = [outcome for outcome in reply.results if outcome.code != "ok"]
    if not refused:
        return None, frozenset()
    first = Failure(code=refused[0].code, message=refused[0].msg)
    return first, frozenset(outcome.id for outcome in refused)


def taken_back(request: Command) -> str:
    """What is said once this order has taken an act back."""
    match request:
        case TaskSet() | TaskSkip():
            return _as_before(request.ids)
        case TaskDelete():
            return f"{request.id} is gone again."
        case TaskPut():
            return _as_before((request.id,))
        case AlertAck() | AlertReopen() | AlertSnooze():
            return "The alerts are as they were before."
    return "It is as it was before."


def _as_before(task_ids: Sequence[str]) -> str:
    if len(task_ids) == 1:
        return f"{task_ids[0]} is as it was before."
    return f"{len(task_ids)} tasks are as they were before."


def _they_are(task_ids: Sequence[str]) -> str:
    return f"{task_ids[0]} is" if len(task_ids) == 1 else f"{len(task_ids)} tasks are"


def _op() -> str:
    return secrets.token_hex(16)
