"""Which task does a line of a crontab become.

The rules are those of Debian's cron, as a crontab of that cron was seen to run.
"""

import re
from functools import partial
from typing import Final

from agent.cron.grammar import parse
from agent.cron.zones import load_zone
from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.foreign import commands
from agent.foreign.crontab import Entry, Unread, read_crontab
from agent.foreign.names import name_of
from agent.foreign.proposals import (
    CATEGORY,
    NO_LIMIT_S,
    UMASK,
    Host,
    Proposal,
    describe,
    refused,
    run_as,
)

# What cron's jobs find when the crontab sets nothing.
DEFAULT_PATH: Final = "/usr/bin:/bin"
# Cron sets it by the user, whatever the crontab says.
_SET_BY_CRON: Final = "LOGNAME"
_VARIABLE: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_RANDOM: Final = re.compile(r"(\d*)~(\d*)", re.ASCII)
_HIGHEST: Final = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))


def from_crontab(
    text: str, origin: str, *, host: Host, user: str, has_user: bool
) -> list[Proposal]:
    """What each line becomes, before it has its final name; `user` owns lines that name none."""
    return [
        refused(origin, found.line, found.reason, command=found.text)
        if isinstance(found, Unread)
        else _from_entry(found, origin, host, found.user or user)
        for found in read_crontab(text, has_user=has_user)
    ]


def _from_entry(entry: Entry, origin: str, host: Host, user: str) -> Proposal:
    command, given = commands.split_input(entry.command)
    try:
        return _translate(entry, origin, host, user, command, given)
    except BadDefinition as error:
        return refused(
            origin,
            entry.line,
            error.fix,
            user=user,
            schedule=entry.schedule,
            command=command,
        )


def _translate(
    entry: Entry, origin: str, host: Host, user: str, command: str, given: str
) -> Proposal:
    settings = entry.settings
    changes: list[str] = []
    remarks: list[str] = []
    _check_schedule(entry.schedule)
    is_at_boot = entry.schedule.lower() == "@reboot"
    zone = settings.get("CRON_TZ", "").removeprefix(":") or host.zone
    load_zone(zone)
    if zone != host.zone and not is_at_boot:
        changes.append(f"in {zone} by CRON_TZ, which Debian's cron ignores")
    if settings.get("TZ", zone) != zone and not is_at_boot:
        remarks.append(f"TZ is what the command sees; it starts by {zone}, as in cron")
    if mail := settings.get("MAILTO"):
        changes.append(f"mail to {mail} becomes alerts")
    if is_at_boot:
        remarks.append("ended after 30 days; run what shall go on as a service")
    if given:
        remarks.append("the text behind % is its input")
    shell = settings.get("SHELL", commands.SH)
    if shell != commands.SH:
        remarks.append(f"run by {shell}")
    folder = settings.get("HOME") or host.home_of(user)
    if folder is None:
        raise BadDefinition("run_as", user, f"there is no user {user!r} on this host")
    _check_command(command, given)
    said = commands.say(command, given, shell)
    task = Definition(
        task_name=name_of(command),
        schedule=(entry.schedule,),
        command=said.command,
        shell="always" if said.uses_shell else "auto",
        category=CATEGORY,
        description=_description(entry, origin),
        timezone=zone,
        timeout_seconds=NO_LIMIT_S,
        spread_s=_spread_s(settings, changes),
        run_as=run_as(user, host),
        working_directory=folder,
        environment=_environment(settings),
        umask=UMASK,
        enabled=False,
    )
    return Proposal(
        origin=origin,
        line=entry.line,
        verdict="changed" if changes else "ok",
        note="; ".join([*changes, *remarks]),
        user=user,
        schedule=entry.schedule,
        command=command,
        mail=settings.get("MAILTO", ""),
        task=task,
    )


def _check_schedule(text: str) -> None:
    """Raise BadDefinition with what to write instead."""
    if "~" in text and not text.startswith("@"):
        written = " ".join(
            _RANDOM.sub(partial(_steady, ends=ends), field)
            for field, ends in zip(text.split(), _HIGHEST, strict=True)
        )
        parse(written, task_name="any")
        raise BadDefinition(
            "schedule", text, f"a random time (~) is not offered; write {written}, always the same"
        )
    parse(text, task_name="any")


def _steady(found: re.Match[str], *, ends: tuple[int, int]) -> str:
    if not (found[1] or found[2]):
        return "H"
    return f"H({found[1] or ends[0]}-{found[2] or ends[1]})"


def _check_command(command: str, given: str) -> None:
    if not command.strip():
        raise BadDefinition("command", command, "has no command before the %")
    # The lines of the input become arguments; only the text they are made of matters.
    reason = commands.why_not(command, *given.split("\n"))
    if reason is None and commands.goes_on_behind(command):
        reason = (
            "goes on in the background, and a run ends with all it started; "
            "make it a service, or let the command wait"
        )
    if reason is not None:
        raise BadDefinition("command", command, reason)


def _description(entry: Entry, origin: str) -> str:
    said = f"{entry.comment} ({origin} line {entry.line})" if entry.comment else ""
    mail = f"; cron mailed {mail}" if (mail := entry.settings.get("MAILTO")) else ""
    return describe((said or f"From {origin} line {entry.line}") + mail)


def _spread_s(settings: dict[str, str], changes: list[str]) -> int:
    minutes = settings.get("RANDOM_DELAY", "0")
    if not minutes.isdigit() or int(minutes) > 1440:
        raise BadDefinition("spread_s", minutes, "RANDOM_DELAY must be from 0 to 1440 minutes")
    if int(minutes):
        changes.append(f"its delay of up to {minutes} min is always the same now")
    return int(minutes) * 60


def _environment(settings: dict[str, str]) -> dict[str, str]:
    environment = {"PATH": DEFAULT_PATH}
    for name, value in settings.items():
        # No shell hands on a name that it cannot say itself.
        if name == _SET_BY_CRON or not _VARIABLE.fullmatch(name):
            continue
        if reason := commands.why_no_variable(value):
            raise BadDefinition("environment", name, f"its variable {name} {reason}")
        environment[name] = value
    return environment
