"""What is written down outside the database about the end of the audit chain?"""

import stat
import threading
from pathlib import Path

import pytest

from agent.errors import StorageError
from agent.store import anchor
from agent.store.chain import Link


def link(number: int) -> Link:
    return Link(number, f"{number:064d}")


def test_the_newest_row_is_written_down_for_the_owner_alone(tmp_path: Path) -> None:
    assert anchor.read(tmp_path) is None
    for number in (1, 3, 2):
        anchor.raise_to(tmp_path, link(number))

    found = anchor.read(tmp_path)

    assert found == anchor.Anchor(last=link(3))
    assert stat.S_IMODE((tmp_path / anchor.FILE).stat().st_mode) == 0o600


def test_programs_that_write_at_once_leave_the_highest(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=anchor.raise_to, args=(tmp_path, link(number)))
        for number in range(1, 41)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = anchor.read(tmp_path)
    assert found is not None
    assert found.last == link(40)


def test_going_back_to_a_backup_is_remembered(tmp_path: Path) -> None:
    anchor.raise_to(tmp_path, link(9))

    anchor.cut(tmp_path, link(4), at_ms=7, why="restored")
    anchor.raise_to(tmp_path, link(5))

    found = anchor.read(tmp_path)
    assert found is not None
    assert found.last == link(5)
    assert found.cuts == (anchor.Cut(at_ms=7, lost=link(9), kept=link(4), why="restored"),)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"last":[1,"\xff"]}', b"[" * 20_000, None])
def test_a_file_that_says_nothing_is_told_and_set_aside_when_it_is_begun_anew(
    tmp_path: Path, body: bytes | None
) -> None:
    damaged = tmp_path / anchor.FILE
    if body is None:
        damaged.mkdir()
    else:
        damaged.write_bytes(body)

    with pytest.raises(StorageError, match="cannot be read"):
        anchor.read(tmp_path)
    anchor.raise_to(tmp_path, link(2))

    found = anchor.read(tmp_path)
    assert found is not None
    assert found.last == link(2)
    (aside,) = anchor.set_aside(tmp_path)
    assert aside.is_dir() if body is None else aside.read_bytes() == body


def test_a_file_that_cannot_be_read_just_now_is_not_begun_anew(tmp_path: Path) -> None:
    anchor.raise_to(tmp_path, link(9))
    before = (tmp_path / anchor.FILE).read_bytes()
    with pytest.MonkeyPatch.context() as short:
        short.setattr(Path, "read_bytes", _refuse)
        with pytest.raises(OSError, match="Too many open files"):
            anchor.raise_to(tmp_path, link(2))

    assert (tmp_path / anchor.FILE).read_bytes() == before


def _refuse(_: Path) -> bytes:
    raise OSError(24, "Too many open files")
