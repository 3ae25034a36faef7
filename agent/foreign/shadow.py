"""Did cron start each line when its task would have been due."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from agent.definitions import Definition
from agent.due import each_due
from agent.foreign.cronlog import LogLine, spoken
from agent.foreign.proposals import Proposal

# Cron wakes up each minute and may be busy; a log tells whole seconds.
LATEST_MS: Final = 60_000
EARLIEST_MS: Final = 1_000


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What was expected of a command and what the log has of it; moments in ms, in order.

    Lines of one user with the same command cannot be told apart in a log, so they stand together.
    """

    task_names: tuple[str, ...]
    lines: tuple[int, ...]
    user: str
    command: str
    expected: int
    seen: int
    missing: tuple[int, ...]
    unexpected: tuple[int, ...]

    @property
    def is_same(self) -> bool:
        """Cron started the line at just the moments that we would have."""
        return not self.missing and not self.unexpected


def compare(
    proposals: Sequence[Proposal], log: Iterable[LogLine], *, after_ms: int, until_ms: int
) -> list[Compared]:
    """For each command: its due moments from the first to the second against its starts."""
    together: dict[tuple[str, str], list[tuple[Proposal, Definition]]] = {}
    at_boot: set[tuple[str, str]] = set()
    for proposal in proposals:
        if proposal.task is not None:
            key = (proposal.user, spoken(proposal.command))
            together.setdefault(key, []).append((proposal, proposal.task))
            if "@reboot" in proposal.task.schedule:
                at_boot.add(key)
    starts: dict[tuple[str, str], list[LogLine]] = {key: [] for key in together}
    for line in log:
        if (line.user, line.command) in starts:
            starts[line.user, line.command].append(line)
    return [
        _compare(pairs, starts[key], after_ms, until_ms)
        for key, pairs in together.items()
        if key not in at_boot
    ]


def not_compared(proposals: Sequence[Proposal]) -> Iterator[tuple[Proposal, str]]:
    """The lines that a log can say nothing about, and why."""
    for proposal in proposals:
        if proposal.task is None:
            yield proposal, "refused"
        elif "@reboot" in proposal.task.schedule:
            yield proposal, "starts at boot"


def _compare(
    pairs: Sequence[tuple[Proposal, Definition]],
    starts: Sequence[LogLine],
    after_ms: int,
    until_ms: int,
) -> Compared:
    # What belongs to a moment just before the span is no surprise in it.
    before = _due(pairs, after_ms - LATEST_MS - 1, after_ms - 1)
    due = _due(pairs, after_ms - 1, until_ms)
    left = deque(sorted(starts, key=lambda line: line.at_ms))
    unasked: list[LogLine] = []
    for at_ms in before:
        _take(at_ms, left, unasked)
    missing = [at_ms for at_ms in due if not _take(at_ms, left, unasked)]
    unexpected = [line.at_ms for line in [*unasked, *left] if after_ms <= line.at_ms <= until_ms]
    first = pairs[0][0]
    return Compared(
        task_names=tuple(task.task_name for _, task in pairs),
        lines=tuple(proposal.line for proposal, _ in pairs),
        user=first.user,
        command=first.command,
        expected=len(due),
        seen=len(due) - len(missing) + len(unexpected),
        missing=tuple(missing),
        unexpected=tuple(unexpected),
    )


def _due(pairs: Sequence[tuple[Proposal, Definition]], after_ms: int, until_ms: int) -> list[int]:
    return sorted(at_ms for _, task in pairs for at_ms in each_due(task, after_ms, until_ms))


def _take(at_ms: int, left: deque[LogLine], unasked: list[LogLine]) -> bool:
    """Take the first start that belongs to this moment; earlier ones belong to no later moment."""
    while left and (left[0].other_ms or left[0].at_ms) < at_ms - EARLIEST_MS:
        unasked.append(left.popleft())
    for place, line in enumerate(left):
        if line.at_ms >= at_ms + LATEST_MS:
            return False
        for told_ms in (line.at_ms, line.other_ms):
            if told_ms is not None and at_ms - EARLIEST_MS <= told_ms < at_ms + LATEST_MS:
                del left[place]
                return True
    return False
