"""What a task is: its definition, read from TOML and checked at the door."""

from typing import Literal

import msgspec


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task: what to run, when, within which limits, by which policies."""

    task_name: str
    schedule: tuple[str, ...]
    command: str | tuple[str, ...]
    category: str = "General"
    description: str = ""
    tags: tuple[str, ...] = ()
    timezone: str = "UTC"
    shell: Literal["auto", "always", "never"] = "auto"
    timeout_seconds: int = 3600
    kill_grace_s: int = 10
    priority: int = 3
    max_retries: int = 0
    retry_base_s: int = 30
    retry_cap_s: int = 3600
    retry_on_timeout: bool = False
    overlap: Literal["forbid"] = "forbid"
    missed: Literal["skip", "latest", "all"] = "latest"
    start_deadline_s: int = 3600
    dst_gap: Literal["after", "skip"] = "after"
    dst_fold: Literal["first", "both"] = "first"
    memory_limit_mb: int | None = None
    run_as: str | None = None
    working_directory: str | None = None
    environment: dict[str, str] = {}
    enabled: bool = True
