"""How busy is it around the next moment of a task, and when nearby is it quieter?"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Final

import msgspec
from PySide6.QtCore import QCoreApplication

from desktop import words
from shared.protocol.planning import Coming, ScheduleForecastReply

BEFORE: Final = 6
BARS: Final = 13
STEPS_MS: Final = (words.HOUR_MS, 10 * words.MINUTE_MS, words.MINUTE_MS)
"""How long a bar is: the first by which enough moments of the task are known, and not each bar
holds one."""


class Stretch(msgspec.Struct, frozen=True):
    """So long is looked at, in bars of that length."""

    from_ms: int
    until_ms: int
    step_ms: int


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """What is due in one of them: by other tasks, by this one, and by it as it is saved only."""

    at_ms: int
    others: int = 0
    own: int = 0
    gone: int = 0
    most: int = 0
    """So many in the one minute, `most_ms`, in which most are due."""
    most_ms: int = 0
    is_full: bool = False
    """As it is saved, more would run at once than there are slots."""

    @property
    def total(self) -> int:
        """All that is due with the task as it is written."""
        return self.others + self.own


def stretch_around(
    times_ms: Sequence[int], count: int, zone: tzinfo, now_ms: int
) -> Stretch | None:
    """Around the first of these next moments, of which `count` were asked for.

    None: there is no moment, or so many that no minute is without one.
    """
    if not times_ms:
        return None
    # Later ones than the last are not known, where there are as many as were asked for.
    known_ms = times_ms[-1] if len(times_ms) >= count else None
    for step_ms in STEPS_MS:
        next_ms = _floor(times_ms[0], step_ms, zone)
        # What has passed is no time to choose.
        from_ms = max(next_ms - BEFORE * step_ms, _floor(now_ms, step_ms, zone))
        until_ms = from_ms + BARS * step_ms
        if known_ms is not None and known_ms < until_ms - step_ms:
            if step_ms != STEPS_MS[-1]:
                continue
            until_ms = _floor(known_ms, step_ms, zone) + step_ms
        own = {_floor(at_ms, step_ms, zone) for at_ms in times_ms}
        if any(at_ms not in own for at_ms in range(next_ms, until_ms, step_ms)):
            return Stretch(from_ms, until_ms, step_ms)
    return None


def bars_of(
    stretch: Stretch,
    load: ScheduleForecastReply,
    saved: Iterable[Coming],
    times_ms: Iterable[int],
    now_ms: int,
) -> tuple[Bar, ...]:
    """The load as it is saved, `saved` of the task's own among it, with it as it is written."""
    saved = tuple(saved)
    begun = Counter(one.start_ms // words.MINUTE_MS for one in saved if one.start_ms is not None)
    before = Counter(one.at_ms // words.MINUTE_MS for one in saved)
    past = (one.at_ms for one in saved if one.at_ms <= now_ms)
    after = Counter(at_ms // words.MINUTE_MS for at_ms in (*past, *times_ms))
    first = load.from_ms // words.MINUTE_MS
    bars = []
    for at_ms in range(stretch.from_ms, stretch.until_ms, stretch.step_ms):
        minutes = range(at_ms // words.MINUTE_MS, (at_ms + stretch.step_ms) // words.MINUTE_MS)
        others = {at: max(0, _in(load.starts, at - first) - begun[at]) for at in minutes}
        own = sum(after[at] for at in minutes)
        top = max(minutes, key=lambda at: others[at] + after[at])
        bars.append(
            Bar(
                at_ms=at_ms,
                others=sum(others.values()),
                own=own,
                gone=max(0, sum(before[at] for at in minutes) - own),
                most=others[top] + after[top],
                most_ms=top * words.MINUTE_MS,
                is_full=0 < load.slots < max(_in(load.running, at - first) for at in minutes),
            )
        )
    return tuple(bars)


def own_bar(bars: Sequence[Bar], next_ms: int) -> Bar | None:
    """The one in which the next moment lies."""
    return next((one for one in reversed(bars) if one.at_ms <= next_ms), None)


def quietest(bars: Sequence[Bar], own: Bar) -> Bar | None:
    """The nearest of those in which least is due, where it is less than beside the task now."""
    free = [one for one in bars if not one.own and one.others < own.others]
    return min(free, key=lambda one: (one.others, abs(one.at_ms - own.at_ms)), default=None)


# --- in words ------------------------------------------------------------------------------------


def sentence(bars: Sequence[Bar], next_ms: int, step_ms: int, zone: tzinfo, slots: int) -> str:
    """What the bars tell of the next moment, and where it is quieter."""
    own = own_bar(bars, next_ms)
    if own is None:
        return ""
    if not own.others:
        nothing = _tr("Nothing but this task is due at {0}.")
        if step_ms > words.MINUTE_MS:
            nothing = _tr("Nothing but this task is due from {0} to {1}.")
        return nothing.format(_clock(own.at_ms, zone), _clock(own.at_ms + step_ms, zone))
    said = [_tr("{0} has {1} due").format(_clock(own.at_ms, zone), _runs(own.total))]
    if step_ms == STEPS_MS[1]:
        said = [_tr("{0}, in 10 minutes").format(said[0])]
    if step_ms > words.MINUTE_MS and own.most > max(1, own.total // 2):
        many = _tr("all") if own.most == own.total else words.count(own.most)
        said.append(_tr("{0} of them at {1}").format(many, _clock(own.most_ms, zone)))
    said = [", ".join(said) + _full(own, slots)]
    other = quietest(bars, own)
    if other is not None:
        near = {
            STEPS_MS[0]: _tr("the quietest hour near is {0} with {1}"),
            STEPS_MS[1]: _tr("the quietest 10 minutes near begin at {0}, with {1}"),
            STEPS_MS[2]: _tr("the quietest minute near is {0} with {1}"),
        }[step_ms]
        many = words.count(other.others) if other.others else _tr("none")
        near = near.replace(" {1}", f"{words.NO_BREAK}{{1}}")
        said.append(near.format(_clock(other.at_ms, zone), many))
    elif any(not one.own for one in bars):
        said.append(_tr("it is no quieter near"))
    return _tr("{0}.").format("; ".join(said))


def bar_words(bar: Bar, step_ms: int, zone: tzinfo, slots: int) -> str:
    """One of them, as it is read out."""
    at = _clock(bar.at_ms, zone)
    if step_ms > words.MINUTE_MS:
        at = _tr("{0} to {1}").format(at, _clock(bar.at_ms + step_ms, zone))
    said = [_tr("{0}: {1} due").format(at, _runs(bar.total))]
    if bar.own:
        said.append(_tr("{0} of this task").format(words.count(bar.own)))
    if bar.gone:
        said.append(_tr("{0} of this task no more").format(words.count(bar.gone)))
    return ", ".join(said) + _full(bar, slots)


# --- inside --------------------------------------------------------------------------------------


def _tr(text: str) -> str:
    return QCoreApplication.translate("around", text)


def _runs(number: int) -> str:
    return words.plural(number, _tr("run"), _tr("runs")) if number else _tr("no run")


def _full(bar: Bar, slots: int) -> str:
    if not bar.is_full:
        return ""
    said = words.plural(slots, _tr("slot"), _tr("slots"))
    return _tr(", at times more at once than the {0}").format(said)


def _clock(at_ms: int, zone: tzinfo) -> str:
    return words.moment(at_ms, zone).strftime("%H:%M")


def _floor(at_ms: int, step_ms: int, zone: tzinfo) -> int:
    """Where the bar of that moment begins: on a full hour of the task's clocks, not of UTC."""
    offset = words.moment(at_ms, zone).utcoffset()
    shift = 0 if offset is None else round(offset.total_seconds() * 1000)
    return (at_ms + shift) // step_ms * step_ms - shift


def _in(numbers: Sequence[int], place: int) -> int:
    return numbers[place] if 0 <= place < len(numbers) else 0
