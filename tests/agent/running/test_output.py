"""Reading what runs write, live and kept, with nothing secret and nothing lost."""

import os
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from agent.errors import Refused
from agent.running import keptlogs
from agent.running.keptlogs import rotate
from agent.running.output import MARKER_BYTES, Kept, Outputs, open_outputs
from agent.running.redaction import Redactor
from agent.running.reports import Told, make_report, report_path
from agent.running.spooled import sweep
from agent.running.stored import Plain
from agent.running.terms import Ended
from agent.runs import Run
from agent.settings import Home, Settings
from tests.agent.store.makings import a_run

SECRET = "correct-horse-battery"


@pytest.fixture
def place(home: Path) -> Home:
    place = Home(home / "place")
    place.make()
    return place


def outputs_of(place: Home, *, limit_bytes: int = 1_000_000) -> Outputs:
    return Outputs(place, Redactor([SECRET]), limit_bytes=limit_bytes)


def run_of(run_id: str = "R1", status: str = "running") -> Run:
    return a_run(1, id=run_id, task_name="sync", status=status)


def end_of(run_id: str = "R1", *, ended_ms: int = 2_000) -> Ended:
    return Ended(
        run_id=run_id,
        pid=1,
        started_ms=1_000,
        ended_ms=ended_ms,
        duration_ms=1_000,
        exit_status=3,
        signal=None,
        cause="",
        cpu_ms=1,
        peak_rss=1,
        leftovers=0,
    )


def recorded(run: Run, kept: Kept) -> Run:
    return msgspec.structs.replace(
        run,
        status="error",
        log_file=kept.file,
        log_offset=kept.offset,
        log_bytes=kept.bytes_kept,
        output_bytes=kept.bytes,
    )


def write(place: Home, data: bytes, run_id: str = "R1", *, age_s: float = 10) -> Path:
    path = place.spool / f"{run_id}.out"
    path.write_bytes(data)
    at = path.stat().st_mtime - age_s
    os.utime(path, (at, at))
    return path


def test_a_secret_is_masked_wherever_two_reads_part_it(place: Home) -> None:
    text = f"begin {SECRET} end {SECRET}\n".encode()
    write(place, text)
    outputs = outputs_of(place)

    for cut in range(1, len(text)):
        parts = outputs.read(run_of(), 0, cut).data + outputs.read(run_of(), cut, 1000).data
        assert parts == text.replace(SECRET.encode(), b"*" * len(SECRET))


def test_a_live_spool_holds_back_a_line_that_is_being_written(place: Home) -> None:
    write(place, b"whole\nhal", age_s=-60)  # it is as good as new also after a standstill

    chunk = outputs_of(place).read(run_of(), 0, 100)

    assert (chunk.data, chunk.next, chunk.size, chunk.has_ended) == (b"whole\n", 6, 9, False)


def test_a_line_that_stays_unfinished_is_shown_after_a_while(place: Home) -> None:
    write(place, b"whole\nprompt> ", age_s=2)

    assert outputs_of(place).read(run_of(), 0, 100).data == b"whole\nprompt> "


def test_no_spool_yet_is_no_output_yet(place: Home) -> None:
    chunk = outputs_of(place).read(run_of(), 0, 100)

    assert (chunk.data, chunk.size) == (b"", 0)


def test_kept_output_lies_between_a_header_and_a_footer_and_reads_back(place: Home) -> None:
    outputs = outputs_of(place)
    texts = {"R1": b"first\n" * 3, "R2": f"token {SECRET}".encode(), "R3": b""}
    runs = {}
    for run_id, text in texts.items():
        write(place, text, run_id)
        kept = outputs.keep(run_of(run_id), end_of(run_id))
        runs[run_id] = recorded(run_of(run_id), kept)
        outputs.discard(run_id)

    assert outputs.read(runs["R1"], 0, 100).data == texts["R1"]
    assert outputs.read(runs["R1"], 6, 5).data == b"first"
    assert outputs.read(runs["R2"], 0, 100).data == b"token " + b"*" * len(SECRET)
    assert outputs.read(runs["R3"], 0, 100).data == b""
    log = place.task_logs / "sync.log"
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.read_text().splitlines()[:5] == [
        "=== 1970-01-01T00:00:01.000Z run R1 attempt 1 begins ===",
        "first",
        "first",
        "first",
        "=== 1970-01-01T00:00:02.000Z run R1 ends: exit status 3 ===",
    ]
    assert list(place.spool.iterdir()) == []


