"""What is an own rule of alerts: read from TOML or words, checked at the door?"""

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from agent.documents import read_tables
from agent.errors import BadDefinition, WrongUse
from agent.runs import ENDINGS
from agent.troubles import SEVERITIES, Severity
from shared.lengths import FORMS, in_unit_of, is_length

Shape = Literal["run", "failures", "rate", "silence", "metric"]


class AlertRule(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What people want to be told of: about which tasks, and what must hold.

    A rule is of one shape. Of each run that ended: whatever of `status` to `output_bytes_above` is
    given must hold. Of the last moments of a task: `failures` of `of_last` were bad. Of a span:
    `success_rate_below` (0 to 1) `within_s`, from `runs_from` runs on. Of silence: no run succeeded
    for `no_success_for_s`. Of a series: `metric` was `above` or `below` all of `for_s`; those of
    tasks' long runs begin with `task.`, the others are the host's.
    """

    name: str
    severity: Severity = "medium"
    title: str = ""
    enabled: bool = True
    task: str = "*"
    category: str | None = None
    tag: str | None = None
    host: str | None = None
    status: tuple[str, ...] = ()
    exit_status: tuple[int, ...] = ()
    attempt_from: int | None = None
    longer_than_s: float | None = None
    shorter_than_s: float | None = None
    output_has: str | None = None
    output_lacks: str | None = None
    output_bytes_below: int | None = None
    output_bytes_above: int | None = None
    failures: int | None = None
    of_last: int | None = None
    success_rate_below: float | None = None
    within_s: int | None = None
    runs_from: int = 5
    no_success_for_s: int | None = None
    metric: str | None = None
    above: float | None = None
    below: float | None = None
    for_s: int = 0

    @property
    def shape(self) -> Shape:
        """What the rule looks at."""
        return next((shape for shape, fields in SHAPES.items() if _given(self, fields)), "run")

    @property
    def is_of_host(self) -> bool:
        """A series of the host, and so of no task."""
        return self.metric is not None and not self.metric.startswith(OF_TASKS)


OF_TASKS: Final = "task."
SHAPES: Final[dict[Shape, tuple[str, ...]]] = {
    "run": (
        "status",
        "exit_status",
        "attempt_from",
        "longer_than_s",
        "shorter_than_s",
        "output_has",
        "output_lacks",
        "output_bytes_below",
        "output_bytes_above",
    ),
    "failures": ("failures", "of_last"),
    "rate": ("success_rate_below", "within_s", "runs_from"),
    "silence": ("no_success_for_s",),
    "metric": ("metric", "above", "below", "for_s"),
}
PATTERNS: Final = ("output_has", "output_lacks")
_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(AlertRule)}
_DEFAULTS: Final = AlertRule(name="default")
_TOGETHER: Final = {
    "failures": "of_last",
    "of_last": "failures",
    "success_rate_below": "within_s",
    "within_s": "success_rate_below",
}
_RANGES: Final = {
    "attempt_from": (1, 101),
    "longer_than_s": (0, 30 * 86_400),
    "shorter_than_s": (0, 30 * 86_400),
    "output_bytes_below": (1, 10**12),
    "output_bytes_above": (0, 10**12),
    "failures": (1, 100),
    "of_last": (1, 100),
    "success_rate_below": (0, 1),
    "within_s": (3600, 90 * 86_400),
    "runs_from": (1, 100_000),
    "no_success_for_s": (60, 400 * 86_400),
    "for_s": (0, 86_400),
}
_LENGTHS: Final = {"title": 120, "task": 64, "category": 64, "tag": 64, "host": 64, "metric": 64}
_LONGEST_PATTERN: Final = 500
_MOST_VALUES: Final = 32
TASK_PLACE: Final = "{task}"
"""What a title may have in it: the name of the task stands there then."""
_PLACE: Final = re.compile(r"\{\w*\}")
_NAME: Final = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)


def read_rule(table: Mapping[str, object]) -> AlertRule:
    """One checked rule from plain values, as a person writes them; raises BadDefinition."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        field = _FIELDS.get(key)
        if field is None:
            near = difflib.get_close_matches(str(key), _FIELDS, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_FIELDS)}"
            raise BadDefinition(str(key)[:64], value, f"this key is not known; {fix}")
        is_list = key in ("status", "exit_status")
        plain = (value,) if is_list and not isinstance(value, (list, tuple)) else value
        plain = in_unit_of(key, plain)
        try:
            values[key] = msgspec.convert(plain, field.type)
        except msgspec.ValidationError as error:
            raise BadDefinition(key, value, _must_be(key)) from error
    if "name" not in values:
        raise BadDefinition("name", None, "is missing; every rule needs it")
    rule = AlertRule(**values)
    check_rule(rule)
    _check_places(rule.title)
    return rule


