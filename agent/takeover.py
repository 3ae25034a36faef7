"""Which moments were due by definitions that have been changed since, and what becomes of them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from agent.claims import decided
from agent.due import due_between
from agent.errors import BadDefinition
from agent.log import log_of
from agent.rules.admission import Held, Late, refuse
from agent.runs import Run
from agent.store.tasks import TIMING, Span, TaskRow

log = log_of(__name__)


class Takeover(msgspec.Struct, frozen=True):
    """The versions of one task, of which some came after its last decision.

    Up to `first_ms` the first of them counts; from `last_ms` on the one in force now decides.
    None where nothing was changed, or nothing that decides on due moments.
    """

    spans: tuple[Span, ...]
    first_ms: int | None
    last_ms: int | None


def takeover(spans: Sequence[Span], decided_until_ms: int) -> Takeover:
    """What the versions of a task since its last decision mean for moments in between."""
    first_ms = last_ms = None
    for before, span in pairwise(spans):
        if not span.is_change or span.from_ms < decided_until_ms:
            continue
        first_ms = span.from_ms if first_ms is None else first_ms
        if _decides(before) != _decides(span):
            last_ms = span.from_ms
    return Takeover(tuple(spans), first_ms, last_ms)


def left_behind(
    taken: Takeover, after_ms: int, *, late: Late, now_ms: int, boots: Sequence[int]
) -> Iterator[Run]:
    """Rows for moments later than this one that only versions before the present one made due.

    None of them runs: what they were due by is no more.
    """
    if taken.last_ms is None:
        return
    for span, following in pairwise(taken.spans):
        begins_ms = max(span.from_ms, after_ms)
        ends_ms = min(following.from_ms, taken.last_ms)
        if not span.enabled or begins_ms >= ends_ms:
            continue
        task = _as_it_was(span)
        try:
            moments = due_between(span.definition, begins_ms, ends_ms, boots=boots)
        except BadDefinition as error:
            log.error("an earlier version is not readable", task=task.task_name, cause=str(error))
            continue
        held = Held("paused", span.pause_reason) if span.paused else late
        for decision in refuse(moments, held):
            yield decided(task, decision, now_ms)


_OFF: Final = (False,)


def _decides(span: Span) -> tuple[object, ...]:
    """All of a version that decides on which moments are due, and whether they may run."""
    if not span.enabled:
        return _OFF
    return (True, span.paused, *(getattr(span.definition, field) for field in TIMING))


def _as_it_was(span: Span) -> TaskRow:
    return TaskRow(
        definition=span.definition,
        def_rev=span.def_rev,
        paused=span.paused,
        paused_until_ms=None,
        pause_reason=span.pause_reason,
        watermark_ms=span.from_ms,
        avg_duration_ms=None,
        created_ms=span.from_ms,
        updated_ms=span.from_ms,
    )