@pytest.mark.parametrize("size", [199_999, 200_000, 200_144, 200_145, 1_000_000])
def test_too_much_output_loses_its_middle_and_says_how_much(place: Home, size: int) -> None:
    data = b"".join(b"%09d\n" % number for number in range(size // 10 + 1))[:size]
    write(place, data)
    outputs = outputs_of(place, limit_bytes=200_000)

    kept = outputs.keep(run_of(), end_of())
    run = recorded(run_of(), kept)

    assert kept.bytes == size
    read, skipped, offset = b"", 0, 0
    while chunk := outputs.read(run, offset, 7_777):
        if not chunk.data:
            break
        assert chunk.data == data[chunk.offset : chunk.next]
        read += chunk.data
        skipped += chunk.skipped
        offset = chunk.next
    assert len(read) + skipped == size
    assert offset == size
    log = (place.task_logs / "sync.log").read_bytes()
    if size <= 200_000 + 2 * MARKER_BYTES:
        assert skipped == 0
        assert b"left out" not in log
    else:
        assert kept.bytes_kept == 200_000 + MARKER_BYTES
        assert f"--- {skipped} bytes left out (output limit)".encode() in log


def test_keeping_twice_keeps_once(place: Home) -> None:
    write(place, b"output without an end of line")
    first = outputs_of(place).keep(run_of(), end_of())
    size = (place.task_logs / "sync.log").stat().st_size

    again = outputs_of(place).keep(run_of(), end_of())

    assert again == first
    assert (place.task_logs / "sync.log").stat().st_size == size


def test_a_log_whose_time_of_change_lags_behind_is_not_written_twice(place: Home) -> None:
    write(place, b"a line\n")
    log = place.task_logs / "sync.log"
    outputs_of(place).keep(run_of(), end_of())
    before = log.read_bytes()
    # Kernels before 6.13 stamp with their tick, up to 10 ms old.
    lagging_ns = (end_of().ended_ms - 10) * 1_000_000
    os.utime(log, ns=(lagging_ns, lagging_ns))

    outputs_of(place).keep(run_of(), end_of())

    assert log.read_bytes() == before


@pytest.mark.parametrize("left", [0, 7, 6_000])
def test_what_an_agent_that_died_had_kept_half_is_kept_anew_in_its_place(
    place: Home, left: int
) -> None:
    log = place.task_logs / "sync.log"
    write(place, b"before\n")
    outputs_of(place).keep(run_of(), end_of())
    size = log.stat().st_size
    write(place, b"a line\n" * 1_000, "R2")
    whole = outputs_of(place).keep(run_of("R2"), end_of("R2"))
    wanted = log.read_bytes()
    os.truncate(log, whole.offset + left)

    again = outputs_of(place).keep(run_of("R2"), end_of("R2"))

    assert again == whole
    assert log.read_bytes() == wanted
    assert len(wanted) > size


def test_what_was_kept_half_stays_where_another_run_was_kept_behind_it(place: Home) -> None:
    log = place.task_logs / "sync.log"
    write(place, b"a line\n" * 100, "R2")
    half = outputs_of(place).keep(run_of("R2"), end_of("R2"))
    os.truncate(log, half.offset + 70)
    write(place, b"other\n")
    other = outputs_of(place).keep(run_of(), end_of())

    again = outputs_of(place).keep(run_of("R2"), end_of("R2"))

    kept = log.read_bytes()
    assert kept[other.offset : other.offset + other.bytes_kept] == b"other\n"
    assert kept[again.offset : again.offset + again.bytes_kept] == b"a line\n" * 100


def test_an_end_that_is_told_otherwise_the_second_time_is_not_kept_twice(place: Home) -> None:
    log = place.task_logs / "sync.log"
    write(place, b"a line\n" * 100, "R2")
    first = outputs_of(place).keep(run_of("R2"), end_of("R2"))
    write(place, b"other\n")
    outputs_of(place).keep(run_of(), end_of())
    wanted = log.read_bytes()

    # Who sees what is left of a dead keeper's run may see its end later than the one before.
    again = outputs_of(place).keep(run_of("R2"), end_of("R2", ended_ms=2_400))

    assert again == first
    assert log.read_bytes() == wanted


def test_what_was_kept_before_the_run_had_written_all_is_kept_anew_in_its_place(
    place: Home,
) -> None:
    log = place.task_logs / "sync.log"
    write(place, b"a line\n" * 60, "R2")
    first = outputs_of(place).keep(run_of("R2"), end_of("R2"))
    write(place, b"a line\n" * 100, "R2")

    again = outputs_of(place).keep(run_of("R2"), end_of("R2", ended_ms=2_400))

    assert again.offset == first.offset
    assert log.read_bytes().count(b"a line\n") == 100


def test_a_small_output_is_kept_in_one_go_so_that_no_death_leaves_half_of_it(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = place.task_logs / "sync.log"
    written: list[bytes] = []
    monkeypatch.setattr(keptlogs, "write_all", lambda _handle, data: written.append(data))
    write(place, b"a line\n" * 100)

    kept = outputs_of(place).keep(run_of(), end_of())
    monkeypatch.undo()
    anew = outputs_of(place).keep(run_of(), end_of())

    assert written == [log.read_bytes()]
    assert kept.offset == anew.offset


def test_keeping_names_the_error_and_the_stack_trace(place: Home) -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no\n'
    write(place, b"x" * 100_000 + b"\n" + trace.encode())

    kept = outputs_of(place).keep(run_of(), end_of())

    assert kept.error == "ValueError: no"
    assert kept.stack_trace == trace.rstrip()
    assert kept.tail.endswith(trace)
    assert len(kept.tail) == 4096


def test_a_log_set_aside_keeps_its_bytes_and_a_new_one_begins(place: Home) -> None:
    outputs = outputs_of(place)
    write(place, b"old\n")
    kept = outputs.keep(run_of(), end_of())

    aside = rotate(place.task_logs / "sync.log")

    write(place, b"new\n", "R2")
    new = recorded(run_of("R2"), outputs.keep(run_of("R2"), end_of("R2")))
    old = msgspec.structs.replace(recorded(run_of(), kept), log_file=aside.name)
    assert outputs.read(old, 0, 100).data == b"old\n"
    assert outputs.read(new, 0, 100).data == b"new\n"


def test_a_removed_log_is_said_to_be_gone(place: Home) -> None:
    write(place, b"x\n")
    run = recorded(run_of(), outputs_of(place).keep(run_of(), end_of()))
    (place.task_logs / "sync.log").unlink()

    with pytest.raises(Refused) as refusal:
        outputs_of(place).read(run, 0, 100)

    assert refusal.value.code == "gone"


def test_the_command_line_masks_with_the_secrets_of_the_home(place: Home) -> None:
    place.secrets_file.write_text(f'KEY = "{SECRET}"\n')
    place.secrets_file.chmod(0o600)
    write(place, f"say {SECRET}\n".encode())

    assert SECRET.encode() not in open_outputs(place, Settings()).read(run_of(), 0, 100).data


def test_a_full_disk_leaves_nothing_half_kept(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    log = place.task_logs / "sync.log"
    log.write_text("before\n")
    write(place, b"y\n" * 100_000)

    def refuse(handle: int, data: bytes) -> None:
        if b"y\n" in data:
            raise OSError(28, "No space left on device")
        os.write(handle, data)

    monkeypatch.setattr(keptlogs, "write_all", refuse)
    with pytest.raises(OSError, match="No space left"):
        outputs_of(place).keep(run_of(), end_of())

    assert log.read_text() == "before\n"


def test_keeping_a_large_output_needs_little_memory(place: Home) -> None:
    path = place.spool / "R1.out"
    subprocess.run(["truncate", "-s", "200M", str(path)], check=True)
    peak = _peak_kb()

    outputs_of(place, limit_bytes=8_000_000).keep(run_of(), end_of())

    assert _peak_kb() - peak < 20_000


def _peak_kb() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def test_a_task_may_keep_less_or_more_than_others(place: Home) -> None:
    write(place, b"x" * 3_000_000)
    write(place, b"x" * 3_000_000, "R2")

    less = outputs_of(place, limit_bytes=2_000_000).keep(run_of(), end_of(), limit_mb=1)
    more = outputs_of(place, limit_bytes=10).keep(run_of("R2"), end_of("R2"), limit_mb=3)

    assert less.bytes_kept == 1_000_000 + MARKER_BYTES
    assert more.bytes_kept == 3_000_000


def test_what_a_run_told_is_known_at_its_end_from_output_and_report(place: Home) -> None:
    filling = b"y\n" * 50_000
    write(place, b"::progress 10 one::\n::metric rows=1::\n" + filling + b"::metric n=2::\n")
    (place.spool / "R1.report").write_text('{"progress": 90, "metrics": {"rows": 5}}\n')

    kept = outputs_of(place).keep(run_of(), end_of())

    assert kept.told == Told(progress=90, metrics={"rows": 5, "n": 2})


def test_what_was_told_where_the_middle_is_left_out_counts_if_somebody_listened(
    place: Home,
) -> None:
    outputs = outputs_of(place, limit_bytes=1000)
    middle = b"begin\n" * 500 + b"::metric rows=7::\n" + b"end\n" * 500
    write(place, middle, "R1")
    assert outputs.look("R1").metrics == {"rows": 7}

    write(place, middle + b"::progress 80::\n", "R1")

    assert outputs.keep(run_of(), end_of()).told == Told(progress=80, metrics={"rows": 7})


def test_looking_at_a_live_run_reads_what_is_new_and_of_much_the_end(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    original = Plain.read

    def counted(self: Plain, begin: int, end: int) -> bytes:
        data = original(self, begin, end)
        read.append(len(data))
        return data

    monkeypatch.setattr(Plain, "read", counted)
    outputs = outputs_of(place)
    write(place, b"::progress 1::\n" + b"z" * 50 + b"\n")
    assert outputs.look("R1").progress == 1
    read.clear()
    assert outputs.look("R1").progress == 1
    assert read == [], "nothing new, nothing read"

    with (place.spool / "R1.out").open("ab") as spool:
        spool.truncate(50_000_000)
        spool.seek(0, os.SEEK_END)
        spool.write(b"\n::progress 2 say " + SECRET.encode() + b"::\n")

    told = outputs.look("R1")
    assert (told.progress, told.note) == (2, f"say {'*' * len(SECRET)}")
    assert sum(read) < 400_000


def test_a_report_is_for_the_eyes_of_the_runs_user_and_goes_with_the_spool(place: Home) -> None:
    path = Path(report_path(place, "R1", user=None))
    make_report(str(path), None)
    write(place, b"x\n")

    assert path.stat().st_mode & 0o777 == 0o600
    outputs_of(place).discard("R1")
    assert list(place.spool.iterdir()) == []


def test_a_link_or_a_pipe_in_the_place_of_a_report_says_nothing(place: Home) -> None:
    path = Path(report_path(place, "R1", user=None))
    (place.root / "elsewhere").write_text('{"progress": 1}\n')
    path.symlink_to(place.root / "elsewhere")
    assert outputs_of(place).look("R1") == Told()
    path.unlink()
    os.mkfifo(path)

    assert outputs_of(place).look("R1") == Told()
    write(place, b"x\n")
    assert outputs_of(place).keep(run_of(), end_of()).told == Told()


def test_an_output_far_over_its_limit_takes_little_room_while_it_grows(place: Home) -> None:
    limit_mb, size = 2, 150_000_000
    outputs = outputs_of(place)
    path = place.spool / "R1.out"
    line = b"%09d\n"
    with path.open("wb") as spool:
        for begin in range(0, size // 10, 1_000_000):
            numbers = range(begin, min(begin + 1_000_000, size // 10))
            spool.write(b"".join(line % number for number in numbers))
            spool.flush()
            outputs.trim("R1", limit_mb=limit_mb)

    assert path.stat().st_size == size
    assert path.stat().st_blocks * 512 < 80_000_000
    first = outputs.read(run_of(), 0, 100)
    assert first.data.startswith(b"000000000\n000000001\n")
    inside = outputs.read(run_of(), 50_000_000, 20)
    assert inside.offset == 50_000_000 + inside.skipped
    assert inside.skipped > 0
    assert inside.data.strip(b"\0") == inside.data, "what was given back is not shown as NULs"

    kept = outputs.keep(run_of(), end_of(), limit_mb=limit_mb)
    run = recorded(run_of(), kept)
    offset, seen = 0, 0
    while (chunk := outputs.read(run, offset, 1_000_000)).data:
        assert b"\0" not in chunk.data
        number = (chunk.offset + 9) // 10
        at = number * 10 - chunk.offset
        assert chunk.data[at : at + 10] == line % number
        seen += len(chunk.data)
        offset = chunk.next
    assert seen == limit_mb * 1_000_000


def test_an_output_within_its_limit_is_not_touched(place: Home) -> None:
    path = write(place, b"x" * 1_000_000)

    outputs_of(place).trim("R1", limit_mb=None)

    assert path.read_bytes() == b"x" * 1_000_000


def test_what_nobody_knows_any_more_leaves_the_spool_in_time(place: Home, tmp_path: Path) -> None:
    for number in range(5_000):
        (place.spool / f"OLD{number}.out").touch()
    write(place, b"lives", "R1")
    (place.spool / "R2.report").touch()
    (place.spool / "notes.txt").touch()
    (tmp_path / "elsewhere").write_text("not ours")
    (place.spool / "R3.out").symlink_to(tmp_path / "elsewhere")
    soon_s = time.time() + 60

    assert sweep(place.spool, {"R1"}, before_s=soon_s - 3600) == 0
    assert sweep(place.spool, {"R1"}, before_s=soon_s) == 5_002

    assert sorted(path.name for path in place.spool.iterdir()) == ["R1.out", "notes.txt"]
    assert (tmp_path / "elsewhere").read_text() == "not ours"


def test_a_spool_that_gives_nothing_back_ends_nobody(place: Home, tmp_path: Path) -> None:
    place.spool.rmdir()
    place.spool.touch()  # as little can be removed from it as from a disk that became read-only

    outputs_of(place).discard("R1")
    assert sweep(place.spool, set(), before_s=0) == 0


def test_an_output_on_a_full_disk_is_said_to_be_cut(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = os.statvfs("/proc")  # of which nothing is free
    monkeypatch.setattr(os, "statvfs", lambda _: full)

    assert outputs_of(place).keep(run_of(), end_of()).is_cut


def test_a_disk_that_has_little_room_is_asked_each_time(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The smallest one that there is room on, and then one on which nothing is free.
    looks = iter([little_room(), os.statvfs("/proc")])
    monkeypatch.setattr(os, "statvfs", lambda _: next(looks))
    outputs = outputs_of(place)

    assert not outputs.keep(run_of("R1"), end_of("R1")).is_cut
    assert outputs.keep(run_of("R2"), end_of("R2")).is_cut


def little_room() -> os.statvfs_result:
    return os.statvfs_result((4096, 4096, 2048, 100, 100, 100, 100, 100, 0, 255))
