"""What an own rule says: written in fields, checked by the agent while it is written, tried."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop import words
from desktop.models.ruleform import (
    ABOUT,
    QUESTIONS,
    Field,
    Question,
    differences,
    draft_of,
    question_of,
    texts_of,
)
from desktop.parts.buttons import Check, Segmented
from desktop.parts.clocks import Zone
from desktop.parts.dialogs import labelled, problem_words, show_words
from desktop.parts.forms import TextField
from desktop.parts.labels import Ground, Words
from desktop.parts.writing import CHECK, WritingDialog
from desktop.states import SEVERITY_LOOKS
from desktop.theme import Theme
from desktop.views.alerts.trying import Trial
from shared.protocol.alerting import OwnRule, RuleDraft, RuleTry, RuleTryReply

WIDE_PX: Final = 920
FORM_PX: Final = 400
UNNAMED: Final = "unnamed"
_TRIAL: Final = "trial"
_SEVERITIES: Final = ("critical", "high", "medium")


class RuleDialog(WritingDialog):
    """Emits what is to be saved; the agent says whether it can be, here and when it is saved."""

    saved = Signal(str, object, int)
    """The name, the draft, and the revision it is based on; 0 for a new one."""

    def __init__(
        self,
        theme: Theme,
        rule: OwnRule | None,
        now: words.Clock,
        *,
        zone: Zone,
        environment: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, environment=environment, wide=WIDE_PX, parent=parent)
        self._rule, self._newest = rule, rule
        title = self.tr("New rule") if rule is None else self.tr("Rule {0}").format(rule.name)
        self.setWindowTitle(title)
        self.title.setText(title)
        self._question = QUESTIONS[0]
        self._fields: dict[str, TextField] = {}
        self.trial = Trial(theme, now, zone=zone)
        self.trial.wanted.connect(self._try)
        across = QHBoxLayout()
        across.setSpacing(18)
        across.addWidget(self._form())
        line = Ground(theme, "line")
        line.setFixedWidth(1)
        across.addWidget(line)
        across.addWidget(self.trial, 1)
        self.body.addLayout(across, 1)
        self.leave.setText(self.tr("Cancel") if rule is None else self.tr("Leave it as it is"))
        self.act.setText(self.tr("Make the rule") if rule is None else self.tr("Save the rule"))
        self.act.show()
        self.act.clicked.connect(self._save)
        self._fill(rule)
        self._show_act()
        (self.name if rule is None else self._fields["task"]).setFocus()

    # --- how it is built -------------------------------------------------------------------------

    def _form(self) -> QWidget:
        theme = self._theme
        self.name = self._field(Field("id", self.tr("Name"), "too-quiet"))
        self.heading = self._field(
            Field("title", self.tr("Title"), self.tr("{task} was too quiet; else the rule's name"))
        )
        self.severity = Segmented(
            theme,
            [(key, SEVERITY_LOOKS[key].said) for key in _SEVERITIES],
            name=self.tr("Severity"),
        )
        self.severity.chosen.connect(self._choose_severity)
        self.enabled = Check(theme, self.tr("Switched on"))
        self.enabled.toggled.connect(self._written)
        standing = QHBoxLayout()
        standing.setSpacing(14)
        standing.addWidget(self.severity)
        standing.addWidget(self.enabled)
        standing.addStretch(1)
        self.asks = Segmented(
            theme, [(one.key, self.tr(one.word)) for one in QUESTIONS], name=self.tr("Question")
        )
        self.asks.chosen.connect(self.choose)
        self.said = Words(theme, ink="text2", wrap=True)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(2, 2, 12, 2)
        column.setSpacing(10)
        column.addLayout(self._labelled("id", self.tr("Name"), self.name))
        column.addLayout(standing)
        column.addLayout(self._grid(ABOUT))
        column.addWidget(self.asks, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.said)
        self._groups: dict[str, QWidget] = {}
        for question in QUESTIONS:
            group = QWidget()
            grid = self._grid(question.fields)
            grid.setContentsMargins(0, 0, 0, 0)
            group.setLayout(grid)
            self._groups[question.key] = group
            column.addWidget(group)
        column.addLayout(self._labelled("title", self.tr("Title"), self.heading))
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        area.setFixedWidth(FORM_PX)
        area.viewport().setAutoFillBackground(False)
        page.setAutoFillBackground(False)
        return area

    def _field(self, field: Field) -> TextField:
        made = TextField(self._theme, name=self.tr(field.label), hint=self.tr(field.hint))
        made.textChanged.connect(self._written)
        made.returnPressed.connect(self._save)
        self._fields[field.name] = made
        return made

    def _labelled(self, name: str, label: str, field: TextField) -> QVBoxLayout:
        problem = self._problems[name] = problem_words(self._theme)
        return labelled(self._theme, label, field, problem)

    def _grid(self, fields: tuple[Field, ...]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for at, field in enumerate(fields):
            made = self._field(field)
            column = self._labelled(field.name, self.tr(field.label), made)
            column.addStretch(1)
            grid.addLayout(column, at // 2, at % 2)
        for place in (0, 1):
            grid.setColumnStretch(place, 1)
        return grid

    # --- what it is told -------------------------------------------------------------------------

    @property
    def base(self) -> OwnRule | None:
        """The rule as it was when it was opened; None for a new one."""
        return self._rule

    def show_answer(self, key: str, reply: object) -> None:
        if not isinstance(reply, RuleTryReply):
            return
        if key == _TRIAL:
            self.trial.show_answer(reply)
            self._show_act()
            return
        self._was_checked()
        self.trial.show_doubts(reply.doubts)
        self._show_act()

    def show_problem(self, key: str, text: str, path: str) -> None:
        """A check, the test or the order was refused."""
        if key == _TRIAL:
            self.trial.show_problem("" if path else text)
        if path or key != _TRIAL:
            super().show_problem(key, text, path)
        else:
            self._show_act()

    def show_newest(self, rule: OwnRule | None) -> None:
        """The rule of this name as it is now; another one than was opened is told."""
        if self._rule is None or self._is_sent:
            return
        self._newest = rule
        if rule is None:
            # From now on it is a new one, of the same name if nobody takes that.
            self._rule = None
            self.name.setEnabled(True)
            self.say(self.tr("Somebody removed this rule meanwhile; saving makes it anew."))
        elif rule.rev != self._rule.rev:
            changed = "; ".join(differences(self._rule, rule))
            self.say(self.tr("{0} changed this rule meanwhile: {1}.").format(rule.by, changed))
        is_other = rule is not None and self._rule is not None and rule.rev != self._rule.rev
        self.theirs.setVisible(is_other)
        self._show_act()

    # --- what it asks and orders -----------------------------------------------------------------

    @property
    def draft(self) -> RuleDraft:
        """The rule as it is written."""
        return draft_of(
            self._question,
            {name: field.text() for name, field in self._fields.items()},
            sev=self._sev,
            enabled=self.enabled.isChecked(),
            title=self.heading.text(),
        )

    def ask(self) -> None:
        """Can it be so?"""
        name = self.name.text().strip() or UNNAMED
        self.asked.emit(CHECK, RuleTry(id=name, rule=self.draft))

    def choose(self, key: str) -> None:
        """Another question; what was written for the others is kept beside it."""
        self._question = next(one for one in QUESTIONS if one.key == key)
        self._show_question()
        self._written()

    def _try(self, days: int, place: str | None) -> None:
        name = self.name.text().strip() or UNNAMED
        self.asked.emit(_TRIAL, RuleTry(id=name, rule=self.draft, days=days, place=place))

    def _save(self) -> None:
        if not self.act.isEnabled():
            return
        self._is_on_its_way()
        base_rev = 0 if self._rule is None else self._rule.rev
        self.saved.emit(self.name.text().strip(), self.draft, base_rev)

    def _show_theirs(self) -> None:
        self._rule = self._newest
        self._fill(self._rule)

    # --- how it looks ----------------------------------------------------------------------------

    def _fill(self, rule: OwnRule | None) -> None:
        texts = {} if rule is None else texts_of(rule)
        self._question = question_of(texts)
        self._sev = "medium" if rule is None else rule.sev
        self.severity.choose(self._sev)
        self.enabled.setChecked(rule is None or rule.enabled)
        for question in QUESTIONS:
            is_open = rule is not None and question is self._question
            for field in question.fields:
                first = "" if is_open else field.first
                self._fields[field.name].setText(texts.get(field.name, first))
        for field in ABOUT:
            self._fields[field.name].setText(texts.get(field.name, ""))
        self.name.setText("" if rule is None else rule.name)
        self.name.setEnabled(rule is None)
        self.heading.setText("" if rule is None else rule.title)
        self._show_question()
        self._written()

    def _show_question(self) -> None:
        self.asks.choose(self._question.key)
        show_words(self.said, self.tr(self._question.said))
        for key, group in self._groups.items():
            group.setVisible(key == self._question.key)

    def _choose_severity(self, key: str) -> None:
        self._sev = key
        self._written()

    def _written(self) -> None:
        self.trial.forget()
        super()._written()

    def _place_of(self, path: str) -> str:
        """Never empty for a path: what the first field of the question is about goes there."""
        name = path.rpartition(".")[2]
        shown: Question = self._question
        names = {"id", "title", *(field.name for field in (*ABOUT, *shown.fields))}
        return "" if not path else name if name in names else shown.fields[0].name

    def _reason_in(self, text: str) -> str:
        # The sentence names what was refused behind the first colon.
        return text.partition(": ")[2] or text

    def _what_is_missing(self) -> str:
        return "" if self.name.text().strip() else self.tr("Give the rule a name first")

    def _show_act(self) -> None:
        super()._show_act()
        why = self._why_not or self._what_hinders()
        self.trial.allow(self._may and self._is_good, why)
