"""Which runs are shown beyond the newest, and what is still to be asked of them?"""

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop.freshness import Link
from desktop.models.runs import ALL, TROUBLE, RunsModel
from desktop.states import ENDING_LOOKS
from desktop.views.executions import FOUND, Executions
from shared.protocol.requests import RunFilter, RunsPage, RunsPageReply

PAGE: Final = 100
RECENT: Final = 50
"""So many are told without a question for more."""
MOST: Final = 5_000
"""So many rows a list holds; whoever looks further back asks the agent by its command line."""
_FILTERS: Final = {
    ALL: RunFilter(),
    TROUBLE: RunFilter(
        results=tuple(name for name, look in ENDING_LOOKS.items() if look.family in ("bad", "warn"))
    ),
}


class Paging(QObject):
    """Asks for older runs page by page, each kind of them by its own question."""

    asked = Signal(object, object, object)
    """A request, who takes its reply, and who takes the sentence and the path of a refusal."""

    def __init__(
        self, executions: Executions, models: Mapping[str, RunsModel], over: QWidget
    ) -> None:
        """`models` are those that take the runs of each kind."""
        super().__init__(over)
        self._executions, self._models = executions, models
        self._link = Link()
        self._agent = 0
        """Counts the agents, so that no answer of the last one is taken for one of this."""
        self._next: dict[str, str | None] = {}
        self._is_asking: set[str] = set()
        self._sought = RunFilter()
        executions.older_wanted.connect(self.ask)
        executions.sought.connect(self._seek)
        executions.kind_chosen.connect(self._enter)

    def show_link(self, link: Link, *, may: bool, why_not: str) -> None:
        """The link changed; to look needs no role."""
        had, self._link = self._link, link
        if link.is_live and not had.is_live:
            if had.was_heard:
                # Runs went by unheard: what is shown must have no hole that nobody sees.
                self.forget()
                for model in self._models.values():
                    model.hold(RECENT)
            # What is chosen may have been written while there was nobody to ask.
            self._enter(self._executions.kind)
            self._seek(self._sought)
        self._executions.allow_older(link.is_live, "" if link.is_live else why_not)

    def forget(self) -> None:
        """Another agent."""
        self._agent += 1
        self._next.clear()
        self._is_asking.clear()
        for kind in self._models:
            self._executions.show_rest(kind, is_more=True)

    def ask(self, kind: str) -> None:
        """The page behind what is shown of this kind."""
        is_all_there = kind in self._next and self._next[kind] is None
        if not self._link.is_live or kind in self._is_asking or is_all_there:
            return
        agent, sought, model = self._agent, self._sought, self._models[kind]

        def is_awaited() -> bool:
            return agent == self._agent and (kind != FOUND or sought is self._sought)

        self._is_asking.add(kind)
        self._executions.show_rest(kind, is_more=True, is_awaited=True)

        def show(reply: RunsPageReply) -> None:
            if not is_awaited():
                return
            self._is_asking.discard(kind)
            model.hold(MOST)
            model.show_rows(reply.rows)
            is_full = model.rowCount() >= MOST
            self._next[kind] = None if is_full else reply.next
            self._executions.show_rest(
                kind,
                is_more=self._next[kind] is not None,
                is_answered=True,
                is_full=is_full,
            )

        def failed(text: str, _path: str) -> None:
            if is_awaited():
                self._is_asking.discard(kind)
                self._executions.show_rest(kind, is_more=True, is_answered=True, problem=text)

        wanted = self._sought if kind == FOUND else _FILTERS[kind]
        request = RunsPage(filter=wanted, cursor=self._next.get(kind), limit=PAGE)
        self.asked.emit(request, show, failed)

    def _seek(self, wanted: RunFilter) -> None:
        """Other conditions: whatever was found by those before is none of it."""
        self._sought = wanted
        self._next.pop(FOUND, None)
        self._is_asking.discard(FOUND)
        self._models[FOUND].follow(None)
        self._executions.show_rest(FOUND, is_more=True)
        if wanted != RunFilter():
            self.ask(FOUND)

    def _enter(self, kind: str) -> None:
        # Of trouble only what came since this desktop looks is known by itself.
        if kind == TROUBLE and kind not in self._next:
            self.ask(kind)
