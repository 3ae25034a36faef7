"""Which own rule or quiet time is made, changed or taken away here, and what is answered?"""

import secrets
from collections.abc import Callable
from functools import partial

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop import words
from desktop.models.ruleform import draft_again
from desktop.parts.clocks import Zone
from desktop.parts.dialogs import OneDialog
from desktop.theme import Theme
from desktop.views.alerts.hushing import QuietDialog
from desktop.views.alerts.page import AlertCentre
from desktop.views.alerts.ruling import RuleDialog
from shared.protocol.alerting import (
    AlertsRules,
    AlertsRulesReply,
    OwnRule,
    QuietRemove,
    QuietReply,
    QuietSet,
    QuietTime,
    RuleDraft,
    RuleRemove,
    RuleReply,
    RuleSet,
)
from shared.protocol.messages import Command
from shared.protocol.rows import Agent

Dialog = RuleDialog | QuietDialog


class Ruling(OneDialog):
    """Opens each rule and quiet time; what is ordered is passed on, and can be taken back."""

    ordered = Signal(object, str, object, object, object)
    """A command, what is said when it is done, what of the reply makes the commands that take it
    back, who takes the reply, and who takes the sentence and the path of a refusal."""

    def __init__(self, theme: Theme, centre: AlertCentre, now: words.Clock, over: QWidget) -> None:
        super().__init__(over)
        self._theme, self._centre, self._now = theme, centre, now
        self._times, self._zone, self._standing = words.TASK_TIMES, "UTC", ""
        self._rules: dict[str, OwnRule] = {}
        self._quiet: dict[str, QuietTime] = {}
        centre.rules.made.connect(lambda: self.open_rule(None))
        centre.rules.edited.connect(self.open_rule)
        centre.rules.switched.connect(self.switch_rule)
        centre.rules.removed.connect(self.remove_rule)
        centre.quiet.made.connect(lambda: self.open_quiet(None))
        centre.quiet.edited.connect(self.open_quiet)
        centre.quiet.removed.connect(self.remove_quiet)

    # What the window tells -----------------------------------------------------------------------

    def show_agent(self, agent: Agent) -> None:
        """The agent says when rules or quiet times are others, whoever changed them."""
        self._zone = agent.tz
        is_other, self._standing = agent.standing != self._standing, agent.standing
        if is_other:
            self.ask()

    def set_times(self, times: str) -> None:
        """In whose zone times are said and written."""
        self._times = times

    def forget(self) -> None:
        """Another agent."""
        self._rules.clear()
        self._quiet.clear()
        self._standing = ""
        self.close()

    def ask(self) -> None:
        """Which rules and quiet times are there now?"""
        if self._link.is_live:
            self.asked.emit(AlertsRules(), self._take, _unsaid)

    def _take(self, reply: AlertsRulesReply) -> None:
        self._rules = {rule.name: rule for rule in reply.rules}
        self._quiet = {quiet.id: quiet for quiet in reply.quiet}
        self._centre.show_standing(reply.rules, reply.quiet)
        dialog = self.dialog
        if isinstance(dialog, RuleDialog) and dialog.base is not None:
            dialog.show_newest(self._rules.get(dialog.base.name))
        elif isinstance(dialog, QuietDialog) and dialog.base is not None:
            dialog.show_newest(self._quiet.get(dialog.base.id))

    # What can be opened --------------------------------------------------------------------------

    def open_rule(self, name: str | None) -> None:
        """Write a rule; without a name a new one."""
        rule = None if name is None else self._rules.get(name)
        if self.is_refused() or (name is not None and rule is None):
            return
        dialog = RuleDialog(
            self._theme,
            rule,
            self._now,
            zone=self._zone_here(),
            environment=self._link.environment,
            parent=self._over,
        )
        dialog.saved.connect(partial(self._save_rule, dialog))
        self.open(dialog)
        dialog.ask()

    def open_quiet(self, quiet_id: str | None) -> None:
        """Write a quiet time; without an id a new one."""
        quiet = None if quiet_id is None else self._quiet.get(quiet_id)
        if self.is_refused() or (quiet_id is not None and quiet is None):
            return
        dialog = QuietDialog(
            self._theme,
            quiet,
            self._now,
            zone=self._zone_here(),
            environment=self._link.environment,
            parent=self._over,
        )
        dialog.saved.connect(partial(self._save_quiet, dialog))
        self.open(dialog)
        dialog.ask()

    # What is ordered -----------------------------------------------------------------------------

    def switch_rule(self, name: str) -> None:
        """Let a rule rest, or hold again."""
        rule = self._rules.get(name)
        if rule is None or self.is_refused():
            return
        draft = msgspec.structs.replace(draft_again(rule), enabled=not rule.enabled)
        done = self.tr("{0} is switched off.") if rule.enabled else self.tr("{0} is switched on.")
        self._order(_set(name, draft, rule.rev), done.format(name), partial(_as_it_was, rule))

    def remove_rule(self, name: str) -> None:
        """Forget a rule."""
        rule = self._rules.get(name)
        if rule is None or self.is_refused():
            return
        request = RuleRemove(op=_op(), expires_ms=0, id=name, base_rev=rule.rev)
        done = self.tr("The rule {0} is deleted.").format(name)
        again = _set(name, draft_again(rule), 0)
        self._order(request, done, lambda _reply: (again,))

    def remove_quiet(self, quiet_id: str) -> None:
        """Tell people again."""
        quiet = self._quiet.get(quiet_id)
        if quiet is None or self.is_refused():
            return
        request = QuietRemove(op=_op(), expires_ms=0, id=quiet_id, base_rev=quiet.rev)
        again = _mute(msgspec.structs.replace(quiet, id=""), 0)
        self._order(request, self.tr("The quiet time is over."), lambda _reply: (again,))

    def _save_rule(self, dialog: RuleDialog, name: str, draft: RuleDraft, base_rev: int) -> None:
        base = dialog.base
        back = _without_it if base is None else partial(_as_it_was, base)
        done = self.tr("The rule {0} is made.") if base is None else self.tr("{0} is changed.")
        self._order(_set(name, draft, base_rev), done.format(name), back, dialog)

    def _save_quiet(self, dialog: QuietDialog, quiet: QuietTime, base: QuietTime | None) -> None:
        back = _loud_again if base is None else partial(_quiet_as_it_was, base)
        done = self.tr("The quiet time is changed.")
        if base is None:
            done = self.tr("The quiet time is made.")
        self._order(_mute(quiet, 0 if base is None else base.rev), done, back, dialog)

    def _order(
        self,
        request: Command,
        done: str,
        back: Callable[[object], tuple[Command, ...]],
        dialog: Dialog | None = None,
    ) -> None:
        def taken(_reply: object) -> None:
            if dialog is not None and self.dialog is dialog:
                dialog.accept()
            self.ask()

        def failed(text: str, path: str) -> None:
            if dialog is not None and self.dialog is dialog:
                dialog.show_problem("", text, path)
            else:
                self.refused.emit(text)
            # It may have been refused because somebody was quicker.
            self.ask()

        self.ordered.emit(request, done, back, taken, failed)

    # Inside --------------------------------------------------------------------------------------

    def _zone_here(self) -> Zone:
        return Zone(self._times, self._zone)


