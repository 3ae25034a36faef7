"""Who asked what of the agent, and what came of it, as a table for Qt."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from enum import IntEnum
from typing import Any, Final

import msgspec
from PySide6.QtCore import QCoreApplication, QObject

from desktop import words
from desktop.tables import Table
from shared.protocol.access import AuditRow

DONE: Final = "ok"


class Column(IntEnum):
    """The columns of the audit."""

    TIME = 0
    WHO = 1
    WHAT = 2
    TARGET = 3
    RESULT = 4
    DETAILS = 5
    ADDRESS = 6


_TITLES: Final = ("Time", "Who", "What", "About", "Result", "Details", "From")
# What the requests of the protocol are called by people; another one is called by its own name.
ENDED: Final = "session.end"
"""Says why a connection was ended, which is no refusal."""
_ACTS: Final = {
    "task.put": "Edited a task",
    "task.delete": "Deleted a task",
    "task.set": "Switched or paused",
    "task.skip": "Skipped moments",
    "task.ping": "Reported a job",
    "run.start": "Ran now",
    "run.backfill": "Ran as of past moments",
    "run.abort": "Stopped a run",
    "run.retry": "Tried again",
    "alert.ack": "Acknowledged",
    "alert.snooze": "Snoozed",
    "alert.resolve": "Resolved",
    "alert.reopen": "Opened again",
    "alert.note": "Noted",
    "rule.set": "Wrote a rule",
    "rule.remove": "Deleted a rule",
    "quiet.set": "Wrote a quiet time",
    "quiet.remove": "Ended a quiet time",
    "way.test": "Tested a channel",
    "key.revoke": "Revoked a key",
    "invite.create": "Invited",
    "agent.reload": "Reloaded settings",
    "enroll": "Enrolled",
    "hello": "Connected",
    ENDED: "Disconnected",
}


_SAID: Final = ("why", "reason", "note")
"""What somebody wrote needs no name."""
_OF_VERSIONS: Final = ("before", "after", "based_on")
"""Stand in the tip: the number of the version says it for people."""
_FLAGS: Final = {
    ("paused", True): "paused",
    ("paused", False): "resumed",
    ("enabled", True): "switched on",
    ("enabled", False): "switched off",
}
_SHOWN: Final = 3
_MOMENTS_MS: Final = range(10**11, 10**14)
"""Such a number of milliseconds is a moment, a lower one a length."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("audit", text)


class AuditModel(Table[AuditRow]):
    """Keeps what was told of it, the newest first; words hide what does not fit them."""

    def __init__(self, now: words.Clock, parent: QObject | None = None) -> None:
        super().__init__([_tr(title) for title in _TITLES], parent=parent)
        self._now = now
        self._rows: dict[int, AuditRow] = {}
        self._words: tuple[str, ...] = ()
        self._only_refused = False
        self._times, self._zone = words.TASK_TIMES, "UTC"

    # What it is told ---------------------------------------------------------------------

    def show_rows(self, rows: Iterable[AuditRow]) -> None:
        """More of it, newer or older."""
        self._rows.update((row.id, row) for row in rows)
        self._arrange()

    def clear(self) -> None:
        """Forget everything, for another agent."""
        self._rows.clear()
        self._arrange()

    def ask(self, text: str | None = None, *, only_refused: bool | None = None) -> None:
        """Only those in which each of these words stands, or that were refused."""
        if text is not None:
            self._words = tuple(text.lower().split())
        if only_refused is not None:
            self._only_refused = only_refused
        self._arrange()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self._times, self._zone = times, zone
        self._arrange()

    # What it says ------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """How many are kept here, hidden ones too."""
        return len(self._rows)

    def reaches(self, rows: Sequence[AuditRow]) -> bool:
        """Whether these join on to what is known, without a hole."""
        return any(row.id in self._rows for row in rows)

    def say(self, row: AuditRow, column: int) -> str:
        """A cell in words."""
        zone = words.zone_for(self._times, self._zone)
        said: dict[int, str] = {
            Column.TIME: words.clock(row.at_ms, zone, self._now(), seconds=True),
            Column.WHO: row.label or row.key_id,
            Column.WHAT: _act(row.type),
            Column.TARGET: row.target,
            Column.RESULT: _result(row),
            Column.DETAILS: details(row.args, zone, self._now()),
            Column.ADDRESS: row.address,
        }
        return said[column]

    def tip(self, row: AuditRow, column: int) -> str | None:
        """What more there is to say of a cell."""
        if column == Column.TIME:
            return words.full_times(row.at_ms, self._zone)
        if column == Column.WHO:
            return "\n".join(
                part for part in (row.label, row.role, row.key_id, row.address) if part
            )
        if column == Column.WHAT:
            return row.type
        if column == Column.DETAILS:
            return row.args or None
        return super().tip(row, column)

    # Inside ------------------------------------------------------------------------------

    def _arrange(self) -> None:
        newest = sorted(self._rows.values(), key=lambda row: row.id, reverse=True)
        self._show_others(row for row in newest if self._fits(row))

    def _fits(self, row: AuditRow) -> bool:
        if self._only_refused and not _is_refused(row):
            return False
        if not self._words:
            return True
        text = " ".join(
            (*(self.say(row, column) for column in Column), row.type, row.role, row.args)
        )
        text = text.lower()
        return all(word in text for word in self._words)


