"""Which channel is tried by hand, and what came of it?"""

import secrets

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop import words
from desktop.freshness import Link
from desktop.views.alerts.ways import Trial, Ways
from shared.protocol.alerting import WayTest, WayTestReply


class WayTests(QObject):
    """Orders a message by hand, and shows beside its channel what the agent says of it."""

    ordered = Signal(object, str, object, object, object)
    """A command, nothing that is said when it is done, nothing that takes it back, and who takes
    its reply, or the sentence and the path of a refusal."""

    def __init__(self, ways: Ways, now: words.Clock, over: QWidget) -> None:
        super().__init__(over)
        self._ways, self._now = ways, now
        self._newest: dict[str, object] = {}
        ways.tested.connect(self.test)

    def show_link(self, _link: Link, *, may: bool, why_not: str) -> None:
        """The link changed, and with it whether an order can be given."""
        self._ways.allow(may, why_not)

    def forget(self) -> None:
        """Another agent: what the last one answers now is of no channel here."""
        self._newest.clear()
        self._ways.forget_trials()

    def test(self, name: str) -> None:
        """Send a message by this channel, and wait for what becomes of it."""
        request = WayTest(op=secrets.token_hex(16), expires_ms=0, id=name)
        sent = Trial(self._now())
        self._newest[name] = request
        self._ways.show_trial(name, sent)

        def taken(reply: object) -> None:
            if self._newest.get(name) is not request:
                return
            if isinstance(reply, WayTestReply):
                self._ways.show_trial(name, Trial(sent.at_ms, reply))
            else:
                failed(self.tr("It was sent, but the link was lost before the agent told more."))

        def failed(text: str, _path: str = "") -> None:
            if self._newest.get(name) is request:
                self._ways.show_trial(name, Trial(sent.at_ms, refusal=text))

        self.ordered.emit(request, "", (), taken, failed)
