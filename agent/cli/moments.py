"""What moment does a text on the command line mean, and what time is it?"""

import time
from datetime import UTC, datetime

from agent.errors import WrongUse


def read_moment(option: str, text: str) -> int:
    """Milliseconds since 1970 UTC of an ISO 8601 text; raises WrongUse naming the option."""
    try:
        found = datetime.fromisoformat(text)
        # A moment without an offset is meant as the reader's own clock shows it.
        return round(found.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise WrongUse(
            f"{option} {text[:100]!r}: is no moment; write ISO 8601 such as 2026-11-24T08:00+13:00"
        ) from error


def now_ms() -> int:
    """The wall clock of this host."""
    return time.time_ns() // 1_000_000
