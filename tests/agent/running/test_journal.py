"""A journal tells after a crash what was whole, and nothing else."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.running import journal
from agent.running.stories import told_by


def test_a_torn_line_is_passed_over_and_the_rest_is_told(home: Path) -> None:
    path = home / "k.journal"
    path.write_bytes(b'{"e":"order","run":"A"}\n{"e":"ord\n\0\0\n[1]\n{"e":"refused","run":"A"}')

    assert [line["e"] for line in journal.read(str(path))] == ["order", "refused"]


def test_a_line_after_a_full_disk_stands_by_itself(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = journal.Journal(str(home / "k.journal"))
    kept.write({"e": "order", "run": "A"})
    with monkeypatch.context() as patch:
        real = os.write
        patch.setattr(os, "write", lambda handle, data: real(handle, data[:9]))
        with pytest.raises(OSError, match="No space left"):
            kept.write({"e": "started", "run": "A"})
    kept.write({"e": "refused", "run": "A"})
    kept.close()

    assert [line["e"] for line in journal.read(kept.path)] == ["order", "refused"]
    assert Path(kept.path).stat().st_mode & 0o777 == 0o600


def test_room_for_what_comes_is_taken_ahead_and_the_file_gets_no_longer_by_it(home: Path) -> None:
    kept = journal.Journal(str(home / "k.journal"))

    kept.write({"e": "keeper", "pid": 1})
    kept.close()

    status = (home / "k.journal").stat()
    assert status.st_size == kept.size < 40
    assert status.st_blocks * 512 >= journal.RESERVE_BYTES


def no_room(number: int) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_what_can_wait_is_refused_where_it_would_take_the_room_of_what_cannot(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = journal.Journal(str(home / "k.journal"))
    kept.write({"e": "order", "run": "A"})
    monkeypatch.setattr(fcntl, "ioctl", no_room(errno.ENOSPC))
    line = journal.encoded({"e": "forgotten", "run": "A"})

    kept.append(line, leaving=journal.RESERVE_BYTES - 1000)
    with pytest.raises(OSError, match="No space left"):
        kept.append(line, leaving=journal.RESERVE_BYTES)
    kept.write({"e": "ended", "run": "B"})
    kept.close()

    assert [line["e"] for line in journal.read(kept.path)] == ["order", "forgotten", "ended"]


def test_where_nothing_can_be_taken_ahead_lines_are_written_all_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "ioctl", no_room(errno.EOPNOTSUPP))
    kept = journal.Journal(str(home / "k.journal"))

    kept.append(journal.encoded({"e": "order", "run": "A"}), leaving=1 << 30)
    kept.close()

    assert [line["e"] for line in journal.read(kept.path)] == ["order"]


def test_a_smaller_journal_for_which_there_is_no_room_leaves_the_old_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = journal.Journal(str(home / "k.journal"))
    for run_id in ("A", "B"):
        kept.write({"e": "order", "run": run_id})
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "ioctl", no_room(errno.ENOSPC))
        with pytest.raises(OSError, match="No space left"):
            kept.keep({"B"}, leaving=1)
    kept.write({"e": "ended", "run": "A"})
    kept.close()

    assert [line["run"] for line in journal.read(kept.path)] == ["A", "B", "A"]
    assert [path.name for path in home.iterdir()] == ["k.journal"]


def test_a_journal_that_cannot_be_made_yet_is_made_with_its_first_line(home: Path) -> None:
    kept = journal.Journal(str(home / "away" / "k.journal"))
    with pytest.raises(FileNotFoundError):
        kept.write({"e": "keeper"})
    (home / "away").mkdir()

    kept.write({"e": "keeper"})
    kept.close()

    assert [line["e"] for line in journal.read(kept.path)] == ["keeper"]


def test_compacting_keeps_the_header_and_the_runs_still_needed(home: Path) -> None:
    kept = journal.Journal(str(home / "k.journal"))
    kept.write({"e": "keeper", "pid": 1, "start": 2, "boot": "b"})
    for run_id in ("A", "B"):
        kept.write({"e": "order", "run": run_id})
        kept.write({"e": "started", "run": run_id})
    before = kept.size

    kept.keep({"B"})
    kept.write({"e": "exited", "run": "B"})
    kept.close()

    told = told_by(journal.read(kept.path))
    assert kept.size < before
    assert (told.pid, told.start, told.boot) == (1, 2, "b")
    assert list(told.stories) == ["B"]
    assert told.stories["B"].exited is not None
    assert [path.name for path in home.iterdir()] == ["k.journal"]


def test_what_was_forgotten_is_told_no_more() -> None:
    lines = [{"e": "order", "run": "A"}, {"e": "forgotten", "run": "A"}, {"e": "order", "run": "B"}]

    assert list(told_by(lines).stories) == ["B"]
