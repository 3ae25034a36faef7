"""Does a failed attempt get another one, and when."""

from agent.definitions import Definition


def next_attempt(
    definition: Definition,
    *,
    status: str,
    error_class: str | None,
    attempt: int,
    ended_ms: int,
    jitter: float,
) -> int | None:
    """When the next attempt is due, or None; `jitter` is a random number from 0 to 1."""
    if attempt > definition.max_retries or not definition.enabled:
        return None
    if not _is_worth_it(definition, status, error_class):
        return None
    # At most 100 attempts, each at most ten times the one before: far within a float.
    delay_s = min(
        definition.retry_cap_s, definition.retry_base_s * definition.retry_factor ** (attempt - 1)
    )
    spread = definition.retry_jitter
    return ended_ms + round(delay_s * 1000 * (1 - spread + 2 * spread * jitter))


def longest_wait_ms(definition: Definition) -> int:
    """No attempt of this task waits longer for its turn."""
    return round(definition.retry_cap_s * 1000 * (1 + definition.retry_jitter))


def _is_worth_it(definition: Definition, status: str, error_class: str | None) -> bool:
    if error_class == "fatal":
        return False
    if status == "timeout":
        return definition.retry_on_timeout
    if status == "missed":  # in the middle of its start, for want of room on the disk
        return error_class == "recoverable"
    return status in ("error", "killed_memory")
