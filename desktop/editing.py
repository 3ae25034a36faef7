"""Which task is edited, made, duplicated or deleted here, and what is answered?"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QWidget

from desktop import words
from desktop.models.taskform import new_table
from desktop.parts.dialogs import OneDialog
from desktop.theme import Theme
from desktop.views.confirm import Confirm
from desktop.views.editing.dialog import EditDialog
from shared.protocol.defining import (
    TaskDefinition,
    TaskDefinitionReply,
    TaskDelete,
    TaskDeleteReply,
    TaskPut,
    TaskPutReply,
)
from shared.protocol.messages import Command
from shared.protocol.rows import Task

_TAKEN_BACK: Final = "taken back"
_NAME_CHARS: Final = 64


class Editing(OneDialog):
    """Opens the editor of a task; what is ordered is passed on, and can be taken back."""

    ordered = Signal(object, str, object, object, object)
    """A command, what is said when it is done, what of the reply makes the commands that take it
    back, who takes the reply, and who takes the sentence and the path of a refusal."""

    def __init__(self, theme: Theme, now: words.Clock, over: QWidget) -> None:
        super().__init__(over)
        self._theme, self._now = theme, now
        self._wanted: object = None
        self._agent_zone: Callable[[], str] = lambda: "UTC"

    # What the window tells -----------------------------------------------------------------------

    def know(self, agent_zone: Callable[[], str]) -> None:
        """Whom to ask for the agent's own zone: new tasks begin there."""
        self._agent_zone = agent_zone

    def show_tasks(self, tasks: Iterable[Task], gone: Iterable[str]) -> None:
        """Rows came or went: what is edited may have been changed by somebody else."""
        dialog = self.dialog
        if not isinstance(dialog, EditDialog) or dialog.base is None:
            return
        base, told = dialog.base, dialog.newest
        # A row comes with each step of a run: what was told of is not asked for again.
        seen = {one.def_rev for one in (base, told) if one is not None}
        is_other = any(task.id == base.id and task.def_rev not in seen for task in tasks)
        if is_other or base.id in gone:
            dialog.look_again()

    def forget(self) -> None:
        """Another agent."""
        self._wanted = None
        self.close()

    def close(self) -> None:
        """What is open is left at once: nobody is asked about what an agent that is gone had."""
        if self.dialog is not None:
            self.dialog.done(QDialog.DialogCode.Rejected)

    # What can be opened --------------------------------------------------------------------------

    def open_task(self, task_id: str) -> None:
        """Edit that task, as it is now."""
        self._fetch(task_id, self._open)

    def open_new(self) -> None:
        """Write a task that there is not yet."""
        if not self.is_refused():
            self._open(None, {**new_table(), "timezone": self._agent_zone()})

    def duplicate(self, task_id: str) -> None:
        """Write a new task that begins as that one is, and is switched off until it is right."""
        self._fetch(task_id, self._open_copy)

    def delete(self, task_id: str) -> None:
        """Forget that task, after a question."""
        self._fetch(task_id, self._ask_delete)

    def _fetch(self, task_id: str, then: Callable[[TaskDefinitionReply], None]) -> None:
        if not task_id or self.is_refused():
            return
        request = self._wanted = TaskDefinition(id=task_id)

        def answered(reply: TaskDefinitionReply) -> None:
            if self._wanted is request:
                self._wanted = None
                then(reply)

        self.asked.emit(request, answered, lambda text, _path: self.refused.emit(text))

    def _open(
        self, base: TaskDefinitionReply | None, first: Mapping[str, Any] | None = None
    ) -> None:
        dialog = EditDialog(
            self._theme,
            base,
            self._now,
            environment=self._link.environment,
            first=first,
            parent=self._over,
        )
        dialog.saved.connect(partial(self._save, dialog))
        dialog.leave_asked.connect(partial(self._ask_leave, dialog))
        self.open(dialog)
        dialog.ask()

    def _open_copy(self, of: TaskDefinitionReply) -> None:
        name = f"{of.id[: _NAME_CHARS - 5]}_copy"
        self._open(None, {**of.definition, "task_name": name, "enabled": False})

    # What is ordered -----------------------------------------------------------------------------

    def _save(
        self,
        dialog: EditDialog,
        definition: dict[str, Any],
        based_on: int,
        digest: str,
        why: str,
    ) -> None:
        base = dialog.base
        name = str(definition.get("task_name") or "")
        request = TaskPut(
            op=_op(),
            expires_ms=0,
            id=name,
            definition=definition,
            based_on=based_on,
            digest=digest,
            why=why,
        )
        done = self.tr("The task {0} is made.") if base is None else self.tr("{0} is changed.")
        back = _not_made if base is None else partial(_as_it_was, base)

        def taken(_reply: object) -> None:
            if self.dialog is dialog:
                dialog.done(QDialog.DialogCode.Accepted)

        def failed(text: str, path: str) -> None:
            if self.dialog is dialog:
                dialog.show_problem("", text, path)
            else:
                self.refused.emit(text)

        self.ordered.emit(request, done.format(name), back, taken, failed)

    def _ask_leave(self, dialog: EditDialog) -> None:
        question = Confirm(
            self._theme,
            question=self.tr("Leave what you have changed?"),
            consequence=self.tr("Nothing of it is saved, and it cannot be brought back."),
            keep=self.tr("Go on editing"),
            act=self.tr("Throw it away"),
            icon="trash",
            environment=self._link.environment,
            parent=dialog,
        )
        question.accepted.connect(lambda: dialog.done(QDialog.DialogCode.Rejected))
        question.open()

    def _ask_delete(self, task: TaskDefinitionReply) -> None:
        question = Confirm(
            self._theme,
            question=self.tr("Delete {0} on {1}?").format(task.id, self._link.name),
            consequence=self.tr(
                "It runs no more. A run that lives goes on to its end, and its history stays."
            ),
            keep=self.tr("Keep the task"),
            act=self.tr("Delete the task"),
            icon="trash",
            environment=self._link.environment,
            parent=self._over,
        )
        question.accepted.connect(partial(self._delete, task))
        question.open()

    def _delete(self, task: TaskDefinitionReply) -> None:
        request = TaskDelete(
            op=_op(), expires_ms=0, id=task.id, based_on=task.def_rev, digest=task.digest
        )
        again = _put(task.id, task.definition, 0, "")
        self.ordered.emit(
            request,
            self.tr("The task {0} is deleted.").format(task.id),
            partial(_again, again),
            _told,
            lambda text, _path: self.refused.emit(text),
        )


def _put(name: str, definition: Mapping[str, Any], based_on: int, digest: str) -> TaskPut:
    return TaskPut(
        op=_op(),
        expires_ms=0,
        id=name,
        definition=dict(definition),
        based_on=based_on,
        digest=digest,
        why=_TAKEN_BACK,
    )


def _as_it_was(base: TaskDefinitionReply, reply: object) -> tuple[Command, ...]:
    if not isinstance(reply, TaskPutReply):
        return ()
    return (_put(base.id, base.definition, reply.def_rev, reply.after),)


def _not_made(reply: object) -> tuple[Command, ...]:
    if not isinstance(reply, TaskPutReply):
        return ()
    return (
        TaskDelete(op=_op(), expires_ms=0, id=reply.id, based_on=reply.def_rev, digest=reply.after),
    )


def _again(again: TaskPut, reply: object) -> tuple[Command, ...]:
    return (again,) if isinstance(reply, TaskDeleteReply) else ()


def _told(_reply: object) -> None:
    """The row that goes tells enough."""


def _op() -> str:
    return secrets.token_hex(16)
