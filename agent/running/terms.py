"""What is ordered of a keeper, and what becomes of that: a run that started, ended, or did not."""

import msgspec


class Order(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"run_id": "run"},
    tag_field="do",
    tag="order",
):
    """What a keeper needs to start a run, as it is said to it; `timeout_ms` 0 means no limit."""

    run_id: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    working_directory: str
    output_file: str
    spare: str = ""  # an empty file to make it of
    timeout_ms: int
    kill_grace_ms: int
    memory_limit_bytes: int | None = None
    user: str | None = None
    group: str | None = None
    keeps_leftovers: bool = False
    cpu_limit_s: int | None = None
    process_limit: int | None = None
    open_files_limit: int | None = None
    file_size_limit_bytes: int | None = None
    nice: int = 0
    io_class: str = "normal"
    cpus: str | None = None
    umask: int = 0o077
    no_new_privs: bool = False
    cgroup: str = ""  # the one to make, if the kernel is to hold the memory limit
    sandbox: tuple[str, ...] = ()  # the program that makes it, with its arguments
    moment: str = ""  # the due moment it is for, and which attempt: that is started once


class Started(msgspec.Struct, frozen=True):
    """A run has a process now."""

    run_id: str
    pid: int
    started_ms: int


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A run is over and nothing of its family is left.

    `cause`: "" it ended by itself, "timeout", "aborted", "killed_memory" (by us); or
    "never_started", "storage" (the disk had no room for its start), "lost" (nobody knows how it
    ended); `detail` says why, in words.
    """

    run_id: str
    pid: int | None
    started_ms: int | None
    ended_ms: int
    duration_ms: int | None
    exit_status: int | None
    signal: int | None
    cause: str
    cpu_ms: int | None
    peak_rss: int | None
    leftovers: int
    detail: str = ""
    read_bytes: int | None = None
    written_bytes: int | None = None
    minor_faults: int | None = None
    major_faults: int | None = None


Standing = Started | Ended


class NotStarted(Exception):
    """No process was started for an order; the message says why."""


class NoRoom(NotStarted):
    """The disk is too full for what a start needs; there is nothing wrong with the run."""


class AlreadyOrdered(NotStarted):
    """This run id was ordered before; whatever became of it stays true."""
