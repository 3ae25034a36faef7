"""Has every due moment of a span exactly one row."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from agent.definitions import Definition

Due = Callable[[Definition, int, int], Iterable[int]]
"""The due moments of a definition later than the first and not later than the second."""


class Version(msgspec.Struct, frozen=True):
    """What a task was from a moment on; without a definition it was not there or disabled."""

    from_ms: int
    definition: Definition | None


class Row(msgspec.Struct, frozen=True):
    """A first attempt of the ledger; a row that sums up names its last moment and their count."""

    scheduled_ms: int
    count: int = 1
    until_ms: int | None = None


class Gap(msgspec.Struct, frozen=True):
    """Neighbouring due moments without a row."""

    first_ms: int
    last_ms: int
    count: int


class Comparison(msgspec.Struct, frozen=True):
    """What the definitions promise against what the rows say."""

    expected: int
    recorded: int
    missing: tuple[Gap, ...]
    doubled: tuple[int, ...]
    unexpected: tuple[int, ...]

    @property
    def missing_count(self) -> int:
        """Due moments without a row."""
        return sum(gap.count for gap in self.missing)

    @property
    def is_clean(self) -> bool:
        """Nothing is missing, nothing is there twice."""
        return not self.missing and not self.doubled


def compare(
    history: Sequence[Version],
    rows: Iterable[Row],
    *,
    after_ms: int,
    until_ms: int,
    due: Due,
) -> Comparison:
    """Hold the rows of one task against what its versions, oldest first, made due.

    Counted are moments later than `after_ms` and not later than `until_ms`; a row that sums up
    counts with its part of them. Rows of manual orders and of retries are not to be handed in.
    """
    singles, spans = _sort(rows)
    expected = recorded = 0
    missing: list[Gap] = []
    doubled: list[int] = []
    inside = [0] * len(spans)
    coming = 0  # spans before this one have begun
    begun: list[int] = []  # those of them that have not ended
    is_open = False
    for at_ms in _expected(history, after_ms, until_ms, due):
        expected += 1
        rows_here = singles.pop(at_ms, 0)
        while coming < len(spans) and spans[coming].scheduled_ms <= at_ms:
            begun.append(coming)
            coming += 1
        begun = [place for place in begun if at_ms <= _end(spans[place])]
        for place in begun:
            inside[place] += 1
        rows_here += len(begun)
        recorded += rows_here
        if rows_here > 1:
            doubled.append(at_ms)
        if rows_here:
            is_open = False
        elif is_open:
            missing[-1] = Gap(missing[-1].first_ms, at_ms, missing[-1].count + 1)
        else:
            missing.append(Gap(at_ms, at_ms, 1))
            is_open = True
    for span, found in zip(spans, inside, strict=True):
        is_whole = after_ms < span.scheduled_ms and _end(span) <= until_ms
        if is_whole and found > span.count:
            missing.append(Gap(span.scheduled_ms, _end(span), found - span.count))
            recorded -= found - span.count
        elif is_whole and found < span.count:
            singles[span.scheduled_ms] = span.count - found
    unexpected = tuple(sorted(at_ms for at_ms in singles if after_ms < at_ms <= until_ms))
    return Comparison(expected, recorded, tuple(missing), tuple(doubled), unexpected)


def _sort(rows: Iterable[Row]) -> tuple[dict[int, int], list[Row]]:
    singles: dict[int, int] = {}
    spans: list[Row] = []
    for row in rows:
        if row.until_ms is None or row.count == 1:
            singles[row.scheduled_ms] = singles.get(row.scheduled_ms, 0) + 1
        else:
            spans.append(row)
    return singles, sorted(spans, key=lambda span: span.scheduled_ms)


def _expected(history: Sequence[Version], after_ms: int, until_ms: int, due: Due) -> Iterator[int]:
    # A moment equal to that of a change still belongs to the version before it.
    for place, version in enumerate(history):
        is_last = place + 1 == len(history)
        ends_ms = until_ms if is_last else min(until_ms, history[place + 1].from_ms)
        begins_ms = max(after_ms, version.from_ms)
        if version.definition is not None and begins_ms < ends_ms:
            yield from due(version.definition, begins_ms, ends_ms)


def _end(span: Row) -> int:
    return span.scheduled_ms if span.until_ms is None else span.until_ms
