"""Where everything of one agent lies, and what its owner has chosen."""

import os
import re
import socket
import stat
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agent.errors import HomeError, WrongUse
from agent.misread import in_words
from agent.postbox import Channel, DeadMan, Escalation, Mail, check_dead_man, check_delivery
from agent.tolerances import Health, check_health
from shared.lengths import in_units

HOME_VARIABLE = "SMARTCRON_HOME"
_LOOPBACK = re.compile(r"(?:127(?:\.[0-9]{1,3}){3}|\[::1\]):([0-9]{1,5})", re.ASCII)
_OWN_NAMES = ("smartcron", "replaced")
_BACKUP_NAME = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
_PASSWORD = re.compile(r"://[^/@]*:[^/]*@")
MOST_DAYS = 36_500
MOST_PATTERNS = 32
LONGEST_PATTERN = 200


class Home(msgspec.Struct, frozen=True, dict=True):
    """The home folder of one agent; everything it owns lives beneath it."""

    root: Path

    @property
    def settings_file(self) -> Path:
        return self.root / "settings.toml"

    @property
    def secrets_file(self) -> Path:
        return self.root / "secrets.toml"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def database_file(self) -> Path:
        return self.root / "data" / "smartcron.sqlite3"

    @property
    def journal_file(self) -> Path:
        """What happened while the database was away, until it has been told."""
        return self.root / "data" / "journal.sqlite3"

    @property
    def reserve_file(self) -> Path:
        """Room that is given up first when the disk is full."""
        return self.root / "data" / "reserve"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def task_logs(self) -> Path:
        return self.root / "logs" / "tasks"

    @property
    def templates(self) -> Path:
        """The owner's own words for messages; need not be there."""
        return self.root / "templates"

    @cached_property
    def spool(self) -> Path:
        """Outputs of living runs; asked for some times a run."""
        return self.root / "spool"

    @property
    def pings(self) -> Path:
        """Pings that came while no agent listened."""
        return self.root / "pings"

    @property
    def runtime(self) -> Path:
        """Lock, keeper sockets and keeper journals."""
        return self.root / "run"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    def folders(self) -> tuple[Path, ...]:
        """All folders of a home, parents first."""
        return (
            self.root,
            self.keys,
            self.database_file.parent,
            self.logs,
            self.task_logs,
            self.spool,
            self.pings,
            self.runtime,
            self.backups,
        )

    def make(self) -> None:
        """Create what is missing, for the owner's eyes only; raises HomeError."""
        for folder in self.folders():
            try:
                folder.mkdir(mode=0o700, parents=folder == self.root, exist_ok=True)
            except OSError as error:
                if folder == self.pings:
                    continue  # no run needs it; whoever takes up pings tells of it
                raise HomeError(
                    f"home {str(self.root)!r} cannot be used: {folder} {_cause(error)}; "
                    "choose another with --home or SMARTCRON_HOME"
                ) from error
        self.check()

    def check(self) -> None:
        """Refuse a home that others may write to, or that is not there; raises HomeError."""
        try:
            status = self.root.stat()
        except OSError as error:
            raise HomeError(
                f"home {str(self.root)!r} cannot be used: {_cause(error)}; "
                f"make it with `smartcron-agent --home {self.root} init`"
            ) from error
        if not stat.S_ISDIR(status.st_mode):
            raise HomeError(f"home {str(self.root)!r} is not a folder; choose another with --home")
        if status.st_uid != os.geteuid():
            raise HomeError(
                f"home {str(self.root)!r} belongs to user {status.st_uid}, not to you "
                f"({os.geteuid()}); run as its owner or choose another with --home"
            )
        if status.st_mode & 0o022:
            raise HomeError(
                f"home {str(self.root)!r} can be written by others (mode "
                f"{stat.S_IMODE(status.st_mode):o}); mend it with `chmod 700 {self.root}`"
            )
        if not self.keys.is_dir():
            raise HomeError(
                f"home {str(self.root)!r} is no home yet: it has no keys; "
                f"make it with `smartcron-agent --home {self.root} init`"
            )
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise HomeError(
                f"home {str(self.root)!r} cannot be written; mend it with `chmod 700 {self.root}`"
            )


class BackupDatabase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further database that `db backup` copies; its password is named, never written here."""

    name: str
    url: str
    password_secret: str = ""


class TaskRetention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the runs of one task stay, where that differs from the others."""

    success_days: int | None = None
    failure_days: int | None = None
    keep_runs: int | None = None


