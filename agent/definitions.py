"""What a task is: everything that its owner may say of it, and what holds where nothing is said."""

import hashlib
from typing import Final, Literal

import msgspec


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task: what to run, when, within which limits, by which policies."""

    task_name: str
    kind: Literal["command", "watch"] = "command"
    schedule: tuple[str, ...] = ()
    command: str | tuple[str, ...] = ()
    category: str = "General"
    description: str = ""
    tags: tuple[str, ...] = ()
    timezone: str = "UTC"
    shell: Literal["auto", "always", "never"] = "auto"
    timeout_seconds: int = 3600
    warn_after_seconds: int | None = None
    kill_grace_s: int = 10
    leftovers: Literal["kill", "keep"] = "kill"
    ping_grace_s: int = 300
    priority: int = 3
    max_retries: int = 0
    retry_base_s: int = 30
    retry_cap_s: int = 3600
    retry_factor: float = 2.0
    retry_jitter: float = 0.2
    retry_on_timeout: bool = False
    exit_statuses: dict[str, str] = {}
    disable_after_failures: int | None = None
    overlap: Literal["forbid", "queue", "allow", "replace"] = "forbid"
    overlap_limit: int | None = None
    missed: Literal["skip", "latest", "all"] = "latest"
    catchup_limit: int = 100
    start_deadline_s: int = 3600
    dst_gap: Literal["after", "skip"] = "after"
    dst_fold: Literal["first", "both"] = "first"
    valid_from: str | None = None
    valid_until: str | None = None
    every_nth: int = 1
    spread_s: int = 0
    calendars: tuple[str, ...] = ()
    in_blackout: Literal["skip", "delay"] = "skip"
    after: tuple[str, ...] = ()
    after_on: Literal["success", "failure", "any"] = "success"
    after_delay_s: int = 0
    memory_limit_mb: int | None = None
    cpu_limit_s: int | None = None
    process_limit: int | None = None
    open_files_limit: int | None = None
    file_size_limit_mb: int | None = None
    output_limit_mb: int | None = None
    nice: int = 0
    io_class: Literal["normal", "low", "idle"] = "normal"
    cpus: str | None = None
    run_as: str | None = None
    run_as_group: str | None = None
    umask: str = "077"
    no_new_privs: bool | None = None
    sandbox: tuple[Literal["read_only", "private_tmp", "no_network"], ...] = ()
    writable_paths: tuple[str, ...] = ()
    working_directory: str | None = None
    environment: dict[str, str] = {}
    enabled: bool = True

    @property
    def most_waiting(self) -> int:
        """Of a task that queues: how many of its runs may wait behind one that runs."""
        return 1 if self.overlap_limit is None else self.overlap_limit

    @property
    def most_running(self) -> int:
        """How many runs of this task may live side by side."""
        if self.overlap != "allow":
            return 1
        return DEFAULT_ALLOWED if self.overlap_limit is None else self.overlap_limit


DEFAULT_ALLOWED: Final = 10
FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Definition)}
"""Every key of a task, in the order in which tasks are written."""


def default_of(name: str) -> object:
    """What holds where nothing is said of that field."""
    field = FIELDS[name]
    return field.default_factory() if callable(field.default_factory) else field.default


def digest(definition: Definition) -> str:
    """The same for equal definitions only: SHA-256 in hex over all fields."""
    return hashlib.sha256(msgspec.json.encode(definition, order="deterministic")).hexdigest()
