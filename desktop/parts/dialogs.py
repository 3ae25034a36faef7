"""How a dialog that asks the agent stands, and which of them is open and awaits an answer."""

from functools import partial
from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.freshness import Link
from desktop.parts.buttons import PRIMARY, Button
from desktop.parts.labels import Elided, Ground, Words
from desktop.theme import Theme

EDGE_PX: Final = 20
MOST_HIGH_PX: Final = 560
_ENVIRONMENTS: Final = ("production", "staging", "test", "demo")


class AskingDialog(QDialog):
    """Asks by `asked`, and shows what it is answered; it changes nothing by itself.

    Of two questions with the same key only the answer to the later one comes.
    """

    asked = Signal(str, object)
    """A key of the dialog's own, and the request."""

    def __init__(
        self,
        theme: Theme,
        *,
        title: str,
        second: str = "",
        environment: str = "",
        wide: int = 600,
        parent: QWidget | None = None,
    ) -> None:
        """With an `environment` the dialog can change something there, and bears its stripe."""
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle(title)
        self.setModal(True)
        self.resize(wide, MOST_HIGH_PX)
        self.setMinimumWidth(min(wide, 560))
        self.second = Words(theme, second, ink="text2", wrap=True)
        self.second.setVisible(bool(second))
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        self.message = Words(theme, weight=500, ink="bad.text", wrap=True, selectable=True)
        self.message.hide()
        self._unheard = ""
        self.leave = Button(theme, self.tr("Close"), height=32)
        self.leave.setAutoDefault(False)
        self.leave.clicked.connect(self.reject)
        self.act = Button(theme, kind=PRIMARY, height=32)
        self.act.setDefault(True)
        self.act.hide()
        self.foot = QHBoxLayout()
        self.foot.setSpacing(8)
        self.foot.addStretch(1)
        self.foot.addWidget(self.leave)
        self.foot.addWidget(self.act)
        head = QVBoxLayout()
        head.setSpacing(2)
        self.title = Elided(theme, title, px=16, weight=600, middle=True)
        head.addWidget(self.title)
        head.addWidget(self.second)
        inner = QVBoxLayout()
        inner.setContentsMargins(EDGE_PX, 16, EDGE_PX, 18)
        inner.setSpacing(14)
        inner.addLayout(head)
        inner.addLayout(self.body, 1)
        inner.addWidget(self.message)
        inner.addLayout(self.foot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        if environment:
            known = environment.lower() if environment.lower() in _ENVIRONMENTS else "production"
            stripe = Ground(theme, f"{known}.ground")
            stripe.setFixedHeight(4)
            layout.addWidget(stripe)
        layout.addLayout(inner)
        theme.on_change(self._dress)

    def show_answer(self, key: str, reply: object) -> None:
        """The newest question of that key was answered."""
        raise NotImplementedError

    def show_problem(self, key: str, text: str, path: str) -> None:
        """The newest question of that key was refused, because of the field at `path` if any."""
        self.say(text)

    def say(self, text: str) -> None:
        """Something went wrong that belongs to no field; nothing takes it back."""
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def say_unheard(self, text: str) -> None:
        """A question was not answered, for this reason; the next answer takes it back."""
        self._unheard = text
        self.say(text)

    def was_heard(self) -> None:
        """The question was answered after all."""
        if self._unheard and self.message.text() == self._unheard:
            self.say("")
        self._unheard = ""

    def allow(self, allowed: bool, why_not: str) -> None:
        """Whether an order can be given now, and if not, why."""

    def _dress(self) -> None:
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Window, QColor(self._theme.tokens.surface))
        self.setPalette(palette)


class OneDialog(QObject):
    """Opens one dialog at a time; an answer that nobody waits for any more is dropped."""

    asked = Signal(object, object, object)
    """A request, who takes its reply, and who takes the sentence and the path of a refusal."""
    refused = Signal(str)

    def __init__(self, over: QWidget) -> None:
        """`over` is the window a dialog stands before."""
        super().__init__(over)
        self._over = over
        self._link = Link()
        self._may, self._why_not = False, ""
        self._newest: dict[str, object] = {}
        self.dialog: AskingDialog | None = None

    def show_link(self, link: Link, *, may: bool, why_not: str) -> None:
        """The link changed, and with it whether an order can be given."""
        self._link, self._may, self._why_not = link, may, why_not
        if self.dialog is not None:
            self.dialog.allow(may, why_not)

    def open(self, dialog: AskingDialog) -> None:
        """Show it instead of the one that is open."""
        self.close()
        self.dialog = dialog
        dialog.allow(self._may, self._why_not)
        dialog.asked.connect(partial(self._ask, dialog))
        dialog.finished.connect(partial(self._closed, dialog))
        dialog.setMaximumHeight(max(420, self._over.height() - 24))
        dialog.open()

    def close(self) -> None:
        """Whatever is open is left as it is."""
        if self.dialog is not None:
            self.dialog.reject()

    def is_refused(self) -> bool:
        """No order can be given now; it is said why."""
        if not self._may:
            self.refused.emit(self._why_not)
        return not self._may

    def _closed(self, dialog: AskingDialog, _result: int) -> None:
        if self.dialog is dialog:
            self.dialog = None
            self._newest.clear()
        dialog.deleteLater()

    def _ask(self, dialog: AskingDialog, key: str, request: object) -> None:
        self._newest[key] = request

        def is_awaited() -> bool:
            return self.dialog is dialog and self._newest.get(key) is request

        def answered(reply: object) -> None:
            if is_awaited():
                dialog.show_answer(key, reply)

        def failed(text: str, path: str) -> None:
            if is_awaited():
                dialog.show_problem(key, text, path)

        self.asked.emit(request, answered, failed)


def labelled(theme: Theme, label: str, *widgets: QWidget) -> QVBoxLayout:
    """A field under its label, with whatever belongs below it."""
    column = QVBoxLayout()
    column.setSpacing(4)
    column.addWidget(Words(theme, label, ink="text2"))
    for widget in widgets:
        column.addWidget(widget)
    return column


def problem_words(theme: Theme) -> Words:
    """The place under a field for what is wrong with it; it takes room only then."""
    words = Words(theme, weight=500, ink="bad.text", wrap=True)
    words.setAlignment(Qt.AlignmentFlag.AlignTop)
    words.hide()
    return words


def show_words(words: Words, text: str) -> None:
    """That text, or nothing and no room for it."""
    words.setText(text)
    words.setVisible(bool(text))
