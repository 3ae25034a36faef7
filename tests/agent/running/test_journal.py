"""A journal tells after a crash what was whole, and nothing else."""

import os
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
