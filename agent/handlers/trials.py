"""Which rules are being tried, and does anybody still wait for what comes of it?"""

import asyncio
import secrets
from typing import Final

import msgspec

from agent.alertrules import AlertRule
from agent.rehearsal import Rehearsing
from agent.wire.sessions import Who
from shared.protocol.errors import BadCursor, ProtocolError

KEPT_S: Final = 20.0
MOST_TRIALS: Final = 2

Asked = tuple[AlertRule, int]
"""A rule, and over how many days it is laid."""


class Trial(msgspec.Struct):
    """A test under way; nothing goes on unless somebody asks."""

    place: str
    key_id: str
    work: Rehearsing
    asked: Asked
    end: asyncio.TimerHandle | None = None
    """When it is forgotten; None while it is read for somebody."""


class Trials:
    """The tests that somebody waits for; who asks no more for a while has called it off."""

    def __init__(self) -> None:
        self._trials: dict[str, Trial] = {}
        self.one_pattern = asyncio.Lock()
        """Held by whoever tries whether a pattern is quick."""

    def begin(self, who: Who, work: Rehearsing, asked: Asked) -> Trial:
        """One more, in the place of an older one of the same key; busy while there are too many."""
        for older in [trial for trial in self._trials.values() if trial.key_id == who.key_id]:
            self.forget(older)
        if len(self._trials) >= MOST_TRIALS:
            raise ProtocolError("others try their rules already; try again soon", code="busy")
        trial = Trial(secrets.token_hex(8), who.key_id, work, asked)
        self._trials[trial.place] = trial
        return trial

    def take(self, who: Who, place: str, asked: Asked) -> Trial:
        """The test of this place, which nobody else goes on with meanwhile."""
        trial = self._trials.get(place)
        is_theirs = trial is not None and (trial.key_id, trial.asked) == (who.key_id, asked)
        if trial is None or trial.end is None or not is_theirs:
            raise _is_over()
        trial.end.cancel()
        trial.end = None
        return trial

    def keep(self, trial: Trial) -> None:
        """There is more to read; not of one whose owner has begun another one meanwhile."""
        if trial.place not in self._trials:
            raise _is_over()
        trial.end = asyncio.get_running_loop().call_later(KEPT_S, self.forget, trial)

    def forget(self, trial: Trial) -> None:
        """It is done, or nobody waits for it."""
        self._trials.pop(trial.place, None)
        if trial.end is not None:
            trial.end.cancel()


def _is_over() -> BadCursor:
    return BadCursor("this test is over; begin it again")
