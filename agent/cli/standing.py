"""How does a task stand, when is it due, and when does it run next, if it does?"""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.cli import say
from agent.definitions import Definition
from agent.due import fault_of, next_due, when_in_words
from agent.store.tasks import TaskRow

OVER = "over"
"""What stands for the next run of a task whose last moment has passed."""


def fault(row: TaskRow) -> str | None:
    """Why it cannot be scheduled, where somebody wrote into its row."""
    return row.fault or fault_of(row.definition)


def state(row: TaskRow, now_ms: int) -> str:
    """One word: invalid, disabled, paused or enabled."""
    if fault(row) is not None:
        return "invalid"
    if not row.enabled:
        return "disabled"
    return "paused" if row.is_paused(now_ms) else "enabled"


def next_run(row: TaskRow, now_ms: int) -> int | None:
    """The next due moment that runs: none of a pause without an end, none that is skipped."""
    if not row.enabled or fault(row) is not None:
        return None
    # Of a clock that was set back, the moments up to the watermark have run.
    after_ms = max(now_ms, row.watermark_ms, row.skip_until_ms or 0)
    if row.is_paused(now_ms):
        if row.paused_until_ms is None:
            return None
        # One at the very end of the pause is not held any more.
        after_ms = max(after_ms, row.paused_until_ms - 1)
    return next_due(row.definition, after_ms)


def next_in_words(row: TaskRow, now_ms: int) -> str:
    """That moment, or what keeps it from coming."""
    stands = state(row, now_ms)
    if stands == "paused" and row.paused_until_ms is not None:
        return f"paused until {say.moment(row.paused_until_ms)}"
    if stands != "enabled":
        return stands
    return OVER if is_over(row, now_ms) else say.moment(next_run(row, now_ms))


def is_over(row: TaskRow, now_ms: int) -> bool:
    """It was due at moments of its own, and none is to come."""
    definition = row.definition
    if not definition.schedule or definition.after or fault(row) is not None:
        return False
    waits_for_a_boot = any(text.strip().lower() == "@reboot" for text in definition.schedule)
    return not waits_for_a_boot and next_due(definition, now_ms) is None


def when(definition: Definition, now_ms: int) -> str:
    """When it is due, with its zone where the clocks there show another time than the reader's."""
    words = when_in_words(definition)
    try:
        there = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(definition.timezone))
    except (ZoneInfoNotFoundError, ValueError):
        return words  # what is wrong with it is said elsewhere
    is_other = there.utcoffset() != there.astimezone().utcoffset()
    return f"{words} ({definition.timezone})" if words and is_other else words
