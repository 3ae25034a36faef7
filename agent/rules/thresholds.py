"""Is a reading fine, worth a warning, or critical; with hysteresis."""

from typing import Final

import msgspec

OK: Final = "ok"
WARN: Final = "warn"
CRIT: Final = "crit"
UNKNOWN: Final = "unknown"
_RANK: Final = {OK: 0, UNKNOWN: 0, WARN: 1, CRIT: 2}


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """A reading at or beyond `warn` or `crit` is one; back only when it is `back` below it."""

    warn: float
    crit: float
    back: float = 0.0


def judge(value: float | None, threshold: Threshold, *, before: str) -> str:
    """The state of a reading where more is worse, given the state before it."""
    if value is None:
        return UNKNOWN
    for state, limit in ((CRIT, threshold.crit), (WARN, threshold.warn)):
        holds = _RANK.get(before, 0) >= _RANK[state]
        if value >= (limit - threshold.back if holds else limit):
            return state
    return OK