def read_words(name: str, words: Sequence[str]) -> AlertRule:
    """The checked rule that `field=value` words make; raises WrongUse."""
    table: dict[str, object] = {"name": name}
    for word in words:
        key, is_pair, text = word.partition("=")
        if not is_pair:
            raise WrongUse(f"{word[:60]!r}: write field=value, such as output_bytes_below=1000")
        if key in table:
            raise BadDefinition(key, text, "is given twice; a list is written a,b")
        table[key] = _plain(key, text)
    return read_rule(table)


def load_rules(text: str, origin: str) -> list[AlertRule]:
    """The checked rules of a TOML file; `origin` names it in refusals; raises WrongUse."""
    found = read_tables(
        text, origin, kind="rule", name_field="name", read=read_rule, name_of=lambda rule: rule.name
    )
    if not found:
        raise WrongUse(f"{origin} holds no rule; write a [[rule]] table")
    return found


def as_toml(rules: Iterable[AlertRule]) -> str:
    """These rules as a file that `load_rules` reads."""
    import tomlkit  # only here: an agent reads such files, and writes none

    document = tomlkit.document()
    tables = tomlkit.aot()
    for rule in rules:
        table = tomlkit.table()
        for key, value in msgspec.to_builtins(rule).items():
            table.add(key, list(value) if isinstance(value, tuple) else value)
        tables.append(table)
    document.add("rule", tables)
    return tomlkit.dumps(document)


def check_rule(rule: AlertRule) -> None:
    """Raise BadDefinition for the first field that cannot be accepted."""
    if not _NAME.fullmatch(rule.name):
        raise BadDefinition("name", rule.name, "must be 1 to 64 characters of a-z 0-9 . _ -")
    if rule.severity not in SEVERITIES:
        raise BadDefinition("severity", rule.severity, _must_be("severity"))
    _check_texts(rule)
    _check_numbers(rule)
    for field in PATTERNS:
        _check_pattern(field, getattr(rule, field))
    for word in rule.status:
        if word not in ENDINGS:
            raise BadDefinition("status", word, f"must be of {', '.join(ENDINGS)}")
    for field in ("status", "exit_status"):
        if len(getattr(rule, field)) > _MOST_VALUES:
            raise BadDefinition(field, getattr(rule, field), f"takes at most {_MOST_VALUES} values")
    for status in rule.exit_status:
        if not 0 <= status <= 255:
            raise BadDefinition("exit_status", status, "must be from 0 to 255")
    _check_shape(rule)


def _check_places(title: str) -> None:
    """Those of a title that somebody writes now; what was kept before this was asked stays good."""
    for place in _PLACE.findall(title):
        if place != TASK_PLACE:
            raise BadDefinition(
                "title", title, f"{place!r} stands for nothing; known is {TASK_PLACE}, the task"
            )


def _check_texts(rule: AlertRule) -> None:
    for field, longest in _LENGTHS.items():
        text = getattr(rule, field)
        may_be_empty = field == "title" or text is None
        if text is not None and (len(text) > longest or not text.isprintable()):
            raise BadDefinition(field, text, f"must be one line of at most {longest} characters")
        if not may_be_empty and not text:
            raise BadDefinition(field, text, "is empty; leave it out where all are meant")


