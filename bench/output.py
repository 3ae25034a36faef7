"""What does much output cost: kept, watched, compressed, searched: `python -m bench.output`."""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent.running.keptlogs import Upkeep, compress, rotate
from agent.running.output import Outputs
from agent.running.redaction import Redactor
from agent.running.searching import Place, Question, Searching
from agent.running.terms import Ended
from agent.runs import Run
from agent.settings import Home
from bench.measure import Figure, in_new_process, machine, table

MB = 1_000_000
OUTPUT_BYTES = 1_000 * MB
LIMIT_BYTES = 64 * MB
LOG_BYTES = 256 * MB
BEAT_S = 0.01
RUN_ID = "01" + "A" * 24
LINE = b"2026-11-24T07:05:00Z INFO imported product 48151623 of 99999 in 3.5 ms, token ring ok\n"


def main() -> None:
    """Print the table."""
    with _home() as home:
        keep_s, keep_mb, late_ms = in_new_process(_keep, home)
        live_s, live_mb, quick_ms = in_new_process(_watch, home)
        pack_s, pack_mb, tail_ms = in_new_process(_pack, home)
        text_s, regex_s, search_mb = in_new_process(_search, home)
    idle_ms = in_new_process(_idle_lateness)
    kept_mb = LIMIT_BYTES / MB
    figures = [
        Figure("1 GB of output kept, 64 MB of it redacted and written", keep_s, "s"),
        Figure("… per MB that is kept", keep_s / kept_mb * 1000, "ms"),
        Figure("… memory beside it", keep_mb, "MB", 2),
        Figure("… latest beat of the agent's loop meanwhile", late_ms, "ms"),
        Figure("… without it", idle_ms, "ms"),
        Figure("1 GB written as fast as it goes, watched each 0.1 s", live_s, "s"),
        Figure("… memory beside it", live_mb, "MB", 2),
        Figure("… one look", quick_ms, "ms"),
        Figure("256 MB of log compressed", pack_s, "s"),
        Figure("… memory beside it", pack_mb, "MB", 2),
        Figure("… its last screen read back", tail_ms, "ms", 300),
        Figure("256 MB searched for a text", text_s, "s", LOG_BYTES / (200 * MB)),
        Figure("… for a regular expression", regex_s, "s"),
        Figure("… memory of the agent beside it", search_mb, "MB", 2),
    ]
    print(f"Measured on {machine()}.\n")
    print(table(figures))


@contextmanager
def _home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        for each in home.folders():
            each.mkdir(mode=0o700, exist_ok=True)
        yield home


def _outputs(home: Home) -> Outputs:
    never = Upkeep(rotate_bytes=10**15)
    return Outputs(home, Redactor(["a secret value"]), limit_bytes=LIMIT_BYTES, upkeep=never)


def _run() -> Run:
    return Run(
        id=RUN_ID,
        task_name="noisy",
        category="General",
        def_rev=1,
        scheduled_ms=1,
        attempt=1,
        trigger="schedule",
        status="success",
        queued_ms=1,
        started_ms=1,
    )


def _end() -> Ended:
    return Ended(
        run_id=RUN_ID,
        pid=1,
        started_ms=1,
        ended_ms=2,
        duration_ms=1,
        exit_status=0,
        signal=None,
        cause="",
        cpu_ms=1,
        peak_rss=1,
        leftovers=0,
    )


def _fill(path: Path, size: int) -> None:
    block = LINE * (MB // len(LINE))
    with path.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)


async def _beats(work: asyncio.Future[object] | None, length_s: float) -> float:
    """How late the loop was at worst, in ms, until the work is done or the time is over."""
    latest = 0.0
    until_s = time.perf_counter() + length_s
    while not work.done() if work else time.perf_counter() < until_s:
        began_s = time.perf_counter()
        await asyncio.sleep(BEAT_S)
        latest = max(latest, time.perf_counter() - began_s - BEAT_S)
    return latest * 1000


def _idle_lateness() -> float:
    return asyncio.run(_beats(None, 3))


def _keep(home: Home) -> tuple[float, float, float]:
    outputs = _outputs(home)
    _fill(home.spool / f"{RUN_ID}.out", OUTPUT_BYTES)

    async def keep() -> float:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, time.time)  # the thread is there
        return await _beats(loop.run_in_executor(None, outputs.keep, _run(), _end()), 0)

    before_mb = _forget_peak()
    began_s = time.perf_counter()
    late_ms = asyncio.run(keep())
    took_s = time.perf_counter() - began_s
    return took_s, _peak_mb() - before_mb, late_ms


def _watch(home: Home) -> tuple[float, float, float]:
    outputs = _outputs(home)
    spool = home.spool / f"{RUN_ID}.out"
    spool.unlink(missing_ok=True)
    outputs.look(RUN_ID)
    before_mb = _forget_peak()
    began_s = time.perf_counter()
    looks = []
    words = ("sh", "-c", f"yes '{LINE.decode().strip()}' | head -c {OUTPUT_BYTES}")
    with spool.open("wb") as file, subprocess.Popen(words, stdout=file) as writer:
        while writer.poll() is None:
            looked_s = time.perf_counter()
            outputs.look(RUN_ID)
            looks.append(time.perf_counter() - looked_s)
            time.sleep(0.1)
    return time.perf_counter() - began_s, _peak_mb() - before_mb, max(looks) * 1000


def _pack(home: Home) -> tuple[float, float, float]:
    outputs = _outputs(home)
    log = home.task_logs / "noisy.log"
    log.unlink(missing_ok=True)
    spool = home.spool / f"{RUN_ID}.out"
    _fill(spool, LOG_BYTES)
    kept = outputs.keep(_run(), _end(), limit_mb=LOG_BYTES // MB)
    aside = rotate(log)
    run = msgspec.structs.replace(
        _run(),
        ended_ms=2,
        log_file=aside.name,
        log_offset=kept.offset,
        log_bytes=kept.bytes_kept,
        output_bytes=kept.bytes,
    )
    before_mb = _forget_peak()
    began_s = time.perf_counter()
    compress(aside)
    packed_s = time.perf_counter() - began_s
    peak_mb = _peak_mb() - before_mb
    began_s = time.perf_counter()
    outputs.read(run, kept.bytes - 65_536, 65_536)
    return packed_s, peak_mb, (time.perf_counter() - began_s) * 1000


def _search(home: Home) -> tuple[float, float, float]:
    for path in home.task_logs.iterdir():
        path.unlink()
    _fill(home.task_logs / "noisy.log", LOG_BYTES)
    searching = Searching(_outputs(home))

    async def through(question: Question) -> float:
        began_s = time.perf_counter()
        place: Place | None = None
        while True:
            found = await searching.search(question, place)
            if (place := found.next) is None:
                return time.perf_counter() - began_s

    before_mb = _forget_peak()
    text_s = asyncio.run(through(Question(pattern="no such words", within_s=10)))
    regex_s = asyncio.run(through(Question(pattern="fail(ed|ure) +of", regex=True, within_s=10)))
    return text_s, regex_s, _peak_mb() - before_mb


def _forget_peak() -> float:
    """Begin anew with the peak of this process's memory; what it is now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak_mb()


def _peak_mb() -> float:
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
