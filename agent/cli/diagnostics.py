"""What does somebody who is to help need to know of this agent: one file, without secrets."""

import io
import json
import os
import platform
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

import click

from agent import __version__
from agent.boot import boot_id
from agent.cli import say
from agent.cli.session import Session, json_option, pass_session
from agent.errors import AgentError, StorageError
from agent.running.patterns import own_patterns
from agent.running.redaction import Redactor
from agent.running.secrets import load_secrets
from agent.settings import Home, load_settings
from agent.wire import carrier

# Each in a process of its own: what is broken may keep one of them from answering, not the others.
QUESTIONS: Final[dict[str, tuple[str, ...]]] = {
    "status.json": ("status", "--json"),
    "health.json": ("health", "--json"),
    "ledger.json": ("ledger", "check", "--json"),
    "database.json": ("db", "status", "--json"),
    "soundness.json": ("db", "check", "--json"),
    "tasks.json": ("tasks", "list", "--json"),
    "runs.json": ("runs", "list", "--limit", "200", "--json"),
    "alerts.json": ("alerts", "list", "--all", "--json"),
    "events.json": ("events", "--json"),
    "checks.json": ("checks", "list", "--json"),
    "calendars.json": ("calendars", "list", "--json"),
}
ANSWER_S: Final = 60.0
LOG_BYTES: Final = 2_000_000
_OUTPUTS: Final = ("output_tail", "stack_trace", "frames")
_README: Final = """\
Smart Cron {version}: what is known of the agent in {home}, as of {at}.

about.json    versions, host, user, time zone
files.txt     what lies in the home: mode, owner, size, when it was changed, name
settings.toml as it is
answers/      what the command line says; answers.json tells with which exit status
logs/         the end of the agent's own log

Values of secrets.toml, passwords and tokens are masked with *. Left out: keys, secrets.toml, the
database, what runs wrote, and what tasks execute. Look through it before you give it away.
"""

Part = tuple[str, bytes]


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to make, else one in this folder with the host's name and the time.",
)
@json_option
@pass_session
def diagnostics(session: Session, *, output: Path | None, as_json: bool) -> None:
    """Pack what somebody needs who is to help: answers of the command line, settings, log.

    Secrets are masked; keys, the database and what runs wrote are left out. Works also while the
    agent or its database does not.

    \b
    Examples:
      smartcron-agent diagnostics
      smartcron-agent diagnostics --output /tmp/for-support.tar.gz --json
    """
    home = session.home
    home.check()
    mask = _mask_of(home)
    now_s = time.time()
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
    name = f"smartcron-{platform.node() or 'host'}-{at}"
    path = output or Path(f"{name}.tar.gz")
    if path.exists():
        raise _not_written(path, "it is there already")
    statuses: dict[str, int | None] = {}

    def asked(file: str, status: int | None) -> None:
        statuses[file] = status
        if not as_json:
            words = " ".join(QUESTIONS[file])
            (say.good if status == 0 else say.warn)(
                f"{words}: {'answered' if status == 0 else _ended(status)}"
            )

    parts = {part: mask(data) for part, data in _parts(home, now_s, asked)}
    parts["answers/answers.json"] = _json(statuses)
    _pack(path, name, parts, now_s)
    if as_json:
        say.json_out(
            {
                "file": str(path.resolve()),
                "bytes": path.stat().st_size,
                "parts": {part: len(data) for part, data in parts.items()},
                "answers": statuses,
            }
        )
        return
    click.echo(f"{path.resolve()} ({say.size(path.stat().st_size)})")
    click.echo(f"Look through it before you give it away: tar -xzf {path}")


def _mask_of(home: Home) -> Callable[[bytes], bytes]:
    """As outputs are masked; raises HomeError where secrets.toml cannot be read."""
    known = load_secrets(home.secrets_file)
    redactor = Redactor(known.values(), own_patterns(_patterns(home), is_known=True))
    return lambda data: redactor.mask(data, is_end=True)


def _patterns(home: Home) -> Iterable[str]:
    try:
        return load_settings(home).redact
    except AgentError:
        return ()  # settings that cannot be read are no reason to say nothing at all


def _parts(home: Home, now_s: float, asked: Callable[[str, int | None], None]) -> Iterator[Part]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    yield "README.txt", _README.format(version=__version__, home=home.root, at=at).encode()
    yield "about.json", _json(_about(at))
    yield "files.txt", "\n".join(_files(home.root)).encode()
    yield "settings.toml", _end_of(home.settings_file)
    for file, words in QUESTIONS.items():
        status, answer, errors = _ask(home, words)
        asked(file, status)
        yield f"answers/{file}", _without_outputs(answer)
        if errors:
            yield f"answers/{file.removesuffix('.json')}-errors.txt", errors
    for path in sorted(home.logs.glob("*.log*")):
        yield f"logs/{path.name}", _end_of(path)


def _about(at: str) -> dict[str, Any]:
    return {
        "version": __version__,
        "at": at,
        "python": sys.version,
        "platform": platform.platform(),
        "libzmq": carrier.version(),
        "boot": boot_id(),
        "uid": os.geteuid(),
        "time_zone": time.tzname,
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "libraries": {
            found.metadata["Name"]: found.version
            for found in sorted(distributions(), key=lambda found: found.metadata["Name"])
        },
    }


def _files(root: Path) -> Iterator[str]:
    """A line for each file of the home; what tasks wrote is told by its folder alone."""
    for path in (root, *sorted(root.glob("*")), *sorted(root.glob("*/*"))):
        try:
            found = path.lstat()
        except OSError as error:
            yield f"{path.relative_to(root)}: {error.strerror}"
            continue
        changed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.st_mtime))
        mode = stat.filemode(found.st_mode)
        yield f"{mode} {found.st_uid:>6} {found.st_size:>12} {changed} {path.relative_to(root)}"


def _ask(home: Home, words: Sequence[str]) -> tuple[int | None, bytes, bytes]:
    command = (sys.executable, "-m", "agent", "--home", str(home.root), *words)
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, timeout=ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        return None, late.stdout or b"", late.stderr or b""
    return done.returncode, done.stdout, done.stderr


def _ended(status: int | None) -> str:
    return f"not within {ANSWER_S:g} s" if status is None else f"ended with {status}"


def _without_outputs(answer: bytes) -> bytes:
    """The same without what runs wrote, which is nobody's business but the owner's."""
    try:
        return _json(_bare(json.loads(answer)))
    except ValueError:
        return answer


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items() if key not in _OUTPUTS}
    return value


def _end_of(path: Path) -> bytes:
    """Whole lines from the end of a file; words in its place where it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG_BYTES))
            data = file.read(LOG_BYTES)
    except OSError as error:
        return f"cannot be read: {error.strerror}\n".encode()
    return data.partition(b"\n")[2] if size > LOG_BYTES else data


def _pack(path: Path, name: str, parts: dict[str, bytes], now_s: float) -> None:
    """Only the owner may read it; nothing is overwritten, and nothing half is left."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for part, data in parts.items():
            entry = tarfile.TarInfo(f"{name}/{part}")
            entry.size, entry.mtime, entry.mode = len(data), int(now_s), 0o600
            archive.addfile(entry, io.BytesIO(data))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _not_written(path, (error.strerror or str(error)).lower()) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(packed.getvalue())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _not_written(path, (error.strerror or str(error)).lower()) from error


def _not_written(path: Path, cause: str) -> StorageError:
    return StorageError(f"--output {path} cannot be written: {cause}; name another file")


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


COMMANDS: Final = (diagnostics,)
