"""When would a task be due by another schedule, beside when it is due now."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.clocks import Zone
from desktop.parts.dialogs import AskingDialog, labelled, problem_words, show_words
from desktop.parts.forms import TextField
from desktop.parts.labels import Words
from desktop.parts.lines import Line, Lines
from desktop.theme import Theme
from shared.protocol.planning import (
    Draft,
    ScheduleNext,
    ScheduleNextReply,
    ScheduleWhatIf,
    ScheduleWhatIfReply,
    TaskDifference,
)
from shared.protocol.requests import SchedulePreview, SchedulePreviewReply, TaskSettings

SHOWN: Final = 10
REACHES_DAYS: Final = (28, 7, 1)
"""How far is looked: the first where only the difference tells the moments, else the second."""
MOST: Final = 1000
WRITING_MS: Final = 350
_NOW: Final = "now"
_WHAT_IF: Final = "whatif"
_PREVIEW: Final = "preview:"


class TryDialog(AskingDialog):
    """Read only: nothing of what is written here is kept."""

    def __init__(
        self,
        theme: Theme,
        settings: TaskSettings,
        now: words.Clock,
        *,
        zone: Zone,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title=settings.task_name, second=zone.said, wide=760, parent=parent)
        self.setWindowTitle(self.tr("Try another schedule for {0}").format(settings.task_name))
        self.title.setText(self.windowTitle())
        show_words(
            self.second,
            self.tr("The agent computes what would be; nothing is saved. {0}.").format(zone.said),
        )
        self._settings, self._now, self._zone = settings, now, zone
        self._current: tuple[int, ...] | None = None
        self._previews: dict[int, SchedulePreviewReply] = {}
        self._then: tuple[int, ...] | None = None
        self._changes: tuple[TaskDifference | None] | None = None
        # A preview knows a schedule alone; what more decides, only the difference takes in.
        self._is_bound = has_more_than_schedule(settings)
        self._days = REACHES_DAYS[0 if self._is_bound else 1]
        self._from_ms = now()
        self._problems: dict[str, Words] = {}
        self.schedules = [
            TextField(theme, name=self.tr("Schedule"), hint="30 6 * * MON-FRI", fixed=True)
            for _ in settings.schedule or ("",)
        ]
        for field, text in zip(self.schedules, settings.schedule, strict=False):
            field.setText(text)
        self.zone = TextField(theme, name=self.tr("Time zone"), hint="UTC", fixed=True)
        self.zone.setText(settings.timezone)
        form = QHBoxLayout()
        form.setSpacing(16)
        left = labelled(theme, self.tr("Schedule"))
        for number, field in enumerate(self.schedules):
            problem = problem_words(theme)
            self._problems[f"{_PREVIEW}{number}"] = problem
            left.addWidget(field)
            left.addWidget(problem)
        self.said = Words(theme, ink="text2", wrap=True)
        left.addWidget(self.said)
        left.addStretch(1)
        self._zone_problem = problem_words(theme)
        right = labelled(theme, self.tr("Time zone"), self.zone, self._zone_problem)
        right.addStretch(1)
        form.addLayout(left, 3)
        form.addLayout(right, 2)
        self.now_lines = Lines(theme, name=self.tr("Due now"))
        self.then_lines = Lines(theme, name=self.tr("Due then"))
        columns = QGridLayout()
        columns.setHorizontalSpacing(16)
        columns.setVerticalSpacing(6)
        for place, (title, lines) in enumerate(
            ((self.tr("As it is"), self.now_lines), (self.tr("As written above"), self.then_lines))
        ):
            columns.addWidget(Words(theme, title, weight=600), 0, place)
            columns.addWidget(lines, 1, place)
            columns.setColumnStretch(place, 1)
        columns.setRowStretch(1, 1)
        self.difference = Words(theme, px=13, weight=500, wrap=True)
        self.notes = Words(theme, ink="warn.text", wrap=True)
        foot = QVBoxLayout()
        foot.setSpacing(4)
        foot.addWidget(self.difference)
        foot.addWidget(self.notes)
        self.body.addLayout(form)
        self.body.addLayout(columns, 1)
        self.body.addLayout(foot)
        self._later = QTimer(self, interval=WRITING_MS, singleShot=True)
        self._later.timeout.connect(self._ask_then)
        for field in (*self.schedules, self.zone):
            field.textChanged.connect(self._later.start)
        self.leave.setDefault(True)
        self.schedules[0].setFocus()
        self.schedules[0].selectAll()

    def ask(self) -> None:
        """When is it due now, and when by what stands in the fields?"""
        self.now_lines.show_hint(self.tr("The agent is asked"))
        self._from_ms = self._now()
        ids = (self._settings.task_name,)
        if self._is_bound:
            request = ScheduleNext(
                ids=ids, from_ms=self._from_ms, until_ms=self._until_ms, count=MOST
            )
        else:
            request = ScheduleNext(ids=ids, from_ms=self._from_ms, count=SHOWN)
        self.asked.emit(_NOW, request)
        self._ask_then()

    @property
    def _until_ms(self) -> int:
        return self._from_ms + self._days * words.DAY_MS

    def _ask_then(self) -> None:
        self._previews.clear()
        self._then = self._changes = None
        self.say("")
        for problem in (*self._problems.values(), self._zone_problem):
            show_words(problem, "")
        texts = self._written()
        self.then_lines.show_hint(self.tr("The agent is asked"))
        show_words(self.difference, "")
        show_words(self.notes, "")
        if not texts:
            self._show_then(self.tr("Write a schedule, and its next moments stand here"))
            return
        for number, text in texts.items():
            preview = SchedulePreview(
                schedule=text,
                tz=self.zone.text().strip() or "UTC",
                count=SHOWN,
                from_ms=self._from_ms,
                dst_gap="skip" if self._settings.dst_gap == "skip" else "after",
                dst_fold="both" if self._settings.dst_fold == "both" else "first",
                task_name=self._settings.task_name,
            )
            self.asked.emit(f"{_PREVIEW}{number}", preview)
        draft = self._draft(tuple(texts.values()))
        request = ScheduleWhatIf(drafts=(draft,), from_ms=self._from_ms, until_ms=self._until_ms)
        show_words(self.difference, self.tr("The agent works out what would be different …"))
        self.asked.emit(_WHAT_IF, request)

    def show_answer(self, key: str, reply: object) -> None:
        if isinstance(reply, ScheduleNextReply):
            self._current = tuple(one.at_ms for one in reply.rows)
        elif isinstance(reply, SchedulePreviewReply):
            self._previews[int(key.removeprefix(_PREVIEW))] = reply
            if not self._is_bound and len(self._previews) == len(self._written()):
                times = {at for one in self._previews.values() for at in one.times_ms}
                self._then = tuple(sorted(times)[:SHOWN])
        elif isinstance(reply, ScheduleWhatIfReply):
            self._difference_came(reply)
        if self._is_bound and self._current is not None and self._changes is not None:
            self._then = moments_then(self._current, self._changes[0])[:SHOWN]
        self._show_then()

    def _difference_came(self, reply: ScheduleWhatIfReply) -> None:
        mine = [one for one in reply.tasks if one.task_id == self._settings.task_name]
        change = mine[0] if mine else None
        self._show_difference(reply, change)
        self._changes = (change,)

    def show_problem(self, key: str, text: str, path: str) -> None:
        """What is written cannot be a schedule or a zone, or nothing was answered."""
        shorter = [days for days in REACHES_DAYS if days < self._days]
        if key == _WHAT_IF and "until:" in text and shorter:
            # So busy an agent reckons a shorter time only.
            self._days = shorter[0]
            self.ask()
            return
        show_words(self.difference, "")
        self._show_then(self.tr("What is written has no moments"))
        if path.endswith(("tz", "timezone")) or "timezone" in text.split("=")[0]:
            show_words(self._zone_problem, text)
        elif key in self._problems:
            show_words(self._problems[key], text)
        elif key == _WHAT_IF and any(not words_.isHidden() for words_ in self._all_problems()):
            return  # said at its field already
        else:
            self.say(text)

    def _all_problems(self) -> tuple[Words, ...]:
        return (*self._problems.values(), self._zone_problem)

    def _written(self) -> Mapping[int, str]:
        texts = {number: field.text().strip() for number, field in enumerate(self.schedules)}
        return {number: text for number, text in texts.items() if text}

    def _draft(self, schedule: tuple[str, ...]) -> Draft:
        """The definition as it is, but for what stands in the fields."""
        known = {name: getattr(self._settings, name, None) for name in Draft.__struct_fields__}
        known |= {"schedule": schedule, "timezone": self.zone.text().strip() or "UTC"}
        return msgspec.convert(known, Draft)

    # --- how it looks ----------------------------------------------------------------------------

    def _show_now(self) -> None:
        current, then = (self._current or ())[:SHOWN], self._then
        reach = _reach(then or ())
        self.now_lines.show_lines(
            [
                self._line(at, gone=then is not None and at <= reach and at not in then)
                for at in current
            ]
        )
        self.now_lines.show_hint(
            self.tr("Nothing is due: the task is disabled, or its schedule has no moment to come")
            if self._current is not None
            else self.tr("The agent is asked")
        )

    def _show_then(self, hint: str = "") -> None:
        if hint:
            self._previews.clear()
            self._then = None
        # Until it is known what is, nothing is new.
        current = (self._then or ()) if self._current is None else self._current[:SHOWN]
        reach = _reach(current)
        self.then_lines.show_lines(
            [self._line(at, new=at <= reach and at not in current) for at in self._then or ()]
        )
        nothing = self.tr("This schedule has no moment to come")
        if self._is_bound:
            nothing = self.tr("Nothing is due within {0}").format(self._said_days())
        asked = self.tr("The agent is asked")
        self.then_lines.show_hint(hint or (asked if self._then is None else nothing))
        said = [reply.schedule_text for reply in self._previews.values() if reply.schedule_text]
        show_words(self.said, ", ".join(said))
        notes = [note for reply in self._previews.values() for note in reply.notes]
        show_words(self.notes, "\n".join(note[:1].upper() + note[1:] for note in notes))
        self._show_now()

    def _said_days(self) -> str:
        return words.plural(self._days, self.tr("day"), self.tr("days"))

    def _line(self, at_ms: int, *, new: bool = False, gone: bool = False) -> Line:
        now_ms = self._now()
        left = self.tr("in {0}").format(words.rough_span(max(0, at_ms - now_ms)))
        word, icon, family = "", "", "idle"
        if new:
            word, icon, family = self.tr("New"), "plus", "ok"
        elif gone:
            word, icon, family = self.tr("Falls away"), "minus", "warn"
        time = self._zone.clock(at_ms, now_ms)
        return Line(key=at_ms, time=time, icon=icon, word=word, family=family, text=left)

    def _show_difference(self, reply: ScheduleWhatIfReply, change: TaskDifference | None) -> None:
        reach = self._said_days()
        if change is None:
            said = self.tr("Nothing would be different within {0}.").format(reach)
            show_words(self.difference, said)
            return
        parts = [
            self.tr("{0} more").format(words.count(change.added)) if change.added else "",
            self.tr("{0} fewer").format(words.count(change.removed)) if change.removed else "",
            self.tr("{0} moved").format(words.count(change.moved)) if change.moved else "",
        ]
        counted = ", ".join(part for part in parts if part) or self.tr("the same moments")
        said = self.tr("Within {0}: {1}.").format(reach, counted)
        if change.overlaps:
            overlaps = words.plural(len(change.overlaps), self.tr("run"), self.tr("runs"))
            said += " " + self.tr("{0} would meet one before it.").format(overlaps)
        if change.blackouts:
            blackouts = words.plural(len(change.blackouts), self.tr("run"), self.tr("runs"))
            said += " " + self.tr("{0} would meet a closed window.").format(blackouts)
        if reply.peak_after != reply.peak_before:
            peak = self.tr("The most at once would be {0} instead of {1}.")
            said += " " + peak.format(reply.peak_after, reply.peak_before)
        show_words(self.difference, said)


def has_more_than_schedule(settings: TaskSettings) -> bool:
    """Whether more than schedule and zone decides when the task is due."""
    bounds = settings.valid_from is not None or settings.valid_until is not None
    return bounds or settings.every_nth > 1 or settings.spread_s > 0


def moments_then(current: Sequence[int], change: TaskDifference | None) -> tuple[int, ...]:
    """The moments of today with the difference put in, as far as both are listed."""
    if change is None:
        return tuple(current)
    end_ms = current[-1] if len(current) == MOST else None
    lists = (
        (change.added, change.added_ms),
        (change.removed, change.removed_ms),
        (change.moved, tuple(move[0] for move in change.moved_ms)),
    )
    ends = [listed[-1] for count, listed in lists if len(listed) < count]
    if end_ms is not None:
        ends.append(end_ms)
    gone = {*change.removed_ms, *(move[0] for move in change.moved_ms)}
    come = {*change.added_ms, *(move[1] for move in change.moved_ms)}
    then = sorted({at for at in current if at not in gone} | come)
    return tuple(at for at in then if not ends or at <= min(ends))


def _reach(moments: Sequence[int]) -> float:
    """Until when a list is complete: a full one may go on behind its last moment."""
    return moments[-1] if len(moments) == SHOWN else inf
