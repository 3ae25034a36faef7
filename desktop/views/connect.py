"""The dialog that leads to an agent: paste a link, test it, give it a name."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QCloseEvent, QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLayout,
    QVBoxLayout,
    QWidget,
)

from desktop.parts.buttons import PRIMARY, Button, stop_once
from desktop.parts.forms import Swatch, TextField
from desktop.parts.labels import Ground, IconLabel, Words
from desktop.parts.steps import ACTIVE, DONE, FAILED, WAITING, Checks, Steps
from desktop.theme import Theme, rounded

ENVIRONMENTS: Final = ("production", "staging", "test", "demo")
CHECKS: Final = ("link", "reached", "identity", "invite", "language", "clocks", "events")
LINK_START: Final = "smartcron://"
CARD_BYTES: Final = 64 << 10

_IDLE: Final = "idle"
_TESTING: Final = "testing"
_GOOD: Final = "good"
_BAD: Final = "bad"


class ConnectDialog(QDialog):
    """Nothing is sent before Test, and nothing kept before a test went well."""

    test_requested = Signal(str, str)
    """The link, and how this desktop wants to be called."""
    test_cancelled = Signal()
    save_requested = Signal(str, str)
    """The connection's name, and its environment."""

    def __init__(
        self, theme: Theme, *, label: str, warning: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._phase = _IDLE
        self._link_note = ""
        self.setWindowTitle(self.tr("Connect to an agent"))
        self.link = TextField(
            theme,
            name=self.tr("Link"),
            hint="smartcron://server:7460/?…",
            fixed=True,
        )
        self.link.textChanged.connect(self._link_edited)
        self.link.returnPressed.connect(self._test)
        self.open_file = Button(theme, self.tr("Open file"), height=32)
        self.open_file.clicked.connect(self._open_file)
        self.label = TextField(theme, name=self.tr("This desktop"))
        self.label.setMaxLength(120)
        self.label.setText(label)
        self.label.returnPressed.connect(self._test)
        self.checks = Checks(theme, self._what_is_checked())
        self.took = Words(theme, px=12, ink="text3")
        self.message = Words(theme, px=12, weight=500, ink="bad.text", wrap=True)
        self.message.hide()
        self.name = TextField(theme, name=self.tr("Name"))
        self.name.setMaxLength(120)
        self.name.textChanged.connect(self._show_phase)
        self.name.returnPressed.connect(self._save)
        self.environments = self._make_environments()
        self.leave = Button(theme, self.tr("Not now"), height=32)
        self.leave.setAutoDefault(False)
        self.leave.clicked.connect(self.reject)
        self.primary = Button(theme, self.tr("Test"), kind=PRIMARY, height=32)
        self.primary.setDefault(True)
        self.primary.clicked.connect(self._act)
        self.steps = Steps(theme, self._what_is_done())
        self.warning = _Warning(theme)
        self._lay_out()
        self.set_warning(warning)
        self.resize(1160, 680)
        self.setMinimumWidth(900)
        theme.on_change(self._dress)
        self._show_phase()
        self.link.setFocus()

    # --- what it is told -----------------------------------------------------------------------

    def set_link(self, text: str) -> None:
        """Fill in a link; it is not tested by that."""
        self.link.setText(text.strip())
        self.link.setCursorPosition(0)

    def begin_test(self) -> None:
        """A test is under way."""
        self._phase = _TESTING
        self._link_note = ""
        self.checks.clear()
        self.took.clear()
        self.message.hide()
        self.link.setCursorPosition(0)
        self._show_phase()

    def show_step(self, check: str, state: str, finding: str) -> None:
        """What became of one check: "ok", "warn", "bad" or "working"."""
        self.checks.show_check(check, state, finding)
        if check == "link" and state == "ok":
            self._link_note = f"{finding[:1].upper()}{finding[1:]}"
        self._show_steps()

    def show_result(
        self, is_good: bool, sentence: str, name: str, environment: str, role: str, took_ms: int
    ) -> None:
        """How the test ended; a good one asks for a name, a bad one says what to do."""
        self._phase = _GOOD if is_good else _BAD
        self.took.setText(self.tr("took {0} s").format(f"{took_ms / 1000:.1f}"))
        if is_good:
            self.name.setText(name)
            self.choose_environment(environment)
        else:
            self.checks.close_open(self.tr("not checked"))
            is_said = any(self.checks.finding(one) == sentence for one in CHECKS)
            if sentence and not is_said:
                self.say(sentence)
        self._show_phase()
        if is_good:
            self.name.setFocus()
            self.name.selectAll()
        else:
            self.link.setFocus()

    def say(self, sentence: str) -> None:
        """Something went wrong that no check tells of."""
        self.message.setText(f"{sentence[:1].upper()}{sentence[1:]}")
        self.message.show()

    def set_warning(self, warning: str) -> None:
        """What to know about this desktop's key; nothing takes it away."""
        self.warning.words.setText(warning)
        self.warning.setVisible(bool(warning))

    # --- what it is asked ----------------------------------------------------------------------

    @property
    def environment(self) -> str:
        """The environment that is chosen."""
        return ENVIRONMENTS[self.environments.checkedId()]

    def choose_environment(self, environment: str) -> None:
        """Choose one; what is not known counts as production, the careful choice."""
        word = environment.lower()
        at = ENVIRONMENTS.index(word) if word in ENVIRONMENTS else 0
        self.environments.button(at).setChecked(True)

    # --- what is done in it --------------------------------------------------------------------

    def _act(self) -> None:
        if self._phase == _TESTING:
            self._stop_test()
        elif self._phase == _GOOD:
            self._save()
        else:
            self._test()

    def _test(self) -> None:
        text, label = self.link.text().strip(), self.label.text().strip()
        if text and label and self._phase != _TESTING:
            self.test_requested.emit(text, label)

    def _stop_test(self) -> None:
        self._phase = _IDLE
        self.checks.close_open(self.tr("not checked, the test was stopped"))
        self._show_phase()
        self.test_cancelled.emit()

    def _save(self) -> None:
        name = self.name.text().strip()
        if self._phase == _GOOD and name:
            self.save_requested.emit(name, self.environment)

    def _link_edited(self) -> None:
        was_testing = self._phase == _TESTING
        self._phase = _IDLE
        self._link_note = ""
        self.checks.clear()
        self.took.clear()
        self.message.hide()
        self._show_phase()
        if was_testing:
            self.test_cancelled.emit()

    def _open_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Open a file with a link"))
        if path:
            self.read_card(Path(path))

    def read_card(self, file: Path) -> None:
        """Take the link out of a file; one without is refused by its name."""
        try:
            with file.open("rb") as stream:
                text = stream.read(CARD_BYTES).decode("utf-8", "replace")
        except OSError as error:
            self._refuse_card(
                self.tr("The file {0} cannot be read: {1}."), file, error.strerror or ""
            )
            return
        links = [word for word in text.split() if word.startswith(LINK_START)]
        if links:
            self.set_link(links[0])
            self.link.setFocus()
        else:
            self._refuse_card(
                self.tr("The file {0} holds no link. Open the one that the agent wrote."), file
            )

    def _refuse_card(self, sentence: str, file: Path, why: str = "") -> None:
        self.say(sentence.format(file.name, why))

    def reject(self) -> None:
        """Leave; a test that is under way is called off."""
        if self._phase == _TESTING:
            self._stop_test()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._phase == _TESTING:
            self._stop_test()
        super().closeEvent(event)

    # --- how it looks --------------------------------------------------------------------------

    def _show_phase(self) -> None:
        is_good, is_testing = self._phase == _GOOD, self._phase == _TESTING
        self.primary.setText(
            self.tr("Connect")
            if is_good
            else self.tr("Stop the test")
            if is_testing
            else self.tr("Test again")
            if self._phase == _BAD
            else self.tr("Test")
        )
        self.primary.updateGeometry()
        self.primary.update()
        if is_good:
            self.primary.allow(bool(self.name.text().strip()), self.tr("Give it a name first"))
        else:
            self.primary.allow(bool(self.link.text().strip()), self.tr("Paste a link first"))
        self.label.setEnabled(not (is_good or is_testing))
        self.open_file.setEnabled(not is_testing)
        self.name.setEnabled(is_good)
        for button in self.environments.buttons():
            button.setEnabled(is_good)
        self._show_steps()

    def _show_steps(self) -> None:
        passed = self.checks.count("ok", "warn")
        counted = self.tr("{0} of {1} checks passed").format(passed, len(self.checks))
        states = {
            _IDLE: (ACTIVE, WAITING, WAITING),
            _TESTING: (DONE, ACTIVE, WAITING),
            _BAD: (DONE, FAILED, WAITING),
            _GOOD: (DONE, DONE, ACTIVE),
        }[self._phase]
        failed = self.checks.failed_title()
        first = self._link_note or self.tr("In the link of the agent")
        if self.checks.state("identity") == "ok":
            first = self.tr("{0}, its key is fine").format(self._link_note)
        if self._phase == _BAD and self.checks.state("link") == "bad":
            states = (FAILED, WAITING, WAITING)
            first = self.tr("This link cannot be used")
        second = self.tr("Does it let this desktop in")
        if self._phase == _BAD and failed and states[1] == FAILED:
            second = self.tr("{0}, then stopped at: {1}").format(counted, failed)
        elif self._phase in (_TESTING, _GOOD):
            second = counted
        third = self.tr("How you recognise it")
        for at, (state, note) in enumerate(zip(states, (first, second, third), strict=True)):
            self.steps.show_step(at, state, note)

    def _dress(self) -> None:
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Window, QColor(self._theme.tokens.surface))
        self.setPalette(palette)

    # --- how it is made ------------------------------------------------------------------------

    def _what_is_done(self) -> tuple[tuple[str, str], ...]:
        return (
            (self.tr("Address and key"), ""),
            (self.tr("Test"), ""),
            (self.tr("Name and colour"), ""),
        )

    def _what_is_checked(self) -> tuple[tuple[str, str, str], ...]:
        titles = (
            (self.tr("Can be used"), self.tr("the link is whole and has not expired")),
            (self.tr("Reached"), self.tr("something answers at its host and port")),
            (self.tr("Is the agent it claims to be"), self.tr("it holds the key of the link")),
            (self.tr("Knows this desktop"), self.tr("it lets this desktop in, and as what")),
            (self.tr("Speaks our language"), self.tr("both know the same protocol")),
            (self.tr("Clocks agree"), self.tr("at most 2 s apart")),
            (self.tr("Tells changes by itself"), self.tr("its heartbeat arrives here")),
        )
        return tuple((key, *said) for key, said in zip(CHECKS, titles, strict=True))

    def _make_environments(self) -> QButtonGroup:
        group = QButtonGroup(self)
        words = (
            self.tr("Production"),
            self.tr("Staging"),
            self.tr("Test"),
            self.tr("Demo"),
        )
        for at, (environment, word) in enumerate(zip(ENVIRONMENTS, words, strict=True)):
            group.addButton(Swatch(self._theme, environment, word), at)
        group.button(0).setChecked(True)
        stop_once(group)
        return group

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addLayout(self._form(), 1)
        right.addWidget(self._footer())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._side())
        layout.addLayout(right, 1)
        layout.setSizeConstraint(QLayout.SizeConstraint.SetMinimumSize)

    def _side(self) -> QWidget:
        theme = self._theme
        side = Ground(theme, "sunken", lines="r")
        side.setFixedWidth(300)
        inner = QVBoxLayout(side)
        inner.setContentsMargins(24, 28, 24, 24)
        inner.setSpacing(0)
        inner.addWidget(_Mark(theme))
        inner.addSpacing(16)
        inner.addWidget(Words(theme, self.tr("Connect to an agent"), px=20, weight=600, wrap=True))
        inner.addSpacing(6)
        about = self.tr(
            "The agent runs the tasks on your server. This program only watches and steers it."
        )
        inner.addWidget(Words(theme, about, px=13, ink="text2", wrap=True))
        inner.addSpacing(36)
        inner.addWidget(self.steps)
        inner.addStretch(1)
        inner.addWidget(Words(theme, self.tr("No link yet?"), px=13, weight=600))
        inner.addSpacing(4)
        how = self.tr("On the server, whoever runs the agent makes one with")
        inner.addWidget(Words(theme, how, px=12, ink="text2", wrap=True))
        inner.addSpacing(4)
        command = 'smartcron-agent invite --role operator --label "Anna"'
        inner.addWidget(Words(theme, command, px=12, fixed=True, wrap=True, selectable=True))
        return side

    def _form(self) -> QVBoxLayout:
        theme = self._theme
        form = QVBoxLayout()
        form.setContentsMargins(32, 28, 32, 16)
        form.setSpacing(0)
        form.addWidget(_caption(theme, self.tr("Link"), self.link))
        form.addSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.link, 1)
        row.addWidget(self.open_file)
        form.addLayout(row)
        form.addSpacing(8)
        hint = self.tr("Paste the whole link that the agent printed, or open a file with it. ")
        hint += self.tr("Test makes this desktop known to the agent, Connect keeps the agent here.")
        form.addWidget(Words(theme, hint, px=12, ink="text3", wrap=True))
        form.addSpacing(14)
        form.addWidget(_caption(theme, self.tr("This desktop, as the agent lists it"), self.label))
        form.addSpacing(6)
        form.addWidget(self.label)
        form.addSpacing(18)
        head = QHBoxLayout()
        head.addWidget(Words(theme, self.tr("Test"), px=13, weight=600))
        head.addStretch(1)
        head.addWidget(self.took)
        form.addLayout(head)
        form.addSpacing(8)
        form.addWidget(self.checks)
        form.addSpacing(8)
        form.addWidget(self.message)
        form.addSpacing(10)
        form.addLayout(self._naming())
        form.addStretch(1)
        form.addWidget(self.warning)
        return form

    def _naming(self) -> QHBoxLayout:
        name = QVBoxLayout()
        name.setSpacing(6)
        name.addWidget(_caption(self._theme, self.tr("Name"), self.name))
        name.addWidget(self.name)
        swatches = QHBoxLayout()
        swatches.setSpacing(4)
        for button in self.environments.buttons():
            swatches.addWidget(button)
        environment = QVBoxLayout()
        environment.setSpacing(6)
        environment.addWidget(_caption(self._theme, self.tr("Environment"), None))
        environment.addLayout(swatches)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addLayout(name, 4)
        row.addLayout(environment, 7)
        return row

    def _footer(self) -> QWidget:
        footer = Ground(self._theme, "surface", lines="t")
        row = QHBoxLayout(footer)
        row.setContentsMargins(32, 14, 32, 14)
        row.setSpacing(8)
        row.addWidget(self.leave)
        row.addStretch(1)
        row.addWidget(self.primary)
        return footer


def _caption(theme: Theme, text: str, field: QWidget | None) -> Words:
    words = Words(theme, text, px=12, weight=500, ink="text2")
    if field is not None:
        words.setBuddy(field)
    return words


class _Mark(QWidget):
    """The product's sign."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFixedSize(40, 40)
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, ink = QPainter(self), self._theme.tokens.accent
        rounded(painter, QRectF(self.rect()), 8, fill=ink.ground)
        self._theme.draw_icon(painter, self.rect(), "clock-clockwise-bold", ink.ink, 22)


class _Warning(QWidget):
    """Something to know before going on."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.words = Words(theme, px=12, ink="warn.text", wrap=True, selectable=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(
            IconLabel(theme, "warning-circle-fill", ink="warn.text"),
            0,
            Qt.AlignmentFlag.AlignTop,
        )
        row.addWidget(self.words, 1)
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t = self._theme.tokens
        border = t.warn.text if t.is_contrast else None
        rounded(QPainter(self), QRectF(self.rect()), 6, fill=t.warn.tint, border=border)
