"""What a task's definition says, one fact a line: what it runs, when, and by which policies."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication

from desktop import words
from desktop.parts.facts import Fact
from shared.protocol.requests import TaskSettings

_OVERLAP: Final = {
    "forbid": "a second run is skipped",
    "queue": "a second run waits",
    "allow": "runs go side by side",
    "replace": "a newer run takes over",
}
_MISSED: Final = {
    "latest": "the newest one is made up for",
    "all": "each is made up for",
    "skip": "none is made up for",
}
_BLACKOUT: Final = {
    "skip": "skipped while they are closed",
    "delay": "starts when they open",
}
_AFTER_ON: Final = {
    "success": "after their success",
    "failure": "after their failure",
    "any": "however they end",
}
_GAP: Final = {"after": "runs after the hour left out", "skip": "left out"}
_FOLD: Final = {"first": "runs the first time", "both": "runs both times"}


def say_settings(settings: TaskSettings, def_rev: int) -> list[Fact]:
    """Every fact worth a line; what says nothing beyond the usual is left out."""
    facts = [
        (_tr("Command"), _command(settings), "", ""),
        *_when(settings),
        *_policies(settings),
        *_limits(settings),
        *_about(settings),
        (_tr("Version"), str(def_rev), "", ""),
    ]
    return [fact for fact in facts if fact[1]]


def _command(settings: TaskSettings) -> str:
    command = settings.command
    if isinstance(command, str):
        return command
    return _tr("hidden from viewers") if command is None else " ".join(command)


def _limits(settings: TaskSettings) -> list[Fact]:
    hidden = _tr("hidden from viewers")
    memory = (
        _tr("none")
        if settings.memory_limit_mb is None
        else f"{words.count(settings.memory_limit_mb)}{words.NO_BREAK}MB"
    )
    names = hidden if settings.env_names is None else ", ".join(settings.env_names)
    return [
        (_tr("Time limit"), _seconds(settings.timeout_seconds), "", ""),
        (_tr("Grace to end"), _seconds(settings.kill_grace_s), "", ""),
        (_tr("Memory limit"), memory, "", ""),
        (_tr("Environment"), names or _tr("none"), "", ""),
        (_tr("Folder"), settings.working_directory or "", "", ""),
        (_tr("Runs as"), settings.run_as or "", "", ""),
    ]


def _when(settings: TaskSettings) -> list[Fact]:
    nth = settings.every_nth
    spread = settings.spread_s
    after = ", ".join(settings.after)
    delay = settings.after_delay_s
    calendars = ", ".join(settings.calendars)
    after_on = _words(_AFTER_ON, settings.after_on)
    return [
        (_tr("Schedule"), "\n".join(settings.schedule), "", ""),
        (_tr("Time zone"), settings.timezone, "", ""),
        (_tr("Valid from"), _bound(settings.valid_from), "", ""),
        (_tr("Valid until"), _bound(settings.valid_until), "", ""),
        (_tr("Every nth"), _tr("each {0} moment").format(_ordinal(nth)) if nth > 1 else "", "", ""),
        (_tr("Spread"), _tr("over {0}").format(_seconds(spread)) if spread else "", "", ""),
        (_tr("After"), after, "", ""),
        (_tr("After on"), after_on if after else "", "", ""),
        (_tr("After delay"), _seconds(delay) if after and delay else "", "", ""),
        (_tr("Calendars"), calendars, "", ""),
        (_tr("In blackout"), _words(_BLACKOUT, settings.in_blackout) if calendars else "", "", ""),
    ]


def _policies(settings: TaskSettings) -> list[Fact]:
    overlap = _words(_OVERLAP, settings.overlap)
    if settings.overlap_limit is not None and settings.overlap in ("queue", "allow"):
        at_most = _tr("at most {0}").format(words.count(settings.overlap_limit))
        overlap = f"{overlap}, {at_most}"
    missed = _words(_MISSED, settings.missed)
    if settings.missed == "all":
        at_most = _tr("at most the newest {0}").format(words.count(settings.catchup_limit))
        missed = f"{missed}, {at_most}"
    retries = _tr("none")
    if settings.max_retries:
        retries = _tr("{0}, after {1} to {2}").format(
            settings.max_retries, _seconds(settings.retry_base_s), _seconds(settings.retry_cap_s)
        )
    return [
        (_tr("Overlap"), overlap, "", ""),
        (_tr("Missed"), missed, "", ""),
        (_tr("Late window"), _seconds(settings.start_deadline_s), "", ""),
        (_tr("Retries"), retries, "", ""),
        (_tr("Clocks forward"), _words(_GAP, settings.dst_gap), "", ""),
        (_tr("Clocks back"), _words(_FOLD, settings.dst_fold), "", ""),
        (_tr("Priority"), str(settings.priority), "", ""),
    ]


def _about(settings: TaskSettings) -> list[Fact]:
    return [
        (_tr("Tags"), _listed(settings.tags), "", ""),
        (_tr("About"), settings.description, "", ""),
    ]


def _words(table: dict[str, str], code: str) -> str:
    """A policy's word as the definition spells it, and what it means."""
    return f"{code}: {_tr(table[code])}" if code in table else code


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _bound(text: str | None) -> str:
    return "" if text is None else text.replace("T", " ")


def _seconds(seconds: int) -> str:
    return words.span(seconds * 1000)


def _ordinal(number: int) -> str:
    teens = number % 100 in (11, 12, 13)
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("policies", text)
