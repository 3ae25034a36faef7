"""The one way from the network thread to the screen: told by a signal, taken in turns."""

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from desktop.network.mailbox import LogChunk, Mail, Mailbox, TestResult, TestStep
from desktop.network.pending import Answer


class Bridge(QObject):
    """Lives on the GUI thread; only `announce` may be called from another.

    `rows_came(agent id, {key: row or None})` has the newest value of each row that changed,
    None for one that is gone.
    """

    _announced = Signal()

    rows_came = Signal(str, object)
    link_changed = Signal(str, object)
    beat_came = Signal(str, object)
    metric_came = Signal(str, object)
    answered = Signal(object)
    output_came = Signal(object)
    test_stepped = Signal(object)
    test_ended = Signal(object)

    def __init__(self, mailbox: Mailbox, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._mailbox = mailbox
        # Without a payload: whatever came in the meantime is taken with the one turn.
        self._announced.connect(self._take_turn, Qt.ConnectionType.QueuedConnection)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(0)
        self._rest.timeout.connect(self._take_turn)

    def announce(self) -> None:
        """Called by the network thread: there is mail."""
        self._announced.emit()

    def _take_turn(self) -> None:
        mail = self._mailbox.take()
        if mail.has_more:
            # A new turn of the event loop each time, so that keys and paint come between.
            self._rest.start()
        self._tell(mail)

    def _tell(self, mail: Mail) -> None:
        for agent_id, news in mail.links.items():
            self.link_changed.emit(agent_id, news)
        for agent_id, rows in mail.rows.items():
            self.rows_came.emit(agent_id, rows)
        for agent_id, beat in mail.beats.items():
            self.beat_came.emit(agent_id, beat)
        for agent_id, metric in mail.metrics:
            self.metric_came.emit(agent_id, metric)
        for report in mail.reports:
            match report:
                case Answer():
                    self.answered.emit(report)
                case LogChunk():
                    self.output_came.emit(report)
                case TestStep():
                    self.test_stepped.emit(report)
                case TestResult():
                    self.test_ended.emit(report)
