"""Which task does a systemd timer become, together with its service."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from agent.definitions import Definition
from agent.errors import BadDefinition, WrongUse
from agent.foreign.names import slug
from agent.foreign.oncalendar import to_schedule
from agent.foreign.proposals import (
    CATEGORY,
    NO_LIMIT_S,
    Host,
    Proposal,
    describe,
    refused,
    run_as,
)
from agent.foreign.services import Service, read_service
from agent.foreign.units import Assignment, Unit, read_bool, read_span, read_unit

# systemd makes up for a missed moment however long ago it was; this is the most a task can.
_LONGEST_DEADLINE_S: Final = 366 * 86_400
_SECTION: Final = "Timer"
_NO_TASK: Final = {
    "OnActiveSec": "counts from when the timer was switched on; no schedule says that",
    "OnClockChange": "no schedule starts at a change of the clock",
    "OnTimezoneChange": "no schedule starts at a change of the time zone",
    "OnUnitInactiveSec": "counts from the end of a run; write OnUnitActiveSec, or OnCalendar",
}
_TRIGGERS: Final = ("OnCalendar", "OnBootSec", "OnStartupSec", "OnUnitActiveSec")
_UNITS_S: Final = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


class TimerFile(msgspec.Struct, frozen=True, kw_only=True):
    """A timer as it was found: its name, its text with its drop-ins, whose it is."""

    name: str
    texts: tuple[str, ...]
    user: str
    is_system: bool


class _When(msgspec.Struct):
    """What the timer says about time, gathered line by line."""

    schedules: list[str]
    zones: set[str]
    changes: list[str]


def from_timers(
    timers: Sequence[TimerFile],
    services: Mapping[tuple[str, bool], tuple[str, ...]],
    *,
    host: Host,
) -> list[Proposal]:
    """What each timer becomes; `services` holds texts by name and whether they are the system's."""
    return [_from_timer(timer, services, host) for timer in timers]


def _from_timer(
    timer: TimerFile, services: Mapping[tuple[str, bool], tuple[str, ...]], host: Host
) -> Proposal:
    line = 1
    try:
        unit = read_unit(timer.texts)
        line = next((one.line for one in unit.assignments if one.name in _TRIGGERS), 1)
        return _translate(timer, unit, line, services, host)
    except BadDefinition as error:
        return refused(timer.name, line, error.fix, user=timer.user)
    except WrongUse as error:
        return refused(timer.name, line, str(error), user=timer.user)


def _translate(
    timer: TimerFile,
    unit: Unit,
    line: int,
    services: Mapping[tuple[str, bool], tuple[str, ...]],
    host: Host,
) -> Proposal:
    stem = timer.name.removesuffix(".timer")
    if "@" in stem:
        raise BadDefinition("task_name", stem, "is a template or one of its instances; copy it out")
    name = unit.last(_SECTION, "Unit") or f"{stem}.service"
    if not name.endswith(".service"):
        raise BadDefinition("command", name, f"starts {name}, which is no service")
    texts = services.get((name, timer.is_system))
    if texts is None:
        raise BadDefinition("command", name, f"starts {name}, which was not found beside it")
    when = _when(unit)
    service = read_service(
        read_unit(texts), name, user=timer.user, home_of=host.home_of, is_system=timer.is_system
    )
    changes = when.changes
    spread_s = _spread_s(unit, changes)
    if service.lost:
        changes.append(f"not kept: {', '.join(service.lost)}")
    limit_s = _whole("timeout_seconds", min(service.limit_s, NO_LIMIT_S))
    is_persistent = _is_set(unit, "Persistent")
    schedules = tuple(when.schedules)
    return Proposal(
        origin=timer.name,
        line=line,
        verdict="changed" if changes else "ok",
        note="; ".join(changes),
        user=service.user,
        schedule="; ".join(schedules),
        command=_shown(service),
        task=Definition(
            task_name=slug(stem),
            schedule=schedules,
            command=service.command,
            shell="always" if service.uses_shell else "auto",
            category=CATEGORY,
            description=describe(unit.last("Unit", "Description") or f"From {timer.name}"),
            timezone=next(iter(when.zones), host.zone),
            timeout_seconds=max(1, limit_s),
            missed="latest" if is_persistent else "skip",
            start_deadline_s=_LONGEST_DEADLINE_S if is_persistent else 3600,
            spread_s=spread_s,
            run_as=run_as(service.user, host),
            working_directory=service.folder,
            environment=service.environment,
            umask=service.umask,
            enabled=False,
        ),
    )


