"""What is written of a task, what of it cannot be read, and how does it stand to what is saved?"""

from collections.abc import Mapping
from typing import Any, Final

from desktop.models import tasktext
from desktop.models.taskform import (
    Timing,
    changed_fields,
    is_watch,
    new_table,
    on_top,
    section_of,
    sparse,
    table_of,
    texts_of,
    timing_of,
    tr,
)
from shared.protocol.defining import TaskDefinitionReply

TEXT: Final = "text"
"""The place of what belongs to no field of the form."""


class Written:
    """The definition in work, and the versions of the agent that it is measured by."""

    def __init__(
        self, base: TaskDefinitionReply | None, first: Mapping[str, Any] | None = None
    ) -> None:
        """Without a `base` a new task is made, which begins as `first`."""
        self.base = base
        """The task as it was when it was opened, or as it was taken over; None for a new one."""
        self.newest = base
        """What was told of it last: another than the base once somebody was quicker."""
        self.start = sparse(base.definition if base is not None else first or new_table())
        """The definition before anything was written."""
        self.table: dict[str, Any] = dict(self.start)
        self.unread: dict[str, str] = {}
        """What is wrong with a place before it says anything, by place."""
        self._origin: dict[str, Any] = dict(self.start)
        self._judged = timing_of(self.table)
        self._sentences: dict[Timing, str] = {}
        """What the agent calls the schedules that it was asked about."""

    # --- how it stands ---------------------------------------------------------------------------

    @property
    def zone(self) -> str:
        """On whose clocks it is due."""
        return timing_of(self.table).zone

    @property
    def changed(self) -> set[str]:
        """The fields that are other than they were."""
        return changed_fields(self.start, self.table)

    @property
    def changed_sections(self) -> set[str]:
        """Where they stand."""
        return {section_of(one) or TEXT for one in self.changed}

    @property
    def is_changed(self) -> bool:
        """Something is written here that would be lost."""
        return bool(self.changed or self.unread)

    @property
    def saved(self) -> tuple[str, int, str]:
        """The name, the version and the digest that are saved; none of a new task."""
        base = self.base
        return ("", 0, "") if base is None else (base.id, base.def_rev, base.digest)

    def is_to_come(self, place: str) -> bool:
        """Who makes a task has not come to this field yet: that it is needed is said elsewhere."""
        return self.base is None and place in ("task_name", "command") and not self.table.get(place)

    @property
    def missing(self) -> str:
        """What has to be written before the agent can say anything of it; empty where nothing."""
        if not self.table.get("task_name"):
            return tr("Give the task a name first")
        if not self.table.get("command") and not is_watch(self.table):
            return tr("Say what it runs first")
        if self.base is not None and not self.changed:
            return tr("Nothing is changed yet")
        return ""

    # --- what is written -------------------------------------------------------------------------

    def to_fields(self) -> dict[str, str]:
        """What stands in the fields; what is written there counts from here."""
        self._origin = dict(self.table)
        return texts_of(self.table)

    def read_fields(self, texts: Mapping[str, str], unread: Mapping[str, str]) -> None:
        """That stands in the fields now; `unread` is what of it is no text at all yet."""
        self.table, wrong = table_of(texts, self._origin)
        self.unread = {**wrong, **unread}

    def to_text(self) -> str:
        """All of it as TOML."""
        return tasktext.written(self.table)

    def read_text(self, text: str) -> None:
        """It is written as TOML; what cannot be read leaves it as it was."""
        try:
            self.table, self.unread = sparse(tasktext.read(text)), {}
        except ValueError as error:
            self.unread = {TEXT: str(error)}
            return
        if self.base is not None and self.table.get("task_name") != self.base.id:
            said = tr("A task keeps its name; Duplicate makes another of it.")
            self.unread = {TEXT: said}

    def write(self, table: Mapping[str, Any]) -> None:
        """It is to be that, whatever was written."""
        self.table, self.unread = dict(table), {}

    # --- what others made of it ------------------------------------------------------------------

    def is_news(self, newer: TaskDefinitionReply) -> bool:
        """Whether the task is another now than it was when this was begun."""
        if self.base is None:
            self.newest = None
            return False
        self.newest = newer
        if newer.digest == self.base.digest:
            self.base = newer
            return False
        return True

    def is_removed(self) -> None:
        """There is no such task any more: what is written makes it anew."""
        self.base = None

    def begin_from_theirs(self, *, with_mine: bool) -> bool:
        """What was told last is the base now, with what was written put on it or without."""
        newer = self.newest
        if newer is None:
            return False
        theirs = sparse(newer.definition)
        self.write(on_top(self.start, self.table, theirs) if with_mine else theirs)
        self.base, self.start = newer, theirs
        return True

    # --- what its schedule is called -------------------------------------------------------------

    def is_asked(self) -> bool:
        """The agent is asked about it as it is written; tells whether to ask of the saved too."""
        self._judged = timing_of(self.table)
        known = (self._judged, *self._sentences)
        return self.base is not None and timing_of(self.start) not in known

    def is_called(self, sentence: str) -> None:
        """The schedule that the agent was asked about last, in its words."""
        self._sentences[self._judged] = sentence

    def was_called(self, sentence: str) -> None:
        """The schedule that is saved, in its words."""
        self._sentences[timing_of(self.start)] = sentence

    @property
    def was(self) -> str:
        """The schedule that is saved, where another one is written; empty: it is the same."""
        saved, written = timing_of(self.start), timing_of(self.table)
        if self.base is None or saved == written:
            return ""
        said = self._sentences.get(saved) or "; ".join(saved.schedule) or tr("no schedule")
        return tr("{0}, in {1}").format(said, saved.zone) if saved.zone != written.zone else said
