"""Who may see who asked what, and how much of it is asked for?"""

from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop.freshness import Link
from desktop.models.audit import AuditModel
from desktop.views.audit import Audit
from shared.protocol.access import AuditPage, AuditPageReply

PAGE: Final = 100
MOST: Final = 5_000
ADMIN: Final = "admin"


class Auditing(QObject):
    """Asks anew whenever the screen is entered, and page by page for what was before."""

    asked = Signal(object, object, object)
    """A request, who takes its reply, and who takes the sentence and the path of a refusal."""

    def __init__(self, page: Audit, model: AuditModel, over: QWidget) -> None:
        super().__init__(over)
        self._page, self._model = page, model
        self._link = Link()
        self._is_shown = self._is_asking = False
        self._agent = 0
        """Counts the agents, so that no answer of the last one is taken for one of this."""
        self._next: str | None = None
        self._was_told = False
        """This agent has answered: that there is nothing is known only then."""
        self._failed = ""
        """Why the last question was not answered."""
        page.older_wanted.connect(self._ask_older)

    def show_link(self, link: Link, *, may: bool, why_not: str) -> None:
        """The link changed; only an administrator's key is told."""
        had, self._link = self._link, link
        self._page.allow_older(self._may_ask, "" if link.is_live else why_not)
        self._page.show_hindrance(self._hindrance())
        if self._is_shown and link.is_live and not had.is_live:
            self.refresh()

    def show_screen(self, is_ours: bool) -> None:
        """The screen is in sight now, or not."""
        had, self._is_shown = self._is_shown, is_ours
        if is_ours and not had:
            self.refresh()

    def forget(self) -> None:
        """Another agent."""
        self._agent += 1
        self._next, self._is_asking, self._was_told, self._failed = None, False, False, ""
        self._model.clear()
        self._page.show_rest(is_more=True)
        self._page.show_hindrance(self._hindrance())

    def refresh(self) -> None:
        """Ask for the newest; what is further back stays."""
        if self._is_shown:
            self._ask(None)

    @property
    def _may_ask(self) -> bool:
        return self._link.is_live and self._link.role == ADMIN

    def _ask_older(self) -> None:
        if self._next is not None:
            self._ask(self._next)

    def _ask(self, cursor: str | None) -> None:
        if self._is_asking or not self._may_ask:
            return
        agent, self._is_asking = self._agent, True

        def show(reply: AuditPageReply) -> None:
            if agent != self._agent:
                return
            self._is_asking, self._was_told, self._failed = False, True, ""
            is_older = cursor is not None
            if not is_older and not self._model.reaches(reply.rows):
                # More came meanwhile than one page holds: no hole may stay that nobody sees.
                self._model.clear()
            # Else the newest page says nothing of how far back somebody has been already.
            if is_older or not self._model.total:
                self._next = reply.next
            self._model.show_rows(reply.rows)
            if self._model.total >= MOST:
                self._next = None
                said = self.tr("A list holds no more; “smartcron-agent audit list” goes on")
            else:
                said = "" if self._next is not None else self.tr("This is all that is kept")
            self._page.show_rest(is_more=self._next is not None, said=said)
            self._page.show_hindrance(self._hindrance())

        def failed(text: str, _path: str) -> None:
            if agent == self._agent:
                self._is_asking, self._failed = False, text
                self._page.show_rest(is_more=True, said=text)
                self._page.show_hindrance(self._hindrance())

        self.asked.emit(AuditPage(cursor=cursor, limit=PAGE), show, failed)

    def _hindrance(self) -> tuple[str, str, str] | None:
        if not self._link.was_heard:
            hint = self.tr("Who asked what stands here as soon as the agent is heard.")
            return "question", self.tr("Nothing is known yet"), hint
        if self._link.role != ADMIN:
            hint = self.tr(
                "This desktop's key has the role {0}. On the server, “smartcron-agent audit list” "
                "tells it as well."
            ).format(self._link.role)
            return "lock-simple", self.tr("Only administrators see who asked what"), hint
        if self._failed:
            hint = self.tr("{0} F5 asks again.").format(self._failed)
            return "warning", self.tr("It could not be told"), hint
        if not self._was_told and not self._link.is_live:
            hint = self.tr("It was not asked before the agent fell silent.")
            return "question", self.tr("Nothing is known yet"), hint
        if not self._was_told:
            hint = self.tr("Who asked what stands here as soon as it answers.")
            return "hourglass-medium", self.tr("The agent is asked"), hint
        return None
