"""When must a task not start: the calendars in memory, as the database has them."""

from collections.abc import Iterable, Mapping

from agent.definitions import Definition
from agent.rules.calendar import closed_at
from agent.store import calendars
from agent.store.database import Database
from agent.windows import Calendar, Closed


class Blackouts:
    """The calendars by name; `load` brings them up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._calendars: Mapping[str, Calendar] = {}

    async def load(self) -> None:
        """Read all calendars anew."""
        self._calendars = await self._database.read(calendars.load_all)

    def put(self, known: Iterable[Calendar]) -> None:
        """These are all calendars."""
        self._calendars = {calendar.name: calendar for calendar in known}

    def closed_at(self, definition: Definition, at_ms: int) -> Closed | None:
        """The window that keeps a task from starting at this moment, if one does."""
        if not self._calendars:
            return None
        return closed_at(self._calendars, definition.calendars, at_ms)