def details(args: str, zone: tzinfo | None, now_ms: int) -> str:
    """What was asked for, in words; what is no table of facts stays as it is."""
    told, is_cut = _read(args)
    if told is None:
        return args
    # What was switched comes first, then why, then what else there is.
    names = sorted(told, key=lambda name: (not isinstance(told[name], bool), name not in _SAID))
    facts = [_fact(name, told[name], zone, now_ms) for name in names]
    said = [fact for fact in facts if fact]
    return ", ".join([*said, words.ELLIPSIS] if is_cut else said)


def _read(args: str) -> tuple[dict[str, Any] | None, bool]:
    """The facts, and whether the agent kept only the first of them."""
    if not args.startswith("{"):
        return None, False
    end = len(args)
    while end > 0:
        try:
            text = args if end == len(args) else f"{args[:end]}}}"
            return msgspec.json.decode(text, type=dict[str, Any]), end < len(args)
        except (msgspec.DecodeError, RecursionError):
            end = args.rfind(',"', 0, end)
    return None, True


def _fact(name: str, value: Any, zone: tzinfo | None, now_ms: int) -> str:
    if value is None or value == "" or name in _OF_VERSIONS:
        return ""
    if name in _SAID:
        return str(value)
    if name == "def_rev":
        return _tr("version {0}").format(value)
    if isinstance(value, bool):
        flag = _FLAGS.get((name, value))
        label = _label(name)
        return _tr(flag) if flag else label if value else _tr("not {0}").format(label)
    return f"{_label(name)} {_value(name, value, zone, now_ms)}"


def _value(name: str, value: Any, zone: tzinfo | None, now_ms: int) -> str:
    if isinstance(value, list):
        shown = [_value(name, one, zone, now_ms) for one in value[:_SHOWN]]
        if len(value) > _SHOWN:
            shown.append(_tr("and {0} more").format(words.count(len(value) - _SHOWN)))
        return ", ".join(shown)
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    if name.endswith("_ms") and isinstance(value, int):
        if value in _MOMENTS_MS:
            return words.clock(value, zone, now_ms)
        if 0 <= value < _MOMENTS_MS.start:
            return words.duration(value)
    return str(value)


def _label(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ")


def _act(kind: str) -> str:
    if " " in kind:  # the command that somebody gave on the host itself
        return _tr("On the host: {0}").format(kind)
    return _tr(_ACTS.get(kind, kind))


def _is_refused(row: AuditRow) -> bool:
    return row.code != DONE and row.type != ENDED


def _result(row: AuditRow) -> str:
    if row.code == DONE:
        return _tr("Done")
    code = row.code.replace("_", " ")
    return (_tr("Refused: {0}") if _is_refused(row) else _tr("Ended: {0}")).format(code)