def _check_numbers(rule: AlertRule) -> None:
    for field, (lowest, highest) in _RANGES.items():
        value = getattr(rule, field)
        if value is not None and not lowest <= value <= highest:
            raise BadDefinition(field, value, f"must be from {lowest} to {highest}")
    for field in ("above", "below"):
        value = getattr(rule, field)
        if value is not None and not math.isfinite(value):
            raise BadDefinition(field, value, "must be a number")


def _check_shape(rule: AlertRule) -> None:
    shapes = [shape for shape, fields in SHAPES.items() if _given(rule, fields)]
    if not shapes:
        raise BadDefinition(
            "status",
            None,
            "a rule without a condition would hold for everything; give one, such as "
            "status=error, longer_than_s=600, no_success_for_s=86400 or metric=cpu above=0.9",
        )
    if len(shapes) > 1:
        first, second = (_given(rule, SHAPES[shape])[0] for shape in shapes[:2])
        raise BadDefinition(
            second, getattr(rule, second), f"does not go with {first}; make two rules of it"
        )
    _check_pairs(rule)
    if shapes == ["metric"]:
        _check_metric(rule)


def _check_pairs(rule: AlertRule) -> None:
    for field, other in _TOGETHER.items():
        if getattr(rule, field) is not None and getattr(rule, other) is None:
            raise BadDefinition(other, None, f"is missing; {field} needs it")
    if rule.failures is not None and rule.of_last is not None and rule.failures > rule.of_last:
        raise BadDefinition("failures", rule.failures, f"is more than of_last = {rule.of_last}")
    if rule.shape == "rate" and rule.success_rate_below is None:
        raise BadDefinition("success_rate_below", None, "is missing; runs_from needs it")


def _check_metric(rule: AlertRule) -> None:
    if rule.metric is None:
        raise BadDefinition(
            "metric", None, "is missing; `smartcron-agent metrics --json` shows their names"
        )
    if (rule.above is None) == (rule.below is None):
        raise BadDefinition("above", rule.above, "give either above or below, so that one holds")
    if rule.is_of_host and (rule.task != "*" or rule.category or rule.tag or rule.host):
        raise BadDefinition(
            "metric", rule.metric, f"is of the host; a task's begins with {OF_TASKS!r}, as task.rss"
        )
    if not rule.is_of_host and rule.host:
        raise BadDefinition("host", rule.host, "says nothing of a metric; leave it out")


def _check_pattern(field: str, pattern: str | None) -> None:
    if pattern is None:
        return
    if not 0 < len(pattern) <= _LONGEST_PATTERN:
        raise BadDefinition(field, pattern, f"must be 1 to {_LONGEST_PATTERN} characters")
    try:
        found = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadDefinition(field, pattern, f"is no pattern: {error}") from error
    if found.search("") is not None:
        raise BadDefinition(field, pattern, "is found in every output, even in none; say more")


def _given(rule: AlertRule, fields: Sequence[str]) -> list[str]:
    return [field for field in fields if getattr(rule, field) != getattr(_DEFAULTS, field)]


def _must_be(key: str) -> str:
    if is_length(key):
        return f"must be a number of seconds, or a length such as {FORMS}"
    match key:
        case "severity":
            return f"must be {' or '.join(map(repr, SEVERITIES))}"
        case "enabled":
            return "must be true or false"
        case "exit_status":
            return "must be a whole number, or a list of them"
        case "status":
            return f"must be of {', '.join(ENDINGS)}"
        case "above" | "below" | "success_rate_below":
            return "must be a number"
    return "must be a whole number" if key in _RANGES else "must be text"


def _plain(key: str, text: str) -> object:
    """What a word means: a text where the field wants one, else as TOML reads it."""
    if key == "status":
        return [word.strip() for word in text.split(",")]
    field = _FIELDS.get(key)
    if field is None or field.type in (str, str | None):
        return text
    for wanted in (text, f"[{text}]"):
        try:
            return tomllib.loads(f"value = {wanted}")["value"]
        except tomllib.TOMLDecodeError:
            continue
    return text
