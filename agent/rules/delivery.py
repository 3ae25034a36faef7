"""When is a message tried again, when given up, and when must people know that it does not go?"""

from typing import Final

SECOND_MS: Final = 1_000
_WAITS_S: Final = (30, 60, 120, 300, 600, 900)
GIVE_UP_MS: Final = 3 * 86_400_000
TRIES_UNTOLD: Final = 3
"""Greylisting and a server that is started anew are over by then."""
SPACING_MS: Final = {"critical": 60_000}
"""Between two messages of one severity lies at least so much, however much happens."""
UNDELIVERABLE: Final = "mail_undeliverable"
REPORT: Final = "report"
"""What stands for the severity of what tells of a day, not of an alert."""


def next_try_ms(attempts: int, *, created_ms: int, now_ms: int) -> int | None:
    """When to try again after so many attempts; None when it is given up."""
    if now_ms - created_ms >= GIVE_UP_MS:
        return None
    return now_ms + _WAITS_S[min(attempts, len(_WAITS_S)) - 1] * SECOND_MS


def is_undeliverable(attempts: int, *, is_for_good: bool) -> bool:
    """People must be told in another way that a message does not go."""
    return is_for_good or attempts > TRIES_UNTOLD
