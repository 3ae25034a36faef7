"""Which questions may an own rule ask, which fields has each, and how are they written?"""

from collections.abc import Mapping
from typing import Final

import msgspec
from PySide6.QtCore import QCoreApplication

from shared.lengths import UNITS_S, seconds_of
from shared.protocol.alerting import OwnRule, RuleDraft


class Field(msgspec.Struct, frozen=True):
    """One field: as the agent calls it, as people do, what to write, and what stands at first."""

    name: str
    label: str
    hint: str = ""
    first: str = ""

    @property
    def is_span(self) -> bool:
        """It is a length of time, written as 90, 10m or 2h."""
        return self.name.endswith("_s")

    @property
    def is_pattern(self) -> bool:
        """Blanks at its ends belong to it."""
        return self.name in ("output_has", "output_lacks")


class Question(msgspec.Struct, frozen=True):
    """What a rule asks, in a word and a sentence, and by which fields."""

    key: str
    word: str
    said: str
    fields: tuple[Field, ...]


ABOUT: Final = (
    Field("task", "Tasks", "all, or shop-*"),
    Field("category", "Category", "any"),
    Field("tag", "Tag", "any"),
    Field("host", "Host", "any"),
)
QUESTIONS: Final = (
    Question(
        "failures",
        "Failures",
        "So many of a task's last moments failed",
        (
            Field("failures", "Failures", "3", "3"),
            Field("of_last", "Of the last", "10", "10"),
        ),
    ),
    Question(
        "run",
        "Run",
        "A run ended for which all of this holds",
        (
            Field("status", "Ending", "error, timeout", "error"),
            Field("exit_status", "Exit status", "3, 4"),
            Field("longer_than_s", "Took longer than", "10m"),
            Field("shorter_than_s", "Took less than", "5s"),
            Field("output_has", "Output has", "pattern"),
            Field("output_lacks", "Output lacks", "pattern"),
            Field("output_bytes_below", "Bytes of output below", "1000"),
            Field("output_bytes_above", "Bytes of output above", "1000000"),
            Field("attempt_from", "From attempt", "2"),
        ),
    ),
    Question(
        "rate",
        "Success rate",
        "Too few runs of a span succeeded",
        (
            Field("success_rate_below", "Success rate below", "0.9", "0.9"),
            Field("within_s", "Within", "1d", "1d"),
            Field("runs_from", "From so many runs on", "5"),
        ),
    ),
    Question(
        "silence",
        "Silence",
        "No run of a task succeeded for so long",
        (Field("no_success_for_s", "No success for", "2h", "1d"),),
    ),
    Question(
        "metric",
        "Series",
        "A series of the host, or of tasks' long runs, stays beyond a mark",
        (
            Field("metric", "Series", "cpu, memory, disk, task.rss", "cpu"),
            Field("above", "Above", "0.9", "0.9"),
            Field("below", "Below", "0.1"),
            Field("for_s", "For", "10m", "10m"),
        ),
    ),
)
_FIELDS: Final = {
    field.name: field for group in (ABOUT, *(one.fields for one in QUESTIONS)) for field in group
}


def question_of(given: Mapping[str, str]) -> Question:
    """What a rule with these fields asks; the first where nothing is given."""
    for question in QUESTIONS:
        if any(field.name in given for field in question.fields):
            return question
    return QUESTIONS[0]


def texts_of(rule: OwnRule) -> dict[str, str]:
    """What stands in the fields of a rule, as people write it."""
    return {
        name: _span_words(text) if name in _FIELDS and _FIELDS[name].is_span else text
        for name, text in rule.given
    }


def draft_of(
    question: Question, texts: Mapping[str, str], *, sev: str, enabled: bool, title: str
) -> RuleDraft:
    """The rule that these texts make; fields of other questions are left out."""
    fields = (*ABOUT, *question.fields)
    given = tuple(
        (field.name, _seconds(text) if field.is_span else text)
        for field in fields
        if (text := _written(field, texts.get(field.name, "")))
    )
    return RuleDraft(sev=sev, enabled=enabled, title=title.strip(), given=given)


def _written(field: Field, text: str) -> str:
    return text if field.is_pattern else text.strip()


def draft_again(rule: OwnRule) -> RuleDraft:
    """The rule as it is, to be made once more."""
    return RuleDraft(sev=rule.sev, enabled=rule.enabled, title=rule.title, given=rule.given)


def differences(old: OwnRule, new: OwnRule) -> list[str]:
    """What is other in the new one, a phrase each: "failures is 4, was 3"."""
    before, after = _all_of(old), _all_of(new)
    return [
        _tr("{0} is {1}, was {2}").format(
            label_of(name), after.get(name) or _tr("empty"), before.get(name) or _tr("empty")
        )
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]


def label_of(name: str) -> str:
    """What people call that field."""
    field = _FIELDS.get(name)
    return name.replace("_", " ") if field is None else _tr(field.label)


def _all_of(rule: OwnRule) -> dict[str, str]:
    state = _tr("on") if rule.enabled else _tr("off")
    beside = {_tr("severity"): rule.sev, _tr("state"): state, _tr("title"): rule.title}
    return {**beside, **texts_of(rule)}


def _seconds(text: str) -> str:
    """A length in seconds, as the agent reads it; what is none is the agent's to refuse."""
    seconds = seconds_of(text)
    if seconds is None:
        return text
    return str(int(seconds)) if seconds.is_integer() else str(seconds)


def _span_words(text: str) -> str:
    """Whole days, hours or minutes are said so: 600 is 10m."""
    try:
        seconds = float(text)
    except ValueError:
        return text
    for unit in ("d", "h", "m"):
        if seconds and seconds % UNITS_S[unit] == 0:
            return f"{int(seconds) // UNITS_S[unit]}{unit}"
    return text


def _tr(text: str) -> str:
    return QCoreApplication.translate("rules", text)
