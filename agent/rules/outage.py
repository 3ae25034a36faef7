"""Can the database be written to, or does what happens go to the local journal?"""

from typing import Final, Literal

import msgspec

State = Literal["up", "suspect", "down", "replaying"]

TOLD_AFTER_MS: Final = 3_000
"""Trouble that is over within this time is nobody's business: a deadlock, a server that restarts
its connections. It is still far within the ten seconds in which an outage must be told."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the database stands: `since_ms` is the first trouble, `is_told` whether people know.

    `up`: writes go to the database. `suspect`: one did not, so all go to the journal. `down`: that
    has lasted. `replaying`: it answers again and is given the journal, to which writes still go.
    """

    state: State = "up"
    since_ms: int | None = None
    cause: str = ""
    is_told: bool = False


UP: Final = Standing()


def failed(before: Standing, cause: str, *, now_ms: int) -> Standing:
    """A write did not come back, or came back as a failure."""
    if before.since_ms is None:
        return Standing(state="suspect", since_ms=now_ms, cause=cause)
    return msgspec.structs.replace(
        before, state="down" if before.is_told else "suspect", cause=cause
    )


def answered(before: Standing) -> Standing:
    """A trial write came back in time."""
    return before if before.state == "up" else msgspec.structs.replace(before, state="replaying")


def emptied(before: Standing) -> Standing:
    """Everything in the journal stands in the database: writes go there again."""
    return UP if before.state == "replaying" else before


def passed(before: Standing, *, now_ms: int) -> Standing:
    """Time went by: trouble that lasts is to be told."""
    if before.since_ms is None or before.is_told:
        return before
    # A clock that was set back must not keep people from hearing of it.
    if 0 <= now_ms - before.since_ms < TOLD_AFTER_MS:
        return before
    state: State = "down" if before.state == "suspect" else before.state
    return msgspec.structs.replace(before, state=state, is_told=True)


def rest_ms(standing: Standing, *, now_ms: int, every_ms: int) -> int:
    """How long nothing is done about it: less than a turn where it is to be told before that."""
    if standing.since_ms is None or standing.is_told:
        return every_ms
    return max(0, min(every_ms, standing.since_ms + TOLD_AFTER_MS - now_ms))


def goes_to_journal(standing: Standing) -> bool:
    """Once one write is in the journal all later ones are, so that their order stays."""
    return standing.state != "up"