class RunAges(msgspec.Struct, frozen=True):
    """How long the runs of a task stay, and how many of them in any case."""

    success_days: int
    failure_days: int
    keep_runs: int


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days each kind of row is kept, and how many runs of a task in any case."""

    success_days: int = 90
    failure_days: int = 365
    keep_runs: int = 20
    rollup_days: int = 730
    sample_days: int = 30
    check_days: int = 30
    alert_days: int = 365
    event_days: int = 730
    audit_days: int = 730
    op_days: int = 7
    invite_days: int = 30
    tasks: dict[str, TaskRetention] = {}

    @property
    def shortest_run_days(self) -> int:
        """For so many days every run of every task is kept, except where somebody removed it."""
        own = [
            days
            for task in self.tasks.values()
            for days in (task.success_days, task.failure_days)
            if days is not None
        ]
        return min(self.success_days, self.failure_days, *own)

    def of_task(self, name: str) -> RunAges:
        """What holds for the runs of this task."""
        own = self.tasks.get(name)
        return RunAges(
            *(
                chosen if own and (chosen := getattr(own, field)) is not None else default
                for field, default in (
                    ("success_days", self.success_days),
                    ("failure_days", self.failure_days),
                    ("keep_runs", self.keep_runs),
                )
            )
        )


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`settings.toml`: what the owner of the agent may choose."""

    name: str = ""
    environment: Literal["production", "staging", "test", "demo"] = "production"
    app_root: str = ""
    allowed_roots: tuple[str, ...] = ()
    cgroup: str = ""
    timezone: str = "UTC"
    database_url: str = ""
    listen: str = "127.0.0.1"
    control_port: int = 7460
    events_port: int = 7461
    max_running: int = 8
    catchup_parallel: int = 2
    category_limits: dict[str, int] = {}
    output_limit_mb: int = 64
    log_rotate_mb: int = 10
    log_keep_days: int = 90
    log_keep_mb: int = 2_000
    metric_raw_days: int = 2
    metric_minute_days: int = 30
    metric_hour_days: int = 730
    redact: tuple[str, ...] = ()
    logs_for_viewers: bool = True
    remote_edit: bool = False
    http_pings: str = ""
    backup_daily: int = 7
    backup_weekly: int = 4
    backup_scratch_url: str = ""
    backup_databases: tuple[BackupDatabase, ...] = ()
    retention: Retention = Retention()
    mail: Mail = Mail()
    health: Health = Health()
    channels: tuple[Channel, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    repeat_minutes: dict[str, int] = {}
    dead_man: DeadMan = DeadMan()

    @property
    def agent_name(self) -> str:
        """The chosen name, else the host's."""
        return self.name or socket.gethostname()

    @property
    def http_address(self) -> tuple[str, int] | None:
        """Host and port for pings over plain HTTP; None when they are switched off."""
        host, _, port = self.http_pings.rpartition(":")
        return (host.strip("[]"), int(port)) if host else None


def default_home() -> Path:
    """The folder used when neither --home nor SMARTCRON_HOME says otherwise."""
    chosen = os.environ.get(HOME_VARIABLE)
    if chosen:
        return Path(chosen)
    import platformdirs  # only here: an agent is mostly told where its home is

    return Path(platformdirs.user_state_dir("smartcron", appauthor=False))


def load_settings(home: Home) -> Settings:
    """Read settings.toml; a missing file means all defaults; raises WrongUse naming the field."""
    path = home.settings_file
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise HomeError(f"{path} cannot be read: {error}") from error
    try:
        found = in_units(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise WrongUse(f"{path} is not TOML: {error}") from error
    try:
        settings = msgspec.convert(found, Settings)
    except msgspec.ValidationError as error:
        raise WrongUse(f"{path}: {in_words(error, found, Settings)}") from error
    _check_ranges(path, settings)
    _check_zone(path, settings.timezone)
    return settings


def _check_zone(path: Path, name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongUse(
            f"{path}: timezone = {name!r}: there is no such time zone; write one such as "
            "'Pacific/Auckland'"
        ) from None


def _check_ranges(path: Path, settings: Settings) -> None:
    limits = {
        "control_port": (1, 65535),
        "events_port": (1, 65535),
        "max_running": (1, 10_000),
        "catchup_parallel": (1, 1_000),
        "output_limit_mb": (1, 100_000),
        "log_rotate_mb": (1, 100_000),
        "log_keep_days": (1, 36_500),
        "log_keep_mb": (1, 100_000_000),
        "backup_daily": (1, 1_000),
        "backup_weekly": (0, 1_000),
        "metric_raw_days": (1, 365),
        "metric_minute_days": (1, 3_650),
        "metric_hour_days": (1, 36_500),
    }
    for field, (lowest, highest) in limits.items():
        value = getattr(settings, field)
        if not lowest <= value <= highest:
            raise WrongUse(f"{path}: {field} = {value}: must be from {lowest} to {highest}")
    for category, most in settings.category_limits.items():
        if not 1 <= most <= 10_000:
            raise WrongUse(f"{path}: category_limits.{category} = {most}: must be from 1 to 10000")
    for root in settings.allowed_roots:
        if not root.startswith("/") or ".." in root.split("/") or "\0" in root:
            raise WrongUse(
                f"{path}: allowed_roots = {root!r}: write folders from / on, without `..`"
            )
    cgroup = settings.cgroup
    if cgroup and (not cgroup.startswith("/") or ".." in cgroup.split("/")):
        raise WrongUse(
            f"{path}: cgroup = {cgroup!r}: write the folder of a delegated cgroup from / on, "
            "such as /sys/fs/cgroup/smartcron"
        )
    _check_patterns(path, settings.redact)
    _check_backups(path, settings.backup_databases)
    _check_retention(path, settings.retention)
    check_delivery(
        path, settings.mail, settings.channels, settings.escalation, settings.repeat_minutes
    )
    check_dead_man(path, settings.dead_man)
    check_health(path, settings.health)
    if settings.control_port == settings.events_port:
        raise WrongUse(
            f"{path}: events_port = {settings.events_port}: must differ from control_port"
        )
    _check_http_pings(path, settings)


def _check_http_pings(path: Path, settings: Settings) -> None:
    """Plain HTTP is for this host alone: what goes over it can be read and changed on its way."""
    if not settings.http_pings:
        return
    found = _LOOPBACK.fullmatch(settings.http_pings)
    if found is None or not 1 <= int(found[1]) <= 65535:
        raise WrongUse(
            f"{path}: http_pings = {settings.http_pings!r}: must be an address of this host alone, "
            'such as "127.0.0.1:7462", or "" for none'
        )
    if int(found[1]) in (settings.control_port, settings.events_port):
        raise WrongUse(
            f"{path}: http_pings = {settings.http_pings!r}: its port must differ from "
            "control_port and events_port"
        )


def _check_backups(path: Path, databases: tuple[BackupDatabase, ...]) -> None:
    names = [each.name for each in databases]
    for each in databases:
        at = f"{path}: backup_databases.{each.name}"
        if not _BACKUP_NAME.fullmatch(each.name) or each.name in _OWN_NAMES:
            raise WrongUse(
                f"{at}: a name has up to 32 of a-z, 0-9 and _, and smartcron and replaced are "
                "our own; it begins the names of the copies"
            )
        if names.count(each.name) > 1:
            raise WrongUse(f"{at}: is there twice; give each database its own name")
        if not each.url.startswith(("mysql+pymysql://", "mariadb+pymysql://", "sqlite:////")):
            raise WrongUse(
                f"{at}.url: must look like mysql+pymysql://user@host/name or sqlite:////path"
            )
        if _PASSWORD.search(each.url):
            raise WrongUse(
                f"{at}.url: holds a password; write that in secrets.toml and its name there in "
                "password_secret"
            )


def _check_retention(path: Path, retention: Retention) -> None:
    said: dict[str, Retention | TaskRetention] = {"retention": retention}
    said |= {f"retention.tasks.{name}": own for name, own in retention.tasks.items()}
    for place, ages in said.items():
        for field in ages.__struct_fields__:
            value = getattr(ages, field)
            if isinstance(value, int) and not 1 <= value <= MOST_DAYS:
                raise WrongUse(f"{path}: {place}.{field} = {value}: must be from 1 to {MOST_DAYS}")


def _check_patterns(path: Path, patterns: tuple[str, ...]) -> None:
    if len(patterns) > MOST_PATTERNS:
        raise WrongUse(f"{path}: redact has {len(patterns)} patterns, {MOST_PATTERNS} is the most")
    for text in patterns:
        if len(text) > LONGEST_PATTERN:
            raise WrongUse(
                f"{path}: redact: {text[:40]!r}... is longer than {LONGEST_PATTERN} characters"
            )
        try:
            pattern = re.compile(text.encode())
        except (re.error, RecursionError, OverflowError) as error:
            raise WrongUse(f"{path}: redact: {text!r} is no regular expression: {error}") from error
        if pattern.match(b""):
            raise WrongUse(
                f"{path}: redact: {text!r} matches nothing at all, and so would be everywhere; "
                "let it name at least one character"
            )


def _cause(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
