"""What is in sight of the timeline, where each of it stands, and what is said of it?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from desktop import words
from desktop.models.timeline import NO_COURSE, Course, Timeline
from desktop.states import state_of
from desktop.views.timeline import telling
from desktop.views.timeline.lanes import (
    Axis,
    Bar,
    HourBar,
    Lane,
    Outline,
    bars,
    hour_bars,
    outlines,
)
from desktop.views.timeline.telling import Item, identity, moment_of
from shared.protocol.planning import Coming
from shared.protocol.rows import Task

ROW_PX: Final = 20
COMPACT_PX: Final = 16
HEAD_PX: Final = 30
NAMES_PX: Final = 270
NARROW_NAMES_PX: Final = 210
NARROW_PX: Final = 900
NEAR_PX: Final = 3


@dataclass(slots=True)
class Drawn:
    """What stands in a lane, as it was placed last."""

    course: Course
    bars: list[Bar]
    hours: list[HourBar]
    outlines: list[Outline]


class Scene:
    """Knows the lanes, the stretch that is shown, and what the keyboard stands on."""

    def __init__(self, timeline: Timeline, now: words.Clock) -> None:
        self.timeline, self.now = timeline, now
        self.lanes: list[Lane] = []
        self.tasks: Mapping[str, Task] = {}
        self.zone: tzinfo | None = None
        self.view = (0, words.HOUR_MS)
        self.counts = self.is_stale = self.is_compact = False
        self.wide, self.high, self.scrolled = 0, 0, 0
        self.key = ""
        """The lane the keyboard stands on."""
        self.item: Item | None = None
        """What in that lane."""
        self._drawn: dict[str, Drawn] = {}

    # Changing ----------------------------------------------------------------------------

    def show_lanes(self, lanes: Sequence[Lane], tasks: Mapping[str, Task]) -> None:
        """These rows, and what is known of their tasks."""
        is_other = self.lanes != list(lanes)
        self.lanes, self.tasks = list(lanes), tasks
        keys = [lane.key for lane in self.lanes]
        if self.key not in keys:
            self.key, self.item = (keys[0] if keys else ""), None
        if is_other:
            self.renew()

    def show_view(self, view: tuple[int, int], *, counts: bool) -> bool:
        """That stretch, as runs or as counts of hours; whether it is another one."""
        if (view, counts) == (self.view, self.counts):
            return False
        if counts != self.counts:
            self.item = None
        self.view, self.counts = view, counts
        self.renew()
        return True

    def renew(self, task_ids: frozenset[str] | None = None) -> None:
        """What is known of all tasks, or of these, is another: place it anew once it is wanted."""
        if task_ids is None:
            self._drawn.clear()
            return
        for lane in self.lanes:
            if lane.key in self._drawn and not task_ids.isdisjoint(lane.task_ids):
                del self._drawn[lane.key]

    def tick(self) -> None:
        """Time went by: what goes on grows, what was to come may have passed."""
        for key, one in list(self._drawn.items()):
            if one.course.first_live is not None or one.outlines:
                del self._drawn[key]

    # Where things are --------------------------------------------------------------------

    @property
    def names_px(self) -> int:
        """How wide the names are."""
        return NARROW_NAMES_PX if self.wide < NARROW_PX else NAMES_PX

    @property
    def row_px(self) -> int:
        """How high a lane is."""
        return COMPACT_PX if self.is_compact else ROW_PX

    @property
    def axis(self) -> Axis:
        """The stretch that is shown, beside the names."""
        return Axis(*self.view, self.names_px, max(1, self.wide - self.names_px))

    @property
    def lane(self) -> Lane | None:
        """The lane the keyboard stands on."""
        return next((one for one in self.lanes if one.key == self.key), None)

    @property
    def chosen(self) -> Item | None:
        """What the keyboard stands on, as it is known now."""
        if self.item is None:
            return None
        wanted = identity(self.item)
        return next((one for one in self.items() if identity(one) == wanted), self.item)

    def in_sight(self) -> list[tuple[Lane, int]]:
        """The lanes that are to be painted, each with its top."""
        first = self.scrolled // self.row_px
        room = max(0, self.high - HEAD_PX) // self.row_px + 2
        top = HEAD_PX - self.scrolled
        return [
            (lane, top + (first + place) * self.row_px)
            for place, lane in enumerate(self.lanes[first : first + room])
        ]

    def drawn_of(self, lane: Lane) -> Drawn:
        """What stands in a lane."""
        if lane.key not in self._drawn:
            self._drawn[lane.key] = self._place(lane)
        return self._drawn[lane.key]

    def items(self) -> list[Item]:
        """Everything the keyboard can stand on in its lane, in order."""
        lane = self.lane
        if lane is None or (lane.is_group and not lane.is_folded):
            return []
        if self.counts:
            hours = self.timeline.hours_of(lane.task_ids)
            return [hours[at_ms] for at_ms in sorted(hours)]
        now_ms = self.now()
        coming = sorted((one for one in self._coming(lane) if one.at_ms > now_ms), key=moment_of)
        return [*self.drawn_of(lane).course.spans, *coming]

    def items_in_sight(self) -> list[Item]:
        """Those of them that stand within the stretch."""
        return [one for one in self.items() if self.view[0] <= moment_of(one) <= self.view[1]]

    def lane_at(self, y: float) -> Lane | None:
        """The lane at this height."""
        place = int((y - HEAD_PX + self.scrolled) // self.row_px)
        return self.lanes[place] if y >= HEAD_PX and place < len(self.lanes) else None

    def item_at(self, lane: Lane, x: float) -> Item | None:
        """What stands in a lane there, or close by."""
        shown = self.drawn_of(lane)
        bar = self._bar_at(lane, x)
        if bar is not None:
            inside = shown.course.spans[bar.first : bar.last + 1]
            return min(inside, key=lambda span: abs(self.axis.x(moment_of(span)) - x))
        for hour in shown.hours:
            if hour.x <= x <= hour.x + hour.wide + 1:
                return hour.count
        outline = self._outline_at(lane, x)
        return None if outline is None else outline.first

    # What is said ------------------------------------------------------------------------

    def sentence(self) -> str:
        """What the keyboard stands on, in words."""
        lane, item = self.lane, self.chosen
        if lane is None:
            return ""
        return self._lane_words(lane) if item is None else ", ".join(self._tell(lane, item))

    def lines_at(self, x: float, y: float) -> list[str]:
        """What is said of what stands at a place."""
        lane = self.lane_at(y)
        if x >= self.names_px and y < HEAD_PX:
            return self._gap_lines(x)
        if lane is None:
            return []
        if x < self.names_px:
            task = self.tasks.get(lane.key)
            more = [task.schedule_text] if task is not None and task.schedule_text else []
            return [self._lane_words(lane), *more]
        bar = self._bar_at(lane, x)
        if bar is not None and bar.count > 1:
            spans = self.drawn_of(lane).course.spans[bar.first : bar.last + 1]
            return telling.tell_several(spans, self.zone, self.now())
        item, outline = self.item_at(lane, x), self._outline_at(lane, x)
        if outline is not None and item is outline.first and outline.count > 1:
            return telling.tell_plans(
                lane.name, outline.first, outline.last, outline.count, self.zone, self.now()
            )
        return self._closed_lines(lane, x) if item is None else self._tell(lane, item)

    def _tell(self, lane: Lane, item: Item) -> list[str]:
        lines = telling.tell(item, self.zone, self.now(), self.tasks.get(item.task_id))
        return [lane.name, *lines] if self.counts else lines

    def _lane_words(self, lane: Lane) -> str:
        task = self.tasks.get(lane.key)
        state = state_of(task, self.now()) if task is not None else ""
        return telling.tell_lane(lane, task, state)

    def _gap_lines(self, x: float) -> list[str]:
        at_ms, near = self.axis.ms(x), NEAR_PX * self.axis.span_ms / self.axis.wide
        for gap in self.timeline.gaps:
            if gap.from_ms - near <= at_ms <= gap.to_ms + near:
                return telling.tell_gap(gap, self.zone, self.now())
        return []

    def _closed_lines(self, lane: Lane, x: float) -> list[str]:
        at_ms = self.axis.ms(x)
        for closed in self.timeline.closed:
            obeys = not self.timeline.obedient(closed).isdisjoint(lane.task_ids)
            if closed.from_ms <= at_ms < closed.to_ms and obeys:
                return telling.tell_closed(closed, self.zone, self.now())
        return []

    # Inside ------------------------------------------------------------------------------

    def _coming(self, lane: Lane) -> list[Coming]:
        planned = self.timeline.planned
        return [one for task_id in lane.task_ids for one in planned.get(task_id, ())]

    def _place(self, lane: Lane) -> Drawn:
        if lane.is_group and not lane.is_folded:
            return Drawn(NO_COURSE, [], [], [])
        axis, now_ms, ids = self.axis, self.now(), lane.task_ids
        if self.counts:
            return Drawn(NO_COURSE, [], hour_bars(self.timeline.hours_of(ids), axis), [])
        one = len(ids) == 1
        course = self.timeline.course(ids[0]) if one else self.timeline.together(ids)
        coming = sorted(self._coming(lane), key=moment_of)
        return Drawn(course, bars(course, axis, now_ms), [], outlines(coming, axis, now_ms))

    def _outline_at(self, lane: Lane, x: float) -> Outline | None:
        for one in self.drawn_of(lane).outlines:
            if one.x - NEAR_PX <= x <= one.x + one.wide + NEAR_PX:
                return one
        return None

    def _bar_at(self, lane: Lane, x: float) -> Bar | None:
        near = [
            bar
            for bar in self.drawn_of(lane).bars
            if bar.x - NEAR_PX <= x <= bar.x + bar.wide + NEAR_PX
        ]
        # What is loud lies over what is quiet.
        near.sort(key=lambda bar: (bar.state == "success", abs(bar.x + bar.wide / 2 - x)))
        return near[0] if near else None
