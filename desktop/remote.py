"""What the screen can ask of an agent, and what becomes of it."""

import secrets
from collections.abc import Callable
from typing import Final, TypeVar, cast

import msgspec
from PySide6.QtCore import QObject, Signal

from desktop.bridge import Bridge
from desktop.network.failures import in_words
from desktop.network.mailbox import LogChunk
from desktop.network.pending import Answer, Failure
from desktop.network.thread import Handle, Network
from shared.protocol.requests import (
    AnyReply,
    Command,
    LogRead,
    LogReadReply,
    MetricsPage,
    MetricsPageReply,
    Request,
    RunAbort,
    RunDetail,
    RunFilter,
    RunGet,
    RunRetry,
    RunsPage,
    RunsPageReply,
    RunStart,
    SchedulePreview,
    SchedulePreviewReply,
    StatsGet,
    StatsReply,
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
UNDO_STEPS: Final = 20


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A short message: `kind` is "done", "bad" or "doubt"; `can_undo` offers to take it back."""

    text: str
    kind: str = "done"
    can_undo: bool = False
    task_id: str = ""


class _Waiting(msgspec.Struct, frozen=True):
    answered: Callable[[Answer], None]


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
        self._undo: list[TaskSet | TaskSkip] = []
        bridge.answered.connect(self._answered)
        bridge.output_came.connect(self._output_came)

    def use(self, agent_id: str, *, only_looks: bool = False) -> None:
        """From now on ask this agent; what was asked of another is called off."""
        for handle in (*self._waiting, *self._logs):
            self._network.cancel(handle)
        self._waiting.clear()
        self._logs.clear()
        self._undo.clear()
        self._agent_id = agent_id
        self._only_looks = only_looks

    # --- commands ------------------------------------------------------------------------------

    def run_now(self, task_id: str) -> None:
        """Order a run of the task."""
        request = RunStart(op=_op(), expires_ms=0, task_id=task_id)
        self._order(request, task_id, f"{self._name(task_id)} is ordered to run.")

    def stop(self, run_id: str, task_id: str = "") -> None:
        """Stop a run: TERM, its grace, KILL."""
        request = RunAbort(op=_op(), expires_ms=0, run_id=run_id)
        self._order(request, task_id, f"{self._name(task_id)} is being stopped.")

    def try_again(self, run_id: str) -> None:
        """Let a retry that waits start now, or give a run that failed one more attempt."""
        request = RunRetry(op=_op(), expires_ms=0, run_id=run_id)
        self._order(request, "", f"{self._name('')} is tried again.")

    def pause(self, task_id: str, until_ms: int | None = None, reason: str | None = None) -> None:
        """Start no due run of the task for a while, or until it is resumed."""
        self._set(task_id, "is paused.", paused=True, until_ms=until_ms, reason=reason)

    def resume(self, task_id: str) -> None:
        """Take a pause back."""
        self._set(task_id, "goes on.", paused=False)

    def skip(self, task_id: str) -> None:
        """Let the next due moment of the task pass without a run."""
        request = TaskSkip(op=_op(), expires_ms=0, ids=(task_id,))
        self._order(
            request,
            task_id,
            f"{self._name(task_id)} lets its next moment pass.",
            back=msgspec.structs.replace(request, count=0),
        )

    def enable(self, task_id: str) -> None:
        """Let the task run by its schedule again."""
        self._set(task_id, "is switched on.", enabled=True)

    def disable(self, task_id: str) -> None:
        """Switch the task off."""
        self._set(task_id, "is switched off.", enabled=False)

    def undo(self) -> None:
        """Take the last reversible act back."""
        if not self._undo:
            self.said.emit(Notice(text="There is nothing to undo.", kind="bad"))
            return
        request = self._undo.pop()
        task_id = request.ids[0]
        self._order(
            msgspec.structs.replace(request, op=_op()),
            task_id,
            f"{self._name(task_id)} is as it was before.",
        )

    def _set(
        self,
        task_id: str,
        done: str,
        *,
        enabled: bool | None = None,
        paused: bool | None = None,
        until_ms: int | None = None,
        reason: str | None = None,
    ) -> None:
        request = TaskSet(
            op=_op(),
            expires_ms=0,
            ids=(task_id,),
            enabled=enabled,
            paused=paused,
            until_ms=until_ms,
            reason=reason,
        )
        task = self._find_task(task_id)
        back = None if task is None else inverse(request, task)
        self._order(request, task_id, f"{self._name(task_id)} {done}", back=back)

    def _order(
        self, request: Command, task_id: str, done: str, *, back: TaskSet | TaskSkip | None = None
    ) -> None:
        if self._only_looks:
            text = "This connection only looks. Change that under Connections to give orders."
            self.said.emit(Notice(text=text, kind="bad", task_id=task_id))
            return

        def answered(answer: Answer) -> None:
            failure = answer.failure or _refusal(answer.reply)
            if failure is not None:
                self._say_failure(failure, task_id, is_final=answer.is_final)
            else:
                self._remember(back)
                self.said.emit(Notice(text=done, can_undo=back is not None, task_id=task_id))
            if answer.is_final:
                self.command_done.emit(task_id)

        self.command_sent.emit(task_id)
        self._ask(request, answered)

    def _remember(self, back: TaskSet | TaskSkip | None) -> None:
        if back is not None:
            self._undo.append(back)
            del self._undo[:-UNDO_STEPS]

    def _say_failure(self, failure: Failure, task_id: str, *, is_final: bool) -> None:
        text = f"{self._name(task_id)}: {in_words(failure)}" if task_id else in_words(failure)
        if not is_final:
            text = (
                f"{self._name(task_id)}: the agent did not answer. What became of the order is "
                "asked as soon as it is back."
            )
        kind = "bad" if is_final else "doubt"
        self.said.emit(Notice(text=text, kind=kind, task_id=task_id))

    def _name(self, task_id: str) -> str:
        return task_id or "The run"

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

    def get_stats(self, then: Callable[[StatsReply], None], failed: Failed | None = None) -> int:
        """The figures of the last 24 hours."""
        return self._read(StatsGet(), StatsReply, then, failed)

    def get_metrics(
        self,
        request: MetricsPage,
        then: Callable[[MetricsPageReply], None],
        failed: Failed | None = None,
    ) -> int:
        """Samples of the server's figures."""
        return self._read(request, MetricsPageReply, then, failed)

    def preview(
        self,
        request: SchedulePreview,
        then: Callable[[SchedulePreviewReply], None],
        failed: Failed | None = None,
    ) -> int:
        """When a schedule would fire, computed by the agent."""
        return self._read(request, SchedulePreviewReply, then, failed)

    def read_log(
        self,
        run_id: str,
        offset: int,
        limit: int,
        then: Callable[[LogReadReply, bytes], None],
        failed: Failed | None = None,
    ) -> int:
        """A range of kept output."""

        def answered(answer: Answer) -> None:
            if isinstance(answer.reply, LogReadReply):
                then(answer.reply, answer.extra)
            elif answer.failure is not None:
                self._fail(answer.failure, failed)

        return self._ask(LogRead(run_id=run_id, offset=offset, limit=limit), answered)

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


def inverse(request: TaskSet, before: Task) -> TaskSet | None:
    """What brings the task back to how it was; None when the request changes nothing."""
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


def _refusal(reply: AnyReply | None) -> Failure | None:
    """An order for several tasks may be taken as a whole and still refuse one of them."""
    if isinstance(reply, TaskSetReply | TaskSkipReply):
        for outcome in reply.results:
            if outcome.code != "ok":
                return Failure(code=outcome.code, message=outcome.msg)
    return None


def _op() -> str:
    return secrets.token_hex(16)