def _when(unit: Unit) -> _When:
    when = _When(schedules=[], zones=set(), changes=[])
    for key, reason in _NO_TASK.items():
        value = unit.last(_SECTION, key)
        if value is not None and value.lower() not in ("no", "false", "0", "off"):
            raise BadDefinition("schedule", value, f"{key} {reason}")
    sorts: dict[str, Callable[[Assignment, _When], None]] = {
        "OnCalendar": _on_calendar,
        "OnBootSec": _on_boot,
        "OnStartupSec": _on_boot,
        "OnUnitActiveSec": _on_active,
    }
    # An empty value of one of them drops all of them.
    lines: list[Assignment] = []
    for one in unit.assignments:
        if one.section == _SECTION and one.name in sorts:
            lines = [*lines, one] if one.value else []
    for one in lines:
        sorts[one.name](one, when)
    if not when.schedules:
        raise BadDefinition("schedule", "", "names no time; OnCalendar does")
    if len(when.zones) > 1:
        raise BadDefinition("timezone", "", "names several time zones; a task has one")
    if when.zones and sum(one.name == "OnCalendar" for one in lines) > len(when.zones):
        _check_one_zone(lines)
    when.schedules = list(dict.fromkeys(when.schedules))
    return when


def _check_one_zone(lines: list[Assignment]) -> None:
    zones = {to_schedule(one.value).zone for one in lines if one.name == "OnCalendar"}
    if len(zones) > 1:
        raise BadDefinition("timezone", "", "names a time zone for some times only; a task has one")


def _on_calendar(line: Assignment, when: _When) -> None:
    times = to_schedule(line.value)
    when.schedules.append(times.schedule)
    if times.zone:
        when.zones.add(times.zone)


def _on_boot(line: Assignment, when: _When) -> None:
    when.schedules.append("@reboot")
    if _span_s(line):
        when.changes.append(f"at boot, not {line.value} after it")


def _on_active(line: Assignment, when: _When) -> None:
    span_s = _whole("schedule", _span_s(line))
    if span_s < 1:
        raise BadDefinition("schedule", line.value, f"{line.name}={line.value}: less than a second")
    size_s, unit = next(pair for pair in _UNITS_S if span_s % pair[0] == 0)
    when.schedules.append(f"@every {span_s // size_s}{unit}")
    when.changes.append("at fixed moments, not counted from the run before")


def _span_s(line: Assignment) -> float:
    try:
        return read_span(line.value)
    except ValueError as error:
        raise BadDefinition("schedule", line.value, f"{line.name}: {error}") from error


def _spread_s(unit: Unit, changes: list[str]) -> int:
    text = unit.last(_SECTION, "RandomizedDelaySec")
    if text is None:
        return 0
    try:
        spread_s = _whole("spread_s", read_span(text))
    except ValueError as error:
        raise BadDefinition("spread_s", text, f"RandomizedDelaySec: {error}") from error
    if spread_s and not _is_set(unit, "FixedRandomDelay"):
        changes.append("its random delay is always the same now")
    return spread_s


def _is_set(unit: Unit, key: str) -> bool:
    text = unit.last(_SECTION, key)
    try:
        return text is not None and read_bool(text)
    except ValueError as error:
        raise BadDefinition(key, text, f"{key}: {error}") from error


def _whole(field: str, span_s: float) -> int:
    # Numbers such as 0.1 + 0.2 are not exact, seconds are told in thousandths at most.
    if span_s == float("inf") or abs(span_s - round(span_s)) > 1e-6:
        raise BadDefinition(field, span_s, f"{span_s:g} s is no whole number of seconds")
    return round(span_s)


def _shown(service: Service) -> str:
    return service.command if isinstance(service.command, str) else " ".join(service.command)
