"""What moment does a text on the command line mean, and what time is it?"""

import re
import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Final
from zoneinfo import ZoneInfo

from agent.errors import WrongUse
from shared.lengths import seconds_of

FORMS: Final = "2026-11-24T08:00+13:00, -1h, +30m, 08:00, today or tomorrow 18:00"
_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_OF_DAY: Final = re.compile(
    r"(?:(yesterday|today|tomorrow)\s*)?(\d{1,2}:\d{2}(?::\d{2})?)?", re.ASCII
)


def read_moment(option: str, text: str, *, zone: ZoneInfo | None = None) -> int:
    """Milliseconds since 1970 UTC of what people write; raises WrongUse naming the option.

    Without an offset it is meant as the reader's clock shows it, or the clocks of a zone.
    """
    try:
        at = _read(text.strip(), datetime.now(zone).replace(tzinfo=None))
        at = at.replace(tzinfo=zone) if at.tzinfo is None else at
        return round(at.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise WrongUse(
            f"{option} {text[:100]!r}: is no moment; write one such as {FORMS}"
        ) from error


def _read(text: str, now: datetime) -> datetime:
    """The moment, without a zone where the text has none: as the clock shows it that shows now."""
    if text == "now":
        return now
    if text[:1] in ("+", "-") and text[-1:].isalpha():
        seconds = seconds_of(text[1:])
        if seconds is None:
            raise ValueError(text)
        # Of time that passes, whatever the clocks do meanwhile.
        return now.astimezone(UTC) + timedelta(seconds=seconds if text[0] == "+" else -seconds)
    found = _OF_DAY.fullmatch(text)
    if found is None or not text:
        return datetime.fromisoformat(text)
    day = now.date() + timedelta(days=_DAYS[found[1] or "today"])
    at = clock_time.fromisoformat(found[2].zfill(len("08:00"))) if found[2] else clock_time()
    return datetime.combine(day, at)


def now_ms() -> int:
    """The wall clock of this host."""
    return time.time_ns() // 1_000_000
