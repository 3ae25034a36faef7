"""What do people hear who make an own rule: why it cannot be, and what is doubtful about it?"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from agent.alertrules import PATTERNS, AlertRule
from agent.easing import eased
from agent.errors import BadDefinition
from agent.rehearsal import doubts
from agent.running.patterns import is_quick, way_out
from agent.runs import Run
from agent.store import ledger, metrics, tasks
from agent.store.database import Doing
from agent.store.tasks import TaskRow

DAY_MS: Final = 86_400_000
MOST_DAYS: Final = 90
_NEWEST: Final = 200


def check_patterns(rule: AlertRule) -> None:
    """Refuse a pattern that can take very long on hostile output; trying that takes a moment."""
    for field in PATTERNS:
        pattern = getattr(rule, field)
        if pattern is None:
            continue
        try:
            _expect_quick(pattern)
        except _Slow as slow:
            raise BadDefinition(
                field,
                pattern,
                f"can take very long on hostile output; {slow}",
                where=f"rule {rule.name}",
            ) from None


def has_patterns(rule: AlertRule) -> bool:
    """It looks for something in output."""
    return any(getattr(rule, field) is not None for field in PATTERNS)


class _Slow(Exception):
    """A pattern was not done in time; the sentence is what to write instead."""


@lru_cache(maxsize=64)
def _expect_quick(pattern: str) -> None:
    """Who has tested a rule need not wait once more to save it; what raises is not remembered."""
    if not is_quick(eased(pattern), as_text=True):
        raise _Slow(way_out(pattern, as_text=True))


def doubting(
    rules: Sequence[AlertRule], *, known: Sequence[TaskRow] | None = None, are_checked: bool = True
) -> Doing[dict[str, tuple[str, ...]]]:
    """What reads, for each rule by its name, why it may hold for nothing or for everything.

    The tasks are read as well unless they are `known`: thousands of them take a while.
    Patterns that were not checked are laid over no output: one alone could hold the process up
    for ever.
    """
    return lambda connection: _weigh(
        rules,
        tasks.load_all(connection) if known is None else known,
        ledger.page(connection, limit=_NEWEST).runs,
        metrics.latest(connection),
        are_checked=are_checked,
    )


def _weigh(
    rules: Iterable[AlertRule],
    known: Sequence[TaskRow],
    newest: Sequence[Run],
    latest: tuple[int, Mapping[str, float]] | None,
    *,
    are_checked: bool,
) -> dict[str, tuple[str, ...]]:
    names = latest[1] if latest is not None else {}
    return {
        rule.name: doubts(
            rule, known, newest if are_checked or not has_patterns(rule) else (), names
        )
        for rule in rules
    }
