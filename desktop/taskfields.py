"""Which fields has the definition of a task, in which section do they stand, what are they for?"""

from typing import Final

import msgspec

WORDS: Final = "words"
FIXED: Final = "fixed"
NUMBER: Final = "number"
LENGTH: Final = "length"
FLAG: Final = "flag"
CHOICE: Final = "choice"
LIST: Final = "list"
LINES: Final = "lines"
PAIRS: Final = "pairs"
COMMAND: Final = "command"
LARGE: Final = (LINES, PAIRS, COMMAND)
"""Written on several lines."""

LARGEST: Final = 2**63 - 1
"""A message bears no larger number, and none is right in any field."""
ON: Final = "yes"
"""What stands in a flag that is set."""


class Field(msgspec.Struct, frozen=True):
    """One field: as the agent calls it, as people do, how it is written, what it is for."""

    name: str
    label: str
    kind: str = WORDS
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()


class Section(msgspec.Struct, frozen=True):
    """Fields that answer one question."""

    key: str
    word: str
    icon: str
    fields: tuple[Field, ...]


SECTIONS: Final = (
    Section(
        "general",
        "General",
        "tag",
        (
            Field("task_name", "Name", FIXED, "a-z 0-9 . _ -"),
            Field("category", "Category", WORDS, "General"),
            Field("description", "Notes", WORDS, "What it is for, in a line"),
            Field("tags", "Tags", LIST, "night, vend"),
            Field(
                "priority",
                "Priority",
                CHOICE,
                choices=(("1", "1 most urgent"), ("2", "2"), ("3", "3"), ("4", "4"), ("5", "5")),
            ),
            Field(
                "kind",
                "Kind",
                CHOICE,
                choices=(("command", "Runs a command"), ("watch", "Watches for pings")),
            ),
            Field("enabled", "Enabled: it runs when it is due", FLAG),
        ),
    ),
    Section(
        "schedule",
        "Schedule",
        "calendar-blank",
        (
            Field("schedule", "When", LINES, "30 6 * * MON-FRI"),
            Field("timezone", "Time zone", FIXED, "UTC"),
            Field("every_nth", "Run only every nth of these", NUMBER, "1"),
            Field("spread_s", "Spread starts over", LENGTH, "0"),
            Field("valid_from", "Valid from", FIXED, "2026-12-01T06:00"),
            Field("valid_until", "Valid until", FIXED, "2027-01-01"),
            Field(
                "dst_gap",
                "When the clocks skip its time",
                CHOICE,
                choices=(("after", "Right after"), ("skip", "Not at all")),
            ),
            Field(
                "dst_fold",
                "When its time comes twice",
                CHOICE,
                choices=(("first", "The first time"), ("both", "Both times")),
            ),
            Field("calendars", "Calendars", LIST, "holidays"),
            Field(
                "in_blackout",
                "While a calendar is closed",
                CHOICE,
                choices=(("skip", "Skip"), ("delay", "Wait until it opens")),
            ),
            Field("after", "After these tasks", LIST, "vend_sync_products"),
            Field(
                "after_on",
                "When they",
                CHOICE,
                choices=(("success", "Succeeded"), ("failure", "Failed"), ("any", "Ended")),
            ),
            Field("after_delay_s", "Delay after them", LENGTH, "0"),
        ),
    ),
    Section(
        "command",
        "Command",
        "terminal-window",
        (
            Field(
                "command",
                'Command: a line, or ["program", "argument"]',
                COMMAND,
                "{app_root}/sync.sh --all",
            ),
            Field(
                "shell",
                "Through a shell",
                CHOICE,
                choices=(("auto", "If it needs one"), ("always", "Always"), ("never", "Never")),
            ),
            Field("working_directory", "Folder", FIXED, "{app_root}"),
            Field("run_as", "As user", FIXED, "the agent's"),
            Field("run_as_group", "As group", FIXED, "the user's"),
            Field("umask", "File mask (umask)", FIXED, "077"),
            Field(
                "no_new_privs",
                "No new privileges",
                CHOICE,
                choices=(("", "For another user"), ("true", "Yes"), ("false", "No")),
            ),
            Field("sandbox", "Sandbox", LIST, "read_only, private_tmp, no_network"),
            Field("writable_paths", "Folders it may write to", LINES, "{app_root}/data"),
        ),
    ),
    Section(
        "environment",
        "Environment",
        "key",
        (
            Field(
                "environment",
                "Variables, NAME=value a line; a secret is secret:name",
                PAIRS,
                "API_TOKEN=secret:vend",
            ),
        ),
    ),
    Section(
        "overlap",
        "Overlap, missed",
        "stack",
        (
            Field(
                "overlap",
                "While a run still goes on",
                CHOICE,
                choices=(
                    ("forbid", "Skip"),
                    ("queue", "Queue"),
                    ("allow", "Side by side"),
                    ("replace", "Replace"),
                ),
            ),
            Field("overlap_limit", "At most in the queue, or side by side", NUMBER, "1, or 10"),
            Field(
                "missed",
                "Moments missed while the agent was away",
                CHOICE,
                choices=(("skip", "None"), ("latest", "The latest"), ("all", "All")),
            ),
            Field("start_deadline_s", "If late, still start within", LENGTH, "1h"),
            Field("catchup_limit", "At most made up at once", NUMBER, "100"),
        ),
    ),
    Section(
        "retries",
        "Retries",
        "arrows-clockwise",
        (
            Field("max_retries", "Retries", NUMBER, "0"),
            Field("retry_base_s", "Wait before the first", LENGTH, "30s"),
            Field("retry_factor", "Factor for each next wait", NUMBER, "2"),
            Field("retry_cap_s", "Longest wait", LENGTH, "1h"),
            Field("retry_jitter", "Random share of each wait", NUMBER, "0.2"),
            Field("retry_on_timeout", "Also after a timeout", FLAG),
            Field(
                "exit_statuses",
                "What exit statuses mean, a line each",
                PAIRS,
                "75=recoverable, 3=success, 4=fatal",
            ),
        ),
    ),
    Section(
        "limits",
        "Limits",
        "gauge",
        (
            Field("timeout_seconds", "Timeout", LENGTH, "1h"),
            Field("kill_grace_s", "Grace before it is killed", LENGTH, "10s"),
            Field(
                "leftovers",
                "Processes it leaves behind",
                CHOICE,
                choices=(("kill", "Kill"), ("keep", "Keep")),
            ),
            Field("memory_limit_mb", "Memory, MB", NUMBER, "none"),
            Field("cpu_limit_s", "Processor time", LENGTH, "none"),
            Field("process_limit", "Processes", NUMBER, "none"),
            Field("open_files_limit", "Open files", NUMBER, "none"),
            Field("file_size_limit_mb", "Size of a file, MB", NUMBER, "none"),
            Field("output_limit_mb", "Output kept, MB", NUMBER, "the agent's"),
            Field("nice", "Nice, -20 to 19", NUMBER, "0"),
            Field(
                "io_class",
                "Disk",
                CHOICE,
                choices=(("normal", "Normal"), ("low", "Low"), ("idle", "When idle")),
            ),
            Field("cpus", "Processors", FIXED, "all, or 0-3,6"),
        ),
    ),
    Section(
        "alerts",
        "Alerts",
        "bell",
        (
            Field("warn_after_seconds", "Warn when it takes longer than", LENGTH, "never"),
            Field("disable_after_failures", "Disable after failures in a row", NUMBER, "never"),
            Field("ping_grace_s", "Of a watch: a ping may be late by", LENGTH, "5m"),
        ),
    ),
)
FIELDS: Final = {field.name: field for section in SECTIONS for field in section.fields}