def _set(name: str, draft: RuleDraft, base_rev: int) -> RuleSet:
    return RuleSet(op=_op(), expires_ms=0, id=name, rule=draft, base_rev=base_rev)


def _mute(quiet: QuietTime, base_rev: int) -> QuietSet:
    return QuietSet(
        op=_op(),
        expires_ms=0,
        id=quiet.id or None,
        from_ms=quiet.from_ms,
        to_ms=quiet.to_ms,
        task_id=quiet.task_id,
        category=quiet.category,
        reason=quiet.reason,
        base_rev=base_rev,
    )


def _as_it_was(old: OwnRule, reply: object) -> tuple[Command, ...]:
    """The rule of the reply is to be again as it was."""
    if not isinstance(reply, RuleReply) or reply.rule is None:
        return ()
    return (_set(old.name, draft_again(old), reply.rule.rev),)


def _without_it(reply: object) -> tuple[Command, ...]:
    """The rule of the reply was not there before."""
    if not isinstance(reply, RuleReply) or reply.rule is None:
        return ()
    name, rev = reply.rule.name, reply.rule.rev
    return (RuleRemove(op=_op(), expires_ms=0, id=name, base_rev=rev),)


def _quiet_as_it_was(old: QuietTime, reply: object) -> tuple[Command, ...]:
    if not isinstance(reply, QuietReply) or reply.quiet is None:
        return ()
    return (_mute(old, reply.quiet.rev),)


def _loud_again(reply: object) -> tuple[Command, ...]:
    """The window of the reply was not there before."""
    if not isinstance(reply, QuietReply) or reply.quiet is None:
        return ()
    quiet = reply.quiet
    return (QuietRemove(op=_op(), expires_ms=0, id=quiet.id, base_rev=quiet.rev),)


def _op() -> str:
    return secrets.token_hex(16)


def _unsaid(_text: str, _path: str) -> None:
    """The link's own state says already that nothing is answered."""
