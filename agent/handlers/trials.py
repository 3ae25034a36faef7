"""Which rules are being tried, and does anybody still wait for what comes of it?"""

import secrets
from typing import Final

import msgspec

from agent.alertrules import AlertRule
from agent.rehearsal import Rehearsing
from agent.wire.sessions import Who
from shared.protocol.errors import BadCursor, ProtocolError

KEPT_MS: Final = 20_000
MOST_TRIALS: Final = 2

Asked = tuple[AlertRule, int]
"""A rule, and over how many days it is laid."""


class Trial(msgspec.Struct):
    """A test under way; nothing goes on unless somebody asks."""

    place: str
    key_id: str
    work: Rehearsing
    asked: Asked
    seen_ms: int


class Trials:
    """The tests that somebody waits for; who asks no more for a while has called it off."""

    def __init__(self) -> None:
        self._trials: dict[str, Trial] = {}

    def begin(self, who: Who, work: Rehearsing, asked: Asked, now_ms: int) -> Trial:
        """One more, in the place of an older one of the same key; busy while there are too many."""
        self._trials = {
            place: trial
            for place, trial in self._trials.items()
            if now_ms - trial.seen_ms < KEPT_MS and trial.key_id != who.key_id
        }
        if len(self._trials) >= MOST_TRIALS:
            raise ProtocolError("others try their rules already; try again soon", code="busy")
        return Trial(secrets.token_hex(8), who.key_id, work, asked, now_ms)

    def take(self, who: Who, place: str, asked: Asked) -> Trial:
        """The test of this place, which nobody else goes on with meanwhile."""
        trial = self._trials.get(place)
        if trial is None or trial.key_id != who.key_id or trial.asked != asked:
            raise BadCursor("this test is over; begin it again")
        return self._trials.pop(place)

    def keep(self, trial: Trial, now_ms: int) -> None:
        """There is more to read."""
        trial.seen_ms = now_ms
        self._trials[trial.place] = trial
