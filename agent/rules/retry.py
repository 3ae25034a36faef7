"""Does a failed attempt get another one, and when."""

from typing import Final

from agent.definitions import Definition

# What a shell and our own spawning answer when the command is not there or may not be run:
# another attempt meets the same.
FATAL_EXIT_STATUSES: Final = frozenset({126, 127})
_JITTER: Final = 0.2


def next_attempt(
    definition: Definition,
    *,
    status: str,
    exit_status: int | None,
    signal: int | None,
    attempt: int,
    ended_ms: int,
    jitter: float,
) -> int | None:
    """When the next attempt is due, or None; `jitter` is a random number from 0 to 1."""
    if attempt > definition.max_retries or not definition.enabled:
        return None
    if not _is_worth_it(definition, status, exit_status, signal):
        return None
    # Far past the cap the power would be a number of many digits.
    growth = 1 << min(attempt - 1, 40)
    delay_s = min(definition.retry_cap_s, definition.retry_base_s * growth)
    return ended_ms + round(delay_s * 1000 * (1 - _JITTER + 2 * _JITTER * jitter))


def longest_wait_ms(definition: Definition) -> int:
    """No attempt of this task waits longer for its turn."""
    return round(definition.retry_cap_s * 1000 * (1 + _JITTER))


def _is_worth_it(
    definition: Definition, status: str, exit_status: int | None, signal: int | None
) -> bool:
    if status == "timeout":
        return definition.retry_on_timeout
    if status == "error":
        return signal is not None or exit_status not in FATAL_EXIT_STATUSES
    return status == "killed_memory"
