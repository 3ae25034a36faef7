"""Who hears of a task that cannot be scheduled, and of one that can be again?"""

from collections.abc import Iterable
from functools import partial
from typing import Final

from agent.agenda import Agenda
from agent.patience import Patience
from agent.recorder import Recorder
from agent.rules.alerting import Trouble

TASK_INVALID: Final = "task_invalid"


class Unplanned:
    """Keeps an alert for each task that suspended itself, also for those of an earlier agent."""

    def __init__(self, agenda: Agenda, recorder: Recorder, patience: Patience) -> None:
        self._agenda = agenda
        self._recorder = recorder
        self._patience = patience
        self._told: set[str] = set()  # broken tasks whose alert is written

    def were_told(self, names: Iterable[str]) -> None:
        """An earlier agent said of these tasks that they cannot be scheduled."""
        self._told.update(names)

    async def tell(self) -> None:
        """Raise an alert for each task that suspended itself, end it where the task is mended."""
        for name in self._agenda.broken.keys() - self._told:
            cause = self._agenda.broken[name]
            trouble = Trouble(
                dedupe_key=_alert_of(name),
                kind=TASK_INVALID,
                severity="high",
                title=f"{name} cannot be scheduled",
                message=f"{cause}; it does not run until its definition is mended",
                task_name=name,
            )
            await self._patience.until_recorded(partial(self._recorder.alert, trouble))
            self._told.add(name)
        for name in self._told - self._agenda.broken.keys():
            await self._patience.until_recorded(partial(self._recorder.resolve, _alert_of(name)))
            self._told.discard(name)


def _alert_of(name: str) -> str:
    return f"{TASK_INVALID}:{name}"
