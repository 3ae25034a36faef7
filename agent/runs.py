"""What a run is: its row, its states, and the moves allowed between them."""

from typing import Any, Final

import msgspec

LIVE_STATES: Final = ("queued", "starting", "running", "stopping", "retry_wait")
ENDINGS: Final = (
    "success",
    "error",
    "timeout",
    "killed_memory",
    "aborted",
    "skipped",
    "missed",
    "lost",
)
TRIGGERS: Final = ("schedule", "catchup", "manual", "retry", "chain", "ping")

# The run itself never waits for a retry: the next attempt, a row of its own, does.
FOLLOWERS: Final[dict[str, frozenset[str]]] = {
    # What the keeper says of a run is always taken down, also when its start never was.
    "queued": frozenset({"starting", "running", *ENDINGS}),
    "retry_wait": frozenset({"queued", "starting", "running", *ENDINGS}),
    "starting": frozenset({"running", "queued", *ENDINGS}),
    "running": frozenset({"stopping", *ENDINGS}),
    "stopping": frozenset({*ENDINGS}),
    **{ending: frozenset() for ending in ENDINGS},
}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `smart_cron_executions`; times in ms since 1970 UTC, sizes in bytes.

    A `missed` row may stand for several due moments: `missed_count` of them, the first at
    `scheduled_ms`, the last at `missed_until_ms`. `reason` is a code, `note` says
    more in words; `caused_by` is the run whose end started this one, `host` the server it is of.
    """

    id: str
    task_name: str
    category: str
    def_rev: int
    scheduled_ms: int
    attempt: int
    trigger: str
    status: str
    queued_ms: int
    reason: str | None = None
    requested_by: str | None = None
    op: str | None = None
    note: str | None = None
    caused_by: str | None = None
    retry_at_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    duration_ms: int | None = None
    late_ms: int | None = None
    exit_status: int | None = None
    signal: int | None = None
    pid: int | None = None
    cpu_ms: int | None = None
    peak_rss: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    minor_faults: int | None = None
    major_faults: int | None = None
    warned_ms: int | None = None
    error_class: str | None = None
    progress: int | None = None
    progress_note: str | None = None
    metrics: dict[str, float] | None = None
    output_bytes: int = 0
    output_tail: str | None = None
    error_message: str | None = None
    stack_trace: str | None = None
    frames: dict[str, Any] | None = None
    log_file: str | None = None
    log_offset: int | None = None
    log_bytes: int | None = None
    missed_count: int = 1
    missed_until_ms: int | None = None
    host: str | None = None

    @property
    def has_ended(self) -> bool:
        """Nothing more can become of this row."""
        return self.status in ENDINGS
