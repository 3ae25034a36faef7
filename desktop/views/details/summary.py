"""What one task is, how its last runs went, and its newest error."""

from collections.abc import Iterator
from datetime import tzinfo

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent, QPalette, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import Button
from desktop.parts.charts import Bar, RunBars, TimeCurve
from desktop.parts.facts import Fact, Facts
from desktop.parts.labels import Ground, Words
from desktop.states import ending_look, ending_words, runs_next_ms
from desktop.theme import Theme, put_palette, rounded
from shared.protocol.requests import Failure, TaskDetail
from shared.protocol.rows import Task

BARS = 20
TRACE_LINES = 16


class Section(Ground):
    """A part of the panel: title left, a second fact right, content under them."""

    def __init__(self, theme: Theme, title: str = "", second: str = "") -> None:
        super().__init__(theme, "chrome", lines="t" if title else "")
        self.title = Words(theme, title, px=12, weight=600)
        self.second = Words(theme, second, ink="text3")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 12, 16, 12)
        self.body.setSpacing(8)
        if title:
            line = QHBoxLayout()
            line.addWidget(self.title)
            line.addStretch(1)
            line.addWidget(self.second)
            self.body.addLayout(line)


class _Paper(QWidget):
    """A framed box for an error."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t = self._theme.tokens
        rounded(QPainter(self), QRectF(self.rect()), 6, fill=t.log_paper, border=t.line)


class _Trace(QPlainTextEdit):
    """A stack trace: long paths scroll sideways, the end, where the cause is, is in sight."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setReadOnly(True)
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setTabChangesFocus(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setAccessibleName(self.tr("Stack trace"))
        self.document().setDocumentMargin(0)
        theme.on_change(self._dress)

    def show_trace(self, trace: str) -> None:
        """These lines; the same ones again leave the place where the reader is."""
        self.setVisible(bool(trace))
        if trace == self.toPlainText():
            return
        self.setPlainText(trace)
        shown = min(TRACE_LINES, max(1, self.blockCount()))
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(shown * self.fontMetrics().lineSpacing() + bar + 12)
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A trace that is whole in sight lets the panel scroll."""
        if self.verticalScrollBar().maximum() == 0 and not event.angleDelta().x():
            event.ignore()
            return
        super().wheelEvent(event)

    def _dress(self) -> None:
        t = self._theme.tokens
        self.setFont(self._theme.font(11, fixed=True))
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Base, QColor(t.log_paper))
        palette.setColor(QPalette.ColorRole.Text, QColor(t.text2))
        palette.setColor(QPalette.ColorRole.Highlight, QColor(t.sel))
        palette.setColor(QPalette.ColorRole.HighlightedText, QColor(t.text))
        put_palette(self, palette)


class Summary(QWidget):
    """Facts, last runs, durations and the error, under each other."""

    log_requested = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._failure: Failure | None = None
        self._detail: TaskDetail | None = None
        self.facts = Facts(theme)
        top = Section(theme)
        top.body.addWidget(self.facts)
        top.body.addLayout(self._make_questions(theme))
        runs = Section(theme, self.tr("Last 20 runs"), self.tr("height = duration"))
        self.bars = RunBars(theme)
        runs.body.addWidget(self.bars)
        self._runs = runs
        curve = Section(theme, self.tr("Duration"), self.tr("band = usual"))
        self._curve_section = curve
        self.curve = TimeCurve(theme, height=118, ground="chrome")
        curve.body.addWidget(self.curve, 1)
        self._error = Section(theme, self.tr("Error"))
        self._message = Words(theme, px=11, ink="bad.text", selectable=True, wrap=True, fixed=True)
        self._trace = _Trace(theme)
        self._message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        paper = _Paper(theme)
        inner = QVBoxLayout(paper)
        inner.setContentsMargins(10, 8, 10, 8)
        inner.setSpacing(4)
        inner.addWidget(self._message)
        inner.addWidget(self._trace)
        self._error.body.addWidget(paper)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.open_run = Button(theme, self.tr("Open this run"), icon="file-text", height=26)
        self.open_run.clicked.connect(self._open)
        self.copy = Button(theme, self.tr("Copy error"), icon="copy", height=26)
        self.copy.clicked.connect(self._copy)
        buttons.addWidget(self.open_run)
        buttons.addWidget(self.copy)
        buttons.addStretch(1)
        self._error.body.addLayout(buttons)
        self._error.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        curve.setMaximumHeight(320)
        layout.addWidget(top)
        layout.addWidget(runs)
        layout.addWidget(curve, 2)
        layout.addWidget(self._error)
        layout.addStretch(1)

    def _make_questions(self, theme: Theme) -> QHBoxLayout:
        """What can be asked about the moments of the task; the panel knows what follows."""
        self.why = Button(theme, self.tr("Why"), icon="question", height=26)
        self.why.setToolTip(self.tr("Why did it run, or not (Ctrl+Y)"))
        self.again = Button(theme, self.tr("Run as of"), icon="clock-counter-clockwise", height=26)
        self.again.setToolTip(self.tr("Run it as of past moments (Ctrl+Shift+R)"))
        self.try_it = Button(theme, self.tr("What if"), icon="calendar", height=26)
        self.try_it.setToolTip(self.tr("Try another schedule (Ctrl+Shift+E)"))
        line = QHBoxLayout()
        line.setContentsMargins(0, 4, 0, 0)
        line.setSpacing(8)
        for button in (self.why, self.again, self.try_it):
            line.addWidget(button)
        line.addStretch(1)
        return line

    def sizeHint(self) -> QSize:
        return QSize(320, super().sizeHint().height())

    def forget(self) -> None:
        """Another task, or another agent's of the same name: nothing of the last one may stay."""
        self._detail = None
        self._failure = None
        self._error.hide()

    def show_task(self, task: Task, *, now_ms: int, times: str, stale: bool) -> None:
        """The newest row of the task."""
        self.facts.show_facts(self._say(task, now_ms, times, stale))
        if self._detail is None or self._detail.row.id != task.id:
            self._detail = None
            self.bars.show_bars((), zone=task.tz, now_ms=now_ms, stale=stale)
            self.curve.show_points([(at, float(ms)) for at, ms in enumerate(task.spark)])
            self._curve_section.hide()
            self._show_failure(None, "", now_ms)
        else:
            self._draw(task, now_ms, stale)

    def show_detail(self, detail: TaskDetail, *, now_ms: int, stale: bool) -> None:
        """The series and the last failure of the task."""
        self._detail = detail
        self._draw(detail.row, now_ms, stale)
        failure = detail.last_failure
        task = detail.row
        is_over = task.fails == 0 and task.retry_ms is None
        if failure is not None and task.last is not None and is_over:
            # Over and done: an old error is in the runs, not in the face.
            failure = None
        self._show_failure(failure, task.tz, now_ms)

    def _draw(self, task: Task, now_ms: int, stale: bool) -> None:
        detail = self._detail
        if detail is None:
            return
        newest = detail.series[-BARS:]
        bars = [Bar(point.dur_ms, point.result, point.start_ms) for point in newest]
        self.bars.show_bars(bars, zone=task.tz, now_ms=now_ms, stale=stale)
        timed = [(point.start_ms, float(point.dur_ms)) for point in detail.series if point.dur_ms]
        bad = [
            (point.start_ms, float(point.dur_ms or 0))
            for point in detail.series
            if ending_look(point.result).family == "bad"
        ]
        band = None
        if task.usual_low_ms is not None and task.usual_high_ms is not None:
            band = (float(task.usual_low_ms), float(task.usual_high_ms))
        self._curve_section.setVisible(len(timed) > 1)
        if len(timed) > 1:
            reach = words.round_span(timed[-1][0] - timed[0][0])
            self._curve_section.title.setText(self.tr("Duration, {0}").format(reach))
        self._curve_section.second.setText("" if band is None else self.tr("band = usual"))
        self.curve.show_points(timed, failures=bad, band=band, zone=task.tz, stale=stale)

    def _show_failure(self, failure: Failure | None, zone: str, now_ms: int) -> None:
        self._failure = failure
        self._error.setVisible(failure is not None)
        if failure is None:
            return
        at = words.clock(failure.end_ms, words.zone_named(zone), now_ms, seconds=True)
        self._error.title.setText(self.tr("Error of {0}").format(at))
        said = ending_words(
            failure.result,
            exit_status=failure.exit,
            signal=failure.signal,
            reason=failure.reason,
        )
        self._error.second.setText(said)
        self._message.setText(failure.message or said)
        self._trace.show_trace(failure.stack_trace or "")

    def error_text(self) -> str:
        """The error as it is copied."""
        failure = self._failure
        if failure is None:
            return ""
        parts = (failure.message or failure.result, failure.stack_trace or "")
        return "\n".join(part for part in parts if part)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.error_text())

    def _open(self) -> None:
        if self._failure is not None:
            self.log_requested.emit(self._failure.run_id)

    def _say(self, task: Task, now_ms: int, times: str, stale: bool) -> list[Fact]:
        zone = words.zone_for(times, task.tz)
        facts: list[Fact] = [
            (self.tr("Schedule"), task.schedule_text or task.schedule, task.schedule, "")
        ]
        if task.schedule_text == task.schedule:
            facts[0] = (self.tr("Schedule"), task.schedule, "", "")
        if task.next_ms is not None:
            facts.append(self._next_run(task, task.next_ms, zone, now_ms, stale))
            facts += self._skipped(task, task.next_ms, zone, now_ms)
        facts += self._under_way(task, zone, now_ms, stale)
        last = task.last
        if last is not None:
            at = words.clock(last.start_ms or last.end_ms, zone, now_ms, seconds=True)
            look = ending_look(last.result)
            said = ending_words(
                last.result, exit_status=last.exit, signal=last.signal, reason=last.reason
            )
            tail = (
                said
                if last.attempt == 1
                else self.tr("{0}, attempt {1}").format(said, last.attempt)
            )
            ink = "" if stale or look.family in ("ok", "idle") else f"{look.family}.text"
            facts.append((self.tr("Last run"), at, tail, ink))
        if task.runs_24h or task.stops_24h:
            facts.append(self._day(task))
        if task.avg_ms is not None:
            facts.append(self._usual(task))
        if task.timeout_ms is not None:
            facts.append((self.tr("Limit"), words.span(task.timeout_ms), "", ""))
        if task.paused:
            until = (
                self.tr("until {0}").format(words.clock(task.paused_until_ms, zone, now_ms))
                if task.paused_until_ms is not None
                else self.tr("until resumed")
            )
            facts.append((self.tr("Paused"), until, task.pause_reason or "", ""))
        if task.invalid_reason:
            facts.append((self.tr("Invalid"), task.invalid_reason, "", ""))
        return facts

    def _next_run(
        self, task: Task, due_ms: int, zone: tzinfo | None, now_ms: int, stale: bool
    ) -> Fact:
        at_ms = runs_next_ms(task)
        if at_ms is None and task.paused:
            return self.tr("Next run"), self.tr("none"), self.tr("until it is resumed"), ""
        if at_ms is None:
            return self.tr("Next run"), self.tr("none"), self.tr("what is left is skipped"), ""
        left = self.tr("in {0}").format(words.span(at_ms - now_ms + 999))
        if at_ms != due_ms:
            left = self.tr("the first after the pause") if task.paused else left
        elif at_ms < now_ms:
            left = self.tr("{0} late").format(words.span(now_ms - at_ms))
        at = words.clock(at_ms, zone, now_ms, seconds=True)
        return self.tr("Next run"), at, self.tr("unknown while silent") if stale else left, ""

    def _skipped(self, task: Task, due_ms: int, zone: tzinfo | None, now_ms: int) -> Iterator[Fact]:
        """What is due and will not run, by whose wish."""
        if task.skip_until_ms is None:
            return
        at = words.clock(due_ms, zone, now_ms)
        if task.skip_until_ms > due_ms:
            until = words.clock(task.skip_until_ms, zone, now_ms)
            at = self.tr("{0} to {1}").format(at, until)
        yield self.tr("Skipped"), at, task.skip_reason or "", ""

    def _under_way(
        self, task: Task, zone: tzinfo | None, now_ms: int, stale: bool
    ) -> Iterator[Fact]:
        """How far its run says it is, and when a failed one is tried again."""
        if task.progress is not None:
            figure = words.progress(task.progress, None)
            yield self.tr("Progress"), figure, task.progress_note or "", ""
        if task.retry_ms is not None:
            at = words.clock(task.retry_ms, zone, now_ms, seconds=True)
            left = self.tr("in {0}").format(words.span(max(0, task.retry_ms - now_ms + 999)))
            yield self.tr("Next try"), at, self.tr("unknown while silent") if stale else left, ""

    def _day(self, task: Task) -> Fact:
        """Runs that somebody stopped are neither good nor bad, so they stand apart."""
        good = self.tr("{0} of {1}").format(task.runs_24h - task.fails_24h, task.runs_24h)
        said = self.tr("succeeded")
        if task.success_rate_24h is not None:
            said = self.tr("{0} succeeded").format(words.percent(task.success_rate_24h))
        if task.stops_24h:
            said += self.tr(", {0} stopped").format(task.stops_24h)
        return (self.tr("Last 24 h"), good, said, "")

    def _usual(self, task: Task) -> Fact:
        average = self.tr("average {0}").format(words.duration(task.avg_ms))
        if task.usual_low_ms is None or task.usual_high_ms is None:
            return (self.tr("Usual time"), words.duration(task.avg_ms), "", "")
        low, high = words.duration(task.usual_low_ms), words.duration(task.usual_high_ms)
        if task.usual_high_ms < 59_000:
            low = low.split(words.NO_BREAK)[0]
        said = high if low == high else self.tr("{0} to {1}").format(low, high)
        return (self.tr("Usual time"), said, average, "")
