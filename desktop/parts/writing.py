"""How a dialog stands in which something is written that the agent is to keep."""

from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from desktop.parts.buttons import Button
from desktop.parts.dialogs import AskingDialog, show_words
from desktop.parts.labels import Words
from desktop.theme import Theme

CHECK: Final = "check"
"""The key of the question whether it can be so."""
WRITING_MS: Final = 350


class WritingDialog(AskingDialog):
    """What is written is checked by the agent meanwhile, and again when it is saved.

    What somebody else made of the same thing meanwhile is told, and has to be looked at first.
    """

    def __init__(
        self,
        theme: Theme,
        *,
        second: str = "",
        environment: str,
        wide: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            theme,
            title="",
            second=second,
            environment=environment or "production",
            wide=wide,
            parent=parent,
        )
        self._may, self._why_not = True, ""
        self._is_sent, self._is_good = False, False
        self._problems: dict[str, Words] = {}
        """What is wrong with a field, under it."""
        self._later = QTimer(self, interval=WRITING_MS, singleShot=True)
        self._later.timeout.connect(self.ask)
        self.theirs = Button(theme, self.tr("Show theirs"), height=32)
        self.theirs.setAutoDefault(False)
        self.theirs.clicked.connect(self._take_theirs)
        self.theirs.hide()
        self.foot.insertWidget(0, self.theirs)

    def ask(self) -> None:
        """Can it be so?"""
        raise NotImplementedError

    def allow(self, allowed: bool, why_not: str) -> None:
        self._may, self._why_not = allowed, why_not
        self._show_act()

    def show_problem(self, key: str, text: str, path: str) -> None:
        """A check or the order was refused."""
        self._is_sent = False
        place = self._place_of(path)
        if place:
            self._is_good = False
            self._clear()
            show_words(self._problems[place], self._reason_in(text))
        elif key == CHECK:
            # Whether it can be is said when it is saved.
            self._is_good = True
            self.say_unheard(text)
        else:
            self.say(text)
        self._show_act()

    # --- what each of them knows for itself ------------------------------------------------------

    def _place_of(self, path: str) -> str:
        """The field under which it is told what is wrong at that path; empty where none is."""
        raise NotImplementedError

    def _reason_in(self, text: str) -> str:
        """What of a refusal is told under the field that it is about."""
        raise NotImplementedError

    def _show_theirs(self) -> None:
        """Begin again with what the other made of it."""
        raise NotImplementedError

    def _what_is_missing(self) -> str:
        """What has to be written before the agent can say anything of it; empty where nothing."""
        raise NotImplementedError

    # --- how it stands ---------------------------------------------------------------------------

    def _was_checked(self) -> None:
        """The agent would take it."""
        self._is_good = True
        self._clear()
        self.was_heard()

    def _written(self) -> None:
        """What stands there is something else now."""
        self._is_good = False
        self._later.start()
        self._show_act()

    def _is_on_its_way(self) -> None:
        """It was ordered to be kept as it stands."""
        self._is_sent = True
        self.say("")
        self._show_act()

    def _take_theirs(self) -> None:
        self.theirs.hide()
        self.say("")
        self._show_theirs()

    def _clear(self) -> None:
        for problem in self._problems.values():
            show_words(problem, "")

    def _show_act(self) -> None:
        why = self._what_hinders()
        self.act.allow(not why, why)

    def _what_hinders(self) -> str:
        """Why it cannot be saved now; empty where it can."""
        if not self._may:
            return self._why_not
        if self._is_sent:
            return self.tr("Waiting for the agent")
        if not self.theirs.isHidden():
            return self.tr("Look at what the other changed first")
        missing = self._what_is_missing()
        if missing:
            return missing
        return "" if self._is_good else self.tr("Something has to be put right first")
