"""Which tasks stand in the grid, in which order, and what is said where none does?"""

from collections.abc import Callable

from PySide6.QtCore import QObject

from desktop.freshness import Link
from desktop.models.filter import Query, TaskFilter
from desktop.models.tasks import TaskModel
from desktop.views.grid.view import TaskGrid
from desktop.views.nothing import Nothing
from desktop.views.toolbar import Toolbar


class Sifting(QObject):
    """Carries what the toolbar asks to the models, and hides a grid that would be empty."""

    def __init__(
        self,
        toolbar: Toolbar,
        grid: TaskGrid,
        nothing: Nothing,
        tasks: TaskModel,
        chosen: TaskFilter,
        *,
        link: Callable[[], Link],
    ) -> None:
        super().__init__(toolbar)
        self._toolbar, self._grid, self._nothing = toolbar, grid, nothing
        self._tasks, self._chosen, self._link = tasks, chosen, link
        self._query = Query()
        toolbar.states_chosen.connect(self._choose_states)
        toolbar.query_changed.connect(self._choose_words)
        toolbar.sort_chosen.connect(tasks.set_sort)
        toolbar.grouping_chosen.connect(tasks.set_grouped)
        toolbar.left.connect(grid.setFocus)
        nothing.cleared.connect(toolbar.clear)
        nothing.search_wanted.connect(toolbar.write)
        grid.sort_chosen.connect(self._sort)

    def show_emptiness(self) -> None:
        """Show the grid, or why it would be empty."""
        is_empty = self._chosen.shown_tasks() == 0
        self._grid.setVisible(not is_empty)
        self._nothing.setVisible(is_empty)
        if is_empty:
            known = [task.name for task in self._tasks.tasks()]
            link = self._link()
            self._nothing.show_why(
                heard=link.was_heard,
                known=known,
                asked=self._toolbar.field.text(),
                said=self._query.words,
            )

    def _choose_states(self, states: frozenset[str]) -> None:
        self._chosen.set_states(states)
        self.show_emptiness()

    def _choose_words(self, query: Query) -> None:
        self._query = query
        self._chosen.set_query(query)
        self.show_emptiness()

    def _sort(self, key: str) -> None:
        self._tasks.set_sort(key)
        self._toolbar.show_sort(key)
