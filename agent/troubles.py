"""What is a trouble, how bad may it be, and how soon must people know?"""

from typing import Final, Literal, get_args

import msgspec

MINUTE_MS: Final = 60_000
Severity = Literal["critical", "high", "medium"]
SEVERITIES: Final[tuple[str, ...]] = get_args(Severity)
DELAYS_MS: Final = {"critical": 0, "high": 15 * MINUTE_MS, "medium": 60 * MINUTE_MS}
"""After so long at most the channels are told; what comes together until then is told together."""
BY_PRIORITY: Final = {1: "critical", 2: "high"}
"""Of an alert about a task, by its priority; the others are medium."""
TITLE_CHARS: Final = 200
MESSAGE_CHARS: Final = 1_000
_RANK: Final = {"critical": 3, "high": 2, "medium": 1}


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong; two with the same `dedupe_key` are the same trouble."""

    dedupe_key: str
    kind: str
    severity: str
    title: str
    message: str
    task_name: str | None = None
    run_id: str | None = None


def worse(one: str, other: str) -> str:
    """The worse of two severities."""
    return max(one, other, key=lambda severity: _RANK.get(severity, 0))


def is_worse(severity: str, than: str) -> bool:
    """People must know of this even if they know of the other."""
    return _RANK.get(severity, 0) > _RANK.get(than, 0)


def rank(severity: str) -> int:
    """How bad it is as a number, the worst the highest."""
    return _RANK.get(severity, 0)


def of_priority(priority: int) -> str:
    """How bad it is when a task of this priority does not do its work."""
    return BY_PRIORITY.get(priority, "medium")


def delay_ms(severity: str) -> int:
    """How long word of a trouble may wait for others."""
    return DELAYS_MS.get(severity, DELAYS_MS["medium"])
