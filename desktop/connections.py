"""How does this desktop get to know an agent, go to another, call one anew, or forget it?"""

import getpass
import socket
from collections.abc import Callable
from typing import Final

import msgspec
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop.bridge import Bridge
from desktop.freshness import Link
from desktop.keystore import ClientKey, KeyStore
from desktop.network.mailbox import TestResult, TestStep
from desktop.network.sockets import new_key
from desktop.network.thread import Handle, Network
from desktop.settings import Connection, Environment, Profile, Settings, SettingsError
from desktop.theme import Theme
from desktop.views.confirm import Confirm
from desktop.views.connect import ConnectDialog
from desktop.views.connections import Connections as ConnectionsDialog

# An agent that names none of these is treated with the most care.
ENVIRONMENTS: Final[dict[str, Environment]] = {
    "production": "production",
    "staging": "staging",
    "test": "test",
    "demo": "demo",
}


class Connections(QObject):
    """Everything about them that is kept, and the two dialogs in which it is changed."""

    wanted = Signal(object)
    """A connection: go there."""
    changed = Signal()
    """Others are kept now, or one is called otherwise."""
    refused = Signal(str)
    """Why something cannot be kept."""

    def __init__(
        self, profile: Profile, network: Network, bridge: Bridge, theme: Theme, over: QWidget
    ) -> None:
        """`over` is the window a dialog stands before."""
        super().__init__(over)
        self._profile, self._network, self._theme, self._over = profile, network, theme, over
        self.settings = profile.load()
        self._keys = KeyStore(profile)
        self._key = self._keys.load()
        self._current_id, self._link = "", Link()
        self._dialog: ConnectDialog | None = None
        self._list: ConnectionsDialog | None = None
        self._trial: Handle | None = None
        self._tried = ""
        self._steps: list[TestStep] = []
        self._result: TestResult | None = None
        bridge.test_stepped.connect(self._show_step)
        bridge.test_ended.connect(self._show_result)

    # --- what is kept ----------------------------------------------------------------------------

    def own_key(self) -> ClientKey:
        """The key of this profile, made when it is first needed."""
        if self._key is None:
            key = new_key()
            self._keys.save(key)
            self._key = key
            self.settings = self._profile.load()
        return self._key

    def remember(self, settings: Settings) -> None:
        """Keep these from now on."""
        self._profile.save(settings)
        self.settings = settings

    def change(self, make: Callable[[Settings], Settings]) -> bool:
        """Keep what `make` makes of what is kept now; False, and said, where that cannot be."""
        try:
            self.remember(make(self.latest()))
        except SettingsError as error:
            self.refused.emit(str(error))
            return False
        self.changed.emit()
        self._fill_list()
        return True

    def latest(self) -> Settings:
        """What is kept now, by other windows of this profile too."""
        return self._profile.load()

    def find(self, connection_id: str) -> Connection | None:
        """The connection to that agent."""
        kept = self.settings.connections
        return next((one for one in kept if one.id == connection_id), None)

    def use(self, connection_id: str) -> None:
        """That one is looked at now, or none; the next start begins with it."""
        self._current_id = connection_id
        if not self.change(lambda kept: msgspec.structs.replace(kept, last=connection_id)):
            # It is looked at all the same.
            self.changed.emit()
            self._fill_list()

    def show_link(self, link: Link) -> None:
        """How it stands with the one that is looked at."""
        self._link = link
        if self._list is not None:
            self._list.show_link(link)

    # --- the list --------------------------------------------------------------------------------

    def open(self) -> None:
        """Show the agents that are known, or ask for the first one."""
        if not self.settings.connections:
            self.open_another()
            return
        if self._list is not None:
            self._list.raise_()
            return
        dialog = self._list = ConnectionsDialog(self._theme, parent=self._over)
        dialog.chosen.connect(self.go_to)
        dialog.renamed.connect(self._rename)
        dialog.forget_requested.connect(self._ask_to_forget)
        dialog.another_requested.connect(self._leave_for_another)
        dialog.finished.connect(self._list_closed)
        self._fill_list()
        dialog.open()

    def go_to(self, connection_id: str) -> None:
        """Look at that agent from now on."""
        connection = self.find(connection_id)
        if connection is not None and connection_id != self._current_id:
            self.wanted.emit(connection)

    def _fill_list(self) -> None:
        if self._list is not None:
            self._list.show_connections(
                self.settings.connections, current_id=self._current_id, link=self._link
            )

    def _list_closed(self) -> None:
        if self._list is not None:
            self._list.deleteLater()
            self._list = None

    def _leave_for_another(self) -> None:
        if self._list is not None:
            self._list.reject()
        self.open_another()

    def _rename(self, connection_id: str, name: str) -> None:
        self.change(lambda kept: kept.renamed(connection_id, name))

    def _ask_to_forget(self, connection_id: str) -> None:
        connection = self.find(connection_id)
        if connection is None:
            return
        dialog = Confirm(
            self._theme,
            question=self.tr("Forget {0}?").format(connection.name),
            consequence=self.tr(
                "It leaves this list, and nothing changes on the server: the agent keeps the key "
                "of this desktop. The link that led there, if it has not expired, or a new one "
                "leads there again."
            ),
            keep=self.tr("Keep it"),
            act=self.tr("Forget it"),
            icon="trash",
            environment=connection.environment,
            parent=self._list or self._over,
        )
        dialog.accepted.connect(lambda: self._forget(connection_id))
        dialog.open()

    def _forget(self, connection_id: str) -> None:
        was_current = connection_id == self._current_id
        is_gone = self.change(lambda kept: kept.without_connection(connection_id))
        if is_gone and was_current:
            self.wanted.emit(self.settings.preferred())
        if self._list is not None and not self.settings.connections:
            self._list.reject()

    # --- another one -----------------------------------------------------------------------------

    def open_another(self) -> None:
        """Ask for an invite, test it, and go there."""
        if self._dialog is not None:
            self._dialog.raise_()
            return
        dialog = self._dialog = ConnectDialog(
            self._theme, label=_label(), warning=self._keys.warning(), parent=self._over
        )
        dialog.test_requested.connect(self._test)
        dialog.test_cancelled.connect(self.cancel_test)
        dialog.save_requested.connect(self._save)
        dialog.finished.connect(self._dialog_closed)
        dialog.open()

    def enrol(self, link: str) -> None:
        """Use a link given on the command line without a click; a failure opens the dialog."""
        try:
            key = self.own_key()
        except SettingsError as error:
            self.refused.emit(str(error))
            return
        self._begin(link, key, _label())

    def cancel_test(self) -> None:
        """Whatever is being tested, nobody waits for it any more."""
        if self._trial is not None:
            self._network.cancel(self._trial.id)
            self._trial = None

    def _dialog_closed(self) -> None:
        self.cancel_test()
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _test(self, link: str, label: str) -> None:
        self.cancel_test()
        self._result = None
        if self._dialog is None:
            return
        self._dialog.begin_test()
        try:
            key = self.own_key()
        except SettingsError as error:
            self._dialog.show_result(False, str(error), "", "", "", 0)
            return
        # Only now is it certain where the key lies.
        self._dialog.set_warning(self._keys.warning())
        self._begin(link, key, label)

    def _begin(self, link: str, key: ClientKey, label: str) -> None:
        self._tried, self._steps = link, []
        self._trial = self._network.test(link, key, label=label)

    def _show_step(self, step: TestStep) -> None:
        if self._trial is None or step.handle != self._trial.id:
            return
        self._steps.append(step)
        if self._dialog is not None:
            self._dialog.show_step(step.check, step.state, step.finding)

    def _show_result(self, result: TestResult) -> None:
        if self._trial is None or result.handle != self._trial.id:
            return
        self._trial = None
        self._result = result
        if self._dialog is None and result.is_good:
            self._save(result.agent_name, result.environment)
            return
        if self._dialog is None:
            # Nobody saw it tried: the dialog tells all of it, so that it can be put right there.
            self.open_another()
            self._retell()
        if self._dialog is not None:
            self._dialog.show_result(
                result.is_good,
                result.sentence,
                result.agent_name,
                result.environment,
                result.role,
                result.took_ms,
            )

    def _retell(self) -> None:
        if self._dialog is not None:
            self._dialog.set_link(self._tried)
            self._dialog.begin_test()
            for step in self._steps:
                self._dialog.show_step(step.check, step.state, step.finding)

    def _save(self, name: str, environment: str) -> None:
        """Keep a connection whose test went well, and go there."""
        result = self._result
        if result is None or not result.is_good:
            return
        connection = connection_for(result, name=name, environment=environment)
        try:
            kept = self.latest()
            had = next((one for one in kept.connections if one.id == connection.id), None)
            if had is not None:
                # Without a dialog nobody chose a name: the one given by hand stays.
                keeps_name = self._dialog is None
                connection = linked_anew(had, connection, keeps_name=keeps_name)
            self.remember(kept.with_connection(connection))
        except SettingsError as error:
            if self._dialog is None:
                self.refused.emit(str(error))
            else:
                self._dialog.say(str(error))
            return
        if self._dialog is not None:
            self._dialog.accept()
        self.wanted.emit(connection)


def connection_for(result: TestResult, *, name: str, environment: str) -> Connection:
    """The connection to keep after a test that went well."""
    return Connection(
        id=result.agent_id,
        name=name or result.agent_name or result.host,
        host=result.host,
        agent_key=result.agent_key,
        control_port=result.control_port,
        environment=ENVIRONMENTS.get(environment, "production"),
    )


def linked_anew(had: Connection, now: Connection, *, keeps_name: bool) -> Connection:
    """The connection to an agent that was kept before: what a link does not tell stays."""
    return msgspec.structs.replace(
        had,
        name=had.name if keeps_name else now.name,
        host=now.host,
        agent_key=now.agent_key,
        control_port=now.control_port,
        environment=now.environment,
    )


def _label() -> str:
    """Who sits here, as the agent's list of keys will call it."""
    return f"{getpass.getuser()} on {socket.gethostname()}"[:120]
