"""When did cron start what, as its log tells."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a log: its moment, and the command that cron started if it tells of one.

    `other_ms` is the other moment that the same wall clock may mean when clocks are set back.
    """

    at_ms: int
    other_ms: int | None = None
    user: str = ""
    command: str = ""


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
_MONTHS_2: Final = ("Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH: Final = {name: number for number, name in enumerate(_MONTHS + _MONTHS_2, start=1)}
_CLASSIC: Final = re.compile(
    r"(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2}) (?P<time>\d\d:\d\d:\d\d) \S+ (?P<rest>.*)",
    re.ASCII,
)
_ISO: Final = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)) \S+ (?P<rest>.*)",
    re.ASCII,
)
_START: Final = re.compile(
    r"(?:/usr/sbin/)?cron(?:d)?\[\d+\]: \((?P<user>[^)]+)\) CMD \((?P<command>.*)\)\s*",
    re.IGNORECASE,
)
_MESSAGE: Final = re.compile(r"\((?P<user>[^)]+)\) CMD \((?P<command>.*)\)\s*")
_EXPORTED_TIME: Final = "__REALTIME_TIMESTAMP="
_DAY: Final = timedelta(days=1)


def read_log(lines: Iterable[str], *, zone: str, latest_ms: int) -> Iterator[LogLine]:
    """Each line of a syslog file, or of a journal exported as text, JSON or in its own format.

    Lines without a year are taken for the newest year that does not make them later than
    `latest_ms`; lines without an offset are in `zone`.
    """
    clock = ZoneInfo(zone)
    latest = datetime.fromtimestamp(latest_ms / 1000, clock) + _DAY
    exported_ms = 0
    for line in lines:
        if line.startswith("{"):
            found = _from_json(line)
        elif line.startswith(_EXPORTED_TIME):
            exported_ms = _micros(line.removeprefix(_EXPORTED_TIME))
            continue
        elif line.startswith("MESSAGE=") and exported_ms:
            found = _with_message(exported_ms, line.removeprefix("MESSAGE="))
        else:
            found = _from_text(line, clock, latest)
        if found is not None:
            yield found


def spoken(command: str) -> str:
    """A command as it is compared: logs show tabs, and their writers control signs, in own ways."""
    return " ".join(command.replace("^I", " ").replace("#011", " ").split())


def _from_text(line: str, clock: ZoneInfo, latest: datetime) -> LogLine | None:
    if found := _ISO.match(line):
        try:
            at = datetime.fromisoformat(found["at"].replace(",", "."))
        except ValueError:
            return None
        return _told(_ms(at), None, found["rest"])
    if not (found := _CLASSIC.match(line)) or found["month"] not in _MONTH:
        return None
    written = _in_year(found, clock, latest)
    if written is None:
        return None
    at_ms, other_ms = _ms(written), _ms(written.replace(fold=1))
    return _told(at_ms, other_ms if other_ms != at_ms else None, found["rest"])


def _in_year(found: re.Match[str], clock: ZoneInfo, latest: datetime) -> datetime | None:
    # 29 February needs a leap year, so up to eight years are looked at.
    for year in range(latest.year, latest.year - 9, -1):
        text = f"{year:04}-{_MONTH[found['month']]:02}-{int(found['day']):02}T{found['time']}"
        try:
            at = datetime.fromisoformat(text).replace(tzinfo=clock)
        except ValueError:
            continue
        if at <= latest:
            return at
    return None


def _told(at_ms: int, other_ms: int | None, rest: str) -> LogLine:
    found = _START.match(rest)
    if found is None:
        return LogLine(at_ms=at_ms, other_ms=other_ms)
    return LogLine(
        at_ms=at_ms, other_ms=other_ms, user=found["user"], command=spoken(found["command"])
    )


def _from_json(line: str) -> LogLine | None:
    try:
        fields = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.MsgspecError:
        return None
    message = fields.get("MESSAGE")
    at_ms = _micros(str(fields.get("__REALTIME_TIMESTAMP", "")))
    return _with_message(at_ms, message) if at_ms and isinstance(message, str) else None


def _with_message(at_ms: int, message: str) -> LogLine:
    found = _MESSAGE.fullmatch(message.strip())
    if found is None:
        return LogLine(at_ms=at_ms)
    return LogLine(at_ms=at_ms, user=found["user"], command=spoken(found["command"]))


def _micros(text: str) -> int:
    return int(text) // 1000 if text.strip().isdigit() else 0


def _ms(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * 1000)
