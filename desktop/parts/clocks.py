"""Which instant does a person mean who writes a time, and on whose clock."""

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

import msgspec
from PySide6.QtCore import QCoreApplication

from desktop import words

_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
EXAMPLE: Final = "2026-11-30 06:00"


class Zone(msgspec.Struct, frozen=True):
    """Whose clock a dialog shows and reads: as the window's "Times in" says."""

    times: str
    task_zone: str

    @property
    def tz(self) -> tzinfo | None:
        """The zone; None is this machine's own."""
        return words.zone_for(self.times, self.task_zone)

    @property
    def said(self) -> str:
        """The clock in words."""
        if self.times == words.TASK_TIMES:
            return QCoreApplication.translate("clocks", "Times in {0}").format(self.task_zone)
        if self.times == words.UTC_TIMES:
            return QCoreApplication.translate("clocks", "Times in UTC")
        return QCoreApplication.translate("clocks", "Times of this machine")

    def clock(self, at_ms: int, now_ms: int, *, seconds: bool = False) -> str:
        """A time of day, with its day where that is another one."""
        # A moment that is no full minute would be told wrongly without its seconds.
        return words.clock(at_ms, self.tz, now_ms, seconds=seconds or at_ms % words.MINUTE_MS > 0)

    def written(self, at_ms: int) -> str:
        """The instant as `read` takes it."""
        form = "%Y-%m-%d %H:%M" if at_ms % words.MINUTE_MS == 0 else "%Y-%m-%d %H:%M:%S"
        return words.moment(at_ms, self.tz).strftime(form)

    def read(self, text: str, now_ms: int, *, to_come: bool) -> int | None:
        """The instant; a bare time of day is the next one, or the last one. None: not a time."""
        text = text.strip()
        if bare := _TIME.fullmatch(text):
            return self._time_of_day(bare, now_ms, to_come=to_come)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return None
        if len(text) <= len("2026-11-30"):
            return None  # a day alone would silently mean midnight
        return _instant(at, self.tz)

    def tomorrow(self, hour: int, now_ms: int) -> int:
        """That full hour of the next day."""
        day = words.moment(now_ms, self.tz).replace(tzinfo=None) + timedelta(days=1)
        return _instant(day.replace(hour=hour, minute=0, second=0, microsecond=0), self.tz)

    def _time_of_day(self, bare: re.Match[str], now_ms: int, *, to_come: bool) -> int | None:
        hour, minute, second = (int(part or 0) for part in bare.groups())
        if hour > 23 or minute > 59 or second > 59:
            return None
        today = words.moment(now_ms, self.tz).replace(tzinfo=None)
        at = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
        at_ms = _instant(at, self.tz)
        if to_come and at_ms <= now_ms:
            return _instant(at + timedelta(days=1), self.tz)
        if not to_come and at_ms > now_ms:
            return _instant(at - timedelta(days=1), self.tz)
        return at_ms


def _instant(at: datetime, tz: tzinfo | None) -> int:
    if at.tzinfo is None and tz is not None:
        at = at.replace(tzinfo=tz)
    # Without a zone of its own a time is meant on this machine's clock.
    return round(at.timestamp() * 1000)
