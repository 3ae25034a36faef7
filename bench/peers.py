"""The others, each doing the same on the same machine: APScheduler 3, Debian's cron, Celery.

Each is started for one burst and stopped again; `scripts/bench-peers` brings them.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import notes
from bench.costs import cost, family, resident_mb
from bench.notes import Burst

ROOT: Final = Path(__file__).parents[1]
PYTHON: Final = ROOT / ".venv-bench/bin/python"
HOST: Final = ROOT / ".venv-bench/host"
LEAD_S: Final = 2
MINUTE_LEAD_S: Final = 12
"""Cron and Celery know whole minutes: one that is nearer may come before they are ready."""
REST_S: Final = 1.0

_MEMORY_ONLY: Final = ("--port", "0", "--save", "", "--appendonly", "no")
# Cron of its own: everything that it reads on the host, and writes, is another file for it alone.
_PRIVATE_CRON: Final = """
mount -t tmpfs none /var/spool/cron && mkdir -m 1730 /var/spool/cron/crontabs
mount -t tmpfs none /run
mkdir -p /etc/cron.d && mount -t tmpfs none /etc/cron.d
if [ -e /etc/crontab ]; then mount --bind /dev/null /etc/crontab; fi
install -m 600 "$1" /var/spool/cron/crontabs/root
exec "$0" -f -L 0
"""


def has_apscheduler() -> bool:
    """Was it brought."""
    return PYTHON.exists()


def has_cron() -> bool:
    """Was it brought, and may we give it a spool of its own, which takes root."""
    return _cron().exists() and os.geteuid() == 0 and shutil.which("unshare") is not None


def has_celery() -> bool:
    """Were it and its broker brought."""
    return PYTHON.exists() and _redis().exists()


def apscheduler(count: int, *, is_shell: bool) -> Burst:
    """A burst by APScheduler 3, jobs in memory, ten threads, nothing recorded."""
    with _folder() as folder, _apscheduling(folder, count, is_shell=is_shell) as (pid, due_s):
        return _measure(folder, count, due_s, lambda: (pid,))


def apscheduler_rounds(count: int, *, period_s: int, periods: int) -> list[float]:
    """The lateness of each start when so many are due at the same second again and again."""
    with _folder() as folder, _apscheduling(folder, count, period_s=period_s):
        file = folder / "notes"
        notes.until_written(file, count * (periods + 1))
        found = sorted(notes.read(file))[count:]
    return [notes.lateness_ms(note, period_s) for note in found]


def cron(count: int, *, is_shell: bool = True) -> Burst:
    """A burst by Debian's cron, which knows nothing but a shell."""
    if not is_shell:
        raise ValueError("cron starts everything through a shell")
    with _folder() as folder:
        due = next_minute()
        line = notes.through_shell(folder / "notes").replace("%", r"\%")
        table = folder / "crontab"
        when = f"{due:%-M %-H %-d %-m} *"
        table.write_text('MAILTO=""\n' + f"{when} {line}\n" * count)
        with _process(
            ["unshare", "--mount", "/bin/sh", "-ec", _PRIVATE_CRON, str(_cron()), str(table)]
        ) as process:
            return _measure(folder, count, int(due.timestamp()), lambda: (process.pid,))


def celery(count: int, *, is_shell: bool) -> Burst:
    """A burst by Celery: beat, workers as many as processors, Redis on a socket of its own."""
    with _folder() as folder:
        due = next_minute()
        with _celery(folder, count, due, is_shell=is_shell) as pids:
            return _measure(folder, count, int(due.timestamp()), pids)


@contextmanager
def idle(count: int) -> Iterator[dict[str, tuple[int, ...]]]:
    """Those whose memory is worth a look, each with so many tasks that are not due; their pids."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        found: dict[str, tuple[int, ...]] = {}
        if has_apscheduler():
            alone = stack.enter_context(_apscheduling(folder, count, lead_s=3600))
            found["APScheduler 3"] = (alone[0],)
        if has_celery():
            then = datetime.fromtimestamp(time.time() + 7200, UTC)
            pids = stack.enter_context(_celery(folder, count, then, is_shell=False))
            notes.until(lambda: resident_mb(pids()) > 0, "Celery")
            found["Celery with Redis"] = ()
            time.sleep(MINUTE_LEAD_S / 2)
            found["Celery with Redis"] = pids()
        yield found


def next_minute() -> datetime:
    """The next full minute for which everything can be ready in time."""
    now_s = time.time() + MINUTE_LEAD_S
    return datetime.fromtimestamp((int(now_s) // 60 + 1) * 60, UTC)


def _measure(folder: Path, count: int, due_s: int, pids: Callable[[], Sequence[int]]) -> Burst:
    """What comes of a moment: the notes, and what these processes cost for it."""
    time.sleep(max(0.0, due_s - 0.5 - time.time()))
    kept = tuple(pids())
    before = cost(kept)
    file = folder / "notes"
    notes.until_written(file, count)
    time.sleep(REST_S)
    spent = cost(kept) - before
    return notes.burst(count, notes.read(file), due_ns=due_s * 1_000_000_000, cost=spent)


@contextmanager
def _apscheduling(
    folder: Path,
    count: int,
    *,
    is_shell: bool = False,
    period_s: int = 0,
    lead_s: int = LEAD_S,
) -> Iterator[tuple[int, int]]:
    """Its process, and when everything is due."""
    numbers = [str(int(value)) for value in (count, period_s, lead_s, is_shell)]
    program = str(Path(__file__).with_name("inside_apscheduler.py"))
    with _process(
        [str(PYTHON), program, *numbers, str(folder / "notes"), *notes.TASK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        if process.stdout is None:
            raise AssertionError("its output is a pipe")
        yield process.pid, int(process.stdout.readline())


@contextmanager
def _celery(
    folder: Path, count: int, due: datetime, *, is_shell: bool
) -> Iterator[Callable[[], tuple[int, ...]]]:
    """Broker, worker and beat; who they all are by then."""
    door = folder / "redis"
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent),
        "C_FORCE_ROOT": "1",  # the broker takes nobody but us
        "BENCH_BROKER": f"redis+socket://{door}",
        "BENCH_COUNT": str(count),
        "BENCH_AT": f"{due:%-H:%-M}",
        "BENCH_FILE": str(folder / "notes"),
        "BENCH_TASK": " ".join(notes.TASK),
        "BENCH_IS_SHELL": str(int(is_shell)),
    }
    command = [str(PYTHON), "-m", "celery", "-A", "inside_celery"]
    libraries = ":".join(str(path) for path in sorted((HOST / "usr/lib").glob("*-linux-gnu")))
    with (
        _process(
            [str(_redis()), *_MEMORY_ONLY, "--unixsocket", str(door), "--dir", str(folder)],
            environment={**os.environ, "LD_LIBRARY_PATH": libraries},
        ) as broker,
        _process([*command, "worker", "--loglevel", "ERROR"], environment=environment) as worker,
        _process(
            [*command, "beat", "--loglevel", "ERROR", "--scheduler", "celery.beat:Scheduler"],
            environment=environment,
        ) as beat,
    ):
        yield lambda: (broker.pid, *family(worker.pid), beat.pid)


@contextmanager
def _process(
    words: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone afterwards, in a group of its own with all that it starts."""
    with subprocess.Popen(
        words,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="smart-cron-bench-") as folder:
        yield Path(folder)


def _cron() -> Path:
    return HOST / "usr/sbin/cron"


def _redis() -> Path:
    return HOST / "usr/bin/redis-server"
