"""Which crontabs, timers and logs of other schedulers lie on this host."""

import getpass
import gzip
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from agent.cron.zones import load_zone
from agent.errors import BadDefinition, WrongUse
from agent.foreign.crontab import is_anacrontab
from agent.foreign.from_systemd import TimerFile

SYSTEM_CRONTAB: Final = Path("/etc/crontab")
CRON_FOLDER: Final = Path("/etc/cron.d")
_SYSTEM_UNITS: Final = Path("/etc/systemd/system")
_PACKAGED_UNITS: Final = (Path("/lib/systemd/system"), Path("/usr/lib/systemd/system"))
_LOCALTIME: Final = Path("/etc/localtime")
_TIMEZONE: Final = Path("/etc/timezone")
_CRONTAB_S: Final = 30.0
_GZIP: Final = b"\x1f\x8b"
# Cron reads no other files of its folder: what editors and package managers leave has a dot.
_READ_BY_CRON: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def host_zone() -> str:
    """The zone of the host's clock; raises WrongUse when it has no name."""
    target = str(_LOCALTIME.resolve())
    names = [target.partition("/zoneinfo/")[2]]
    if _TIMEZONE.is_file():
        names.append(_TIMEZONE.read_text(encoding="utf-8", errors="replace").strip())
    for name in filter(None, names):
        try:
            load_zone(name)
        except BadDefinition:
            continue
        return name
    raise WrongUse("the time zone of this host has no name here; give it with --tz Europe/Berlin")


def home_of(user: str) -> str | None:
    """The home folder of a user of this host; None when there is no such user."""
    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        return None


def owner_of(folder: Path) -> str:
    """The user a home belongs to; the current one while there is no such folder."""
    try:
        return pwd.getpwuid(folder.stat().st_uid).pw_name
    except (OSError, KeyError):
        return getpass.getuser()


def installed_crontab(user: str) -> str:
    """What `crontab -l` says of this user; raises WrongUse when there is none."""
    program = shutil.which("crontab")
    if program is None:
        raise WrongUse("there is no crontab program on this host; name a file, or - for stdin")
    whose = [] if user == getpass.getuser() else ["-u", user]
    done = subprocess.run(  # noqa: S603 - the user's name is one argument, read by no shell
        [program, "-l", *whose], capture_output=True, timeout=_CRONTAB_S, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"it ended with {done.returncode}"
        raise WrongUse(f"crontab -l of {user} says: {reason}; name a file, or - for stdin")
    return done.stdout.decode(errors="surrogateescape")


def read_crontab_file(path: Path) -> str:
    """The text of a crontab, stdin for -; raises WrongUse when it cannot be read or is another."""
    text = sys.stdin.buffer.read() if str(path) == "-" else _bytes(path)
    said = text.decode(errors="surrogateescape")
    if path.name == "anacrontab" or is_anacrontab(said):
        raise WrongUse(
            f"{path} is an anacrontab: its jobs have a period in days and no moments, so they "
            "cannot be imported; write them as tasks with @daily, @weekly or @monthly"
        )
    return said


def cron_folder_files(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """The system crontabs of these files and folders; then those that cron itself leaves out."""
    read: list[Path] = []
    left_out: list[Path] = []
    for path in paths:
        if not path.is_dir():
            read.append(path)
            continue
        for file in sorted(path.iterdir()):
            if file.is_file() and file.name != ".placeholder":
                (read if _READ_BY_CRON.fullmatch(file.name) else left_out).append(file)
    return read, left_out


def default_cron_paths() -> list[Path]:
    """/etc/crontab and /etc/cron.d, as far as they are there."""
    return [path for path in (SYSTEM_CRONTAB, CRON_FOLDER) if path.exists()]


def default_timer_paths() -> list[Path]:
    """The folders in which people, not packages, keep timers; as far as they are there."""
    own = Path.home() / ".config" / "systemd" / "user"
    return [path for path in (_SYSTEM_UNITS, own) if path.is_dir()]


def timer_files(
    paths: Iterable[Path],
) -> tuple[list[TimerFile], dict[tuple[str, bool], tuple[str, ...]]]:
    """The timers of these files and folders, and the services that lie beside them."""
    timers: list[TimerFile] = []
    services: dict[tuple[str, bool], tuple[str, ...]] = {}
    for path in paths:
        found = sorted(path.glob("*.timer")) if path.is_dir() else [path]
        for file in found:
            if file.suffix != ".timer":
                # A service may be named beside its timer.
                continue
            is_system = "user" not in file.absolute().parent.parts
            user = "root" if is_system else getpass.getuser()
            timers.append(
                TimerFile(
                    name=file.name, texts=_with_drop_ins(file), user=user, is_system=is_system
                )
            )
            beside = [file.parent, *(_PACKAGED_UNITS if is_system else ())]
            for folder in reversed(beside):
                for service in folder.glob("*.service"):
                    if service.is_file():
                        services[service.name, is_system] = _with_drop_ins(service)
    return timers, services


def log_lines(path: Path) -> Iterator[str]:
    """The lines of a log, also of a compressed one; stdin for -; raises WrongUse."""
    if str(path) == "-":
        yield from (line.decode(errors="replace") for line in sys.stdin.buffer)
        return
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == _GZIP
        with gzip.open(path) if is_packed else path.open("rb") as lines:
            for line in lines:
                yield line.decode(errors="replace")
    except (OSError, EOFError) as error:
        raise WrongUse(f"--log {path}: cannot be read: {error}; name another file") from error


def _with_drop_ins(file: Path) -> tuple[str, ...]:
    drop_ins = sorted(Path(f"{file}.d").glob("*.conf"))
    return tuple(_bytes(path).decode(errors="surrogateescape") for path in (file, *drop_ins))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}; name another file") from error
