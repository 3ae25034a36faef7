"""Which due moments of a long span have no row yet, so that a sum stands for no other."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

Count = Callable[[int, int], int]
"""How many due moments are later than the first and not later than the second."""


class Sum(msgspec.Struct, frozen=True):
    """Neighbouring due moments: the first, the last and how many they are."""

    first_ms: int
    last_ms: int
    count: int


def split_sum(
    first_ms: int, last_ms: int, taken: Iterable[tuple[int, int]], count: Count
) -> tuple[Sum, ...]:
    """What remains of a span once the moments that have rows are taken out, in order.

    `taken` are (first, last) of rows, in any order; of a row for one moment both are the same.
    """
    found: list[Sum] = []
    for begins_ms, ends_ms in _free(first_ms, last_ms, taken):
        number = count(begins_ms - 1, ends_ms)
        if number:
            found.append(
                Sum(
                    _nth(1, begins_ms, ends_ms, count),
                    _nth(number, begins_ms, ends_ms, count),
                    number,
                )
            )
    return tuple(found)


def _free(
    first_ms: int, last_ms: int, taken: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    begins_ms = first_ms
    for taken_first_ms, taken_last_ms in sorted(taken):
        if begins_ms < taken_first_ms:
            yield begins_ms, min(taken_first_ms - 1, last_ms)
        begins_ms = max(begins_ms, taken_last_ms + 1)
        if begins_ms > last_ms:
            return
    yield begins_ms, last_ms


def _nth(number: int, begins_ms: int, ends_ms: int, count: Count) -> int:
    """The due moment of this number, by halving: counting is cheap however long the span."""
    low_ms, high_ms = begins_ms, ends_ms
    while low_ms < high_ms:
        middle_ms = (low_ms + high_ms) // 2
        if count(begins_ms - 1, middle_ms) >= number:
            high_ms = middle_ms
        else:
            low_ms = middle_ms + 1
    return low_ms
