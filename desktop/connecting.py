"""On which agent does this desktop look, how does it get to another, and which does it forget?"""

import getpass
import socket
from typing import Final

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QWidget

from desktop.bridge import Bridge
from desktop.keystore import ClientKey, KeyStore
from desktop.network.mailbox import TestResult, TestStep
from desktop.network.sockets import new_key
from desktop.network.thread import Handle, Network
from desktop.settings import Connection, Environment, Profile, SettingsError
from desktop.theme import Theme
from desktop.views.confirm import Confirm
from desktop.views.connect import ConnectDialog
from desktop.views.connections import Connections

_BELOW: Final = QPoint(12, 40)
"""Under the switcher, which names the agent."""
# An agent that names none of these is treated with the most care.
ENVIRONMENTS: Final[dict[str, Environment]] = {
    "production": "production",
    "staging": "staging",
    "test": "test",
    "demo": "demo",
}


class Connecting(QObject):
    """Enrols by a link that somebody pastes, and goes from one known agent to another."""

    chosen = Signal(object)
    """The connection to use from now on."""
    left = Signal()
    """The one in use is forgotten, and there is no other."""
    failed = Signal(str)
    """Why it did not come about, where no dialog stands that says it."""

    def __init__(
        self, profile: Profile, network: Network, bridge: Bridge, theme: Theme, over: QWidget
    ) -> None:
        """`over` is the window before which dialogs stand."""
        super().__init__(over)
        self._profile, self._network = profile, network
        self._theme, self._over = theme, over
        self._keys = KeyStore(profile)
        self._key = self._keys.load()
        self.current: Connection | None = None
        self._dialog: ConnectDialog | None = None
        self._trial: Handle | None = None
        self._result: TestResult | None = None
        bridge.test_stepped.connect(self._show_step)
        bridge.test_ended.connect(self._show_result)

    def own_key(self) -> ClientKey:
        """The key of this profile, made when it is first needed; raises SettingsError."""
        if self._key is None:
            key = new_key()
            self._keys.save(key)
            self._key = key
        return self._key

    # --- what somebody wants ---------------------------------------------------------------------

    def open(self) -> None:
        """Show the agents that are known; where there is none, ask for a link."""
        known = self._known()
        if not known:
            self.connect_anew()
            return
        current = "" if self.current is None else self.current.id
        menu = Connections(self._theme, known, current=current, parent=self._over)
        menu.chosen.connect(self._choose)
        menu.another_wanted.connect(self.connect_anew)
        menu.forget_wanted.connect(self._ask_to_forget)
        menu.popup(self._over.mapToGlobal(self._over.rect().topLeft()) + _BELOW)
        here = [action for action in menu.actions() if action.isChecked()]
        menu.setActiveAction((here or menu.actions())[0])

    def connect_anew(self) -> None:
        """Ask for an invite, test it, and go there."""
        if self._dialog is not None:
            self._dialog.raise_()
            return
        dialog = self._dialog = ConnectDialog(
            self._theme, label=_label(), warning=self._keys.warning(), parent=self._over
        )
        dialog.test_requested.connect(self._test)
        dialog.test_cancelled.connect(self._cancel_test)
        dialog.save_requested.connect(self._save)
        dialog.finished.connect(self._dialog_closed)
        dialog.open()

    def enrol(self, link: str) -> None:
        """Use a link given on the command line without a click; a failure opens the dialog."""
        try:
            key = self.own_key()
        except SettingsError as error:
            self.failed.emit(str(error))
            return
        self._trial = self._network.test(link, key, label=_label())

    # --- those that are known --------------------------------------------------------------------

    def _known(self) -> tuple[Connection, ...]:
        try:
            return self._profile.load().connections
        except SettingsError as error:
            self.failed.emit(str(error))
            return ()

    def _choose(self, connection_id: str) -> None:
        if self.current is not None and self.current.id == connection_id:
            return
        for one in self._known():
            if one.id == connection_id:
                self._use(one)

    def _use(self, connection: Connection) -> None:
        try:
            self._profile.save(self._profile.load().with_connection(connection))
        except SettingsError as error:
            self.failed.emit(str(error))
            return
        self.chosen.emit(connection)

    def _ask_to_forget(self, connection_id: str) -> None:
        one = next((one for one in self._known() if one.id == connection_id), None)
        if one is None:
            return
        dialog = Confirm(
            self._theme,
            question=self.tr("Forget {0}?").format(one.name),
            consequence=self.tr(
                "This desktop looks there no more; it takes a new invite to come back. The agent "
                "still lists this desktop until somebody revokes its key there."
            ),
            keep=self.tr("Keep it"),
            act=self.tr("Forget it"),
            icon="trash",
            environment=one.environment,
            parent=self._over,
        )
        dialog.accepted.connect(lambda: self._forget(connection_id))
        dialog.open()

    def _forget(self, connection_id: str) -> None:
        try:
            kept = self._profile.load().without_connection(connection_id)
            self._profile.save(kept)
        except SettingsError as error:
            self.failed.emit(str(error))
            return
        if self.current is None or self.current.id != connection_id:
            return
        other = kept.preferred()
        if other is not None:
            self._use(other)
        else:
            self.left.emit()

    # --- the test of a link ----------------------------------------------------------------------

    def _dialog_closed(self) -> None:
        self._cancel_test()
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _test(self, link: str, label: str) -> None:
        self._cancel_test()
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
        self._trial = self._network.test(link, key, label=label)

    def _cancel_test(self) -> None:
        if self._trial is not None:
            self._network.cancel(self._trial.id)
            self._trial = None

    def _show_step(self, step: TestStep) -> None:
        if self._dialog is not None and self._trial and step.handle == self._trial.id:
            self._dialog.show_step(step.check, step.state, step.finding)

    def _show_result(self, result: TestResult) -> None:
        if self._trial is None or result.handle != self._trial.id:
            return
        self._trial = None
        self._result = result
        if self._dialog is not None:
            self._dialog.show_result(
                result.is_good,
                result.sentence,
                result.agent_name,
                result.environment,
                result.role,
                result.took_ms,
            )
        elif result.is_good:
            self._save(result.agent_name, result.environment)
        else:
            self.failed.emit(result.sentence)
            self.connect_anew()

    def _save(self, name: str, environment: str) -> None:
        """Keep a connection whose test went well, and go there."""
        result = self._result
        if result is None or not result.is_good:
            return
        connection = connection_for(result, name=name, environment=environment)
        try:
            self._profile.save(self._profile.load().with_connection(connection))
        except SettingsError as error:
            if self._dialog is None:
                self.failed.emit(str(error))
            else:
                self._dialog.say(str(error))
            return
        if self._dialog is not None:
            self._dialog.accept()
        self.chosen.emit(connection)


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


def _label() -> str:
    """Who sits here, as the agent's list of keys will call it."""
    return f"{getpass.getuser()} on {socket.gethostname()}"[:120]
