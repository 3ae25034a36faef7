"""Is a reading fine, worth a warning, or critical; with hysteresis and a least duration."""

from typing import Final

import msgspec

from agent.tolerances import Limit

OK: Final = "ok"
WARN: Final = "warn"
CRIT: Final = "crit"
UNKNOWN: Final = "unknown"
_RANK: Final = {OK: 0, UNKNOWN: 0, WARN: 1, CRIT: 2}


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """A reading at or beyond `warn` or `crit` is one; back only when it is `back` below it.

    With `falls` less is worse. What is worse than before counts after `for_s` seconds of it.
    """

    warn: float
    crit: float
    back: float = 0.0
    falls: bool = False
    for_s: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What holds of a reading, and since when it has been at least a warning, or critical."""

    state: str = OK
    warn_since_ms: int | None = None
    crit_since_ms: int | None = None


def judge(value: float | None, threshold: Threshold, *, before: str) -> str:
    """The state of a reading, given the state before it."""
    if value is None:
        return UNKNOWN
    sign = -1 if threshold.falls else 1
    for state, limit in ((CRIT, threshold.crit), (WARN, threshold.warn)):
        holds = _RANK.get(before, 0) >= _RANK[state]
        if sign * value >= (sign * limit - threshold.back if holds else sign * limit):
            return state
    return OK


def settle(before: Standing, state: str, *, at_ms: int, for_s: int) -> Standing:
    """What holds after this look: better at once, worse only when it has lasted."""
    rank = _RANK.get(state, 0)
    warn_since_ms = _since(before.warn_since_ms, at_ms) if rank >= _RANK[WARN] else None
    crit_since_ms = _since(before.crit_since_ms, at_ms) if rank >= _RANK[CRIT] else None
    least_ms = for_s * 1000
    if rank <= _RANK.get(before.state, 0):
        held = state
    elif crit_since_ms is not None and at_ms - crit_since_ms >= least_ms:
        held = CRIT
    elif before.state == WARN or (warn_since_ms is not None and at_ms - warn_since_ms >= least_ms):
        held = WARN
    else:
        held = OK
    return Standing(state=held, warn_since_ms=warn_since_ms, crit_since_ms=crit_since_ms)


def at_first_sight(state: str, *, for_s: int, known: str | None) -> str:
    """What a single look may say of a reading that has to last before it counts.

    `known` is what somebody said who has looked for long enough; None when there is nobody.
    Without that it is worth a warning, and no more.
    """
    if not for_s:
        return state
    return min(state, WARN if known is None else known, key=lambda one: _RANK.get(one, 0))


def _since(known_ms: int | None, at_ms: int) -> int:
    return at_ms if known_ms is None else known_ms


def with_limit(usual: Threshold, own: Limit | None) -> Threshold:
    """The usual threshold with what the owner wants otherwise.

    Where only one of the two limits was chosen, the other one makes way for it.
    """
    if own is None:
        return usual
    warn = usual.warn if own.warn is None else own.warn
    crit = usual.crit if own.crit is None else own.crit
    if (warn < crit) if usual.falls else (warn > crit):
        warn, crit = (crit, crit) if own.warn is None else (warn, warn)
    return Threshold(
        warn=warn,
        crit=crit,
        back=usual.back if own.back is None else own.back,
        falls=usual.falls,
        for_s=usual.for_s if own.for_s is None else own.for_s,
    )
